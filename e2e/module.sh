# SPDX-License-Identifier: GPL-2.0
# cdevm as a module, on a kernel that has none of it: in use, with other headers, removed and loaded again.
# shellcheck source=e2e/tap.sh
. /e2e/tap.sh
no() { ! "$@"; }
flat=/lib/modules-flat
debugfs=/sys/kernel/debug/resmgr
events=/sys/kernel/tracing/events/resmgr

for round in first second; do
	check "$round time: no driver uses it, and it can go" rmmod cdevm
	check "its events go with it" test ! -e $events
	check "and what it has in debugfs" test ! -e $debugfs
	check "without it a driver cannot be loaded" no insmod $flat/cdevm-sample.ko
	check "it comes back" insmod $flat/cdevm.ko
	check "with its events" test -e $events/cdevm_revoke
	check "with its parameter" grep -qx 60 /sys/module/cdevm/parameters/kill_after

	check "a driver that uses it" insmod $flat/cdevm-sample.ko
	check "it is in use" no rmmod cdevm
	exec 3<>/dev/cdevm-sample-a
	check "debugfs shows who has a file open" grep -q "cdevm-sample-a: published, 1 open" $debugfs/summary
	check "and a program can read it" grep -q '"state":"published"' $debugfs/dump
	echo cdevm-sample >/sys/bus/platform/drivers/cdevm-sample/unbind
	check "unbound with the file open: it fails" no dd if=/dev/fd/3 of=/dev/null bs=1 count=1
	check "the driver is in use" no rmmod cdevm_sample
	exec 3>&-
	check "after the last close it can go" rmmod cdevm_sample
done

# The scope is the oldest in the group, and what its calls use goes before it.
check "a scope in a devres group" insmod $flat/cdevm_group.ko
(dd if=/dev/cdevm-group of=/dev/null bs=1 count=1 2>/tmp/module.dd; echo over >>/tmp/module.dd) &
inside() { i=0; until grep -q 'inside: dd.* sleeps in read' $debugfs/summary; do i=$((i + 1)); [ $i -lt 200 ] || return 1; sleep 0.1; done; }
check "a call is inside" inside
params=/sys/module/cdevm_group/parameters
echo 1 >$params/release
check "no call was inside when the group was released" grep -qx 0 $params/inside
wait
check "the call has failed" grep -q "No such device" /tmp/module.dd
check "the node has gone" test ! -e /dev/cdevm-group
check "and the driver can" rmmod cdevm_group

check "there is a driver that was built with other headers" test -e $flat/cdevm-sample-other.ko
dmesg -c >/dev/null
check "it is refused" no insmod $flat/cdevm-sample-other.ko
check "and the log says why" sh -c 'dmesg | grep "cdevm_sample: Unknown symbol __devm_cdevm_alloc_"'
echo "1..$n"
