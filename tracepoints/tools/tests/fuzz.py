#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""fuzz.py PROGRAM SECONDS [SEED]: damages the traces of the tests at random and looks for more than an error message.

Most of the damage leaves lines that can be read, so that what comes after reading them is tried as well: lines come
twice, not at all or elsewhere, and have values of other lines. How many inputs got that far is said at the end.

PROGRAM is built with AddressSanitizer and UBSan: it may exit with 0, 1 or 2, and with 2 says one error. Anything else,
or no end within 20 s, is a finding; the input is kept. The libraries that read trace-cmd files may crash over a damaged
one; resmgr-trace has a child do it, and has to say that the file is damaged.
"""
import glob
import os
import random
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
WHOLE = os.path.join(HERE, "traces", "ours-cdevm.txt")
COMMANDS = (["show"], ["order"], ["order", "--reverse"], ["check"], ["check", "--strict", "--slow", "0"],
            ["check", "--json"], ["check", "--ktap", "--strict"], ["check", "--junit"], ["export", "--svg"],
            ["export", "--json"], ["export", "--svg", "--to-scale"], ["stat"], ["stat", "--top", "1"],
            ["show", "--from", "2", "--to", "11"], ["order", "--pid", "49"], ["check", "--class", "cdevm*"],
            # With a trace that is whole.
            ["diff", WHOLE], ["order", WHOLE])
TOKENS = [b"resmgr_add: ", b"cdevm_open: ", b" mgr=", b" node=", b" size=", b" #", b"#4294967295 ", b"[000]",
          b"18446744073709551615", b"-1", b"0x", b"(____ptrval____)", b" REPLACE ", b" REL ", b"(nil)", b"=", b"  ",
          b"\n", b"\0", b"resmgr_release_all_begin: ", b"resmgr_release_end: ", b"cdevm_free: ", b"9" * 40, b"\xff"]


# Those of which one can stand for the other.
EVENTS = ([b"resmgr_add", b"resmgr_remove", b"resmgr_release_begin"],
          [b"resmgr_release_all_begin", b"resmgr_release_all_end"],
          [b"cdevm_create", b"cdevm_revoke", b"cdevm_kick", b"cdevm_drain_begin", b"cdevm_drain_end", b"cdevm_free"],
          [b"cdevm_open", b"cdevm_close", b"cdevm_unpublish", b"cdevm_publish"], [b"cdevm_get", b"cdevm_put"],
          [b" ADD ", b" REM ", b" REL ", b" REPLACE "])
NUMBERS = [b"0", b"1", b"2", b"16777215", b"16777216", b"4294967295", b"8388608"]
FOREIGN = [b"", b" => foo", b" 0)   1.234 us    |  foo();", b"CPU:0 [LOST 3 EVENTS]", b"what", b"# tracer: nop",
           b"##### CPU 1 buffer started ####", b"sh-1 [000] ..... 1.0: sys_read -> 0x3", b"\x00\xff", b"CPU:1 [EVENTS DROPPED]"]


def damage_bytes(rng, data):
    data = bytearray(data or b"\n")
    at = rng.randrange(len(data))
    what = rng.randrange(6)
    if what == 0:
        data[at] ^= 1 << rng.randrange(8)
    elif what == 1:
        data[at] = rng.randrange(256)
    elif what == 2:
        del data[at:at + rng.choice((1, 2, 8, 100))]
    elif what == 3:
        data[at:at] = rng.choice(TOKENS)
    elif what == 4:
        del data[at:]
    else:
        token = rng.choice(TOKENS)
        data[at:at + len(token)] = token
    return bytes(data)


def damage_lines(rng, lines):
    i = rng.randrange(len(lines))
    what = rng.randrange(5)
    if what == 0:
        del lines[i:i + rng.choice((1, 1, 2, 10))]
    elif what == 1:
        lines.insert(rng.randrange(len(lines) + 1), lines[i])
    elif what == 2:
        lines.insert(rng.randrange(len(lines)), lines.pop(i))
    elif what == 3:
        lines.insert(i, rng.choice(FOREIGN))
    else:
        lines[i:i] = lines[i:i + rng.choice((5, 50))]


def damage_values(rng, lines):
    i, other = rng.randrange(len(lines)), rng.choice(lines)
    line = lines[i]
    what = rng.randrange(5)
    if what == 0:
        # A value of another line
        keys = re.findall(rb" ([a-z]+)=(\S+)", other)
        if keys:
            key, value = rng.choice(keys)
            line = re.sub(rb" %s=\S+" % key, lambda m: b" %s=%s" % (key, value), line, count=1)
    elif what == 1:
        line = re.sub(rb" #\d+ ", b" #%s " % rng.choice(NUMBERS), line, count=1)
    elif what == 2:
        line = re.sub(rb"\b(size|refs|count|duration)=\d+", lambda m: m[1] + b"=" + rng.choice(NUMBERS), line)
    elif what == 3:
        names = [(name, group) for group in EVENTS for name in group if name in line]
        if names:
            name, group = rng.choice(names)
            line = line.replace(name, rng.choice(group), 1)
    else:
        line = re.sub(rb"\[\d+\]( \S+ +)[\d.]+:", lambda m: b"[%03d]%s%d.%06d:" % (
            rng.randrange(4), m[1], rng.randrange(60), rng.randrange(1000000)), line, count=1)
    lines[i] = line


def damage(rng, data):
    if data[:1] == b"\x17":
        return damage_bytes(rng, data)
    for _ in range(rng.choice((1, 2, 4, 16))):
        if rng.randrange(12) == 0:
            data = damage_bytes(rng, data)
        lines = data.split(b"\n")
        rng.choice((damage_lines, damage_values))(rng, lines)
        data = b"\n".join(lines)
    return data


def verdict(done):
    err = done.stderr.decode(errors="replace")
    if done.returncode not in (0, 1, 2):
        return f"exit status {done.returncode}"
    if re.search(r"Sanitizer|runtime error", err):
        return "a sanitizer has something to say"
    errors = [line for line in err.splitlines() if not line.startswith("resmgr-trace: warning: ")]
    if done.returncode == 2 and len(errors) != 1:
        return "exit status 2 without one error"
    return None


def main():
    program, seconds = os.path.abspath(sys.argv[1]), float(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rng = random.Random(seed)
    seeds = [open(f, "rb").read() for f in sorted(glob.glob(os.path.join(HERE, "traces", "*.*")))]
    # Of trace-cmd files, which are read by libraries, not too many.
    seeds = [s for s in seeds if s[:1] != b"\x17"] * 4 + [s for s in seeds if s[:1] == b"\x17"]
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0", NO_COLOR="1")
    runs, statuses, bad, read = 0, {}, 0, 0
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, "trace")
        while time.monotonic() < end:
            data = damage(rng, rng.choice(seeds))
            with open(path, "wb") as f:
                f.write(data)
            command = rng.choice(COMMANDS)
            try:
                done = subprocess.run([program, *command, path], capture_output=True, env=env, timeout=20)
                why = verdict(done)
                # What is said after everything was read
                read += done.returncode < 2 or bool(re.search(rb"nothing in it is|there is no ", done.stderr))
                statuses[done.returncode] = statuses.get(done.returncode, 0) + 1
            except subprocess.TimeoutExpired:
                why, done = "no end within 20 s", None
            runs += 1
            if not why:
                continue
            bad += 1
            keep = f"fuzz-{seed}-{runs}"
            with open(keep, "wb") as f:
                f.write(data)
            print(f"not ok - {why}: {' '.join(command)} {keep}")
            if done:
                print("\n".join("# " + line for line in done.stderr.decode(errors="replace").splitlines()[:12]))
            if bad >= 5:
                break
    print(f"# seed {seed}: {runs} runs, {100 * read // max(runs, 1)} % were read, "
          f"exit statuses {dict(sorted(statuses.items()))}, {bad} findings")
    sys.exit(1 if bad else 0)


main()
