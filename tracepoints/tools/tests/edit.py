#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""edit.py: makes, in traces/, those traces that no good kernel gives, from recorded ones.

Each begins with a comment that says what was done to it.
"""
import os
import re

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "traces")


def load(name):
    with open(os.path.join(HERE, name)) as f:
        return f.readlines()


def save(name, source, what, lines):
    with open(os.path.join(HERE, name), "w") as f:
        f.write(f"# edited: {source}, {what}\n")
        f.writelines(lines)


def find(lines, pattern, start=0):
    for i in range(start, len(lines)):
        if re.search(pattern, lines[i]):
            return i
    raise SystemExit(f"edit.py: nothing matches {pattern}")


def stamp(line):
    return re.search(r" (\d+\.\d+): ", line).group(1)


def move(lines, i, to):
    """Line i to before line "to", with the time of the line that is there."""
    line = lines.pop(i)
    if i < to:
        to -= 1
    lines.insert(to, line.replace(stamp(line), stamp(lines[to]), 1))


def renumber(lines):
    """The numbers of each manager in the order of the lines."""
    first, out = {}, []
    for line in lines:
        m = re.search(r"(: (?:resmgr|cdevm)_\w+: .*? #)(\d+)( .* mgr=)([0-9a-f]+)", line)
        if m:
            key = m.group(4)
            first[key] = first.get(key, int(m.group(2)) - 1) + 1
            line = line[:m.start(2)] + str(first[key]) + line[m.end(2):]
        out.append(line)
    return out


def main():
    source = "ours-cdevm.txt"
    lines = load(source)
    # The pairs of events of two neighbours change places: their names and all, not their times.
    a = find(lines, r"resmgr_release_begin: devm ")
    b = find(lines, r"resmgr_release_begin: devm ", a + 1)
    new = list(lines)
    for x, y in ((a, b), (a + 1, b + 1), (b, a), (b + 1, a + 1)):
        new[x] = lines[x][:lines[x].index("resmgr_release")] + lines[y][lines[y].index("resmgr_release"):]
    save("edited-order.txt", source, "the first two devm resources released in the order of their adds",
         renumber(new))

    lines = load("stock-irq.txt")
    a = find(lines, r" REL ")
    b = find(lines, r" REL ", a + 1)
    new = list(lines)
    new[a] = lines[a][:lines[a].index("devres_log")] + lines[b][lines[b].index("devres_log"):]
    new[b] = lines[b][:lines[b].index("devres_log")] + lines[a][lines[a].index("devres_log"):]
    save("edited-order-stock.txt", "stock-irq.txt", "the first two releases change places", new)

    lines = load(source)
    i = find(lines, r"cdevm_open: .*node=cdevm-sample-ctl")
    move(lines, i, find(lines, r"cdevm_drain_end: ") + 1)
    save("edited-late-call.txt", source, "the open of cdevm-sample-ctl moved behind the drain", renumber(lines))

    lines = load(source)
    i = find(lines, r"cdevm_unpublish: .*node=cdevm-sample-a")
    move(lines, i, find(lines, r"resmgr_release_all_begin: devm ") + 1)
    save("edited-unpublish.txt", source, "the unpublish of cdevm-sample-a moved behind ->remove()",
         renumber(lines))

    lines = load("ours-irq.txt")
    i = find(lines, r"resmgr_release_begin: devm .*devm_irq_release")
    save("edited-hang.txt", "ours-irq.txt", "cut off behind the begin of a release", lines[:i + 1])

    lines = load("ours-irq.txt")
    save("edited-irq.txt", "ours-irq.txt", "the driver's function is one of the clock framework",
         [line.replace("faults_clk_off [faults]", "devm_clk_bulk_release_all_enable")
          .replace("faults_clk_off", "devm_clk_bulk_release_all_enable") for line in lines])

    lines = load("stock-irq.txt")
    save("edited-irq-stock.txt", "stock-irq.txt", "the driver's function is one of the regulator framework",
         [line.replace("faults_clk_off", "&regulator_action_disable") for line in lines])

    lines = load("ours-leak.txt")
    i = find(lines, r"cdevm_open: ")
    lines.insert(find(lines, r"resmgr_release_all_end: devm "),
                 lines[i].replace("cdevm_open", "cdevm_close").replace(stamp(lines[i]), "10.619118"))
    save("edited-leak.txt", "ours-leak.txt", "the file is closed, and its reference not dropped", renumber(lines))

    lines = load(source)
    i = find(lines, r"entries-in-buffer")
    kept, written = map(int, re.search(r"(\d+)/(\d+)", lines[i]).groups())
    lines[i] = lines[i].replace(f"{kept}/{written}", f"{kept}/{written + 3}", 1)
    del lines[find(lines, r"resmgr_release_end: cdevm ")]
    save("edited-lost.txt", source, "a line dropped, and the header says that three are missing", lines)


main()
