#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# IGT on the DRM devices that QEMU has, and on vkms. boots.sh compares what it says on stock and on ours.
# shellcheck source=e2e/tap.sh
. /e2e/tap.sh

# Subtests that were seen to fail on stock, a line each.
KNOWN='bochs-drm kms_addfb_basic: size-max'
# Subtests that measure the clock against itself, which the speed of the machine decides.
TIMED='vkms kms_vblank: accuracy-idle'

# on DRIVER PROGRAM...: each subtest is a result; a program that has none is one, by its exit status. One that is skipped
# for lack of a feature is fine, and if all of them are, IGT has not found the driver.
on() {
	driver=$1 succeeded=0; shift
	export IGT_FORCE_DRIVER="$driver"
	for program; do
		if [ ! -x "/bin/$program" ]; then
			not_ok "$driver: there is no $program"
			continue
		fi
		"/bin/$program" >/tmp/igt.out 2>&1
		rc=$?
		sed -n 's/^Subtest \([^ ]*\): \([A-Z]*\).*/\1 \2/p' /tmp/igt.out >/tmp/igt.subtests
		[ -s /tmp/igt.subtests ] || case $rc in
			0) echo "whole SUCCESS";;
			77) echo "whole SKIP";;
			*) echo "whole FAIL";;
		esac >/tmp/igt.subtests
		while read -r subtest result; do
			what="$driver $program: $subtest"
			if printf '%s\n' "$TIMED" | grep -qxF "$what"; then
				ok "$what # SKIP needs a machine that keeps time"
				continue
			fi
			case $result in
			SUCCESS) ok "$what"; succeeded=$((succeeded + 1));;
			SKIP) ok "$what # SKIP";;
			*)
				if printf '%s\n' "$KNOWN" | grep -qxF "$what"; then
					ok "$what says $result, as known of stock"
				else
					not_ok "$what: $result"
				fi;;
			esac
		done </tmp/igt.subtests
		! grep -qE 'FAIL|CRASH|TIMEOUT' /tmp/igt.subtests || tail -n 60 /tmp/igt.out | sed 's/^/# /'
	done
	# How many that are differs between the releases of IGT.
	if [ $succeeded -gt 0 ]; then ok "$driver: not all are skipped"; else not_ok "$driver: all are skipped"; fi
}

on virtio_gpu core_auth core_getclient core_getversion core_hotunplug core_setmaster core_setmaster_vs_auth
on virtio_gpu dumb_buffer drm_read kms_addfb_basic kms_getfb kms_prop_blob kms_rmfb syncobj_basic syncobj_wait
on bochs-drm core_auth core_hotunplug core_setmaster dumb_buffer kms_addfb_basic kms_prop_blob
insmod /lib/modules-flat/vkms.ko || not_ok "vkms is not loaded"
on vkms core_auth core_setmaster dumb_buffer kms_addfb_basic kms_prop_blob kms_vblank
echo "1..$n"
