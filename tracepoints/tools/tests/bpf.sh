#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# bpf.sh: runs the scripts for bpftrace in QEMU, in a kernel with these events (tools/qemu.sh build x86-bpf), while the
# sample driver is unbound with a file open. TAP on standard output. Needs bpftrace and QEMU; takes minutes, as there is
# no KVM, and most of bpftrace is LLVM.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../../tools/lib.sh"

O=$BASE/bpf
ROOT=$O/root
LOG=$LOGS/bpf-$KERNEL.log
command -v bpftrace >/dev/null || die "please install bpftrace"
"$TOP/tools/qemu.sh" build x86-bpf >&2 || exit 1

rm -rf "$ROOT"
mkdir -p "$ROOT/bin" "$ROOT/e2e" "$ROOT/lib/modules-flat"
cp "$("$TOP/tools/busybox.sh")" "$ROOT/bin/busybox" || die "no static busybox"
ln -s busybox "$ROOT/bin/sh"
cp "$(command -v bpftrace)" "$ROOT/bin/"
ldd "$(command -v bpftrace)" | grep -o '/[^ ]*' | while read -r l; do
	mkdir -p "$ROOT$(dirname "$l")"
	cp -L "$l" "$ROOT$l"
done
cp "$here"/../*.bt "$ROOT/e2e/"
install -m 755 "$TOP/e2e/init" "$ROOT/init"
find "$(outdir x86-bpf)" -name 'cdevm-sample.ko' -exec cp -t "$ROOT/lib/modules-flat" {} +
cat >"$ROOT/e2e/bpf.sh" <<'GUEST'
driver=/sys/bus/platform/drivers/cdevm-sample
insmod /lib/modules-flat/cdevm-sample.ko
bpftrace /e2e/cdevm-leak.bt >/tmp/leak 2>&1 &
leak=$!
bpftrace /e2e/resmgr-slow.bt 1 >/tmp/slow 2>&1 &
slow=$!
# Each has a line when it is ready. LLVM needs its time here.
until grep -q Looking /tmp/leak && grep -q owner /tmp/slow; do
	kill -0 $leak && kill -0 $slow || break
	sleep 1
done
sleep 5
# One file is closed by another task than the one that has opened it, one stays open.
exec 3</dev/cdevm-sample-a 4</dev/cdevm-sample-ctl
echo cdevm-sample >$driver/unbind
sleep 1000 4<&- &
keeper=$!
sleep 1 3<&- &
exec 3<&- 4<&-
sleep 5
kill -INT $leak $slow
wait $leak $slow
for f in leak slow; do
	sed "s/^/$f: /" /tmp/$f
done
kill $keeper
GUEST
(cd "$ROOT" && find . | cpio --quiet -o -H newc -R 0:0) >"$O/initramfs"
timeout -k 5 1500 qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu max -smp 2 -m 2G -nodefaults -no-user-config \
	-display none -no-reboot -serial stdio -serial "file:$LOG.programs" \
	-kernel "$(outdir x86-bpf)/arch/x86/boot/bzImage" -initrd "$O/initramfs" \
	-append "console=ttyS0 panic=-1 loglevel=6 e2e=bpf e2e_tty=ttyS1" </dev/null >"$LOG" 2>&1
cat "$LOG.programs" >>"$LOG" && rm -f "$LOG.programs"

n=0 failed=0
seen() { # what, pattern
	n=$((n + 1))
	if grep -qE "$2" "$LOG"; then
		echo "ok $n - $1"
	else
		failed=$((failed + 1))
		echo "not ok $n - $1"
	fi
}
seen 'the scope that is left over' '^leak: cdevm-sample: unbound [0-9]+ ms ago and not freed, references: [1-9]'
seen 'who has which file open' '^leak:     open: cdevm-sample-a by sh-[0-9]+, [0-9]+ ms ago'
seen 'who has taken references' '^leak:     references: [0-9]+ taken, [0-9]+ dropped by cdevm_open'
seen 'how many are left over' '^leak: scopes left over: 1'
seen 'how long releases took' '^slow: @us\[sample_hw_off\]:'
seen 'the guest ended by itself' 'reboot: Power down|e2e: done'
echo "1..$n"
[ $failed -eq 0 ] || echo "the console is in $LOG" >&2
[ $failed -eq 0 ]
