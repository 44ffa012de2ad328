#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Prints the path of a statically linked busybox; fails where there is none.
for b in /bin/busybox /usr/bin/busybox; do
	[ -x "$b" ] || continue
	# An ELF program with an interpreter (PT_INTERP) needs a loader that our initramfs does not have.
	readelf -l "$b" 2>/dev/null | grep -q INTERP && continue
	echo "$b"
	exit 0
done
exit 1
