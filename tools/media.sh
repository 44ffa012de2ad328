#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# media.sh [PART...]: V4L2 in QEMU with KASAN, on the unpatched kernel and on ours. Parts, all when none is named:
#
#   unbind      vivid, vim2m and vimc are unbound while they stream; so is the skeleton driver, on the edu device, which
#               has to show its bug on stock; and on ours vimc, which is converted, with all of its nodes open, and a
#               receiver and its sensor, which find each other by v4l2-async; and a bridge with an I2C subdev. What an
#               application sees of all that is asked of both kernels by the same program, v4l2-gone
#   nodes       on ours, the sample with nodes of every kind, a DRM device among them: closed in many orders
#   compliance  v4l2-compliance on vivid, vim2m and vimc. What is looked for is a difference between the kernels
#
# FLAVOURS=x86-media or FLAVOURS=x86-media-stock: only that one, and no comparison.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

EXTRA=$TOP/build/initramfs-v4l.gz
# What one boot may take on a busy machine.
LIMIT=2400
parts=" ${*:-unbind nodes compliance} "
wanted() { case $parts in *" $1 "*) return 0;; esac; return 1; }
status=0

install() {
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q && apt-get install -q -y --no-install-recommends v4l-utils
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

run() { # flavour e2e-list
	local log=$LOGS/${2%%,*}-$KERNEL-$1.log start args=(loglevel=6 e2e_realtime=1)
	start=$(now)
	# A leak in the stock kernel is not ours to report.
	[ "$1" = x86-media-stock ] || args+=(e2e_leaks)
	"$TOP/tools/qemu.sh" boot "$1" "$2" "$log" $LIMIT "${args[@]}"
	judge "${2%%,*} $KERNEL $1" "$log" $? $(($(now) - start)) || status=1
}

compare() { # the two logs of v4l2-compliance
	local a=$LOGS/v4l2-compliance-$KERNEL-x86-media-stock.log b=$LOGS/v4l2-compliance-$KERNEL-x86-media.log
	local log=$LOGS/v4l2-compliance-$KERNEL.diff
	if "$TOP/tools/compliance.py" "$a" "$b" >"$log"; then
		record 1 0 0
		show "v4l2-compliance, stock and ours" "the same: $(sed -n 's/^same: //p' "$log")"
		return 0
	fi
	record 0 1 0
	status=1
	show "v4l2-compliance, stock and ours" "FAILED: they differ"
	head -n 30 "$log" | sed 's/^/    /'
	echo "error: v4l2-compliance has other results on ours than on stock; all of them are in $log" >&2
}

if wanted compliance; then
	if ! command -v v4l2-compliance >/dev/null 2>&1; then
		[ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1 ||
			die "please install v4l-utils: apt-get install v4l-utils"
		stage "install v4l-utils" "$LOGS/apt-v4l-utils.log" install
	fi
	extra || die "v4l2-compliance could not be packed"
fi
for f in x86-media-stock x86-media; do
	case ",${FLAVOURS:-$f}," in *",$f,"*) ;; *) continue;; esac
	if ! { "$TOP/tools/qemu.sh" build $f && "$TOP/tools/initramfs.sh" $f; }; then
		record 0 1 0
		status=1
		continue
	fi
	[ $f = x86-media ] && more=,v4l2-vimc,v4l2-async,v4l2-bridge,misuse || more=
	! wanted unbind || run $f "v4l2-unbind,v4l2-gone,v4l2-skeleton$more"
	! wanted nodes || [ $f = x86-media-stock ] || run $f cdevm-nodes
	if wanted compliance; then
		cat "$EXTRA" >>"$BASE/initramfs-$KERNEL-$f.gz"
		run $f v4l2-compliance
	fi
done
[ -n "${FLAVOURS:-}" ] || ! wanted compliance || compare
exit $status
