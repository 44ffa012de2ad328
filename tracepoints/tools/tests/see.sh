# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The tests of what is to be seen in a trace; run.sh runs them, in traces/.

# --- two devices of one name, files with addresses
expect buses.show 0 show edited-buses.txt
expect buses.check 0 check edited-buses.txt
expect buses.order 0 order edited-buses.txt
expect buses.stat 0 stat edited-buses.txt
expect buses.json 0 export --json edited-buses.txt
expect buses.svg 0 export --svg edited-buses.txt

# --- stat, diff, two traces beside each other
expect callers.stat 0 stat ours-callers.txt
expect hid-top.stat 0 stat --top 3 ours-hid.txt
expect hid-driver.stat 0 stat --owner 'HID-*' --top 2 ours-hid.txt
expect same.diff 0 diff ours-leak.txt ours-leak.txt
expect leak-cdevm.diff 1 diff ours-leak.txt ours-cdevm.txt
expect owners.diff 1 diff ours-irq.txt ours-slow.txt
expect irq.order-two 0 order stock-irq.txt ours-irq.txt
expect leak.order-two 0 order ours-leak.txt ours-cdevm.txt
expect other.order-two 0 order stock-irq.txt ours-slow.txt
# The same kernel another time: other addresses, times and tasks.
sed 's/0000000090/000000007f/g; s/sh-55/sh-99/; s/ 10\.\([0-9]*\):/ 77.\1:/' ours-leak.txt >"$tmp/again.txt"
"$prog" diff ours-leak.txt "$tmp/again.txt" >"$tmp/out" 2>&1
result $? "diff: addresses, times and tasks do not count" "$tmp/out"

# --- filters
expect driver.show 0 show --driver 'alpha*' edited-buses.txt
expect class.show 0 show --class cdevm ours-leak.txt
expect pid.show 0 show --pid 43 edited-buses.txt
expect window.show 0 show --from 2.9 --to 3.5 edited-buses.txt
expect window.order 0 order --from 10.618 --to 10.619 ours-leak.txt
expect window.svg 0 export --svg --to-scale --from 10.6 --to 10.62 ours-leak.txt
expect class.check 1 check --class devm ours-node.txt
expect pid.check 0 check --pid 1 ours-node.txt
expect class.json 0 export --json --class cdevm-nodes ours-leak.txt
says 'of driver gamma' show --driver gamma edited-buses.txt
says 'at that time' order --from 50 ours-leak.txt
says '--pid x: say a number' show --pid x ours-leak.txt
says '--from 1.x: say a time' show --from 1.x ours-leak.txt
says '--from is after --to' show --from 2 --to 1 ours-leak.txt
says '--top is for stat' show --top 3 ours-leak.txt
says '--to-scale is for export' show --to-scale ours-leak.txt
says 'diff: say two files' diff ours-leak.txt

# --- pictures: every trace there is, by order and to scale
for t in *.txt *.dat; do
	for how in '' --to-scale; do
		# shellcheck disable=SC2086 # an option or none
		"$prog" export --svg $how "$t" >"$tmp/picture.svg" 2>"$tmp/err" || continue
		"$here/layout.py" "$tmp/picture.svg" >"$tmp/diff" 2>&1
		result $? "picture of $t $how" "$tmp/diff"
	done
done

# --- what Perfetto and chrome://tracing are given is what their format asks for
for t in ours-hid.txt ours-node.txt edited-buses.txt edited-lost.txt stock-irq.txt; do
	"$prog" export --json "$t" 2>/dev/null | python3 "$here/json-format.py" >"$tmp/diff" 2>&1
	result $? "format of the JSON of $t" "$tmp/diff"
done

# --- what a shell completes is what there is
commands=$("$prog" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\)  .*/\1/p')
# shellcheck disable=SC2086 # a list
bash -c '. "$1"; shift
	complete_all() { _resmgr_trace; printf "%s\n" "${COMPREPLY[@]}"; }
	COMP_WORDS=(resmgr-trace ""); COMP_CWORD=1; complete_all
	for c; do COMP_WORDS=(resmgr-trace "$c" --); COMP_CWORD=2; complete_all; done' - \
	"$here/../completion.bash" $commands >"$tmp/out" 2>&1
for word in $commands $("$prog" --help | grep -oE -- '--[a-z-]+' | sort -u); do
	grep -qxF -- "$word" "$tmp/out" || echo "not completed: $word"
done >"$tmp/diff"
[ ! -s "$tmp/diff" ]
result $? "completion of commands and options" "$tmp/diff"
bash -c '. "$1"; COMP_WORDS=(resmgr-trace check --rules irq,le); COMP_CWORD=3; _resmgr_trace; echo "${COMPREPLY[@]}"' - \
	"$here/../completion.bash" >"$tmp/out" 2>&1
[ "$(cat "$tmp/out")" = irq,leak ]
result $? "completion of rules" "$tmp/out"
