#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# bpf.sh: the bpftrace scripts of tracepoints/tools, in QEMU, on Debian's own 6.12, which has BPF, with cdevm as a module
# and Debian 12's bpftrace. After make dkms-test, which makes the modules.
KERNEL=6.12
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

KO=$BASE/dkms/try-$KERNEL/ko
BOOT=$TOP/build/debian/$KERNEL/boot
W=$TOP/build/initramfs-work/bpf
LOG=$LOGS/bpf.log
[ -e "$KO/cdevm.ko" ] || die "no $KO/cdevm.ko; run: make dkms-test"
if ! command -v bpftrace >/dev/null 2>&1; then
	[ "$(id -u)" -eq 0 ] || die "please install, as root: apt-get install bpftrace"
	stage "install bpftrace" "$LOGS/apt-bpf.log" apt_install bpftrace
fi

pack() {
	local l
	rm -rf "$W" && mkdir -p "$W"/{bin,dev,lib,modules,proc,sys,tmp} || return 1
	cp "$("$TOP/tools/busybox.sh")" "$W/bin/busybox" && ln -s busybox "$W/bin/sh" &&
	cp "$(command -v bpftrace)" "$W/bin/" && cp "$KO"/cdevm.ko "$KO"/cdevm-sample.ko "$W/modules/" &&
	cp "$TOP"/tracepoints/tools/*.bt "$W/" &&
	install -m 755 "$TOP/tracepoints/tools/tests/bpf-guest.sh" "$W/init" || return 1
	# The libraries in one folder, and the loader where the program looks for it.
	for l in $(ldd "$W/bin/bpftrace" | grep -o '/[^ ]*'); do
		cp -L "$l" "$W/lib/" || return 1
		case $l in */ld-linux*) mkdir -p "$W$(dirname "$l")" && cp -L "$l" "$W$l";; esac
	done
	strip --strip-debug "$W"/modules/*.ko
	(cd "$W" && find . -print0 | cpio --quiet -0 -o -H newc -R 0:0 | gzip -1) >"$BASE/dkms/bpf.gz"
}
stage "initramfs with bpftrace" "$LOGS/bpf-initramfs.log" pack

start=$(now)
timeout -k 5 900 qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu Haswell-noTSX -smp 2 -m 2G \
	-nodefaults -no-user-config -display none -no-reboot -serial stdio \
	-kernel "$BOOT"/vmlinuz-* -initrd "$BASE/dkms/bpf.gz" -append "console=ttyS0 panic=-1 quiet" </dev/null >"$LOG" 2>&1

p=0 f=0
says() { # what, pattern
	if grep -aqE "$2" "$LOG"; then
		p=$((p + 1))
	else
		f=$((f + 1))
		echo "    not ok - $1"
	fi
}
says "cdevm-leak ends by itself" '^cdevm-leak: status 0'
says "it names the scope that is left over" '^cdevm-leak: cdevm-sample: unbound [0-9]+ ms ago and not freed'
says "and who has its file open" '^cdevm-leak: +open: cdevm-sample-a by init-1'
says "and who has taken references" '^cdevm-leak: +references: 1 taken, 0 dropped by cdevm_open'
says "and how many there are" '^cdevm-leak: scopes left over: 1'
says "resmgr-slow ends by itself" '^resmgr-slow: status 0'
says "it has seen releases" '^resmgr-slow: @us\[misc\]'
says "the guest has come to its end" '^e2e: done bpf'
record $p $f 0
show "bpftrace scripts" "$(took $(($(now) - start))), $(counts $p $f 0)"
[ $f -eq 0 ] && exit 0
echo "error: the whole log is in $LOG" >&2
exit 1
