#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The driver of a regulator is unbound while a consumer has it. On stock that is a WARN and calls into memory that was
# freed; here what the consumer asks for is an error, and what it undoes succeeds.
# shellcheck source=e2e/tap.sh
. /e2e/tap.sh
cmd=/sys/kernel/debug/board-regulator
who=
tell() { echo "$*" >"$cmd$who"; cat "$cmd$who"; }
is() { # name want command...
	name=$1 want=$2; shift 2
	got=$(tell "$@")
	if [ "$got" = "$want" ]; then ok "$name"; else not_ok "$name: $*: $got, not $want"; fi
}
# The other consumers: 2 is one like the first, 3 lets calls go that were held in the driver.
is2() { who=2; is "$@"; who=; }
tell3() { echo "$*" >${cmd}3; cat ${cmd}3; }
# Something that takes its time. A minute is long enough for what should happen at all.
within() { # command...
	for _ in $(seq 600); do "$@" && return; sleep 0.1; done
	return 1
}
held() { test "$(tell3 held)" = "$1"; }
still() { ! gone "$1"; }
gone() { ! grep -q 'State:.[^Z]' "/proc/$1/status" 2>/dev/null; }
unbind() { echo "$1" >"/sys/bus/platform/drivers/$1/unbind"; }
bind() { echo "$1" >"/sys/bus/platform/drivers/$1/bind"; }
hw() { tell hw | cut -d' ' -f"$1"; }
ENODEV=-19
summary=/sys/kernel/debug/resmgr/summary

check "the board" insmod /lib/modules-flat/board-regulator.ko

# A driver that uses what it provides can do so to the end, as on stock: it turns its regulator off by devm.
# The LDO first, which has the buck: stock warns.
unbind board-ldo
unbind board-buck
tell3 alone >/dev/null
check "a driver uses its own buck" bind board-buck
check "it is on" test "$(hw 2)" = 1
check "it is unbound" unbind board-buck
check "and the buck is off" test "$(hw 2)" = 0
tell3 shared >/dev/null
check "bound again" bind board-buck
bind board-ldo

is "a consumer finds the buck" 0 get buck
is "sets it" 0 set 1200000
is "reads it back" 1200000 voltage
is "watches it" 0 watch
is "turns it on" 0 enable
check "it is on" test "$(hw 2)" = 1

if [ ! -d /sys/kernel/debug/resmgr ]; then
	echo "e2e: expect WARNING: .*drivers/regulator/core.c" >/dev/kmsg
	check "stock: the buck is unbound, with a WARN" unbind board-buck
	echo "e2e: expect-end" >/dev/kmsg
	echo "e2e: expect KASAN: slab-use-after-free in " >/dev/kmsg
	tell voltage >/dev/null
	tell disable >/dev/null
	echo "e2e: expect-end" >/dev/kmsg
	if dmesg | grep -q 'BUG: KASAN: slab-use-after-free in .*regulator_'; then
		ok "stock: the regulator core uses memory of the driver that was freed"
	else
		not_ok "stock: no use after free, so this shows nothing"
	fi
	if dmesg | grep -q 'BUG: KASAN: slab-use-after-free in board_'; then
		ok "stock: and calls into the driver, which does"
	else
		not_ok "stock: no call into the driver"
	fi
	# What the consumer puts now is in lists of memory that was freed.
	echo "1..$n"
	exit 0
fi

check "the list says by whom it is held" \
	sh -c "sed -n '/^provider regulator\./,/^[a-z]/p' $summary | grep -q 'held by devm board-consumer'"
calls=$(hw 4)
check "the buck is unbound" unbind board-buck
check "the driver was left alone" test "$(hw 4)" = "$calls"
for what in enable "set 1300000" voltage enabled load mode list flags supported watch; do
	# shellcheck disable=SC2086 # a command and its argument
	is "$what is an error" $ENODEV $what
done
is "there is no step" 0 step
is "to turn it off is none" 0 disable
is "nor to do so later" 0 deferred
is "nor to watch it no more" 0 unwatch
check "no call came to the driver" test "$(hw 4)" = "$calls"
check "bound again" bind board-buck
is "the old handle is as it was" $ENODEV voltage
is "put" 0 put
check "none holds it any more" sh -c "! grep -q 'held by devm board-consumer' $summary"

is "a new handle is of the new regulator" 0 get buck
is "which works" 0 set 1400000
is "and says so" 1400000 voltage
is "turned on" 0 enable
is "and off" 0 disable
is "put, too" 0 put

# An LDO that the buck supplies. Both are on.
unbind board-ldo
bind board-ldo
is "the LDO" 0 get ldo
is "turned on" 0 enable
check "and so is the buck" test "$(hw 2) $(hw 6)" = "1 1"
check "the LDO is unbound" unbind board-ldo
check "nobody needs the buck: it is off" test "$(hw 2)" = 0
is "the handle of the LDO has gone bad" $ENODEV enable
is "put" 0 put
check "the LDO is bound again" bind board-ldo
is "got" 0 get ldo
check "now the buck is unbound" unbind board-buck
calls=$(hw 4)
is "the LDO cannot be turned on without it" $ENODEV enable
is "but what it can do alone it does" 1100000 list
is "turned off it is" 0 put
check "no call came to the buck" test "$(hw 4)" = "$calls"

# A deferred disable is pending when the buck is unbound.
bind board-buck
is "the buck once more" 0 get buck
is "on" 0 enable
is "off, in a moment" 0 deferred
check "unbound before that" unbind board-buck
sleep 1
is "put, and no complaint" 0 put

# A probe that fails, since the supply cannot be turned on, leaves nothing with the supply.
unbind board-ldo
bind board-buck
tell3 broken >/dev/null
bind board-ldo 2>/dev/null
check "the LDO is not bound" test ! -e /sys/bus/platform/drivers/board-ldo/board-ldo
sleep 6
tell3 event >/dev/null
sleep 1
tell3 whole >/dev/null

# Two consumers of the LDO have it on. It has turned on its own supply once.
bind board-ldo
for c in is is2; do
	$c "the LDO for two" 0 get ldo
	$c "on" 0 enable
done
check "the LDO is unbound, and no complaint" unbind board-ldo
check "the buck is off" test "$(hw 2)" = 0
is "put" 0 put
is2 "put, too" 0 put

# A consumer that wants it alone finds the LDO on, and has it on then, with its supply.
bind board-ldo
is "the LDO" 0 get ldo
is "on" 0 enable
unbind board-ldo
is "put" 0 put
check "the hardware is on still" test "$(hw 6)" = 1
bind board-ldo
is "the LDO for one" 0 own ldo
check "with its supply" test "$(hw 2)" = 1
is "off" 0 disable
check "with its supply" test "$(hw 2) $(hw 6)" = "0 0"
is "put" 0 put
unbind board-ldo

# A consumer turns off and puts while another is inside, and the unbind waits for that one.
is "the buck for two" 0 get buck
is2 "the buck for two" 0 get buck
is2 "on" 0 enable
tell3 hold >/dev/null
echo "set 1300000" >$cmd &
inside=$!
check "a call stays in the driver" within held 1
unbind board-buck &
unbind=$!
sleep 1
is2 "turned off meanwhile" 0 disable
echo put >${cmd}2 &
put=$!
sleep 1
check "the unbind waits" still $unbind
tell3 go >/dev/null
check "not any more" within gone $unbind
check "and no complaint" within gone $put
check "the call is over" within gone $inside
tell3 free >/dev/null
is "put" 0 put

# A call of the LDO that is to lock the buck, too, comes before the unbind of the buck, which waits for it where it
# lets go of the list. When it has the locks the unbind goes on.
bind board-buck
bind board-ldo
is "the LDO for two" 0 get ldo
is2 "the LDO for two" 0 get ldo
tell3 hold >/dev/null
echo mode >$cmd &
first=$!
check "a call stays in the LDO, and locks nothing else" within held 1
echo "set 1400000" >${cmd}2 &
second=$!
sleep 1
unbind board-buck &
unbind=$!
sleep 1
tell3 go >/dev/null
check "it leaves" within gone $first
check "the next is inside" within held 1
check "the buck is unbound" within gone $unbind
tell3 go >/dev/null
check "the next has left" within gone $second
tell3 free >/dev/null
{ tell put; echo put >${cmd}2; unbind board-ldo; } >/dev/null &
check "nobody has kept the lock of the buck" within gone $!

check "the module can go" rmmod board-regulator
echo "1..$n"
