#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# make check: checkpatch --strict, kernel-doc -none -Wall, sparse and W=1 on what is ours; the scripts parse.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

cd "$TOP" || exit 1
O=$(outdir ours)
status=0
mapfile -t code < <(find lib-resmgr include tracepoints kunit samples media dkms -name '*.[ch]' | sort)
mapfile -t kfiles < <(find lib-resmgr kunit samples \( -name Makefile -o -name Kconfig \) | sort)
mapfile -t patches < <("$TOP/tools/overlay.py" patches "$KERNEL")

# A log with a line in it is a failure: one line per tool, and the findings.
verdict() { # label log start
	local n
	n=$(grep -c . "$2")
	if [ "$n" -eq 0 ]; then
		record 1 0 0
		show "$1" "$(took $(($(now) - $3))), clean"
		return
	fi
	record 0 1 0
	status=1
	show "$1" "$(took $(($(now) - $3))), FAILED: $n findings"
	head -n 40 "$2" | sed 's/^/    /'
	echo "error: '$1' has findings; all of them are in $2" >&2
}

start=$(now) log=$LOGS/checkpatch-$KERNEL.log
{
	# --no-tree: these files are not where the kernel expects them. The layout of TRACE_EVENT() is a convention of
	# its own, which checkpatch knows in include/trace/ only. Patches come from standard input: a file that git tracks
	# is taken for a source file. Who exports the series signs it off. The commits that Fixes: names are in the git
	# history of the kernel, which is not here.
	checkpatch() { # file...: what is said at once, as several run
		local cp=(perl "$TREE/scripts/checkpatch.pl" --strict --terse --show-types --no-summary --max-line-length=100)
		local said
		case $1 in
		*.patch)
			said=$("${cp[@]}" --root="$TREE" --ignore FILE_PATH_CHANGES,MISSING_SIGN_OFF,UNKNOWN_COMMIT_ID - <"$1" 2>&1 |
				sed "s|^-:|${1#"$TOP"/}:|");;
		tracepoints/*)
			said=$("${cp[@]}" --no-tree --ignore OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT -f "$@" 2>&1);;
		*)
			said=$("${cp[@]}" --no-tree -f "$@" 2>&1);;
		esac
		[ -z "$said" ] || printf '%s\n' "$said"
	}
	export -f checkpatch
	export TREE TOP
	# A line of files for each.
	{
		printf '%s\n' "${patches[@]}" tracepoints/*.h
		printf '%s\n' "${code[@]}" "${kfiles[@]}" | grep -v '^tracepoints/' | xargs -n 20
	} | xargs -I '{}' -P "$JOBS" bash -c 'checkpatch {}'
} 2>&1 | python3 -c '
import re, sys
known = {}
for line in open("tools/checkpatch-known.txt"):
    if line.strip() and line[0] != "#":
        file, kind, why = line.split(None, 2)
        # What only one kernel has a check for: TYPE/VERSION.
        kind, _, only = kind.partition("/")
        if only and only != sys.argv[1]:
            continue
        # Patches of other kernels are looked at when it is their turn.
        if not file.startswith("drivers-base-patches/") or file in sys.argv[2:]:
            known[file, kind] = 0
for line in sys.stdin:
    m = re.match(r"([^:]+):\d+: \w+:(\w+):", line)
    if m and m.groups() in known:
        known[m.groups()] += 1
    else:
        sys.stdout.write(line)
for (file, kind), n in known.items():
    if not n:
        print(f"tools/checkpatch-known.txt: {file} {kind} is no longer reported: remove the line")
' "$KERNEL" "${patches[@]#"$TOP"/}" >"$log"
verdict "checkpatch --strict" "$log" "$start"

# Each planted bug still has to apply, without fuzz, as in mutants.sh.
start=$(now) log=$LOGS/mutants-apply-$KERNEL.log
for patch in tools/mutants/*.patch tools/mutants/*/*.patch; do
	patch -s -p1 -F0 --dry-run <"$patch" >/dev/null 2>&1 || echo "$patch does not apply"
done >"$log"
verdict "planted bugs apply" "$log" "$start"

start=$(now) log=$LOGS/kernel-doc-$KERNEL.log
mapfile -t documented < <(printf '%s\n' "${code[@]}" | grep -vE '^(samples|kunit)/')
[ ${#documented[@]} -eq 0 ] || "$TREE/scripts/kernel-doc" -none -Wall "${documented[@]}" 2>&1 |
	grep -E 'warning|error' >"$log"
[ -e "$log" ] || : >"$log"
verdict "kernel-doc -none -Wall" "$log" "$start"

start=$(now) log=$LOGS/sparse-$KERNEL.log
dirs=()
[ -e lib-resmgr/Makefile ] && dirs+=(lib/resmgr/)
grep -q '^CONFIG_SAMPLES=y' "$O/.config" 2>/dev/null && [ -e samples/Makefile ] && dirs+=(samples/cdevm/)
if [ ${#dirs[@]} -eq 0 ] || [ ! -e "$O/.config" ]; then
	record 0 0 1
	show "sparse, W=1" "skipped: no patched kernel is built"
else
	# An O= of its own view is not needed: C=2 checks also what is up to date. KBUILD_MODPOST_WARN: modpost is not
	# what is asked here.
	make -C "$TREE" ARCH=um O="$O" CC="$KCC" -j"$JOBS" C=2 CF=-D__CHECK_ENDIAN__ W=1 KBUILD_MODPOST_WARN=1 \
		"${dirs[@]}" >"$log.make" 2>&1
	rc=$?
	# Warnings in headers of the kernel are not ours.
	grep -E '(lib/resmgr|samples/cdevm|include/linux/(resmgr|cdevm)|trace/events/(resmgr|cdevm))[^:]*:[0-9]+.*(warning|error)' \
		"$log.make" >"$log"
	[ $rc -eq 0 ] || tail -n 10 "$log.make" >>"$log"
	verdict "sparse, W=1" "$log" "$start"
fi

# On a tree of small drivers of its own: what make find says of each, what make convert makes of them and refuses.
start=$(now) log=$LOGS/find-$KERNEL.log
if command -v spatch >/dev/null 2>&1; then
	python=python3
	"$python" -c 'import clang.cindex' 2>/dev/null || python=/usr/bin/python3
	"$python" tools/find/test.py >"$log" 2>&1 || echo "tools/find/test.py failed" >>"$log"
	verdict "find and convert" "$log" "$start"
else
	record 0 0 1
	show "find and convert" "skipped: no spatch; apt-get install coccinelle python3-clang"
fi

start=$(now) log=$LOGS/scripts-$KERNEL.log
{
	for f in tools/*.sh dkms/*.sh .ci/run; do bash -n "$f"; done
	for f in e2e/*.sh e2e/init; do [ ! -e "$f" ] || sh -n "$f"; done
	"$TOP/tools/overlay.py" check "$KERNEL"
	for f in tools/*.py; do python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' "$f"; done
	# If it is installed: it is no build dependency.
	if command -v shellcheck >/dev/null 2>&1; then
		shellcheck -f gcc -S warning -x -P SCRIPTDIR -s bash -e SC1091,SC2034,SC2054 tools/*.sh dkms/*.sh .ci/run
	fi
	# Not in traces as the kernel has printed them, and in what is said about them; and JSON has no comments.
	git ls-files -co --exclude-standard |
		grep -vE '^tracepoints/tools/tests/(traces|expected)/|^COPYING$|\.patch$|/cover/.*\.txt$|^dkms/debian/|\.json$' |
		while IFS= read -r f; do [ ! -f "$f" ] || printf '%s\0' "$f"; done |
		xargs -0 awk '
			FNR == 1 { file[FILENAME] }
			/SPDX-License-Identifier/ { delete file[FILENAME] }
			FNR == 3 { nextfile }
			END { for (f in file) print f ": no SPDX line" }'
} >"$log" 2>&1
verdict "scripts parse, SPDX lines" "$log" "$start"
exit $status
