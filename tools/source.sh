#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Puts a pristine kernel source in build/linux-<version>: Debian's, or a copy of the tree that LINUX= names.
. "$(dirname "$0")/lib.sh"

tree_version() { # the 6.12 of a kernel tree, nothing for anything else
	awk -F' *= *' '$1 == "VERSION" { v = $2 } $1 == "PATCHLEVEL" { print v "." $2; exit }' "$1/Makefile" 2>/dev/null
}

fetch_deb() { # no root needed: apt-get download writes to the working directory
	cd "$DL" || return 1
	apt-get download "linux-source-$KERNEL" && return 0
	if [ "$(id -u)" -eq 0 ]; then # an image without package lists
		apt-get update -q && apt-get download "linux-source-$KERNEL" && return 0
	fi
	echo "error: apt-get download linux-source-$KERNEL failed: is there a network, and does apt-get update work?"
	return 1
}

unpack_deb() {
	local t=$BASE/unpack.$$
	rm -rf "$BASE"/unpack.*
	mkdir -p "$t/deb" "$t/src" || return 1
	dpkg -x "$1" "$t/deb" &&
	tar -C "$t/src" --strip-components=1 -xf "$t/deb/usr/src/linux-source-$KERNEL.tar.xz" || return 1
	rm -rf "$t/deb"
	# Renamed last: a run that was interrupted never leaves half a tree under the real name.
	mv "$t/src" "$PRISTINE" && rmdir "$t"
}

copy_user() {
	local list=$TMP/user-files.$$
	mkdir -p "$PRISTINE"
	if git -C "$LINUX" rev-parse --show-prefix >/dev/null 2>&1; then
		# Tracked files only, as they are in the working tree: a tree built in place works too.
		(cd "$LINUX" && git ls-files -z | while IFS= read -r -d '' f; do
			if [ -e "$f" ] || [ -L "$f" ]; then printf '%s\0' "$f"; fi
		done) >"$list"
		rsync -a --from0 --files-from="$list" "$LINUX/" "$PRISTINE/" || return 1
		(cd "$PRISTINE" && find . -mindepth 1 \( -type f -o -type l \) -printf '%P\0') |
			sort -z >"$list.have"
		sort -z "$list" | comm -z -13 - "$list.have" | (cd "$PRISTINE" && xargs -0 -r rm -f)
		rm -f "$list" "$list.have"
	else
		rsync -a --delete --exclude='*.o' --exclude='*.ko' --exclude='*.cmd' --exclude=/.config \
			--exclude=/include/config --exclude=/include/generated --exclude='/arch/*/include/generated' \
			"$LINUX/" "$PRISTINE/" && make -s -C "$PRISTINE" ARCH=um mrproper
	fi
}

if [ -n "$LINUX" ]; then
	[ -f "$LINUX/Kbuild" ] && [ -f "$LINUX/MAINTAINERS" ] || die "LINUX=$LINUX is not a kernel source tree"
	v=$(tree_version "$LINUX")
	[ "$v" = "$KERNEL" ] || die "LINUX=$LINUX is a $v kernel; there are patches for $KERNEL only"
	[ ! -e "$LINUX/lib/resmgr" ] || die "LINUX=$LINUX has this work in it already (lib/resmgr); give a tree without it"
	stage "copy LINUX=$(basename "$LINUX")" "$LOGS/source.log" copy_user
	exit 0
fi

[ -f "$PRISTINE/Kbuild" ] && exit 0
newest() { find "$DL" -maxdepth 1 -name "linux-source-${KERNEL}_*.deb" | sort -V | tail -n 1; }
if [ -z "$(newest)" ]; then
	stage "fetch linux-source-$KERNEL" "$LOGS/fetch.log" fetch_deb
fi
stage "unpack linux-source-$KERNEL" "$LOGS/unpack.log" unpack_deb "$(newest)"
[ "$(tree_version "$PRISTINE")" = "$KERNEL" ] || die "$PRISTINE is not a $KERNEL kernel; remove it and run again"
