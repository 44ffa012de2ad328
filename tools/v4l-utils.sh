# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Shared by boots.sh and compliance.sh: v4l2-compliance for the guest, and its results on two kernels compared. Sourced
# after lib.sh and results.sh.

# Unpacked by the kernel after the initramfs that it is appended to.
COMPLIANCE=$TOP/build/initramfs-v4l.gz

# Debian 12's v4l2-compliance, 1.22, fails more than a hundred tests that are right on both kernels; this one is that of
# the release to come, with its libraries, read through an apt configuration under build/, as tools/source.sh does it.
compliance_debs() {
	local a=$TOP/build/apt-v4l d=$DL/v4l
	local apt=(apt-get -o Dir::Etc::sourcelist="$a/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o Dir::State::lists="$a/lists" -o Dir::Cache="$a/cache" -o APT::Sandbox::User="$(id -un)")
	ls "$d"/v4l-utils_*.deb >/dev/null 2>&1 && return 0
	mkdir -p "$a/lists/partial" "$a/cache/archives/partial" "$d.new" || return 1
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
		"http://deb.debian.org/debian forky main" >"$a/sources.list"
	"${apt[@]}" update -q &&
	(cd "$d.new" && "${apt[@]}" download v4l-utils libv4l-0t64 libv4lconvert0t64 libv4l2rds0t64 libjpeg62-turbo \
		libjson-c5 libudev1 libstdc++6 libgcc-s1 libc6) &&
	rm -rf "$d" && mv "$d.new" "$d"
}

# Where its loader looks for them: the guest has no other program that is not static.
compliance_archive() {
	local root=$TOP/build/initramfs-work/v4l from=$TOP/build/initramfs-work/v4l-debs deb lib libs
	compliance_debs || return 1
	rm -rf "$root" "$from"
	for deb in "$DL"/v4l/*.deb; do
		dpkg -x "$deb" "$from" || return 1
	done
	libs=$from/usr/lib/x86_64-linux-gnu
	mkdir -p "$root/bin" "$root/lib64" "$root/lib/x86_64-linux-gnu"
	cp "$from/usr/bin/v4l2-compliance" "$root/bin/" &&
	cp -L "$libs/ld-linux-x86-64.so.2" "$root/lib64/" || return 1
	"$libs/ld-linux-x86-64.so.2" --library-path "$libs" --list "$root/bin/v4l2-compliance" |
		sed -n 's|.*=> \(.*/usr/lib/[^ ]*\) .*|\1|p' | while read -r lib; do
		cp -L "$lib" "$root/lib/x86_64-linux-gnu/" || exit 1
	done || return 1
	(cd "$root" && find . -print0 | sort -z | cpio --quiet -0 -o -H newc -R 0:0 | gzip -n -1) >"$COMPLIANCE.new" &&
	mv "$COMPLIANCE.new" "$COMPLIANCE"
}

compare_compliance() { # log of stock, log of ours
	local log=$LOGS/v4l2-compliance-$KERNEL.diff
	if "$TOP/tools/compliance.py" "$1" "$2" >"$log"; then
		record 1 0 0
		show "v4l2-compliance, stock and ours" "the same: $(sed -n 's/^same: //p' "$log")"
		return 0
	fi
	record 0 1 0
	show "v4l2-compliance, stock and ours" "FAILED: they differ"
	head -n 30 "$log" | sed 's/^/    /'
	echo "error: v4l2-compliance has other results on ours than on stock; all of them are in $log" >&2
	return 1
}
