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
        f.write(f"# made {source}: {what}\n" if source == "by hand" else f"# edited: {source}, {what}\n")
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


class Made:
    """A trace that is written by hand: what the events say is as the kernel says it."""

    def __init__(self, stock=False):
        self.lines, self.time, self.numbers, self.stock = [], 1.0, {}, stock
        self.cpu, self.task, self.skew = 0, "sh-49", {}

    def line(self, event, text):
        self.time += 0.0001
        stamp = self.time + self.skew.get(self.cpu, 0)
        self.lines.append((stamp, f"{self.task:>20s}   [{self.cpu:03d}] d..2. {stamp:12.6f}: {event}: {text}\n"))

    def event(self, event, cls, owner, text, mgr):
        number = self.numbers.get(mgr, 0)
        self.numbers[mgr] = number + 1
        self.line(event, f"{cls} {owner} #{number} {text}mgr={mgr:016x}")

    def node(self, event, owner, name, node, cls="devm", mgr=0x9000, kind="action", size=0, more=""):
        fn = "0x0" if kind == "mem" else name
        if self.stock:
            op = {"add": "ADD", "release": "REL", "remove": "REM"}[event]
            self.line("devres_log", f"{owner} {op} {node:016x} {name} ({size} bytes)")
            return
        number = self.numbers.get(mgr, 0)
        self.numbers[mgr] = number + 1
        kernel = {"add": "resmgr_add", "release": "resmgr_release_begin", "end": "resmgr_release_end",
                  "remove": "resmgr_remove"}[event]
        more = {"add": " by=0x0"}.get(event, "")
        duration = " duration=1000ns" if event == "end" else ""
        self.line(kernel, f"{cls} {owner} #{number} {name} size={size} fn={fn} kind={kind}{duration} mgr={mgr:016x} "
                          f"node={node:016x}{more}")

    def release(self, owner, name, node, **more):
        self.node("release", owner, name, node, **more)
        if not self.stock:
            self.node("end", owner, name, node, **more)

    def all(self, which, owner, count, cls="devm", mgr=0x9000, more=""):
        if not self.stock:
            self.event(f"resmgr_release_all_{which}", cls, owner, f"count={count} {more}", mgr)

    def scope(self, event, owner, text="", mgr=0x5000):
        self.event(f"cdevm_{event}", "cdevm", owner, f"{text}refs=1 ", mgr)

    def save(self, name, what):
        save(name, "by hand", what, [line for _, line in sorted(self.lines, key=lambda entry: entry[0])])


def make():
    # The processor of the opens is ahead.
    t = Made()
    t.skew[1] = 1.7
    t.scope("create", "foo")
    t.scope("publish", "foo", "node=foo ")
    for task in ("one-51", "two-52"):
        t.task, t.cpu = task, 1
        t.scope("open", "foo", "node=foo ")
    t.task, t.cpu = "sh-49", 0
    t.all("begin", "foo", 0)
    for step in ("revoke", "kick", "drain_begin", "drain_end"):
        t.scope(step, "foo")
    t.all("end", "foo", 0)
    for task in ("one-51", "two-52"):
        t.task = task
        t.scope("close", "foo", "node=foo ")
    t.scope("free", "foo")
    t.save("made-skew.txt", "the clock of the second processor is 1.7 s ahead")

    # Things that look like an interrupt or a clock and are none: 18 names of 6.12.
    harmless = ("devm_irq_domain_remove devm_irq_domain_remove_sim devm_irq_desc_release devm_irq_remove_generic_chip "
                "devm_platform_get_irqs_affinity_release regulator_irq_helper_drop vp_vdpa_free_irq_vectors "
                "ifcvf_free_irq_vectors dpi_free_irq_vectors aspeed_pcie_irq_domain_free nct6694_irq_dispose_mapping "
                "devm_of_clk_release_provider devm_clk_hw_unregister_cb devm_clk_unregister_cb devm_clkdev_release "
                "pm_runtime_disable_action devm_rdev_release phy_clk_release_provider").split()
    t = Made()
    for i, name in enumerate(harmless):
        t.node("add", "foo", name, 0x100 + i * 16)
    t.node("add", "foo", "devm_irq_release", 0x1000)
    t.node("add", "foo", "devm_irq_domain_remove", 0x1010)
    t.node("add", "foo", "pm_runtime_disable_action", 0x1020)
    t.node("add", "foo", "devm_of_clk_release_provider", 0x1030)
    t.all("begin", "foo", 22)
    t.release("foo", "devm_of_clk_release_provider", 0x1030)
    t.release("foo", "pm_runtime_disable_action", 0x1020)
    t.release("foo", "devm_irq_domain_remove", 0x1010)
    t.release("foo", "devm_irq_release", 0x1000)
    for i, name in reversed(list(enumerate(harmless))):
        t.release("foo", name, 0x100 + i * 16)
    t.all("end", "foo", 22)
    t.save("made-harmless.txt", "names that look like an interrupt or a clock and are none")

    # A group is released while the device stays bound.
    for stock in (False, True):
        t = Made(stock)
        t.node("add", "foo", "devm_kzalloc_release", 0x100, kind="mem", size=64)
        t.node("add", "foo", "grp<", 0x110, kind="group<")
        t.node("add", "foo", "devm_irq_release", 0x120)
        t.node("add", "foo", "regulator_action_disable", 0x130)
        t.node("add", "foo", "grp>", 0x140, kind="group>")
        t.release("foo", "regulator_action_disable", 0x130)
        t.release("foo", "devm_irq_release", 0x120)
        t.node("release" if stock else "remove", "foo", "grp<", 0x110, kind="group<")
        t.save("made-group%s.txt" % ("-stock" if stock else ""), "an interrupt in a group, freed after its regulator")

    # Who has it open is said by the address of the file.
    t = Made()
    t.scope("create", "foo")
    t.scope("publish", "foo", "node=foo ")
    for task, address in (("one-51", 0xa100), ("two-52", 0xa200), ("one-51", 0xa300)):
        t.task = task
        t.scope("open", "foo", f"node=foo file={address:016x} ")
    # What was handed on is closed by somebody else.
    t.task = "two-52"
    t.scope("close", "foo", f"node=foo file={0xa100:016x} ")
    t.scope("close", "foo", f"node=foo file={0xa300:016x} ")
    t.task = "sh-49"
    t.scope("revoke", "foo")
    t.scope("drain_begin", "foo")
    t.scope("drain_end", "foo")
    t.save("made-file.txt", "three opens, two closes by a task that has opened the third")
    save("made-file-none.txt", "by hand", "the same, of a kernel that does not say which file",
         [re.sub(r" file=\w+", "", line) for _, line in t.lines])

    # The memory of the second binding, and a file of the first.
    t = Made()
    t.all("begin", "foo", 0)
    t.all("end", "foo", 0)
    t.scope("create", "foo")
    t.scope("open", "foo", "node=foo ")
    t.scope("revoke", "foo")
    t.all("begin", "foo", 0)
    t.all("end", "foo", 0)
    t.node("add", "foo", "devm_kzalloc_release", 0x100, kind="mem", size=64)
    t.scope("create", "foo", mgr=0x6000)
    t.scope("revoke", "foo", mgr=0x6000)
    t.all("begin", "foo", 1)
    t.release("foo", "devm_kzalloc_release", 0x100, kind="mem", size=64)
    t.all("end", "foo", 1)
    t.scope("free", "foo", mgr=0x6000)
    t.scope("close", "foo", "node=foo ")
    t.scope("free", "foo")
    t.save("made-bindings.txt", "a file of the first binding is open while the second ends")

    # A DRM device, which is held after its device has gone; another, which has its end.
    t = Made()
    for owner, mgr, drm in (("gpu.0", 0x9000, 0x7000), ("gpu.1", 0x9100, 0x7100)):
        t.node("add", owner, "drm_dev_init_release", 0x100, cls="drmm", mgr=drm)
        t.node("add", owner, "devm_drm_dev_init_release", 0x200, mgr=mgr)
        t.task = "rmmod-60"
        t.all("begin", owner, 1, mgr=mgr)
        t.release(owner, "devm_drm_dev_init_release", 0x200, mgr=mgr)
        t.all("end", owner, 1, mgr=mgr)
    t.all("begin", "gpu.1", 1, cls="drmm", mgr=0x7100)
    t.release("gpu.1", "drm_dev_init_release", 0x100, cls="drmm", mgr=0x7100)
    t.all("end", "gpu.1", 1, cls="drmm", mgr=0x7100)
    t.save("made-drmm.txt", "two DRM devices, of which one is held at the end")

    # Names that look like something else.
    t = Made()
    owner = "owner #7 bar"
    t.node("add", owner, "a name size=3 of mine", 0x100, kind="mem", size=64)
    t.scope("create", owner)
    t.scope("publish", owner, "node=my refs=5 ")
    t.scope("open", owner, "node=my refs=5 ")
    t.scope("close", owner, "node=my refs=5 ")
    t.scope("publish", owner, "node=gr\u00fc\u00dfe ")
    t.scope("revoke", owner)
    t.all("begin", owner, 1)
    t.release(owner, "a name size=3 of mine", 0x100, kind="mem", size=64)
    t.all("end", owner, 1)
    t.scope("free", owner)
    t.save("made-names.txt", "names with numbers, keys and umlauts in them")
    t = Made(True)
    t.node("add", "an ADD one", "a (3 bytes) name", 0x100, size=64)
    t.release("an ADD one", "a (3 bytes) name", 0x100, size=64)
    t.save("made-names-stock.txt", "names with an operation and a size in them")

    # Two devices of one name, on different buses.
    t = Made()
    for driver, mgr, scope in (("one", 0x9000, 0x5000), ("two", 0x9100, 0x5100)):
        t.scope("create", "foo", f"driver={driver} ", mgr=scope)
        t.node("add", "foo", "foo_off", 0x100, mgr=mgr)
    for driver, mgr, scope in (("two", 0x9100, 0x5100), ("one", 0x9000, 0x5000)):
        t.scope("revoke", "foo", mgr=scope)
        t.all("begin", "foo", 1, mgr=mgr, more=f"driver={driver} ")
        t.release("foo", "foo_off", 0x100, mgr=mgr)
        t.all("end", "foo", 1, mgr=mgr, more=f"driver={driver} ")
        t.scope("free", "foo", mgr=scope)
    t.save("made-drivers.txt", "two devices of one name, with different drivers")


def main():
    make()
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

    lines = load("edited-order.txt")[1:]
    del lines[find(lines, r"resmgr_add: devm .* #1 ")]
    save("edited-gap-order.txt", "edited-order.txt", "and an add before is missing", lines)

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

    # Without what was lost, and nothing in the header that says so: numbers are missing.
    lines = load(source)
    i = find(lines, r"resmgr_release_begin: devm .*devm_kzalloc_release")
    save("edited-gap.txt", source, "the release of the devm memory is not there", lines[:i] + lines[i + 2:])
    save("edited-gaps.txt", source, "every third event is not there",
         [line for n, line in enumerate(lines) if line.startswith("#") or n % 3])

    lines = load(source)
    i = find(lines, r"entries-in-buffer")
    kept, written = map(int, re.search(r"(\d+)/(\d+)", lines[i]).groups())
    lines[i] = lines[i].replace(f"{kept}/{written}", f"{kept}/{written + 3}", 1)
    del lines[find(lines, r"resmgr_release_end: cdevm ")]
    save("edited-lost.txt", source, "a line dropped, and the header says that three are missing", lines)


main()
