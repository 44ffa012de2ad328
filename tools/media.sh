#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# media.sh [PART...]: V4L2, on the unpatched kernel and on ours. Parts, all of them when none is named:
#
#   unbind      UML: vivid, vim2m and vimc are unbound while they stream; vimc, which is converted, with all of its
#               nodes open, closed in random orders
#   compliance  UML: v4l2-compliance on the three of them. What is looked for is a difference between the kernels
#   skeleton    QEMU: the skeleton driver on the edu device is unbound while its node is open
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

C=$TOP/tools/configs
EXTRA=$TOP/build/initramfs-v4l.gz
parts=" ${*:-unbind compliance skeleton} "
wanted() { case $parts in *" $1 "*) return 0;; esac; return 1; }
status=0

# A flavour is media-stock, media-ours, x86-media-stock or x86-media-ours.
flavour_of() {
	O=$(outdir "$1") SRC=$TREE
	case $1 in *-stock) SRC=$PRISTINE;; esac
	case $1 in
	x86-*) ARCH=x86_64 TARGET='bzImage modules'
		FRAGMENTS="$C/x86.config $C/x86-$KERNEL.config $C/x86-kasan.config $C/x86-media.config";;
	*) ARCH=um TARGET=all FRAGMENTS="$C/e2e.config $C/e2e-$KERNEL.config $C/media.config";;
	esac
	case $1 in
	x86-media-ours) FRAGMENTS="$FRAGMENTS $C/x86-media-ours.config";;
	media-ours) FRAGMENTS="$FRAGMENTS $C/media-ours.config";;
	esac
}
kmake() { make -C "$SRC" ARCH=$ARCH O="$O" CC="$KCC" -j"$JOBS" "$@"; }

# A kernel starts as a copy of the objects of one that differs in little else than media: the end-to-end kernel, or the
# one for the stress test.
seed() { # flavour
	local S
	case $1 in
	x86-media-ours) S=x86-kasan;;
	x86-media-stock) S=x86-kasan-stock;;
	*) S=${1#media-};;
	esac
	S=$(outdir "$S")
	[ ! -e "$O" ] && [ -e "$S/vmlinux" ] || return 0
	rm -rf "$O.new"
	cp -a "$S" "$O.new" || return 1
	find "$O.new" \( -name '*.cmd' -o -name '.*.d' -o -path "$O.new/Makefile" \) -type f -print0 |
		xargs -0 sed -i "s|$S/|$O/|g; s|$S\$|$O|" || return 1
	rm -f "$O.new/linux" "$O.new/vmlinux" "$O.new/.resmgr-built" "$O.new/.resmgr-config"
	find "$O.new" -name '*.ko' -delete
	mv "$O.new" "$O"
}

# Every option that a fragment asks for must have survived kconfig.
configure() {
	local stamp bad
	# shellcheck disable=SC2086 # a list of files
	stamp=$(cat $FRAGMENTS "$0" | cksum)
	[ -f "$O/.config" ] && [ "$(cat "$O/.resmgr-config" 2>/dev/null)" = "$stamp" ] && return 0
	mkdir -p "$O"
	# The last word on an option counts, as for kconfig.
	# shellcheck disable=SC2086
	cat $FRAGMENTS >"$O/.config.want" || return 1
	kmake -s KCONFIG_CONFIG="$O/.config.next" KCONFIG_ALLCONFIG="$O/.config.want" allnoconfig || return 1
	cmp -s "$O/.config.next" "$O/.config" || cp "$O/.config.next" "$O/.config"
	bad=$(awk -F= '/^CONFIG_/ { want[$1] = $0 } END { for (o in want) print want[o] }' "$O/.config.want" |
		grep -v '=n$' | grep -vxFf "$O/.config" | sort | tr '\n' ' ')
	rm -f "$O"/.config.next* "$O/.config.want"
	if [ -n "$bad" ]; then
		echo "error: these options did not survive kconfig, look at what they depend on: $bad"
		return 1
	fi
	printf '%s\n' "$stamp" >"$O/.resmgr-config"
}

build() { # flavour log
	local n
	flavour_of "$1"
	# shellcheck disable=SC2086 # several targets
	seed "$1" && configure && kmake $TARGET || return 1
	n=$(grep -cE '^  (CC|AS|HOSTCC) ' "$2")
	[ "$n" -eq 0 ] && echo "up to date" >"$2.note" || echo "$n files" >"$2.note"
}

need() { # program package
	command -v "$1" >/dev/null 2>&1 && return 0
	if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
		die "please install $2: apt-get install $2"
	fi
	stage "install $2" "$LOGS/apt-$2.log" install "$2"
}
install() {
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q && apt-get install -q -y --no-install-recommends "$1"
}

# v4l2-compliance is linked dynamically: it comes with its libraries.
extra() {
	local root=$TOP/build/initramfs-work/v4l bin lib
	bin=$(command -v v4l2-compliance) || return 1
	rm -rf "$root"
	mkdir -p "$root/bin"
	cp "$bin" "$root/bin/" || return 1
	ldd "$bin" | grep -o '/[^ )]*' | while read -r lib; do
		mkdir -p "$root/$(dirname "$lib")"
		cp -L "$lib" "$root/$lib" || exit 1
	done || return 1
	(cd "$root" && find . -print0 | sort -z | cpio --quiet -0 -o -H newc -R 0:0 | gzip -n -1) >"$EXTRA.new" &&
	mv "$EXTRA.new" "$EXTRA"
}

# Kernel and initramfs of a flavour
prepare() { # flavour
	local log=$LOGS/build-$KERNEL-$1.log
	stage "build $1 kernel" "$log" build "$1" "$log"
	"$TOP/tools/initramfs.sh" "$1" || exit 1
	case $1 in
	media-*) cat "$EXTRA" >>"$BASE/initramfs-$KERNEL-$1.gz";;
	esac
}

qemu() { # flavour e2e-list log seconds
	flavour_of "$1"
	timeout -k 5 "$4" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 1G \
		-nodefaults -no-user-config -display none -no-reboot -serial stdio -device edu \
		-kernel "$O/arch/x86/boot/bzImage" -initrd "$BASE/initramfs-$KERNEL-$1.gz" \
		-append "console=ttyS0 panic=-1 kasan_multi_shot printk.devkmsg=on loglevel=6 acpi=noirq e2e=$2" \
		</dev/null >"$3" 2>&1 &
	pid=$!
	trap 'kill $pid 2>/dev/null; wait $pid; exit 130' INT TERM
	wait $pid
}

run() { # flavour e2e-list seconds
	local label="$2 on $1" log=$LOGS/$2-$KERNEL-$1.log start rc verdict t
	start=$(now)
	case $1 in
	x86-*) qemu "$1" "$2" "$log" "$3";;
	*) "$TOP/tools/boot.sh" "$1" "$2" "$log" "$3";;
	esac
	rc=$?
	t=$(($(now) - start))
	verdict=$("$TOP/tools/tap.py" "$log" $rc)
	# shellcheck disable=SC2046
	set -- $(printf '%s\n' "$verdict" | head -n 1)
	[ $# -eq 3 ] || set -- 0 1 0
	record "$@"
	show "$label" "$(took $t), $(counts "$@")"
	[ "$2" -eq 0 ] && return 0
	status=1
	printf '%s\n' "$verdict" | sed -e 1d -e 's/^/    /'
	echo "error: '$label' failed; the whole log is in $log" >&2
	return 1
}

compare() { # the two logs of v4l2-compliance
	local a=$LOGS/v4l2-compliance-$KERNEL-media-stock.log b=$LOGS/v4l2-compliance-$KERNEL-media-ours.log
	local log=$LOGS/v4l2-compliance-$KERNEL.diff start n
	start=$(now)
	if "$TOP/tools/compliance.py" "$a" "$b" >"$log"; then
		n=$(sed -n 's/^same: //p' "$log")
		record 1 0 0
		show "v4l2-compliance, stock and ours" "$(took $(($(now) - start))), the same: $n"
		return 0
	fi
	record 0 1 0
	status=1
	show "v4l2-compliance, stock and ours" "FAILED: they differ"
	head -n 30 "$log" | sed 's/^/    /'
	echo "error: v4l2-compliance has other results on ours than on stock; all of them are in $log" >&2
}

if wanted unbind || wanted compliance; then
	need v4l2-compliance v4l-utils
	extra || die "v4l2-compliance could not be packed"
	for f in media-stock media-ours; do
		prepare $f
		wanted unbind && run $f v4l2-unbind 600
		wanted compliance && run $f v4l2-compliance 900
	done
	wanted unbind && run media-ours v4l2-vimc 900
	wanted compliance && compare
fi
if wanted skeleton; then
	need qemu-system-x86_64 qemu-system-x86
	for f in x86-media-stock x86-media-ours; do
		prepare $f
		run $f v4l2-skeleton 900
	done
fi
exit $status
