#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kunit-mutants.sh [NAME...]: tests the KUnit suites. Plants the bugs of tools/mutants/kunit, one at a time, in a copy
# of the tree, and runs the suites that the patch names in its first line: one of their cases has to fail, or to hang, and
# none without the bug. In the kernel that LIKE names, else in that of make kunit.
. "$(dirname "$0")/lib.sh"

like=kunit
[ ! -e "$TOP/tools/configs/kunit-plain-$KERNEL.config" ] || like=kunit-plain
like=${LIKE:-$like}
arch=um flavour=mutant-kunit
. "$(dirname "$0")/mutants.sh"
[ -e "$FROM/linux" ] || die "no $like kernel in $FROM; run: make kunit KERNEL=$KERNEL"

LOG=$LOGS/mutants-$KERNEL.log
PATCHES=$TOP/tools/mutants/kunit
args=(--kernel_args kasan_multi_shot)
! grep -q '^CONFIG_SMP=y' "$FROM/.config" || args+=(--kernel_args seccomp=on --kernel_args ncpus=2)

plant_and_make() { # patch
	plant "$1" && make -C "$T" ARCH=$arch O="$O" CC="$KCC" -j"$JOBS" all
}

# run TREE BUILD SUITES LOG: prints what is wrong, if anything is
run() {
	local suites=$3 log=$4 result n
	(cd "$1" && timeout 200 python3 tools/testing/kunit/kunit.py exec --build_dir "$2" --arch um --timeout 150 \
		--raw_output=all "${args[@]}" "$suites*" >"$log" 2>&1 </dev/null)
	result=$(grep -E '^ +not ok|EXPECTATION FAILED|ASSERTION FAILED' "$log" | grep -m 1 'not ok' | sed 's/^ *//')
	[ -n "$result" ] || result=$("$TOP/tools/splats.py" "$log" | sed -n 's/.*: splat at line //p' | head -n 1)
	# All that there is to say of one that hangs is that it does not come to an end. One that has not begun does not hang.
	if [ -z "$result" ] && ! grep -qE "^(ok|not ok) [0-9]+ $suites" "$log"; then
		n=$(grep -cE '^ +ok ' "$log")
		[ "$n" -gt 0 ] && result="hangs after $n cases" || result='nothing has run'
	fi
	printf '%s' "$result"
}

mutants=("$@")
[ $# -gt 0 ] || mapfile -t mutants < <(find "$PATCHES" -name '*.patch' -printf '%f\n' | sed 's/\.patch$//' | sort)
for m in "${mutants[@]}"; do
	[ -e "$PATCHES/$m.patch" ] || die "no tools/mutants/kunit/$m.patch"
done
# Without a bug there is nothing to be found.
for suites in $(for m in "${mutants[@]}"; do sed -n '1s/:.*//p' "$PATCHES/$m.patch"; done | sort -u); do
	log=$LOGS/mutant-$KERNEL-none-$suites.log
	result=$(run "$TREE" "$FROM" "$suites" "$log")
	[ -z "$result" ] || die "'$suites' fails without a bug: $result; the log is $log"
done
missed=0
stage "copy the tree" "$LOG" copy
for m in "${mutants[@]}"; do
	suites=$(sed -n '1s/:.*//p' "$PATCHES/$m.patch")
	stage "mutant $m" "$LOGS/mutant-$KERNEL-$m-build.log" plant_and_make "$PATCHES/$m.patch"
	log=$LOGS/mutant-$KERNEL-$m.log
	result=$(run "$T" "$O" "$suites" "$log")
	if [ "$result" = 'nothing has run' ]; then
		show "  NOT TESTED" "$result; the log is $log"
		missed=$((missed + 1))
	elif [ -n "$result" ]; then
		show "  found" "$result"
	else
		show "  NOT FOUND" "the log is $log"
		missed=$((missed + 1))
	fi
done
echo "${#mutants[@]} bugs planted, $((${#mutants[@]} - missed)) found"
[ $missed -eq 0 ]
