#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The KUnit suites of devres's public API, as a module, on a kernel that is not ours or that is.
#
# On stock all cases of suite devres-reentrancy must fail and all others pass: they are what stock gets wrong, and a
# case that passes there shows nothing. On ours everything must pass. That suite is run by itself, so that the
# warnings that it draws from stock can be announced for it alone: what the others draw, their cases announce.
MODULE=devres_kunit
KO=/lib/modules-flat/$MODULE.ko
BAD_ON_STOCK=devres-reentrancy

if [ ! -e $KO ]; then
	echo "not ok - there is no $KO"
	exit 1
fi
# shellcheck source=e2e/kunit-module.sh
. /e2e/kunit-module.sh

suites "devres-[!r]*"
[ -n "$ours" ] || echo "e2e: expect WARNING: .*(drivers/base/devres.c|device/devres.h)" >/dev/kmsg
suites $BAD_ON_STOCK
[ -n "$ours" ] || echo "e2e: expect-end" >/dev/kmsg
echo "e2e: done devres-kunit"
