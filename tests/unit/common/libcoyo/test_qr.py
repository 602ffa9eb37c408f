#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ids as QR codes: what coyo draws has a code's form, and a reader of codes reads the id in it. Usage: test_qr.py PATH-OF-COYO"""
import os
import pty
import shutil
import subprocess
import sys
import tempfile
import unittest

COYO = os.path.abspath(sys.argv.pop(1))
BLOCKS = {" ": (0, 0), "▄": (0, 1), "▀": (1, 0), "█": (1, 1)}  # what is light, above and below
FINDER = ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"]  # 1: dark


def run(*words, **kw):
    return subprocess.run([COYO, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False, **kw)


def modules(text):
    """Rows of dark (1) and light (0) modules."""
    rows = []
    for line in text.splitlines():
        halves = [BLOCKS[c] for c in line]
        rows += ["".join(str(1 - h[0]) for h in halves), "".join(str(1 - h[1]) for h in halves)]
    return rows[:len(rows[0])]


class Codes(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.key = os.path.join(self.folder.name, "key")
        self.assertEqual(run("keygen", "-o", self.key).returncode, 0)
        self.id = run("id", self.key).stdout.decode().split()[-1]
        if b"built without libqrencode" in run("id", "--qr", self.key).stderr:
            self.assertEqual(run("id", "--qr", self.key).returncode, 1)
            self.skipTest("built without libqrencode (libqrencode-dev)")

    def drawn(self, *words):
        r = run(*words)
        self.assertEqual((r.returncode, r.stderr), (0, b""))
        return r.stdout.decode()

    def test_form(self):
        rows = modules(self.drawn("id", "--qr", self.key))
        self.assertEqual((len(rows), {len(r) for r in rows}), (41, {41}))
        for at in range(4):
            for line in (rows[at], rows[-1 - at], [r[at] for r in rows], [r[-1 - at] for r in rows]):
                self.assertEqual(set(line), {"0"}, "the margin is light")
        for x, y in ((4, 4), (30, 4), (4, 30)):
            self.assertEqual([r[x:x + 7] for r in rows[y:y + 7]], FINDER)

    def test_read(self):
        if not shutil.which("zbarimg"):
            self.skipTest("no reader of QR codes here (zbar-tools)")
        rows = modules(self.drawn("id", "--qr", self.key))
        image, large = os.path.join(self.folder.name, "code.pbm"), ["".join(c * 4 for c in r) for r in rows for _ in range(4)]
        with open(image, "w", encoding="ascii") as f:
            f.write("P1\n%d %d\n%s\n" % (len(large[0]), len(large), "\n".join(" ".join(r) for r in large)))
        r = subprocess.run(["zbarimg", "-q", "--raw", image], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60, check=False)
        self.assertEqual(r.stdout.strip(), self.id.upper())

    def test_upper_case_is_an_id(self):
        """What was read from a code is taken where an id is."""
        self.assertEqual(self.drawn("names", "show", "--qr", self.id.upper()), self.drawn("id", "--qr", self.key))

    def test_standard_input(self):
        with open(self.key, "rb") as f:
            self.assertEqual(run("id", "--qr", "-", stdin=f).stdout.decode(), self.drawn("id", "--qr", self.key))

    def test_terminal(self):
        """On a terminal each line has its colours, and takes them back."""
        own, its = pty.openpty()
        with subprocess.Popen([COYO, "id", "--qr", self.key], stdout=its) as p:
            os.close(its)
            said = b""
            try:
                while more := os.read(own, 4096):
                    said += more
            except OSError:
                pass  # what a terminal says when nobody has it any more
            self.assertEqual(p.wait(60), 0)
        os.close(own)
        lines = said.decode().replace("\r", "").splitlines()
        self.assertTrue(all(x.startswith("\033[40;97m") and x.endswith("\033[0m") for x in lines), lines[:2])
        self.assertEqual("".join(x[len("\033[40;97m"):-len("\033[0m")] + "\n" for x in lines), self.drawn("id", "--qr", self.key))

    def test_refused(self):
        for words in (("id", "--qr"), ("id", self.key, "--qr"), ("names", "show", "--qr")):
            self.assertEqual(run(*words).returncode, 2, words)
        self.assertEqual(run("id", "--qr", "/dev/null").returncode, 1)
        with open("/dev/full", "wb") as full:
            p = subprocess.run([COYO, "id", "--qr", self.key], stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
        self.assertEqual(p.returncode, 1)


if __name__ == "__main__":
    unittest.main()
