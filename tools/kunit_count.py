#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""kunit_count.py JSON: prints the passed, failed and skipped cases of a kunit.py --json file."""
import json
import sys


def count(group, total):
    for case in group.get("test_cases", ()):
        total[{"PASS": 0, "SKIP": 2}.get(case["status"], 1)] += 1
    for sub in group.get("sub_groups", ()):
        count(sub, total)
    return total


def main():
    try:
        with open(sys.argv[1]) as f:
            # kunit.py writes the test groups of one run as one object.
            print(*count(json.load(f), [0, 0, 0]))
    except (OSError, ValueError, KeyError, IndexError) as e:
        print(f"error: no KUnit results: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
