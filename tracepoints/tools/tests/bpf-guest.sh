#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The init of the guest that tools/bpf.sh boots: runs the bpftrace scripts while the sample driver is unbound with a file
# open, and prints what they say.
export LD_LIBRARY_PATH=/lib
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tracefs tracefs /sys/kernel/tracing
ln -s /proc/self/fd /dev/fd
# The maps of bpftrace are locked memory.
ulimit -l unlimited

driver=/sys/bus/platform/drivers/cdevm-sample
insmod /modules/cdevm.ko
for script in cdevm-leak resmgr-slow; do
	bpftrace /$script.bt >/tmp/out 2>&1 &
	pid=$!
	# It prints something when its probes are there.
	until grep -qE '^(Looking|ms )' /tmp/out || ! kill -0 $pid 2>/dev/null; do sleep 1; done
	if [ -d $driver ]; then echo cdevm-sample >$driver/bind; else insmod /modules/cdevm-sample.ko; fi
	exec 3</dev/cdevm-sample-a
	echo cdevm-sample >$driver/unbind
	sleep 1
	kill -INT $pid
	wait $pid
	echo "$script: status $?"
	exec 3<&-
	sed "s/^/$script: /" /tmp/out
done
echo "e2e: done bpf"
poweroff -f
