#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# find.sh: which drivers of a tree have the bug. LINUX=DIR names the tree, from 6.1 on; it is Debian's of KERNEL without.
# The table is in out/find.txt, too, and out/find.json is for programs. Exit status: 0 none, 1 some, 2 could not look; make
# turns 1 into 2, so CI calls this script.
. "$(dirname "$0")/lib.sh"

tree=${LINUX:-$PRISTINE}
[ -e "$tree/Makefile" ] || die "$tree is no kernel tree; make source fetches one"
need() { # PROGRAM PACKAGE
	command -v "$1" >/dev/null 2>&1 && return 0
	[ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1 || die "please install $2"
	(stage "install $2" "$LOGS/apt-$2.log" env DEBIAN_FRONTEND=noninteractive sh -c \
		'apt-get install -q -y --no-install-recommends "$1" || { apt-get update -q &&
		apt-get install -q -y --no-install-recommends "$1"; }' - "$2")
}
# Debian's Python is the one that python3-clang is for; another may be first in PATH.
python=
with_clang() {
	for python in python3 /usr/bin/python3; do
		"$python" -c 'import clang.cindex; clang.cindex.Index.create()' 2>/dev/null && return 0
	done
	return 1
}
need spatch coccinelle
with_clang || { need /nonexistent python3-clang && with_clang; } || die "python3-clang does not work here"

"$python" "$TOP/tools/find/find.py" "$tree" --jobs "$JOBS" --json "$OUT/find.json" ${UNDER:+--under "$UNDER"} | tee "$OUT/find.txt"
exit "${PIPESTATUS[0]}"
