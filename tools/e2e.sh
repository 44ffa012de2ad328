#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# e2e.sh [SUITE...]: boots one kernel per suite of e2e/suites and flavour it is for, and judges the console logs.
# FLAVOURS=ours limits the flavours.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

# Without a clock that skips sleeps, most of a suite is waiting: several boots at once.
SLOTS=1
grep -q '^CONFIG_UML_TIME_TRAVEL_SUPPORT=y' "$(outdir ours)/.config" 2>/dev/null || SLOTS=3

LIST=$TOP/e2e/suites
[ -e "$LIST" ] || die "no $LIST: nothing to run"
only=" $* "
status=0 ran=0

run() { # suite flavour seconds
	local label="e2e $1 on $2" log=$LOGS/e2e-$KERNEL-$2-$1.log start args=()
	start=$(now)
	# A leak in the stock kernel is not ours to report, and waiting for kmemleak takes 7 s.
	[ "$2" = ours ] && args=(e2e_leaks)
	# The seconds are for a clock that skips sleeps; without, much of a suite is waiting.
	grep -q '^CONFIG_UML_TIME_TRAVEL_SUPPORT=y' "$(outdir "$2")/.config" || set -- "$1" "$2" $(($3 * 5))
	"$TOP/tools/boot.sh" "$2" "$1" "$log" "$3" "${args[@]}"
	judge "$label" "$log" $? $(($(now) - start))
}

while read -r name flavours seconds _; do
	case $name in ''|'#'*) continue;; esac
	case $only in '  '|*" $name "*) ;; *) continue;; esac
	for f in ${flavours//,/ }; do
		case ",${FLAVOURS:-$flavours}," in *",$f,"*) ;; *) continue;; esac
		ran=$((ran + 1))
		[ "$(jobs -pr | wc -l)" -lt $SLOTS ] || wait -n || status=1
		# All that it says at once, not mixed with another.
		{ said=$(run "$name" "$f" "$seconds" </dev/null 2>&1); rc=$?; printf '%s\n' "$said"; exit $rc; } &
	done
done <"$LIST"
while [ -n "$(jobs -p)" ]; do
	wait -n || status=1
done
[ $ran -gt 0 ] || die "no such suite in e2e/suites:$only"
exit $status
