#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# compliance.sh: v4l2-compliance on vim2m, vicodec, vimc and uvcvideo in User Mode Linux, on the unpatched kernel and on
# ours, where they are converted. It looks for differences. The kernels are those of the end-to-end suites.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"
. "$(dirname "$0")/debian.sh"
. "$(dirname "$0")/v4l-utils.sh"

stage "v4l2-compliance" "$LOGS/v4l2-compliance.log" compliance_archive
status=0
for f in stock ours; do
	log=$LOGS/v4l2-compliance-$KERNEL-$f.log start=$(now)
	initrd=$TMP/initramfs-compliance-$KERNEL-$f.gz
	cat "$BASE/initramfs-$KERNEL-$f.gz" "$COMPLIANCE" >"$initrd" || die "there is no initramfs of $f"
	INITRD=$initrd "$TOP/tools/boot.sh" $f v4l2-compliance "$log" 1800
	judge "v4l2-compliance $KERNEL $f" "$log" $? $(($(now) - start)) || status=1
	rm -f "$initrd"
done
compare_compliance "$LOGS/v4l2-compliance-$KERNEL"-{stock,ours}.log || status=1
exit $status
