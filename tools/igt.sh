# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# IGT's programs for the guest, for boots.sh. Sourced after lib.sh and debian.sh.

# Unpacked by the kernel after the initramfs that it is appended to.
IGT=$TOP/build/initramfs-igt.gz

# Those that e2e/igt.sh names. Debian 12 has them for Intel's hardware only; these are of the release to come.
igt_archive() {
	local root=$TOP/build/initramfs-work/igt from programs
	debs igt forky igt-gpu-tools-tests && from=$(undeb igt) || return 1
	mapfile -t programs < <(sed -n 's|^on [a-z_-]* \(.*\)|\1|p' "$TOP/e2e/igt.sh" | tr ' ' '\n' | sort -u |
		sed 's|^|usr/libexec/igt-gpu-tools/|')
	rm -rf "$root"
	with_libraries "$from" "$root" "${programs[@]}" || return 1
	pack "$root" >"$IGT.new" && mv "$IGT.new" "$IGT"
}
