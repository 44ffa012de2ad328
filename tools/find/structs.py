# SPDX-License-Identifier: GPL-2.0
"""Which structs have a node in them, in a whole tree, and where each of them can be seen."""
import os
import re

import ctext

ROOTS = ('cdev', 'miscdevice', 'video_device', 'media_device')
TOPS = ('arch', 'block', 'crypto', 'drivers', 'fs', 'include', 'kernel', 'lib', 'net', 'samples', 'security', 'sound',
        'virt')
_MEMORY = re.compile(r'\b(?:devm_k\w+|k[zmc]alloc\w*|kmemdup|kv?free|vzalloc|kvzalloc|vfree)\s*\(')
_MENTION = re.compile(r'struct\s+(\w+)')
_QUOTED = re.compile(r'#\s*include\s+"([^"]+)"')
_COMMENT = re.compile(rb'/\*.*?\*/|//[^\n]*', re.S)


def sources(tree, under=None):
    """All C files of the tree, or of a folder of it, by their paths in the tree."""
    for top in [under] if under else TOPS:
        path = os.path.join(tree, top)
        if os.path.isfile(path):
            yield top
        for folder, dirs, names in os.walk(path):
            dirs.sort()
            for name in sorted(names):
                if name.endswith(('.c', '.h')):
                    yield os.path.relpath(os.path.join(folder, name), tree)


def read(tree, path):
    with open(os.path.join(tree, path), encoding='utf-8', errors='replace') as f:
        return f.read()


def members(job):
    """(path, struct_members(), words) of a file, for a pool of processes.

    The words are what a C file that allocates or frees mentions: struct names, and headers included with quotes.
    """
    tree, path = job
    with open(os.path.join(tree, path), 'rb') as f:
        raw = f.read()
    if b'struct' not in raw:
        return path, [], None
    text = _COMMENT.sub(b'', raw).decode('utf-8', 'replace')
    words = None
    if path.endswith('.c') and ('alloc' in text or 'free' in text or 'kmemdup' in text) and _MEMORY.search(text):
        words = frozenset(_MENTION.findall(text)) | {os.path.basename(h) for h in _QUOTED.findall(text)}
    return path, ctext.struct_members(text), words


class Structs:
    """Structs with nodes in them. A struct is known by its name and the file that defines it."""
    def __init__(self, found):
        defined = {}            # name: [(file, members)]
        users = {}              # name: {name of a struct that has it as a member}
        for path, structs, _ in found:
            for name, mem in structs:
                defined.setdefault(name, []).append((path, mem))
                for kind, _ in mem:
                    users.setdefault(kind, set()).add(name)
        self.nodes = {}         # name: {file: [(root, path of members)]}
        for root in ROOTS:
            self.nodes[root] = {'': [(root, '')]}
        todo = list(ROOTS)
        while todo:
            kind = todo.pop()
            for user in users.get(kind, ()):
                if user in ROOTS:
                    continue
                for path, mem in defined[user]:
                    have = self.nodes.setdefault(user, {}).setdefault(path, [])
                    before = len(have)
                    for k, member in mem:
                        if k != kind:
                            continue
                        for where, paths in self.nodes[kind].items():
                            if where and not self.sees(path, where):
                                continue
                            have += [(root, (member + '.' + p).rstrip('.')) for root, p in paths
                                     if (root, (member + '.' + p).rstrip('.')) not in have]
                    if len(have) > before:
                        todo.append(user)
                    elif not have:
                        del self.nodes[user][path]
                        if not self.nodes[user]:
                            del self.nodes[user]

    @staticmethod
    def sees(user, definition):
        """Can a file see what another defines? By where they are: who includes what is not followed."""
        if user == definition or definition.startswith(('include/', 'arch/')):
            return True
        if definition.endswith('.c'):
            return False
        a, b = os.path.dirname(user).split('/'), os.path.dirname(definition).split('/')
        n = min(len(a), len(b), 3)
        return a[:n] == b[:n]

    def of(self, name, path):
        """[(root, path of members)] of the struct of that name in that file; empty if it has no node."""
        where = self.nodes.get(name, {})
        if path in where:
            return where[path]
        for definition, paths in where.items():
            if not definition or self.sees(path, definition):
                return paths
        return []

    def definition(self, name, path):
        where = self.nodes.get(name, {})
        if path in where:
            return path
        for definition in where:
            if definition and self.sees(path, definition):
                return definition
        return ''
