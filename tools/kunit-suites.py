#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""kunit-suites.py KUNIT CONFIG LOG: are all of our suites in the log that this kernel should have?

KUNIT is the folder with the suites and their Makefiles, CONFIG the options of the kernel, LOG its console. A suite that
has dropped out of a build leaves no other trace: the results of the rest are as good as ever. Prints those that are
missing, and ends with 1.
"""
import pathlib
import re
import sys

RULE = re.compile(r"^obj-\$\((CONFIG_\w+)\)\s*\+=\s*(.*)$", re.M)
# "kunit_test_suites(&one_suite, &other_suite);"
SUITES = re.compile(r"^kunit_test_suites?\(([^;]*)\);", re.M)
# What is only for kernels that have something: it may be missing.
CONDITIONAL = re.compile(r"^#\s*if.*?^#\s*endif", re.M | re.S)
# What a kernel says at the beginning of a suite, before any of its cases.
MODULE = re.compile(r"^(?:\[ *[\d.]+\](?:\[ *[CT]\d+\])? )?    # module: (\w+)\s*$", re.M)


def wanted(folder, options):
    """{module: number of suites}"""
    found = {}
    for makefile in sorted(folder.rglob("Makefile")):
        for option, objects in RULE.findall(makefile.read_text()):
            if option not in options:
                continue
            for name in re.findall(r"(\w+)\.o\b", objects):
                source = CONDITIONAL.sub("", (makefile.parent / f"{name}.c").read_text())
                suites = sum(len(m.split(",")) for m in SUITES.findall(source))
                if suites:
                    found[name] = suites
    return found


def main(argv):
    if len(argv) != 4:
        print(__doc__)
        return 2
    options = set(re.findall(r"^(CONFIG_\w+)=y$", pathlib.Path(argv[2]).read_text(), re.M))
    want = wanted(pathlib.Path(argv[1]), options)
    have = MODULE.findall(pathlib.Path(argv[3]).read_text(errors="replace"))
    bad = [f"{module}: {have.count(module)} suites of {n} are in the log" for module, n in want.items()
           if have.count(module) < n]
    if not want:
        bad.append("this kernel has none of our suites")
    print("\n".join(bad) if bad else f"{sum(want.values())} suites")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
