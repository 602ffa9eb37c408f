#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/build with a small project in place of this one: every kind of build folder that it may meet ends built."""
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".."))
MESON = """project('small', 'c', default_options: ['werror=true'])
said = get_option('tests').auto() ? 'auto' : 'given'
executable('small', 'small.c', c_args: '-DSAID="@0@"'.format(get_option('tests').disabled() ? 'disabled' : said))
"""
OLD_MESON = """project('small', 'c', default_options: ['werror=true'])
executable('small', 'small.c', c_args: '-DSAID="@0@"'.format(get_option('tests')))
"""
OPTIONS = "option('tests', type: 'feature', value: 'auto', description: 'as in the real one')\n"
OLD_OPTIONS = "option('tests', type: 'boolean', value: true, description: 'as it was before')\n"
SOURCE = '#include <stdio.h>\nint main(void)\n{\n\treturn puts(SAID) < 0;\n}\n'


class Build(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="coyo-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.clone = os.path.join(self.dir, "clone")
        os.makedirs(os.path.join(self.clone, "scripts", "lib"))
        for name in ("scripts/build", "scripts/lib/build_folder.py"):
            shutil.copy(os.path.join(ROOT, name), os.path.join(self.clone, name))
        self.write("meson.build", MESON)
        self.write("meson_options.txt", OPTIONS)
        self.write("small.c", SOURCE)

    def write(self, name, text):
        with open(os.path.join(self.clone, name), "w", encoding="utf-8") as f:
            f.write(text)

    @staticmethod
    def put(path, text):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    @staticmethod
    def text(path):
        with open(path, encoding="utf-8") as f:
            return f.read()

    def build(self, *args, good=True, **env):
        r = subprocess.run([os.path.join(self.clone, "scripts", "build"), *args], cwd=self.dir, text=True, check=False, stdin=subprocess.DEVNULL, timeout=200,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**{k: v for k, v in os.environ.items() if k != "CC"}, **env})
        self.assertEqual(r.returncode == 0, good, r.stdout)
        return r.stdout

    def says(self, folder=None):
        return subprocess.run([os.path.join(folder or os.path.join(self.clone, "build"), "small")], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    def test_fresh_again_and_other_options(self):
        self.assertEqual(self.build(), "")
        self.assertEqual(self.says(), "auto")
        self.assertEqual(self.build(), "")
        self.assertEqual(self.build("clone/build", "-Dtests=enabled"), "")
        self.assertEqual(self.says(), "given")
        self.assertEqual(self.build(), "")
        self.assertEqual(self.says(), "given")  # whoever wants nothing special takes what is there

    def older(self):
        self.write("meson.build", OLD_MESON)
        self.write("meson_options.txt", OLD_OPTIONS)
        self.build()
        self.assertEqual(self.says(), "true")
        self.write("meson.build", MESON)
        self.write("meson_options.txt", OPTIONS)

    def test_older_checkout(self):
        self.older()
        self.build()
        self.assertEqual(self.says(), "auto")

    def test_older_checkout_and_an_option(self):
        self.older()
        self.build("clone/build", "-Dtests=disabled")
        self.assertEqual(self.says(), "disabled")

    def test_moved(self):
        self.build()
        moved = os.path.join(self.dir, "moved")
        os.rename(self.clone, moved)
        self.clone = moved
        self.assertIn("made for another place", self.build())
        self.assertEqual(self.says(), "auto")

    def test_compiler_gone(self):
        tool = os.path.join(self.dir, "oldcc")
        with open(tool, "w", encoding="utf-8") as f:
            f.write('#!/bin/sh\nexec cc "$@"\n')
        os.chmod(tool, 0o755)
        self.build(CC=tool)
        os.unlink(tool)
        self.assertIn("is no longer there", self.build())
        self.assertEqual(self.build(), "")

    def test_compiler_of_another_version(self):
        tool = os.path.join(self.dir, "cc")
        with open(tool, "w", encoding="utf-8") as f:
            f.write('#!/bin/sh\n[ "$1" = --version ] && /usr/bin/cc --version | sed "1s/ / Old /" && exit\nexec /usr/bin/cc "$@"\n')
        os.chmod(tool, 0o755)
        self.build(PATH=self.dir + ":" + os.environ["PATH"])
        self.assertIn("it was made with", self.build())
        self.assertEqual(self.build(), "")

    def test_interrupted_and_broken(self):
        self.build()
        os.unlink(os.path.join(self.clone, "build", "build.ninja"))
        self.assertIn("never configured to the end", self.build())
        self.write("meson.build", MESON + "\n")
        with open(os.path.join(self.clone, "build", "meson-private", "coredata.dat"), "wb") as f:
            f.write(b"no pickle")
        self.build()
        self.assertEqual(self.says(), "auto")

    def test_folder_of_others_is_left_alone(self):
        folder = os.path.join(self.dir, "letters")
        os.mkdir(folder)
        with open(os.path.join(folder, "letter"), "w", encoding="utf-8") as f:
            f.write("dear")
        self.assertIn("letter", self.build(folder, good=False))
        self.assertEqual(os.listdir(folder), ["letter"])
        self.assertIn("letter", self.build("--probe", folder, good=False))
        self.assertEqual(os.listdir(folder), ["letter"])

    def test_names_that_scripts_build_uses_itself_may_be_others(self):
        """Files of a user's by the names under which scripts/build keeps its own, whatever kind they are: never written to nor removed."""
        victim = os.path.join(self.dir, "victim")
        self.put(victim, "precious")

        def kind(make, *more):
            folder = tempfile.mkdtemp(dir=self.dir)
            make(os.path.join(folder, ".lock"))
            for name in more:
                self.put(os.path.join(folder, name), "x")
            before = sorted(os.listdir(folder))
            for word in ([], ["--probe"]):
                self.assertIn(".lock", self.build(*word, folder, good=False))
                self.assertEqual(sorted(os.listdir(folder)), before)
            return os.path.join(folder, ".lock")

        kind(lambda p: os.symlink(victim, p), ".writable")
        kind(lambda p: os.symlink(os.path.join(self.dir, "not there"), p))
        self.assertFalse(os.path.exists(os.path.join(self.dir, "not there")))
        kind(os.mkfifo)
        kind(os.mkdir)
        self.assertEqual(self.text(kind(lambda p: self.put(p, "mine"))), "mine")
        self.assertEqual(self.text(victim), "precious")
        for name in (".writable", ".probe", ".trial"):
            folder = tempfile.mkdtemp(dir=self.dir)
            self.put(os.path.join(folder, name), "mine")
            self.put(os.path.join(folder, ".lock"), "")  # as an earlier build left it
            self.assertIn(name, self.build(folder, good=False))
            self.assertEqual(self.text(os.path.join(folder, name)), "mine")

    def test_a_build_that_is_being_configured_is_waited_for(self):
        folder = os.path.join(self.dir, "half")
        os.mkdir(folder)
        self.put(os.path.join(folder, ".lock"), "")
        self.put(os.path.join(folder, "made before meson-info"), "")
        with open(os.path.join(folder, ".lock"), "a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assertEqual(self.build("--probe", folder), "")
            p = subprocess.Popen([os.path.join(self.clone, "scripts", "build"), folder], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)
            self.assertIn("Waiting for another build", p.stdout.readline())
            os.unlink(os.path.join(folder, "made before meson-info"))
        self.assertEqual(p.communicate(timeout=200), ("", None))
        self.assertEqual(p.returncode, 0)
        self.assertEqual(self.says(folder), "auto")

    def test_build_of_another_project_is_left_alone(self):
        self.build()
        other = os.path.join(self.dir, "other")
        os.rename(self.clone, other)
        shutil.copytree(os.path.join(other, "scripts"), os.path.join(self.clone, "scripts"))
        self.write("meson.build", MESON.replace("small'", "large'"))
        self.write("meson_options.txt", OPTIONS)
        self.write("small.c", SOURCE)
        self.assertIn("a build of small", self.build(os.path.join(other, "build"), good=False))
        self.assertEqual(self.says(os.path.join(other, "build")), "auto")

    def test_unfinished_folder_with_letters(self):
        folder = os.path.join(self.dir, "letters")
        os.makedirs(os.path.join(folder, "meson-private"))
        with open(os.path.join(folder, "letter"), "w", encoding="utf-8") as f:
            f.write("dear")
        self.assertIn("letter", self.build(folder, good=False))
        os.unlink(os.path.join(folder, "letter"))
        self.assertIn("never configured to the end", self.build(folder))

    def test_elsewhere_and_what_fresh_keeps(self):
        folder = os.path.join(self.dir, "else where", "b")
        self.build(folder)
        self.assertEqual(self.says(folder), "auto")
        os.mkdir(os.path.join(folder, "fresh"))
        os.unlink(os.path.join(folder, "build.ninja"))
        self.build(folder)
        self.assertTrue(os.path.isdir(os.path.join(folder, "fresh")))
        self.assertFalse(os.path.exists(os.path.join(self.clone, "build")))

    def test_no_folder_possible(self):
        with open(os.path.join(self.dir, "file"), "w", encoding="utf-8"):
            pass
        said = self.build("file", good=False)
        self.assertEqual(len(said.splitlines()), 1, said)
        self.assertIn("file cannot be written (File exists", said)
        self.assertIn("Not a directory", self.build("file/build", good=False))
        self.assertIn("File name too long", self.build("n" * 300, good=False))
        self.assertIn("File name too long", self.build("--probe", "n" * 300, good=False))
        for word in ("--stay", "-Dtests=enabled"):
            self.assertIn("%s stands where DIR is expected" % word, self.build(word, good=False))

    def test_probe_leaves_a_folder_that_scripts_build_takes(self):
        self.assertEqual(self.build("--probe", "b"), "")
        self.assertEqual(os.listdir(os.path.join(self.dir, "b")), [".lock"])
        self.assertEqual(self.build("b"), "")
        self.assertEqual(self.build("--probe", "b"), "")
        self.assertEqual(self.says(os.path.join(self.dir, "b")), "auto")
        self.assertEqual([n for n in os.listdir(os.path.join(self.dir, "b")) if n.startswith((".probe", ".trial"))], [])

    def test_error_in_the_sources_is_shown(self):
        self.write("small.c", "int main(void)\n{\n\treturn nothing;\n}\n")
        said = self.build(good=False)
        self.assertIn("nothing", said)
        self.assertIn("the build failed", said.splitlines()[-1])

    def test_error_in_a_build_file_costs_nothing(self):
        self.build()
        self.write("meson.build", MESON + "no_such_function()\n")
        self.assertIn("no_such_function", self.build(good=False))
        self.write("meson.build", MESON)
        self.assertEqual(self.says(), "auto")
        self.assertEqual(self.build(), "")


if __name__ == "__main__":
    unittest.main()
