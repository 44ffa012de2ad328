#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""tap.py LOG STATUS: judge the console log of an end-to-end boot that ended with STATUS.

The first line printed is "passed failed skipped"; then what is wrong, one line each. A splat that no test announced,
a program that exits with an error, and a guest that does not reach its end are failures.
"""
import re
import sys

import splats

# A name follows, with a dash before it or, as the kernel's selftests have it, a number.
RESULT = re.compile(r"^(not ok|ok)(?: \d+ -| -| \d+(?= \w+\.)) (.*)$")
SKIP = re.compile(r"# *SKIP\b", re.I)
END = re.compile(r"e2e: end (\S+) (\d+)")


def judge(path, status):
    passed = skipped = 0
    wrong = []
    done = off = False
    since = 0  # failures of the program that runs now
    with open(path, errors="replace") as f:
        lines = [line.rstrip("\r\n") for line in f]
    for line in lines:
        m = RESULT.match(line)
        if m:
            if SKIP.search(m.group(2)):
                skipped += 1
            elif m.group(1) == "ok":
                passed += 1
            else:
                wrong.append(line)
                since += 1
            continue
        m = END.search(line)
        if m:
            if m.group(2) != "0" and not since:
                wrong.append(f"{m.group(1)} ended with status {m.group(2)}")
            since = 0
        elif re.search(r"e2e: done\s*$", line):
            done = True
        elif re.search(r"reboot: Power down\s*$", line):
            off = True
    if done and status == 124 and not off:
        wrong.append("the guest did not power off: out of time")
    if not done:
        wrong.append("the guest did not reach its end (e2e: done)"
                     + {124: ": out of time", 137: ": killed after its time was up"}.get(status, f": status {status}"))
    elif not passed and not wrong and not skipped:
        wrong.append("no test reported anything")
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


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(__doc__)
        sys.exit(2)
    sys.exit(judge(sys.argv[1], int(sys.argv[2])))
