# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Counts of passed, failed and skipped for the last line of make test. Sourced, after lib.sh.
RESULTS=${RESULTS:-$TMP/results.$$}
record() { printf '%d %d %d\n' "$1" "$2" "$3" >>"$RESULTS"; }
totals() { awk '{ p += $1; f += $2; s += $3 } END { printf "%d passed, %d failed, %d skipped\n", p, f, s }' "$RESULTS"; }
counts() { # passed failed skipped, as a remark
	printf '%d passed' "$1"
	[ "$2" -eq 0 ] || printf ', %d FAILED' "$2"
	[ "$3" -eq 0 ] || printf ', %d skipped' "$3"
}
