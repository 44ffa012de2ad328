#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# build.sh stock|ours|smp: configures and builds an end-to-end kernel with its modules, then those of our modules that
# are not in its tree. smp is ours with several CPUs, for the versions that have a configuration for that; nothing is
# done for the others. What is up to date is not built again.
. "$(dirname "$0")/lib.sh"

flavour=${1:?stock, ours or smp}
case $flavour in stock|ours|smp) ;; *) die "build.sh: no flavour '$flavour' (stock, ours or smp)";; esac
version_conf=$TOP/tools/configs/e2e-$OPTIONS_OF.config
if [ "$flavour" = smp ]; then
	version_conf=$TOP/tools/configs/e2e-$OPTIONS_OF-smp.config
	[ -e "$version_conf" ] || exit 0
fi
SRC=$(srcdir "$flavour")
O=$(outdir "$flavour")
LOG=$LOGS/build-$KERNEL-$flavour.log
FRAGMENTS=("$TOP/tools/configs/e2e.config" "$version_conf")
[ "$flavour" = smp ] || FRAGMENTS+=("$TOP/tools/configs/e2e-drivers.config")
[ "$flavour" = stock ] || FRAGMENTS+=("$TOP/tools/configs/ours.config")
kmake() { make -C "$SRC" ARCH=um O="$O" CC="$KCC" -j"$JOBS" "$@"; }

# The second of the two kernels that differ in our options alone starts as a copy of the first one's objects.
seed_other() {
	local other=stock
	[ "$flavour" = smp ] && return
	[ "$flavour" = stock ] && other=ours
	seed "$(outdir $other)" "$(srcdir $other)" "$O" "$SRC" linux
}

# Modules that are not in the tree of this kernel, built like any out-of-tree module.
outside() {
	local M=$BASE/modules-$KERNEL-$flavour
	local f files=("$TOP"/e2e/modules/board-{clock,dice,dmabuf,i2c,import,m2m,mmio,nodes,open-dice,pci,ptp,regulator}.c "$TOP"/e2e/modules/{xilinx-hwicap.c,board-dmabuf.h})
	# Drivers of hardware that UML has not, and some of which cannot be asked for there: e2e/many-drivers.c.
	for f in char/ipmi/{bt-bmc,kcs_bmc,kcs_bmc_aspeed,kcs_bmc_cdev_ipmi} media/pci/dt3155/dt3155 \
		media/radio/radio-tea5764 \
		misc/xilinx_sdfec platform/goldfish/goldfish_pipe soc/aspeed/aspeed-{lpc-ctrl,lpc-snoop,p2a-ctrl} \
		staging/axis-fifo/axis-fifo video/fbdev/pxa3xx-gcu; do
		files+=("$SRC/drivers/$f.c")
	done
	if [ "$flavour" = stock ]; then
		# The broken twin of the sample and the devres suite, which make claims about stock.
		files+=("$TOP"/samples/*.h "$TOP/samples/devm-sample.c" "$TOP"/kunit/{lib,groups,memory}.h
			"$TOP/kunit/devres/devres_kunit.c")
	else
		# Drivers as mainline has them, beside the converted ones: what the demo compares, and what RESMGR_DEBUG
		# has to report.
		for f in hid/hid-sensor-custom char/ipmi/ipmb_dev_int fsi/i2cr-scom misc/open-dice; do
			files+=("$PRISTINE/drivers/$f.c:${f##*/}-mainline.c")
		done
		files+=("$TOP"/e2e/modules/board-{camera,bridge,usb}.c)
	fi
	modules_outside "$M" "${files[@]}"
	# Newer kernels do not rebuild out-of-tree modules when an option has changed the members of a struct.
	if ! cmp -s "$O/.config" "$M/config"; then
		find "$M" -name '*.o' -delete
		cp "$O/.config" "$M/config"
	fi
	make -C "$O" ARCH=um CC="$KCC" -j"$JOBS" M="$M" modules || return 1
	# The hardware that UML has, as far as drivers need to be told.
	"$O/scripts/dtc/dtc" -q -o "$O/e2e.dtb" "$TOP/e2e/modules/board.dts"
}

# A make that finds nothing to do takes ten seconds for each kernel. Nothing is to be done when no input of it is
# newer than the last build that went well; a file that was removed makes its directory newer. Not for a tree of the
# user's, in which anything may have changed.
unchanged() {
	local inputs=(tools/build.sh tools/lib.sh tools/configs samples kunit e2e/modules)
	[ "$flavour" != stock ] && inputs+=(lib-resmgr include tracepoints "$PATCHES/series" "$PATCHES"/{common,"$KERNEL"})
	[ -z "$LINUX" ] && [ -x "$O/linux" ] && [ -e "$O/.resmgr-built" ] || return 1
	[ -z "$(cd "$TOP" && find "${inputs[@]}" -newer "$O/.resmgr-built" -print -quit)" ]
}

build() {
	local n
	if unchanged; then
		echo "up to date" >"$LOG.note"
		return 0
	fi
	touch "$TMP/built-$KERNEL-$flavour"
	seed_other && configure "${FRAGMENTS[@]}" || return 1
	kmake all || return 1
	[ "$flavour" = smp ] || outside || return 1
	n=$(grep -cE '^  (CC|AS|HOSTCC) ' "$LOG")
	[ "$n" -eq 0 ] && echo "up to date" >"$LOG.note" || echo "$n files" >"$LOG.note"
	# Its time is that of the beginning of this build: a file that was edited meanwhile is newer.
	mv "$TMP/built-$KERNEL-$flavour" "$O/.resmgr-built"
}

stage "build $flavour kernel" "$LOG" build
