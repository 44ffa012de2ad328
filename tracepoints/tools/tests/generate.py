#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""generate.py SHAPE EVENTS: a trace of about that many events on standard output, to see how long reading it takes.

deep	one device that holds everything before it is unbound
rebind	one device that is bound and unbound again and again
many	devices with a scope each, 20 events for each device
files	one scope with files that are opened and closed, a thousand at a time
skew	as many, on four processors whose clocks disagree by milliseconds
stock-deep, stock-rebind, stock-many	the same of dev:devres_log
"""
import sys


class Trace:
    def __init__(self, stock):
        self.stock, self.n, self.seq, self.cpu, self.pid = stock, 0, {}, 0, 100
        self.out = sys.stdout.write
        self.lines = []
        self.keep = False

    def line(self, event, text):
        time = 1000000 + self.n * 3
        self.n += 1
        if self.keep:
            # Each processor has a clock of its own.
            time += self.cpu * 7000
        line = f"{'sh':>16s}-{self.pid:<7d} [{self.cpu:03d}] d..2. {time // 1000000:5d}.{time % 1000000:06d}: {event}: {text}\n"
        if self.keep:
            self.lines.append((time, self.n, line))
        else:
            self.out(line)

    def event(self, event, cls, owner, mgr, text):
        number = self.seq.get(mgr, 0)
        self.seq[mgr] = number + 1
        self.line(event, f"{cls} {owner} #{number & 0xffffff} {text}")

    def add(self, owner, mgr, node, name="devm_kzalloc_release", kind="mem", size=64):
        if self.stock:
            return self.line("devres_log", f"{owner} ADD {node:016x} {name} ({size} bytes)")
        fn = "0x0" if kind == "mem" else name
        self.event("resmgr_add", "devm", owner, mgr,
                   f"{name} size={size} fn={fn} kind={kind} mgr={mgr:016x} node={node:016x} by=foo_probe+0x18c/0x4b0 [foo]")

    def release(self, owner, mgr, node, name="devm_kzalloc_release", kind="mem", size=64):
        if self.stock:
            return self.line("devres_log", f"{owner} REL {node:016x} {name} ({size} bytes)")
        fn = "0x0" if kind == "mem" else name
        text = f"{name} size={size} fn={fn} kind={kind}"
        self.event("resmgr_release_begin", "devm", owner, mgr, f"{text} mgr={mgr:016x} node={node:016x}")
        self.event("resmgr_release_end", "devm", owner, mgr,
                   f"{text} duration=700ns mgr={mgr:016x} node={node:016x}")

    def everything(self, which, owner, mgr, count):
        if not self.stock:
            self.event(f"resmgr_release_all_{which}", "devm", owner, mgr, f"count={count} mgr={mgr:016x}")

    def scope(self, event, owner, mgr, text=""):
        self.event(f"cdevm_{event}", "cdevm", owner, mgr, f"{text}refs=1 mgr={mgr:016x}")

    def end(self):
        for _, _, line in sorted(self.lines):
            self.out(line)


NAMES = (("devm_kzalloc_release", "mem"), ("devm_irq_release", "data"), ("foo_off", "action"), ("foo_clk_off", "action"))


def binding(t, owner, mgr, resources, base):
    for i in range(resources):
        t.add(owner, mgr, base + i * 128, *NAMES[i % len(NAMES)])


def unbinding(t, owner, mgr, resources, base):
    t.everything("begin", owner, mgr, resources)
    for i in reversed(range(resources)):
        t.release(owner, mgr, base + i * 128, *NAMES[i % len(NAMES)])
    t.everything("end", owner, mgr, resources)


def main():
    shape, events = sys.argv[1], int(sys.argv[2])
    t = Trace(shape.startswith("stock-"))
    t.keep = shape == "skew"
    shape = shape.removeprefix("stock-")
    each = 2 if t.stock else 3
    t.out("# tracer: nop\n")
    if shape == "deep":
        n = events // each
        binding(t, "foo", 0xffff888000100000, n, 0xffff888100000000)
        unbinding(t, "foo", 0xffff888000100000, n, 0xffff888100000000)
    elif shape == "rebind":
        while t.n < events:
            binding(t, "foo", 0xffff888000100000, 10, 0xffff888100000000)
            unbinding(t, "foo", 0xffff888000100000, 10, 0xffff888100000000)
    elif shape in ("many", "skew"):
        devices, resources = events // 20, 10 if t.stock else 4
        for phase in range(4):
            for d in range(devices):
                owner, mgr = f"foo.{d}", 0xffff888000100000 + d * 4096
                t.cpu = (d + phase) % 4 if t.keep else 0
                if phase == 0:
                    binding(t, owner, mgr, resources, mgr + 0x100)
                    if not t.stock:
                        t.scope("create", owner, mgr + 0x800)
                elif phase == 1 and not t.stock:
                    t.pid = 200 + d % 100
                    t.scope("open", owner, mgr + 0x800, "node=foo ")
                elif phase == 2 and not t.stock:
                    t.scope("revoke", owner, mgr + 0x800)
                    t.scope("close", owner, mgr + 0x800, "node=foo ")
                elif phase == 3:
                    t.pid = 100
                    unbinding(t, owner, mgr, resources, mgr + 0x100)
                    if not t.stock:
                        t.scope("free", owner, mgr + 0x800)
    elif shape == "files":
        mgr = 0xffff888000100000
        t.scope("create", "foo", mgr)
        while t.n < events:
            for what in ("open", "close"):
                for i in range(1000):
                    t.pid = 100 + i
                    t.scope(what, "foo", mgr, f"node=foo file={0xffff888100000000 + i * 256:016x} ")
        t.scope("revoke", "foo", mgr)
        t.scope("free", "foo", mgr)
    else:
        sys.exit(__doc__)
    t.end()


main()
