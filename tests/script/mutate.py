#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Proves that the scripts notice when the engine breaks: applies each seeded mutation of tests/script/mutations.txt to dataplane/tcp, one at a
time, and runs every script against the result.

usage: mutate.py [--apply | --sample] [--jobs N] [--matrix FILE] [--keep DIR] [NAME...]
  --apply    only whether each still applies: nothing is compiled
  --sample   only the mutations marked so, and no proof for each script (for a quick run); all are still applied. Each only
             until one script fails, unless the matrix is wanted
  --jobs N   at once (2)
  --matrix   writes what killed what
  --keep     where to compile (default: a temporary directory)
  NAME...    only these mutations

It fails when
- a NAME is no mutation's, or --sample is given and it is not in the sample;
- a mutation does not apply any more: its old text must stand exactly once in its file (white space does not matter);
- a mutation survives: no script fails;
- a script is killed by no mutation that is fine: one that kills more than one script in 25 (a broken handshake, a timer that never
  fires) proves nothing about any of them.
"""
import argparse
import collections
import concurrent.futures
import difflib
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ENGINE = os.path.join(ROOT, "dataplane", "tcp")
HERE = os.path.join(ROOT, "tests", "script")
SCRIPTS = os.path.join(HERE, "tcp")
# Without the engine's own assertions: it is the scripts that must notice.
FLAGS = ["-std=gnu11", "-O1", "-D_GNU_SOURCE", "-DNDEBUG", "-fno-strict-aliasing", "-w"]
COARSE = 25
SECONDS = 120

Mutation = collections.namedtuple("Mutation", "name file sample why old new line")


def parse(path):
    """[name] file [sample], then a line of why, then `- ` lines of old and `+ ` lines of new text."""
    out, cur = [], None
    for n, line in enumerate(open(path, encoding="utf-8"), 1):
        line = line.rstrip("\n")
        m = re.match(r"\[([\w-]+)\] (\S+\.[ch])( sample)?$", line)
        if m:
            cur = Mutation(m.group(1), m.group(2), bool(m.group(3)), [], [], [], n)
            out.append(cur)
        elif not line or line.startswith("#"):
            continue
        elif cur is None:
            sys.exit("%s:%d: text before the first mutation" % (path, n))
        elif line.startswith("-"):
            cur.old.append(line[2:])
        elif line.startswith("+"):
            cur.new.append(line[2:])
        else:
            cur.why.append(line)
    names = [m.name for m in out]
    for m in out:
        if names.count(m.name) > 1 or not m.old or not m.why:
            sys.exit("%s:%d: [%s] is named twice, or says not what it replaces or why" % (path, m.line, m.name))
    return out


def choose(mutations, names, sample):
    """The mutations of these names (none: all), of the sample alone where it is wanted. A name that chooses nothing ends the run: it would prove nothing."""
    known = sorted(m.name for m in mutations)
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 3, 0.5) or [n for n in known if name in n][:3]
            sys.exit("no mutation has the name %s; %s" % (name, "near it: " + ", ".join(near) if near else "tests/script/mutations.txt has the names"))
    chosen = [m for m in mutations if (not names or m.name in names) and (m.sample or not sample)]
    left = sorted(set(names) - {m.name for m in chosen})
    if left or not chosen:
        sys.exit("not in the sample: %s; leave --sample out" % (", ".join(left) or "any mutation"))
    return chosen


def apply(m):
    """The file's text with the mutation, or None."""
    text = open(os.path.join(ENGINE, m.file), encoding="utf-8").read()
    pattern = r"\s+".join(re.escape(w) for w in "\n".join(m.old).split())
    found = list(re.finditer(r"(?<![\w.])" + pattern, text))
    if len(found) != 1:
        print("mutation %s (mutations.txt:%d) does not apply: its old text stands %d times in %s" % (m.name, m.line, len(found), m.file))
        return None
    return text[:found[0].start()] + "\n".join(m.new) + text[found[0].end():]


def run(args, **kw):
    return subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False, **kw)


def compile_one(source, target, first_include=None):
    includes = ["-I" + d for d in ([first_include] if first_include else []) + [os.path.join(ROOT, "dataplane"), os.path.join(ROOT, "common"), HERE]]
    r = run(["cc", *FLAGS, *includes, "-c", source, "-o", target])
    return None if r.returncode == 0 else r.stdout


class Bench:
    def __init__(self, where, options):
        self.where = where
        self.options = options  # tcpscript's
        self.engine = sorted(glob.glob(os.path.join(ENGINE, "*.c")))
        self.runner = sorted(glob.glob(os.path.join(HERE, "*.c"))) + [os.path.join(ROOT, "tests", "sim", "tcpcheck.c")]

    def object_of(self, source):
        return os.path.join(self.where, os.path.basename(os.path.dirname(source)) + "_" + os.path.basename(source)[:-2] + ".o")

    def prepare(self, jobs):
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for err in pool.map(lambda s: compile_one(s, self.object_of(s)), self.engine + self.runner):
                if err:
                    sys.exit("the engine as it is does not compile:\n" + err)
        good, bad = self.judge(self.link({}, os.path.join(self.where, "tcpscript")))
        if bad or not good:
            sys.exit("these fail against the engine as it is:\n" + "\n".join(sorted(bad)))
        return good

    def link(self, replaced, target):
        objects = [replaced.get(s, self.object_of(s)) for s in self.engine + self.runner]
        r = run(["cc", "-o", target, *objects])
        if r.returncode:
            sys.exit("cannot link:\n" + r.stdout)
        return target

    def judge(self, program):
        """(good, bad) names of scripts."""
        try:
            out = run([program, "--isolate", "--results", *self.options, SCRIPTS], timeout=SECONDS).stdout
        except subprocess.TimeoutExpired as e:
            out = e.stdout.decode() if isinstance(e.stdout, bytes) else e.stdout or ""
        good, bad = set(), set()
        for line in out.split("\n"):
            word, _, path = line.partition(" ")
            if word in ("ok", "FAILED"):
                (good if word == "ok" else bad).add(os.path.relpath(path, SCRIPTS)[:-4])
        return good, bad

    def mutant(self, m, text):
        """Names of the scripts that fail, or a string: it did not compile."""
        d = os.path.join(self.where, "m_" + m.name)
        os.makedirs(os.path.join(d, "tcp"), exist_ok=True)
        path = os.path.join(d, "tcp", m.file)
        open(path, "w", encoding="utf-8").write(text)
        sources = [path] if m.file.endswith(".c") else self.engine
        replaced = {}
        for s in sources:
            target = os.path.join(d, os.path.basename(s)[:-2] + ".o")
            err = compile_one(s, target, d if m.file.endswith(".h") else None)
            if err:
                return err
            replaced[s if s != path else os.path.join(ENGINE, m.file)] = target
        good, bad = self.judge(self.link(replaced, os.path.join(d, "tcpscript")))
        shutil.rmtree(d)
        return bad | (self.all - good)

    all = frozenset()


def report(killed_by, matrix, total):
    if not matrix:
        return
    with open(matrix, "w", encoding="utf-8") as f:
        killers = collections.defaultdict(list)
        for name, bad in sorted(killed_by.items()):
            f.write("mutation %s kills %d: %s\n" % (name, len(bad), " ".join(sorted(bad))))
            if len(bad) <= total // COARSE:
                for s in bad:
                    killers[s].append(name)
        for s in sorted(killers):
            f.write("script %s is killed by %d: %s\n" % (s, len(killers[s]), " ".join(killers[s])))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    only = ap.add_mutually_exclusive_group()
    only.add_argument("--apply", action="store_true")
    only.add_argument("--sample", action="store_true")
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--matrix")
    ap.add_argument("--keep")
    ap.add_argument("names", nargs="*")
    o = ap.parse_args()
    mutations = parse(os.path.join(HERE, "mutations.txt"))
    chosen = choose(mutations, o.names, o.sample)
    texts = {m.name: apply(m) for m in mutations}
    wrong = sum(t is None for t in texts.values())
    chosen = [m for m in chosen if texts[m.name] is not None]
    if o.apply:
        print("%d mutations, %d of them do not apply any more" % (len(mutations), wrong))
        return 1 if wrong else 0
    where = o.keep or tempfile.mkdtemp(prefix="mutate.")
    os.makedirs(where, exist_ok=True)
    quick = o.sample and not o.matrix  # that a fault is noticed, not by which scripts
    killed_by = {}
    try:
        bench = Bench(where, ["--first"] if quick else [])
        bench.all = frozenset(bench.prepare(o.jobs))
        with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
            for m, bad in zip(chosen, pool.map(lambda m: bench.mutant(m, texts[m.name]), chosen)):
                if isinstance(bad, str):
                    print("mutation %s (mutations.txt:%d) does not compile:\n%s" % (m.name, m.line, bad))
                    wrong += 1
                    continue
                killed_by[m.name] = bad
                if not bad:
                    print("mutation %s (mutations.txt:%d) survives: %s" % (m.name, m.line, " ".join(m.why)))
                    wrong += 1
    finally:
        if not o.keep:
            shutil.rmtree(where, ignore_errors=True)
    report(killed_by, o.matrix, len(bench.all))
    fine = {s for bad in killed_by.values() if len(bad) <= len(bench.all) // COARSE for s in bad}
    if not o.sample and not o.names:
        for s in sorted(bench.all - fine):
            print("script %s is killed by no mutation" % s)
            wrong += 1
    if quick:
        print("%d mutations of the sample, each noticed by a script unless named above; %d scripts, %d wrong" % (len(killed_by), len(bench.all), wrong))
        return 1 if wrong else 0
    coarse = sum(len(b) > len(bench.all) // COARSE for b in killed_by.values())
    print("%d mutations (%d of them coarse), %d scripts, %d of them killed by a fine one, %d wrong"
          % (len(killed_by), coarse, len(bench.all), len(fine), wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
