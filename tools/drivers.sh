#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# drivers.sh: real drivers that need a PC, in QEMU with KASAN: on the unpatched kernel, where each has to show its bug,
# and on ours, where the drivers are converted. Those that do not need one are in e2e/suites, for User Mode Linux.
# And what UML cannot show of cdevm: mappings of a PCI device, 32-bit system calls, files in messages, two CPUs.
# FLAVOURS=x86-kasan or FLAVOURS=x86-kasan-stock: only that one. SUITES: only these.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

DRIVERS=smo8800,cros-ec,pci-endpoint-test
CDEVM=cdevm-calls,cdevm-mmap,cdevm-async,cdevm-order,cdevm-self
# What one boot may take on a busy machine.
LIMIT=900
status=0

run() { # flavour
	local log=$LOGS/drivers-$KERNEL-$1.log args=(loglevel=6) suites=$DRIVERS start
	start=$(now)
	# A leak in the stock kernel is not ours to report.
	[ "$1" = x86-kasan ] && args+=(e2e_leaks) suites=misuse,$DRIVERS,$CDEVM
	"$TOP/tools/qemu.sh" boot "$1" "${SUITES:-$suites}" "$log" $LIMIT "${args[@]}"
	judge "drivers $KERNEL $1" "$log" $? $(($(now) - start)) "KERNEL=$KERNEL FLAVOURS=$1 tools/drivers.sh"
}

for f in x86-kasan-stock x86-kasan; do
	case ",${FLAVOURS:-$f}," in *",$f,"*) ;; *) continue;; esac
	if "$TOP/tools/qemu.sh" build "$f" && "$TOP/tools/initramfs.sh" "$f"; then
		run "$f" || status=1
	else
		record 0 1 0
		status=1
	fi
done
exit $status
