#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# make demo: the mainline driver and the converted one, and the sample without and with cdevm, on one kernel; prints the
# results as a table.
. "$(dirname "$0")/lib.sh"

log=$LOGS/demo-$KERNEL.log start=$(now)
"$TOP/tools/boot.sh" ours demo "$log" 120
rc=$?
if ! grep -q 'e2e: done' "$log"; then
	show_fail "boot, run the demo (status $rc)" $(($(now) - start)) "$log"
	exit 1
fi
show "boot, run the demo" "$(took $(($(now) - start)))"
"$TOP/tools/demo.py" "$log" | tee "$OUT/demo-$KERNEL.txt"
echo "  Console log: ${log#"$TOP"/}. Try it by hand: make shell. The same on an unpatched kernel: make test"
