#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""json-format.py <FILE: is this what the Trace Event Format asks for, as Perfetto's importer reads it?

Every event has a name, a phase, numbers for process and thread. Asynchronous ones have a category and an id, by which a
begin has one end at most, later, with the same name; those of one id nest. Instants have a scope. Metadata has what it
names. Nothing is there that the format does not know.
"""
import json
import sys

trace = json.load(sys.stdin)
assert set(trace) == {"traceEvents", "displayTimeUnit"}, set(trace)
assert trace["displayTimeUnit"] in ("ms", "ns")
open_, seen, named, used = {}, 0, set(), set()
for e in trace["traceEvents"]:
    assert set(e) <= {"name", "ph", "pid", "tid", "cat", "id", "ts", "s", "args"}, e
    assert isinstance(e["name"], str) and e["name"], e
    assert type(e["pid"]) is int and type(e["tid"]) is int, e
    if e["ph"] == "M":
        key = {"process_name": "name", "thread_name": "name", "process_labels": "labels"}[e["name"]]
        assert isinstance(e["args"][key], str), e
        named.add((e["pid"], e["tid"] if e["name"] == "thread_name" else None))
        continue
    assert isinstance(e["ts"], (int, float)) and e["ts"] >= 0, e
    seen += 1
    if e["pid"]:
        used.add((e["pid"], e["tid"]))
    if e["ph"] == "i":
        assert e["s"] in "gpt", e
        continue
    stack = open_.setdefault((e["cat"], int(e["id"], 16)), [])
    if e["ph"] == "b":
        assert not stack or e["ts"] >= stack[-1]["ts"], e
        stack.append(e)
    else:
        assert e["ph"] == "e", e
        assert stack, ("ends without a begin", e)
        begin = stack.pop()
        assert begin["name"] == e["name"] and begin["ts"] <= e["ts"], (begin, e)
        assert (begin["pid"], begin["tid"]) == (e["pid"], e["tid"]), (begin, e)
assert seen, "nothing in it"
for pid, tid in used:
    assert (pid, None) in named and (pid, tid) in named, ("has no name", pid, tid)
