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

# --- text from elsewhere: without the header, through a pipe, from trace-cmd report
grep -v '^#' ours-irq.txt >"$tmp/bare.txt"
"$prog" check - <"$tmp/bare.txt" >"$tmp/1"
"$prog" check ours-irq.txt >"$tmp/2"
cmp "$tmp/1" "$tmp/2" >"$tmp/diff" 2>&1
result $? "a pipe says the same as a file" "$tmp/diff"

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
says 'no owner in it is called nobody' show --owner nobody ours-irq.txt
says 'there is no unbind in it of nobody' order --owner nobody ours-irq.txt
says 'there is no command dance' dance
says 'not a list of rules' check --rules order,dance ours-irq.txt
says '--slow x: say a number' check --slow x ours-irq.txt
says 'export: say --svg or --json' export ours-irq.txt
says 'one file at a time' show ours-irq.txt ours-slow.txt
says 'say a command or --unbind DEVICE' record
