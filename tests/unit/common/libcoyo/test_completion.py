#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What bash offers behind `coyo ...`, asked of the script that is installed. Usage: test_completion.py SCRIPT PATH-OF-COYO"""
import os
import re
import subprocess
import sys
import tempfile
import unittest

SCRIPT, COYO = (os.path.abspath(p) for p in sys.argv[1:3])
ASK = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _coyo; printf "%s\\n" "${COMPREPLY[@]}"'


def offered(*words):
    """What is offered for the last of the words that follow coyo."""
    env = dict(os.environ, PATH=os.path.dirname(COYO) + ":/usr/bin:/bin", LC_ALL="C")
    r = subprocess.run(["bash", "--norc", "-c", ASK, "bash", SCRIPT, "coyo", *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       timeout=60, check=True)
    if r.stderr:
        raise AssertionError(r.stderr)
    return set(r.stdout.split())


class Completion(unittest.TestCase):
    def setUp(self):
        self.help = subprocess.run([COYO, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout

    def test_verbs(self):
        verbs = set(re.findall(r"(?m)^  coyo ([a-z]+)", self.help))
        self.assertTrue({"keygen", "id", "listen", "connect"} <= verbs)
        self.assertEqual(offered(""), verbs | {"-s", "--help", "--version"})
        self.assertEqual(offered("con"), {"connect"})
        self.assertEqual(offered("-s", "/some/where", "lis"), {"listen"})
        self.assertEqual(offered("--"), {"--help", "--version"})

    def test_options_of_a_verb(self):
        self.assertEqual(offered("listen", "-"), {"-k", "-v", "-m", "-t", "--once", "--allow", "--per-peer", "--retry"})
        self.assertEqual(offered("connect", "--"), {"--timeout", "--json"})
        self.assertEqual(offered("keygen", "-"), {"-o"})
        self.assertEqual(offered("id", "-"), {"--qr"})
        self.assertEqual(offered("-s", "x", "listen", "-m", "3", "--r"), {"--retry"})
        self.assertEqual(offered("nonsense", "-"), set())

    def test_commands(self):
        self.assertIn("bash", offered("listen", "7000", "--", "bas"))
        self.assertNotIn("--retry", offered("listen", "7000", "--", "cat", "--r"))

    def test_files(self):
        with tempfile.TemporaryDirectory() as d:
            for name in ("key", "kept", "other"):
                with open(os.path.join(d, name), "w", encoding="ascii"):
                    pass
            both = {os.path.join(d, n) for n in ("key", "kept")}
            for words in (("id",), ("id", "--qr"), ("keygen", "-o"), ("-s",), ("listen", "7000", "--", "cat")):
                self.assertEqual(offered(*words, os.path.join(d, "ke")), both, words)
            self.assertEqual(offered("connect", os.path.join(d, "ke")), set())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
