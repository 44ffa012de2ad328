#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""demo.py LOG...: the table of make demo, from the console logs of the kernels that ran it.

In a log:
  demo: COLUMN | OPERATION | RESULT      what a program saw
  demo: begin COLUMN OPERATION           kernel reports from here
  demo: end COLUMN OPERATION             to here belong to that operation
  trace: TEXT                            a line of the release order, read from tracefs
"""
import re
import sys
import textwrap

STAMP = re.compile(r"^(?:<\d+>)?\[ *\d+\.\d+\](?:\[ *[CT]\d+\])? ?")
CRASH = re.compile(r"Kernel panic|Kernel mode fault|Segfault with no mm|\bOops\b")


def squeeze(text):
    return re.sub(r"\s+", " ", text).strip()


def read(path, cells, columns, rows, traces):
    with open(path, errors="replace") as f:
        lines = [STAMP.sub("", line.rstrip("\r\n")) for line in f]
    # "begin COLUMN OPERATION" has no separator: the columns are known from the result lines.
    known = set()
    for line in lines:
        m = re.match(r"demo: ([^|]+)\|([^|]+)\|(.*)", line)
        if m:
            known.add(squeeze(m.group(1)))
    inside = None
    order = []
    for line in lines:
        m = re.match(r"demo: (begin|end) (.+)", line)
        if m and "|" not in line:
            inside = None
            if m.group(1) == "begin":
                rest = squeeze(m.group(2))
                column = max((c for c in known if rest.startswith(c + " ")), key=len, default=rest.split(" ")[0])
                inside = (column, rest[len(column):].strip())
            continue
        m = re.match(r"demo: ([^|]+)\|([^|]+)\|(.*)", line)
        if m:
            column, row, result = map(squeeze, m.groups())
            add(cells, columns, rows, column, row, result)
            continue
        m = re.search(r"BUG: (KASAN: \S+) in (\w+)\S*( \[\w+\])?", line)
        if m:
            if inside:
                add(cells, columns, rows, *inside, (m.group(1), m.group(2), bool(m.group(3))))
            continue
        if CRASH.search(line) and inside:
            add(cells, columns, rows, *inside, "the kernel crashes")
            continue
        m = re.match(r"trace: (.*)", line)
        # The order only: the begin of a release is enough, and addresses and references are for make shell.
        if m and not re.search(r"resmgr_release_(?:end|all_\w+):|cdevm_(?:put|get):", line):
            order.append(re.sub(r" (?:(?:mgr|node)=[0-9a-f]{16}|size=0|fn=0x0|kind=\w+)\b", "", m.group(1)))
    if order:
        traces.append(order)


def add(cells, columns, rows, column, row, text):
    if column not in columns:
        columns.append(column)
    if row not in rows:
        rows.append(row)
    cell = cells.setdefault((column, row), [])
    if text and text not in cell:
        cell.append(text)


def words(cell):
    """A cell as lines: kernel reports first, as one, named by the driver's own function where there is one."""
    reports = [t for t in cell if isinstance(t, tuple)]
    lines = [t for t in cell if not isinstance(t, tuple)]
    if reports:
        kind, function, _ = next((r for r in reports if r[2]), reports[0])
        more = f" (and {len(reports) - 1} more)" if len(reports) > 1 else ""
        lines.insert(0, f"{kind} in {function}{more}")
    return lines or ["-"]


def render(cells, columns, rows):
    cells = {(c, r): words(cells.get((c, r), ())) for c in columns for r in rows}
    width = {c: max(16, min(30, max([len(c)] + [len(t) for r in rows for t in cells[c, r]]))) for c in columns}
    first = min(26, max([len("operation")] + [len(r) for r in rows]))
    sizes = [first] + [width[c] for c in columns]

    def line(fields):
        wrapped = [sum((textwrap.wrap(t, n, break_on_hyphens=False) for t in field), []) or [""]
                   for field, n in zip(fields, sizes)]
        for n in range(max(map(len, wrapped))):
            print("  " + " | ".join((w[n] if n < len(w) else "").ljust(s) for w, s in zip(wrapped, sizes)).rstrip())

    rule = "  " + "-+-".join("-" * s for s in sizes)
    line([["operation"]] + [[c] for c in columns])
    print(rule)
    for row in rows:
        line([[row]] + [cells[c, row] for c in columns])


def main(argv):
    if len(argv) < 2 or argv[1] in ("-h", "--help"):
        print(__doc__)
        return 2
    cells, rows, traces, per_log = {}, [], [], []
    for path in argv[1:]:
        try:
            per_log.append([])
            read(path, cells, per_log[-1], rows, traces)
        except OSError as e:
            print(f"error: {path}: {e.strerror}", file=sys.stderr)
            return 1
    if not rows:
        print(f"error: no results of the demo in {', '.join(argv[1:])}", file=sys.stderr)
        return 1
    # Each driver before and after, side by side.
    columns = []
    for n in range(max(map(len, per_log))):
        columns += [c[n] for c in per_log if n < len(c) and c[n] not in columns]
    print()
    render(cells, columns, rows)
    if traces:
        print("\n  What unbind and the last close of the sample did, in order, from tracefs of the patched kernel (seconds")
        print("  pass before the last part because DEBUG_KOBJECT_RELEASE delays the end of every kobject):")
        for order in traces:
            for text in order:
                print("    " + text)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
