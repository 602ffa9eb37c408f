#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What is installed is hardened: looks into the binaries and the object files that they were made of, with readelf and nm.

usage: test_hardened.py FORTIFY PROGRAM...   FORTIFY: 0 in a build without optimisation, else 1; objects are looked for in PROGRAM.p and in
                                             the archives of the build folder
"""
import glob
import os
import platform
import re
import subprocess
import sys
import unittest

FORTIFY, PROGRAMS = sys.argv[1] == "1", [os.path.abspath(p) for p in sys.argv[2:]]
BUILD = os.path.commonpath(PROGRAMS)


def out(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, env=dict(os.environ, LC_ALL="C")).stdout


class Hardened(unittest.TestCase):
    def each(self, check):
        for path in PROGRAMS:
            with self.subTest(program=os.path.basename(path)):
                check(path)

    def test_position_independent(self):
        self.each(lambda p: self.assertIn("DYN", out("readelf", "-Wh", p)))

    def test_relocations_are_read_only_from_the_start(self):
        def check(p):
            self.assertIn("GNU_RELRO", out("readelf", "-Wl", p))
            self.assertRegex(out("readelf", "-Wd", p), r"BIND_NOW|Flags:.*\bNOW\b")
        self.each(check)

    def test_no_code_on_the_stack_and_nothing_both_written_and_run(self):
        def check(p):
            segments = out("readelf", "-Wl", p)
            self.assertRegex(segments, r"GNU_STACK .* RW +0x")
            self.assertNotRegex(segments, r"LOAD .* RWE ")
        self.each(check)

    def test_stack_is_protected(self):
        self.each(lambda p: self.assertIn("__stack_chk_fail", out("nm", "-D", p)))

    def test_copies_are_bounded(self):
        """FORTIFY: the checking forms of the C library's calls."""
        if not FORTIFY:
            self.skipTest("a build without optimisation has none")
        self.each(lambda p: self.assertRegex(out("nm", "-D", p), r"__\w+_chk(@|$)"))

    def test_jumps_have_marked_targets(self):
        """CET: each object says so; whether the whole program does depends on what the C library brings."""
        if platform.machine() != "x86_64":
            self.skipTest("Intel's and AMD's only")
        archives = [a for part in ("common", "config", "controlplane", "dataplane") for a in glob.glob(os.path.join(BUILD, part, "**", "*.a"), recursive=True)]
        self.assertGreater(len(archives), 10)
        for a in archives:
            text = out("readelf", "-Wn", a)
            objects = len(re.findall(r"^File: ", text, re.M))
            with self.subTest(archive=os.path.relpath(a, BUILD)):
                self.assertEqual(len(re.findall("IBT, SHSTK", text)), objects)


unittest.main(argv=["test_hardened"], verbosity=2)
