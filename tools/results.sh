# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Counts of passed, failed and skipped for the last line of make test. Sourced, after lib.sh.
RESULTS=${RESULTS:-$TMP/results.$$}
record() { printf '%d %d %d\n' "$1" "$2" "$3" >>"$RESULTS"; }
totals() { awk '{ p += $1; f += $2; s += $3 } END { printf "%d passed, %d failed, %d skipped\n", p, f, s }' "$RESULTS"; }
# judge LABEL LOG STATUS SECONDS [AGAIN]: judges the console log of a boot that took SECONDS and ended with STATUS,
# records and shows the results. AGAIN: what to run to see a failure again.
judge() {
	local label=$1 log=$2 t=$4 again=${5:-} verdict
	verdict=$("$TOP/tools/tap.py" "$log" "$3")
	# shellcheck disable=SC2046
	set -- $(printf '%s\n' "$verdict" | head -n 1)
	[ $# -eq 3 ] || set -- 0 1 0
	record "$@"
	show "$label" "$(took "$t"), $(counts "$@")"
	[ "$2" -eq 0 ] && return 0
	printf '%s\n' "$verdict" | sed -e 1d -e 's/^/    /'
	echo "error: '$label' failed; the whole log is in $log${again:+; again: $again}" >&2
	return 1
}
# kunit_counts PARSED: passed, failed and skipped cases, as kunit.py says at the end of what it has parsed
kunit_counts() {
	sed -n 's/.*Testing complete\. Ran [0-9]* tests: //p' "$1" | tail -n 1 | awk -F '[:,] *' '
		{ for (i = 1; i < NF; i += 2) n[$i] = $(i + 1) }
		END { if (NR) print n["passed"] + 0, n["failed"] + n["crashed"] + n["errors"], n["skipped"] + 0; else print 0, 1, 0 }'
}
# kunit_ended LOG: did the kernel say that it goes down, as it does after the last suite?
kunit_ended() { grep -qaE 'reboot: (System halted|Restarting system|machine restart|Power down)' "$1"; }
# judge_kunit LABEL LOG STATUS SECONDS JSON [CONFIG]: judges the console log of a boot that ran KUnit suites, by kunit.py of
# the tree and by what the kernel reported; records and shows the results. JSON: a file for KernelCI. CONFIG: the options
# of the kernel, if all of our suites that these have were to run.
judge_kunit() {
	local label=$1 log=$2 rc=$3 t=$4 json=$5 config=${6:-} splats missing='' bad ended=1
	(cd "$TREE" && python3 tools/testing/kunit/kunit.py parse --json="$json" "$log") >"$log.parsed" 2>&1
	splats=$("$TOP/tools/splats.py" "$log" | grep -E ': (splat|line|expected|.e2e)')
	# shellcheck disable=SC2046
	set -- $(kunit_counts "$log.parsed")
	bad=$2
	[ -z "$splats" ] || bad=$((bad + $(printf '%s\n' "$splats" | wc -l)))
	# A kernel that does not come to its end has not passed. kunit.py has a limit of its own, and ends with success.
	[ "$rc" -ne 124 ] && kunit_ended "$log" || ended=
	[ -n "$ended" ] || bad=$((bad + 1))
	if [ -n "$config" ] && ! missing=$("$TOP/tools/kunit-suites.py" "$TOP/kunit" "$config" "$log" 2>&1); then
		bad=$((bad + $(printf '%s\n' "$missing" | wc -l)))
	else
		missing=
	fi
	record "$1" "$bad" "$3"
	if [ "$1" -eq 0 ]; then
		show_fail "$label" "$t" "$log"
		return 1
	fi
	show "$label" "$(took "$t"), $(counts "$1" "$bad" "$3") ($(basename "$json"))"
	[ "$bad" -ne 0 ] || return 0
	[ -n "$ended" ] || echo "    not ok: the kernel did not come to its end$([ "$rc" -ne 124 ] || echo ": out of time")"
	grep -aE '^ *(\[ *[0-9.]*\] *)?not ok' "$log" | head -n 40 | sed 's/^ */    /'
	[ -z "$splats" ] || printf '%s\n' "$splats" | sed 's/^/    /'
	[ -z "$missing" ] || printf '%s\n' "$missing" | sed 's/^/    not ok: /'
	echo "error: KUnit found failures; the whole log is in $log" >&2
	return 1
}
counts() { # passed failed skipped, as a remark
	printf '%d passed' "$1"
	[ "$2" -eq 0 ] || printf ', %d FAILED' "$2"
	[ "$3" -eq 0 ] || printf ', %d skipped' "$3"
}
# compare LABEL LOG-OF-STOCK LOG-OF-OURS: what two boots have said is the same, result by result; records and shows that
compare() {
	local diff=${3%.log}.diff
	# Two logs with nothing in them are the same, too.
	if diff -u <(result_lines "$2") <(result_lines "$3") >"$diff" && [ "$(result_lines "$3" | wc -l)" -gt 0 ]; then
		record 1 0 0
		show "$1, stock and ours" "the same, $(result_lines "$3" | wc -l) results"
		return 0
	fi
	record 0 1 0
	show "$1, stock and ours" "FAILED: $([ -s "$diff" ] && echo "they differ" || echo "there are no results")"
	head -n 30 "$diff" | sed 's/^/    /'
	echo "error: '$1' has other results on ours than on stock, or none; the difference is in $diff" >&2
	return 1
}
# compare_table LABEL LOG-OF-STOCK LOG-OF-OURS: what system calls on video files have returned in two boots is the same,
# but where a difference was chosen; records and shows that
compare_table() {
	local said
	if said=$("$TOP/tools/v4l2-table.py" --check "$2" "$3" 2>&1); then
		record 1 0 0
		show "$1, stock and ours" "$said"
		return 0
	fi
	record 0 1 0
	show "$1, stock and ours" "FAILED"
	printf '%s\n' "$said" | head -n 30 | sed 's/^/    /'
	echo "error: '$1': not the results that were chosen, see tools/v4l2-table.py; the logs are $2 and $3" >&2
	return 1
}
result_lines() { tr -d '\r' <"$1" | grep -aE '^(not )?ok '; }
