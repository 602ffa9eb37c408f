#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the packet path fetches ahead is fetched: looks for the prefetch instructions in the object files, with objdump.

usage: test_prefetches.py SOURCE-FOLDER BUILD-FOLDER

GCC 12 drops the call of an inline function whose body is only a prefetch: nothing fails then, the label switch just takes nearly twice the time
with many labels. So each function that fetches ahead stands below with the number of its prefetches, and each source file that has one stands here.
"""
import collections
import glob
import os
import platform
import re
import subprocess
import sys
import unittest

SOURCE, BUILD = (os.path.abspath(p) for p in sys.argv[1:3])
# Source file, function of its object file, prefetches at least. The functions between that one and the prefetch are inlined.
ROWS = (
    ("dataplane/core/mbuf.c", "worker_mbufs", 2),
    ("dataplane/fwd/command.c", "fwd_command_ahead", 1),
    ("dataplane/fwd/labelled.c", "fwd_labelled", 1),
    ("dataplane/io/ether.c", "ether_rx", 1),
    ("dataplane/session/tx.c", "next_buffer", 1),
    ("dataplane/tcp/input.c", "tcp_input_burst", 4),
    ("dataplane/tcp/table.c", "table_prefetch", 1),
    ("dataplane/worker/command.c", "command_run", 1),
)
# aarch64 has prfm, x86-64 prefetcht0, prefetchw and so on.
INSTRUCTION = re.compile(r"^\s+[0-9a-f]+:\s+(prefetch|prfm)")


def prefetches(object_file):
    """{function: how many}; what the compiler has split off (NAME.part.0, NAME.cold) counts for NAME."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", object_file], stdout=subprocess.PIPE, text=True, check=True,
                          env=dict(os.environ, LC_ALL="C")).stdout
    count, at = collections.Counter(), ""
    for line in text.split("\n"):
        m = re.match(r"^[0-9a-f]+ <([^>]+)>:$", line)
        if m:
            at = m.group(1).split(".")[0]
        elif INSTRUCTION.match(line):
            count[at] += 1
    return count


def sources(suffix):
    """{path: its text without comments} of every file of the data plane and of what it stands on."""
    out = {}
    for folder in ("dataplane", "common"):
        for path in glob.glob(os.path.join(SOURCE, folder, "**", "*" + suffix), recursive=True):
            with open(path, encoding="utf-8") as f:
                out[os.path.relpath(path, SOURCE)] = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
    return out


class Prefetches(unittest.TestCase):
    def test_instructions_are_there(self):
        if platform.machine() not in ("x86_64", "aarch64"):
            self.skipTest("the instruction's name is known for x86-64 and aarch64")
        for path, function, least in ROWS:
            with self.subTest(function=function):
                room, name = os.path.split(path)
                objects = glob.glob(os.path.join(BUILD, room, "*.p", name + ".o"))
                self.assertEqual(len(objects), 1, objects)
                self.assertGreaterEqual(prefetches(objects[0])[function], least)

    def test_every_file_that_fetches_ahead_is_looked_into(self):
        found = {path for path, text in sources(".c").items() if re.search(r"prefetch\w*\s*\(", text)}
        self.assertEqual(found, {path for path, _, _ in ROWS})

    def test_inline_functions_that_fetch_ahead_cannot_be_dropped(self):
        names = []
        for path, text in sources(".h").items():
            for m in re.finditer(r"^static inline ([^;{}]*\b\w*prefetch\w*)\([^;{}]*\)\s*{", text, re.M):
                with self.subTest(header=path):
                    self.assertIn("COYO_PREFETCHES", m.group(1))
                names.append(path)
        self.assertIn("dataplane/table/ilm.h", names)


unittest.main(argv=["test_prefetches"], verbosity=2)
