#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# event-cost.sh: what disabled trace events cost. Compiles lib/resmgr for x86-64, without debugging, with tracing and
# without, runs both in a process and counts instructions: see event-cost.c. A table, also in out/event-cost-<version>.txt.
# No kernel is built, except for what the compilation of an object needs.
. "$(dirname "$0")/lib.sh"

W=$BASE/event-cost-$KERNEL
OBJECTS='manager early group action memory object caller gate cdevm/scope cdevm/fops cdevm/files cdevm/poll cdevm/mmap cdevm/calls cdevm/nodes'
kmake() { make -C "$TREE" ARCH=x86_64 O="$W/$1" CC="$KCC" -j"$JOBS" "${@:2}"; }

compile() { # on|off
	local o=$W/$1
	mkdir -p "$o" "$W/kernel-$1"
	# As distributions have them: SMP, static branches, optimised for speed.
	printf 'CONFIG_%s\n' EXPERT=y 64BIT=y SMP=y CC_OPTIMIZE_FOR_PERFORMANCE=y JUMP_LABEL=y MODULES=y CDEVM=y MULTIUSER=y \
		PROC_FS=y SYSFS=y CPU_MITIGATIONS=n STACKTRACE=y >"$o/want"
	[ "$1" = off ] || printf 'CONFIG_%s\n' FTRACE=y ENABLE_DEFAULT_TRACERS=y EVENT_TRACING=y >>"$o/want"
	# A kernel is not built again for an option that is the same.
	if ! cmp -s "$o/want" "$o/wanted"; then
		kmake "$1" -s KCONFIG_ALLCONFIG="$o/want" allnoconfig && cp "$o/want" "$o/wanted" || return 1
	fi
	grep -q '^CONFIG_JUMP_LABEL=y' "$o/.config" || { echo "error: no JUMP_LABEL"; return 1; }
	[ "$1" = "$(grep -q '^CONFIG_TRACEPOINTS=y' "$o/.config" && echo on || echo off)" ] ||
		{ echo "error: TRACEPOINTS is not $1"; return 1; }
	# shellcheck disable=SC2046,SC2086 # a list
	kmake "$1" prepare && kmake "$1" $(printf 'lib/resmgr/%s.o ' $OBJECTS) || return 1

	ln -sf "$TOP/tools/event-cost-kernel.c" "$W/kernel-$1/"
	echo 'obj-m := event-cost-kernel.o' >"$W/kernel-$1/Kbuild"
	kmake "$1" M="$W/kernel-$1" event-cost-kernel.o || return 1
	# One section for the code of lib/resmgr, of a name that the linker makes symbols of.
	# shellcheck disable=SC2046,SC2086 # a list
	ld -r -o "$o/resmgr.o" $(printf "$o/lib/resmgr/%s.o " $OBJECTS) &&
	objcopy --rename-section .text=text_resmgr "$o/resmgr.o" &&
	# What is not called is not there.
	gcc -O2 -Wall -static -no-pie -o "$W/count-$1" "$TOP/tools/event-cost.c" "$W/kernel-$1/event-cost-kernel.o" \
		"$o/resmgr.o" -Wl,--unresolved-symbols=ignore-all -Wl,-z,noexecstack &&
	"$W/count-$1" >"$W/$1.txt"
}

# The functions that enter a gate and leave it, and are called by the VFS.
GATED='read write unlocked_ioctl compat_ioctl read_iter write_iter llseek'
gated() { # on|off
	local f
	# The compiler puts them in an order of its own, and the names of methods.
	for f in $GATED; do
		objdump -dr --no-show-raw-insn --no-addresses "$W/$1/lib/resmgr/cdevm/fops.o" |
			sed 's/\(\.rodata\.str[0-9.]*\)+0x[0-9a-f]*$/\1/' |
			awk -v RS= -v "name=<cdevm_$f>:" 'index($0, name) == 1'
	done
}

mkdir -p "$W"
for v in off on; do
	stage "compile with events compiled $([ $v = on ] && echo in || echo out)" "$LOGS/event-cost-$KERNEL-$v.log" compile $v
done
{
	printf '%-30s %12s %12s %6s\n' 'instructions in lib/resmgr' 'compiled out' 'in, and off' 'more'
	join -t"$(printf '\t')" <(sort "$W/off.txt") <(sort "$W/on.txt") |
		awk -F'\t' '{ printf "%-30s %12d %12d %6d\n", $1, $2, $3, $3 - $2 }'
	n=$(gated on | grep -c '^<')
	if [ "$n" -eq 7 ] && cmp -s <(gated off) <(gated on); then
		echo "${GATED// /, } of a node, which enter its gate and leave it: the same code"
	else
		echo "functions that enter and leave a gate: not the same code, of $n"
	fi
} | tee "$OUT/event-cost-$KERNEL.txt"
