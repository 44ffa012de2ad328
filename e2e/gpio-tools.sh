#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# libgpiod's own tools on a chip of gpio-sim, stock and ours: what they print and return is the same. Then the kernel's
# own tests of GPIOs.
# shellcheck source=e2e/tap.sh
. /e2e/tap.sh
is() { # name want command...
	name=$1 want=$2; shift 2
	got=$("$@" 2>&1); rc=$?
	if [ "$rc: $got" = "$want" ]; then ok "$name"; else not_ok "$name: $*: $rc: $got"; fi
}
until_true() { i=0; until "$@"; do i=$((i + 1)); [ $i -lt 100 ] || return 1; sleep 0.1; done; }
gone() { ! kill -0 "$1" 2>/dev/null; }

# On stock as well: see gpio.c.
echo "e2e: allow Trying to free already-free IRQ" >/dev/kmsg
mount -t configfs none /sys/kernel/config
if [ -x /bin/gpiodetect ]; then
	c=/sys/kernel/config/gpio-sim/tools
	mkdir -p $c/bank/line0 $c/bank/line3
	echo 4 >$c/bank/num_lines
	echo bench >$c/bank/label
	echo red >$c/bank/line0/name
	echo green >$c/bank/line3/name
	echo 1 >$c/live
	dev=$(cat $c/dev_name) chip=$(cat $c/bank/chip_name)
	sim=/sys/devices/platform/$dev/$chip
	drv=/sys/bus/platform/drivers/gpio-sim

	is gpiodetect "0: $chip [bench] (4 lines)" gpiodetect
	is gpiofind "0: $chip 3" gpiofind green
	is "gpiofind, of what is not there" "1: " gpiofind blue
	is gpioinfo "0: $chip - 4 lines:
	line   0:        \"red\"       unused   input  active-high 
	line   1:      unnamed       unused   input  active-high 
	line   2:      unnamed       unused   input  active-high 
	line   3:      \"green\"       unused   input  active-high " gpioinfo "$chip"
	is gpioget "0: 0 0" gpioget "$chip" 0 3
	echo pull-up >"$sim/sim_gpio3/pull"
	is "gpioget, pulled up" "0: 0 1" gpioget "$chip" 0 3
	is "gpioget, active low" "0: 1 0" gpioget -l "$chip" 0 3
	gpioset --mode=signal "$chip" 1=1 &
	pid=$!
	check "gpioset sets" until_true grep -qx 1 "$sim/sim_gpio1/value"
	is "gpioget, of what is in use" "1: gpioget: error reading GPIO values: Device or resource busy" gpioget "$chip" 1
	check "gpioinfo says by whom it is used" sh -c "gpioinfo $chip | grep -q 'line   1:.*\"gpioset\".*output.*used'"
	kill $pid
	wait $pid

	# Twice an edge, and that is it.
	gpiomon -n 2 -F '%o %e' "$chip" 0 >/tmp/mon &
	pid=$!
	check "gpiomon waits" until_true sh -c "gpioinfo $chip | grep -q 'line   0:.*gpiomon'"
	echo pull-up >"$sim/sim_gpio0/pull"
	sleep 0.2
	echo pull-down >"$sim/sim_gpio0/pull"
	check "and is done" until_true gone $pid
	wait $pid
	check "with success" test $? = 0
	is "it has seen both edges" "0: 0 1
0 0" cat /tmp/mon

	# The chip goes while it waits, and while gpioset has a line.
	gpiomon "$chip" 0 >/tmp/mon 2>&1 &
	mon=$!
	gpioset --mode=signal "$chip" 1=1 &
	set=$!
	check "gpiomon waits again" until_true sh -c "gpioinfo $chip | grep -q 'line   0:.*gpiomon'"
	check "gpioset has a line" until_true grep -qx 1 "$sim/sim_gpio1/value"
	check "the chip goes" sh -c "echo $dev >$drv/unbind"
	check "gpiomon goes" until_true gone $mon
	wait $mon
	check "with an error" test $? = 1
	check "which is that there is no device" grep -q "No such device" /tmp/mon
	check "gpioset stays" kill -0 $set
	kill $set
	wait $set
	is "gpiodetect finds none" "0: " gpiodetect
	check "the chip comes" sh -c "echo $dev >$drv/bind"
	# Its number is free again when the last reference on the old one has gone.
	check "gpiodetect finds it" sh -c "gpiodetect | grep -q '^gpiochip[0-9]* .bench. (4 lines)'"
	echo 0 >$c/live
	rmdir $c/bank/line0 $c/bank/line3 $c/bank $c
else
	ok "libgpiod's tools # SKIP there was no Debian package gpiod"
fi

# look_for_leaks MOST: labels of lines that were in use when the chip went are leaked, as on stock, and no more than that
look_for_leaks() {
	leaks=/sys/kernel/debug/kmemleak
	[ -e $leaks ] || return
	# For what init finds later.
	printf 'desc_set_label\nkstrdup_and_replace\n' >/tmp/known-leaks
	echo "e2e: allow kmemleak: [0-9]+ new suspected" >/dev/kmsg
	# The last chip may take a while: DEBUG_KOBJECT_RELEASE delays one release after another.
	sleep 20
	check "kmemleak is on" sh -c "echo scan >$leaks"
	sleep 1
	echo scan >$leaks
	echo "e2e: allow-end" >/dev/kmsg
	known=$(grep -cE ' (desc_set_label|kstrdup_and_replace)' $leaks)
	if [ "$(grep -c 'unreferenced object' $leaks)" = "$known" ] && [ "$known" -le "$1" ]; then
		ok "no other memory was leaked than on stock"
	else
		not_ok "memory was leaked"
		sed 's/^/# /' $leaks
	fi
	echo clear >$leaks
}
# Two labels, and the name of an interrupt.
look_for_leaks 3

# Theirs. There is no module to be loaded, and not every busybox has this.
mkdir /tmp/selftests /tmp/bin
if ! command -v mountpoint >/dev/null; then
	# shellcheck disable=SC2016 # for the script
	echo 'for m; do :; done; grep -q "^[^ ]* $m " /proc/mounts' >/tmp/bin/mountpoint
	chmod 755 /tmp/bin/mountpoint
	export PATH="/tmp/bin:$PATH"
fi
cp -a /selftests/gpio/. /tmp/selftests/ 2>/dev/null
sed -i 's/^modprobe /true /' /tmp/selftests/*.sh 2>/dev/null
for t in gpio-sim gpio-cdev-uaf; do
	if [ ! -e /tmp/selftests/$t.sh ]; then
		ok "selftest $t # SKIP this kernel has none"
		continue
	fi
	sh /tmp/selftests/$t.sh >/tmp/gpio.out 2>&1
	case $? in
	0) ok "selftest $t";;
	4) ok "selftest $t # SKIP $(tail -n 2 /tmp/gpio.out | head -n 1)";;
	*) not_ok "selftest $t"; sed 's/^/# /' /tmp/gpio.out;;
	esac
done
echo "e2e: allow-end" >/dev/kmsg
# gpio-cdev-uaf takes the chip away eight times, with a line that is in use and four times with its interrupt.
look_for_leaks 13
echo "1..$n"
