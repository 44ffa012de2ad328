#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# make demo: the same program on the stock and on the patched kernel, and what happened as a table.
. "$(dirname "$0")/lib.sh"

[ -e "$TOP/e2e/demo.c" ] || [ -e "$TOP/e2e/demo.sh" ] || die "e2e/demo.c is not there yet: nothing to show"
run() { # flavour
	local log=$LOGS/demo-$KERNEL-$1.log start rc
	start=$(now)
	"$TOP/tools/boot.sh" "$1" demo "$log" 120
	rc=$?
	# Stock may well end in a crash: that is what the table shows then. The patched kernel may not.
	if ! grep -q 'e2e: done' "$log" && { [ "$1" = ours ] || ! grep -q '^demo: ' "$log"; }; then
		show_fail "boot $1, run the demo (status $rc)" $(($(now) - start)) "$log"
		exit 1
	fi
	show "boot $1, run the demo" "$(took $(($(now) - start)))"
}
run stock
run ours
"$TOP/tools/demo.py" "$LOGS/demo-$KERNEL-stock.log" "$LOGS/demo-$KERNEL-ours.log" | tee "$OUT/demo.txt"
echo "  Console logs: build/log/demo-$KERNEL-stock.log, build/log/demo-$KERNEL-ours.log. Try it by hand: make shell"
