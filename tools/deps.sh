#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Ensures that the build tools are there: installs them with apt if root, otherwise says what to install.
. "$(dirname "$0")/lib.sh"

# A program (or a file that the package brings), and the Debian package it comes from.
need='gcc:gcc make:make flex:flex bison:bison bc:bc cpio:cpio xz:xz-utils python3:python3 perl:perl git:git
patch:patch rsync:rsync ccache:ccache spin:spin sparse:sparse pahole:dwarves dpkg-deb:dpkg busybox:busybox-static pkill:procps
/usr/include/libelf.h:libelf-dev /usr/include/openssl/opensslv.h:libssl-dev
/usr/include/stdio.h:libc6-dev pkg-config:pkg-config
/usr/include/tracefs/tracefs.h:libtracefs-dev /usr/include/traceevent/event-parse.h:libtraceevent-dev
/usr/include/trace-cmd/trace-cmd.h:libtracecmd-dev
sphinx-build:python3-sphinx /usr/lib/python3/dist-packages/sphinx_rtd_theme/__init__.py:python3-sphinx-rtd-theme
/usr/lib/python3/dist-packages/yaml/__init__.py:python3-yaml'

missing=
for n in $need; do
	what=${n%%:*} pkg=${n##*:}
	case $what in
	/*) [ -e "$what" ] || missing="$missing $pkg";;
	# A dynamic busybox would not start in an initramfs that holds nothing else.
	busybox) "$TOP/tools/busybox.sh" >/dev/null 2>&1 || missing="$missing $pkg";;
	*) command -v "$what" >/dev/null 2>&1 || missing="$missing $pkg";;
	esac
done
[ -n "$missing" ] || exit 0
missing=${missing# }

if [ "$(id -u)" -ne 0 ]; then
	die "missing build tools; please run, as root: apt-get install $missing"
fi
command -v apt-get >/dev/null 2>&1 || die "missing build tools and no apt-get here; please install: $missing"
# shellcheck disable=SC2086 # a list of packages
stage "install build tools" "$LOGS/apt.log" apt_install $missing
