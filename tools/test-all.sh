#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-all.sh VERSION...: make test, and what takes longer, on each of these kernels: KUnit without KASAN, what the
# unpatched kernel does, the stress test at length (for 6.12 in QEMU, with KASAN and with KCSAN), real drivers, DRM and V4L2
# in QEMU, KUnit on arm64 and 32-bit arm, the series mail by mail, other compilers and architectures. The last line is
# "N passed, N failed, N skipped".
KERNEL=$1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

export RESULTS=$TMP/results-all
began=$(now)
rc=0

# What make test boots of the newest kernel alone.
stock_and_smp() {
	"$TOP/tools/build.sh" stock && "$TOP/tools/build.sh" smp && "$TOP/tools/initramfs.sh" stock smp &&
		FLAVOURS=stock,smp "$TOP/tools/e2e.sh"
}

# Its results are the first of ours; it has emptied the file, and its last line is not the last.
RESULTS=$RESULTS "$TOP/tools/test.sh" "$@" || rc=$?
[ $rc -ne 130 ] || exit 130
for KERNEL in "$@"; do
	export KERNEL
	echo "  Linux $KERNEL, at length"
	for part in 'kunit.sh --quiet --plain' stock_and_smp stress.sh 'boots.sh drivers drm media' \
		'kunit-arch.sh arm64 arm' series-check.sh build-check.sh; do
		lines=$(wc -l <"$RESULTS")
		# shellcheck disable=SC2086 # a command
		case $part in
		stock_and_smp) [ "$KERNEL" = "${!#}" ] || stock_and_smp;;
		*) SECONDS_EACH=${SECONDS_EACH:-120} "$TOP/tools/"$part;;
		esac && continue
		rc=1
		# What fails records that; what died has not.
		[ "$(wc -l <"$RESULTS")" -gt "$lines" ] || record 0 1 0
	done
done
line=$(totals)
echo "  all of it and at length ...................... $(took $(($(now) - began)))"
echo "$line"
case $line in *', 0 failed,'*) exit $rc;; esac
exit 1
