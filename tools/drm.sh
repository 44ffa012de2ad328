#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# drm.sh: DRM in QEMU with KASAN. On ours a real DRM device is unbound 100 times while it is open. On the unpatched
# kernel the KUnit suites of drmm_* and of drm_dev_unplug() say what it gets wrong; make kunit has them for ours.
# FLAVOURS=x86-media or FLAVOURS=x86-media-stock: only that one. SUITES: only these.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

# What one boot may take on a busy machine.
LIMIT=1800
status=0

run() { # flavour
	# DEBUG_KOBJECT_RELEASE has a line for each kobject, and a serial port is slow. KUnit says at that level what it
	# expects.
	local log=$LOGS/drm-$KERNEL-$1.log suites=drm-unplug args=(loglevel=6) start
	start=$(now)
	# kunit.autorun: 7.3 does not run suites by itself otherwise.
	[ "$1" = x86-media ] || suites=drmm-kunit args=(loglevel=7 kunit.autorun=1)
	"$TOP/tools/qemu.sh" boot "$1" "${SUITES:-$suites}" "$log" $LIMIT "${args[@]}"
	judge "drm $KERNEL $1" "$log" $? $(($(now) - start)) "KERNEL=$KERNEL FLAVOURS=$1 tools/drm.sh"
}

for f in x86-media-stock x86-media; do
	case ",${FLAVOURS:-$f}," in *",$f,"*) ;; *) continue;; esac
	if "$TOP/tools/qemu.sh" build "$f" && "$TOP/tools/initramfs.sh" "$f"; then
		run "$f" || status=1
	else
		record 0 1 0
		status=1
	fi
done
exit $status
