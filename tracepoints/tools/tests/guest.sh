#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs inside the kernel whose events record.sh wants, and prints the files that it has recorded.
drivers=/sys/bus/platform/drivers
out=/tmp/traces
mkdir -p $out
cd $out || exit 1
dmesg -n 1

give() { # file: through the console, where nothing but text comes through
	echo "== begin $1"
	gzip -9 -c "$1" | base64
	echo "== end $1"
}

# The seconds are for DEBUG_KOBJECT_RELEASE, which delays the end of a cdev by up to 4 s, and then that of its parent.
rec() { # name seconds shell-command: a trace as text
	resmgr-trace record -o "$1.txt" -s "$2" -- sh -c "$3" || echo "== failed $1"
	give "$1.txt"
}

bind() { echo "echo $1 >$drivers/$1/bind"; }
unbind() { echo "echo $1 >$drivers/$1/unbind"; }

# The first unbind: a stock kernel does not bind a device again that has something left over.
rec leftover 0 "insmod /lib/modules-flat/faults.ko; $(unbind faults-leftover)"
for d in faults-irq faults-slow faults-node; do
	[ ! -e $drivers/$d ] || eval "$(unbind $d)"
done

if [ -d /sys/kernel/tracing/events/resmgr ]; then
	insmod /lib/modules-flat/cdevm-sample.ko
	unbind cdevm-sample >/tmp/unbind && sh /tmp/unbind
	n=/dev/cdevm-sample
	rec cdevm 12 "$(bind cdevm-sample); exec 3<>$n-a 4<>$n-b 5<>$n-ctl; $(unbind cdevm-sample); exec 3<&-; exec 4<&- 5<&-"
	rec leak 12 "$(bind cdevm-sample); leaker & sleep 0.2; $(unbind cdevm-sample)"
	killall leaker
	rec irq 0 "$(bind faults-irq); $(unbind faults-irq)"
	rec slow 0 "$(bind faults-slow); $(unbind faults-slow)"
	rec node 1 "$(bind faults-node); exec 3</dev/faults-node; cat <&3 & sleep 0.2; $(unbind faults-node)"
	# The real driver: unplugged while it is open.
	insmod /lib/modules-flat/hid-sensor-hub.ko && insmod /lib/modules-flat/hid-sensor-custom.ko
	rec hid 12 "hid-sensor >/tmp/hid.log"
	# For those who want to see whether a script fits.
	cp -r /sys/kernel/tracing/events/resmgr /tmp/resmgr 2>/dev/null
	tar cf formats.tar -C /tmp resmgr
	give formats.tar
	if [ -x /bin/trace-cmd ]; then
		trace-cmd record -q -o cdevm.dat -e resmgr sh -c "$(bind cdevm-sample); exec 3<>$n-a 4<>$n-b 5<>$n-ctl; $(unbind cdevm-sample); exec 3<&-; exec 4<&- 5<&-; sleep 8" >trace-cmd.log 2>&1
		cat trace-cmd.log
		give cdevm.dat
		trace-cmd record -q -o devres.dat -e devres_log sh -c "$(bind faults-irq); $(unbind faults-irq)" >trace-cmd.log 2>&1
		give devres.dat
	fi
else
	rec irq 0 "$(bind faults-irq); $(unbind faults-irq)"
	rec slow 0 "$(bind faults-slow); $(unbind faults-slow)"
	if [ -x /bin/trace-cmd ]; then
		trace-cmd record -q -o devres.dat -e devres_log sh -c "$(bind faults-irq); $(unbind faults-irq)" >trace-cmd.log 2>&1
		give devres.dat
	fi
fi
