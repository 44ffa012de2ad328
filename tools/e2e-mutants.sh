#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# e2e-mutants.sh [NAME...]: tests the end-to-end suites. Plants the bugs of tools/mutants/e2e, one at a time, in a copy
# of the tree, and boots the suites that the patch names in its first line: each has to fail, and none without the bug.
# In UML, for KERNEL.
. "$(dirname "$0")/lib.sh"

like=ours arch=um flavour=mutant
. "$(dirname "$0")/mutants.sh"
[ -e "$FROM/linux" ] || die "no ours kernel in $FROM; run: make e2e KERNEL=$KERNEL"

LOG=$LOGS/mutants-$KERNEL.log
PATCHES=$TOP/tools/mutants/e2e

limit() { # seconds of a suite; as in e2e.sh
	awk -v n="$1" '$1 == n { print $3 * 5 }' "$TOP/e2e/suites"
}

# run FLAVOUR SUITE LOG: prints what is wrong, if anything is
run() {
	"$TOP/tools/boot.sh" "$1" "$2" "$3" "$(limit "$2")"
	"$TOP/tools/tap.py" "$3" $? | sed -n 2p
}

mutants=("$@")
[ $# -gt 0 ] || mapfile -t mutants < <(find "$PATCHES" -name '*.patch' -printf '%f\n' | sed 's/\.patch$//' | sort)
for m in "${mutants[@]}"; do
	[ -e "$PATCHES/$m.patch" ] || die "no tools/mutants/e2e/$m.patch"
done
# Without a bug there is nothing to be found.
for suite in $(for m in "${mutants[@]}"; do sed -n '1s/:.*//p' "$PATCHES/$m.patch"; done | tr ' ' '\n' | sort -u); do
	log=$LOGS/mutant-$KERNEL-none-$suite.log
	result=$(run "$like" "$suite" "$log")
	[ -z "$result" ] || die "'$suite' fails without a bug: $result; the log is $log"
done
missed=0 planted=0
stage "copy the tree" "$LOG" copy
for m in "${mutants[@]}"; do
	suites=$(sed -n '1s/:.*//p' "$PATCHES/$m.patch")
	stage "mutant $m" "$LOGS/mutant-$KERNEL-$m-build.log" build "$PATCHES/$m.patch"
	for suite in $suites; do
		log=$LOGS/mutant-$KERNEL-$m-$suite.log
		planted=$((planted + 1))
		result=$(run "$flavour" "$suite" "$log")
		# A kernel that does not boot was not found by the suite.
		if ! grep -qa "e2e: begin $suite" "$log"; then
			show "  NOT TESTED by $suite" "it has not begun; the log is $log"
			missed=$((missed + 1))
		elif [ -n "$result" ]; then
			show "  found by $suite" "$result"
		else
			show "  NOT FOUND by $suite" "the log is $log"
			missed=$((missed + 1))
		fi
	done
done
echo "$planted times a bug was planted, $((planted - missed)) times found"
[ $missed -eq 0 ]
