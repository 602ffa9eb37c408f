#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/build on a project of one file: what a folder may hold, and a home that a compiler cache cannot write to."""
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def check(ok, text):
    print("%s %s" % ("ok  " if ok else "FAIL", text), flush=True)
    if not ok:
        sys.exit(1)


def build(clone, folder, **environment):
    r = subprocess.run([os.path.join(clone, "scripts", "build"), folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       stdin=subprocess.DEVNULL, env=dict(os.environ, **environment), check=False)
    return r.returncode, r.stdout.strip()


def project(clone):
    os.makedirs(os.path.join(clone, "scripts", "lib"))
    for name in ("scripts/build", "scripts/lib/build_folder.py"):
        shutil.copy2(os.path.join(ROOT, name), os.path.join(clone, name))
    with open(os.path.join(clone, "meson.build"), "w", encoding="ascii") as f:
        f.write("project('one', 'c')\nexecutable('one', 'one.c')\n")
    with open(os.path.join(clone, "one.c"), "w", encoding="ascii") as f:
        f.write("int main(void) { return 0; }\n")


with tempfile.TemporaryDirectory(prefix="cy-", dir="/tmp") as tmp:
    project(os.path.join(tmp, "clone"))
    # Not even root can make a folder there.
    out = os.path.join(tmp, "out")
    status, said = build(os.path.join(tmp, "clone"), out, HOME="/proc", XDG_CACHE_HOME="/proc/cache", CCACHE_DIR="")
    check(status == 0 and os.path.exists(os.path.join(out, "one")), "a home that cannot be written: %s" % said)
    mine = os.path.join(tmp, "mine")
    os.mkdir(mine)
    with open(os.path.join(mine, "precious"), "w", encoding="ascii") as f:
        f.write("years of work")
    status, said = build(os.path.join(tmp, "clone"), mine)
    check(status == 1 and "precious" in said and "precious" in os.listdir(mine), "a folder of other files is refused: %s" % said)
