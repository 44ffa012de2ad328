# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Programs of Debian for a guest, with the libraries that they need: downloaded once, never installed. Sourced after lib.sh.

# debs NAME RELEASE PACKAGE...: the packages of a release of Debian, and all that they depend on, in build/dl/NAME. Read
# through an apt configuration of its own under build/, as in tools/source.sh, to which no package is installed.
debs() {
	local d=$DL/$1 release=$2 a=$TOP/build/apt-$2 apt
	shift 2
	[ "$(cat "$d/packages" 2>/dev/null)" = "$release $*" ] && return 0
	mkdir -p "$a/lists/partial" "$a/cache/archives/partial" || return 1
	: >"$a/status"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
		"http://deb.debian.org/debian $release main" >"$a/sources.list"
	apt=(apt-get -q -y -o Dir::Etc::sourcelist="$a/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o Dir::Etc::preferencesparts=/dev/null -o Dir::State::status="$a/status" -o Dir::State::lists="$a/lists"
		-o Dir::Cache="$a/cache" -o APT::Sandbox::User="$(id -un)" -o APT::Install-Recommends=false)
	case "$*" in *:arm64*) apt+=(-o APT::Architectures::=amd64 -o APT::Architectures::=arm64);; esac
	rm -f "$a"/cache/archives/*.deb
	"${apt[@]}" update && "${apt[@]}" -o Debug::NoLocking=1 install --download-only "$@" || return 1
	rm -rf "$d.new" && mkdir -p "$d.new" && mv "$a"/cache/archives/*.deb "$d.new/" &&
	echo "$release $*" >"$d.new/packages" && rm -rf "$d" && mv "$d.new" "$d"
}

# undeb NAME: they are unpacked; the folder is printed
undeb() {
	local to=$TOP/build/initramfs-work/debs-$1 deb
	if [ ! "$to/.unpacked" -nt "$DL/$1/packages" ]; then
		rm -rf "$to" && mkdir -p "$to"
		for deb in "$DL/$1"/*.deb; do
			dpkg -x "$deb" "$to" || return 1
		done
		touch "$to/.unpacked"
	fi
	printf '%s' "$to"
}

# with_libraries FROM ROOT PROGRAM...: programs of an unpacked Debian, and what they are linked with, into the file system
# of a guest: to /bin, and to where its loader looks.
with_libraries() {
	local from=$1 root=$2 libs=$1/usr/lib/x86_64-linux-gnu loader program lib all
	shift 2
	# Until Debian 12 what is needed to boot is not below /usr.
	loader=$(find "$from" -name ld-linux-x86-64.so.2 | head -n 1)
	mkdir -p "$root/bin" "$root/lib64" "$root/lib/x86_64-linux-gnu" && cp -L "$loader" "$root/lib64/" || return 1
	for program; do
		cp "$from/$program" "$root/bin/" || return 1
		all=$("$loader" --library-path "$libs:$from/lib/x86_64-linux-gnu" --list "$from/$program") || return 1
		for lib in $(printf '%s\n' "$all" | sed -n 's|.*=> \(/[^ ]*\) .*|\1|p'); do
			case $lib in
			"$from"/*) cp -L "$lib" "$root/lib/x86_64-linux-gnu/" || return 1;;
			*) echo "error: ${program##*/} needs $lib, which no package brought"; return 1;;
			esac
		done
	done
}
