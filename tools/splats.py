#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Find kernel reports (splats) in a console log.

  splats.py LOG...        print the unexpected ones; exit status 1 when there are any
  splats.py --self-test   test this program on small logs

A test that wants a splat writes two lines around it to /dev/kmsg:

  e2e: expect EXTENDED-REGEX
  e2e: expect-end

In the kernel it is "kunit: expect ...". Between them at least one splat must match (its first lines: headline, message, function), and those that match are
no failure. With "allow" in place of "expect" there may be such splats, and need not be. Every other splat is a failure, except the
lines in splats-stock.txt, which a stock kernel prints by itself.
"""
import os
import re
import sys

# Headlines. A report is one block: what follows inside it is not a second report.
HEADS = [re.compile(p) for p in (
    r"BUG: KASAN",
    r"-{8,}\[ cut here \]-{8,}",
    # "WARNING: CPU: 0 PID: 1 at FILE:LINE" on 6.12, "WARNING: FILE:LINE at FUNCTION, CPU#0: COMM/1" on 7.3
    r"WARNING: CPU",
    # lockdep and RCU: "WARNING: possible circular locking dependency detected", "WARNING: suspicious RCU usage", ...
    r"WARNING: (?!CPU)\S",
    r"BUG: (?!KASAN)",
    r"DEBUG_LOCKS_WARN_ON",
    r"ODEBUG: ",
    r"kmemleak: \d+ new suspected",
    r"INFO: task .* blocked for more than",
    r"INFO: (?:possible|trying to register|lockdep)",
    r"\brcu\b.*\bstall",
    r"INFO: rcu",
    r"sleeping function called from invalid context",
    r"scheduling while atomic",
    r"\bOops\b",
    r"Kernel panic",
    r"refcount_t: (?:underflow|addition|increment|decrement|saturated)",
    r"list_(?:add|del) corruption",
    r"UBSAN: ",
    r"general protection fault",
    r"Kernel mode (?:fault|signal)",
    r"Unable to handle kernel",
    r"Segfault with no mm",
    r"kobject: .*tried to init an initialized object",
    # of s390 and arm
    r"addressing exception: ",
    r"Internal error: ",
    r"cache .* still has objects|Objects remaining",
)]
# What the resource manager reports on one line of the log, without a WARN.
ONE_LINE = re.compile(r"resmgr: .*(?:go on adding resources|freed at unbind, and others may hold it|"
                      r"no driver (?:is|was) bound or being probed|no more of these are reported|"
                      r"takes a reference on .*, which holds it)|"
                      # Of the driver core, which may say these many times, and goes on.
                      r"kobject_add_internal failed|cannot create duplicate filename|"
                      # What cdevm says of a driver that does what it must not.
                      r"cdevm: .*(?:is killed$|unbound by .* of its own driver)")
HEADS.append(ONE_LINE)
STAMP = re.compile(r"^(?:<\d+>)?\[ *\d+\.\d+\](?:\[ *[CT]\d+\])? ?")
# What tests print about themselves is not a report of the kernel, whatever words it has.
OWN = re.compile(r"^\s*(?:not ok|ok|# |demo:|trace:|(?:e2e|kunit): (?!expect|allow))")
MARK = re.compile(r"(?:e2e|kunit): (expect|allow)(-end|\s+(\S.*))")
MAX = 80  # lines; a block without a known end is cut here


class Splat:
    def __init__(self, line, text, before=None):
        self.line = line        # number of the first line
        self.lines = [text]     # without timestamps
        # The message of a WARN() of 7.3 on x86, which has no line of its own before it to say that one begins.
        self.before = [before] if before and re.match(r"WARNING: .*, CPU#\d", text) else []
        self.expected = False

    def head(self):
        """The lines that say what it is and where."""
        return self.before + self.head_proper()

    def head_proper(self):
        first = self.lines[0]
        if "cut here" in first:
            for n, text in enumerate(self.lines):
                if "WARNING:" in text or "BUG" in text or "Kernel panic" in text:
                    # The message is before it, or where warnings trap no instruction after it.
                    after = self.lines[n + 1:n + 2]
                    if after and re.match(r"Modules linked in|CPU: ", after[0]):
                        after = []
                    return self.lines[1:n + 1] + after
            return self.lines[1:4] or [first]
        if "BUG: KASAN" in first:
            return self.lines[:2]
        if "kmemleak" in first:
            return self.lines[:1]
        head = self.lines[:6]
        # The first function: of a call trace line, or named with its offset.
        for text in self.lines[6:]:
            if re.search(r"\S\+0x[0-9a-f]+/0x", text) and not FRAMES.search(text):
                head.append(text)
                break
        return head

    def has(self, known):
        """Is this the report that a line of splats-stock.txt is about? What follows && may be anywhere in it."""
        return (any(known[0] in plain(t) for t in self.head())
                and all(any(k in plain(t) for t in self.lines) for k in known[1:]))

    def summary(self):
        head = [re.sub(r"\s+", " ", t).strip() for t in self.head()]
        return " | ".join(t for t in head[:3] if t and not set(t) <= set("=-"))

    def is_over_at(self, text):
        """Is this line the headline of another report? Of this one there may be two: a WARN has one below "cut here"."""
        if not text[:1].strip() or not any(h.search(text) for h in HEADS):
            return False
        return "cut here" not in self.lines[0] or (
            len(self.lines) > 3 and any("WARNING: " in t or "BUG at" in t for t in self.lines))

    def ended(self, text):
        first = self.lines[0]
        if len(self.lines) >= MAX:
            return True
        if "cut here" in first or ", CPU#" in first:
            return "---[ end trace" in text
        if "BUG: KASAN" in first or "BUG: KCSAN" in first or first.startswith("WARNING:"):
            return bool(re.match(r"={20,}", text))
        return False


# Frames of the reporting itself, which say nothing about where.
FRAMES = re.compile(r"dump_stack|show_stack|print_report|kasan_|__asan_|lockdep_|print_circular|check_noncircular|"
                    r"__might_|__lock_acquire|lock_acquire|um_set_signals|os_info|_printk")


def plain(text):
    """Without line numbers, which differ from one stable release to the next."""
    return re.sub(r"(\.[ch]):\d+", r"\1", text)


def known_lines():
    name = os.path.join(os.path.dirname(os.path.abspath(__file__)), "splats-stock.txt")
    try:
        with open(name) as f:
            return [plain(t.strip()).split(" && ") for t in f if t.strip() and not t.startswith("#")]
    except OSError:
        return []


def scan(lines, known=()):
    """(splats, [problems with the markers])"""
    splats, problems = [], []
    active = []             # [regex, line, matches, needed]
    current = before = None
    gap = 0

    def close(splat):
        head = "\n".join(splat.head() + splat.lines[:1])
        for mark in active:
            if mark[0].search(head):
                mark[2] += 1
                splat.expected = True

    for n, raw in enumerate(lines, 1):
        text = STAMP.sub("", raw.rstrip("\r\n"))
        mark = MARK.search(text)
        if mark:
            before = None
            if current:
                close(current)
                current = None
            if mark.group(2) == "-end":
                if not active:
                    problems.append(f"line {n}: e2e: {mark.group(1)}-end without a beginning")
                else:
                    regex, where, count, needed = active.pop()
                    if needed and not count:
                        problems.append(f"line {where}: expected a splat like '{regex.pattern}', it was not seen")
            else:
                try:
                    active.append([re.compile(mark.group(3).strip()), n, 0, mark.group(1) == "expect"])
                except re.error as e:
                    problems.append(f"line {n}: bad regular expression in a marker: {e}")
            continue
        if current:
            # A headline starts a new one even when the end of the last was lost, or has no mark.
            fresh = ("BUG: KASAN" in text or "BUG: KCSAN" in text or "[ cut here ]" in text
                     or current.is_over_at(text))
            gap = gap + 1 if not text.strip() else 0
            if not fresh:
                if current.ended(text) or (gap and "cut here" not in current.lines[0]
                                           and "KASAN" not in current.lines[0]
                                           and "KCSAN" not in current.lines[0]
                                           and not current.lines[0].startswith("WARNING:")):
                    close(current)
                    current = None
                    continue
                if not OWN.match(text):
                    current.lines.append(text)
                    continue
                # The kernel's report does not hold a test's lines; a result means that it is over.
                if re.match(r"\s*(?:not ok|ok)\b", text):
                    close(current)
                    current = None
                continue
            close(current)
            current = None
        if OWN.match(text):
            continue
        if any(p.search(text) for p in HEADS):
            if any(len(k) == 1 and k[0] in plain(text) for k in known):
                continue
            current = Splat(n, text, before)
            splats.append(current)
            if ONE_LINE.search(text):
                close(current)
                current = None
        before = text
    if current:
        close(current)
    for regex, where, count, needed in active:
        problems.append(f"line {where}: '{regex.pattern}' is {'expected' if needed else 'allowed'} without an end"
                        + ("" if count or not needed else ", and was not seen"))
    # A known line may be inside a "cut here" block.
    splats = [s for s in splats if not any(s.has(k) for k in known)]
    return splats, problems


def report(path):
    """(unexpected as text lines, number expected)"""
    with open(path, errors="replace") as f:
        splats, problems = scan(f, known_lines())
    bad = [f"splat at line {s.line}: {s.summary()}" for s in splats if not s.expected] + problems
    return bad, sum(s.expected for s in splats)


KASAN = """\
[    1.000000] ==================================================================
[    1.000000] BUG: KASAN: slab-use-after-free in hid_sensor_custom_read+0x10/0x20
[    1.000000] Read of size 8 at addr 000000006123 by task cat/30
[    1.000000] CPU: 0 UID: 0 PID: 30 Comm: cat
[    1.000000] Call Trace:
[    1.000000]  dump_stack+0x1/0x2
[    1.000000]  WARNING: not a second report
[    1.000000] ==================================================================
[    1.000000] Disabling lock debugging due to kernel taint
"""
WARN = """\
[    2.000000] ------------[ cut here ]------------
[    2.000000] resmgr: foo: double add of bar
[    2.000000] WARNING: CPU: 0 PID: 1 at lib/resmgr/manager.c:10 resmgr_add+0x1/0x2
[    2.000000] Modules linked in:
[    2.000000] ---[ end trace 0000000000000000 ]---
"""
KCSAN = """\
[    4.000000] ==================================================================
[    4.000000] BUG: KCSAN: data-race in cdevm_open / cdevm_release
[    4.000000]
[    4.000000] write to 0xffff88800a1b2c40 of 8 bytes by task 41 on cpu 0:
[    4.000000]  cdevm_open+0x10/0x20
[    4.000000]
[    4.000000] read to 0xffff88800a1b2c40 of 8 bytes by task 42 on cpu 1:
[    4.000000]  cdevm_release+0x10/0x20
[    4.000000] ==================================================================
"""
LINE = """\
[    2.000000] resmgr: devm foo (bar): struct cdev at offset 8 of baz, 16 bytes, added by a+0x1/0x2; given away by b+0x1/0x2. \
It is freed at unbind, and others may hold it for longer: c
"""
WARN73X86 = """\
[    2.000000] resmgr: foo: double add of bar
[    2.000000] WARNING: lib/resmgr/manager.c:10 at resmgr_add+0x1/0x2, CPU#1: insmod/53
[    2.000000] Modules linked in:
[    2.000000] ---[ end trace 0000000000000000 ]---
"""
WARN73 = """\
[    2.000000] ------------[ cut here ]------------
[    2.000000] resmgr: foo: double add of bar
[    2.000000] WARNING: lib/resmgr/manager.c:10 at resmgr_add+0x1/0x2, CPU#1: kunit/1
[    2.000000] Modules linked in:
[    2.000000] ---[ end trace 0000000000000000 ]---
"""
WARN_UM = """\
[    2.000000] ------------[ cut here ]------------
[    2.000000] WARNING: CPU: 0 PID: 1 at lib/resmgr/manager.c:10 resmgr_add+0x1/0x2
[    2.000000] resmgr: foo: double add of bar
[    2.000000] Modules linked in:
[    2.000000] ---[ end trace 0000000000000000 ]---
"""
CIRC = """\
[    3.000000] ======================================================
[    3.000000] WARNING: possible circular locking dependency detected
[    3.000000] 6.12.117 #1 Not tainted
[    3.000000] ------------------------------------------------------
[    3.000000] cat/30 is trying to acquire lock:
[    3.000000] 0000 (&gate){++++}-{0:0}, at: cdevm_revoke+0x1/0x2
[    3.000000]
[    3.000000] but task is already holding lock:
[    3.000000] more
"""


KOBJECT = """\
[    5.000000] kobject: kobject_add_internal failed for foo (error: -12 parent: bar)
"""
SLEEP = """\
[    6.000000] BUG: sleeping function called from invalid context at mm/slab.h:1
[    6.000000] in_atomic(): 1, irqs_disabled(): 0, pid: 1, name: init
[    6.000000]  dump_stack+0x1/0x2
"""
LEAK = "[   70.000000] kmemleak: 12 new suspected memory leaks (see /sys/kernel/debug/kmemleak)\n"
STALL = "[   30.000000] rcu: INFO: rcu_sched self-detected stall on CPU\n"


def self_test():
    def expect(pattern, text):
        return f"[    0.5] e2e: expect {pattern}\n{text}[    9.0] e2e: expect-end\n"

    def allow(pattern, text):
        return expect(pattern, text).replace("e2e: expect", "e2e: allow")

    # name, log, unexpected, expected, problems
    cases = (
        ("clean log", "[    0.1] Linux version\nok - opened\n", 0, 0, 0),
        ("KASAN", KASAN, 1, 0, 0),
        ("KASAN twice", KASAN + KASAN, 2, 0, 0),
        ("KASAN wanted, by function", expect("hid_sensor_custom_(read|release)", KASAN), 0, 1, 0),
        ("KASAN wanted, by kind", expect("BUG: KASAN: slab-use-after-free", KASAN + KASAN), 0, 2, 0),
        ("other splat than wanted", expect("KASAN: slab-out-of-bounds", KASAN), 1, 0, 1),
        ("wanted but not seen", expect("KASAN", ""), 0, 0, 1),
        ("splat after the end marker", expect("KASAN", KASAN) + KASAN, 1, 1, 0),
        ("marker without end", "e2e: expect KASAN\n" + KASAN, 0, 1, 1),
        ("end without marker", "e2e: expect-end\n", 0, 0, 1),
        ("bad regex", "e2e: expect (\n", 0, 0, 1),
        ("nested markers", expect("KASAN", expect("resmgr_add", WARN) + KASAN), 0, 2, 0),
        ("one report for two markers", expect("KASAN", expect("hid_sensor", KASAN)), 0, 1, 0),
        ("WARNING", WARN, 1, 0, 0),
        ("WARNING wanted by its message", expect("double add of bar", WARN), 0, 1, 0),
        ("WARNING wanted by function", expect("resmgr_add", WARN), 0, 1, 0),
        ("WARNING with its message behind", WARN_UM, 1, 0, 0),
        ("WARNING wanted by its message behind", expect("double add of bar", WARN_UM), 0, 1, 0),
        ("WARNING not wanted by what comes behind", expect("Modules", WARN_UM + WARN), 2, 0, 1),
        ("report on one line", LINE, 1, 0, 0),
        ("report on one line wanted", expect("resmgr: devm .* given away by b", LINE), 0, 1, 0),
        ("reports on one line, and then others", LINE + LINE + WARN + KASAN + LINE, 5, 0, 0),
        ("report on one line not wanted by what comes behind", expect("double add of bar", LINE + WARN), 1, 1, 0),
        ("WARNING of 7.3", WARN73, 1, 0, 0),
        ("WARNING of 7.3 wanted by its message", expect("double add of bar", WARN73), 0, 1, 0),
        ("WARNING of 7.3 wanted by the message before it", expect("double add of bar", WARN73X86), 0, 1, 0),
        ("WARNING of 7.3 that another message is before", expect("double add of foo", WARN73X86), 1, 0, 1),
        ("WARNING of 7.3 wanted by function", expect("resmgr_add", WARN73), 0, 1, 0),
        ("markers of a KUnit test", expect("resmgr_add", WARN).replace("[    0.5]", "    # case:"), 0, 1, 0),
        ("circular locking", CIRC, 1, 0, 0),
        ("circular locking wanted by function", expect("cdevm_revoke", CIRC), 0, 1, 0),
        ("two reports in a row", WARN + KASAN + CIRC, 3, 0, 0),
        ("report cut off by the next", KASAN[:200] + "\n" + WARN, 2, 0, 0),
        ("hung task", "[  130.0] INFO: task cat:30 blocked for more than 120 seconds.\n", 1, 0, 0),
        ("kmemleak", "[   70.0] kmemleak: 2 new suspected memory leaks (see /sys/kernel/debug/kmemleak)\n", 1, 0, 0),
        ("kmemleak start-up is none", "[    0.2] kmemleak: Automatic memory scanning thread started\n", 0, 0, 0),
        ("sleep in atomic", "[ 1.0] BUG: sleeping function called from invalid context at a.c:1\n", 1, 0, 0),
        ("ODEBUG", "[ 1.0] ODEBUG: free active (active state 0) object: 00 object type: timer_list\n", 1, 0, 0),
        ("RCU stall", "[ 30.0] rcu: INFO: rcu_sched self-detected stall on CPU\n", 1, 0, 0),
        ("panic", "[ 1.0] Kernel panic - not syncing: Attempted to kill init!\n", 1, 0, 0),
        ("refcount", "[ 1.0] refcount_t: underflow; use-after-free.\n", 1, 0, 0),
        ("data race", KCSAN, 1, 0, 0),
        ("data race wanted by function", expect("cdevm_release", KCSAN), 0, 1, 0),
        ("two data races", KCSAN + KCSAN, 2, 0, 0),
        ("KASAN allowed", allow("KASAN", KASAN + KASAN), 0, 2, 0),
        ("KASAN allowed, not seen", allow("KASAN", ""), 0, 0, 0),
        ("other splat than allowed", allow("KASAN", WARN), 1, 0, 0),
        ("allowed without end", "e2e: allow KASAN\n" + KASAN, 0, 1, 1),
        ("suspicious RCU", "[ 1.0] WARNING: suspicious RCU usage\n", 1, 0, 0),
        ("a test's own words", "ok - BUG: KASAN was seen\n    # WARNING: no\ndemo: a | b | KASAN: c\n", 0, 0, 0),
        ("lock debugging notice", "[ 1.0] Disabling lock debugging due to kernel taint\n", 0, 0, 0),
        ("many allowed lines, and a report behind one", allow("kobject_add_internal failed", KOBJECT * 2 + SLEEP + KOBJECT),
         1, 3, 0),
        ("a report before an allowed line", allow("kobject_add_internal failed", SLEEP + KOBJECT), 1, 1, 0),
        ("reports without an end, in a row", SLEEP + LEAK + STALL + SLEEP, 4, 0, 0),
        ("a report without an end, behind an allowed one", allow("sleeping function", SLEEP + STALL), 1, 1, 0),
        ("WARNING of 7.3 and what follows", allow("double add", WARN73X86 + SLEEP + WARN73X86), 1, 2, 0),
        ("two WARNINGs of 7.3", WARN73X86 + WARN73X86, 2, 0, 0),
        ("carriage returns", KASAN.replace("\n", "\r\n"), 1, 0, 0),
    )
    failed = 0
    for name, log, unexpected, expected, problems in cases:
        splats, found = scan(log.splitlines(keepends=True))
        got = (sum(not s.expected for s in splats), sum(s.expected for s in splats), len(found))
        good = got == (unexpected, expected, problems)
        failed += not good
        print(f"{'ok' if good else 'not ok'} - {name}"
              + ("" if good else f" # unexpected, expected, problems: {got}, want {unexpected, expected, problems}"))
    for what, text, ignored in (
        ("a known line of stock is ignored", "double add of bar", True),
        ("a known line of stock, whatever its number", "at lib/resmgr/manager.c:99 resmgr_add", True),
        ("a known line with what is further down", "double add of bar && Modules linked in", True),
        ("a known line without what should be further down", "double add of bar && kfree", False),
    ):
        found, _ = scan(WARN.splitlines(), [plain(text).split(" && ")])
        failed += bool(found) == ignored
        print(f"{'not ok' if bool(found) == ignored else 'ok'} - {what}")
    return bool(failed)


def main(argv):
    if argv[1:] == ["--self-test"]:
        return self_test()
    if len(argv) < 2 or argv[1].startswith("-"):
        print(__doc__)
        return 0 if argv[1:] in (["-h"], ["--help"]) else 2
    status = 0
    for path in argv[1:]:
        try:
            bad, expected = report(path)
        except OSError as e:
            print(f"error: {path}: {e.strerror}", file=sys.stderr)
            return 2
        for text in bad:
            print(f"{path}: {text}")
            status = 1
        print(f"{path}: {len(bad)} unexpected, {expected} expected")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv))
