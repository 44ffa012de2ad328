#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Lay this repository over a kernel tree.

  overlay.py tree PRISTINE TREE VERSION    make or refresh the patched build tree
  overlay.py apply DIR [VERSION]           copy the work into a kernel tree of the user's own
  overlay.py files VERSION OUT [HERE]      copy the new files to OUT, by their paths in a kernel tree; from HERE, a copy of
                                           this repository, if it is given
  overlay.py patches VERSION               print the patches that change existing files, in order
  overlay.py check VERSION                 does the series name every new file, once?

MAP below says where a file of this repository goes in a kernel tree. In the build tree every new file is a symlink to
the file here, so that an edit is seen by the next make. Existing files are changed by patches. A file of the tree is
written only when its content changes: its mtime is what make decides on.

drivers-base-patches/series has one entry per mail, in order: the name of a file with the message of the mail and with
its changes, if it has any; then, on the same line or on indented lines that follow, the new files that travel with it,
by their paths in a kernel tree (globs are fine). Each new file is named by one mail. Later mails may change it, by
hunks of their patches as for any other file: these are taken back from the file here to get what the first mail brings.

The patch of a mail is drivers-base-patches/VERSION/NAME, if there is one, or else drivers-base-patches/common/NAME.

[NAME] on a line of its own begins a part: a series that is sent by itself, with the cover letter
drivers-base-patches/cover/NAME.txt. The mails of a part without a cover letter are sent one by one. [NAME: OTHER] says
which part it is based on, if that is not the one before it.

drivers-base-patches/VERSION/kernel says what a kernel is: Debian's "package" with its source, the "suite" where that is
to be had if not in the machine's own, the kernel whose "options" in tools/configs it is built with if it has none of its
own, and mails that it goes "without". The new files are written for the newest kernel; compat.patch beside it changes
them for this one.
"""
import filecmp
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# folder here, folder in a kernel tree, suffixes taken (None: all)
MAP = (
    ("lib-resmgr", "lib/resmgr", None),
    ("include", "include", None),
    ("tracepoints", "include/trace/events", (".h",)),
    ("kunit", "lib/resmgr/tests", None),
    ("docs", "Documentation/driver-api/driver-model", (".rst",)),
    ("samples", "samples/cdevm", None),
    ("media", "drivers/media", None),
    ("e2e/selftests", "tools/testing/selftests/drivers/cdevm", None),
    ("tools/litmus", "tools/memory-model/litmus-tests/resmgr", None),
    ("tools/find/coccinelle", "scripts/coccinelle/free", (".cocci",)),
)
PATCHES = os.path.join(TOP, "drivers-base-patches")
# Where the patched build tree keeps what it needs to know about itself; not seen by the kernel's build.
STATE = ".resmgr-overlay"


class Error(Exception):
    pass


def kernel(version):
    """What drivers-base-patches/VERSION/kernel says: {word: [words that follow]}."""
    said = {"package": [], "suite": [], "options": [], "without": []}
    name = os.path.join(PATCHES, version, "kernel")
    with open(name) as f:
        for line in f:
            words = line.split("#")[0].split()
            if words and words[0] not in said:
                raise Error(f"{name}: what is {words[0]}?")
            if words:
                said[words[0]] += words[1:]
    return said


def mapped(top):
    """{path in the tree: path here}, for everything that is a new file."""
    found = {}
    for here, there, suffixes in MAP:
        root = os.path.join(top, here)
        for folder, dirs, names in os.walk(root):
            if there == "include/trace/events":
                dirs.clear()        # the tools for traces are not for the kernel's tree
            dirs.sort()
            for name in sorted(names):
                # Editors' leftovers; the one dotfile that belongs in a tree is .kunitconfig.
                if name.endswith(("~", ".swp", ".orig", ".rej", ".o", ".ko")):
                    continue
                if name.startswith(".") and name != ".kunitconfig":
                    continue
                if suffixes and not name.endswith(suffixes):
                    continue
                path = os.path.join(folder, name)
                found[os.path.join(there, os.path.relpath(path, root))] = path
    return found


def new_files(version, top=TOP):
    """mapped(), with build/for-VERSION/PATH for the files that are different in this kernel."""
    found = mapped(top)
    patch = os.path.join(PATCHES, version, "compat.patch")
    if not os.path.exists(patch):
        return found
    paths = sorted(sections(patch))
    for path in paths:
        if path not in found:
            raise Error(f"{os.path.relpath(patch, TOP)} is to change {path}, and there is no such new file")
    work = copies({path: found[path] for path in paths})
    try:
        run_patch(work, patch)
        for path in paths:
            found[path] = os.path.join(top, "build", "for-" + version, path)
            place(os.path.join(work, path), found[path])
    finally:
        shutil.rmtree(work)
    return found


def copies(files):
    """A temporary folder with copies of {path in it: path}."""
    work = tempfile.mkdtemp(prefix="resmgr-series-")
    for path, src in files.items():
        os.makedirs(os.path.dirname(os.path.join(work, path)), exist_ok=True)
        shutil.copyfile(src, os.path.join(work, path))
    return work


def run_patch(folder, patch, *options, data=None):
    """Apply a patch, or data that is a part of it."""
    # No fuzz: a patch that only nearly fits is for another kernel, and must not be guessed into place.
    run = subprocess.run(["patch", "-p1", "-F0", "-s", "-f", "--no-backup-if-mismatch", *options,
                          *([] if data else ["-i", patch])], cwd=folder, input=data,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if run.returncode:
        raise Error(f"{os.path.relpath(patch, TOP)} does not apply:\n{run.stdout.rstrip()}")


def sections(patch):
    """{path in the tree: the part of a patch that is about it}"""
    with open(patch, errors="replace") as f:
        parts = re.split(r"^(?=diff --git )", f.read(), flags=re.M)[1:]
    found = {}
    for part in parts:
        for path in re.findall(r"^(?:(?:---|\+\+\+) [ab]/|rename (?:from|to) )(\S+)", part, re.M):
            found[path] = part
    return found


class Mail:
    """One entry of the series."""
    def __init__(self, patch, part, base):
        self.patch = patch      # path of the file with message and hunks
        self.part = part        # name of the series that it is sent in
        self.base = base        # name of the one that this is based on, or None
        self.names = []         # paths or globs in tree terms of the new files that it brings


def mails(version):
    """The entries of the series, in order."""
    name = os.path.join(PATCHES, "series")
    without = kernel(version)["without"]
    found = []
    parts = set()
    part = base = mail = None
    with open(name) as f:
        for line in f:
            words = line.split("#")[0].split()
            if not words:
                continue
            if line[0] == "[":
                m = re.fullmatch(r"\[(\w+)(?:: (\w+))?\]", " ".join(words))
                if not m or m.group(2) and m.group(2) not in parts:
                    raise Error(f"{name}: what is {line.strip()}?")
                part, base = m.group(1), m.group(2) or part
                parts.add(part)
                continue
            if not line[0].isspace():
                if part is None:
                    raise Error(f"{name}: {words[0]} is in no part")
                mail = Mail(find(version, words[0]), part, base)
                if words.pop(0) not in without:
                    found.append(mail)
            elif mail is None:
                raise Error(f"{name} begins with an indented line")
            mail.names += words
    return found


def find(version, name):
    """Path of the patch of a mail."""
    for folder in (version, "common"):
        path = os.path.join(PATCHES, folder, name)
        if os.path.exists(path):
            return path
    raise Error(f"drivers-base-patches/series names {name}, which is in neither common nor {version}")


def contents(version):
    """For each mail of the series, in order: (mail, {path in the tree: content of the new files that it brings})."""
    new = new_files(version)
    brought = {}        # path: name of the mail
    changes = {}        # path: [(patch, part of it)], by later mails
    result = []
    for mail in mails(version):
        short = os.path.basename(mail.patch)
        for path, part in sections(mail.patch).items():
            if path in brought:
                changes.setdefault(path, []).append((mail.patch, part))
            elif path in new:
                raise Error(f"{short} changes {path}, which no mail before it brings")
        files = {}
        for pattern in mail.names:
            matches = [p for p in new if fnmatch.fnmatchcase(p, pattern) and p not in files]
            if not matches:
                raise Error(f"{short} is to bring {pattern}, and there is no such new file")
            for path in matches:
                if path in brought:
                    raise Error(f"{path} is brought by {brought[path]}, and by {short} again")
                files[path] = None
        brought.update(dict.fromkeys(files, short))
        result.append((mail, files))
    missing = sorted(set(new) - set(brought))
    if missing:
        raise Error(f"no mail of drivers-base-patches/series brings {missing[0]}"
                    + (f", and {len(missing) - 1} more" if len(missing) > 1 else ""))
    work = copies({path: new[path] for path in changes})
    try:
        for path, parts in changes.items():
            for patch, part in reversed(parts):
                run_patch(work, patch, "-R", data=part)
        for _, files in result:
            for path in files:
                with open(os.path.join(work, path) if path in changes else new[path], "rb") as f:
                    files[path] = f.read()
    finally:
        shutil.rmtree(work)
    return result


def series(version):
    """Paths of the patches that change existing files, in order; a mail may bring new files only."""
    new = mapped(TOP)
    return [m.patch for m in mails(version) if set(sections(m.patch)) - set(new)]


def patched(source, version):
    """(temporary folder with the patched files, {path: exists after the series}); source is only read."""
    new = mapped(TOP)
    work = tempfile.mkdtemp(prefix="resmgr-series-")
    paths = set()
    try:
        for mail in mails(version):
            parts = {path: part for path, part in sections(mail.patch).items() if path not in new}
            for path in set(parts) - paths:
                old = os.path.join(source, path)
                if os.path.exists(old):
                    os.makedirs(os.path.dirname(os.path.join(work, path)), exist_ok=True)
                    shutil.copyfile(old, os.path.join(work, path))
            paths |= set(parts)
            if parts:
                run_patch(work, mail.patch, data="".join(dict.fromkeys(parts.values())))
    except Error:
        shutil.rmtree(work)
        raise
    return work, {path: os.path.exists(os.path.join(work, path)) for path in sorted(paths)}


def place(src, dst):
    """Make dst a copy of src, if it is not one already. Never writes through a hard link."""
    if os.path.isfile(dst) and not os.path.islink(dst) and filecmp.cmp(src, dst, shallow=False):
        return False
    os.makedirs(os.path.dirname(dst), exist_ok=True)
    mode = os.stat(dst).st_mode if os.path.exists(dst) else 0o644
    tmp = dst + ".resmgr-new"
    shutil.copyfile(src, tmp)
    os.chmod(tmp, mode & 0o777)
    os.replace(tmp, dst)
    return True


def prune(tree, path):
    """Remove folders that became empty."""
    folder = os.path.dirname(path)
    while folder:
        try:
            os.rmdir(os.path.join(tree, folder))
        except OSError:
            return
        folder = os.path.dirname(folder)


def read_state(tree):
    try:
        with open(os.path.join(tree, STATE)) as f:
            return [line.rstrip("\n").split(" ", 1) for line in f if " " in line]
    except OSError:
        return []


def link_tree(pristine, tree):
    """A tree of hard links: seconds and no space. Renamed last, so an interrupted run leaves no half tree."""
    tmp = tree + ".new"
    shutil.rmtree(tmp, ignore_errors=True)
    pristine = os.path.realpath(pristine)       # the folder, where it is a link to one
    if subprocess.run(["cp", "-al", pristine, tmp], stderr=subprocess.DEVNULL).returncode:
        shutil.rmtree(tmp, ignore_errors=True)
        subprocess.run(["cp", "-a", pristine, tmp], check=True)
    os.rename(tmp, tree)


def refresh(pristine, tree, base):
    """Bring a LINUX= build tree up to date after its source was copied again (rsync replaces changed files)."""
    subprocess.run(["rsync", "-a", "--delete", "--link-dest", pristine, "--exclude", "/" + STATE]
                   + ["--exclude=/" + p for p in base] + [pristine + "/", tree + "/"], check=True)


def do_tree(pristine, tree, version):
    new = new_files(version)
    work, after = patched(pristine, version)
    try:
        clash = sorted(p for p in new if os.path.exists(os.path.join(pristine, p)))
        if clash:
            raise Error(f"{clash[0]} exists in the kernel already; existing files change through the series only")
        if not os.path.isdir(tree):
            link_tree(pristine, tree)
        old = read_state(tree)
        if "/user-" in pristine:
            refresh(pristine, tree, sorted({p for _, p in old} | set(new) | set(after)))
        changed = 0
        with open(os.path.join(tree, STATE + ".new"), "w") as f:
            f.writelines(f"L {p}\n" for p in new)
            f.writelines(f"P {p}\n" for p in after)
        # What was ours and is no longer: links go, patched files are as they were.
        for kind, path in old:
            full = os.path.join(tree, path)
            if kind == "L" and path not in new and os.path.islink(full):
                os.remove(full)
                prune(tree, path)
                changed += 1
            elif kind == "P" and path not in after:
                if os.path.exists(os.path.join(pristine, path)):
                    changed += place(os.path.join(pristine, path), full)
                elif os.path.exists(full) and path not in new:
                    os.remove(full)
                    changed += 1
        for path, exists in after.items():
            full = os.path.join(tree, path)
            if exists:
                changed += place(os.path.join(work, path), full)
            elif os.path.exists(full):
                os.remove(full)
                changed += 1
        for path, here in new.items():
            full = os.path.join(tree, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            # Relative: the clone may move.
            target = os.path.relpath(here, os.path.realpath(os.path.dirname(full)))
            if os.path.islink(full) and os.readlink(full) == target:
                continue
            if os.path.lexists(full):
                os.remove(full)
            os.symlink(target, full)
            changed += 1
        os.replace(os.path.join(tree, STATE + ".new"), os.path.join(tree, STATE))
        print(f"{len(new)} new files linked, {len(after)} files patched by {len(series(version))} patches, "
              f"{changed} changed")
    finally:
        shutil.rmtree(work)


def git(tree, *args):
    return subprocess.run(["git", "-C", tree, *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def supported():
    """The versions that there are patches for, the oldest first."""
    found = [v for v in os.listdir(PATCHES) if os.path.exists(os.path.join(PATCHES, v, "kernel"))]
    return sorted(found, key=lambda v: [int(n) for n in v.split(".")])


def tree_version(tree):
    """(7, 3, 4) of a kernel tree."""
    try:
        with open(os.path.join(tree, "Makefile")) as f:
            head = f.read(400)
    except OSError:
        head = ""
    m = re.search(r"^VERSION = (\d+)\nPATCHLEVEL = (\d+)\nSUBLEVEL = (\d+)", head, re.M)
    if not m or not os.path.exists(os.path.join(tree, "MAINTAINERS")):
        raise Error(f"{tree} is not a kernel source tree")
    return tuple(int(n) for n in m.groups())


def choose(tree):
    """Which version's patches fit a tree: its own, or those of another that all apply."""
    at = tree_version(tree)
    name = f"{at[0]}.{at[1]}"
    versions = supported()
    if name in versions:
        return name
    tried = []
    # The newest first: it is what the sources are written for.
    for version in reversed(versions):
        try:
            work, _ = patched(tree, version)
        except Error as e:
            tried.append(f"  those for {version}: {str(e).splitlines()[0].rstrip(':')}")
            continue
        shutil.rmtree(work)
        print(f"{tree} is {name}, and there are patches for {' and '.join(versions)}; those for {version} apply. "
              "Nobody has built that: run the KUnit suites.")
        return version
    raise Error(f"{tree} is a {name} kernel; there are patches for {' and '.join(versions)}, and neither fit:\n"
                + "\n".join(tried))


def do_apply(tree, version=None):
    at = tree_version(tree)
    if version is None:
        version = choose(tree)
    elif f"{at[0]}.{at[1]}" != version:
        raise Error(f"{tree} is a {'.'.join(map(str, at))} kernel, and KERNEL={version}; without KERNEL= the patches are "
                    "chosen that fit")
    new = new_files(version)
    same = [p for p in new if os.path.isfile(os.path.join(tree, p))
            and filecmp.cmp(new[p], os.path.join(tree, p), shallow=False)]
    if new and len(same) == len(new):
        print(f"{tree}: already applied, nothing to do")
        return
    there = [p for p in new if os.path.lexists(os.path.join(tree, p))]
    if there:
        raise Error(f"{tree} has another version of this work ({there[0]}, ...); take that out first, "
                    "for example with git stash or git checkout")
    if git(tree, "rev-parse", "--show-toplevel").stdout.strip() == os.path.realpath(tree):
        dirty = git(tree, "status", "--porcelain", "--untracked-files=no").stdout.splitlines()
        if dirty:
            raise Error(f"{tree} has uncommitted changes ({dirty[0][3:]}, ...); commit or stash them first")
    # Everything is tried on copies before the first byte of the user's tree changes.
    work, after = patched(tree, version)
    try:
        for path, exists in after.items():
            if exists:
                place(os.path.join(work, path), os.path.join(tree, path))
            else:
                os.remove(os.path.join(tree, path))
        for path, here in new.items():
            place(here, os.path.join(tree, path))
        print(f"{tree}: {len(after)} files patched by {len(series(version))} patches, {len(new)} new files")
    finally:
        shutil.rmtree(work)


def main(argv):
    try:
        if len(argv) == 5 and argv[1] == "tree":
            do_tree(os.path.abspath(argv[2]), os.path.abspath(argv[3]), argv[4])
        elif len(argv) in (3, 4) and argv[1] == "apply":
            do_apply(os.path.abspath(argv[2]), *argv[3:])
        elif len(argv) in (4, 5) and argv[1] == "files":
            for path, here in new_files(argv[2], os.path.abspath(argv[4] if len(argv) == 5 else TOP)).items():
                place(here, os.path.join(os.path.abspath(argv[3]), path))
        elif len(argv) == 3 and argv[1] == "patches":
            print(*series(argv[2]), sep="\n")
        elif len(argv) == 3 and argv[1] == "check":
            contents(argv[2])
        else:
            print(__doc__)
            return 2
    except Error as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
