#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""bench.py PROGRAM [EVENTS [SHAPE...]]: how long each command takes for large traces, and how much memory.

The traces are of generate.py. A second column is for a quarter of the events: where the time is more than four times
that, it is not linear. No test, as it depends on the machine.
"""
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SHAPES = ["deep", "rebind", "many", "files", "skew", "stock-deep", "stock-rebind", "stock-many"]
COMMANDS = [["show"], ["order"], ["check"], ["check", "--json"], ["export", "--json"], ["stat"]]
# Of two traces: the smaller one and the one in question.
PAIRS = [["diff"], ["order"]]


def run(program, command, *paths):
    begin = time.monotonic()
    pid = os.fork()
    if not pid:
        null = os.open("/dev/null", os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os.execv(program, [program, *command, *paths])
    _, status, usage = os.wait4(pid, 0)
    return time.monotonic() - begin, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)


def main():
    program = os.path.abspath(sys.argv[1])
    events = int(sys.argv[2]) if len(sys.argv) > 2 else 1000000
    worst, most = 0, 0
    print(f"{'shape':14} {'command':16} {events // 4:>9} {events:>9}  ratio   memory  status")
    with tempfile.TemporaryDirectory() as tmp:
        for shape in sys.argv[3:] or SHAPES:
            paths = [os.path.join(tmp, part) for part in ("quarter", "whole")]
            for path, n in zip(paths, (events // 4, events)):
                with open(path, "w") as f:
                    subprocess.run([sys.executable, os.path.join(HERE, "generate.py"), shape, str(n)], stdout=f,
                                   check=True)
            for command in COMMANDS:
                small, _, _ = run(program, command, paths[0])
                large, memory, status = run(program, command, paths[1])
                worst, most = max(worst, large), max(most, memory)
                print(f"{shape:14} {' '.join(command):16} {small:7.2f} s {large:7.2f} s {large / small:6.1f} {memory:5.0f} MB"
                      f"  {status}", flush=True)
            for command in PAIRS:
                small, _, _ = run(program, command, paths[0], paths[0])
                large, memory, status = run(program, command, *paths)
                worst, most = max(worst, large), max(most, memory)
                print(f"{shape:14} {command[0]:8} of two  {small:7.2f} s {large:7.2f} s {'':6} {memory:5.0f} MB"
                      f"  {status}", flush=True)
    print(f"the longest {worst:.1f} s, the most {most:.0f} MB")


main()
