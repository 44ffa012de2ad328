#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# build-check.sh [x86] [allno] [few] [allmod] [w1] [clang] [arm64] [sh]: checks that it compiles elsewhere, without warnings: everything, or
# the named parts. The builds are small (allnoconfig and what is named below), and only linked where that is needed:
#
#   x86-64, gcc     vmlinux and modules, linked: modpost finds a symbol that is not exported. All tests and
#                   samples are modules here. No lockdep, no KASAN: the branches that the UML kernels do not see.
#   x86-64, allno   vmlinux of allnoconfig, linked: no manager's user is left without what it calls
#   x86-64, few     what the series touches in V4L2 and USB, and its own, with no option that is not needed for that:
#                   no media controller, no power management, no debugfs, no modules
#   x86-64, allmod  the objects that the series touches, in allmodconfig: with every other option, and all of them
#   x86-64, W=1     the same objects, before the series and after it: no warning may be new. Its own files, for which
#                   there is no before, may have none.
#   x86-64, clang   the same objects; W=1 for our own files
#   arm64, gcc      the same objects, in allyesconfig: tests built in
#   sh, gcc         the one object that the series touches there
#
# UML with gcc, tests built in, is what make kunit and make series-check build and run; as modules, make e2e.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

parts=" ${*:-x86 allno few allmod w1 clang arm64 sh} "
wanted() { case $parts in *" $1 "*) return 0;; esac; return 1; }
W=$BASE/build-check-$KERNEL
mkdir -p "$W"
status=0
mapfile -t patches < <("$TOP/tools/overlay.py" patches "$KERNEL")
mapfile -t touched < <(sed -n 's|^+++ b/||p' "${patches[@]}" | sort -u)

# --- what is built
common='
CONFIG_64BIT=y
CONFIG_EXPERT=y
CONFIG_SMP=y
CONFIG_NUMA=y
CONFIG_PRINTK=y
CONFIG_BUG=y
CONFIG_MODULES=y
CONFIG_MODULE_UNLOAD=y
CONFIG_SYSFS=y
CONFIG_PROC_FS=y
CONFIG_DEBUG_KERNEL=y
CONFIG_DEBUG_FS=y
CONFIG_DEBUG_FS_ALLOW_ALL=y
CONFIG_FTRACE=y
CONFIG_ENABLE_DEFAULT_TRACERS=y
CONFIG_COMPAT=y
CONFIG_SUSPEND=y
CONFIG_FW_LOADER=y
CONFIG_FW_CACHE=y
CONFIG_INPUT=y
CONFIG_HID_SUPPORT=y
CONFIG_HID=y
CONFIG_HID_SENSOR_HUB=m
CONFIG_HID_SENSOR_CUSTOM_SENSOR=m
CONFIG_PCI=y
CONFIG_PCI_ENDPOINT_TEST=m
CONFIG_OF=y
CONFIG_OPEN_DICE=m
CONFIG_I2C=y
CONFIG_I2C_SLAVE=y
CONFIG_IPMB_DEVICE_INTERFACE=m
CONFIG_FSI=m
CONFIG_FSI_MASTER_I2CR=m
CONFIG_I2CR_SCOM=m
CONFIG_CHROME_PLATFORMS=y
CONFIG_CROS_EC=m
CONFIG_MFD_CROS_EC_DEV=m
CONFIG_CROS_EC_CHARDEV=m
CONFIG_SAMPLES=y
CONFIG_MEDIA_SUPPORT=y
CONFIG_MEDIA_SUPPORT_FILTER=y
CONFIG_MEDIA_TEST_SUPPORT=y
CONFIG_MEDIA_PCI_SUPPORT=y
CONFIG_MEDIA_CONTROLLER=y
CONFIG_VIDEO_DEV=y
CONFIG_VIDEO_V4L2_SUBDEV_API=y
CONFIG_V4L_TEST_DRIVERS=y
CONFIG_VIDEO_VIMC=m
CONFIG_VIDEO_PCI_SKELETON=m
'
x86='
CONFIG_DEBUG_DEVRES=y
CONFIG_IA32_EMULATION=y
CONFIG_ACPI=n
CONFIG_COMPILE_TEST=y
CONFIG_X86_PLATFORM_DEVICES=y
CONFIG_X86_PLATFORM_DRIVERS_DELL=y
CONFIG_DELL_SMO8800=m
CONFIG_DRM=m
'
few='
CONFIG_64BIT=y
CONFIG_PCI=y
CONFIG_I2C=y
CONFIG_USB_SUPPORT=y
CONFIG_USB=y
CONFIG_USB_IOWARRIOR=y
CONFIG_USB_LD=y
CONFIG_MEDIA_SUPPORT=y
CONFIG_MEDIA_PLATFORM_SUPPORT=y
CONFIG_MEDIA_PCI_SUPPORT=y
CONFIG_MEDIA_USB_SUPPORT=y
CONFIG_MEDIA_RADIO_SUPPORT=y
CONFIG_MEDIA_TEST_SUPPORT=y
CONFIG_VIDEO_DEV=y
CONFIG_RADIO_ADAPTERS=y
CONFIG_RADIO_TEA5764=y
CONFIG_VIDEO_DT3155=y
CONFIG_USB_VIDEO_CLASS=y
CONFIG_V4L_TEST_DRIVERS=y
CONFIG_VIDEO_VIM2M=y
CONFIG_CDEVM=y
'
ours() { # the tests are modules
	printf 'CONFIG_KUNIT=m\nCONFIG_CDEVM=y\nCONFIG_RESMGR_DEBUG=y\n'
	cat "$TREE"/lib/resmgr/tests/{,*/}Kconfig "$TREE/samples/cdevm/Kconfig" | awk '
		/^config / { name = $2; wanted[name] }
		# These need functions that are not exported.
		/^\tbool/ { delete wanted[name] }
		# Lockdep is off here. make e2e builds the code for it.
		/depends on .*PROVE_LOCKING/ { delete wanted[name] }
		END { for (name in wanted) print "CONFIG_" name "=m" }'
}

# Those that are there before the series, and the folders that are new. Not here: files of the series that grow in it;
# what other files include; what another architecture has; a bus whose header has empty functions where it cannot be
# asked for; and a driver of a 32-bit machine.
mapfile -t old_objects < <(printf '%s\n' "${touched[@]}" | sed -n 's/\.c$/.o/p' |
	grep -vE '^(lib/resmgr|rust|arch|drivers/s390)/|^sound/ac97/bus\.o$|^drivers/video/fbdev/pxa3xx-gcu\.o$')
mapfile -t x86_objects < <(printf '%s\n' "${old_objects[@]}" | grep -vxF drivers/amba/bus.o)
new_objects=(lib/resmgr/ samples/cdevm/ drivers/media/v4l2-core/v4l2-cdevm.o drivers/media/mc/mc-cdevm.o
	drivers/media/common/videobuf2/videobuf2-cdevm.o)
# A line of a compiler that is about a new file
ours_re='(lib/resmgr/|samples/cdevm/|drivers/media/.*cdevm|include/media/.*cdevm|include/linux/(resmgr|cdevm)|include/trace/events/(resmgr|cdevm))'

# with SOURCE MAKE-ARGUMENT...: what kmake builds from now on
with() { SRC=$1 ARGS=("${@:2}"); }
kmake() { make -C "$SRC" O="$O" -j"$JOBS" "${ARGS[@]}" "$@"; }

options() { # of the kernel in $O, as a text
	printf '%s\n' "$1" >"$O.options"
	configure "$O.options"
}

# What is looked at has to be compiled, or an object that gave a warning would give none the next time. (ccache
# repeats the warnings.)
fresh() {
	[ -d "$O" ] || return 0
	(cd "$O" && rm -f "${old_objects[@]}" && for d in "${new_objects[@]}"; do
		[ ! -e "$d" ] || find "$d" -name '*.o' -delete
	done)
}

ccache() { if [ "$KCC" = gcc ]; then printf '%s' "$1"; else printf 'ccache %s' "$1"; fi; }

# warnings LOG: one line per warning, without what differs between two trees
warnings() {
	grep -aE '(warning|error): ' "$1" | sed -E "s#^.*/(linux|tree)-$KERNEL/##; s#^(\.\./)+##; s#:[0-9]+(:[0-9]+)?:#:#" | sort -u
}

# part LABEL LOG FUNCTION: builds, then looks at what FINDINGS prints about the log; none is a pass.
FINDINGS=warnings
part() {
	local start
	start=$(now)
	# Its line comes below, with the result.
	if ! (stage "$1" "$2" "$3") | sed -u '/ FAILED /b; /^  [^ ].* [0-9]*m\?[0-9]*s\( (.*)\)\?$/d'; then
		record 0 1 0
		status=1
		return
	fi
	$FINDINGS "$2" >"$2.findings"
	if [ -s "$2.findings" ]; then
		record 0 1 0
		status=1
		show "$1" "$(took $(($(now) - start))), FAILED: $(grep -c . "$2.findings") warnings"
		head -n 20 "$2.findings" | sed 's/^/    /'
		echo "error: '$1' gave warnings; the whole log is in $2" >&2
		return
	fi
	record 1 0 0
	show "$1" "$(took $(($(now) - start))), $(grep -cE '^  (CC|AS|HOSTCC) ' "$2") files, ${CLEAN:-no warnings}"
}
skipped() { # label why
	record 0 0 1
	show "$1" "skipped: $2"
}

of_ours() { # of what is said, only what is about files of the series
	warnings "$1" | grep -E "^($ours_re|$(printf '%s|' "${touched[@]}" | sed 's/|$//'):)"
}
x86_gcc() {
	O=$W/x86
	fresh
	with "$TREE" ARCH=x86_64
	options "$common$x86$(ours)" &&
		kmake CC="$KCC" vmlinux modules || return 1
	# Nothing of ours may be missing because an option took it away.
	local f missing=
	for f in "$TREE"/lib/resmgr/{,*/,tests/*/}*.c "$TREE"/samples/cdevm/*.c; do
		f=${f#"$TREE"/}
		case $f in *_lockdep_kunit.c|*/resmgr_debug_kunit.c) continue;; esac
		[ -e "$O/${f%.c}.o" ] || missing="$missing $f"
	done
	[ -z "$missing" ] || { echo "error: not built:$missing"; return 1; }
}

# The two ends of what can be asked for. Ours are in neither but by their defaults and by "all". In the upper one each
# driver has what it depends on.
end_of_options() { # target of make, SOURCE MAKE-ARGUMENT...
	local target=$1
	shift
	fresh
	with "$@"
	mkdir -p "$O"
	# The file is as it was, and nothing is built anew, if no option is.
	kmake "$target"
}
all_options() { # target of make, SOURCE MAKE-ARGUMENT...
	end_of_options "$@" && kmake CC="$CC_IS" prepare modules_prepare
}
objects() { kmake CC="$CC_IS" KBUILD_MODPOST_WARN=1 "$@"; }

x86_allno() {
	O=$W/x86-allno
	end_of_options allnoconfig "$TREE" ARCH=x86_64 && kmake CC="$KCC" vmlinux
}
x86_few() {
	O=$W/x86-few
	fresh
	with "$TREE" ARCH=x86_64
	options "$few" && kmake CC="$KCC" vmlinux
}
x86_allmod() {
	O=$W/x86-allmod CC_IS=$KCC
	all_options allmodconfig "$TREE" ARCH=x86_64 &&
		objects "${x86_objects[@]}" "${new_objects[@]}"
}

# Warnings are looked at, and so must not end it.
x86_w1() {
	O=$W/x86-w1 CC_IS=$KCC
	all_options allmodconfig "$TREE" ARCH=x86_64 KCFLAGS=-Wno-error &&
		objects W=1 "${x86_objects[@]}" "${new_objects[@]}"
}
x86_w1_before() {
	O=$W/x86-w1-before CC_IS=$KCC
	all_options allmodconfig "$PRISTINE" ARCH=x86_64 KCFLAGS=-Wno-error &&
		objects W=1 "${x86_objects[@]}"
}
not_before() { comm -13 "$L-w1-before.warnings" <(warnings "$1"); }

x86_clang() {
	O=$W/x86-clang CC_IS=$(ccache "$clang")
	all_options allmodconfig "$TREE" ARCH=x86_64 CC="$clang" KCFLAGS=-Wno-error &&
		objects "${x86_objects[@]}" && objects W=1 "${new_objects[@]}"
}

arm64_gcc() {
	O=$W/arm64 CC_IS=$(ccache aarch64-linux-gnu-gcc)
	all_options allyesconfig "$TREE" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- &&
		objects "${old_objects[@]}" "${new_objects[@]}"
}

sh_gcc() {
	O=$W/sh
	rm -f "$O/$sh_objects"
	local args=(ARCH=sh CROSS_COMPILE=sh4-linux-gnu-)
	with "$TREE" "${args[@]}"
	options "" &&
		kmake CC="$(ccache sh4-linux-gnu-gcc)" prepare &&
		# One at a time: make comes into this folder twice.
		kmake CC="$(ccache sh4-linux-gnu-gcc)" -j1 "$sh_objects"
}

L=$LOGS/build-check-$KERNEL
FINDINGS=of_ours
if wanted x86; then
	part "x86-64, gcc, modules" "$L-x86.log" x86_gcc
fi

if wanted allno; then
	part "x86-64, gcc, allnoconfig" "$L-allno.log" x86_allno
fi
if wanted few; then
	part "x86-64, gcc, few options" "$L-few.log" x86_few
fi
if wanted allmod; then
	part "x86-64, gcc, allmodconfig, objects" "$L-allmod.log" x86_allmod
fi

if wanted w1; then
	FINDINGS=:
	CLEAN='to compare with' part "x86-64, W=1, without the series" "$L-w1-before.log" x86_w1_before
	warnings "$L-w1-before.log" >"$L-w1-before.warnings"
	FINDINGS=not_before
	CLEAN='no new warnings' part "x86-64, W=1, with it" "$L-w1.log" x86_w1
fi

FINDINGS=warnings
if wanted clang; then
	clang=
	min=$(awk '/^llvm\)/ { l = 1 } l && /else/ { e = 1 } l && e && /echo/ { print $2; exit }' \
		"$PRISTINE/scripts/min-tool-version.sh")
	for c in clang clang-19; do
		[ "$c" = clang ] || have_program $c $c || continue
		v=$($c -dumpversion 2>/dev/null) || continue
		[ "$(printf '%s\n' "$min" "$v" | sort -V | head -n 1)" = "$min" ] && { clang=$c; break; }
	done
	if [ -n "$clang" ]; then
		part "x86-64, clang $v, objects" "$L-clang.log" x86_clang
	else
		skipped "x86-64, clang, objects" "no clang >= $min"
	fi
fi

if wanted arm64; then
	if have_program aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu; then
		part "arm64, gcc, objects" "$L-arm64.log" arm64_gcc
	else
		skipped "arm64, gcc, objects" "no aarch64-linux-gnu-gcc"
	fi
fi

# This kernel of sh says things about itself.
FINDINGS=of_ours
sh_objects=$(printf '%s\n' "${touched[@]}" | sed -n '/^arch\/sh\//s/\.c$/.o/p')
if wanted sh && [ -n "$sh_objects" ]; then
	if have_program sh4-linux-gnu-gcc gcc-sh4-linux-gnu; then
		part "sh, gcc, ${sh_objects##*/}" "$L-sh.log" sh_gcc
	else
		skipped "sh, gcc, ${sh_objects##*/}" "no sh4-linux-gnu-gcc"
	fi
fi
totals
exit $status
