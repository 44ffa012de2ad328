# SPDX-License-Identifier: GPL-2.0
"""C source as text: what can be known about a driver without a compiler and without a configuration.

Comments and strings are blanked, not removed: an offset, and so a line number, is the same as in the file. Nothing
here understands the preprocessor: both sides of an #ifdef are there. That is wanted, as a driver of another
architecture has to be found as well.
"""
import bisect
import re

_BLANK = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
_NOT_NEWLINE = re.compile(r'[^\n]')
_FUNCTION = re.compile(r'^(?:[A-Za-z_][\w \t*]*[\s*])?([A-Za-z_]\w*)[ \t]*\(', re.M)
# A pattern that begins with a word is searched for three times as fast as one that begins with \b.
_STRUCT = re.compile(r'struct\s+(\w+)\s*(?:__\w+\s*)?\{')
_MEMBER = re.compile(r'struct\s+(\w+)\s+(\w+)\s*((?:\[[^\];]*\]\s*)*)(?=[;,])')
_INIT = re.compile(r'\bstruct\s+(\w+)\s+(\w+)\s*(?:\[[^\]]*\]\s*)?(?:__\w+\s*)?=\s*\{')
_FIELD = re.compile(r'\.(\w+)(?:\.\w+)*\s*=\s*([^,{}]*)')
_CALL = re.compile(r'\b([A-Za-z_]\w*)\s*\(')
_WORDS = frozenset('if for while switch return sizeof do else case typeof'.split())


def blank(text):
    """The text with comments blanked, and strings except for their quotes."""
    def one(m):
        s = m.group()
        if s[0] in '"\'':
            return s[0] + ' ' * (len(s) - 2) + s[-1]
        return _NOT_NEWLINE.sub(' ', s)
    return _BLANK.sub(one, text)


def closing(text, start, pair='{}'):
    """Offset of the bracket that closes the one at start, or -1."""
    depth = 0
    for m in re.compile('[' + re.escape(pair) + ']').finditer(text, start):
        depth += 1 if m.group() == pair[0] else -1
        if depth == 0:
            return m.start()
    return -1


def arguments(text, start):
    """The arguments of the call whose opening bracket is at start, and the offset of its closing one."""
    out, depth, begin = [], 0, start + 1
    for m in re.compile(r'[()\[\]{},]').finditer(text, start):
        c = m.group()
        if c in '([{':
            depth += 1
        elif c in ')]}':
            depth -= 1
            if depth == 0:
                out.append(text[begin:m.start()].strip())
                return out, m.start()
        elif depth == 1:
            out.append(text[begin:m.start()].strip())
            begin = m.start() + 1
    return out, -1


def struct_members(text):
    """[(struct, [(type, member)])]: which structs have which as members, by value."""
    out = []
    for m in _STRUCT.finditer(text):
        end = closing(text, m.end() - 1)
        if end < 0:
            continue
        members = [(f.group(1), f.group(2)) for f in _MEMBER.finditer(text, m.end(), end)]
        if members:
            out.append((m.group(1), members))
    return out


class Function:
    def __init__(self, name, start, body, end):
        self.name, self.start, self.body, self.end = name, start, body, end


class Source:
    """A C file: its functions, who calls whom, and which function is which method."""
    def __init__(self, raw):
        self.raw = raw
        self.text = blank(raw)
        self._lines = [m.start() for m in re.finditer(r'\n', raw)]
        self.functions = {}
        self._spans = []
        self._find_functions()
        self._calls = {}
        self._inits = None

    def line(self, offset):
        return bisect.bisect_left(self._lines, offset) + 1

    def source_line(self, number):
        begin = self._lines[number - 2] + 1 if number > 1 else 0
        end = self._lines[number - 1] if number <= len(self._lines) else len(self.raw)
        return self.raw[begin:end]

    def _find_functions(self):
        at = 0
        for m in _FUNCTION.finditer(self.text):
            if m.start() < at or m.group(1) in _WORDS:
                continue
            close = closing(self.text, m.end() - 1, '()')
            if close < 0:
                continue
            body = re.compile(r'\s*(?:__\w+(?:\([^)]*\))?\s*)*\{').match(self.text, close + 1)
            if not body:
                continue
            end = closing(self.text, body.end() - 1)
            if end < 0:
                continue
            f = Function(m.group(1), m.start(), body.end() - 1, end)
            # Of two under #ifdef and #else, the longer one is not the stub.
            have = self.functions.get(f.name)
            if not have or end - body.end() > have.end - have.body:
                self.functions[f.name] = f
            self._spans.append(f)
            at = end

    def at(self, line):
        """The function that the line is in, or None."""
        offset = self._lines[line - 2] + 1 if line > 1 else 0
        for f in self._spans:
            if f.start <= offset <= f.end:
                return f
        return None

    def body(self, name):
        f = self.functions[name]
        return self.text[f.body:f.end + 1]

    def head(self, name):
        f = self.functions[name]
        return self.text[f.start:f.body]

    def calls(self, name):
        """Functions of this file that are called in it; not those whose address is taken."""
        if name not in self._calls:
            self._calls[name] = {c for c in _CALL.findall(self.body(name)) if c in self.functions and c != name}
        return self._calls[name]

    def reach(self, names):
        """What is called from these, directly or not, themselves included."""
        seen, todo = set(), [n for n in names if n in self.functions]
        while todo:
            n = todo.pop()
            if n not in seen:
                seen.add(n)
                todo += self.calls(n)
        return seen

    def initialisers(self):
        """[(type, name, {field: value})] of the static objects."""
        if self._inits is None:
            self._inits = []
            for m in _INIT.finditer(self.text):
                end = closing(self.text, m.end() - 1)
                if end > 0:
                    fields = {k: v.strip() for k, v in _FIELD.findall(self.text[m.end():end])}
                    self._inits.append((m.group(1), m.group(2), fields))
        return self._inits

    def methods(self, types):
        """{method: {function}} of the static objects of these types."""
        out = {}
        for kind, _, fields in self.initialisers():
            if kind in types:
                for field, value in fields.items():
                    value = value.split('(')[-1].strip(' )&')
                    if value in self.functions:
                        out.setdefault(field, set()).add(value)
        return out

    def variables(self, name, struct):
        """Names in the function that are pointers to the struct: parameters and locals."""
        found = re.findall(r'\bstruct\s+%s\s*\*\s*(?:const\s+)?(\w+)' % re.escape(struct),
                           self.head(name) + self.body(name))
        # struct foo *a, *b;
        for group in re.findall(r'\bstruct\s+%s\s*((?:\*\s*\w+\s*(?:=[^;,]*)?,\s*)+\*\s*\w+)' % re.escape(struct),
                                self.body(name)):
            found += re.findall(r'\*\s*(\w+)', group)
        return set(found)
