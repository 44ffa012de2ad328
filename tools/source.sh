#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Puts a pristine kernel source in build/linux-<version>: Debian's, or a copy of the tree that LINUX= names.
. "$(dirname "$0")/lib.sh"

tree_version() { # the 6.12 of a kernel tree, nothing for anything else
	awk -F' *= *' '$1 == "VERSION" { v = $2 } $1 == "PATCHLEVEL" { print v "." $2; exit }' "$1/Makefile" 2>/dev/null
}

NAME=$(about package)
SUITE=$(about suite)

# Patches for the newest kernel are tried on a later one, which is what backports has when it moves on; others fit one.
fits() { # version
	[ "$1" = "$KERNEL" ] && return 0
	[[ $KERNELS == *"$KERNEL " ]] && [ "${1%%.*}" = "${KERNEL%%.*}" ] && [ "${1#*.}" -gt "${KERNEL#*.}" ]
}

# A suite that may not be in the machine's lists is read through an apt configuration under build/: the machine's
# sources and lists are neither needed nor changed.
backports() {
	local a=$TOP/build/apt-for-$KERNEL
	mkdir -p "$a/lists/partial" "$a/cache/archives/partial" || return 1
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
		"http://deb.debian.org/debian $SUITE main" >"$a/sources.list"
	APT=(apt-get -o Dir::Etc::sourcelist="$a/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o Dir::State::lists="$a/lists" -o Dir::Cache="$a/cache" -o APT::Sandbox::User="$(id -un)")
	"${APT[@]}" update -q || return 1
	# What there is of this series, the oldest that fits first.
	for v in $(apt-cache "${APT[@]:1}" pkgnames linux-source-"${KERNEL%%.*}". | sed 's/^linux-source-//' | sort -V); do
		fits "$v" && { NAME=linux-source-$v VERSION=$v; return 0; }
	done
	echo "error: $SUITE has no $NAME, and nothing later that its patches would be tried on"
	return 1
}

fetch_deb() { # no root needed: apt-get download writes to the working directory
	VERSION=$KERNEL APT=(apt-get)
	cd "$DL" || return 1
	if [ -n "$SUITE" ]; then
		backports || return 1
		[ "$VERSION" = "$KERNEL" ] ||
			echo "backports has moved on, this is $VERSION" >"$LOGS/fetch-$KERNEL.log.note"
	fi
	"${APT[@]}" download "$NAME" && return 0
	if [ "$(id -u)" -eq 0 ]; then # an image without package lists
		flock "$TOP/build/apt.lock" "${APT[@]}" update -q && "${APT[@]}" download "$NAME" && return 0
	fi
	echo "error: apt-get download $NAME failed: is there a network, and does apt-get update work?"
	return 1
}

unpack_deb() {
	local t=$BASE/unpack-$KERNEL
	rm -rf "$t"
	mkdir -p "$t/deb" "$t/src" || return 1
	dpkg -x "$1" "$t/deb" &&
	tar -C "$t/src" --strip-components=1 -xf "$t"/deb/usr/src/linux-source-*.tar.xz || return 1
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

# What User Mode Linux itself needs on the machines of today, for some versions; see the patches. A tree that was laid
# over has the file of the pristine one, or a link to it.
mend_uml() {
	local patch=$TOP/tools/uml/$KERNEL.patch t
	[ -e "$patch" ] || return 0
	for t in "$PRISTINE" "$TREE"; do
		[ -d "$t" ] || continue
		patch -s -p1 -F0 -R -f --dry-run -d "$t" -i "$patch" >/dev/null 2>&1 && continue
		# A tree of the user's may have another solution.
		patch -s -p1 -F0 -f --dry-run -d "$t" -i "$patch" >/dev/null 2>&1 || continue
		patch -s -p1 -F0 -f -d "$t" -i "$patch" || return 1
	done
}

if [ -n "$LINUX" ]; then
	[ -f "$LINUX/Kbuild" ] && [ -f "$LINUX/MAINTAINERS" ] || die "LINUX=$LINUX is not a kernel source tree"
	v=$(tree_version "$LINUX")
	case " $KERNELS" in *" $v "*) [ "$v" = "$KERNEL" ] || die "LINUX=$LINUX is a $v kernel: add KERNEL=$v";; esac
	fits "$v" || die "LINUX=$LINUX is a $v kernel; there are patches for: $KERNELS"
	[ "$v" = "$KERNEL" ] || echo "  LINUX=$LINUX is a $v kernel: trying the patches for $KERNEL on it"
	[ ! -e "$LINUX/lib/resmgr" ] || die "LINUX=$LINUX has this work in it already (lib/resmgr); give a tree without it"
	stage "copy LINUX=$(basename "$LINUX")" "$LOGS/source.log" copy_user
	mend_uml
	exit
fi

if [ -f "$PRISTINE/Kbuild" ]; then
	mend_uml
	exit
fi
newest() { # the newest package of the oldest version that fits
	local f v
	find "$DL" -maxdepth 1 -name 'linux-source-*_*.deb' | sort -rV | while read -r f; do
		v=${f##*/linux-source-}
		v=${v%%_*}
		if fits "$v"; then printf '%s %s\n' "$v" "$f"; fi
	done | sort -s -V -k 1,1 | awk 'NR == 1 { print $2 }'
}
if [ -z "$(newest)" ]; then
	stage "fetch $NAME" "$LOGS/fetch-$KERNEL.log" fetch_deb
fi
stage "unpack the source of $KERNEL" "$LOGS/unpack-$KERNEL.log" unpack_deb "$(newest)"
fits "$(tree_version "$PRISTINE")" || die "$PRISTINE is not a $KERNEL kernel; remove it and run again"
mend_uml
