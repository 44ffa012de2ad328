#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The kernel's own tests of real-time clocks, PTP clocks and buffers, on stock and ours. e2e.sh compares what they say.
# shellcheck source=e2e/tap.sh
. /e2e/tap.sh

# run NAME COMMAND...: each result of a test in KTAP is one of ours; a test that prints none has one, its exit status
run() {
	name=$1; shift
	if [ ! -x "$1" ]; then
		ok "$name # SKIP it is not built"
		return
	fi
	"$@" >/tmp/out 2>&1
	rc=$?
	sed 's/^/# /' /tmp/out
	grep -E '^(not )?ok [0-9]+ ' /tmp/out >/tmp/results
	if [ ! -s /tmp/results ]; then
		case $rc in
		0) ok "$name";;
		4) ok "$name # SKIP $(tail -n 1 /tmp/out)";;
		*) not_ok "$name ended with status $rc";;
		esac
		return
	fi
	while read -r line; do
		case $line in
		ok*) ok "$name: ${line#ok * }";;
		*) not_ok "$name: ${line#not ok * }";;
		esac
	done </tmp/results
}

insmod /lib/modules-flat/rtc-test.ko || not_ok "there is no rtc-test"
# Its first clock has no alarm: in those of the others a timer is added twice, which warns, in this version of the driver.
# It stays: the alarm timers of the kernel have taken a clock of it.
run rtctest /selftests/rtc/rtctest /dev/rtc0

insmod /lib/modules-flat/board-ptp.ko || not_ok "there is no PTP clock"
# The others wait for minutes, and the mock clock has to be read every eight seconds: where User Mode Linux skips the time
# that all sleep through, it is not.
grep -q e2e_realtime /proc/cmdline || export TESTS=adjtime
if [ -x /bin/bash ] && [ -x /bin/phc_ctl ]; then
	run phc /selftests/ptp/phc.sh /dev/ptp0
else
	ok "phc # SKIP there were no Debian packages bash and linuxptp"
fi
run "testptp -c" /selftests/ptp/testptp -d /dev/ptp0 -c
run "testptp -k" /selftests/ptp/testptp -d /dev/ptp0 -k 5
rmmod board_ptp || not_ok "the PTP clock does not go"

run udmabuf /selftests/drivers/dma-buf/udmabuf
run dmabuf-heap /selftests/dmabuf-heaps/dmabuf-heap
echo "1..$n"
