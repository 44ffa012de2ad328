#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Table, JSON and picture of the benchmarks.

  bench.py report JSON SVG BASELINE KERNEL RESULT...
  bench.py keep JSON BASELINE KERNEL RST

report says as well what is not as BASELINE, a JSON file, has it for this kernel. keep puts the counts of JSON there, and
those of all kernels into the tables of RST and a picture beside it.

KERNEL is a version, of x86-64, or one with a machine: "7.3 arm64". Those of a machine have tables of their own.

A RESULT is the file of one kernel that tools/bench.sh has run, a line per measurement:

  name variant n value per unit

n is how many there were, value / per the result. Several lines for one thing are several runs: the median counts.
What several kernels have measured, the peers, is taken from the last one that is named.
"""
import json
import os
import statistics
import sys
from xml.sax.saxutils import escape

# What is shown, in order: (title, name, n or None for the only one, goal or None, how the goal is checked). A check
# gets ours, stock and the peers, and says whether the goal is reached.
ROWS = (
    ("gate, in instructions per pair", None, None, None, None),
    ("empty loop", "empty_loop", None, None, None),
    ("enter and exit", "gate_enter_exit", None, "at most 12, a third of drm_dev_enter",
     lambda o, s, p: o <= 12 and o <= p["drm_dev_enter"] / 3),
    ("drm_dev_enter and exit", "drm_dev_enter_exit", None, "a third of stock", lambda o, s, p: o <= s / 3),
    ("memory, in bytes per gate", None, None, None, None),
    ("with 8 CPUs", "gate_bytes", 8, "percpu_ref + 64", lambda o, s, p: o <= p["percpu_ref"] + 64),
    ("with 64 CPUs", "gate_bytes", 64, "percpu_ref + 64", lambda o, s, p: o <= p["percpu_ref"] + 64),
    ("system calls, in instructions each; stock is the same driver ungated", None, None, None, None),
    ("getppid", "empty_syscall", None, None, None),
    ("read", "gated_read", None, "+25", lambda o, s, p: o <= s + 25),
    ("ioctl", "gated_ioctl", None, "+25", lambda o, s, p: o <= s + 25),
    ("poll that does not wait", "gated_poll", None, None, None),
    ("poll that is put on a queue", "gated_poll_queue", None, None, None),
    ("open and close", "gated_open_close", None, "+150", lambda o, s, p: o <= s + 150),
    ("close after unbind", "close_after_unbind", 1000, None, None),
    ("read, in no scope", "gated_read_ungated", None, "stock", lambda o, s, p: o <= s),
    ("ioctl, in no scope", "gated_ioctl_ungated", None, "stock", lambda o, s, p: o <= s),
    ("poll that does not wait, in no scope", "gated_poll_ungated", None, "stock", lambda o, s, p: o <= s),
    ("open and close, in no scope", "gated_open_close_ungated", None, "stock", lambda o, s, p: o <= s),
    ("the same of a video node", None, None, None, None),
    ("VIDIOC_QUERYCAP", "video_ioctl", None, "+25", lambda o, s, p: o <= s + 25),
    ("VIDIOC_QUERYCAP, in no scope", "video_ioctl_ungated", None, "stock", lambda o, s, p: o <= s),
    ("poll that does not wait", "video_poll", None, None, None),
    ("poll that does not wait, in no scope", "video_poll_ungated", None, "stock", lambda o, s, p: o <= s),
    ("poll that is put on a queue", "video_poll_queue", None, None, None),
    ("open and close", "video_open_close", None, None, None),
    ("open and close, in no scope", "video_open_close_ungated", None, "stock", lambda o, s, p: o <= s),
    ("real drivers, before and after their conversion, in instructions each", None, None, None, None),
    ("vimc, VIDIOC_QUERYCAP", "vimc_call", None, None, None),
    ("vimc, open and close", "vimc_open_close", None, None, None),
    ("vim2m, VIDIOC_QUERYCAP", "vim2m_call", None, None, None),
    ("vim2m, open and close", "vim2m_open_close", None, None, None),
    ("vicodec, VIDIOC_QUERYCAP", "vicodec_call", None, None, None),
    ("vicodec, open and close", "vicodec_open_close", None, None, None),
    ("radio-tea5764, VIDIOC_G_FREQUENCY", "radio_tea5764_call", None, None, None),
    ("radio-tea5764, open and close", "radio_tea5764_open_close", None, None, None),
    ("ipmb_dev_int, read of nothing", "ipmb_dev_int_call", None, None, None),
    ("ipmb_dev_int, open and close", "ipmb_dev_int_open_close", None, None, None),
    ("hid-sensor-custom, read of nothing", "hid_sensor_custom_call", None, None, None),
    ("calls of a provider, in instructions each", None, None, None, None),
    ("gpiod_get_value", "gpiod_get_value", None, "stock", lambda o, s, p: o <= s),
    ("resources, in instructions per pair", None, None, None, None),
    ("kmalloc, kfree (64)", "kmalloc_kfree_64", None, None, None),
    ("devm_kmalloc, kfree (64)", "devm_kmalloc_kfree_64", None, "-0 %, aim -10 %", lambda o, s, p: o <= s),
    ("devm_add, remove_action", "devm_add_remove_action", None, "-0 %, aim -10 %", lambda o, s, p: o <= s),
    ("drmm_kmalloc, kfree (64)", "drmm_kmalloc_kfree_64", None, "-20 %", lambda o, s, p: o <= .8 * s),
    ("drmm_add, release_action", "drmm_add_release_action", None, None, None),
    ("devm_kfree the oldest of 10, and again", "devm_kfree_oldest", 10, "no worse", lambda o, s, p: o <= s),
    ("of 100", "devm_kfree_oldest", 100, None, None),
    ("of 10,000", "devm_kfree_oldest", 10000, None, None),
    ("release of all, in instructions per resource", None, None, None, None),
    ("of 10", "release_all", 10, "stock", lambda o, s, p: o <= s),
    ("of 100", "release_all", 100, "stock", lambda o, s, p: o <= s),
    ("of 1,000", "release_all", 1000, "stock", lambda o, s, p: o <= s),
    ("of 10,000", "release_all", 10000, "stock", lambda o, s, p: o <= s),
    ("of 100,000", "release_all", 100000, "stock", lambda o, s, p: o <= s),
    ("of 1,000 actions", "release_all_actions", 1000, "stock", lambda o, s, p: o <= s),
    ("unbind, in us of guest time, idle time included", None, None, None, None),
    ("one grace period", "grace_period", None, None, None),
    ("no scope", "unbind_scopes", 0, None, None),
    ("1 scope", "unbind_scopes", 1, None, None),
    ("10 scopes", "unbind_scopes", 10, None, None),
    ("100 scopes", "unbind_scopes", 100, None, None),
    ("1,000 scopes", "unbind_scopes", 1000, None, None),
    ("1 node, 1,000 open files", "unbind_fds", 1000, None, None),
    ("10,000 resources", "unbind_resources", 10000, None, None),
    ("drm_dev_unplug", "drm_dev_unplug", 1, None, None),
    ("gpiochip_remove", "gpiochip_remove", 1, None, None),
    ("bytes", None, None, None, None),
    ("header, x86-64", "node_bytes", None, "32", lambda o, s, p: o <= 32),
    ("devm_kzalloc(16), x86-64", "slab_bytes_devm_kzalloc_16", None, None, None),
    ("action, x86-64", "slab_bytes_action", None, None, None),
    ("devm_kzalloc(16), arm64", "arm64_slab_devm_kzalloc_16", None, "half of stock", lambda o, s, p: o <= s / 2),
    ("devm_kzalloc(64), arm64", "arm64_slab_devm_kzalloc_64", None, None, None),
    ("action, arm64", "arm64_slab_action", None, "half of stock", lambda o, s, p: o <= s / 2),
    ("text and constants, in bytes, without the gaps between sections", None, None, None, None),
    ("vmlinux", "text_vmlinux", None, "smaller", lambda o, s, p: o < s),
    ("vmlinux but for cdevm", "text_vmlinux_without_cdevm", None, "smaller", lambda o, s, p: o < s),
    ("devres.o and lib/resmgr", "text_devres_resmgr", None, None, None),
    ("drm_managed.o", "text_drm_managed.o", None, None, None),
    ("two CPUs, in ns of real time per pair, and how much longer than on one", None, None, None, None),
    ("enter and exit", "contended_2_cpus", None, None, None),
)

CDEVM = ("gate.o", "calls.o", "files.o", "fops.o", "look.o", "mmap.o", "nodes.o", "poll.o", "scope.o", "watch.o")


def read(files):
    """{(name, n): {variant: value}}, and the records for the JSON file."""
    runs = {}
    for file in files:
        own = {}
        with open(file) as f:
            for line in f:
                name, variant, n, value, per, unit = line.split()
                own.setdefault((name, int(n), variant, unit), []).append(int(value) / int(per))
        runs.update(own)
    found, records = {}, []
    for (name, n, variant, unit), values in runs.items():
        value = round(statistics.median(values), 2)
        found.setdefault((name, n), {})[variant] = value
        records.append({"name": name, "variant": variant, "n": n, "value": value, "unit": unit})
    return found, records


def bucket(size):
    """
    The object that kmalloc() takes for @size: the sizes of mm/slab_common.c, from 8 bytes on, as on arm64 with
    DMA_BOUNCE_UNALIGNED_KMALLOC, which it selects.
    """
    return next(s for s in [8, 16, 32, 64, 96, 128, 192] + [1 << i for i in range(8, 14)] if s >= size)


def derive(found, records):
    """What is computed from what was measured."""
    def add(name, variant, n, value, unit):
        found.setdefault((name, n), {})[variant] = value
        records.append({"name": name, "variant": variant, "n": n, "value": value, "unit": unit})

    def get(name, variant):
        return found.get((name, 1), {}).get(variant)

    # The same driver ungated, on both kernels: what nodes in no scope pay.
    for (name, n), variants in list(found.items()):
        if "ours_ungated" in variants and "stock" in variants:
            add(name + "_ungated", "stock", n, variants["stock"], "instructions")
            add(name + "_ungated", "ours", n, variants["ours_ungated"], "instructions")
    for variant in ("stock", "ours"):
        header, action = get("arm64_header", variant), get("arm64_action", variant)
        if header is not None:
            for size in (16, 64):
                # A header that is no multiple of ARCH_DMA_MINALIGN (128) grows by what resmgr_data_pad() says: to
                # the alignment of the object that kmalloc() takes for the data alone.
                own = bucket(size)
                align = min(own & -own, 128)
                add(f"arm64_slab_devm_kzalloc_{size}", variant, 1, bucket(-(-header // align) * align + size), "bytes")
            add("arm64_slab_action", variant, 1, bucket(action), "bytes")
        parts = [v[variant] for (name, _), v in found.items()
                 if variant in v and name.startswith("text_") and name.endswith(".o")
                 and name[5:] not in CDEVM + ("drm_managed.o",)]
        if parts:
            add("text_devres_resmgr", variant, 1, sum(parts), "bytes")
        if get("text_vmlinux", variant):
            cdevm = sum(get("text_" + o, variant) or 0 for o in CDEVM)
            add("text_vmlinux_without_cdevm", variant, 1, get("text_vmlinux", variant) - cdevm, "bytes")


def number(x):
    if x is None:
        return "-"
    return f"{x:,.0f}" if x >= 1000 or x == int(x) else f"{x:.1f}"


def select(found, name, n):
    if n is not None:
        return found.get((name, n), {})
    return next((v for (other, _), v in found.items() if other == name), {})


def table(found):
    wide = max(len(r[0]) for r in ROWS if r[1]) + 2
    alone = select(found, "contended_1_cpu", None)
    scale = 1
    for title, name, n, goal, check in ROWS:
        if name is None:
            scale = 1000 if "in us" in title else 1
            print(f"\n  {title}\n  {'':{wide}}{'stock':>10}{'ours':>10}{'ratio':>8}")
            continue
        values = dict(select(found, name, n))
        if not values:
            print(f"  {title:{wide}}  not measured")
            continue
        ours, stock = values.pop("ours", None), values.pop("stock", None)
        ratio = f"{ours / stock:.2f}" if ours and stock else ""
        peers = "  ".join(f"{k} {number(v / scale)}" for k, v in values.items())
        if name == "contended_2_cpus":
            times = {**values, "ours": ours}
            peers = "  ".join(f"{k} {v:.1f} (x{v / alone[k]:.2f})" for k, v in times.items() if v and alone.get(k))
            ours = None
        line = (f"  {title:{wide}}{number(stock and stock / scale):>10}"
                f"{number(ours if ours is None else ours / scale):>10}{ratio:>8}")
        if goal and ours is not None:
            try:
                reached = check(ours, stock, values)
            except (KeyError, TypeError):
                reached = None
            line += f"  {'ok    ' if reached else 'MISSED' if reached is not None else '?     '} {goal}"
        print(f"{line}  {peers}".rstrip())


BEGIN, END = ".. Generated by tools/bench.sh keep from here", ".. to here"
PEERS = {"ours": "gate", "kernfs_atomic": "atomic count, as in kernfs", "srcu": "SRCU", "percpu_ref": "``percpu_ref``",
         "drm_dev_enter": "``drm_dev_enter()`` of stock"}
OURS, OTHER, WORSE = "#2a7", "#999", "#c60"
ROW, LEFT, WIDTH = 20, 360, 620


def chart(y, title, bars, line=None):
    """
    Bars below a title, from @y on: (name, length, what to write, colour), the longest one to the right edge. @line: a
    length at which there is a line, behind the numbers. Returns where it ends, and the elements.
    """
    unit = (WIDTH - 200) / max([b[1] for b in bars] + [line or 0])
    out = [f'<text x="10" y="{y}" font-weight="bold">{escape(title)}</text>']
    if line:
        out.append(f'<line x1="{LEFT + unit * line:.1f}" y1="{y + 6}" x2="{LEFT + unit * line:.1f}" '
                   f'y2="{y + ROW * len(bars) + 6}" stroke="#bbb"/>')
    for name, length, said, colour in bars:
        y += ROW
        out.append(f'<text x="{LEFT - 8}" y="{y}" text-anchor="end">{escape(name)}</text>'
                   f'<rect x="{LEFT}" y="{y - 12}" width="{max(unit * length, 1):.1f}" height="14" fill="{colour}"/>'
                   f'<text x="{LEFT + unit * length + 6:.0f}" y="{y}">{escape(said)}</text>')
    return y + 2 * ROW, out


def save(path, charts):
    y, out = 30, []
    for c in charts:
        if c[1]:
            y, more = chart(y, *c)
            out += more
    with open(path, "w") as f:
        f.write('<!-- SPDX-License-Identifier: GPL-2.0 -->\n'
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH}" height="{y}" '
                'font-family="sans-serif" font-size="13">\n<rect width="100%" height="100%" fill="#fff"/>\n'
                + "\n".join(out) + "\n</svg>\n")


def gate_bars(found):
    gate = select(found, "gate_enter_exit", None)
    return [(PEERS.get(v, v).replace("`", ""), value, number(value), OURS if v == "ours" else OTHER)
            for v, value in sorted(gate.items(), key=lambda i: (i[1], i[0]))]


def picture(found, path):
    """Two charts: the gate beside its peers, and what has become of stock's numbers."""
    ratios = []
    group = ""
    for title, name, n, _, _ in ROWS:
        if name is None:
            group = title.split(",")[0]
            continue
        v = select(found, name, n)
        if v.get("ours") and v.get("stock") and not name.startswith(("text_drm", "unbind", "empty", "kmalloc")):
            ratio = v["ours"] / v["stock"]
            ratios.append((f"{group}: {title}", ratio,
                           f"{ratio:.2f}  ({number(v['stock'])} to {number(v['ours'])})",
                           OURS if ratio <= 1.001 else WORSE))
    save(path, [("Instructions to enter a gate and to leave it", gate_bars(found)),
                ("Patched kernel over stock: less is better", ratios, 1)])


def counted(records):
    """{what: value} of what is the same each time: not times, which another machine or the next run has others of."""
    return {(r["name"], r["variant"], r["n"]): r["value"] for r in records if r["unit"] != "ns"}


def load(path):
    try:
        with open(path) as f:
            return json.load(f)
    except FileNotFoundError:
        return {}


def changes(before, now):
    """What has changed, and nothing that only one of them has: that is a benchmark that came or was not run."""
    if not before:
        print("\n  no numbers of this kernel were kept")
        return
    before, now = counted(before), counted(now)
    lines = [f"  {name} {n} {variant}: {number(before[name, variant, n])} is now {number(value)}"
             for (name, variant, n), value in sorted(now.items()) if before.get((name, variant, n), value) != value]
    if lines:
        print("\n  not as it was kept:\n" + "\n".join(lines))
    else:
        print(f"\n  all {len(now.keys() & before.keys())} counts are as they were kept")


def report(out, svg, baseline, kernel, *results):
    found, records = read(results)
    derive(found, records)
    with open(out, "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(r) for r in records) + "\n]\n")
    table(found)
    picture(found, svg)
    changes(load(baseline).get(kernel), records)
    print(f"\n  {out}, {svg}")


def grid(rows):
    """A simple table of reStructuredText; the first row is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    rule = "  ".join("=" * w for w in widths)
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in rows]
    return [rule, lines[0], rule, *lines[1:], rule, ""]


def reached(check, measured):
    """On which of the kernels a goal is reached."""
    met = {}
    for kernel, values in measured.items():
        try:
            met[kernel] = check(values["ours"], values.get("stock"), values)
        except (KeyError, TypeError):
            pass
    if all(met.values()):
        return "yes" if met else ""
    return "**no**" if not any(met.values()) else "**" + ", ".join(k for k in met if met[k]) + " only**"


def by_kernel(kept, machine=""):
    """What was kept of a machine, as read() has it, for each kernel, the oldest first."""
    found = {}
    for k in sorted((k for k in kept if k.partition(" ")[2] == machine),
                    key=lambda k: [int(n) for n in k.split()[0].split(".")]):
        found[k] = {}
        for r in kept[k]:
            found[k].setdefault((r["name"], r["n"]), {})[r["variant"]] = r["value"]
    return found


def tables(found, rows_of=ROWS):
    kernels = list(found)
    head = [""] + [f"{k.split()[0]} {v}" for k in kernels for v in ("stock", "patched")] + ["goal", "reached"]
    group, rows, text = "", [], []

    def flush():
        if rows:
            text.extend([group[0].upper() + group[1:] + ":", "", *grid([head, *rows])])
            rows.clear()

    for title, name, n, goal, check in rows_of:
        if name is None:
            flush()
            group = title
            continue
        values = {k: select(found[k], name, n) for k in kernels}
        if not any("ours" in v for v in values.values()):
            continue
        rows.append([title] + [number(values[k].get(v)) for k in kernels for v in ("stock", "ours")] +
                    [goal or "", reached(check, {k: values[k] for k in kernels if "ours" in values[k]})
                     if goal else ""])
    flush()
    # Of each its size with 8 and with 64 CPUs, on the newest kernel.
    peers = [select(found[k], "gate_enter_exit", None) for k in kernels]
    sizes = [found[kernels[-1]].get(("gate_bytes", n), {}) for n in (8, 64)]
    names = sorted({v for p in peers for v in p}, key=lambda v: ([p.get(v, 0) for p in peers], v))
    text.extend(["A gate and its alternatives, one entry and one exit, in instructions, and bytes with 8 and 64 CPUs:", "",
                 *grid([["", *(k.split()[0] for k in kernels), "8 CPUs", "64 CPUs"]] +
                       [[PEERS.get(v, v), *(number(p.get(v)) for p in peers + sizes)] for v in names])])
    return text


def keep(out, baseline, kernel, rst):
    kept = load(baseline)
    with open(out) as f:
        kept[kernel] = [r for r in json.load(f) if r["unit"] != "ns"]
    with open(baseline, "w") as f:
        f.write("{\n" + ",\n".join(f'"{k}": [\n' + ",\n".join(json.dumps(r) for r in kept[k]) + "\n]"
                                   for k in sorted(kept)) + "\n}\n")
    found = by_kernel(kept)
    arm64 = by_kernel(kept, "arm64")
    text = tables(found)
    if arm64:
        text += ["The same counted on arm64, with instructions that are atomic (LSE):", "",
                 *tables(arm64, [r for r in ROWS if "x86-64" not in r[0]])]
    with open(rst) as f:
        head, rest = f.read().split(BEGIN, 1)
        tail = rest.split(END, 1)[1]
    with open(rst, "w") as f:
        f.write(f"{head}{BEGIN}\n\n" + "\n".join(text).rstrip() + f"\n\n{END}{tail}")
    svg = os.path.join(os.path.dirname(rst), "gate.svg")
    save(svg, [(f"Instructions to enter a call and to leave it, Linux {k}", gate_bars(found[k])) for k in found])
    print(f"  {baseline} has {len(kept[kernel])} counts of {kernel}; they are in {rst} and {svg}")


def main(argv):
    if argv[1:2] == ["report"] and len(argv) >= 7:
        report(*argv[2:])
    elif argv[1:2] == ["keep"] and len(argv) == 6:
        keep(*argv[2:])
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
