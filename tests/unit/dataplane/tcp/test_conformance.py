#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Holds dataplane/tcp/CONFORMANCE.md against the tree: every label of RFC 9293 once, every file, function and script named is there.

usage: test_conformance.py [--summary]     (--summary: prints the line that the table should have)
"""
import collections
import os
import re
import sys

ROOT = os.path.dirname(os.path.abspath(__file__)).split("/tests/unit/")[0]
PAGE = os.path.join(ROOT, "dataplane", "tcp", "CONFORMANCE.md")
ENGINE = os.path.join(ROOT, "dataplane", "tcp")
UNITS = os.path.join(ROOT, "tests", "unit", "dataplane", "tcp")
SCRIPTS = os.path.join(ROOT, "tests", "script", "tcp")
LABELS = {"MUST": 69, "SHLD": 31, "MAY": 18, "REC": 1}
RFCS = set("7323 2018 2883 6675 8985 6298 5682 9438 9406 9937 6928 3168 5961 6528 5482 1122 6691 5681 6429 4987".split())
STATES = ("met", "n/a", "not taken", "not met")
NAME = re.compile(r"`([\w./-]+\.(?:c|h|tcp))(?::(\w+))?`")
problems = []


def bad(row, text):
    problems.append("%s: %s" % (row, text))


def read(path):
    with open(path) as f:
        return f.read()


def table(text, columns):
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.split("\n") if line.startswith("|")]
    for r in rows:
        if len(r) != columns:
            bad(r[0].strip(), "%d columns in place of %d" % (len(r), columns))
    return [[c.strip() for c in r] for r in rows[2:] if len(r) == columns]


def defined(path, name):
    """A function or object defined in a .c file; anything declared in a header."""
    text = re.sub(r"/\*.*?\*/", " ", read(path), flags=re.S)
    if path.endswith(".h"):
        return re.search(r"\b%s\b" % name, text) is not None
    return re.search(r"^[A-Za-z_][^;{}=]*?\b%s\s*(\([^;{}]*\)\s*\{|(\[\w*\])*\s*=)" % name, text, flags=re.M | re.S) is not None


def check(row, file, name):
    if file.endswith(".tcp"):
        path = os.path.join(SCRIPTS, file)
    elif file.startswith("tests/"):
        path = os.path.join(ROOT, file)
    else:
        path = os.path.join(UNITS if file.startswith("test_") else ENGINE, file)
    if not os.path.exists(path):
        bad(row, "there is no " + os.path.relpath(path, ROOT))
    elif name and not defined(path, name):
        bad(row, "%s does not define %s" % (file, name))
    elif name and file.startswith("test_") and not re.search(r"cmocka_unit_test(\w*)\(%s\b" % name, read(path)):
        bad(row, "%s does not run %s" % (file, name))


def names(row, cell):
    found = NAME.findall(cell)
    for file, name in found:
        check(row, file, name)
    return found


def labels(text):
    seen = collections.Counter()
    count = collections.Counter()
    for label, what, state, where, test in table(text, 5):
        seen[label] += 1
        kind, _, reason = state.partition(":")
        count[kind] += 1
        if kind not in STATES:
            bad(label, "unknown state " + kind)
        if not what:
            bad(label, "no requirement")
        if kind in ("n/a", "not met") and not reason.strip():
            bad(label, "%s without a reason" % kind)
        if kind == "not taken" and not label.startswith("MAY"):
            bad(label, "only a MAY can be left")
        names(label, state)
        places, tests = names(label, where), names(label, test)
        if kind == "met" and (not places or not tests):
            bad(label, "met, but where or which test is missing")
        if any(f.endswith(".tcp") or f.startswith("test") for f, _ in places):
            bad(label, "a test in the column of places")
        if any(not (f.endswith(".tcp") or f.startswith("test_")) for f, _ in tests):
            bad(label, "not a test in the column of tests")
    for kind, n in LABELS.items():
        for i in range(1, n + 1):
            label = "%s-%d" % (kind, i)
            if seen.pop(label, 0) != 1:
                bad(label, "must stand there once")
    for label in seen:
        bad(label, "RFC 9293 has no such label")
    return "Of the %d labelled requirements of RFC 9293: %s." % (
        sum(LABELS.values()), ", ".join("%d %s" % (count[s], s) for s in STATES))


def others(text):
    seen = collections.Counter()
    for rfc, _, where, test, deviations in table(text, 5):
        seen[rfc] += 1
        if not names(rfc, where) or not names(rfc, test) or not deviations:
            bad(rfc, "where, test and deviations belong there")
        names(rfc, deviations)
    for rfc in RFCS | set(seen):
        if seen[rfc] != 1 or rfc not in RFCS:
            bad(rfc, "must stand there once, and only those asked for")


def main():
    text = read(PAGE)
    first, second = text.split("\n## The other RFCs\n")
    intro, first = first.split("\n## RFC 9293\n")
    summary = labels(first)
    prose = "\n".join(line for line in first.split("\n") if not line.startswith("|"))
    names("deviations", prose)
    others(second)
    if "--summary" in sys.argv[1:]:
        print(summary)
        return 0
    if summary not in intro:
        bad("summary", "should be: " + summary)
    for p in problems:
        print(p)
    print("%d problems" % len(problems) if problems else summary)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
