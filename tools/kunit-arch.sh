#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kunit-arch.sh [ARCH...]: builds a small kernel for each of these architectures, boots it in emulation, and runs our KUnit
# suites there. Without a name: all below. FILTER=GLOB: these suites only. Compilers and emulators are installed with
# apt, if root; else what has none is skipped. All have lockdep, which looks at what PREEMPT_RT asks of locks, too.
#
#   arm64       4 CPUs, preemption, KASAN
#   arm64-mte   the same, with KASAN in hardware (memory tagging)
#   arm         32 bit, 4 CPUs, no preemption of readers (RCU)
#   s390        64 bit, big endian, 2 CPUs
#   x86-tiny    one CPU, TINY_RCU
#   x86-rt      4 CPUs, PREEMPT_RT
#   x86-kcsan   4 CPUs, preemption; KCSAN by the rules of the memory model, and memory barriers, in our objects alone: the
#               kernel's own keep other rules, and their reports would drown ours
#
# What the emulated machine is comes from the kernel's own tools/testing/kunit/qemu_configs. kunit.py does not boot it:
# that prefers KVM, which a machine may offer and not be able to do.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

# arch NAME: sets what the functions below work on
arch() {
	local l described
	arch=$1 layers=$1 cpus=4 machine=() only=()
	case $1 in
	arm64) kunit=arm64 cross=aarch64-linux-gnu- package=qemu-system-arm layers="arm64 kasan";;
	arm64-mte) kunit=arm64 cross=aarch64-linux-gnu- package=qemu-system-arm layers="arm64 mte" machine=(-machine mte=on);;
	arm) kunit=arm cross=arm-linux-gnueabihf- package=qemu-system-arm;;
	s390) kunit=s390 cross=s390x-linux-gnu- package=qemu-system-misc cpus=2;;
	x86-*) kunit=x86_64 cross='' package=qemu-system-x86 layers="x86 ${1#x86-}" machine=(-machine q35 -cpu max,la57=off);;
	*) die "kunit-arch.sh: no architecture '$1'";;
	esac
	[ "$1" != x86-tiny ] || cpus=1
	# By the names of the objects; mm/memory.o would be another one.
	if [ "$1" = x86-kcsan ]; then
		mapfile -t only < <(find "$TREE/lib/resmgr/" -name '*.c' ! -name memory.c -printf 'KCSAN_SANITIZE_%f\n' |
			sed 's/\.c$/.o=y/')
		only+=(KCSAN_SANITIZE=n KCSAN_SANITIZE_devres.o=y)
	fi
	O=$(outdir "kunit-$1")
	BUILDLOG=$LOGS/build-$KERNEL-kunit-$1.log
	LOG=$LOGS/kunit-$1-$KERNEL.log
	FRAGMENTS=("$TMP/kunit-arch-$1.config" "$TOP/tools/configs/kunit-arch.config")
	for l in $layers; do
		[ -e "$TOP/tools/configs/kunit-$l.config" ] || die "kunit-arch.sh: no architecture '$1'"
		FRAGMENTS+=("$TOP/tools/configs/kunit-$l.config")
		[ ! -e "$TOP/tools/configs/kunit-$l-$OPTIONS_OF.config" ] ||
			FRAGMENTS+=("$TOP/tools/configs/kunit-$l-$OPTIONS_OF.config")
	done
	CC=${KCC/gcc/${cross}gcc}
	# What follows is what this prints.
	linux_arch='' qemu='' image='' cmdline='' params=() serial=''
	described=$(cd "$TREE/tools/testing" && python3 -B -c '
import importlib, shlex, sys
sys.path.insert(0, ".")
q = importlib.import_module("kunit.qemu_configs." + sys.argv[1]).QEMU_ARCH
with open(sys.argv[2], "w") as f:
    f.write(q.kconfig + "\n")
print("linux_arch=%s qemu=qemu-system-%s image=%s" % (q.linux_arch, q.qemu_arch, q.kernel_path))
print("cmdline=%s params=(%s) serial=%s" % (shlex.quote(q.kernel_command_line), shlex.join(q.extra_qemu_params), q.serial))
' "$kunit" "${FRAGMENTS[0]}") || die "the kernel's kunit.py knows no machine '$kunit'"
	eval "$described"
	find "$TREE/lib/resmgr/tests/" -name .kunitconfig -exec cat {} + | grep '^CONFIG' >>"${FRAGMENTS[0]}"
}
kmake() { make -C "$TREE" ARCH="$linux_arch" CROSS_COMPILE="$cross" O="$O" CC="$CC" -j"$JOBS" "${only[@]}" "$@"; }

build() {
	local n
	configure "${FRAGMENTS[@]}" && kmake "${image##*/}" || return 1
	n=$(grep -cE '^  (CC|AS|HOSTCC) ' "$BUILDLOG")
	[ "$n" -eq 0 ] && echo "up to date" >"$BUILDLOG.note" || echo "$n files" >"$BUILDLOG.note"
}

boot() {
	# 6.12 does not know autorun, and does without.
	timeout -k 5 1500 "$qemu" -nodefaults -nographic -no-reboot -accel tcg,thread=multi -m 1024 -smp "$cpus" \
		"${params[@]}" "${machine[@]}" -serial "$serial" -kernel "$O/$image" \
		-append "$cmdline kunit_shutdown=reboot kunit.enable=1 kunit.autorun=1 kasan_multi_shot ${FILTER:+kunit.filter_glob=$FILTER}" \
		</dev/null >"$LOG.console" 2>&1
	local rc=$?
	# A CPU that has to report something takes the console away from another, and that says its line again.
	awk '/^\*\* replaying previous printk message \*\*/ { held = 0; next }
		held { print line } { line = $0; held = 1 } END { if (held) print line }' "$LOG.console" >"$LOG"
	rm -f "$LOG.console"
	return $rc
}

run() {
	local start p all
	arch "$1"
	all=$O/.config
	[ -z "${FILTER:-}" ] || all=
	for p in "${cross}gcc:gcc${cross:+-${cross%-}}" "$qemu:$package"; do
		have_program "${p%:*}" "${p#*:}" && continue
		record 0 0 1
		show "kunit $KERNEL $arch" "skipped: no ${p%:*}, please install ${p#*:}"
		return 0
	done
	# What does not build is one failure.
	(stage "build kunit-$arch kernel" "$BUILDLOG" build) || { record 0 1 0; return 1; }
	start=$(now)
	boot
	judge_kunit "kunit $KERNEL $arch" "$LOG" $? $(($(now) - start)) "$OUT/kunit-$arch-$KERNEL.json" "$all"
}

[ $# -gt 0 ] || set -- arm64 arm64-mte arm s390 x86-tiny x86-rt x86-kcsan
[ -d "$TREE" ] || die "no $TREE; run: make tree"
status=0
for a in "$@"; do
	run "$a" || status=1
done
exit $status
