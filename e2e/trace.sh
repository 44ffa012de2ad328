# SPDX-License-Identifier: GPL-2.0
# resmgr-trace, of tracepoints/tools, in the kernel that it is for: it records an unbind, and what it says about it.
# shellcheck source=e2e/tap.sh
. /e2e/tap.sh
has() { # name text file
	if grep -q "$2" "$3"; then ok "$1"; else not_ok "$1"; sed 's/^/# /' "$3"; fi
}

# The twin's cdevs are in memory that is freed at unbind: without somebody who keeps them open for good, their delayed
# release would run in freed memory.
hold() {
	[ $sample = devm-sample ] || return
	(exec 3<>/dev/devm-sample-a 4<>/dev/devm-sample-b 5<>/dev/devm-sample-ctl; exec sleep 100000) \
		</dev/null >/dev/null 2>&1 &
	sleep 1
}

if [ ! -x /bin/resmgr-trace ]; then
	echo "ok 1 - resmgr-trace # SKIP not built: libtracefs-dev and libtraceevent-dev are missing"
	echo "1..1"
	exit 0
fi
t=/tmp/unbind.trace
if [ -d /sys/kernel/tracing/events/resmgr ]; then
	sample=cdevm-sample
	insmod /lib/modules-flat/$sample.ko
	# DEBUG_KOBJECT_RELEASE delays the end of a cdev by up to 4 s, and then that of its parent. Where UML's clock skips
	# what everybody sleeps through, a sleep was seen to take half of its time by the clock of those delays.
	check "record an unbind, and the delayed end of its cdevs" \
		resmgr-trace record -o $t --settle 24 --unbind platform/$sample
	check "order" resmgr-trace order $t
	# A module does not see when ->remove() comes; what devices hold it leaves to devres_log.
	if [ -e /sys/module/cdevm/initstate ]; then remove='' mem=''; else remove=remove mem=' mem'; fi
	for step in revoke kick unpublish drained $remove release free; do
		has "order shows $step" " $step " /tmp/check.out
	done
	check "show" resmgr-trace show $t
	has "show has what the driver allocated" "devm_kzalloc_release$mem" /tmp/check.out
else
	sample=devm-sample
	insmod /lib/modules-flat/$sample.ko
	hold
	check "record an unbind by devres_log" resmgr-trace record -o $t --unbind platform/$sample
	check "order" resmgr-trace order $t
	has "order shows a release" " release .*devm_kzalloc_release" /tmp/check.out
fi
# The time of a release means nothing here: the machine may be busy.
check "check finds nothing wrong" resmgr-trace check --slow 60000 $t
check "no trace instance is left" sh -c '[ -z "$(ls /sys/kernel/tracing/instances)" ]'

# With a command, through a pipe. The status of record is that of the command.
drivers=/sys/bus/platform/drivers/$sample
resmgr-trace record -o - -- sh -c "echo $sample >$drivers/bind; exit 3" >$t 2>/tmp/trace.err
[ $? -eq 3 ] && ok "record exits as the command does" || not_ok "record exits as the command does"
check "show of a pipe" sh -c "resmgr-trace show - <$t"
has "what a bound driver holds has no end" "not yet" /tmp/check.out
check "--unbind of nothing is an error" sh -c '! resmgr-trace record -o /dev/null --unbind platform/nobody'
has "and says so" "no device platform/nobody is bound" /tmp/check.out

# What tracefs holds now, without a file.
hold
events=/sys/kernel/tracing/events/resmgr/enable
[ -e $events ] || events=/sys/kernel/tracing/events/dev/devres_log/enable
# What suites before this one have left there.
: >/sys/kernel/tracing/trace
echo 1 >/sys/kernel/tracing/tracing_on
echo 1 >$events
echo $sample >$drivers/unbind
echo 0 >$events
check "order of the trace that tracefs has" resmgr-trace order
has "it is of this unbind" "unbind of $sample" /tmp/check.out

# However a recording ends, its events are in the file, and the kernel no longer traces.
clean() { # name
	[ -z "$(ls /sys/kernel/tracing/instances)" ] && ok "$1" || not_ok "$1"
}
sees() { # name command...: within ten seconds
	name=$1; shift
	for _ in $(seq 100); do
		"$@" >/dev/null 2>&1 && break
		sleep 0.1
	done
	check "$name" "$@"
}
resmgr-trace record -o $t -- true 2>/tmp/trace.err
[ $? -eq 3 ] && ok "no event is exit status 3" || not_ok "no event is exit status 3"
has "and is said" "no event was recorded" /tmp/trace.err
resmgr-trace record -o $t -- sh -c "echo $sample >$drivers/bind; sleep 100" 2>/tmp/trace.err &
pid=$!
sees "it is written while it is recorded" grep -q "$sample" $t
kill -TERM $pid
wait $pid
[ $? -eq 143 ] && ok "a signal ends it as it ends the command" || not_ok "a signal ends it as it ends the command"
check "show of what was recorded" resmgr-trace show $t
clean "no trace instance is left by a signal"
(resmgr-trace record -o - -- sleep 100 2>/tmp/trace.err; echo $? >/tmp/trace.rc) | head -c 1 >/dev/null
[ "$(cat /tmp/trace.rc)" -eq 2 ] && ok "nor does it go on when nobody reads it" ||
	not_ok "nor does it go on when nobody reads it"
clean "no trace instance is left by a closed pipe"
resmgr-trace record -o $t -- sleep 100 2>/tmp/trace.err &
pid=$!
sees "it records" sh -c '[ -n "$(ls /sys/kernel/tracing/instances)" ]'
kill -KILL $pid
wait $pid
resmgr-trace record -o $t -- true 2>/tmp/trace.err
has "the next one removes what is left by one that was killed" "of one that was killed" /tmp/trace.err
clean "and then there is none"
resmgr-trace live >/tmp/live 2>&1 &
pid=$!
# Wait for the events, not only for the instance: they are enabled later.
sees "live begins" sh -c 'cat /sys/kernel/tracing/instances/*/events/resmgr/enable \
	/sys/kernel/tracing/instances/*/events/dev/devres_log/enable 2>/dev/null | grep -q 1'
hold
echo $sample >$drivers/unbind
sees "live shows a release" grep -q "release .*$sample" /tmp/live
kill -TERM $pid
wait $pid
[ $? -eq 0 ] && ok "live ends" || not_ok "live ends"
clean "no trace instance is left by live"

# The recorder is stopped, so the trace is read after the module is gone. Its functions must still have names.
[ $sample = devm-sample ] || {
	echo $sample >$drivers/bind
	check "record a command that removes the module" resmgr-trace record -o $t --settle 24 -- \
		sh -c "kill -STOP \$PPID; rmmod $sample; kill -CONT \$PPID"
	has "its functions have names" "fn=sample_fifo_gone \[cdevm_sample\]" $t
	grep -q " fn=0x[0-9a-f]*[1-9a-f]" $t && not_ok "no function is a number" || ok "no function is a number"
}
echo "1..$n"
