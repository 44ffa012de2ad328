#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""forms.py FORM <TRACE: the events of a trace of tracefs in the form that another tool gives them, on standard output.

forms.py --list: the names of the forms.
"""
import re
import sys

LINE = re.compile(r"^ *(?P<comm>.*)-(?P<pid>\d+) +\[(?P<cpu>\d+)\] (?P<flags>\S+) +(?P<s>\d+)\.(?P<us>\d+): "
                  r"(?P<name>\w+): (?P<text>.*)$")
FORMS = {}


def form(function):
    FORMS[function.__name__.replace("_", "-")] = function
    return function


def us(e):
    return int(e["s"]) * 1000000 + int(e["us"])


def tracefs(e, flags=None, stamp=None, comm=None, name=None):
    flags = e["flags"] if flags is None else flags
    return (f"{comm or e['comm']:>16s}-{e['pid']:7s} [{e['cpu']}] {flags} {stamp or '%s.%s' % (e['s'], e['us']):>12s}: "
            f"{name or e['name'] + ': ' + e['text']}")


@form
def no_flags(e, i):
    return f"{e['comm']:>16s}-{e['pid']:7s} [{e['cpu']}] {e['s']}.{e['us']}: {e['name']}: {e['text']}"


@form
def tgid(e, i):
    return f"{e['comm']:>16s}-{e['pid']:7s} ({e['pid']:>7s}) [{e['cpu']}] {e['flags']} {e['s']}.{e['us']}: {e['name']}: {e['text']}"


@form
def crlf(e, i):
    return tracefs(e) + "\r"


@form
def clock_counter(e, i):
    return tracefs(e, stamp=str(1000 + i))


@form
def clock_x86_tsc(e, i):
    return tracefs(e, stamp=str(us(e) * 2400))


@form
def latency(e, i):
    mark = " +!#*"[i % 5]
    return f"{e['comm'][:8]:>8s}-{e['pid']:7s} {int(e['cpu']):3d}{e['flags']} {us(e) - 1000000:7d}us{mark}: {e['name']}: {e['text']}"


@form
def console(e, i):
    """ftrace_dump_on_oops, or sysrq-z, as the kernel prints it"""
    before = "[   12.000001] Dumping ftrace buffer:\n[   12.000002] ---------------------------------\n" if not i else ""
    return f"{before}[   12.{i:06d}] {latency(e, 0)}"


@form
def journal(e, i):
    return f"Nov 27 12:00:00 host kernel: [   12.{i:06d}] {latency(e, 0)}"


@form
def dmesg_caller(e, i):
    return f"<4>[   12.{i:06d}] [    T31] {latency(e, 0)}"


@form
def report(e, i):
    name = e["name"] + ":"
    return f"{e['comm']:>16s}-{e['pid']:5s} [{e['cpu']}] {e['s']:>5s}.{e['us']}: {name:21s} {e['text']}"


@form
def report_latency(e, i):
    name = e["name"] + ":"
    return f"{e['comm'][:8]:>8s}-{e['pid']:5s} {int(e['cpu']):3d}{e['flags']} {e['s']:>5s}.{e['us']}: {name:21s} {e['text']}"


@form
def report_ts_diff(e, i):
    name, diff = e["name"] + ":", f"(+{i})" if i else ""
    return f"{e['comm']:>16s}-{e['pid']:5s} [{e['cpu']}] {e['s']:>5s}.{e['us']}: {diff:8s} {name:21s} {e['text']}"


@form
def report_raw_ts(e, i):
    return f"{e['comm']:>16s}-{e['pid']:5s} [{e['cpu']}] {us(e) * 1000}: {e['name']}: {e['text']}"


@form
def report_several(e, i):
    return ("  a.dat: cpus=1\nlong.dat: cpus=1\n" if not i else "") + f"  a.dat: {report(e, i)}"


@form
def perf(e, i):
    return f"{e['comm']:16s} {e['pid']:>5s} [{e['cpu']}] {e['s']:>5s}.{e['us']}: resmgr:{e['name']}: {e['text']}"


@form
def perf_no_cpu(e, i):
    return f"{e['comm']:16s} {e['pid']:>5s} {e['s']:>5s}.{e['us']}: resmgr:{e['name']}: {e['text']}"


@form
def perf_tid(e, i):
    return f"{e['comm']:16s} {e['pid']:>5s}/{e['pid']:5s} [{e['cpu']}] {e['s']:>5s}.{e['us']}: resmgr:{e['name']}: {e['text']}"


@form
def perf_period(e, i):
    return f"{e['comm']:16s} {e['pid']:>5s} [{e['cpu']}] {e['s']:>5s}.{e['us']}:          1 resmgr:{e['name']}: {e['text']}"


@form
def perf_callchain(e, i):
    return (perf(e, i) + "\n\tffffffff8151d3b0 resmgr_event_slow+0x1a0 ([kernel.kallsyms])\n"
            "\t    7f0e8d2a1b10 __write+0x10 (/usr/lib/libc.so.6)\n")


@form
def graph(e, i):
    return f" {int(e['cpu'])}}}".replace("}", ")") + f"               |  /* {e['name']}: {e['text']} */"


@form
def graph_absolute(e, i):
    return f"{e['s']:>5s}.{e['us']} |   {int(e['cpu'])})   {e['comm']}-{e['pid']}   |               |    /* {e['name']}: {e['text']} */"


@form
def noise(e, i):
    """between other events, stacks and markers, as all tracers at once give them"""
    others = ("<stack trace>", "sys_openat(dfd: ffffff9c, filename: 7ffd, flags: 0, mode: 0)", "sys_openat -> 0x3",
              "foo.isra.0 <-bar.constprop.1", "tracing_mark_write: two\nlines: resmgr_add: not one of ours",
              "bprint: foo: [12] 1.5: x", "kmem_cache_alloc: (foo+0x1/0x2) call_site=foo ptr=0x1", "vfs_write <-ksys_write",
              "tracing_mark_write: cdevm_open: cdevm x #1 node=x")
    graphs = (" 0)   1.234 us    |  foo();", " 0)               |  bar() {", " 0) + 10.000 us   |  }",
              " => resmgr_event_slow", " => devm_kmalloc", "", " ------------------------------------------")
    return "\n".join((tracefs(e, name=others[i % len(others)]), graphs[i % len(graphs)], tracefs(e)))


@form
def odd_tasks(e, i):
    """anybody can give a task such a name"""
    names = ("a\nb", "x [000] 1.0:", "1.0: cdevm_get:", "# tracer: nop", "resmgr_add: ", "a-1 [001]", "\t", "CPU:0 [LOST 1 E")
    return tracefs(e, comm=names[i % len(names)])


def main():
    if sys.argv[1] == "--list":
        print("\n".join(FORMS))
        return
    i = 0
    for line in sys.stdin:
        m = LINE.match(line)
        if m:
            print(FORMS[sys.argv[1]](m, i))
            i += 1


main()
