#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# trace-tools.sh: builds resmgr-trace, of tracepoints/tools, and runs its tests. It is built for this machine
# and needs no kernel.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

log=$LOGS/trace-tools.log start=$(now)
if ! pkg-config --exists libtracefs libtraceevent libtracecmd 2>/dev/null; then
	record 0 0 1
	show "resmgr-trace" "skipped; please install pkg-config libtracefs-dev libtraceevent-dev libtracecmd-dev"
	exit 0
fi
make -C "$TOP/tracepoints/tools" O="$BASE/trace-tools" CC="$KCC" test >"$log" 2>&1
rc=$?
p=$(grep -c '^ok ' "$log") f=$(grep -c '^not ok ' "$log")
# What did not build has no test that failed.
[ $rc -eq 0 ] || [ "$f" -gt 0 ] || f=1
[ "$p" -gt 0 ] || f=$((f + 1))
record "$p" "$f" 0
show "resmgr-trace" "$(took $(($(now) - start))), $(counts "$p" "$f" 0)"
[ "$f" -eq 0 ] && exit 0
grep -A 8 -E '^not ok |error: ' "$log" | head -n 40 | sed 's/^/    /'
echo "error: resmgr-trace failed; the whole log is in $log" >&2
exit 1
