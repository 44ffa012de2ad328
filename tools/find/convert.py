#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Convert a driver to cdevm, as far as that is the same in every driver.

  convert.py TREE FILE... [--out DIR] [--object DIR=ARCH[:PREFIX]]... [--spatch PROGRAM]

TREE has cdevm and is not modified. A driver is offered, as a patch in DIR, when the result compiles with W=1 without a
warning that it did not give before, for each architecture that it can be compiled for, and when checkpatch --strict has
nothing to say. What a person has to look at is listed as NOTE. What a script cannot do is refused, with the reason.

Exit status: 0 every file is offered, 1 some are not, 2 could not try.
"""
import argparse
import difflib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import ctext
import find

HERE = os.path.dirname(os.path.abspath(__file__))
PUBLISH = 'misc_register|cdev_add|cdev_device_add|video_register_device'
UNPUBLISH = 'misc_deregister|cdev_del|cdev_device_del|video_unregister_device'


class Refusal(Exception):
    pass


def structs_of(source):
    """{struct: {node member}} of the structs that have nodes in them and are defined in this file."""
    roots = ('cdev', 'miscdevice', 'video_device')
    out = {}
    for name, members in ctext.struct_members(source.text):
        nodes = {m for kind, m in members if kind in roots}
        if nodes:
            out[name] = nodes
    return out


def refuse(source, struct, text_of_tree=''):
    """Raises Refusal when the script must not touch this."""
    t = source.text
    s = re.escape(struct)
    if not re.search(r'\bstruct\s+%s\s*\{' % s, t):
        raise Refusal('struct %s is defined in a header, which others include' % struct)
    variables = set().union(*(source.variables(f, struct) for f in source.functions)) or {''}
    some = '|'.join(re.escape(v) for v in variables)
    if re.search(r'\*\s*(?:%s)\s*=\s*\(\s*struct\s+%s\s*\)' % (some, s), t) or re.search(r'[^\w]\*(?:%s)\s*=[^=]' % some, t) \
            and re.search(r'^\s*\*(?:%s)\s*=[^=]' % some, t, re.M):
        raise Refusal('struct %s is assigned as a whole, which would wipe out the scope' % struct)
    if re.search(r'\bmem(?:set|cpy)\s*\(\s*(?:%s)\s*,' % some, t):
        raise Refusal('memset() or memcpy() over the whole of struct %s' % struct)
    if re.search(r'\bdevm_kfree\s*\([^,]*,\s*(?:%s)\s*\)' % some, t):
        raise Refusal('devm_kfree() of struct %s' % struct)
    body = re.search(r'\bstruct\s+%s\s*\{' % s, t)
    end = ctext.closing(t, body.end() - 1)
    if re.search(r'\[\s*\]\s*(?:__counted_by\w*\s*\([^)]*\)\s*)?;\s*$', t[body.end():end].rstrip()):
        raise Refusal('struct %s ends with a flexible array' % struct)
    if re.search(r'=\s*devm_k(?:calloc|malloc_array|realloc)\s*\([^;]*\bsizeof\s*\(\s*(?:struct\s+%s|\*\s*(?:%s))\s*\)' % (s, some), t):
        raise Refusal('struct %s is allocated as an array' % struct)
    if not any(re.search(r'\b(?:%s)\s*=\s*devm_k[zm]alloc\s*\(' % some, source.body(f)) for f in source.functions):
        raise Refusal('struct %s is not allocated here by devm_kzalloc()' % struct)
    if re.search(r'\b(?:%s)\s*\(\s*&\s*(?:%s)->\w+\s*[\[.]' % (PUBLISH, some), t):
        raise Refusal('the node is not a member itself, but in an array or another struct')
    if re.search(r'\bmedia_device_register\s*\(', t):
        raise Refusal('a media device: see cdevm-media.rst')
    if re.search(r'\b(?:v4l2_m2m_init|v4l2_async_nf_init)\s*\(', t):
        raise Refusal('mem2mem or async subdevs: see cdevm-media.rst')


def verdict(tree, finding):
    """A word for the table of find.py: could a script do it? Without trying to compile it."""
    if finding['kind'] != 'devm':
        return 'no: kfree()'
    try:
        with open(os.path.join(tree, finding['file']), encoding='utf-8', errors='replace') as f:
            refuse(ctext.Source(f.read()), finding['struct'])
    except Refusal as why:
        return 'no: %s' % why
    return 'yes'


# --- the semantic patch

def semantic_patch(source, struct, spatch):
    """The text after the semantic patch."""
    methods = set().union(*source.methods(find.FOPS).values()) if source.methods(find.FOPS) else set()
    drivers = find.leavers(source)
    probes = set()
    for kind, _, fields in source.initialisers():
        if find.GOES.search(kind):
            probes |= {fields.get('probe', '').strip(' &'), fields.get('probe_new', '').strip(' &')}
    bound = source.reach(probes | drivers)
    calls = source.reach(methods) - bound
    unwinds = {f for f in source.functions if re.search(r'\b(?:%s)\s*\(' % PUBLISH, source.body(f)) and
               re.search(r'\b(?:%s)\s*\(' % UNPUBLISH, source.body(f))}
    with open(os.path.join(HERE, 'convert.cocci.in'), encoding='utf-8') as f:
        rules = f.read()
    for word, value in (('T', struct), ('PROBE', ','.join(sorted(unwinds)) or '__none'),
                        ('CALLS', ','.join(sorted(calls)) or '__none')):
        rules = rules.replace('@%s@' % word, value)
    with tempfile.TemporaryDirectory() as tmp:
        script, name = os.path.join(tmp, 'convert.cocci'), os.path.join(tmp, 'driver.c')
        with open(script, 'w', encoding='utf-8') as f:
            f.write(rules)
        with open(name, 'w', encoding='utf-8') as f:
            f.write(source.raw)
        run = subprocess.run([spatch, '--very-quiet', '--no-includes', '--sp-file', script, '--in-place', name],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        with open(name, encoding='utf-8') as f:
            text = f.read()
    if run.returncode:
        raise Refusal('Coccinelle: ' + (run.stdout.strip().splitlines() or ['failed'])[-1])
    return text


# --- what a semantic patch leaves behind

def add_member(text, struct):
    """The scope is the last member: a driver that takes the first one for the whole goes on doing so."""
    blanked = ctext.blank(text)
    m = re.search(r'\bstruct\s+%s\s*\{' % re.escape(struct), blanked)
    end = ctext.closing(blanked, m.end() - 1)
    start = text.rfind('\n', 0, end) + 1
    text = text[:start] + '\tstruct cdevm_scope scope;\n' + text[start:]
    # A comment that describes the members describes this one.
    doc = re.search(r'/\*\*\n \* (?:struct )?%s\b(?:.*\n)*? \*/\n(?=(?:.*\n)?struct\s+%s\b)' % (struct, struct), text)
    if doc:
        members = list(re.finditer(r'^ \* @\w+:(.*)$', doc.group(), re.M))
        if members:
            # After the description of the last one, which may have several lines.
            at = members[-1].end()
            rest = re.compile(r'\n \*[ \t]{2,}\S.*').match(doc.group(), at)
            while rest:
                at = rest.end()
                rest = re.compile(r'\n \*[ \t]{2,}\S.*').match(doc.group(), at)
            pad = re.search(r':(\s+)', members[-1].group())
            at += doc.start()
            text = text[:at] + '\n * @scope:%skeeps this until the last close' % (
                ' ' if not pad or '\t' not in pad.group(1) else '\t') + text[at:]
    return text


def add_include(text, header):
    """Where it belongs by the alphabet, if the others are so; before the first greater one if not."""
    line = '#include <%s>\n' % header
    if line in text:
        return text
    folder = header.split('/')[0]
    others = list(re.finditer(r'^#include <(%s/[^>]+)>.*\n' % folder, text, re.M))
    if not others:
        others = list(re.finditer(r'^#include <([^>]+)>.*\n', text, re.M))
        if not others:
            raise Refusal('it includes nothing')
        return text[:others[-1].end()] + line + text[others[-1].end():]
    greater = [m for m in others if m.group(1) > header]
    ordered = [m.group(1) for m in others] == sorted(m.group(1) for m in others)
    at = greater[0].start() if greater and ordered else others[-1].end() if ordered else \
        greater[0].start() if greater else others[-1].end()
    return text[:at] + line + text[at:]


def statements(text, name):
    """Offsets of the body of a function in text, or None."""
    source = ctext.Source(text)
    return source.functions.get(name)


def drop_labels(text, before):
    """A label that nothing goes to any more, and one that only returns."""
    source = ctext.Source(text)
    for f in sorted(source.functions.values(), key=lambda f: -f.start):
        if f.name in before.functions and before.body(f.name) == source.body(f.name):
            continue
        body = text[f.body:f.end + 1]
        clean = source.text[f.body:f.end + 1]
        for m in reversed(list(re.finditer(r'^[ \t]?(\w+):[ \t]*\n', clean, re.M))):
            label = m.group(1)
            if label == 'default':
                continue
            gone = re.search(r'\A((?:[ \t]*\n)*)[ \t]*(return [^;]*;)[ \t]*\n', clean[m.end():])
            if gone:
                body = re.sub(r'\bgoto %s;' % label, gone.group(2), body)
                clean = re.sub(r'\bgoto %s;' % label, gone.group(2), clean)
            if not re.search(r'\bgoto\s+%s\s*;' % label, clean):
                m = re.search(r'^[ \t]?%s:[ \t]*\n' % label, clean, re.M)
                end = m.end()
                above = clean[:m.start()].rstrip()
                last = above.rsplit('\n', 1)[-1].strip()
                if gone and re.match(r'return\b', last):
                    end += re.search(r'\A(?:[ \t]*\n)*[ \t]*return [^;]*;[ \t]*\n', clean[m.end():]).end()
                body, clean = body[:m.start()] + body[end:], clean[:m.start()] + clean[end:]
        # if (x) { return y; } of one line
        body = re.sub(r'(\n[ \t]*\}?[ \t]*if \([^\n]*\)) \{\n([ \t]*return [^;\n]*;\n)[ \t]*\}\n(?![ \t]*else)', r'\1\n\2', body) \
            if body != text[f.body:f.end + 1] else body
        text = text[:f.body] + body + text[f.end + 1:]
        source = ctext.Source(text)
    return text


def drop_unused(text, before, struct):
    """Variables of the struct that are only set, where the function was changed."""
    source = ctext.Source(text)
    for f in sorted(source.functions.values(), key=lambda f: -f.start):
        if f.name not in before.functions or before.body(f.name) == source.body(f.name):
            continue
        body = text[f.body:f.end + 1]
        for _ in range(3):      # one may be what another was set from
            clean = ctext.blank(body)
            for m in re.finditer(r'^[ \t]+(?:const )?struct \w+ \*(\w+)(?: = [^;]*)?;\n', clean, re.M):
                uses = re.findall(r'(?<!struct )\b%s\b' % m.group(1), clean)
                sets = re.findall(r'^[ \t]+%s = \w+\([^;{}]*\);\n' % m.group(1), clean, re.M)
                if len(uses) == 1 + len(sets) and not re.search(r'get_device|find_device', m.group()):
                    body = body[:m.start()] + body[m.end():]
                    body = re.sub(r'^[ \t]+%s = \w+\([^;{}]*\);\n' % m.group(1), '', body, flags=re.M)
                    break
            else:
                break
        text = text[:f.body] + body + text[f.end + 1:]
        source = ctext.Source(text)
    return text


def drop_empty(text, before):
    """A ->remove() without a statement, and what names it."""
    source = ctext.Source(text)
    for name in find.leavers(source):
        f = source.functions.get(name)
        if not f or not re.fullmatch(r'\{\s*(?:return 0;\s*)?\}', source.body(name)):
            continue
        if not re.search(r'\bstatic\b', source.head(name)) or before.body(name) == source.body(name):
            continue
        start = text.rfind('\n\n', 0, f.start) + 1
        # A comment above it is about it.
        if '*/' not in text[start:f.start]:
            start = text.rfind('\n', 0, f.start) + 1
        text = text[:start] + text[f.end + 1:].lstrip('\n')
        text = re.sub(r'^[ \t]*\.\w+[ \t]*=[ \t]*(?:\w+\()?%s\)?,[ \t]*\n' % re.escape(name), '', text, flags=re.M)
        source = ctext.Source(text)
    return text


def tidy(text, before):
    """Blank lines that were around something, in functions that changed."""
    source = ctext.Source(text)
    for f in sorted(source.functions.values(), key=lambda f: -f.start):
        if f.name in before.functions and before.body(f.name) == source.body(f.name):
            continue
        body = text[f.body:f.end + 1]
        body = re.sub(r'\n\n\n+', '\n\n', body)
        body = re.sub(r'\{\n\n+', '{\n', body)
        body = re.sub(r'\n\n+\}', '\n}', body)
        text = text[:f.body] + body + text[f.end + 1:]
    return re.sub(r'\n\n\n+', '\n\n', text) if '\n\n\n' not in before.raw else text


def notes(source, struct):
    """What a person has to look at: [(line, what)]."""
    out = []

    def note(offset, what):
        out.append((source.line(offset), what))
    for method, names in source.methods(find.FOPS).items():
        for name in sorted(names):
            if method == 'release':
                note(source.functions[name].start, '%s() runs after unbind as well: the memory is there, the hardware '
                     'is not. If it does more than free memory, set release_at_unbind' % name)
            for f in source.reach([name]):
                body = source.functions[f]
                for m in re.finditer(r'\bwait_for_completion\w*|\bwait_event\w*|\bmsleep\w*|\bschedule_timeout\w*'
                                     r'|\bmutex_lock\b(?=\s*\(\s*&\w+->dev\b)|\bdevice_lock\b', source.body(f)):
                    note(body.body + m.start(), '%s() in ->%s(): what ends it when the device goes?' % (m.group(), method))
                for m in re.finditer(r'->f_op\b|->f_mapping\b|\bi_mapping\b', source.body(f)):
                    note(body.body + m.start(), '%s: the file has operations and an address space of the scope' % m.group())
    for m in re.finditer(r'\bwake_up\w*\s*\(|\bcomplete(?:_all)?\s*\(', source.text):
        at = source.at(source.line(m.start()))
        if at and at.name in source.reach(find.leavers(source)):
            note(m.start(), '%s) on the way of ->remove(): no call is inside any more' % m.group().strip())
    for m in re.finditer(r'\b(?:timer_setup|hrtimer_init|hrtimer_setup|INIT_(?:DELAYED_)?WORK|kthread_run|tasklet_setup)\s*\(',
                         source.text):
        note(m.start(), '%s): does it run after ->remove()? It is no file operation, and enters the gate by itself' %
             m.group().strip())
    going = source.reach(find.leavers(source))
    for name in going:
        for m in re.finditer(r'\b(?:mutex_destroy|kfifo_free|destroy_workqueue|kfree|ida_free|ida_simple_remove|idr_destroy|'
                             r'v4l2_ctrl_handler_free|vb2_queue_release)\s*\(', source.body(name)):
            note(source.functions[name].body + m.start(), '%s) in ->remove(): is it needed by ->release()?' % m.group().strip())
    for m in re.finditer(r'\bvb2_queue_init\s*\(|\bv4l2_ctrl_handler_init\s*\(', source.text):
        note(m.start(), '%s): there is a twin for the scope, see cdevm-media.rst' % m.group().strip())
    if re.search(r'\bput_device\s*\(', source.text) and re.search(r'\bcdevm_add_cdev_device\s*\(', source.text):
        m = re.search(r'\bput_device\s*\(', source.text)
        note(m.start(), 'put_device(): cdevm_add_cdev_device() takes that reference over, also when it fails')
    for name in source.functions:
        f = source.functions[name]
        published = [m.end() for m in re.finditer(r'\bcdevm_(?:register_misc|add_cdev\w*|video_register_device)\s*\(', source.body(name))]
        rest = source.body(name)[published[0]:] if published else ''
        # What follows at once is for the case that it was not published.
        rest = re.sub(r'\A[^;]*;\s*if\s*\([^{;]*?\)\s*(?:\{[^{}]*\}|[^;{}]*;)', '', rest)
        undone = re.search(r'^[ \t]?\w+:[ \t]*\n(.*?)\bcdevm_withdraw\b', rest, re.M | re.S)
        if undone and re.search(r'\w\s*\(', undone.group(1)):
            note(f.body + published[0], 'probe unwinds with goto after this: cdevm_withdraw() has to come before all else '
                 'that is undone. Or publish last')
        elif re.search(r'\bgoto\b', rest) and 'cdevm_withdraw' not in source.body(name):
            note(f.body + published[0], 'probe unwinds with goto after this: begin that with cdevm_withdraw()')
    return sorted(set(out))


def kconfig(tree, path, new):
    """(file, text before, text after) with the option that the driver needs selected."""
    folder, name = os.path.dirname(path), os.path.basename(path)[:-2]
    symbol = None
    with open(os.path.join(tree, folder, 'Makefile'), encoding='utf-8') as f:
        make = re.sub(r'\\\n', ' ', f.read())
    for part in (name, None):
        for m in re.finditer(r'^obj-\$\((CONFIG_\w+)\)\s*[:+]?=(.*)$', make, re.M):
            if '%s.o' % name in m.group(2).split():
                symbol = m.group(1)
        for m in re.finditer(r'^([\w-]+?)-(?:y|objs|\$\((CONFIG_\w+)\))\s*[:+]?=(.*)$', make, re.M):
            if '%s.o' % name in m.group(3).split() and not symbol:
                # A part of a module that has an option of its own.
                name, symbol = m.group(1), m.group(2)
                break
        if symbol:
            break
    if not symbol:
        raise Refusal('no option found for it in %s/Makefile' % folder)
    symbol = symbol[len('CONFIG_'):]
    while folder:
        for base in sorted(os.listdir(os.path.join(tree, folder))):
            if not base.startswith('Kconfig'):
                continue
            file = os.path.join(folder, base)
            with open(os.path.join(tree, file), encoding='utf-8') as f:
                text = f.read()
            m = re.search(r'^(?:menu)?config %s\n((?:[ \t]+.*\n|\n(?=[ \t]))*)' % symbol, text, re.M)
            if not m:
                continue
            block = m.group(1)
            if 'select CDEVM\n' in block:
                return file, text, text
            lines = block.split('\n')
            at = 1
            for i, l in enumerate(lines):
                word = l.strip().split(' ')[0] if l.strip() else ''
                if word in ('help', '---help---'):
                    break
                if word in ('bool', 'tristate', 'depends', 'default', 'prompt', 'def_bool', 'def_tristate'):
                    at = i + 1
                    while lines[i].endswith('\\'):
                        i += 1
                        at = i + 1
                if word == 'select' and l.strip() > 'select CDEVM':
                    at = min(at, i) if lines[at - 1].strip().startswith('select') else i
                    break
                if word == 'select':
                    at = i + 1
            lines.insert(at, '\tselect CDEVM')
            return file, text, text[:m.start(1)] + '\n'.join(lines) + text[m.end(1):]
        folder = os.path.dirname(folder)
    raise Refusal('no Kconfig has option %s' % symbol)


def convert(tree, path, spatch):
    """({file: (before, after)}, notes) or Refusal."""
    with open(os.path.join(tree, path), encoding='utf-8', errors='replace') as f:
        raw = f.read()
    before = ctext.Source(raw)
    have = structs_of(before)
    if 'cdevm_scope' in before.text:
        raise Refusal('it has a scope already')
    if not have:
        raise Refusal('no struct in it has a node as a member')
    allocated, why = [], None
    for struct in have:
        try:
            refuse(before, struct)
            allocated.append(struct)
        except Refusal as refusal:
            why = why or refusal
    if not allocated:
        raise why
    if len(allocated) > 1:
        raise Refusal('several structs with nodes: %s' % ', '.join(allocated))
    struct = allocated[0]
    if 'wait_event' in before.text and re.search(r'wait_event_\w*locked', before.text):
        raise Refusal('wait_event_*_locked() has no twin')
    text = semantic_patch(before, struct, spatch)
    after = ctext.Source(text)
    if not re.search(r'\bdevm_cdevm_alloc\s*\(', after.text):
        raise Refusal('the allocation is not written as in other drivers')
    if len(re.findall(r'\bdevm_cdevm_alloc\s*\(', after.text)) != len(re.findall(r'\bIS_ERR\s*\(', after.text)) - \
            len(re.findall(r'\bIS_ERR\s*\(', before.text)):
        raise Refusal('the test after the allocation is not written as in other drivers')
    nodes = '|'.join(have[struct])
    if re.search(r'\bif\s*\(\s*cdevm_wait_event\w*\s*\((?:[^;{]|\n)*?\)\s*\{?\s*(?:ret\w*\s*=|return)\s*-(?:ERESTARTSYS|EINTR)', after.text):
        raise Refusal('it makes -ERESTARTSYS of whatever a wait says: return what it says instead, or -ENODEV is lost')
    left = re.search(r'\b(?:%s|%s)\s*\(\s*&?\s*[\w>-]*\b(?:%s)\b' % (PUBLISH, UNPUBLISH, nodes), after.text)
    if left:
        raise Refusal('left over: %s' % after.source_line(after.line(left.start())).strip())
    if not re.search(r'\bcdevm_(?:register_misc|add_cdev\w*|video_register_device)\s*\(', after.text):
        raise Refusal('not seen where the node is published')
    if 'cdevm_video_register_device' in after.text and 'cdevm_v4l2_device_register' not in after.text:
        raise Refusal('its v4l2_device is registered elsewhere')
    if re.search(r'\bcdevm_v4l2_device_register\s*\([^;]*\bNULL\b', after.text):
        raise Refusal('its v4l2_device has no device: pass that of the probe, and look at the driver data')
    text = add_member(text, struct)
    text = drop_labels(text, before)
    text = drop_unused(text, before, struct)
    text = drop_empty(text, before)
    text = tidy(text, before)
    text = add_include(text, 'linux/cdevm.h')
    if 'cdevm_v4l2' in text:
        text = add_include(text, 'media/v4l2-cdevm.h')
    file, was, now = kconfig(tree, path, None)
    changed = {path: (raw, text)}
    if now != was:
        changed[file] = (was, now)
    return changed, notes(ctext.Source(text), struct)


# --- is it any good?

def compile_with(tree, out, arch, prefix, path, text):
    """Lines of the compiler that it did not print before; None if the file cannot be compiled there."""
    obj = path[:-2] + '.o'
    make = ['make', '-s', '-C', tree, 'O=' + out, 'ARCH=' + arch, 'W=1']
    if prefix:
        make.append('CROSS_COMPILE=' + prefix)
    target = os.path.join(out, obj)
    if os.path.exists(target):
        os.unlink(target)
    run = subprocess.run(make + [obj], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    command = os.path.join(os.path.dirname(target), '.%s.cmd' % os.path.basename(obj))
    if run.returncode or not os.path.exists(command):
        return None
    with open(command, encoding='utf-8') as f:
        saved = re.match(r'(?:saved)?cmd_\S+ := (.*)', f.readline()).group(1).replace('$(pound)', '#')
    saved = re.split(r'\s;\s', saved)[0]
    with tempfile.TemporaryDirectory() as tmp:
        name = os.path.join(tmp, os.path.basename(path))
        with open(name, 'w', encoding='utf-8') as f:
            f.write(text)
        words = shlex.split(saved)
        source = words[-1]
        words[-1] = name
        words[words.index('-o') + 1] = os.path.join(tmp, 'x.o')
        words = [w for w in words if not w.startswith('-Wp,-MMD')]
        words.insert(-1, '-I' + os.path.dirname(os.path.join(out, source)))
        now = subprocess.run(words, cwd=out, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    def lines(output):
        return {re.sub(r'^\S*?:\d+:\d+: ', '', l) for l in output.splitlines() if re.search(r'(?:warning|error): ', l)}
    new = lines(now.stdout) - lines(run.stdout)
    if now.returncode and not new:
        new = {'error: ' + now.stdout.strip()[-300:]}
    return sorted(new)


def patch_of(changed, subject):
    out = []
    for path in sorted(changed):
        was, now = changed[path]
        diff = list(difflib.unified_diff(was.splitlines(True), now.splitlines(True), 'a/' + path, 'b/' + path))
        out += ['diff --git a/%s b/%s\n' % (path, path)] + diff
    return 'Subject: [PATCH] %s\n\nFrom the script: to be looked at, and described, by a person.\n---\n%s' % (
        subject, ''.join(out))


def checkpatch(tree, patch):
    run = subprocess.run(['perl', 'scripts/checkpatch.pl', '--strict', '--terse', '--show-types', '--no-summary',
                          '--max-line-length=100', '--ignore', 'FILE_PATH_CHANGES,MISSING_SIGN_OFF', '-'], cwd=tree,
                         input=patch, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return [l for l in run.stdout.splitlines() if re.search(r'(?:ERROR|WARNING|CHECK):', l)]


def broken(text, operators):
    """An expression, in parts that end with one of the operators."""
    out = re.split(r' (%s) ' % operators, text)
    return [' '.join(out[i:i + 2]) for i in range(0, len(out), 2)]


def realign(changed, path):
    """What Coccinelle leaves unaligned: arguments on a further line, of calls that got a longer name."""
    was, text = changed[path]
    blanked = ctext.blank(text)
    for m in reversed(list(re.finditer(r'\b(?:cdevm|devm_cdevm)_\w+\s*\(', blanked))):
        end = ctext.closing(blanked, m.end() - 1, '()')
        call = text[m.start():end + 1]
        begin = text.rfind('\n', 0, m.start()) + 1
        column = len(text[begin:m.end()].expandtabs(8))
        tail = re.match(r'[^\n]*', text[end + 1:]).group()
        args, _ = ctext.arguments(text, m.end() - 1)
        flat = ', '.join(re.sub(r'\s*\n\s*', ' ', a) for a in args)
        if column + len(flat) + 1 + len(tail) <= 80 or '\n' not in call and column + len(flat) + 1 + len(tail) <= 80:
            new = text[m.start():m.end()] + flat + ')'
        else:
            lines, now = [], ''
            pieces = []
            for i, a in enumerate(args):
                piece = re.sub(r'\s*\n\s*', ' ', a) + (',' if i + 1 < len(args) else ')')
                # A condition may be broken after its operators, the weakest that there are.
                for operators in ('&&|\\|\\|', '[=!<>]=|<|>', '&|\\|', None):
                    if column + len(piece) <= 100 or not operators:
                        pieces.append(piece)
                        break
                    parts = broken(piece, operators)
                    if len(parts) > 1 and all(column + len(p) <= 100 for p in parts):
                        pieces += parts
                        break
            for i, piece in enumerate(pieces):
                if now and column + len(now) + 1 + len(piece) + (len(tail) if i + 1 == len(pieces) else 0) > 80:
                    lines.append(now)
                    now = piece
                else:
                    now = (now + ' ' + piece).strip()
            lines.append(now)
            indent = '\t' * (column // 8) + ' ' * (column % 8)
            new = text[m.start():m.end()] + ('\n' + indent).join(lines)
        text = text[:m.start()] + new + text[end + 1:]
        blanked = ctext.blank(text)
    changed[path] = (was, text)


def try_one(args, path):
    """Prints what came of it; True when it is offered."""
    print(path, flush=True)
    try:
        changed, what = convert(args.tree, path, args.spatch)
        realign(changed, path)
        tried = []
        for o in args.object:
            folder, arch = o.split('=', 1)
            arch, _, prefix = arch.partition(':')
            new = compile_with(args.tree, os.path.abspath(folder), arch, prefix, path, changed[path][1])
            if new is None:
                print('    %s: not compiled, it is not for it' % arch)
                continue
            if new:
                raise Refusal('%s: %s' % (arch, new[0]))
            tried.append(arch)
        if args.object and not tried:
            raise Refusal('it can be compiled for none of the architectures')
        patch = patch_of(changed, '%s: let an open file outlive the device' % os.path.basename(path)[:-2])
        said = checkpatch(args.tree, patch)
        if said:
            raise Refusal('checkpatch: %s' % said[0])
    except Refusal as why:
        print('    refused: %s' % why)
        return False
    name = os.path.join(args.out, path.replace('/', '-')[:-2] + '.patch')
    os.makedirs(args.out, exist_ok=True)
    with open(name, 'w', encoding='utf-8') as f:
        f.write(patch)
    for line, text in what:
        print('    NOTE: line %d: %s' % (line, text))
    print('    offered: %s (W=1 for %s, checkpatch --strict)' % (name, ', '.join(tried) or 'nothing'))
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('tree')
    parser.add_argument('files', nargs='+')
    parser.add_argument('--out', default='.')
    parser.add_argument('--object', action='append', default=[], help='an output folder that objects can be made in')
    parser.add_argument('--spatch', default='spatch')
    args = parser.parse_args()
    args.tree = os.path.abspath(args.tree)
    if not shutil.which(args.spatch):
        print('error: no %s here: apt-get install coccinelle' % args.spatch, file=sys.stderr)
        return 2
    offered = sum(try_one(args, f) for f in args.files)
    print('%d of %d offered' % (offered, len(args.files)))
    return 0 if offered == len(args.files) else 1


if __name__ == '__main__':
    sys.exit(main())
