#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# litmus.sh: the litmus tests in tools/litmus/, by herd7 with the memory model of the kernel's source. Each says in its
# comment what must be observed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

LOG=$LOGS/litmus-$KERNEL.log
H=$BASE/herd
LIB=$H/usr/lib/$(uname -m)-linux-gnu

# Debian has it since sid of 2026. It is read with the C library that it is built for, through an apt configuration under
# build/: the machine's sources, lists and libraries are neither needed nor changed.
fetch() {
	local a=$H.apt deb
	local apt=(-o Dir::Etc::sourcelist="$a/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o Dir::State::lists="$a/lists" -o Dir::Cache="$a/cache" -o APT::Sandbox::User="$(id -un)")
	# Another kernel's tests may want it at the same time.
	exec 9>"$H.lock" && flock 9 || return 1
	[ ! -x "$H/usr/bin/herd7" ] || return 0
	rm -rf "$a" "$H.new"
	mkdir -p "$a/lists/partial" "$a/cache/archives/partial" "$H.new" || return 1
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian sid main" \
		>"$a/sources.list"
	apt-get "${apt[@]}" update -q || return 1
	(cd "$a" && apt-get "${apt[@]}" download herdtools7 libc6 libgmp10) || return 1
	for deb in "$a"/*.deb; do dpkg -x "$deb" "$H.new" || return 1; done
	rm -rf "$a" "$H" && mv "$H.new" "$H"
}

herd() {
	if command -v herd7 >/dev/null 2>&1; then
		herd7 "$@"
	else
		"$LIB/ld-linux-x86-64.so.2" --library-path "$LIB" "$H/usr/bin/herd7" \
			-set-libdir "$H/usr/share/herdtools7/herd" "$@"
	fi
}

start=$(now)
: >"$LOG"
tests=("$TOP"/tools/litmus/*.litmus)
if ! command -v herd7 >/dev/null 2>&1 && [ ! -x "$H/usr/bin/herd7" ] && ! fetch >"$LOG" 2>&1; then
	record 0 0 ${#tests[@]}
	show "litmus tests" "skipped: there is no herd7 here, nor can it be fetched"
	exit 0
fi
cd "$PRISTINE/tools/memory-model" || die "no $PRISTINE; run: make source"
p=0 f=0
for test in "${tests[@]}"; do
	want=$(awk '$2 == "Result:" { print $3; exit }' "$test")
	saw=$(herd -conf linux-kernel.cfg "$test" 2>&1 | tee -a "$LOG" | awk '$1 == "Observation" { print $3 } $1 == "Flag" { print }')
	if [ -n "$want" ] && [ "$saw" = "$want" ]; then
		p=$((p + 1))
	else
		f=$((f + 1))
		echo "not ok: $(basename "$test"): observed: ${saw:-nothing}" | tee -a "$LOG" | sed 's/^/    /'
	fi
done
record "$p" "$f" 0
show "litmus tests" "$(took $(($(now) - start))), $(counts "$p" "$f" 0)"
[ "$f" -eq 0 ] && exit 0
echo "error: the whole log is in $LOG" >&2
exit 1
