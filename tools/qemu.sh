#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# qemu.sh build FLAVOUR: builds an x86-64 kernel for QEMU. Flavours: x86-kasan, x86-kcsan; x86-media, which is x86-kasan
# with DRM and V4L2. -stock behind one of them is the unpatched kernel with the same options, -mutant is of the tree of
# stress-mutants.sh.
# qemu.sh boot FLAVOUR E2E-LIST LOG SECONDS [KERNEL-ARGUMENT...]: boots it on two emulated CPUs with the initramfs, the
# console in LOG. Exit status: 0 the guest ended by itself, 124 out of time, else QEMU's.
. "$(dirname "$0")/lib.sh"

what=${1:?build or boot} flavour=${2:?flavour}
shift 2
kind=${flavour%-stock} kind=${kind%-mutant}
devices=(-device edu) memory=1G
# What a flavour is made of: the options in files of these names, and those that only one of the two kernels has or
# needs in NAME-ours.config and NAME-stock.config.
case $kind in
x86-kasan|x86-kcsan) layers="x86 x86-$OPTIONS_OF $kind";;
x86-media) layers="x86 x86-$OPTIONS_OF x86-kasan x86-media"
	devices+=(-device bochs-display -device virtio-gpu-pci) memory=2G;;
*) die "qemu.sh: no flavour '$flavour'";;
esac
case $flavour in
*-stock) SRC=$PRISTINE;;
*-mutant) SRC=$BASE/mutant-$KERNEL;;
*) SRC=$TREE;;
esac
FRAGMENTS=
side=ours
[ "$SRC" != "$PRISTINE" ] || side=stock
for layer in $layers; do
	FRAGMENTS="$FRAGMENTS $TOP/tools/configs/$layer.config"
	[ ! -e "$TOP/tools/configs/$layer-$side.config" ] ||
		FRAGMENTS="$FRAGMENTS $TOP/tools/configs/$layer-$side.config"
done
O=$(outdir "$flavour")
LOG=$LOGS/build-$KERNEL-$flavour.log
IMAGE=$O/arch/x86/boot/bzImage
kmake() { make -C "$SRC" ARCH=x86_64 O="$O" CC="$KCC" -j"$JOBS" "$@"; }

need_qemu() {
	command -v qemu-system-x86_64 >/dev/null 2>&1 && return 0
	if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
		die "please install QEMU: apt-get install qemu-system-x86"
	fi
	stage "install QEMU" "$LOGS/apt-qemu.log" apt_install qemu-system-x86
}

# What is not in the kernel's tree: what takes the place of hardware that QEMU has not, for the real drivers; the suites
# that make claims about stock; and the drivers of mainline that RESMGR_DEBUG has to report, beside the converted ones.
outside() {
	local M=$BASE/modules-$KERNEL-$flavour
	local f files=() mainline=()
	case $flavour in
	x86-kasan|x86-kasan-stock) files=("$TOP"/e2e/modules/board-{cros-ec,smo8800}.c);;
	x86-media) files=("$TOP"/e2e/modules/board-{camera,bridge,m2m}.c);;
	x86-media-stock) files=("$TOP"/e2e/modules/board-m2m.c "$TOP/kunit/drm/drmm_kunit.c" "$TOP"/kunit/{resmgr_kunit,lib}.h);;
	esac
	case $flavour in
	x86-kasan)
		mainline=(drivers/{platform/{x86/dell/dell-smo8800,chrome/cros_ec_chardev},misc/pci_endpoint_test});;
	x86-media) mainline=(samples/v4l/v4l2-pci-skeleton);;
	esac
	for f in "${mainline[@]}"; do
		files+=("$PRISTINE/$f.c:${f##*/}-mainline.c")
	done
	[ ${#files[@]} -gt 0 ] || return 0
	modules_outside "$M" "${files[@]}"
	make -C "$O" ARCH=x86_64 CC="$KCC" -j"$JOBS" M="$M" modules
}

build() {
	local n
	# With a few options more than another that may be there: then most of its objects are these.
	if [ "$kind" = x86-media ]; then
		seed "$(outdir "x86-kasan${flavour#"$kind"}")" "$SRC" "$O" "$SRC" arch/x86/boot/bzImage || return 1
	fi
	case $flavour in
	*-stock) seed "$(outdir "$kind")" "$TREE" "$O" "$SRC" arch/x86/boot/bzImage || return 1;;
	*-mutant) ;;
	*) seed "$(outdir "$kind-stock")" "$PRISTINE" "$O" "$SRC" arch/x86/boot/bzImage || return 1;;
	esac
	# shellcheck disable=SC2086 # a list of files
	configure $FRAGMENTS && kmake bzImage modules && outside || return 1
	n=$(grep -cE '^  (CC|AS|HOSTCC) ' "$LOG")
	[ "$n" -eq 0 ] && echo "up to date" >"$LOG.note" || echo "$n files" >"$LOG.note"
}

boot() {
	local e2e=${1:?e2e list} log=${2:?log} limit=${3:?seconds} initrd=${INITRD:-$BASE/initramfs-$KERNEL-$flavour.gz}
	shift 3
	[ -e "$IMAGE" ] || die "no $IMAGE; run: tools/qemu.sh build $flavour"
	[ -e "$initrd" ] || die "no $initrd; run: tools/initramfs.sh $flavour"
	# A q35: the old PC's interrupt routing is a loop in ACPI's bytecode, which takes 30 s here. Without five-level page
	# tables: while identify_cpu() reads the features again, LA57 is off for a moment, and an interrupt that comes then, as
	# on a busy machine, finds a KASAN that knows no address of this kernel, and reports for ever.
	timeout -k 5 "$limit" qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu max,la57=off -smp 2 -m $memory \
		-nodefaults -no-user-config -display none -no-reboot "${devices[@]}" \
		-serial stdio -serial "file:$log.programs" -kernel "$IMAGE" -initrd "$initrd" \
		-append "console=ttyS0 panic=-1 kasan_multi_shot printk.devkmsg=on e2e=$e2e e2e_tty=ttyS1 $*" \
		</dev/null >"$log" 2>&1 &
	pid=$!
	trap 'kill $pid 2>/dev/null; wait $pid; exit 130' INT TERM
	wait $pid
	rc=$?
	# On one line, a second CPU would print a report in the middle of what a program says.
	cat "$log.programs" >>"$log" && rm -f "$log.programs"
	return $rc
}

case $what in
build)
	need_qemu
	stage "build $flavour kernel" "$LOG" build;;
boot)
	# What the last boot said is not to be judged if this one does not come to pass.
	: >"${2:?log}"
	need_qemu
	boot "$@";;
*)
	die "qemu.sh: build or boot, not '$what'";;
esac
