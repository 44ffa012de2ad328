#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test.sh VERSION...: all tests, on each of these kernels. What an unpatched kernel does is shown on the last of them only:
# the others' is for make test-all, as KUnit without KASAN is. The last line is "N passed, N failed, N skipped".
KERNEL=$1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

export RESULTS=${RESULTS:-$TMP/results}
: >"$RESULTS"
began=$(now)
failures=0
declare -A spent

# A part that ends with an error has recorded its failures; if it has not, it died, and that is one.
part() {
	local before after start rc=0 name=${1##*/}
	before=$(awk '{ f += $2 } END { print f + 0 }' "$RESULTS")
	start=$(now)
	"$@" || rc=1
	spent[$name]=$((${spent[$name]:-0} + $(now) - start))
	[ $rc -ne 0 ] || return 0
	after=$(awk '{ f += $2 } END { print f + 0 }' "$RESULTS")
	[ "$after" -gt "$before" ] || record 0 1 0
	failures=$((failures + 1))
	return 1
}

finish() {
	local line name seconds
	line=$(totals)
	echo "  all of it .................................... $(took $(($(now) - began)))"
	for name in "${!spent[@]}"; do
		[ "${spent[$name]}" -lt 60 ] || printf '%s %s\n' "${spent[$name]}" "$name"
	done | sort -rn | while read -r seconds name; do
		printf '    %s in tools/%s\n' "$(took "$seconds")" "$name"
	done
	echo "$line"
	case $line in *', 0 failed,'*) [ $failures -eq 0 ] && exit 0;; esac
	exit 1
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

part "$TOP/tools/deps.sh" || finish
part self_test splats.py "splat finder"
part self_test tap.py "judge of logs"
part "$TOP/tools/trace-tools.sh"
part "$TOP/tools/model.sh"
for KERNEL in "$@"; do
	export KERNEL
	echo "  Linux $KERNEL"
	part "$TOP/tools/source.sh" && part "$TOP/tools/overlay.sh" || continue
	part "$TOP/tools/litmus.sh"
	part "$TOP/tools/kunit.sh" --quiet
	flavours=ours
	[ "$KERNEL" != "${!#}" ] || flavours='stock ours smp'
	built=1
	for f in $flavours; do
		part "$TOP/tools/build.sh" "$f" || { built=; break; }
	done
	if [ -n "$built" ]; then
		# shellcheck disable=SC2086 # a list
		part "$TOP/tools/initramfs.sh" $flavours && FLAVOURS=${flavours// /,} part "$TOP/tools/e2e.sh"
		# In emulation it takes a kernel of its own, and longer: make test-all.
		[ "$KERNEL" = 6.12 ] || SECONDS_EACH=30 part "$TOP/tools/stress.sh"
	fi
	part "$TOP/tools/check.sh"
	part "$TOP/tools/docs.sh"
done
echo "  Debian's own kernels"
KERNELS_ONLY="$*" part "$TOP/tools/dkms.sh" test
# With the modules that this has made, if it could make a Debian to build them in.
[ ! -e "$BASE/dkms/try-6.12/ko/cdevm.ko" ] || part "$TOP/tools/bpf.sh"
finish
