#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The KUnit suites of drmm_* and of drm_dev_unplug(), as a module, on a kernel that is not ours or that is.
#
# On stock all cases of suite drmm-latent must fail and all others pass. KASAN has to say what it is that was wrong.
MODULE=drmm_kunit
KO=/lib/modules-flat/$MODULE.ko
BAD_ON_STOCK=drmm-latent

if [ ! -e $KO ]; then
	echo "not ok - there is no $KO"
	exit 1
fi
# shellcheck source=e2e/kunit-module.sh
. /e2e/kunit-module.sh

suites "drmm"
suites "drmm-[!l]*"
[ -n "$ours" ] || for bug in "slab-use-after-free in drm_managed_release" "slab-out-of-bounds in drmm_release_action"; do
	echo "e2e: expect KASAN: $bug" >/dev/kmsg
done
suites $BAD_ON_STOCK
if [ -z "$ours" ]; then
	echo "e2e: expect-end" >/dev/kmsg
	echo "e2e: expect-end" >/dev/kmsg
fi
echo "e2e: done drmm-kunit"
