#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Is this kernel able to see what the other suites look for? Events, modules, KASAN, kmemleak, fault injection.
t=/sys/kernel/tracing
check() { # description, command...
	d=$1
	shift
	if "$@" >/dev/null 2>&1; then echo "ok - $d"; else echo "not ok - $d"; fi
}
check "tracefs has events" test -d $t/events/sched
check "debugfs is mounted" test -d /sys/kernel/debug/failslab
check "kmemleak is on" test -w /sys/kernel/debug/kmemleak
check "devtmpfs made /dev/uhid" test -c /dev/uhid
for m in mfd-core hid-sensor-hub hid-sensor-custom; do
	check "insmod $m" insmod /lib/modules-flat/$m.ko
done
check "rmmod" rmmod hid_sensor_custom
