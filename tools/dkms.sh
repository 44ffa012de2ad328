#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# cdevm as a module, for the kernels of Debian as they are.
# dkms.sh source DIR: lays out its source in DIR: lib-resmgr, with dkms/ over it.
# dkms.sh deb: makes out/cdevm-dkms_VERSION_all.deb.
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

source_to() { # folder
	local D=$1
	rm -rf "$D" && mkdir -p "$D/include/linux" "$D/include/trace/events" || return 1
	cp "$TOP"/lib-resmgr/*.[ch] "$D/" &&
	# Of these the module has its own, or none.
	rm "$D"/{misuse.c,cdevm_look.c,cdevm_bound.h} &&
	cp "$TOP"/include/linux/*.h "$D/include/linux/" &&
	cp "$TOP/tracepoints/resmgr.h" "$D/include/trace/events/" &&
	cp -p "$TOP"/dkms/{*.[ch],Kbuild,keep-symvers} "$D/" &&
	cp "$TOP"/dkms/include/linux/*.h "$D/include/linux/" || return 1
	# What drivers embed looks different with other options: they come with the first header of all.
	sed -i '/^#define _LINUX_RESMGR_H$/a\\n#include <linux/cdevm_config.h>' "$D/include/linux/resmgr.h" &&
	grep -q cdevm_config.h "$D/include/linux/resmgr.h" && stamp "$D"
}

deb() {
	local D=$BASE/dkms/cdevm-$VERSION
	rm -rf "$BASE/dkms" && mkdir -p "$D/docs" "$D/cdevm-sample" || return 1
	source_to "$D/src" && cp -r "$TOP/dkms/debian" "$D/" || return 1
	# shellcheck disable=SC2086 # a list of versions
	set -- $SUPPORTED
	sed -i "s/@KERNELS@/$(IFS='|'; echo "$*" | sed 's/\./\\\\./g')/" "$D/debian/cdevm-dkms.dkms" &&
	sed "s/@VERSION@/$VERSION/g" "$TOP/dkms/cdevm.mk" >"$D/cdevm.mk" &&
	cp "$TOP"/docs/{cdevm,cdevm-conversion,cdevm-module}.rst "$D/docs/" &&
	cp "$TOP"/dkms/template/* "$TOP"/samples/cdevm-sample.[ch] "$D/cdevm-sample/" || return 1
	(cd "$D" && dpkg-buildpackage -us -uc -b) && mv "$BASE/dkms/${DEB##*/}" "$DEB" || return 1
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
	stage "install ${missing% }" "$LOGS/apt-dkms.log" install $missing
}
install() {
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q && apt-get install -q -y --no-install-recommends "$@"
}

make_deb() {
	need debhelper dh-dkms dpkg-dev
	stage "package for dkms" "$LOGS/dkms-deb.log" deb
	echo "  it is ${DEB#"$TOP/"}"
}

case ${1:-} in
source) source_to "${2:?a folder}";;
deb) make_deb;;
*) die "dkms.sh: source DIR or deb";;
esac
