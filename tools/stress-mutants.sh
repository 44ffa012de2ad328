#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stress-mutants.sh [NAME...]: tests the stress test. Plants the bugs of tools/mutants, one at a time, in a copy of
# the tree, and runs the stress test on each until it finds the bug. KERNEL=7.3: in UML. KERNEL=6.12: in QEMU, in the
# kernel that STRESS names, x86-kcsan if none; what one CPU cannot show (smp-*) is found there, by its data race.
# SECONDS_EACH=90: at most; SEED=1. Without a bug it must find nothing in that time.
. "$(dirname "$0")/lib.sh"

SECONDS_EACH=${SECONDS_EACH:-90}
SEED=${SEED:-1}
if [ "$KERNEL" = 6.12 ]; then
	like=${STRESS:-x86-kcsan} arch=x86_64 image=arch/x86/boot/bzImage
	flavour=$like-mutant
	boot=("$TOP/tools/qemu.sh" boot "$flavour")
else
	like=smp arch=um image=linux flavour=mutant
	boot=("$TOP/tools/boot.sh" "$flavour")
fi
. "$(dirname "$0")/mutants.sh"
[ -e "$FROM/$image" ] || die "no $like kernel in $FROM; run: make stress KERNEL=$KERNEL"
LOG=$LOGS/mutants-$KERNEL.log

# What was too little of is no bug that was found.
not_enough='^not ok - there were '
# Runs until the log has something to say, or the guest is done. Prints "SECONDS WHAT", nothing if there is nothing.
hunt() { # log
	local log=$1 pid start found=
	start=$(now)
	: >"$log"
	REALTIME=1 "${boot[@]}" stress "$log" $((SECONDS_EACH * 2 + 300)) \
		"e2e_seconds=$SECONDS_EACH" "e2e_seed=$SEED" loglevel=6 &
	pid=$!
	while kill -0 $pid 2>/dev/null && [ -z "$found" ]; do
		sleep 1
		found=$({ "$TOP/tools/splats.py" "$log" | sed -n 's/.*: splat at line //p'; grep -ah '^not ok' "$log" "$log.programs" 2>/dev/null; } |
			grep -v "$not_enough" | head -n 1)
	done
	# What came last is in the log only now; and a guest that died has said so in its own way.
	[ -n "$found" ] || found=$("$TOP/tools/tap.py" "$log" 0 | sed 1d | grep -v "$not_enough" | head -n 1)
	kill $pid 2>/dev/null
	wait $pid 2>/dev/null
	# A kernel that does not boot was not found by the stress test.
	grep -qa 'e2e: begin stress' "$log" || found=
	[ -z "$found" ] || printf '%d %s\n' $(($(now) - start)) "$found"
}

mutants=("$@")
[ $# -gt 0 ] || mapfile -t mutants < <(find "$TOP/tools/mutants" -maxdepth 1 -name '*.patch' -printf '%f\n' | sed 's/\.patch$//' | sort)
for m in "${mutants[@]}"; do
	[ -e "$TOP/tools/mutants/$m.patch" ] || die "no tools/mutants/$m.patch"
done
missed=0
stage "copy the tree" "$LOG" copy
log=$LOGS/mutant-$KERNEL-none.log
none=$TMP/none.patch
: >"$none"
stage "no mutant" "$LOGS/mutant-$KERNEL-none-build.log" build "$none"
result=$(hunt "$log")
[ -z "$result" ] || die "the stress test fails without a bug: ${result#* }; the log is $log"
grep -qaE 'e2e: done\s*$' "$log" || die "the kernel without a bug does not come to its end; the log is $log"
for m in "${mutants[@]}"; do
	stage "mutant $m" "$LOGS/mutant-$KERNEL-$m-build.log" build "$TOP/tools/mutants/$m.patch"
	result=$(hunt "$LOGS/mutant-$KERNEL-$m.log")
	if [ -n "$result" ]; then
		show "  found after ${result%% *} s" "${result#* }"
	else
		show "  NOT FOUND" "in $SECONDS_EACH s; the log is $LOGS/mutant-$KERNEL-$m.log"
		missed=$((missed + 1))
	fi
done
echo "${#mutants[@]} bugs planted, $((${#mutants[@]} - missed)) found"
[ $missed -eq 0 ]
