#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# stress.sh: e2e/stress.c and then the torture test, in the kernels that can show a race. SECONDS_EACH=20 for each of the
# two in each kernel; SEED=1 for what is random. SUITES=torture: only that one. BUG=NAME: torture with a bug planted, which
# has to be found; see the module's parameter.
# KERNEL=7.3: UML with two CPUs, KASAN and lockdep. KERNEL=6.12: QEMU with two CPUs, once with KASAN and lockdep, once
# with KCSAN; STRESS=x86-kasan or STRESS=x86-kcsan: only that one.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

SECONDS_EACH=${SECONDS_EACH:-20}
SEED=${SEED:-1}
status=0

# What one boot may take on a busy machine: what comes before and after, and an emulated CPU's share of it.
LIMIT=$((SECONDS_EACH * 12 + 600))
SUITES=${SUITES:-stress,torture}
# loglevel: DEBUG_KOBJECT_RELEASE has a line for each kobject, and a serial port is slow.
ARGS=("e2e_seconds=$SECONDS_EACH" "e2e_seed=$SEED" ${BUG:+"e2e_bug=$BUG"} loglevel=6)

run() { # flavour command...
	local label="stress $KERNEL $1" log=$LOGS/stress-$KERNEL-$1.log start rc
	shift
	start=$(now)
	"$@" "$SUITES" "$log" $LIMIT "${ARGS[@]}"
	judge "$label" "$log" $? $(($(now) - start)) "make stress KERNEL=$KERNEL SECONDS=$SECONDS_EACH SEED=$SEED"
	rc=$?
	tr -d '\r' <"$log" | sed -n 's/^# \(total\|torture\): /    /p'
	return $rc
}

if [ "$OPTIONS_OF" = 6.12 ]; then
	for f in x86-kasan x86-kcsan; do
		case ",${STRESS:-$f}," in *",$f,"*) ;; *) continue;; esac
		if ! { "$TOP/tools/qemu.sh" build "$f" && "$TOP/tools/initramfs.sh" "$f"; }; then
			record 0 1 0
			status=1
			continue
		fi
		run "$f" "$TOP/tools/qemu.sh" boot "$f" || status=1
	done
else
	"$TOP/tools/build.sh" smp && "$TOP/tools/initramfs.sh" smp || exit 1
	run smp "$TOP/tools/boot.sh" smp || status=1
fi
exit $status
