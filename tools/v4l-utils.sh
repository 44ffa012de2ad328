# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Shared by boots.sh and compliance.sh: v4l2-compliance for the guest, and its results on two kernels compared. Sourced
# after lib.sh, results.sh and debian.sh.

# Unpacked by the kernel after the initramfs that it is appended to.
COMPLIANCE=$TOP/build/initramfs-v4l.gz

# Debian 12's v4l2-compliance, 1.22, fails more than a hundred tests that are right on both kernels; this one is that of
# the release to come.
compliance_archive() {
	local root=$TOP/build/initramfs-work/v4l from
	debs v4l forky v4l-utils && from=$(undeb v4l) || return 1
	rm -rf "$root"
	with_libraries "$from" "$root" usr/bin/v4l2-compliance || return 1
	pack "$root" >"$COMPLIANCE.new" && mv "$COMPLIANCE.new" "$COMPLIANCE"
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
