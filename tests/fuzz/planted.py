#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Proves that the fuzzers find bugs: plants each one of tests/fuzz/planted.txt in a copy of its file, links the fuzzer it is named after with
that, and runs it from the seeds of tests/fuzz/corpus.

usage: planted.py BUILD [--sample] [--seconds N] [NAME...]
  BUILD        where scripts/build has made the fuzzers (-Dfuzz=true)
  --sample     only the bugs marked so
  --seconds N  within which each must be found (60)
  NAME...      only these bugs, or those of these fuzzers

It fails when a bug does not apply any more (its old text must stand exactly once in its file; white space does not matter), does not compile,
or is not found in time. Shipping code knows nothing of this: what is planted exists in a copy, for as long as its fuzzer runs."""
import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(ROOT, "tests", "fuzz")
sys.path.insert(0, os.path.join(ROOT, "tests", "script"))
import mutate  # noqa: E402  the same list, read and applied alike

mutate.ENGINE = ROOT


def fuzzer_of(bug):
    return "fuzz_" + bug.name.split("-")[0]


def options_of(fuzzer):
    """libFuzzer's options for this one, as scripts/lib/fuzz_all gives them."""
    path = os.path.join(HERE, fuzzer + ".options")
    return open(path, encoding="utf-8").read().split() if os.path.exists(path) else []


def run(args, cwd, **kw):
    return subprocess.run(args, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False, **kw)


class Bench:
    def __init__(self, build, where):
        self.build, self.where = os.path.abspath(build), where
        self.commands = {}  # of each fuzzer, what ninja does for it

    def commands_of(self, fuzzer):
        if fuzzer not in self.commands:
            r = run(["ninja", "-t", "commands", "tests/fuzz/" + fuzzer], self.build)
            if r.returncode:
                sys.exit("%s has no fuzzer %s:\n%s" % (self.build, fuzzer, r.stdout))
            self.commands[fuzzer] = [shlex.split(c) for c in r.stdout.split("\n") if c]
        return self.commands[fuzzer]

    def link(self, bug, text):
        """The fuzzer's program with the bug in it; or what the compiler said."""
        commands = self.commands_of(fuzzer_of(bug))
        source = os.path.join(self.where, os.path.basename(bug.file))
        target = os.path.join(self.where, bug.name)
        with open(source, "w", encoding="utf-8") as f:
            f.write(text)
        compiles = [c for c in commands if "-c" in c and c[c.index("-o") + 1].startswith("tests/fuzz/")
                    and os.path.realpath(os.path.join(self.build, c[-1])) == os.path.realpath(os.path.join(ROOT, bug.file))]
        if not compiles:
            return None, "%s is not compiled for it" % bug.file

        def place(c):
            """Where what c compiles is linked: the first one counts."""
            o = c[c.index("-o") + 1]
            words = [o, os.path.dirname(o)[:-len(".p")]]
            return min(i for i, w in enumerate(commands[-1] + words) if w in words)

        c = list(min(compiles, key=place))
        at = c.index("-o") + 1
        built, c[at], c[-1] = c[at], target + ".o", source
        for flag in ("-MF", "-MQ"):
            c[c.index(flag) + 1] = target + ".d"
        c[1:1] = ["-I" + os.path.dirname(os.path.join(ROOT, bug.file)), "-w"]
        r = run(c, self.build)
        if r.returncode:
            return None, r.stdout
        # In front of the archives: the file as it is stays in there, since nobody asks for it any more.
        ln = list(commands[-1])
        ln[ln.index("-o") + 1] = target
        ln = [target + ".o" if w == built else w for w in ln]
        if target + ".o" not in ln:
            ln.insert(ln.index("-o") + 2, target + ".o")
        r = run(ln, self.build)
        return (target, None) if r.returncode == 0 else (None, r.stdout)

    def find(self, bug, program, seconds):
        """Seconds until it is found, or None."""
        grown = os.path.join(self.where, "grown")
        inputs = [grown] + [d for d in [os.path.join(HERE, "corpus", fuzzer_of(bug))] if os.path.isdir(d)]
        os.makedirs(grown, exist_ok=True)
        began = time.monotonic()
        r = run([program, "-max_total_time=%d" % seconds, "-timeout=10", "-rss_limit_mb=2048", "-seed=1", "-verbosity=0",
                 "-artifact_prefix=" + self.where + "/", *options_of(fuzzer_of(bug)), *inputs], self.where, timeout=seconds + 60)
        shutil.rmtree(grown)
        return time.monotonic() - began if r.returncode else None


def trial(bench, bug, seconds):
    """A line that says how it ended, and whether it was as it should be."""
    text = mutate.apply(bug)
    if text is None:
        return "%s: does not apply" % bug.name, False
    program, said = bench.link(bug, text)
    if not program:
        return "%s: cannot be built:\n%s" % (bug.name, said), False
    took = bench.find(bug, program, seconds)
    os.remove(program)
    if took is None:
        return "%s: NOT FOUND in %d s: %s" % (bug.name, seconds, " ".join(bug.why)), False
    return "%s: found in %.1f s" % (bug.name, took), True


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("build")
    ap.add_argument("--sample", action="store_true")
    ap.add_argument("--seconds", type=int, default=60)
    ap.add_argument("names", nargs="*")
    o = ap.parse_intermixed_args()
    bugs = mutate.parse(os.path.join(HERE, "planted.txt"))
    chosen = [b for b in bugs if (not o.sample or b.sample) and (not o.names or b.name in o.names or fuzzer_of(b) in o.names)]
    if not chosen:
        sys.exit("no planted bug is chosen by that")
    wrong = sum(mutate.apply(b) is None for b in bugs if b not in chosen)
    where = tempfile.mkdtemp(prefix="planted.")
    try:
        bench = Bench(o.build, where)
        for b in chosen:
            line, good = trial(bench, b, o.seconds)
            wrong += not good
            print(line, flush=True)
    finally:
        shutil.rmtree(where, ignore_errors=True)
    print("%d planted bugs, %d wrong" % (len(chosen), wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
