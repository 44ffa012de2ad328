#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# cdevm as a module, for Debian's unpatched kernels.
# dkms.sh source DIR: lays out its source in DIR: lib-resmgr, with dkms/ over it.
# dkms.sh deb: makes out/cdevm-dkms_VERSION_all.deb.
# dkms.sh roots: makes a Debian for each line of dkms/kernels.
# dkms.sh test: installs the package in a Debian for each line of dkms/kernels, removes it, and boots Debian's kernel with the
# modules that were built there. KERNELS_ONLY: only these; SUITES: only these of e2e/, a word for each boot.
. "$(dirname "$0")/lib.sh"

VERSION=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$TOP/dkms/debian/changelog")
DEB=$OUT/cdevm-dkms_${VERSION}_all.deb
SUPPORTED=$(awk '!/^#/ && NF { print $1 }' "$TOP/dkms/kernels")

# The headers of a driver and of the module have to be the same: see cdevm_config.h.
stamp() { # folder
	local c=$1/include/linux/cdevm_config.h
	sed -i '/^#define CDEVM_HEADERS/d' "$c" || return 1
	set -- "$1" "$(cat "$1"/include/linux/*.h | sha256sum | cut -c1-8)"
	sed -i "/^#define CDEVM_VERSIONED_(/i#define CDEVM_HEADERS	$2" "$c" && grep -q "CDEVM_HEADERS.$2" "$c"
}

# The sources are for the newest kernel. dkms applies what others need, as its configuration says.
compat_patches() { # folder
	local k
	for k in $SUPPORTED; do
		[ ! -e "$PATCHES/$k/compat.patch" ] || python3 - "$PATCHES/$k/compat.patch" >"$1/$k.patch" <<-'END' || return 1
		import re, sys
		# Without the tests, and by the paths of the module.
		for part in re.split(r"^(?=diff --git )", open(sys.argv[1]).read(), flags=re.M)[1:]:
		    if "/tests/" not in part.split("\n", 1)[0]:
		        sys.stdout.write(part.replace("/lib/resmgr/", "/"))
		END
	done
}

source_to() { # folder
	local D=$1
	rm -rf "$D" && mkdir -p "$D/include/linux" "$D/include/trace/events" || return 1
	mkdir "$D"/{cdevm,debug,patches} &&
	cp "$TOP"/lib-resmgr/*.[ch] "$D/" &&
	cp "$TOP"/lib-resmgr/cdevm/*.[ch] "$D/cdevm/" &&
	cp "$TOP"/lib-resmgr/debug/*.[ch] "$D/debug/" &&
	# Of these the module has its own, or none.
	rm "$D"/debug/misuse.c "$D"/cdevm/{look.c,bound.h} &&
	cp "$TOP"/include/linux/*.h "$D/include/linux/" &&
	cp "$TOP"/tracepoints/*.h "$D/include/trace/events/" &&
	cp -p "$TOP"/dkms/{*.[ch],Kbuild,keep-symvers} "$D/" && mv "$D/bound.h" "$D/cdevm/" &&
	compat_patches "$D/patches" &&
	cp "$TOP"/dkms/include/linux/*.h "$D/include/linux/" || return 1
	# Structs that drivers embed depend on options, so the first header of all sets these.
	sed -i '/^#define _LINUX_RESMGR_H$/a\\n#include <linux/cdevm_config.h>' "$D/include/linux/resmgr.h" &&
	grep -q cdevm_config.h "$D/include/linux/resmgr.h" && stamp "$D"
}

deb() {
	local D=$BASE/dkms/cdevm-$VERSION
	rm -rf "$D" && mkdir -p "$D/docs" "$D/cdevm-sample" || return 1
	source_to "$D/src" && cp -r "$TOP/dkms/debian" "$D/" || return 1
	# shellcheck disable=SC2086 # a list of versions
	set -- $SUPPORTED
	sed -i "s/@KERNELS@/$(IFS='|'; echo "$*" | sed 's/\./\\\\./g')/" "$D/debian/cdevm-dkms.dkms" &&
	(cd "$D/src/patches" && n=0 && for p in *.patch; do
		printf 'PATCH[%d]="%s"\nPATCH_MATCH[%d]="^%s\\."\n' $n "$p" $n "$(printf '%s' "${p%.patch}" | sed 's/\./\\./g')"
		n=$((n + 1))
	done) >>"$D/debian/cdevm-dkms.dkms" &&
	sed "s/@VERSION@/$VERSION/g" "$TOP/dkms/cdevm.mk" >"$D/cdevm.mk" &&
	cp "$TOP"/docs/{cdevm,cdevm-conversion}.rst "$TOP"/dkms/cdevm-module.rst "$D/docs/" &&
	cp "$TOP"/dkms/template/* "$TOP"/samples/cdevm-sample.[ch] "$D/cdevm-sample/" || return 1
	(cd "$D" && env -u MAKEFLAGS dpkg-buildpackage -us -uc -b) && mv "$BASE/dkms/${DEB##*/}" "$DEB" || return 1
	printf '%s' "${DEB#"$TOP/"}" >"$BASE/dkms/note"
}

need() { # package...
	local missing
	missing=$(for p in "$@"; do dpkg -s "$p" >/dev/null 2>&1 || printf '%s ' "$p"; done)
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
		die "please install, as root: apt-get install $missing"
	fi
	# shellcheck disable=SC2086 # a list of packages
	stage "install ${missing% }" "$LOGS/apt-dkms.log" apt_install $missing
}

make_deb() {
	need debhelper dh-dkms dpkg-dev
	stage "package for dkms" "$LOGS/dkms-deb.log" deb
	echo "  it is ${DEB#"$TOP/"}"
}

# --- the test

# The suites of each word run in one boot, and all boots at the same time: cdevm-waits only waits.
SUITES=${SUITES:-module,sample,cdevm-calls,cdevm-mmap,cdevm-async,cdevm-inside,cdevm-order,cdevm-self,cdevm-files,hid-sensor-poison cdevm-waits,live-list,trace}
ROOTS=$TOP/build/debian
# What one boot may take on a busy machine.
LIMIT=900

# A Debian as somebody has it who builds drivers: with dkms, a kernel and its headers.
root() { # version release archive suite packages
	local R=$ROOTS/$1
	[ -e "$R/usr/sbin/dkms" ] && return 0
	rm -rf "$R" "$R.new" && mkdir -p "$ROOTS" || return 1
	# Nobody boots it with what its hooks would make.
	INITRD=No mmdebstrap --variant=apt --dpkgopt=force-unsafe-io --aptopt='APT::Install-Recommends "false"' --include="dkms,xz-utils,$5" \
		"$2" "$R.new" "deb http://deb.debian.org/debian $2 main" "deb http://deb.debian.org/$3 $4 main" || return 1
	# depmod reads all modules, each time, and that takes longer than to build one. These are those that the boot needs.
	find "$R.new"/usr/lib/modules/*/kernel -name '*.ko*' ! -path '*/drivers/hid/*' ! -name 'mfd-core*' -delete &&
	chroot "$R.new" sh -c 'for k in /usr/lib/modules/*; do depmod "${k##*/}"; done' && mv "$R.new" "$R"
}

# What try-package.sh finds in /tmp/try.
try_files() { # version
	local T=$BASE/dkms/try-$1
	rm -rf "$T" && mkdir -p "$T/modules" "$T/other" || return 1
	cp "$DEB" "$T/cdevm-dkms.deb" && cp "$TOP/dkms/try-package.sh" "$T/" &&
	"$TOP/tools/overlay.py" files "$1" "$T/files" &&
	cp "$T"/files/lib/resmgr/tests/stress/cdevm_{probe,pair,desk}.[ch] "$TOP"/dkms/test/* "$T/modules/" && rm -r "$T/files" &&
	cp "$BASE/tree-$1/drivers/hid/hid-sensor-custom.c" "$T/modules/hid-sensor-custom-cdevm.c" || return 1
	# Headers of a version that there may be one day.
	source_to "$T/other/cdevm" &&
	sed -i '/^	const char		\*name;$/a\	int			of_a_later_version;' "$T/other/cdevm/include/linux/cdevm.h" &&
	grep -q of_a_later_version "$T/other/cdevm/include/linux/cdevm.h" && stamp "$T/other/cdevm" &&
	cp "$TOP"/samples/cdevm-sample.[ch] "$T/other/" || return 1
	# shellcheck disable=SC2016 # src is make's
	printf '%s\n' 'obj-m := cdevm-sample.o' 'ccflags-y := -I$(src)/cdevm/include' >"$T/other/Kbuild"
}

# The root is only read: what is written goes to a layer that is thrown away.
in_root() { # version folder command...
	local U=$BASE/dkms/layer-$1
	rm -rf "$U" && mkdir -p "$U/upper" "$U/work" "$U/root" || return 1
	# shellcheck disable=SC2016 # for the inner shell
	unshare -m bash -c '
		mount --make-rprivate / &&
		mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root" &&
		mount --bind /proc "$2/root/proc" && mount --bind /dev "$2/root/dev" &&
		mkdir -p "$2/root/tmp/try" && mount --bind "$3" "$2/root/tmp/try" &&
		exec chroot "$2/root" "${@:4}"' - "$ROOTS/$1" "$U" "$2" "${@:3}" </dev/null
	local rc=$?
	rm -rf "$U"
	return $rc
}

try_package() { # version
	local log=$LOGS/dkms-$1-package.log start p f
	start=$(now)
	try_files "$1" && in_root "$1" "$BASE/dkms/try-$1" /tmp/try/try-package.sh >"$log" 2>&1
	p=$(grep -c '^ok' "$log") f=$(grep -c '^not ok' "$log")
	[ "$p" -gt 0 ] && [ -s "$BASE/dkms/try-$1/ko/cdevm.ko" ] || f=$((f + 1))
	record "$p" "$f" 0
	show "dkms package on Debian's $1" "$(took $(($(now) - start))), $(counts "$p" "$f" 0)"
	[ "$f" -eq 0 ] && return 0
	grep -A 25 '^not ok' "$log" | head -n 40 | sed 's/^/    /'
	echo "error: the package for Debian's $1 failed; the whole log is in $log" >&2
	return 1
}

initramfs() { # version
	local W=$TOP/build/initramfs-work/debian-$1
	rm -rf "$W" && mkdir -p "$W/lib" && cp -r "$BASE/dkms/try-$1/ko" "$W/lib/modules-flat" || return 1
	find "$W" -name '*.ko' -exec strip --strip-debug {} + &&
	pack "$W" | cat "$TOP/build/initramfs-base.gz" - >"$BASE/dkms/initramfs-$1.gz"
}

boot() { # version suites log
	local log=$3 start load pid rc threads=multi
	# Each recording changes the text of the scheduler. An emulated CPU with a thread of its own may run into the int3
	# of that when it is over already, which no real one does: "Oops: int3" in ttwu_do_activate().
	case $2 in *trace*) threads=single;; esac
	# The driver that the suites are about they load themselves.
	load=$(grep -vx hid-sensor-custom "$BASE/dkms/try-$1/order" | tr '\n' ,)
	start=$(now)
	timeout -k 5 $LIMIT qemu-system-x86_64 -M q35 -accel tcg,thread=$threads -cpu max -smp 2 -m 1G \
		-nodefaults -no-user-config -display none -no-reboot -serial stdio -serial "file:$log.programs" -device edu \
		-kernel "$ROOTS/$1"/boot/vmlinuz-* -initrd "$BASE/dkms/initramfs-$1.gz" \
		-append "console=ttyS0 panic=-1 printk.devkmsg=on loglevel=6 slub_debug=FZPU e2e_tty=ttyS1 e2e=$2 e2e_load=${load}cdevm" \
		</dev/null >"$log" 2>&1 &
	pid=$!
	# shellcheck disable=SC2064 # the pid of now is meant
	trap "kill $pid 2>/dev/null; wait $pid; exit 130" INT TERM
	wait $pid
	rc=$?
	trap - INT TERM
	cat "$log.programs" >>"$log" && rm -f "$log.programs"
	judge "cdevm.ko in Debian's $1: ${2%%,*}, ..." "$log" $rc $(($(now) - start)) "KERNELS_ONLY=$1 SUITES=$2 tools/dkms.sh test"
}

# Waits for all that this shell has started; fails if one has.
join_all() {
	local status=0
	# shellcheck disable=SC2046 # a list of numbers
	trap 'kill $(jobs -p); exit 130' INT TERM
	while [ -n "$(jobs -p)" ]; do
		wait -n || status=1
	done
	trap - INT TERM
	return $status
}

boots() { # version
	local n=0 suites
	for suites in $SUITES; do
		n=$((n + 1))
		# All that it says at once, not mixed with another.
		{ said=$(boot "$1" "$suites" "$LOGS/dkms-$1-boot-$n.log" </dev/null 2>&1); rc=$?; printf '%s\n' "$said"; exit $rc; } &
	done
	join_all
}

test_kernel() { # version
	try_package "$1" || return 1
	stage "initramfs for Debian's $1" "$LOGS/dkms-$1-initramfs.log" initramfs "$1"
	boots "$1"
}

asked_for() { # the kernels, a line each
	awk -v only=" ${KERNELS_ONLY:-} " '!/^#/ && NF && (only == "  " || index(only, " " $1 " ")) { print $1 }' "$TOP/dkms/kernels"
}

roots() {
	local k release archive suite packages
	for k in $(asked_for); do
		read -r _ release archive suite packages < <(grep "^${k}[[:space:]]" "$TOP/dkms/kernels")
		stage "Debian $release with Linux $k" "$LOGS/dkms-$k-root.log" root "$k" "$release" "$archive" "$suite" "$packages"
	done
}

may_mount() { unshare -m mount --make-rprivate / 2>/dev/null; }

run_tests() {
	local k
	if ! may_mount; then
		record 0 0 1
		show "dkms package on Debian's kernels" "skipped: to make a Debian to install it in takes root, who may mount"
		return 0
	fi
	need mmdebstrap debian-archive-keyring qemu-system-x86
	roots
	make_deb
	"$TOP/tools/initramfs.sh" || return 1
	# All of them at the same time: half of the boots mostly wait.
	for k in $(asked_for); do
		test_kernel "$k" </dev/null &
	done
	join_all
}

case ${1:-} in
source) source_to "${2:?a folder}";;
deb) make_deb;;
roots)
	may_mount || exit 0
	need mmdebstrap debian-archive-keyring
	roots;;
test)
	. "$(dirname "$0")/results.sh"
	run_tests;;
*) die "dkms.sh: source DIR, deb, roots or test";;
esac
