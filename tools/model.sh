#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# model.sh: the models in tools/model/ in every interleaving, by spin; and with a bug in them, which has to be found, by
# the invariant that is named here.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

M=$TOP/tools/model
LOG=$LOGS/model.log
W=$TMP/model

# What is found (- for nothing), the model, and with what.
runs() {
	cat <<-'RUNS'
	-		gate	CALLERS=3
	-		gate	CALLS=2
	-		gate	NESTED SELF SECOND_ENDER
	-		gate	FAULT PARENT
	-		gate	NESTED SELF FAULT SECOND_ENDER PARENT CALLERS=1
	-		gate	UNDRAINED PARENT
	-		gate	LOCAL CALLERS=3
	-		gate	LOCAL HOTPLUG=3
	-		gate	LOCAL HOTPLUG=4 CALLS=2 CALLERS=1
	-		gate	LOCAL HOTPLUG=2 SELF NESTED PARENT CALLERS=1
	HARDWARE	gate	LOCAL HOTPLUG=3 BUG_LOOKS_ONCE
	DRAINED		gate	LOCAL HOTPLUG=3 BUG_BELIEVES
	COUNT		gate	LOCAL HOTPLUG=3 BUG_MAY_GO
	FINAL		gate	BUG_ONLINE_ONLY
	COUNT		gate	BUG_NOT_OPEN
	FINAL		gate	BUG_MARK_LATE
	FINAL		gate	BUG_NOT_LOCKED SECOND_ENDER PARENT
	END		gate	BUG_NO_WAKEUP
	DRAINED		gate	BUG_NO_DRAIN
	MEMORY		gate	BUG_PUT_EARLY FAULT
	END		gate	BUG_NOT_SET_ASIDE SELF
	COUNT		gate	BUG_NOT_TAKEN_BACK SELF
	-		early	FINISH
	-		early	ADD
	-		early	FINISH ADD
	-		early	NESTED FINISH
	-		early	NESTED FINISH ADD
	EARLY		early	BUG_NOT_WAITED_FOR FINISH
	END		early	BUG_NO_WAKEUP FINISH
	PLAIN		early	BUG_NO_PLACE
	STACK		early	BUG_GONE_IS_BUSY FINISH
	EARLY		early	BUG_GROUP_LOOKS_ONCE ADD
	EARLY		early	BUG_MARKED_LATER ADD
	EARLY		early	BUG_INSIDE_IS_OVER NESTED FINISH
	RUNS
}

# The name of the invariant that spin found broken, from its message; - for none.
broken() { # file
	case $(grep -a '^pan:.*(at depth' "$1") in
	'')				echo -;;
	*'invalid end state'*)		echo END;;
	*'(freed)'*)			echo MEMORY;;
	*'now_inside'*)			echo DRAINED;;
	*'left>=0'*)			echo COUNT;;
	*'no_more'*|*revoked*)	echo FINAL;;
	*violated*hw*)			echo HARDWARE;;
	*'live['*)			echo STACK;;
	*'next['*)			echo EARLY;;
	*'running_x'*)			echo PLAIN;;
	*'released['*|*'(nr<'*)		echo ONCE;;
	*'running['*)			echo ORDER;;
	*)				echo 'something else';;
	esac
}

# One run: all of it has to be seen, or something broken be found. Compiling is what takes the time of the latter.
run() { # what is found, model, with what
	local want=$1 model=$2 found n opt=-O2
	shift 2
	[ "$want" = - ] || opt=-O0
	spin -a "${@/#/-D}" "$M/$model.pml" >spin.out 2>&1 || { cat spin.out; return 1; }
	gcc $opt -DSAFETY -DMEMLIM=4000 -DNOCLAIM -o pan pan.c || return 1
	timeout 600 ./pan -m100000 >pan.out 2>&1 || { cat pan.out; return 1; }
	n=$(awk '/states, stored/ { print $1 }' pan.out)
	found=$(broken pan.out)
	printf '%s %s: %s states, found: %s\n' "$model" "$*" "$n" "$found"
	[ "$found" = "$want" ] && ! grep -qE 'max search depth|out of memory|MEMLIM' pan.out && return 0
	cat pan.out
	echo "not ok: $model $*: was to be found: $want"
	return 1
}

# As many at a time as there are CPUs, each in a folder of its own.
models() {
	local line n=0
	rm -rf "$W"
	while read -r line; do
		n=$((n + 1))
		mkdir -p "$W/$n" || return 1
		# shellcheck disable=SC2086 # words
		(cd "$W/$n" && run $line >log 2>&1; echo $? >status) &
		[ "$(jobs -rp | wc -l)" -lt "$JOBS" ] || wait -n
	done < <(runs)
	wait
	for line in $(seq $n); do cat "$W/$line/log"; done
	cat "$W"/*/status | awk '{ if ($1) f++; else p++ } END { print p + 0, f + 0 }'
}

start=$(now)
models >"$LOG" 2>&1
rm -rf "$W"
read -r p f < <(tail -n 1 "$LOG")
states=$(awk '/ states, found: -$/ { s += $(NF - 3) } END { printf "%.1f", s / 1e6 }' "$LOG")
record "$p" "$f" 0
show "models, all interleavings" "$(took $(($(now) - start))), $(counts "$p" "$f" 0), $states million states"
[ "$f" -eq 0 ] && [ "$p" -gt 0 ] || { grep '^not ok' "$LOG" | sed 's/^/    /'; echo "error: the whole log is in $LOG" >&2; exit 1; }
