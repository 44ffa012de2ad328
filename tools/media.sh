#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# media.sh [PART...]: V4L2 in QEMU with KASAN, on the unpatched kernel and on ours. Parts, all when none is named:
#
#   unbind      vivid, vim2m and vimc are unbound while they stream; so is the skeleton driver, on the edu device, which
#               has to show its bug on stock; and on ours vimc, which is converted, with all of its nodes open, and a
#               receiver and its sensor, which find each other by v4l2-async; and a bridge with an I2C subdev. What an
#               application sees of all that is asked of both kernels by the same programs, v4l2-gone and v4l2-calls; and
#               mem2mem devices and their requests, v4l2-m2m
#   nodes       on ours, the sample with nodes of every kind, a DRM device among them: closed in many orders
#   compliance  v4l2-compliance on vivid, vim2m and vimc. What is looked for is a difference between the kernels
#
# FLAVOURS=x86-media or FLAVOURS=x86-media-stock: only that one, and no comparison.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"
. "$(dirname "$0")/v4l-utils.sh"

# What one boot may take on a busy machine.
LIMIT=2400
parts=" ${*:-unbind nodes compliance} "
wanted() { case $parts in *" $1 "*) return 0;; esac; return 1; }
status=0

run() { # flavour e2e-list
	local log=$LOGS/${2%%,*}-$KERNEL-$1.log start args=(loglevel=6 e2e_realtime=1)
	start=$(now)
	# A leak in the stock kernel is not ours to report.
	[ "$1" = x86-media-stock ] || args+=(e2e_leaks)
	"$TOP/tools/qemu.sh" boot "$1" "$2" "$log" $LIMIT "${args[@]}"
	judge "${2%%,*} $KERNEL $1" "$log" $? $(($(now) - start)) || status=1
}

if wanted compliance; then
	stage "v4l2-compliance" "$LOGS/v4l2-compliance.log" compliance_archive
fi
for f in x86-media-stock x86-media; do
	case ",${FLAVOURS:-$f}," in *",$f,"*) ;; *) continue;; esac
	if ! { "$TOP/tools/qemu.sh" build $f && "$TOP/tools/initramfs.sh" $f; }; then
		record 0 1 0
		status=1
		continue
	fi
	[ $f = x86-media ] && more=,v4l2-vimc,v4l2-async,v4l2-bridge,misuse || more=
	! wanted unbind || run $f "v4l2-unbind,v4l2-gone,v4l2-skeleton,v4l2-m2m,v4l2-calls$more"
	! wanted nodes || [ $f = x86-media-stock ] || run $f cdevm-nodes
	if wanted compliance; then
		cat "$COMPLIANCE" >>"$BASE/initramfs-$KERNEL-$f.gz"
		run $f v4l2-compliance
	fi
done
[ -n "${FLAVOURS:-}" ] || ! wanted compliance ||
	compare_compliance "$LOGS/v4l2-compliance-$KERNEL"-x86-media{-stock,}.log || status=1
exit $status
