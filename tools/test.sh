#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test.sh VERSION...: all tests, on each of these kernels. What an unpatched kernel does is shown on the last of them only:
# the others' is for make test-all, as KUnit without KASAN is. The last line is "N passed, N failed, N skipped".
KERNEL=$1
. "$(dirname "$0")/lib.sh"
export RESULTS=${RESULTS:-$TMP/results}
. "$(dirname "$0")/results.sh"

ALL=$RESULTS
export KERNEL KERNELS_ONLY="$*"
began=$(now)
last=${!#}
declare -A spent

failed() { awk '{ f += $2 } END { print f + 0 }' "$RESULTS"; }

# A part that ends with an error has recorded its failures; if it has not, it died, and that is one.
part() {
	local before start rc=0 name=${1##*/}
	before=$(failed)
	start=$(now)
	"$@" || rc=1
	spent[$name]=$((${spent[$name]:-0} + $(now) - start))
	[ $rc -ne 0 ] || return 0
	[ "$(failed)" -gt "$before" ] || record 0 1 0
	return 1
}

finish() {
	local line lane
	for lane in "$ALL".lane.*.died; do
		[ ! -e "$lane" ] || echo "error: not all of the tests were run: those of '$(basename "$lane" .died)' ended early" >&2
	done
	cat "$ALL".lane.* >>"$ALL" 2>/dev/null
	line=$(totals)
	echo "  all of it .................................... $(took $(($(now) - began)))"
	# Once more, where someone who sees only the end of this sees it.
	cat "$ALL".said.* 2>/dev/null | head -n 20
	rm -f "$ALL".lane.* "$ALL".said.*
	echo "$line"
	case $line in *', 0 failed,'*) exit 0;; esac
	exit 1
}

# Lanes run at the same time: a build leaves CPUs idle while it links, and a boot while it sleeps. Each has results of
# its own, and its word in front of its lines.
lane() { # WORD FUNCTION: its pid is $! then
	# An interrupt from the terminal is for end_lanes, so each is a process group of its own. sed ends last: who writes
	# to nobody dies before it has ended what it started.
	set -m
	{
		RESULTS=$ALL.lane.$2.$1
		# It is taken away at the end: a lane that dies has failed.
		echo '0 1 0' >"$RESULTS.died"
		: >"$RESULTS"
		began=$(now)
		"$2" "$1"
		rm "$RESULTS.died"
		echo "  all of this .................................. $(took $(($(now) - began)))$(longest)"
	} 2>&1 </dev/null | { trap '' INT TERM
		exec sed -u -e "s/^/$(printf '%-5s' "$1")/" -e "/FAILED\\|not ok\\|error: \\|: splat/w $ALL.said.$2.$1"; } &
	set +m
}
end_lanes() {
	# shellcheck disable=SC2046 # a list of numbers
	kill $(offspring $$) 2>/dev/null
	wait
	exit 130
}
# Not by process groups: timeout has one of its own.
offspring() { # pid
	local p
	for p in $(pgrep -P "$1"); do
		echo "$p"
		offspring "$p"
	done
}
trap end_lanes INT TERM

longest() { # what took more than a minute
	local name
	for name in "${!spent[@]}"; do
		[ "${spent[$name]}" -lt 60 ] || printf '%s %s\n' "${spent[$name]}" "$name"
	done | sort -rn | while read -r seconds name; do printf ', %s %s' "$name" "$(took "$seconds")"; done
}

self_test() { # what finds the splats must find them, and what judges the logs must know a bad one
	local name=${1%.py} log p f
	log=$LOGS/$name-self-test.log
	"$TOP/tools/$1" --self-test >"$log"
	p=$(grep -c '^ok' "$log") f=$(grep -c '^not ok' "$log")
	[ "$p" -gt 0 ] || f=$((f + 1))
	record "$p" "$f" 0
	show "$2, self-test" "$(counts "$p" "$f" 0)"
	[ "$f" -eq 0 ] && return 0
	grep '^not ok' "$log" | sed 's/^/    /'
	return 1
}

# --- the lanes

no_kernel() {
	part self_test splats.py "splat finder"
	part self_test tap.py "judge of logs"
	part "$TOP/tools/trace-tools.sh"
	part "$TOP/tools/model.sh"
	# For debians, which needs them later; they come through the network.
	part "$TOP/tools/dkms.sh" roots
}

kernel() {
	local flavours=ours f
	export KERNEL=$1
	part "$TOP/tools/source.sh" && part "$TOP/tools/overlay.sh" || return
	part "$TOP/tools/litmus.sh"
	part "$TOP/tools/kunit.sh" --quiet
	[ "$KERNEL" != "$last" ] || flavours='stock ours smp'
	for f in $flavours; do
		part "$TOP/tools/build.sh" "$f" || { flavours=; break; }
	done
	if [ -n "$flavours" ]; then
		# shellcheck disable=SC2086 # a list
		part "$TOP/tools/initramfs.sh" $flavours && FLAVOURS=${flavours// /,} part "$TOP/tools/e2e.sh"
		# In emulation it takes a kernel of its own, and longer: make test-all.
		[ "$KERNEL" = 6.12 ] || SECONDS_EACH=30 part "$TOP/tools/stress.sh"
	fi
	part "$TOP/tools/check.sh"
	part "$TOP/tools/docs.sh"
}

debians() {
	part "$TOP/tools/dkms.sh" test
	# With the modules that this has made, if it could make a Debian to build them in.
	[ ! -e "$BASE/dkms/try-6.12/ko/cdevm.ko" ] || part "$TOP/tools/bpf.sh"
}

rm -f "$ALL".lane.* "$ALL".said.*
: >"$ALL"
part "$TOP/tools/deps.sh" || finish
pids=()
for k; do
	lane "$k" kernel
	pids+=($!)
done
lane '' no_kernel
# Debian's boots keep two CPUs busy. The first kernel has the least to do: they take its place.
wait $! "${pids[0]}"
lane '' debians
wait
finish
