#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Export the work as series of mails for git am.

  series.py PRISTINE TREE VERSION OUT [BASE]

PRISTINE is an unpatched kernel source, TREE the same with our work laid over it (overlay.py tree), OUT the folder to
write; BASE a line about what the first series is for. Author and Signed-off-by are those of git config user.name and
user.email. Dates come from the last commit here (or SOURCE_DATE_EPOCH), so that the same input gives the same mails.
TRAILERS=FILE in the environment: lines such as "Tested-by: ..." that go below the Signed-off-by of each mail.

OUT gets a folder for each part of drivers-base-patches/series, in the order in which they are sent. Each cover
letter, and each mail of a part without one, has the people in To: and Cc: that scripts/get_maintainer.pl names.

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
import bench  # noqa: E402
import overlay  # noqa: E402
from overlay import Error, TOP  # noqa: E402

COVERS = os.path.join(TOP, "drivers-base-patches", "cover")
# What a maintainer takes in one go.
MAILS_MAX = 15


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


def lines(repo, since, *paths):
    """(added, deleted) lines in these paths since a commit."""
    added = deleted = 0
    for line in repo.git("diff", "--numstat", since, "HEAD", "--", *paths).splitlines():
        a, d, _ = line.split("\t")
        added, deleted = added + int(a), deleted + int(d)
    return added, deleted


def measured(what):
    """A count of bench/baseline.json, "NAME" or "NAME N", as 'stock -> patched' of each kernel."""
    name, _, n = what.partition(" ")
    found = []
    for kernel, counts in bench.by_kernel(bench.load(os.path.join(TOP, "bench", "baseline.json"))).items():
        values = bench.select(counts, name, int(n) if n else None)
        if "stock" in values and "ours" in values:
            found.append(f"{values['stock']:,.0f} -> {values['ours']:,.0f} ({kernel})")
    if not found:
        raise Error(f"bench/baseline.json has no count '{what}', which a cover letter quotes")
    return ", ".join(found)


def letter(name):
    """(subject, text) of a cover letter, or None."""
    path = os.path.join(COVERS, name + ".txt")
    if not os.path.exists(path):
        return None
    with open(path) as f:
        head, text = f.read().split("\n\n", 1)
    return re.sub(r"^Subject: ", "", head), text.rstrip("\n")


def fill(text, name, repo, since, old, new):
    """The text of a cover letter with its numbers."""
    code = [p for p in old if not p.startswith("Documentation/") and p != "MAINTAINERS"]

    def some(prefix):
        return str(lines(repo, since, prefix)[0])
    values = {
        "MAILS": repo.git("rev-list", "--count", f"{since}..HEAD").strip(),
        "CODE_ADDED": str(lines(repo, since, *code)[0]),
        "CODE_DELETED": str(lines(repo, since, *code)[1]),
        "NEW_ADDED": str(lines(repo, since, *new)[0]),
        "TEST_ADDED": some("lib/resmgr/tests/"),
        "SAMPLE_ADDED": some("samples/"),
        "DOC_ADDED": some("Documentation/"),
    }

    def value(m):
        if m.group(1) not in values:
            raise Error(f"drivers-base-patches/cover/{name}.txt: what is @{m.group(1)}@?")
        return values[m.group(1)]
    text = re.sub(r"@MEASURED\(([^@]+)\)@", lambda m: measured(m.group(1)), text)
    return re.sub(r"@([A-Z_]+)@", value, text)


def recipients(tree, mails):
    """Header lines with whom to send these mails to."""
    run = subprocess.run(["perl", "scripts/get_maintainer.pl", "--no-git", "--no-git-fallback", "--rolestats", *mails],
                         cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if run.returncode:
        raise Error(f"get_maintainer.pl: {(run.stderr or run.stdout).strip()}")
    to, cc = [], []
    for line in run.stdout.splitlines():
        # A role can have parentheses in it, an address not.
        who, _, role = line.partition(" (")
        (to if re.match(r"maintainer|supporter", role) else cc).append(who)
    if not to:      # A list has to do.
        to, cc = cc[:1], cc[1:]
    return "".join(f"{k}: " + ",\n\t".join(v) + "\n" for k, v in (("To", to), ("Cc", cc)) if v)


def address(path, tree, mails):
    """Write whom a mail goes to below its subject."""
    head, body = read(path).decode().split("\n\n", 1)
    write(path, f"{head}\n{recipients(tree, mails)}\n{body}".encode())


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
        raise Error(f"drivers-base-patches/series is empty")
    new = overlay.new_files(version)
    old = sorted(set().union(*(overlay.sections(m.patch) for m, _ in parts)) - set(new))
    when = date()

    trailers = []
    if os.environ.get("TRAILERS"):
        with open(os.environ["TRAILERS"]) as f:
            trailers = [line for line in f.read().splitlines() if line.strip()]

    repo = Repo(os.path.join(work, "series"), name, email, when)
    repo.base(pristine, old)
    named = []          # (name of the part, commit before it), in order
    based = {m.part: m.base for m, _ in parts}
    for mail, files in parts:
        if not named or named[-1][0] != mail.part:
            if mail.part in dict(named):
                raise Error(f"drivers-base-patches/series has two parts [{mail.part}]")
            named.append((mail.part, repo.git("rev-parse", "HEAD").strip()))
        short = os.path.relpath(mail.patch, TOP)
        if overlay.sections(mail.patch):
            try:
                repo.git("apply", "--whitespace=nowarn", mail.patch)
            except Error as e:
                raise Error(f"{short} does not apply after the mails before it: {e}") from None
        for path, data in files.items():
            write(os.path.join(repo.folder, path), data)
        subject, body = message(mail.patch)
        signed = "\n".join([f"Signed-off-by: {name} <{email}>", *trailers])
        # Fixes: and the like belong to the block that Signed-off-by ends.
        gap = "\n" if re.search(r"^[A-Z][a-z-]+(?:-by|es)?: [^\n]*$", body.splitlines()[-1]) else "\n\n"
        try:
            repo.commit(f"{subject}\n\n{body}{gap}{signed}\n")
        except Error as e:
            raise Error(f"{short} changes nothing: {e}") from None
    end = repo.git("rev-parse", "HEAD").strip()
    compare(repo.folder, tree, set(new) | set(old), "the series")

    out_of = os.path.join(work, "mails")
    said = []
    for i, (part, since) in enumerate(named):
        until = named[i + 1][1] if i + 1 < len(named) else end
        folder = os.path.join(out_of, f"{i + 1:02}-{part}")
        cover = letter(part)
        repo.git("checkout", "-q", until)
        count = int(repo.git("rev-list", "--count", f"{since}..HEAD"))
        said.append(f"{part} {count}")
        if cover and count > MAILS_MAX:
            raise Error(f"the series {part} has {count} mails; {MAILS_MAX} are what a maintainer takes")
        repo.git("format-patch", "-q", *(["-n", "--cover-letter"] if cover else ["-N"]), "--zero-commit", "--no-signature",
                 "--no-thread", "--stat=72", "-o", folder, since)
        mails = sorted(glob.glob(os.path.join(folder, "*.patch")))
        before, at = [], based[part]
        while at:
            before[:0] = [letter(at)[0]] if letter(at) else []
            at = based[at]
        on = base if not before else f"{base}\nOn top of: " + "\n           ".join(f'"{b}"' for b in before)
        if not cover:
            for mail in mails:
                text = read(mail).decode()
                if before:
                    text = text.replace("\n---\n", f"\n---\n{on}\n\n", 1)
                write(mail, text.encode())
                address(mail, tree, [mail])
            continue
        first, mails = mails[0], mails[1:]
        text = read(first).decode().replace("*** SUBJECT HERE ***", cover[0])
        text = text.replace("*** BLURB HERE ***", fill(cover[1], part, repo, since, old, list(new)) + f"\n\n{on}")
        write(first, text.encode())
        address(first, tree, mails)

    # What a maintainer does.
    check = Repo(os.path.join(work, "check"), name, email, when)
    check.base(pristine, old)
    patches = sorted(p for p in glob.glob(os.path.join(out_of, "*", "*.patch")) if not p.endswith("/0000-cover-letter.patch"))
    check.git("am", "-q", *patches)
    compare(check.folder, tree, set(new) | set(old), "git am")

    shutil.rmtree(out, ignore_errors=True)
    shutil.move(out_of, out)
    return f"{len(patches)} mails ({', '.join(said)})"


def main(argv):
    if len(argv) not in (5, 6):
        print(__doc__)
        return 2
    pristine, tree, version, out = argv[1:5]
    work = tempfile.mkdtemp(prefix="resmgr-export-")
    try:
        said = export(os.path.abspath(pristine), os.path.abspath(tree), version, os.path.abspath(out),
                      argv[5] if len(argv) == 6 else f"Base: Linux {version}", work)
        print(f"{said}; git am gives the same tree as the overlay")
    except Error as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
