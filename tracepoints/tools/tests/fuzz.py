#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""fuzz.py PROGRAM SECONDS [SEED]: damages the traces of the tests at random and looks for more than an error message.

PROGRAM is built with AddressSanitizer and UBSan: it may exit with 0, 1 or 2, and with 2 says one line. Anything else,
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
COMMANDS = (["show"], ["order"], ["order", "--reverse"], ["check"], ["check", "--strict", "--slow", "0"],
            ["export", "--svg"], ["export", "--json"])
TOKENS = [b"resmgr_add: ", b"cdevm_open: ", b" mgr=", b" node=", b" size=", b" #", b"#4294967295 ", b"[000]",
          b"18446744073709551615", b"-1", b"0x", b"(____ptrval____)", b" REPLACE ", b" REL ", b"(nil)", b"=", b"  ",
          b"\n", b"\0", b"resmgr_release_all_begin: ", b"resmgr_release_end: ", b"cdevm_free: ", b"9" * 40, b"\xff"]


def damage(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        if not data:
            break
        at = rng.randrange(len(data))
        what = rng.randrange(7)
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
        elif what == 5:
            # A line somewhere else, twice or not at all.
            lines = bytes(data).split(b"\n")
            line = lines.pop(rng.randrange(len(lines)))
            for _ in range(rng.randrange(3)):
                lines.insert(rng.randrange(len(lines) + 1), line)
            data = bytearray(b"\n".join(lines))
        else:
            token = rng.choice(TOKENS)
            data[at:at + len(token)] = token
    return bytes(data)


def verdict(done):
    err = done.stderr.decode(errors="replace")
    if done.returncode not in (0, 1, 2):
        return f"exit status {done.returncode}"
    if re.search(r"Sanitizer|runtime error", err):
        return "a sanitizer has something to say"
    if done.returncode == 2 and len(err.splitlines()) != 1:
        return "exit status 2 without one line"
    return None


def main():
    program, seconds = os.path.abspath(sys.argv[1]), float(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rng = random.Random(seed)
    seeds = [open(f, "rb").read() for f in sorted(glob.glob(os.path.join(HERE, "traces", "*.*")))]
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0", NO_COLOR="1")
    runs, statuses, bad = 0, {}, 0
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
    print(f"# seed {seed}: {runs} runs, exit statuses {dict(sorted(statuses.items()))}, {bad} findings")
    sys.exit(1 if bad else 0)


main()
