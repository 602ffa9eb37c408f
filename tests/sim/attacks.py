#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Attacks in the simulator, each held to its bounds.

usage: attacks.py COYOSIM FILE SECTION [KIND]   runs the rows of a section of FILE (of one kind), and says which bounds hold
       attacks.py --table COYOSIM FILE SECTION   prints the figures as a table for RESULTS.md

A row may name bounds that are known not to hold. It fails when any other one is broken, and when one of those begins to hold.
"""
import concurrent.futures
import json
import os
import subprocess
import sys

BOUNDS = ("--min-delivered", "0.99"), ("--max-bytes-ratio", "2"), ("--calm-s", "60")


def read(path):
    """The file's rows: (section, kind, options, bounds that do not hold, why)."""
    rows, section, common = [], "", []
    with open(path, encoding="utf-8") as f:
        for line in f:
            line = line.split("#")[0].strip()
            if line.startswith("["):
                section, rest = line[1:].split("]")
                common = rest.split()
            elif line:
                what, _, rest = line.partition("|")
                broken, _, why = rest.partition("|")
                kind, *options = what.split()
                rows.append((section, kind, options_of(common, options), broken.split(), why.strip()))
    return rows


def options_of(common, own):
    """Both as one list; an option of the row takes the place of the section's."""
    words, at = [], 0
    while at < len(common):
        size = 2 if at + 1 < len(common) and not common[at + 1].startswith("--") else 1
        if common[at] not in own:
            words += common[at:at + size]
        at += size
    return words + own


def run(coyosim, row):
    """The document that coyosim printed (None: it failed altogether), the bounds that were broken, its last words."""
    _, kind, options, _, _ = row
    command = [coyosim, "attack", "--attack", kind, "--json", *options]
    for name, value in BOUNDS:
        if name not in options:
            command += [name, value]
    r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    broken = [line.split()[2].rstrip(":") for line in r.stderr.splitlines() if line.startswith("coyosim: bound ")]
    document = json.loads(r.stdout) if r.stdout and r.returncode in (0, 1) else None
    return document, broken, r.stderr.strip().split("\n")[-1] or "status %d" % r.returncode


def show(value, factor=1.0, digits=2):
    return "never" if value is None else "%.*f" % (digits, value * factor)


def figures(d):
    return "delivered %s %% (worst 10 s %s %%), control bytes x %s, calm after %s s, %s roots, %d lies, %.1f s" % (
        show(d["delivered_mean"], 100), show(d["delivered_min"], 100), show(d["control_bytes_ratio"]), show(d["calm_s"], 1, 0),
        show(d["roots"], 1, 0), d["lies"], d["wall_s"])


def judge(row, document, broken, words):
    """What is wrong with a run, or an empty text."""
    _, _, _, expected, _ = row
    if document is None:
        return words
    wrong = ["%s does not hold" % b for b in broken if b not in expected]
    wrong += ["%s holds now: take it out of the row" % b for b in expected if b not in broken]
    return "; ".join(wrong)


def table(rows, results):
    print("| attack | network | delivered, worst 10 s | control bytes, ratio | roots at a time | calm after | bounds that do not hold |")
    print("|---|---|---|---|---|---|---|")
    for row, (d, broken, words) in zip(rows, results):
        if d is None:
            print("| %s | %s |" % (row[1], words))
            continue
        print("| %s | %s %d, seed %d, %d captured | %s %%, %s %% | %s | %s | %s | %s |" % (
            row[1], d["topology"], d["nodes"], d["seed"], d["attackers"], show(d["delivered_mean"], 100), show(d["delivered_min"], 100, 1),
            show(d["control_bytes_ratio"]), show(d["roots"], 1, 0), "never" if d["calm_s"] is None else "%.0f s" % d["calm_s"],
            ", ".join(broken) or "none"))


def main():
    args = sys.argv[1:]
    as_table = bool(args) and args[0] == "--table"
    if as_table:
        args.pop(0)
    if len(args) not in (3, 4):
        print(__doc__.strip())
        return 0 if args == ["--help"] else 2
    coyosim, path, section = args[:3]
    rows = [r for r in read(path) if r[0] == section and (len(args) == 3 or r[1] == args[3])]
    with concurrent.futures.ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        results = list(pool.map(lambda row: run(coyosim, row), rows))
    if as_table:
        table(rows, results)
        return 0
    failed = 0
    for row, (document, broken, words) in zip(rows, results):
        wrong = judge(row, document, broken, words)
        failed += bool(wrong)
        print("%s: %s %s%s" % ("FAILED" if wrong else "ok", row[1], " ".join(row[2]), ": " + wrong if wrong else ""))
        if document:
            print("    " + figures(document))
        for bound in (b for b in broken if b in row[3]):
            print("    expected: %s does not hold: %s" % (bound, row[4]))
    if not rows:
        print("attacks.py: no such rows in %s" % path)
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
