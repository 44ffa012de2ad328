#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# initramfs.sh FLAVOUR...: one base archive (busybox, our own static programs and scripts, the init), and per kernel
# a small one with its modules; the kernel unpacks both from one concatenated file. Without a flavour: the base alone.
. "$(dirname "$0")/lib.sh"

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

# libgpiod's tools, of Debian, with the libraries that they need: the guest has no other program that is not static. Without
# them e2e/gpio-tools.sh says that it skips.
gpiod_tools() {
	local d=$DL/gpiod root=$WORK/gpiod lib
	[ ! -d "$root" ] || return 0
	if ! ls "$d"/gpiod_*.deb >/dev/null 2>&1; then
		rm -rf "$d.new"
		mkdir -p "$d.new" || return 1
		(cd "$d.new" && apt-get -o APT::Sandbox::User="$(id -un)" download gpiod libgpiod2) || return 0
		rm -rf "$d" && mv "$d.new" "$d" || return 1
	fi
	rm -rf "$root.debs" "$root.new"
	for lib in "$d"/*.deb; do
		dpkg -x "$lib" "$root.debs" || return 1
	done
	mkdir -p "$root.new/bin" "$root.new/lib64" "$root.new/lib/x86_64-linux-gnu"
	cp "$root.debs"/usr/bin/gpio* "$root.new/bin/" &&
	cp -a "$root.debs"/usr/lib/x86_64-linux-gnu/libgpiod.so.* "$root.new/lib/x86_64-linux-gnu/" &&
	cp -L /lib64/ld-linux-x86-64.so.2 "$root.new/lib64/" &&
	cp -L /lib/x86_64-linux-gnu/libc.so.6 "$root.new/lib/x86_64-linux-gnu/" &&
	mv "$root.new" "$root"
}

# The kernel's own tests of GPIOs, as they are in this version.
gpio_selftests() {
	local from=$PRISTINE/tools/testing/selftests/gpio to=$WORK/selftests-$KERNEL c
	mkdir -p "$to/gpio"
	for c in "$from"/*.c; do
		[ "$to/gpio/$(basename "$c" .c)" -nt "$c" ] ||
			$KCC -static -O2 -g0 -idirafter "$PRISTINE/include/uapi" -o "$to/gpio/$(basename "$c" .c)" "$c" 2>&1 ||
			echo "$c is not built: what needs it is skipped"
	done
	install -m 755 -t "$to/gpio" "$from"/*.sh
}

base() {
	local root=$WORK/root b
	b=$("$TOP/tools/busybox.sh") || { echo "error: no static busybox; please install busybox-static"; return 1; }
	rm -rf "$root"
	mkdir -p "$root/bin" "$root/dev" "$root/e2e" "$root/lib/modules-flat"
	cp "$b" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	install -m 755 "$TOP/e2e/init" "$root/init"
	[ ! -d "$WORK/gpiod" ] || cp -a "$WORK/gpiod/." "$root/"
	[ ! -x "$WORK/trace/resmgr-trace" ] || cp "$WORK/trace/resmgr-trace" "$root/bin/"
	find "$PROGS" -type f -exec cp -t "$root/e2e" {} +
	mkdir "$root/e2e/selftests" && find "$WORK/selftests" -type f -perm /1 -exec cp -t "$root/e2e/selftests" {} +
	find "$TOP/e2e" -maxdepth 1 -name '*.sh' -exec install -m 755 -t "$root/e2e" {} +
	pack "$root" >"$BASEGZ.new" && mv "$BASEGZ.new" "$BASEGZ"
}

modules() { # flavour
	local root=$WORK/modules-$1 O
	O=$(outdir "$1")
	rm -rf "$root"
	mkdir -p "$root/lib/modules-flat"
	mkdir -p "$root/selftests" && cp -a "$WORK/selftests-$KERNEL/." "$root/selftests/"
	find "$O" "$BASE/modules-$KERNEL-$1" -name '*.ko' -exec cp -t "$root/lib/modules-flat" {} + 2>/dev/null
	pack "$root" | cat "$BASEGZ" - >"$BASE/initramfs-$KERNEL-$1.gz.new" &&
	mv "$BASE/initramfs-$KERNEL-$1.gz.new" "$BASE/initramfs-$KERNEL-$1.gz"
}

all() {
	local f
	mkdir -p "$WORK/selftests"
	programs && selftests && trace_tool && gpiod_tools && gpio_selftests && base || return 1
	for f in "$@"; do
		# Not every version has an smp kernel.
		[ "$f" = smp ] && [ ! -d "$(outdir smp)" ] && continue
		modules "$f" || return 1
	done
	[ $# -eq 0 ] || du -Lch "$BASE"/initramfs-"$KERNEL"-*.gz | tail -n 1 | cut -f1 | sed 's/.*/&B/' >"$LOG.note"
}
# Two at once would pack what the other is laying out.
exec 8>"$TMP/initramfs.lock" && flock 8 || die "cannot lock $TMP/initramfs.lock"
stage "initramfs" "$LOG" all "$@"
