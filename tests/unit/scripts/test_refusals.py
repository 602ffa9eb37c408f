#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Commands that cannot do what they are asked say so in one line, with the cause, before they install or build anything."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".."))


class Refusals(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="coyo-")
        self.addCleanup(folder.cleanup)
        self.dir = folder.name
        # As a tarball has it: without .git. Whatever would install something tells.
        self.tree = os.path.join(self.dir, "tree")
        shutil.copytree(os.path.join(ROOT, "scripts"), os.path.join(self.tree, "scripts"))
        shutil.copy(os.path.join(ROOT, "meson.build"), self.tree)
        with open(os.path.join(self.tree, "scripts", "install"), "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\necho something was installed >&2\nexit 1\n")
        self.file = os.path.join(self.dir, "file")
        self.put(self.file)

    @staticmethod
    def put(path):
        with open(path, "w", encoding="utf-8") as f:
            f.write("text\n")

    def says(self, status, text, *command, lines=1):
        r = subprocess.run(command, cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                           timeout=100)
        self.assertEqual(r.returncode, status, r.stdout)
        self.assertIn(text, r.stdout)
        self.assertEqual(len(r.stdout.splitlines()), lines, r.stdout)

    def script(self, name):
        return os.path.join(self.tree, "scripts", name)

    def test_an_option_without_its_folder(self):
        for name in ("run", "check", "cycles"):
            self.says(2, "scripts/%s: --build-dir wants a folder" % name, self.script(name), "--build-dir")
            self.says(2, "scripts/%s: --build-dir wants a folder" % name, self.script(name), "--build-dir", "--stay")
        self.says(2, "--build-dir wants a value", self.script("fresh"), "--build-dir", "--shell")
        self.assertEqual(sorted(os.listdir(self.dir)), ["file", "tree"])

    @unittest.skipUnless(shutil.which("valgrind"), "valgrind is missing")
    def test_cycles_in_a_folder_that_cannot_be(self):
        self.says(1, "file cannot be written (File exists", self.script("cycles"), "--build-dir", "file")
        self.says(1, "holds what no build of this project made (meson.build)", self.script("cycles"), "--build-dir", self.tree)

    def test_run_in_a_folder_that_cannot_be(self):
        for folder, why in (("file", "File exists"), ("file/x", "Not a directory"), ("n" * 300, "File name too long"), (self.tree, "(meson.build)")):
            self.says(1, why, self.script("run"), "--build-dir", folder)
        self.assertFalse(os.path.exists(os.path.join(self.tree, ".lock")))
        os.symlink(os.path.join(self.dir, "nowhere"), os.path.join(self.dir, "dangling"))
        self.says(1, "something was installed", self.script("run"), "--build-dir", "dangling")  # what it leads to can be made

    def test_bench_where_nothing_can_be_built(self):
        self.put(os.path.join(self.tree, "build"))
        self.says(1, "build cannot be written (File exists", self.script("bench"), "tcp")

    def test_a_tarball_is_no_checkout(self):
        for option in ("--staged", "--fast"):
            self.says(1, "is not a git repository", self.script("check"), option)
        # Nor is one below the checkout of another project.
        subprocess.run(["git", "init", "-q", self.dir], check=True)
        self.says(1, "is not a git repository", self.script("check"), "--staged")
        if os.geteuid() == 0:
            self.says(77, "is no clone (a tarball?)", self.script("fresh"), "--build-dir", "b", lines=2)
            self.assertFalse(os.path.exists(os.path.join(self.dir, "b")))

    def test_traces_without_program_or_file(self):
        traces = os.path.join(ROOT, "tests", "sim", "traces.py")
        self.says(2, "file is no program", traces, self.file, self.file)
        self.says(2, "nothing is no program", traces, "nothing", self.file)
        self.says(2, "nothing cannot be read (No such file", traces, "/bin/true", "nothing")


if __name__ == "__main__":
    if not shutil.which("git"):
        print("skipped: git is missing")
        sys.exit(77)
    unittest.main()
