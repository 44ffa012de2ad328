#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# initramfs.sh FLAVOUR...: one base archive (busybox, our own static programs and scripts, the init), and per kernel
# a small one with its modules; the kernel unpacks both from one concatenated file. Without a flavour: the base alone.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/debian.sh"

WORK=$TOP/build/initramfs-work
BASEGZ=$TOP/build/initramfs-base.gz
PROGS=$WORK/progs
LOG=$LOGS/initramfs.log

programs() {
	local c name newest bad=0
	mkdir -p "$PROGS"
	for c in "$PROGS"/*; do # programs whose source is gone
		[ -e "$c" ] && [ ! -e "$TOP/e2e/${c##*/}.c" ] && rm -f "$c"
	done
	newest=$(find "$TOP/e2e" "$TOP/samples" -name '*.h' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2-)
	for c in "$TOP"/e2e/*.c; do
		[ -e "$c" ] || continue
		name=$(basename "$c" .c)
		grep -qE '\<main[[:space:]]*\(' "$c" || continue
		[ "$PROGS/$name" -nt "$c" ] && { [ -z "$newest" ] || [ "$PROGS/$name" -nt "$newest" ]; } && continue
		echo "gcc $name"
		# The host need not have the headers of every subsystem: the kernel's own come last.
		# shellcheck disable=SC2086 # "ccache gcc" is two words
		$KCC -static -O2 -g0 -Wall -Wextra -Werror -pthread -I"$TOP/e2e" -I"$TOP/samples" \
			-idirafter "$PRISTINE/include/uapi" -o "$PROGS/$name" "$c" || bad=1
	done
	return $bad
}

# What is in the kernel's tree, by its own rules. One kernel's is as good as another's, but for its harness.
selftests() {
	make -s -C "$TREE/tools/testing/selftests/drivers/cdevm" OUTPUT="$WORK/selftests" LDFLAGS='-static -pthread' \
		KHDR_INCLUDES="-idirafter $PRISTINE/include/uapi"
}

# For those who look at traces, where the libraries are.
trace_tool() {
	pkg-config --exists libtracefs libtraceevent 2>/dev/null || return 0
	make -s -C "$TOP/tracepoints/tools" STATIC=1 O="$WORK/trace"
}

# Programs of Debian that tests need: libgpiod's, and what the kernel's test of PTP clocks runs. The guest has no other
# program that is not static. Without them the suites say that they skip.
debian_programs() {
	local root=$WORK/programs from
	[ ! "$root" -nt "$DL/programs/packages" ] || return 0
	debs programs bookworm gpiod linuxptp bash || return 0
	rm -rf "$root" "$root.new"
	from=$(undeb programs) &&
	with_libraries "$from" "$root.new" usr/bin/gpio{detect,find,get,info,mon,set} usr/sbin/phc_ctl bin/bash &&
	mv "$root.new" "$root"
}

# The kernel's own tests of what we change and a small guest can have, as they are in this version and with its headers:
# e2e/gpio-tools.sh and e2e/peers.sh run them.
peer_selftests() {
	local all=$PRISTINE/tools/testing/selftests to=$WORK/selftests-$KERNEL h=$WORK/headers-$KERNEL dir c
	[ -d "$h/include" ] || make -s -C "$PRISTINE" O="$h" ARCH=x86_64 INSTALL_HDR_PATH="$h" headers_install || return 1
	for dir in gpio rtc ptp dmabuf-heaps drivers/dma-buf; do
		mkdir -p "$to/$dir"
		for c in "$all/$dir"/*.c; do
			[ "$to/$dir/$(basename "$c" .c)" -nt "$c" ] ||
				$KCC -static -O2 -g0 -I"$all" -isystem "$h/include" \
					-o "$to/$dir/$(basename "$c" .c)" "$c" 2>&1 ||
				echo "$c is not built: what needs it is skipped"
		done
		find "$all/$dir" -maxdepth 1 -name '*.sh' -exec install -m 755 -t "$to/$dir" {} +
	done
}

base() {
	local root=$WORK/root b
	b=$("$TOP/tools/busybox.sh") || { echo "error: no static busybox; please install busybox-static"; return 1; }
	rm -rf "$root"
	mkdir -p "$root/bin" "$root/dev" "$root/e2e" "$root/lib/modules-flat"
	cp "$b" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	install -m 755 "$TOP/e2e/init" "$root/init"
	[ ! -d "$WORK/programs" ] || cp -a "$WORK/programs/." "$root/"
	[ ! -x "$WORK/trace/resmgr-trace" ] || cp "$WORK/trace/resmgr-trace" "$root/bin/"
	find "$PROGS" -type f -exec cp -t "$root/e2e" {} +
	mkdir "$root/e2e/selftests" && find "$WORK/selftests" -type f -perm /1 -exec cp -t "$root/e2e/selftests" {} +
	find "$TOP/e2e" -maxdepth 1 -name '*.sh' -exec install -m 755 -t "$root/e2e" {} +
	pack "$root" >"$BASEGZ.new" && mv "$BASEGZ.new" "$BASEGZ"
}

modules() { # flavour
	local root=$WORK/modules-$1 O dir
	O=$(outdir "$1")
	rm -rf "$root"
	mkdir -p "$root/lib/modules-flat"
	mkdir -p "$root/selftests" && cp -a "$WORK/selftests-$KERNEL/." "$root/selftests/"
	# Not each *.ko that lies there: one that is no longer built does not fit this kernel.
	for dir in "$O" "$BASE/modules-$KERNEL-$1"; do
		[ ! -e "$dir/modules.order" ] || sed "s/o\$/ko/; s|^[^/]|$dir/&|" "$dir/modules.order"
	done | xargs -d '\n' -r cp -t "$root/lib/modules-flat" || return 1
	pack "$root" | cat "$BASEGZ" - >"$BASE/initramfs-$KERNEL-$1.gz.new" &&
	mv "$BASE/initramfs-$KERNEL-$1.gz.new" "$BASE/initramfs-$KERNEL-$1.gz"
}

all() {
	local f
	mkdir -p "$WORK/selftests"
	programs && selftests && trace_tool && debian_programs && peer_selftests && base || return 1
	for f in "$@"; do
		# Not every version has an smp kernel.
		[ "$f" = smp ] && [ ! -d "$(outdir smp)" ] && continue
		modules "$f" || return 1
	done
	[ $# -eq 0 ] || du -Lch "$BASE"/initramfs-"$KERNEL"-*.gz | tail -n 1 | cut -f1 | sed 's/.*/&B/' >"$LOG.note"
}
# Two at once would pack what the other is laying out.
exec 8>"$TOP/build/initramfs.lock" && flock 8 || die "cannot lock $TOP/build/initramfs.lock"
stage "initramfs" "$LOG" all "$@"
