#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Find the drivers whose character devices are in memory that goes before the last file is closed.

  find.py TREE [--under PATH] [--json FILE] [--engine cocci|clang|both] [--jobs N] [--quiet]

What is looked for: a struct with a cdev, miscdevice, video_device or media_device in it, by value and at any depth,
that is published, and whose memory is
  devm     allocated by devm_kzalloc() or one of its kind: it is freed at unbind
  remove   freed by kfree() on the way of ->remove(), ->disconnect() or ->unbind()
  release  freed by the release function of something that an open file does not hold
"look at" stands before a finding that a person has to decide.

Exit status: 0 nothing found, 1 found something, 2 could not look.

Examples:
  find.py ~/src/linux
  find.py ~/src/linux --under drivers/misc --json misc.json
"""
import argparse
import concurrent.futures
import json
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import clang_opinion
import ctext
import structs

HERE = os.path.dirname(os.path.abspath(__file__))
DEVM = ('devm_kzalloc', 'devm_kmalloc', 'devm_kcalloc', 'devm_kmalloc_array', 'devm_krealloc', 'devm_kmemdup',
        'devm_krealloc_array', 'devm_kmemdup_array')
PLAIN = ('kzalloc', 'kmalloc', 'kcalloc', 'kmalloc_array', 'kmemdup', 'kzalloc_node', 'kmalloc_node', 'kvzalloc',
         'kvmalloc', 'vzalloc', 'kzalloc_obj', 'kmalloc_obj', 'kzalloc_objs')
FREE = ('kfree', 'kvfree', 'vfree', 'kfree_sensitive')
PUBLISH = {
    'misc_register': 'miscdevice', 'cdev_add': 'cdev', 'cdev_device_add': 'cdev',
    'video_register_device': 'video_device', 'video_register_device_no_warn': 'video_device',
    '__video_register_device': 'video_device', 'media_device_register': 'media_device',
    '__media_device_register': 'media_device',
}
LEAVE = ('remove', 'remove_new', 'disconnect', 'unbind', 'remove_dev', 'detach')
GOES = re.compile(r'_driver$|^component_ops$|^class_interface$|^subsys_interface$|^rmi_function_handler$')
FOPS = ('file_operations', 'v4l2_file_operations')
FREED_LATER = re.compile(r'wait_for_completion|wait_event|->(?:open|opened|users|use_count|in_use|open_count|refcount)\b')


class Progress:
    """One line, rewritten on a terminal, a new one every ten seconds elsewhere."""
    def __init__(self, quiet):
        self.quiet, self.start, self.last = quiet, time.time(), 0
        self.tty = sys.stderr.isatty()

    def __call__(self, what, done, total):
        now = time.time()
        if self.quiet or (now - self.last < (0.2 if self.tty else 10) and done < total):
            return
        self.last = now
        sys.stderr.write('%s  %3d s  %s %d/%d%s' % ('\r' if self.tty else '', now - self.start, what, done, total,
                                                   '   ' if self.tty else '\n'))
        if self.tty and done >= total:
            sys.stderr.write('\n')
        sys.stderr.flush()


def ask_cocci(tree, files, names, jobs, progress):
    """{file: {(line, what, struct, function, callee, expression)}} by Coccinelle; files it gave up on."""
    with open(os.path.join(HERE, 'nodes.cocci.in')) as f:
        patch = f.read()
    for word, values in (('NAMES', names), ('DEVM', DEVM), ('PLAIN', PLAIN), ('FREE', FREE)):
        patch = patch.replace('@%s@' % word, ','.join(sorted(values)))
    found, given_up, done = {}, [], 0
    with tempfile.TemporaryDirectory() as tmp:
        script = os.path.join(tmp, 'nodes.cocci')
        with open(script, 'w') as f:
            f.write(patch)

        def run(chunk):
            groups = os.path.join(tmp, chunk[0].replace('/', '_'))
            with open(groups, 'w') as f:
                f.write('\n\n'.join(chunk) + '\n')
            return chunk, subprocess.run(
                ['spatch', '--very-quiet', '--no-includes', '--timeout', '60', '--sp-file', script, '--file-groups',
                 groups], cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors='replace',
                check=False)
        chunks = [files[i:i + 10] for i in range(0, len(files), 10)]
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for chunk, result in pool.map(run, chunks):
                done += len(chunk)
                progress('Coccinelle', done, len(files))
                for line in result.stdout.splitlines():
                    p = line.split('|')
                    if p[0] == 'NODE':
                        found.setdefault(p[1], set()).add((int(p[2]), p[3], p[4], p[5], p[6], p[7].replace(' ', '')))
                if result.returncode or 'EXN' in result.stderr or 'timeout' in result.stderr.lower():
                    given_up.append((chunk, result.stderr.strip()[-200:]))
    return found, given_up


def ask_clang(tree, files, names, jobs, progress):
    found = {}
    work = [(tree, f, frozenset(names), frozenset(DEVM), frozenset(PLAIN), frozenset(FREE)) for f in files]
    with multiprocessing.Pool(jobs) as pool:
        for n, (path, seen) in enumerate(pool.imap_unordered(clang_opinion.opinion, work, chunksize=4), 1):
            progress('libclang', n, len(work))
            if seen:
                found[path] = set(seen)
    return found


class Tree:
    """Sources of a tree, parsed when they are asked for."""
    def __init__(self, tree, files):
        self.tree, self._sources = tree, {}
        self.by_folder = {}
        for f in files:
            self.by_folder.setdefault(os.path.dirname(f), []).append(f)

    def source(self, path):
        if path not in self._sources:
            self._sources[path] = ctext.Source(structs.read(self.tree, path))
        return self._sources[path]

    def neighbours(self, path, limit=60):
        """Files that may be of the same driver."""
        others = [f for f in self.by_folder.get(os.path.dirname(path), ()) if f.endswith('.c') and f != path]
        return others if len(others) <= limit else []


def publishers(source, paths):
    """[(function, call, line, root)] in this file for a struct with these nodes."""
    out = []
    last = {}
    for root, member in paths:
        last.setdefault(root, set()).add(member.split('.')[-1])
    for m in re.finditer(r'\b(%s)\s*\(' % '|'.join(PUBLISH), source.text):
        root = PUBLISH[m.group(1)]
        if root not in last or m.group(1) in source.functions:
            continue
        args, _ = ctext.arguments(source.text, m.end() - 1)
        line = source.line(m.start())
        fn = source.at(line)
        if not fn or not args:
            continue
        name = re.sub(r'\[[^\]]*\]', '', args[0]).strip('&() ').split('->')[-1].split('.')[-1].strip()
        ok = name in last[root] or '' in last[root]
        if not ok:      # vdev = &foo->vdev; video_register_device(vdev)
            alias = re.findall(r'\b%s\s*=\s*&\s*([\w>.\-\[\]\s()]+?)\s*[;,]' % re.escape(name), source.text)
            ok = any(re.sub(r'\[[^\]]*\]', '', a).split('->')[-1].split('.')[-1].strip() in last[root] for a in alias)
        if ok:
            out.append((fn.name, m.group(1), line, root))
    return out


def reached(source, struct):
    """{method: [member]}: what of the struct the file operations use, by method."""
    out = {}
    for method, names in source.methods(FOPS).items():
        members = set()
        for name in source.reach(names):
            text = source.body(name)
            for v in source.variables(name, struct):
                members |= set(re.findall(r'\b%s->(\w+)' % re.escape(v), text))
        out[method] = sorted(members)
    return out


def leavers(source):
    return {f for kind, _, fields in source.initialisers() if GOES.search(kind)
            for field, value in fields.items() if field in LEAVE
            for f in [value.split('(')[-1].strip(' )&')]}


def goes_with_remove(tree, path, function):
    """Is the function called on the way of a ->remove(), here or in another file of the driver?"""
    source = tree.source(path)
    roots = leavers(source)
    if function in source.reach(roots):
        return True
    # Across the files of the driver.
    files = [path] + tree.neighbours(path)
    where, names = {}, set()
    for f in files:
        s = tree.source(f)
        names |= leavers(s)
        for name in s.functions:
            where.setdefault(name, s)
    seen, todo = set(), [n for n in names if n in where]
    while todo:
        n = todo.pop()
        if n in seen:
            continue
        seen.add(n)
        for called in set(re.findall(r'\b([A-Za-z_]\w*)\s*\(', where[n].body(n))):
            if called in where:
                todo.append(called)
    return function in seen and where.get(function) is source


def counted(source, function):
    """Is it called when a count has come to zero, wherever it is called?"""
    calls = re.findall(r'(.{0,120})\b%s\s*\(' % re.escape(function), source.text, re.S)
    calls = [c for c in calls if not re.search(r'\bstatic\s+[\w\s*]*$|\bvoid\s+$', c)]
    return bool(calls) and all(re.search(r'(?:dec_and_test|kref_put)\s*\([^;]*$', c) for c in calls)


def by_release(tree, path, function):
    """Is it called by what some object calls when its last reference goes?"""
    for f in [path] + tree.neighbours(path):
        s = tree.source(f)
        roots = set(re.findall(r'(?:\.|->)release\s*=\s*(\w+)', s.text))
        roots |= set(re.findall(r'kref_put\w*\s*\([^;]*,\s*(\w+)\s*\)', s.text))
        for name in s.reach(roots):
            if name == function and f == path or re.search(r'\b%s\s*\(' % re.escape(function), s.body(name)):
                return True
    return False


def is_release(source, function):
    """'kref', 'device' or 'video' when the function is such a release function, by how its address is used."""
    name = re.escape(function)
    if re.search(r'kref_put\w*\s*\([^;]*\b%s\b' % name, source.text):
        return 'kref'
    m = re.search(r'([\w>.\-]*)(?:\.|->)release\s*=\s*%s\b' % name, source.text)
    if m:
        return 'video' if re.search(r'v(?:ideo|fd|dev|fl|f)', m.group(1)) else 'device'
    for kind, _, fields in source.initialisers():
        for field, value in fields.items():
            if value.strip(' &') == function and field in ('release', 'dev_release'):
                return 'video' if kind == 'video_device' else 'device' if kind not in FOPS else 'file'
    return None


def look(tree, all_structs, seen):
    """The findings of one tree: [dict]."""
    out = []
    for path in sorted(seen):
        source = tree.source(path)
        facts = {}
        for (line, what, name, fn, callee, expression), engines in seen[path].items():
            paths = all_structs.of(name, path)
            if paths:
                facts.setdefault((what, name, line, fn), [callee, expression, set(), paths])[2].update(engines)
        for (what, name, line, fn), (callee, expression, engines, paths) in sorted(facts.items(), key=lambda i: i[0][2]):
            if what == 'plain':
                continue
            found = {'file': path, 'line': line, 'struct': name, 'function': fn, 'call': callee,
                     'nodes': sorted({r + (' ' + p if p else '') for r, p in paths}),
                     'engines': sorted(engines), 'sure': True}
            at = publishers(source, paths)
            if not at:
                for other in tree.neighbours(path):
                    at = [('%s:%s' % (os.path.basename(other), f), c, l, r)
                          for f, c, l, r in publishers(tree.source(other), paths)]
                    if at:
                        break
            # A miscdevice without file operations cannot be opened: some have sysfs attributes only.
            if {r for _, _, _, r in at} == {'miscdevice'} and 'fops' not in source.text and ':' not in at[0][0]:
                continue
            found['published'] = [{'function': f, 'call': c, 'line': l} for f, c, l, _ in at]
            published = {r for _, _, _, r in at}
            if what == 'devm':
                found['kind'] = 'devm'
                found['allocated'] = {'function': fn, 'line': line}
                nodes = ', '.join('%s %s' % (r, p) if p else r for r, p in paths if not at or r in published)
                found['why'] = '%s of struct %s is freed at unbind, with %s in it, which an open file reaches' % (
                    callee, name, nodes)
                found['change'] = 'devm_cdevm_alloc(), and publish through the scope'
                if not at:
                    found['sure'] = False
                    found['why'] = '%s of struct %s, which has %s; not seen who publishes that' % (callee, name, nodes)
            else:
                if not free(tree, path, source, found, paths, published, at, facts):
                    continue
            found['text'] = source.source_line(line).strip()
            found['reaches'] = reached(source, name)
            out.append(found)
    return out


def private(tree, path):
    """Findings of a struct without a node, that file operations reach by private_data or a global: from the text."""
    source = tree.source(path)
    calls = list(re.finditer(r'\b(misc_register|cdev_add|cdev_device_add|video_register_device)\s*\(', source.text))
    calls = [c for c in calls if c.group(1) not in source.functions]
    methods = source.methods(FOPS)
    if not calls or not methods or not leavers(source):
        return []
    used = source.reach(set().union(*methods.values()) - methods.get('open', set()))
    opened = source.reach(set().union(*methods.values()))
    kinds = {}
    for name in used:
        for kind, v in re.findall(r'\bstruct\s+(\w+)\s*\*\s*(\w+)', source.head(name) + source.body(name)):
            if re.search(r'\b%s->' % re.escape(v), source.body(name)):
                kinds.setdefault(kind, set())
    # And by a pointer that all of the file has.
    for kind, v in re.findall(r'^(?:static\s+)?struct\s+(\w+)\s*\*\s*(\w+)\s*(?:=\s*NULL\s*)?;', source.text, re.M):
        if any(re.search(r'\b%s->' % re.escape(v), source.body(f)) for f in opened):
            kinds.setdefault(kind, set()).add(v)
    out = []
    going = source.reach(leavers(source))
    for kind, shared in sorted(kinds.items()):
        if any(re.search(r'\b%s\s*=\s*k[mz]alloc' % re.escape(v), source.body(f))
               for f in opened for v in source.variables(f, kind)):
            continue        # one for each file
        for f in source.functions:
            for v in source.variables(f, kind) | shared:
                m = re.search(r'\b%s\s*=\s*(devm_k\w+)\s*\(' % re.escape(v), source.body(f))
                what = 'devm'
                if not m and f in going and not counted(source, f) and not is_release(source, f):
                    m, what = re.search(r'\b(kv?free)\s*\(\s*%s\s*\)' % re.escape(v), source.body(f)), 'remove'
                if not m:
                    continue
                line = source.line(source.functions[f].body + m.start())
                at = calls[0]
                out.append({
                    'file': path, 'line': line, 'struct': kind, 'function': f, 'call': m.group(1), 'nodes': ['(no node)'],
                    'engines': ['text'], 'sure': False, 'kind': what, 'text': source.source_line(line).strip(),
                    'allocated': {'function': f, 'line': line} if what == 'devm' else None,
                    'published': [{'function': getattr(source.at(source.line(at.start())), 'name', '?'),
                                   'call': at.group(1), 'line': source.line(at.start())}],
                    'why': 'struct %s has no node in it, but file operations reach it, and it is '
                           'freed %s' % (kind, 'at unbind' if what == 'devm' else 'on the way of ->remove()'),
                    'change': 'memory of the scope', 'reaches': reached(source, kind)})
    return out


def free(tree, path, source, found, paths, published, at, facts):
    """A place where such a struct is freed: fills in the finding, or says that it is none."""
    fn, name = found['function'], found['struct']
    made = [(f, l) for (what, n, l, f) in facts if what == 'plain' and n == name]
    found['allocated'] = {'function': made[0][0], 'line': made[0][1]} if made else None
    if not at:
        return False
    role = is_release(source, fn)
    body = source.body(fn) if fn in source.functions else ''
    if counted(source, fn):
        return False
    if role is None and goes_with_remove(tree, path, fn):
        found['kind'] = 'remove'
        found['why'] = '%s() frees struct %s on the way of ->remove(), with %s in it, which an open file reaches' % (
            fn, name, ', '.join('%s %s' % (r, p) if p else r for r, p in paths if r in published))
        found['change'] = 'no %s() here: devm_cdevm_alloc() in probe' % found['call']
        hint = FREED_LATER.search(body)
        if hint:
            found['sure'] = False
            found['why'] += '; "%s" may be how it waits for that' % hint.group()
        if by_release(tree, path, fn):
            found['sure'] = False
            found['why'] += '; a release function calls it as well'
        return True
    if role == 'device' and 'cdev' in published and not any(p['call'] == 'cdev_device_add' for p in found['published']) \
            and not re.search(r'cdev_set_parent|kobj\.parent\s*=', source.text):
        found['kind'], found['sure'] = 'release', False
        found['why'] = '%s() frees struct %s with its device; an open file holds its cdev, not that device' % (fn, name)
        found['change'] = 'cdev_device_add(), which makes the device the parent of the cdev'
        opens = source.reach(source.methods(FOPS).get('open', ()))
        return not any(re.search(r'get_device|kref_get|kobject_get', source.body(f)) for f in opens)
    if role == 'video' and len({p for r, p in paths if r in published}) > 1:
        found['kind'], found['sure'] = 'release', False
        found['why'] = '%s() frees struct %s with the last file of one of its nodes: %s' % (
            fn, name, ', '.join(p for r, p in paths if r in published))
        found['change'] = 'the release of the v4l2_device, or one scope for all'
        return True
    return False


def search(tree, under, engine, jobs, progress):
    files = list(structs.sources(tree))
    if not files:
        raise SystemExit('error: %s is no kernel tree' % tree)
    with multiprocessing.Pool(jobs) as pool:
        found = []
        for one in pool.imap_unordered(structs.members, [(tree, f) for f in files], chunksize=100):
            found.append(one)
            progress('structs', len(found), len(files))
    found.sort(key=lambda one: one[0])
    all_structs = structs.Structs(found)
    names = set(all_structs.nodes)
    # A header of a driver that defines such a struct: its members may be allocated without their type being named.
    headers = {}
    for where in all_structs.nodes.values():
        for f in where:
            if f.endswith('.h') and not f.startswith('include/'):
                headers.setdefault(os.path.basename(f), set()).add(f)

    def mentions(path, words):
        # There are many headers of one name: it is the one in the file's own part of the tree.
        return not names.isdisjoint(words) or any(
            structs.Structs.sees(path, f) for word in words if word in headers for f in headers[word])
    candidates = [path for path, _, words in found if words and mentions(path, words)]
    if under:
        candidates = [f for f in candidates if f == under or f.startswith(under.rstrip('/') + '/')]
    seen, notes = {}, []

    def add(answers, who):
        for path, facts in answers.items():
            for fact in facts:
                seen.setdefault(path, {}).setdefault(fact, set()).add(who)
    if engine != 'cocci':
        add(ask_clang(tree, candidates, names, jobs, progress), 'clang')
    if engine != 'clang':
        answers, given_up = ask_cocci(tree, candidates, names, jobs, progress)
        add(answers, 'cocci')
        notes = given_up
    sources = Tree(tree, files)
    findings = look(sources, all_structs, seen)
    known = {(f['file'], f['struct']) for f in findings}
    publishing = re.compile('|'.join(r'\b%s\b' % p for p in PUBLISH))
    for f in candidates:
        if publishing.search(structs.read(tree, f)):
            findings += [p for p in private(sources, f) if (p['file'], p['struct']) not in known]
    findings.sort(key=lambda f: (f['file'], f['line']))
    return findings, len(candidates), len(names), notes


def show(findings, write):
    """The table: a row, why, and the line to change."""
    rows = [('KIND', 'WHERE', 'STRUCT', 'NODE', 'ALLOCATED IN', 'PUBLISHED IN', 'SCRIPT')]
    for f in findings:
        rows.append((('' if f['sure'] else 'look at: ') + f['kind'], '%s:%d' % (f['file'], f['line']), f['struct'],
                     ','.join(sorted({n.split()[0] for n in f['nodes']})),
                     f['allocated']['function'] if f['allocated'] else '?',
                     f['published'][0]['function'] if f['published'] else '?', f['convert']))
    width = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    for row, f in zip(rows, [None] + findings):
        write('  '.join(c.ljust(w) for c, w in zip(row, width)).rstrip() + '\n')
        if f:
            write('    why: %s\n' % f['why'])
            write('    line: %s   -> %s\n' % (f['text'], f['change']))
            uses = ['%s: %s' % (m, ' '.join(v[:6]) + (' ...' if len(v) > 6 else ''))
                    for m, v in sorted(f['reaches'].items()) if v]
            if uses:
                write('    still reached: %s\n' % '; '.join(uses))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('tree')
    parser.add_argument('--under', help='look at this folder or file only; structs are those of the whole tree')
    parser.add_argument('--json', help='write the findings to this file')
    parser.add_argument('--engine', choices=('both', 'cocci', 'clang'), default='both')
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--quiet', action='store_true', help='no progress')
    args = parser.parse_args()
    if args.engine != 'clang' and not shutil.which('spatch'):
        print('error: no spatch here: apt-get install coccinelle', file=sys.stderr)
        return 2
    start = time.time()
    findings, candidates, names, notes = search(args.tree.rstrip('/'), args.under, args.engine, args.jobs,
                                                Progress(args.quiet))
    try:
        import convert
        verdict = convert.verdict
    except ImportError:
        def verdict(tree, finding):
            return '?'
    for f in findings:
        f['convert'] = verdict(args.tree, f)
    show(findings, sys.stdout.write)
    kinds = {}
    for f in findings:
        kinds.setdefault(f['kind'] if f['sure'] else 'look at', set()).add(f['file'])
    print('%d findings in %d files (%s); %d structs, %d files asked about, %d s' % (
        len(findings), len({f['file'] for f in findings}),
        ', '.join('%s %d' % (k, len(v)) for k, v in sorted(kinds.items())), names, candidates, time.time() - start))
    for chunk, why in notes:
        print('note: Coccinelle gave up among %s .. %s: %s' % (chunk[0], chunk[-1], why))
    if args.json:
        os.makedirs(os.path.dirname(os.path.abspath(args.json)), exist_ok=True)
        with open(args.json, 'w') as f:
            json.dump({'tree': args.tree, 'findings': findings}, f, indent=1)
            f.write('\n')
    return 1 if findings else 0


if __name__ == '__main__':
    sys.exit(main())
