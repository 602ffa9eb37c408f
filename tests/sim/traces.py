#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Simulations whose whole course is known: each row of a file names one run of coyosim and the trace_hash that it had.

usage: traces.py COYOSIM FILE        compares; prints the rows that differ
       traces.py --renew COYOSIM FILE   writes the file's hashes anew (so does GOLDEN=renew: see scripts/golden)

The hash covers every event, frame, command to a worker and answer, with its time. A change that is not meant to change what nodes
say or do leaves every row as it is. A change that is meant to renews the file in the same commit, and says why in its message.
"""
import concurrent.futures
import json
import os
import subprocess
import sys

COLUMNS = ("scenario", "topology", "nodes", "pairs", "seed", "flags", "trace_hash")
FORMAT = "{:<9} {:<10} {:>5} {:>5} {:>4}  {:<24} {}\n"


def read(path):
    """The file's lines: a comment as it stands, a row as (scenario, topology, nodes, pairs, seed, flags, hash)."""
    lines = []
    with open(path, encoding="utf-8") as f:
        for line in f:
            words = line.split()
            lines.append((*words[:5], " ".join(words[5:-1]), words[-1]) if words and not line.startswith("#") else line)
    return lines


def run(coyosim, row):
    """The run's hash, or in its place what went wrong."""
    scenario, topology, nodes, pairs, seed, flags, _ = row
    command = [coyosim, scenario, "--topology", topology, "--nodes", nodes, "--pairs", pairs, "--seed", seed, "--json"]
    if flags != "-":
        command += flags.split()
    r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if r.returncode != 0:
        return "failed: %s" % (r.stderr.strip().split("\n")[-1] or "status %d" % r.returncode)
    return json.loads(r.stdout)["trace_hash"]


def main():
    args = sys.argv[1:]
    renew = os.environ.get("GOLDEN") == "renew"
    if args and args[0] == "--renew":
        renew = True
        args.pop(0)
    if len(args) != 2:
        print(__doc__.strip())
        return 0 if args == ["--help"] else 2
    coyosim, path = args
    if not os.access(coyosim, os.X_OK) or os.path.isdir(coyosim):
        print("traces.py: %s is no program; scripts/build makes build/tests/sim/coyosim" % coyosim, file=sys.stderr)
        return 2
    try:
        lines = read(path)
    except (OSError, UnicodeDecodeError) as e:
        print("traces.py: %s cannot be read (%s); the project's is tests/sim/golden/traces.txt" % (path, getattr(e, "strerror", None) or e.reason),
              file=sys.stderr)
        return 2
    rows = [line for line in lines if isinstance(line, tuple)]
    with concurrent.futures.ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        now = list(pool.map(lambda row: run(coyosim, row), rows))
    changed = [(row, h) for row, h in zip(rows, now) if row[-1] != h]
    for row, h in changed:
        print("%s is %s, was %s" % (" ".join(row[:-1]), h, row[-1]))
    failed = sum(h.startswith("failed") for h in now)
    if renew and not failed:
        with open(path, "w", encoding="utf-8") as f:
            hashes = iter(now)
            f.writelines(FORMAT.format(*x[:-1], next(hashes)) if isinstance(x, tuple) else x for x in lines)
    print("%s: %d simulations, %d not as before%s" % (os.path.basename(path), len(rows), len(changed),
                                                      ", written anew" if renew and not failed else ""))
    if changed and not renew:
        print("Each row is a command: coyosim SCENARIO --topology T --nodes N --pairs P --seed S FLAGS; --log tells the run's story.\n"
              "Where this is what the change is for, scripts/golden writes the file anew; the commit says why.")
    return 1 if failed or (changed and not renew) or not rows else 0


sys.exit(main())
