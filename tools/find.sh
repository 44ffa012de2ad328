#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# find.sh: which drivers of a tree have the bug. LINUX=DIR names the tree, from 6.1 on; it is Debian's of KERNEL without.
# The table is in out/find.txt, too, and out/find.json is for programs. Exit status: 0 none, 1 some, 2 could not look; for
# make find some is no error, so CI calls this script.
. "$(dirname "$0")/lib.sh"

tree=${LINUX:-$PRISTINE}
[ -e "$tree/Makefile" ] || die "$tree is no kernel tree; make source fetches one"
# Debian's Python is the one that python3-clang is for; another may be first in PATH.
python=
with_clang() {
	for python in python3 /usr/bin/python3; do
		"$python" -c 'import clang.cindex; clang.cindex.Index.create()' 2>/dev/null && return 0
	done
	return 1
}
have_program spatch coccinelle || die "please install coccinelle"
# A package without a program.
with_clang || { have_program /nonexistent python3-clang; with_clang; } ||
	die "please install python3-clang, or see why it does not work here"

"$python" "$TOP/tools/find/find.py" "$tree" --jobs "$JOBS" --json "$OUT/find.json" ${UNDER:+--under "$UNDER"} | tee "$OUT/find.txt"
exit "${PIPESTATUS[0]}"
