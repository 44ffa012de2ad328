# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# Results in TAP, for the programs that are scripts. Sourced; they end with echo "1..$n".
n=0
ok() { n=$((n + 1)); echo "ok $n - $*"; }
not_ok() { n=$((n + 1)); echo "not ok $n - $*"; }
# What the command said is in /tmp/check.out.
check() { # name command...
	name=$1; shift
	if "$@" >/tmp/check.out 2>&1; then ok "$name"; else not_ok "$name"; sed 's/^/# /' /tmp/check.out; fi
}
