#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The module that libc loads shows what libc looks for and nothing else, and needs no library but libc. Usage: test_shown.py MODULE"""
import re
import subprocess
import sys
import unittest

MODULE = sys.argv.pop(1)


def said(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


class Module(unittest.TestCase):
    def test_symbols(self):
        shown = {line.split()[-1].split("@")[0] for line in said("nm", "-D", "--defined-only", MODULE).splitlines() if " A " not in line}
        self.assertEqual(shown, {"_nss_coyo_gethostby" + x for x in ("name4_r", "name3_r", "name2_r", "name_r", "addr2_r", "addr_r")})

    def test_needs_libc_alone(self):
        dynamic = said("readelf", "-d", MODULE)
        needed = set(re.findall(r"\(NEEDED\).*\[([^\]]*)\]", dynamic))
        sanitizers = {n for n in needed if re.match(r"lib[a-z]+san\b|libclang_rt", n)}
        if sanitizers:
            self.skipTest("a sanitizer needs more")
        self.assertEqual(needed, {"libc.so.6"})
        self.assertIn("[libnss_coyo.so.2]", dynamic)

    def test_never_ends_the_program(self):
        """None of what it calls ends a program, as an assertion would, or changes what the program has set for all of itself."""
        called = {line.split()[-1].split("@")[0] for line in said("nm", "-D", "--undefined-only", MODULE).splitlines()}
        forbidden = {"abort", "exit", "_exit", "signal", "sigaction", "sigprocmask", "setenv", "putenv", "chdir", "umask", "getenv", "setlocale", "atexit", "fork",
                     "unlink", "rename", "mkdir", "fopen", "mkostemp", "write"}
        self.assertEqual(called & forbidden, set())


if __name__ == "__main__":
    unittest.main()
