#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# drm.sh: e2e/drm-unplug.c in QEMU: a real DRM device is unbound 100 times while it is open.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

label="drm unplug $KERNEL" log=$LOGS/drm-$KERNEL.log
if ! { "$TOP/tools/qemu.sh" build x86-drm && "$TOP/tools/initramfs.sh" x86-drm; }; then
	record 0 1 0
	exit 1
fi
start=$(now)
# loglevel: DEBUG_KOBJECT_RELEASE has a line for each kobject, and a serial port is slow.
"$TOP/tools/qemu.sh" boot x86-drm drm-unplug "$log" 1800 loglevel=6
verdict=$("$TOP/tools/tap.py" "$log" $?)
# shellcheck disable=SC2046
set -- $(printf '%s\n' "$verdict" | head -n 1)
[ $# -eq 3 ] || set -- 0 1 0
record "$@"
show "$label" "$(took $(($(now) - start))), $(counts "$@")"
[ "$2" -eq 0 ] && exit 0
printf '%s\n' "$verdict" | sed -e 1d -e 's/^/    /'
echo "error: '$label' failed; the whole log is in $log" >&2
exit 1
