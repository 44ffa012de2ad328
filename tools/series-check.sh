#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# make series-check: walks the series mail by mail. After each, the KUnit kernel (User Mode Linux) and its modules are
# built and the suites run that exist by then; and checkpatch checks each mail. Everything happens in a tree of its
# own below build/, in which each step only changes the files that the mail changes.
# A step whose source (documentation apart) and options are those of one that passed is not built again: an interrupted
# run goes on where it was, and after an edit only the steps from there on are walked. FORCE=1 forgets what passed. A
# step that changes modules alone, and not the kernel, is built; the suites have run on that kernel.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

"$TOP/tools/series.sh" || exit 1

W=$BASE/series-check-$KERNEL
T=$W/tree		# the kernel tree; git's knowledge of it is outside, where the kernel's build does not look
G=$W/mails/.git		# the series, applied: one commit per mail
O=$W/kunit
DONE=$W/passed
CONF=$W/want.config
# One CPU, and a clock that skips what everybody sleeps through: make kunit is for several CPUs, and most of the time of
# a run is sleep.
EXTRA=$TOP/tools/configs/kunit-$OPTIONS_OF.config
[ -e "$EXTRA" ] || EXTRA=/dev/null
ARGS=(--kernel_args kasan_multi_shot --kernel_args time-travel)
MAILS=$W/patches
[ -z "${FORCE:-}" ] || rm -rf "$DONE"
# A tree of the user's was copied anew, and there is no telling what changed in it.
[ -z "$LINUX" ] || rm -rf "$W"
mkdir -p "$W" "$DONE" || exit 1
# A copy: the walk takes long, and make series may be run meanwhile.
rm -rf "$MAILS"
cp -r "$OUT/series-$KERNEL" "$MAILS" || exit 1
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_COMMITTER_NAME=series-check GIT_COMMITTER_EMAIL=series-check@localhost
mapfile -t mails < <(find "$MAILS" -name '*.patch' ! -name '0000-*' | sort)	# folders are numbered, too
status=0

apply_all() { # commits the files as they were, then every mail
	local f
	rm -rf "$W/mails"
	git init -q "$W/mails" && cd "$W/mails" || return 1
	# Also what an earlier series touched: the build tree has to get it back, and as a new file.
	{ sed -n 's|^--- a/||p' "${mails[@]}"; cat "$W/base-files" 2>/dev/null; } | sort -u >"$W/base-files.new"
	while IFS= read -r f; do
		[ -f "$PRISTINE/$f" ] || continue
		mkdir -p "$(dirname "$f")" && cp "$PRISTINE/$f" "$f" || return 1
		printf '%s\n' "$f" >&3
	done <"$W/base-files.new" 3>"$W/base-files"
	git add -A -f && git commit -q --author='base <base@localhost>' -m base && git tag base &&
	git am -q "${mails[@]}"
}

# The tree is made of hard links. git removes a file before it writes it, so the pristine source stays.
go_to() { # commit
	if [ ! -e "$W/index" ]; then
		rm -rf "$T" "$T.new"
		cp -al "$PRISTINE" "$T.new" || return 1
		(cd "$T.new" && xargs -d '\n' rm -f) <"$W/base-files" || return 1
		mv "$T.new" "$T" || return 1
	fi
	# What is tracked for the first time is in the tree already, as a link.
	git --git-dir="$G" ls-tree -r --name-only base | while IFS= read -r f; do
		GIT_INDEX_FILE=$W/index git --git-dir="$G" ls-files --error-unmatch "$f" >/dev/null 2>&1 || rm -f "$T/$f"
	done
	GIT_INDEX_FILE=$W/index git --git-dir="$G" --work-tree="$T" read-tree --reset -u "$1"
}

tests() { # commit name: all files of this name that the suites have
	git --git-dir="$G" ls-tree -r --name-only "$1" lib/resmgr/tests/ | grep "/$2\$" |
		while IFS= read -r f; do git --git-dir="$G" show "$1:$f"; done
}

# The options of a step: upstream's suites and the debugging options as make kunit has them, our suites that are
# there, and modules of the drivers that the series touches, so that they are built and modpost sees their symbols.
options() { # commit
	{
		grep -vE '^CONFIG_(HID_SUPPORT|INPUT)=' "$TOP/tools/configs/kunit-upstream.config"
		grep -v '^CONFIG_SMP=' "$EXTRA"
		cat <<-END
		CONFIG_UML_TIME_TRAVEL_SUPPORT=y
		CONFIG_MODULES=y
		CONFIG_MODULE_UNLOAD=y
		CONFIG_FW_LOADER=y
		CONFIG_DEBUG_DEVRES=y
		CONFIG_INPUT=y
		CONFIG_HID_SUPPORT=y
		CONFIG_HID=m
		CONFIG_HID_SENSOR_HUB=m
		CONFIG_HID_SENSOR_CUSTOM_SENSOR=m
		END
		tests "$1" .kunitconfig
		# What is there and is no KUnit suite.
		tests "$1" Kconfig | sed -n '/KUNIT/!s/^config \(.*\)/CONFIG_\1=m/p'
		! git --git-dir="$G" cat-file -e "$1:samples/cdevm/Kconfig" 2>/dev/null ||
			printf 'CONFIG_SAMPLES=y\nCONFIG_SAMPLE_CDEVM=m\nCONFIG_SAMPLE_CDEVM_DEVM_TWIN=m\n'
	} | grep '^CONFIG_' | sort -u
}

key() { # commit: what the result of a step depends on
	{
		git --git-dir="$G" ls-tree -r "$1" | grep -vP '\t(Documentation/|MAINTAINERS$)'
		options "$1"
		head -n 6 "$PRISTINE/Makefile"
	} | cksum | tr ' ' -
}

kunit() { (cd "$T" && python3 tools/testing/kunit/kunit.py "$@"); }

build() { # commit
	go_to "$1" || return 1
	options "$1" >"$CONF.new"
	mkdir -p "$O"
	if [ ! -e "$O/.config" ] || ! cmp -s "$CONF.new" "$CONF"; then
		rm -f "$CONF"
		kunit config --build_dir "$O" --arch um --make_options "CC=$KCC" --kunitconfig "$CONF.new" || return 1
		mv "$CONF.new" "$CONF"
	fi
	make -C "$T" ARCH=um O="$O" CC="$KCC" -j"$JOBS" all
}

run_kunit() { # log: leaves the counts in $LOG.counts
	local log=$1 splats n
	(cd "$T" && timeout 1000 python3 tools/testing/kunit/kunit.py exec --build_dir "$O" --arch um --timeout 900 \
		--raw_output=all "${ARGS[@]}") >"$log" 2>&1 </dev/null
	kunit parse --json="$log.json" "$log" >"$log.parsed" 2>&1
	n=$(kunit_counts "$log.parsed")
	splats=$("$TOP/tools/splats.py" "$log" | grep -E ': (splat|line|expected|.e2e)')
	# shellcheck disable=SC2086
	set -- $n
	[ -z "$splats" ] || set -- "$1" $(($2 + $(printf '%s\n' "$splats" | wc -l))) "$3"
	kunit_ended "$log" || set -- "$1" $(($2 + 1)) "$3"
	printf '%s %s %s\n' "$1" "$2" "$3" >"$log.counts"
	[ "$2" -eq 0 ] && [ "$1" -gt 0 ] && return 0
	kunit_ended "$log" || echo "    not ok: the kernel did not come to its end"
	grep -aE '^ *not ok' "$log" | head -n 20 | sed 's/^ */    /'
	[ -z "$splats" ] || printf '%s\n' "$splats" | sed 's/^/    /'
	echo "    the whole log is in $log"
	return 1
}

log=$LOGS/series-check-$KERNEL-am.log
apply_all >"$log" 2>&1 || { tail -n 5 "$log"; die "git am failed; the whole log is in $log"; }

mapfile -t commits < <(git --git-dir="$G" rev-list --reverse base..HEAD)
n=0 before='' ran=''
for c in "${commits[@]}"; do
	n=$((n + 1))
	subject=$(git --git-dir="$G" log -1 --format=%s "$c")
	label=$(printf '%d/%d %.38s' $n ${#commits[@]} "$subject")
	log=$LOGS/series-check-$KERNEL-$n
	k=$(key "$c")
	if [ "$k" = "$before" ]; then
		show "$label" "no code, as the step before"
		continue
	fi
	before=$k
	start=$(now)
	if [ ! -e "$DONE/$k" ]; then
		# A step that does not build is a failure of that step; the next may build.
		# Its line comes below, with the result.
		if ! (stage "$label" "$log.build" build "$c") | sed -u '/ FAILED /b; /^  [^ ].* [0-9]*m\?[0-9]*s\( (.*)\)\?$/d'; then
			record 0 1 0
			status=1
			continue
		fi
		note=", $(grep -cE '^  (CC|AS|HOSTCC) ' "$log.build") files"
		image=$(cksum <"$O/linux")
		if [ "$image" = "${ran%:*}" ]; then
			cp "${ran#*:}" "$DONE/$k"
			note="$note, the same kernel"
		elif run_kunit "$log.kunit" >"$log.findings"; then
			cp "$log.kunit.counts" "$DONE/$k"
			ran=$image:$DONE/$k
		else
			read -r p f s <"$log.kunit.counts"
			[ "$f" -gt 0 ] || f=1
			record "$p" "$f" "$s"
			show "$label" "$(took $(($(now) - start))), $(counts "$p" "$f" "$s")"
			cat "$log.findings"
			status=1
			continue
		fi
	else
		note=', built before'
	fi
	read -r p f s <"$DONE/$k"
	record "$p" "$f" "$s"
	show "$label" "$(took $(($(now) - start))), $(counts "$p" "$f" "$s")$note"
done

# Errors and warnings; make check has the rest of --strict. That MAINTAINERS may need an update is said of every mail
# that adds a file: the first of a part has it. Commits that Fixes: names are not here. What is known not to be so is
# listed for make check, too: by file, and of a patch by its subject, as its number is another one in the series.
# GIT_DIR: with a repository around it, checkpatch starts a tool that needs a Python module which is not in every image.
known=$(awk '!/^#/ && NF { sub(/\/.*/, "", $2); print $1, $2 }' "$TOP/tools/checkpatch-known.txt" |
	sed 's|^lib-resmgr/|lib/resmgr/|; s|^kunit/|lib/resmgr/tests/|; s|^samples/|samples/cdevm/|' |
	sed 's|^tracepoints/|include/trace/events/|; s|^drivers-base-patches/[^/]*/[^-]*-||')
not_known() { # mail
	local line file type mail=${1##*/}
	while IFS= read -r line; do
		file=${line%%:*} type=${line#*: *:} type=${type%%:*}
		grep -qxF -e "$file $type" -e "${mail#*-} $type" <<<"$known" || printf '%s\n' "$line"
	done
}
start=$(now) log=$LOGS/series-check-$KERNEL-checkpatch.log
: >"$log"
for m in "${mails[@]}"; do
	GIT_DIR=/nonexistent perl "$PRISTINE/scripts/checkpatch.pl" --root="$PRISTINE" --strict --terse --show-types --showfile --no-summary \
		--max-line-length=100 --ignore FILE_PATH_CHANGES,UNKNOWN_COMMIT_ID "$m" 2>&1 |
		grep -vE ': CHECK:' | not_known "$m" >"$log.one"
	if [ -s "$log.one" ]; then
		record 0 1 0
		status=1
		sed "s|^|${m##*/}: |" "$log.one" >>"$log"
	else
		record 1 0 0
	fi
done
rm -f "$log.one"
if [ -s "$log" ]; then
	show "checkpatch --strict, ${#mails[@]} mails" "$(took $(($(now) - start))), FAILED: $(grep -c . "$log") findings"
	head -n 40 "$log" | sed 's/^/    /'
	echo "error: checkpatch has findings; all of them are in $log" >&2
else
	show "checkpatch --strict, ${#mails[@]} mails" "$(took $(($(now) - start))), clean"
fi
[ $status -ne 0 ] || show "series for $KERNEL" "each step builds and passes"
totals
exit $status
