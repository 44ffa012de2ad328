#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Export the work as a series of mails for git am.

  series.py PRISTINE TREE VERSION OUT [BASE]

PRISTINE is an unpatched kernel source, TREE the same with our work laid over it (overlay.py tree), OUT the folder to
write; BASE a line about what the series is for. Author and Signed-off-by are those of git config user.name and
user.email. Dates come from the last commit here (or SOURCE_DATE_EPOCH), so that the same input gives the same mails.

The mails are made by git, in a repository of the touched and the new files alone. At the end they are applied with
git am to pristine files, and what comes out has to be TREE, byte for byte.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import overlay  # noqa: E402
from overlay import Error, TOP  # noqa: E402

COVER = os.path.join(TOP, "drivers-base-patches", "cover-letter.txt")


def message(patch):
    """(subject, body) of a patch file: a mail, with or without changes."""
    with open(patch) as f:
        text = f.read()
    head, _, rest = text.partition("\n\n")
    m = re.search(r"^Subject: (.*(?:\n[ \t].*)*)", head, re.M)
    if not m:
        raise Error(f"{os.path.relpath(patch, TOP)} has no Subject")
    body = re.split(r"^(?:---|diff --git .*)$", rest, maxsplit=1, flags=re.M)[0].strip("\n")
    if not body:
        raise Error(f"{os.path.relpath(patch, TOP)} says nothing but its subject")
    return re.sub(r"\n[ \t]+", " ", m.group(1)), body


class Repo:
    """A git repository that nothing outside of it has a say in."""
    def __init__(self, folder, name, email, when):
        self.folder = folder
        self.when = when
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        self.env.update(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1", LC_ALL="C", TZ="UTC",
                        GIT_AUTHOR_NAME=name, GIT_AUTHOR_EMAIL=email,
                        GIT_COMMITTER_NAME=name, GIT_COMMITTER_EMAIL=email)
        os.makedirs(folder)
        self.git("init", "-q", "-b", "series")
        for option in ("core.autocrlf=false", "core.abbrev=12", "gc.auto=0", "diff.algorithm=histogram"):
            self.git("config", *option.split("="))

    def git(self, *args, data=None):
        env = dict(self.env, GIT_AUTHOR_DATE=f"{self.when} +0000", GIT_COMMITTER_DATE=f"{self.when} +0000")
        run = subprocess.run(["git", *args], cwd=self.folder, env=env, input=data, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if run.returncode:
            raise Error(f"git {args[0]}: " + "; ".join((run.stderr or run.stdout).strip().splitlines()))
        return run.stdout

    def commit(self, text, *options):
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "-F", "-", *options, data=text)
        self.when += 60

    def base(self, pristine, paths):
        """The first commit: the files that the series touches, as they were."""
        for path in paths:
            old = os.path.join(pristine, path)
            if os.path.exists(old):
                write(os.path.join(self.folder, path), read(old))
        self.commit("base\n", "--allow-empty")
        self.git("tag", "base")


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def identity():
    values = []
    for key in ("user.name", "user.email"):
        run = subprocess.run(["git", "config", key], cwd=TOP, stdout=subprocess.PIPE, text=True)
        if run.returncode or not run.stdout.strip():
            raise Error(f"git config {key} is not set; it becomes the author and the Signed-off-by of the mails")
        values.append(run.stdout.strip())
    return values


def date():
    if os.environ.get("SOURCE_DATE_EPOCH"):
        return int(os.environ["SOURCE_DATE_EPOCH"])
    out = overlay.git(TOP, "log", "-1", "--format=%ct").stdout.strip()
    return int(out or 0) or 1767225600


def lines(repo, *paths):
    """(added, deleted) lines by the series in these paths."""
    added = deleted = 0
    for line in repo.git("diff", "--numstat", "base", "HEAD", "--", *paths).splitlines():
        a, d, _ = line.split("\t")
        added, deleted = added + int(a), deleted + int(d)
    return added, deleted


def cover(repo, old, new, base):
    """(subject, text) of the cover letter."""
    with open(COVER) as f:
        head, text = f.read().split("\n\n", 1)
    subject = re.sub(r"^Subject: ", "", head)
    code = [p for p in old if not p.startswith("Documentation/") and p != "MAINTAINERS"]

    def some(prefix):
        paths = [p for p in new if p.startswith(prefix)]
        return str(lines(repo, *paths)[0]) if paths else "0"
    values = {
        "CODE_ADDED": str(lines(repo, *code)[0]),
        "CODE_DELETED": str(lines(repo, *code)[1]),
        "NEW_ADDED": str(lines(repo, *new)[0]),
        "TEST_ADDED": some("lib/resmgr/tests/"),
        "SAMPLE_ADDED": some("samples/"),
        "DOC_ADDED": some("Documentation/"),
        "BASE": base,
    }
    text = re.sub(r"@([A-Z_]+)@", lambda m: values[m.group(1)], text)
    return subject, text.rstrip("\n")


def compare(folder, tree, paths, what):
    """Are these files, and no others, in folder, and are they as in tree?"""
    have = set()
    for at, dirs, names in os.walk(folder):
        if at == folder:
            dirs.remove(".git")
        have |= {os.path.relpath(os.path.join(at, n), folder) for n in names}
    want = {p for p in paths if os.path.exists(os.path.join(tree, p))}
    for path in sorted(have ^ want):
        raise Error(f"{what} has{' no' if path in want else ''} {path}, which the overlay has"
                    f"{'' if path in want else ' not'}")
    for path in sorted(want):
        if read(os.path.join(folder, path)) != read(os.path.join(tree, path)):
            raise Error(f"{what} gives another {path} than the overlay")


def export(pristine, tree, version, out, base, work):
    name, email = identity()
    parts = overlay.contents(version)
    if not parts:
        raise Error(f"drivers-base-patches/{version}/series is empty")
    new = overlay.new_files(version)
    old = sorted(set().union(*(overlay.touched(m.patch) for m, _ in parts)))
    when = date()

    repo = Repo(os.path.join(work, "series"), name, email, when)
    repo.base(pristine, old)
    for mail, files in parts:
        short = os.path.relpath(mail.patch, TOP)
        if overlay.touched(mail.patch):
            try:
                repo.git("apply", "--whitespace=nowarn", mail.patch)
            except Error as e:
                raise Error(f"{short} does not apply after the mails before it: {e}") from None
        for path, without in files.items():
            data = read(new[path])
            if without:
                data = overlay.reduce(data.decode(), without).encode()
            write(os.path.join(repo.folder, path), data)
        subject, body = message(mail.patch)
        try:
            repo.commit(f"{subject}\n\n{body}\n", "-s")
        except Error as e:
            raise Error(f"{short} changes nothing: {e}") from None
    compare(repo.folder, tree, set(new) | set(old), "the series")

    mails = os.path.join(work, "mails")
    repo.git("format-patch", "-q", "-n", "--cover-letter", "--zero-commit", "--no-signature", "--no-thread",
             "--stat=72", "-o", mails, "base")
    first = os.path.join(mails, "0000-cover-letter.patch")
    subject, text = cover(repo, old, list(new), base)
    letter = read(first).decode()
    letter = letter.replace("*** SUBJECT HERE ***", subject).replace("*** BLURB HERE ***", text)
    write(first, letter.encode())

    # What a maintainer does.
    check = Repo(os.path.join(work, "check"), name, email, when)
    check.base(pristine, old)
    patches = sorted(p for p in glob.glob(os.path.join(mails, "*.patch")) if p != first)
    check.git("am", "-q", *patches)
    compare(check.folder, tree, set(new) | set(old), "git am")

    shutil.rmtree(out, ignore_errors=True)
    shutil.move(mails, out)
    return len(patches)


def main(argv):
    if len(argv) not in (5, 6):
        print(__doc__)
        return 2
    pristine, tree, version, out = argv[1:5]
    work = tempfile.mkdtemp(prefix="resmgr-export-")
    try:
        n = export(os.path.abspath(pristine), os.path.abspath(tree), version, os.path.abspath(out),
                   argv[5] if len(argv) == 6 else f"Base: Linux {version}", work)
        print(f"{n} patches and a cover letter; git am gives the same tree as the overlay")
    except Error as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
