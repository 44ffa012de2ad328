#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# picture.sh: draws docs/lifetimes.svg, the picture of the README, from a trace of the sample driver that is a test of
# resmgr-trace, too. It leaves out everything outside the scope that is shown.
. "$(dirname "$0")/lib.sh"

TRACE=$TOP/tracepoints/tools/tests/traces/sample-ours.txt
# The trace begins with the end of an earlier scope.
before=$(sed -n '/cdevm_free/{s/.*mgr=//;s/ .*//;p;q}' "$TRACE")
make -s -C "$TOP/tracepoints/tools" O="$TOP/build/trace-tools" || die "resmgr-trace does not build"
cd "$TMP" || exit 1
grep -vE "mgr=$before|cdevm-sample-b |cdevm-sample-ctl #|devm cdevm-sample-a #|cdevm-kicks|cdevm-stops|devm_kzalloc" \
	"$TRACE" >'A driver with three nodes is unbound while one of them is open'
"$TOP/build/trace-tools/resmgr-trace" export -o "$TOP/docs/lifetimes.svg" \
	'A driver with three nodes is unbound while one of them is open' || exit 1
sed -i '1i <!-- SPDX-License-Identifier: GPL-2.0 -->' "$TOP/docs/lifetimes.svg"
echo "  docs/lifetimes.svg"
