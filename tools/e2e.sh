#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# e2e.sh [SUITE...]: boots one kernel per suite of e2e/suites and flavour it is for, and judges the console logs.
# FLAVOURS=ours limits the flavours. Flavour smp is skipped for versions that have none. What a suite marked "same" says on
# stock and on ours is compared. So is that of one marked "table", but for differences that were chosen.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

LIST=$TOP/e2e/suites
[ -e "$LIST" ] || die "no $LIST: nothing to run"
only=" $* "
status=0 ran=0
declare -A same=() tables=()

run() { # suite flavour seconds
	local label="e2e $1 on $2" log=$LOGS/e2e-$KERNEL-$2-$1.log start args=()
	start=$(now)
	# A leak in the stock kernel is not ours to report, and waiting for kmemleak takes a while.
	[ "$2" != stock ] && args=(e2e_leaks)
	# The limit is for what hangs: five times as long as it takes, on a busy machine or with a true clock.
	"$TOP/tools/boot.sh" "$2" "$1" "$log" $(($3 * 5)) "${args[@]}"
	judge "$label" "$log" $? $(($(now) - start))
}

# pass AT-ONCE FLAVOUR...: what is to run on these
pass() {
	local slots=$1 name flavours seconds mark f
	shift
	while read -r name flavours seconds mark _; do
		case $name in ''|'#'*) continue;; esac
		case $only in '  '|*" $name "*) ;; *) continue;; esac
		for f; do
			case ",$flavours," in *",$f,"*) ;; *) continue;; esac
			case ",${FLAVOURS:-$f}," in *",$f,"*) ;; *) continue;; esac
			ran=$((ran + 1))
			[ "$mark" != same ] || same[$name]+=$f,
			[ "$mark" != table ] || tables[$name]+=$f,
			[ "$f" != smp ] || [ -x "$(outdir smp)/linux" ] || continue
			[ "$(jobs -pr | wc -l)" -lt "$slots" ] || wait -n || status=1
			# All that it says at once, not mixed with another.
			{ said=$(run "$name" "$f" "$seconds" </dev/null 2>&1); rc=$?; printf '%s\n' "$said"; exit $rc; } &
		done
	done <"$LIST"
	while [ -n "$(jobs -p)" ]; do
		wait -n || status=1
	done
}

# Where the clock skips sleeps, a guest is busy all the time; where it does not, a suite is mostly waiting.
pass "$JOBS" stock ours
for name in "${!same[@]}"; do
	[ "${same[$name]}" != stock,ours, ] ||
		compare "e2e $name" "$LOGS/e2e-$KERNEL"-{stock,ours}"-$name.log" || status=1
done
for name in "${!tables[@]}"; do
	[ "${tables[$name]}" != stock,ours, ] ||
		compare_table "e2e $name" "$LOGS/e2e-$KERNEL"-{stock,ours}"-$name.log" || status=1
done
pass $((JOBS + 2)) smp
[ $ran -gt 0 ] || die "no such suite in e2e/suites:$only"
exit $status
