#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""compliance.py LOG LOG: do two runs of e2e/v4l2-compliance.sh have the same results, test by test?

Prints what differs, or one line "same: ..." with what was compared. Exit status 1 for a difference, or for a log with
no results in it. A warning is no result: some depend on how fast frames come (vivid's "Requests" with an emulated CPU).
"""
import re
import sys

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
STAMP = re.compile(r"^(?:<\d+>)?\[ *\d+\.\d+\]")
MARK = re.compile(r"^compliance: (begin|end) (.*)$")
# "	test VIDIOC_QUERYCAP: OK", with what the test has found wrong on the lines before it
TEST = re.compile(r"^\s*(test .*?): (.*)$")
HEAD = re.compile(r"^(?:Compliance test for|Test |Control ioctls|Format ioctls|Codec ioctls|Buffer ioctls|"
                  r"Input ioctls|Output ioctls|Input/Output|Streaming ioctls|Sub-Device|Media Driver|"
                  r"Required ioctls|Allow for|Debug ioctls|Interface Info|Entity Info)")
# What fails at times on either kernel, and takes the totals of its node with it. Seen on stock 6.12 in one of two runs in
# UML on a busy machine, and on ours in the other: of a buffer that has gone in, the flags come out changed; the test
# after it finds that buffer still there.
UNSTEADY = (("vim2m", re.compile(r"Buffer ioctls: test (Requests|blocking wait)$")),)
TOTAL = re.compile(r"^(?:Grand )?Total\b.*: \d+, Succeeded: \d+, Failed: \d+")


def clean(text):
    """Without what differs from one boot to the next: node numbers, frame rates and times."""
    text = re.sub(r"/dev/(video|media|vbi|radio|swradio|v4l-subdev|v4l-touch)\d+", r"/dev/\1N", text)
    text = re.sub(r"\d+\.\d+ fps|\d+(?:\.\d+)? *(?:ms|s)\b", "T", text)
    return re.sub(r"0x[0-9a-f]{8,}", "0xN", text).rstrip()


def results(path):
    """{node: [(test, result, complaints)]}, in order, each test with its number: some are done for each input."""
    nodes = {}
    node = None
    complaints = []
    head = ""
    with open(path, errors="replace") as f:
        for line in f:
            line = COLOUR.sub("", line.rstrip("\r\n"))
            if STAMP.match(line):
                continue
            m = MARK.match(line)
            if m:
                node = m.group(2) if m.group(1) == "begin" else None
                if node:
                    nodes[node] = []
                else:
                    name, _, status = m.group(2).rpartition(" ")
                    nodes[name].append(("exit status", status, []))
                complaints, head = [], ""
                continue
            if node is None:
                continue
            if HEAD.match(line):
                head = clean(line)
                continue
            m = TEST.match(line)
            if m:
                nodes[node].append((f"{head} {clean(m.group(1))}", clean(m.group(2)), complaints))
                complaints = []
            elif TOTAL.match(line):
                nodes[node].append(("totals", re.sub(r", Warnings: \d+", "", clean(line)), []))
            elif re.search(r"\bfail: ", line):
                complaints.append(clean(line))
    return nodes


def main(argv):
    if len(argv) != 3:
        print(__doc__)
        return 2
    a, b = results(argv[1]), results(argv[2])
    differ = 0
    tests = failed = unsteady = 0
    for node in list(a) + [n for n in b if n not in a]:
        if node not in a or node not in b:
            print(f"{node}: only in {argv[1] if node in a else argv[2]}")
            differ += 1
            continue
        x, y = a[node], b[node]
        if len(x) != len(y):
            print(f"{node}: {len(x)} results in one, {len(y)} in the other")
            differ += 1
        shaky = False
        for n, (p, q) in enumerate(zip(x, y)):
            if p == q:
                continue
            if any(node == name and test.match(p[0]) and p[0] == q[0] for name, test in UNSTEADY):
                unsteady += 1
                shaky = True
                continue
            if shaky and p[0] == q[0] and p[0] in ("totals", "exit status"):
                continue
            differ += 1
            print(f"{node}: result {n}:")
            print(f"- {p[0]}: {p[1]} {' | '.join(p[2])}")
            print(f"+ {q[0]}: {q[1]} {' | '.join(q[2])}")
        only = [r for t, r, _ in x if t not in ("totals", "exit status")]
        tests += len(only)
        failed += sum(p[1].startswith("FAIL") and q[1].startswith("FAIL") for p, q in zip(x, y))
    if not tests:
        print("no results in these logs")
    if differ or not tests:
        return 1
    print(f"same: {len(a)} nodes, {tests} tests, {failed} of them failed on both" +
          (f", {unsteady} that are unsteady differ" if unsteady else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
