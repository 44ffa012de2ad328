# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The tests; run.sh runs them, in traces/.

# --- what is said about recorded traces
for t in ours-*.txt ours-*.dat stock-*.txt; do
	base=${t%.*}
	[ "${t##*.}" = dat ] && base=$base-dat
	expect "$base.show" 0 show "$t"
	case $t in
	stock-leftover.txt|ours-slow.txt|ours-node.txt) rc=1;;
	*) rc=0;;
	esac
	expect "$base.check" $rc check "$t"
done
for t in ours-cdevm.txt ours-leak.txt ours-node.txt ours-cdevm.dat stock-irq.txt; do
	base=${t%.*}
	[ "${t##*.}" = dat ] && base=$base-dat
	expect "$base.order" 0 order "$t"
done
for t in made-*.txt; do
	base=${t%.txt} rc=0
	case $t in made-group*) rc=1;; esac
	expect "$base.check" $rc check "$t"
done
for t in made-skew made-names made-names-stock made-drivers made-module; do
	expect "$t.show" 0 show "$t.txt"
done
expect made-drmm.order 0 order made-drmm.txt
expect made-module.order 0 order made-module.txt
expect made-names.json 0 check --json --rules leak,irq,lost made-names.txt
expect cdevm.order-reverse 0 order --reverse ours-cdevm.txt
expect cdevm.svg 0 export --svg ours-cdevm.txt
expect cdevm.json 0 export --json ours-cdevm.txt
expect leak.svg 0 export --svg ours-leak.txt
expect hid.owner 0 show --owner 'HID-SENSOR-*' ours-hid.txt
expect colour 0 show --color always ours-slow.txt
expect help 0 --help
expect help 0 check --help
expect help 0 record -h

# --- what is exported can be read: pairs in JSON, XML without anything from elsewhere
"$prog" export --json ours-leak.txt >"$tmp/json"
python3 - "$tmp/json" >"$tmp/diff" 2>&1 <<'PY'
import json, sys
open_, ended = {}, 0
for e in json.load(open(sys.argv[1]))["traceEvents"]:
    key = (e["pid"], e.get("cat"), e.get("id"), e["name"])
    if e["ph"] == "b":
        assert key not in open_, key
        open_[key] = e["ts"]
    elif e["ph"] == "e":
        assert e["ts"] >= open_.pop(key), key
        ended += 1
assert ended and len(open_) == 7, (ended, open_)
PY
result $? "each end in the JSON has its begin, and what was leaked has no end" "$tmp/diff"
"$prog" export --svg ours-leak.txt >"$tmp/svg"
python3 - "$tmp/svg" >"$tmp/diff" 2>&1 <<'PY'
import sys, xml.etree.ElementTree as tree
text = open(sys.argv[1]).read()
root = tree.fromstring(text)
assert root.tag.endswith("svg") and "href" not in text and "<script" not in text and "url(" not in text
PY
result $? "the picture is XML, and all of it" "$tmp/diff"

# --- each rule fires where there is something, and keeps quiet where there is not
fires leak edited-leak.txt
fires leak stock-leftover.txt
clean leak ours-leftover.txt
clean leak ours-leak.txt
fires irq edited-irq.txt
fires irq edited-irq-stock.txt
clean irq ours-irq.txt
fires slow ours-slow.txt
fires slow ours-node.txt
fires devm-mem ours-node.txt
# These no kernel would give: traces that were edited, see traces/README.
fires order edited-order.txt
fires order edited-order-stock.txt
# A gap is held against nobody, and what comes after it is seen.
for rule in order leak; do
	clean $rule edited-gap.txt
	clean $rule edited-gaps.txt
done
fires order edited-gap-order.txt
expect gaps.check 0 check edited-gaps.txt
fires late-call edited-late-call.txt
fires unpublish edited-unpublish.txt
fires leak edited-hang.txt
for rule in order leak irq late-call unpublish devm-mem slow; do
	clean $rule ours-cdevm.txt
	clean $rule ours-cdevm.dat
done
expect lost.check 1 check --strict --rules lost edited-lost.txt
expect lost-leak.check 0 check --rules leak edited-lost.txt
expect strict.check 1 check --strict --rules devm-mem ours-cdevm.txt
expect slow-limit.check 0 check --rules slow --slow 600 ours-slow.txt

# --- what a CI wants
for form in json ktap junit; do
	expect "ci.$form" 1 check --$form edited-irq.txt
	expect "ci-strict.$form" 1 check --$form --strict ours-cdevm.txt
	expect "ci-skip.$form" 0 check --$form stock-irq.txt
done
python3 -c 'import json, sys; json.load(open(sys.argv[1]))
import xml.etree.ElementTree as tree; tree.parse(sys.argv[2])' \
	"$here/expected/made-names.json" "$here/expected/ci.junit" >"$tmp/diff" 2>&1
result $? "JSON is JSON, and JUnit is XML" "$tmp/diff"
cat >"$tmp/known" <<-'EOF'
	# what we know about
	irq faults-* *devm_clk_bulk_release_all_enable*
	irq faults-irq
	leak

	* nobody
EOF
(cd "$tmp" && "$prog" check --suppress known "$here/traces/edited-irq.txt" >out 2>err)
rc=$?
[ $rc -eq 0 ] && grep -q '^0 errors, 0 warnings (2 more are known) in' "$tmp/out" &&
	[ "$(cat "$tmp/err")" = "resmgr-trace: warning: known:4: nothing was found that this is about: leak * *
resmgr-trace: warning: known:6: nothing was found that this is about: * nobody *" ]
result $? "what is known is no finding, and what is not found is said" "$tmp/err"
echo 'typo *' >"$tmp/known"
says 'known:1: there is no rule typo' check --suppress "$tmp/known" ours-irq.txt

# --- text from elsewhere: in the forms of other tools, among what others trace, with odd names of tasks
normal() {
	sed -E 's/ by [^ ].*-[0-9-]+$/ by TASK/; s/[0-9.]+ (ns|us|ms|s)\b//g; s/[0-9]+\.[0-9]+//g; s/[+0-9]//g; s/ +/ /g'
}
"$prog" order ours-cdevm.txt | normal >"$tmp/1"
for form in $("$here/forms.py" --list); do
	"$here/forms.py" "$form" <ours-cdevm.txt >"$tmp/form.txt"
	# The graph tracer says no task, and so not whose unbind it is.
	"$prog" order "$tmp/form.txt" 2>/dev/null | sed 's/unbind or failed probe/unbind/' | normal |
		diff "$tmp/1" - >"$tmp/diff" 2>&1
	result $? "form: $form" "$tmp/diff"
done
"$here/forms.py" noise <ours-cdevm.txt >"$tmp/noise.txt"
"$prog" check "$tmp/noise.txt" >"$tmp/out" 2>"$tmp/err"
grep -q 'noise.txt: 11 lines not of a trace passed over, the first is line 14$' "$tmp/err" &&
	tail -n 1 "$tmp/out" | cmp - <(tail -n 1 "$here/expected/ours-cdevm.check")
result $? "lines of nobody are counted" "$tmp/err"
for lost in 'CPU:0 [LOST 3 EVENTS]' 'CPU:0 [EVENTS DROPPED]' 'a.dat: CPU:0 [12 EVENTS DROPPED]'; do
	sed "40i $lost" ours-leak.txt >"$tmp/lost.txt"
	"$prog" check --strict --rules leak,lost "$tmp/lost.txt" >"$tmp/out" 2>&1
	[ $? -eq 1 ] && grep -q '^warning: lost: .*events were lost' "$tmp/out" && ! grep -q ': leak: ' "$tmp/out"
	result $? "seen: $lost" "$tmp/out"
done

# --- text from elsewhere: without the header, through a pipe
grep -v '^#' ours-irq.txt >"$tmp/bare.txt"
"$prog" check - <"$tmp/bare.txt" >"$tmp/1"
"$prog" check ours-irq.txt >"$tmp/2"
cmp "$tmp/1" "$tmp/2" >"$tmp/diff" 2>&1
result $? "a pipe says the same as a file" "$tmp/diff"

# Two files that overlap are as one.
for t in ours-irq ours-cdevm; do
	cat $t.txt $t.txt | "$prog" check - 2>&1 | diff "$here/expected/$t.check" - >"$tmp/diff" 2>&1
	result $? "what is there twice counts once: $t" "$tmp/diff"
done

# --- live: line by line, as they come; a damaged one is no end
"$prog" live - <ours-leak.txt >"$tmp/out" 2>&1
[ -z "${UPDATE:-}" ] || cp "$tmp/out" "$here/expected/leak.live"
diff -u "$here/expected/leak.live" "$tmp/out" >"$tmp/diff" 2>&1
result $? "leak.live: live -" "$tmp/diff"
{ sed -n 14,15p ours-leak.txt; echo 'sh-1 [000] 1.0: resmgr_add: devm'; echo 'CPU:0 [LOST 1 EVENTS]'; sed -n 16p ours-leak.txt; } |
	"$prog" live -O 'cdevm-*' - >"$tmp/out" 2>"$tmp/err"
[ $? -eq 0 ] && [ "$(wc -l <"$tmp/out")" -eq 4 ] && grep -q '^events were lost$' "$tmp/out" &&
	grep -q 'cannot be read: sh-1' "$tmp/err"
result $? "live goes on" "$tmp/out"
mkfifo "$tmp/fifo"
"$prog" live - <"$tmp/fifo" >"$tmp/out" &
exec 9>"$tmp/fifo"
sed -n 14p ours-leak.txt >&9
for _ in $(seq 100); do
	[ -s "$tmp/out" ] && break
	sleep 0.1
done
[ -s "$tmp/out" ]
result $? "live does not wait for more"
exec 9>&-
wait $!

# --- input that is not what it should be
says 'cannot open nowhere.txt: No such file' show nowhere.txt
says 'cannot read: Is a directory' show .
says 'the file is empty' show /dev/null
says 'in it, and line 1 is not a line of a trace' show README
head -c 30000 /dev/zero >"$tmp/zero"
says 'this is not text' show "$tmp/zero"
head -c $(($(stat -c %s ours-cdevm.txt) - 30)) ours-cdevm.txt >"$tmp/cut.txt"
says 'the file ends in the middle of a line; it was cut off' check "$tmp/cut.txt"
sed 's/ node=[0-9a-f]*/ node=(____ptrval____)/' ours-irq.txt >"$tmp/hashed.txt"
says "'resmgr-trace record' has it do so" check "$tmp/hashed.txt"
sed 's/ size=[0-9]*//' ours-irq.txt >"$tmp/size.txt"
says 'has no name= and size= of a resource' check "$tmp/size.txt"
sed 's/resmgr_/other_/' ours-irq.txt >"$tmp/other.txt"
says 'no events of resmgr, cdevm or devres_log in it' check "$tmp/other.txt"
size=$(stat -c %s ours-cdevm.dat)
for part in 12 100 5000 $((size / 2)); do
	head -c "$part" ours-cdevm.dat >"$tmp/cut.dat"
	says 'cannot be read as a trace-cmd file; it is damaged or was cut off' check "$tmp/cut.dat"
done
says 'in this file the operations of devres_log are addresses' show stock-devres.dat
says 'a trace-cmd file has to be a file' show - <ours-cdevm.dat
says 'this is not text: a line has no end' check /dev/zero
says 'one of --svg, --json, --ktap and --junit' check --json --ktap ours-irq.txt
printf 'PERFILE2\0\0\0' >"$tmp/perf.data"
says "'perf script -i $tmp/perf.data' makes text of it" check "$tmp/perf.data"
printf '\n\5\10\0\0\0\0' >"$tmp/perfetto"
says "'traceconv systrace' makes text of it" check "$tmp/perfetto"
gzip -c ours-irq.txt >"$tmp/irq.gz"
says 'this is compressed' check "$tmp/irq.gz"
# Nothing was looked at: that is not fine.
says 'there is no resource in it of owner nobody' check -O nobody ours-irq.txt
says 'not a list of rules' check --rules '' ours-irq.txt
says 'not a list of rules' check --rules irq, ours-irq.txt
says 'nothing in it is what slow is about' check --rules slow stock-irq.txt
grep -v release ours-irq.txt >"$tmp/adds.txt"
says 'nothing in it is what the rules are about' check "$tmp/adds.txt"
says '--json is for export and check' show --json ours-irq.txt
says '--ktap and --junit are for check' export --ktap ours-irq.txt
says '--rules, --suppress and --strict are for check' show --strict ours-irq.txt
says 'leave -R out' show - <<<'sh-1 [000] 1.0: resmgr_add: class=devm owner=foo name=x'
says 'there is no resource in it of owner nobody' show --owner nobody ours-irq.txt
says 'there is no unbind in it of owner nobody' order --owner nobody ours-irq.txt
says 'there is no command dance' dance
says 'not a list of rules' check --rules order,dance ours-irq.txt
says '--slow x: say a number' check --slow x ours-irq.txt
says 'export: say --svg or --json' export ours-irq.txt
says 'one file at a time' show ours-irq.txt ours-slow.txt
says 'say a command or --unbind DEVICE' record
says 'live: it follows the kernel' live ours-irq.txt
says "no device nobody is bound to a driver" record -o "$tmp/none/out" --unbind nobody
