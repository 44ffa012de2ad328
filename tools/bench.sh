#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# bench.sh count       builds the benchmark kernels (stock and ours, x86-64), counts instructions in QEMU
# bench.sh arm64       the same for arm64, and what a resource takes there
# bench.sh contended   two CPUs in one gate, in a User Mode Linux; for a kernel whose UML has several (KERNEL=7.3)
# bench.sh report      the table, out/bench.json and out/bench.svg, from what the others found, and what has changed
# bench.sh keep        the counts of the last report go to bench/baseline.json, with which the next ones are compared,
#                      and into docs/performance.rst
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/debian.sh"

what=${1:?count, arm64, contended, report or keep}
W=$TOP/build/bench
# The numbers, for the report: one file per kernel.
RESULTS=$W/results
mkdir -p "$RESULTS"

# use FLAVOUR: sets what the functions below work on
use() {
	flavour=$1 variant=${1##*-} board=board-i2c
	SRC=$TREE fragments=("$TOP/tools/configs/bench.config")
	case $flavour in
	bench-um) arch=um cross='' board='' fragments=("$TOP/tools/configs/bench-um.config");;
	bench-arm64-*)
		arch=arm64 cross=aarch64-linux-gnu- image=arch/arm64/boot/Image
		fragments+=("$TOP/tools/configs/bench-arm64.config")
		[ ! -e "${fragments[1]%.config}-$OPTIONS_OF.config" ] || fragments+=("${fragments[1]%.config}-$OPTIONS_OF.config");;
	*)
		arch=x86_64 cross='' image=arch/x86/boot/bzImage
		fragments+=("$TOP/tools/configs/bench-x86.config");;
	esac
	if [ "$variant" = stock ]; then SRC=$PRISTINE; else fragments+=("$TOP/tools/configs/bench-ours.config"); fi
	CC=${KCC/gcc/${cross}gcc}
	O=$(outdir "$flavour")
	M=$W/modules-$KERNEL-$flavour
	LOG=$LOGS/build-$KERNEL-$flavour.log
	INITRD=$W/initramfs-$KERNEL-$flavour.gz
}
kmake() { make -C "$SRC" ARCH=$arch CROSS_COMPILE=$cross O="$O" CC="$CC" -j"$JOBS" "$@"; }

# The shell and its commands for the guest
busybox() {
	if [ $arch = arm64 ]; then
		debs busybox-arm64 bookworm busybox-static:arm64 >&2 && printf '%s/bin/busybox' "$(undeb busybox-arm64)"
	elif ! "$TOP/tools/busybox.sh"; then
		echo "error: no static busybox; please install busybox-static" >&2
		return 1
	fi
}

initramfs() {
	local root=$W/root-$flavour b program
	b=$(busybox) || return 1
	rm -rf "$root"
	mkdir -p "$root/bin" "$root/dev"
	cp "$b" "$root/bin/busybox"
	install -m 755 "$TOP/bench/init" "$root/init"
	cp "$M"/*.ko "$root/"
	if [ $arch != um ]; then
		# Without modules.dep, which the guest makes: no tool for it has to be here.
		kmake INSTALL_MOD_PATH="$root" DEPMOD=true modules_install || return 1
	fi
	for program in syscalls drivers; do
		# shellcheck disable=SC2086 # "ccache gcc" is two words
		$CC -static -O2 -Wall -Wextra -Werror -pthread -o "$root/$program" "$TOP/bench/$program.c" || return 1
	done
	(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0 | gzip -n -1) >"$INITRD"
}

build() {
	local n
	# Most of its objects are those of the other.
	if [ "$variant" = ours ]; then
		seed "$(outdir "${flavour%ours}stock")" "$PRISTINE" "$O" "$SRC" $image || return 1
	fi
	configure "${fragments[@]}" && kmake all || return 1
	modules_outside "$M" "$TOP/bench/resmgr_bench.c" ${board:+"$TOP/e2e/modules/$board.c"}
	kmake M="$M" modules && initramfs || return 1
	n=$(grep -cE '^  (CC|AS|HOSTCC) ' "$LOG")
	[ "$n" -eq 0 ] && echo "up to date" >"$LOG.note" || echo "$n files" >"$LOG.note"
}

# measured LOG: checks that the run is complete and that the kernel reported nothing, and keeps its numbers.
measured() {
	local result=$RESULTS/$KERNEL-$flavour
	rm -f "$result"
	if ! grep -q 'bench: done' "$1" || ! "$TOP/tools/splats.py" "$1"; then
		echo "error: the benchmark did not come to its end, or the kernel reported something"
		return 1
	fi
	sed -n 's/\r$//; s/^\(\[ *[0-9.]*\] \)\?BENCH //p' "$1" >"$result.new"
	echo "$(grep -c . "$result.new") numbers" >"$1.note"
	mv "$result.new" "$result"
}

# One instruction takes one nanosecond, and a sleep takes none. The TSC counts them, so its rate is known. arm64's timer
# counts every sixteenth one.
boot_qemu() {
	local machine=(-accel "tcg,thread=single" -icount "shift=0,sleep=off" -cpu max -smp 1 -m 512M
		-nodefaults -no-user-config -display none -no-reboot -serial stdio)
	local append="panic=-1 oops=panic bench_$variant"
	if [ $arch = arm64 ]; then
		machine=(qemu-system-aarch64 -machine virt "${machine[@]}")
		append="console=ttyAMA0 $append"
	else
		machine=(qemu-system-x86_64 "${machine[@]}")
		append="console=ttyS0 tsc_early_khz=1000000 tsc=reliable $append"
	fi
	timeout -k 5 900 "${machine[@]}" -kernel "$O/$image" -initrd "$INITRD" -append "$append" </dev/null
	measured "$LOGS/$flavour-$KERNEL.log"
}

# The kernel as a whole, as it is before the linker aligns its sections, and the objects that the series is about.
sizes() {
	local o objects=("$O/drivers/base/devres.o" "$O/drivers/gpu/drm/drm_managed.o")
	size "$O/vmlinux.o" | awk -v v="$variant" 'NR == 2 { print "text_vmlinux", v, 1, $1, 1, "bytes" }'
	for o in "$O"/lib/resmgr/{,cdevm/,debug/}*.o; do
		# That one is the others of its folder, linked.
		[ ! -e "$o" ] || [ "${o##*/}" = cdevm.o ] || objects+=("$o")
	done
	size "${objects[@]}" | awk -v v="$variant" '
		NR > 1 { sub(/.*\//, "", $6); print "text_" $6, v, 1, $1, 1, "bytes" }'
}

# installed PROGRAM-OR-FILE PACKAGE
installed() {
	[ -e "$1" ] || have_program "$1" "$2" || [ -e "$1" ] || die "no $1; please install: apt-get install $2"
}

count() {
	local f
	installed qemu-system-x86_64 qemu-system-x86
	for f in bench-stock bench-ours; do
		use $f
		stage "build $f kernel" "$LOG" build
	done
	for f in bench-stock bench-ours; do
		use $f
		stage "count on ${f#bench-}" "$LOGS/$f-$KERNEL.log" boot_qemu
		sizes >>"$RESULTS/$KERNEL-$f"
	done
}

arm64() {
	local f
	installed qemu-system-aarch64 qemu-system-arm
	installed aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
	installed /usr/aarch64-linux-gnu/lib/crt1.o libc6-dev-arm64-cross
	for f in bench-arm64-stock bench-arm64-ours; do
		use $f
		stage "build $f kernel" "$LOG" build
		M=$W/bytes-$KERNEL-$variant
		stage "what a resource takes, $variant" "$LOGS/bytes-$KERNEL-$variant.log" bytes
	done
	for f in bench-arm64-stock bench-arm64-ours; do
		use $f
		stage "count on arm64 $variant" "$LOGS/$f-$KERNEL.log" boot_qemu
	done
}

# Constants of the compiler
bytes() {
	mkdir -p "$M"
	ln -sf "$TOP/bench/bytes.c" "$M/"
	printf '# SPDX-License-Identifier: GPL-2.0\n# Generated by tools/bench.sh\nobj-m := bytes.o\nccflags-y := -I%s\n' \
		"$SRC/drivers/base" >"$M/Kbuild"
	rm -f "$M/bytes.s"
	kmake M="$M" bytes.s || return 1
	sed -n 's/^.*->\([a-z]*\) [$#]*\([0-9]*\) .*/arm64_\1 '"$variant"' 1 \2 1 bytes/p' "$M/bytes.s" \
		>"$RESULTS/$KERNEL-arm64-$variant"
	[ -s "$RESULTS/$KERNEL-arm64-$variant" ]
}

boot_um() {
	timeout -k 5 600 "$O/linux" mem=256M "initrd=$INITRD" "uml_dir=$TMP/" noreboot con=null con0=fd:0,fd:1 \
		console=tty0 panic=-1 seccomp=on ncpus=2 bench_contended </dev/null
	measured "$LOGS/$flavour-$KERNEL.log"
}

contended() {
	use bench-um
	stage "build $flavour kernel" "$LOG" build
	stage "two CPUs in one gate" "$LOGS/$flavour-$KERNEL.log" boot_um
}

# of MACHINE: sets what report and keep work on: of arm64 there are tables by themselves.
of() {
	name=bench${1:+-$1} kernel=$KERNEL${1:+ $1}
}

report() {
	local m f files name kernel some=
	for m in '' arm64; do
		of "$m"
		files=()
		# The peers are those of the stock kernel.
		for f in "$RESULTS/$KERNEL-$name"-{ours,stock}; do
			[ ! -s "$f" ] || files+=("$f")
		done
		# What is there may be of another kernel, and would be kept as this one's.
		rm -f "$OUT/$name.json" "$OUT/$name.svg"
		[ ${#files[@]} -gt 0 ] || continue
		if [ -z "$m" ]; then
			for f in "$RESULTS/$KERNEL"-arm64-{ours,stock} "$RESULTS"/*-bench-um; do
				[ ! -s "$f" ] || files+=("$f")
			done
		fi
		"$TOP/tools/bench.py" report "$OUT/$name.json" "$OUT/$name.svg" "$TOP/bench/baseline.json" "$kernel" "${files[@]}"
		some=1
	done
	[ -n "$some" ] || die "there are no numbers in $RESULTS; run: make bench"
}

keep() {
	local m name kernel some=
	for m in '' arm64; do
		of "$m"
		[ -e "$OUT/$name.json" ] || continue
		"$TOP/tools/bench.py" keep "$OUT/$name.json" "$TOP/bench/baseline.json" "$kernel" "$TOP/docs/performance.rst"
		some=1
	done
	[ -n "$some" ] || die "there is no out/bench.json; run: make bench"
}

case $what in
count|arm64|contended|report|keep) $what;;
*) die "bench.sh: count, arm64, contended, report or keep, not '$what'";;
esac
