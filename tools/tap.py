#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Judge the console log of an end-to-end boot.

  tap.py LOG STATUS       the boot ended with STATUS
  tap.py --self-test      test this program on small logs

The first line printed is "passed failed skipped"; then what is wrong, one line each. A splat that no test announced,
a program that exits with an error, that reports nothing, or not as many results as it has planned, and a guest that
does not reach its end are failures.
"""
import re
import sys

import splats

# A name follows, with a dash before it or, as the kernel's selftests have it, a number.
RESULT = re.compile(r"^(not ok|ok)(?: \d+ -| -| \d+(?= \w+\.)) (.*)$")
SKIP = re.compile(r"# *SKIP\b", re.I)
PLAN = re.compile(r"^1\.\.(\d+)\b")
# What e2e/init prints around the output of a program, on the same terminal: in QEMU the kernel has another one. A line
# of the kernel may come before the end of such a line.
BEGIN = re.compile(r"# program (\S+) begins")
END = re.compile(r"# program (\S+) ended with status (\d+)")


class Program:
    def __init__(self, name):
        self.name = name
        self.results = self.failed = 0
        self.planned = None     # of all tests that it runs

    def wrong(self, status):
        if status and not self.failed:
            yield f"{self.name} ended with status {status}"
        if not self.results:
            yield f"{self.name} has reported nothing"
        if self.planned is not None and self.planned != self.results:
            yield f"{self.name} has planned {self.planned} results and reported {self.results}"


def judge_lines(lines, status):
    """(passed, skipped, [what is wrong], did the guest reach its end?)"""
    passed = skipped = programs = 0
    wrong = []
    done = off = False
    program = Program("")
    for line in lines:
        m = RESULT.match(line)
        if m:
            program.results += 1
            if SKIP.search(m.group(2)):
                skipped += 1
            elif m.group(1) == "ok":
                passed += 1
            else:
                wrong.append(line)
                program.failed += 1
            continue
        m = PLAN.match(line)
        if m:
            program.planned = (program.planned or 0) + int(m.group(1))
        elif BEGIN.search(line):
            program = Program(BEGIN.search(line).group(1))
            programs += 1
        elif END.search(line):
            wrong += program.wrong(int(END.search(line).group(2)))
            program = Program("")
        elif re.search(r"e2e: done\s*$", line):
            done = True
        elif re.search(r"reboot: Power down\s*$", line):
            off = True
    if program.name:
        wrong.append(f"{program.name} did not end")
    if done and status == 124 and not off:
        wrong.append("the guest did not power off: out of time")
    if not done:
        wrong.append("the guest did not reach its end (e2e: done)"
                     + {124: ": out of time", 137: ": killed after its time was up"}.get(status, f": status {status}"))
    elif not programs:
        wrong.append("no program was run")
    return passed, skipped, wrong, done


def judge(path, status):
    with open(path, errors="replace") as f:
        lines = [line.rstrip("\r\n") for line in f]
    passed, skipped, wrong, done = judge_lines(lines, status)
    bad, _ = splats.report(path)
    wrong += bad
    print(passed, len(wrong), skipped)
    for w in wrong:
        print(w)
    if not done:
        print("end of the log:")
        for line in lines[-25:]:
            print("| " + line)
    return bool(wrong)


def self_test():
    def program(text, status=0, name="a"):
        return f"# program {name} begins\n{text}# program {name} ended with status {status}\n"

    end = "[    9.0] e2e: done\n[    9.1] reboot: Power down\n"
    # name, log, status of the boot, passed, failed, skipped
    cases = (
        ("two results", program("ok - a\nok 2 - b\n") + end, 0, 2, 0, 0),
        ("one that is not ok", program("ok - a\nnot ok - b\n", 1) + end, 0, 1, 1, 0),
        ("one that is skipped", program("ok - a # SKIP no b\n") + end, 0, 0, 0, 1),
        ("results of the kernel's selftests", program("TAP version 13\n1..2\nok 1 cdevm.works\nok 2 cdevm.too\n") + end,
         0, 2, 0, 0),
        ("a program that says nothing", program("# well\n") + end, 0, 0, 1, 0),
        ("one that says nothing beside one that does", program("ok - a\n") + program("", name="b") + end, 0, 1, 1, 0),
        ("a program that fails and says nothing", program("", 1) + end, 0, 0, 2, 0),
        ("a program that fails after all was ok", program("ok - a\n", 139) + end, 0, 1, 1, 0),
        ("as many as planned", program("ok - a\nok - b\n1..2\n") + end, 0, 2, 0, 0),
        ("a result is lost", program("ok - a\n[ 1.0] kernelok - b\n1..2\n") + end, 0, 1, 1, 0),
        ("one too many", program("ok - a\nok - b\n1..1\n") + end, 0, 2, 1, 0),
        ("two plans", program("1..1\nok - a\n1..1\nok - b\n") + end, 0, 2, 0, 0),
        ("indented plans are of others", program("    1..7\nok - a\n") + end, 0, 1, 0, 0),
        ("no program", end, 0, 0, 1, 0),
        ("a program that does not end", "# program a begins\nok - a\n" + end, 0, 1, 1, 0),
        ("the guest does not end", program("ok - a\n"), 124, 1, 1, 0),
        ("the guest does not power off", program("ok - a\n") + "[    9.0] e2e: done\n", 124, 1, 1, 0),
        ("leaks, which are found behind the last program", program("ok - a\n") + "not ok - memory was leaked\n# x\n" + end,
         0, 1, 1, 0),
        ("carriage returns", (program("ok - a\n1..1\n") + end).replace("\n", "\r\n"), 0, 1, 0, 0),
        ("a splat", program("ok - a\n") + splats.KASAN + end, 0, 1, 1, 0),
    )
    failed = 0
    for name, log, status, *want in cases:
        lines = log.splitlines()
        passed, skipped, wrong, _ = judge_lines(lines, status)
        bad = [s for s in splats.scan(lines)[0] if not s.expected]
        got = [passed, len(wrong) + len(bad), skipped]
        failed += got != want
        print(f"{'ok' if got == want else 'not ok'} - {name}"
              + ("" if got == want else f" # passed, failed, skipped: {got}, want {want}"))
    return bool(failed)


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    if len(sys.argv) != 3:
        print(__doc__)
        sys.exit(2)
    sys.exit(judge(sys.argv[1], int(sys.argv[2])))
