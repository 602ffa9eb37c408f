#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""attacks.py judges rows as it says, attacks.txt has each kind in each section, and coyosim refuses what it does not do.

usage: test_attacks.py COYOSIM FILE
"""
import os
import subprocess
import sys
import tempfile

import attacks

failures = 0


def check(ok, what):
    global failures
    print("%s: %s" % ("ok" if ok else "FAILED", what))
    failures += not ok


def rows_are_read():
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as f:
        f.write("# note\n[a] --nodes 9 --plain --seed 1\nswallow\nroot-old --seed 2 | bytes calm | because\n[b]\nsinkhole\n")
        f.flush()
        rows = attacks.read(f.name)
    check(rows[0] == ("a", "swallow", ["--nodes", "9", "--plain", "--seed", "1"], [], ""), "a row has its section's options")
    check(rows[1] == ("a", "root-old", ["--nodes", "9", "--plain", "--seed", "2"], ["bytes", "calm"], "because"), "its own take their place")
    check(rows[2] == ("b", "sinkhole", [], [], ""), "another section has others")


def rows_are_judged():
    held, known = ("a", "swallow", [], [], ""), ("a", "swallow", [], ["bytes"], "because")
    check(attacks.judge(held, {}, [], "") == "", "all bounds hold")
    check("bytes" in attacks.judge(held, {}, ["bytes"], ""), "a broken bound fails the row")
    check(attacks.judge(known, {}, ["bytes"], "") == "", "one that is known not to hold does not")
    check("calm" in attacks.judge(known, {}, ["bytes", "calm"], ""), "another one beside it does")
    check("holds now" in attacks.judge(known, {}, [], ""), "a known one that begins to hold fails the row")
    check(attacks.judge(held, None, [], "words") == "words", "a run that ended badly fails the row")


def every_kind_has_its_rows(coyosim, path):
    text = subprocess.run([coyosim, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    rows = attacks.read(path)
    for section in ("default", "long"):
        kinds = [r[1] for r in rows if r[0] == section]
        check(len(set(kinds)) == 9, "%s has a row for each of nine kinds" % section)
        check(all(kind in text for kind in kinds), "--help knows those of %s" % section)
    check(all(bool(r[3]) == bool(r[4]) for r in rows), "who names bounds that do not hold says why")


def refused(coyosim, options, said):
    r = subprocess.run([coyosim, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    check(r.returncode == 2 and said in r.stderr, "coyosim %s: %s" % (" ".join(options), r.stderr.strip()))


def main():
    coyosim, path = sys.argv[1:]
    rows_are_read()
    rows_are_judged()
    every_kind_has_its_rows(os.path.abspath(coyosim), path)
    refused(coyosim, ["attack", "--nodes", "5"], "--attack KIND")
    refused(coyosim, ["attack", "--attack", "nonsense"], "cannot be 'nonsense'")
    refused(coyosim, ["attack", "--attack", "none"], "cannot be 'none'")
    refused(coyosim, ["converge", "--nodes", "5", "--colluders", "0.1"], "not for converge")
    refused(coyosim, ["lookup", "--nodes", "5", "--paths", "2"], "cannot be '2'")
    print("%d failed" % failures)
    return failures != 0


sys.exit(main())
