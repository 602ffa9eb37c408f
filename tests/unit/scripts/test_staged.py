#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/check --staged, in a clone: the index is judged, whatever the work tree has. Exit status 77 (skipped) where nothing can be cloned."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.."))
SOURCE = "common/base/timer.c"
NOBODY = ("-c", "user.name=test", "-c", "user.email=test@localhost")


def run(*args, **more):
    return subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)


class Staged(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        os.chdir(cls.folder.name)
        cls.addClassCleanup(os.chdir, "/")
        for name in [n for n in os.environ if n.startswith("GIT_")]:
            del os.environ[name]
        made = run("git", "clone", "-q", ROOT, ".")
        if made.returncode:
            print("skipped: " + made.stdout.strip())
            sys.exit(77)
        for script in ("scripts/check", "scripts/lib/linkgraph.py", "scripts/lib/ratchet"):
            shutil.copy(os.path.join(ROOT, script), script)
        # Half of all files, of which nothing is judged: each run copies what is staged.
        run("git", "rm", "-rq", "tests/fuzz/corpus", "tests/script/tcp", ":!tests/script/tcp/sack")
        run("git", "add", "--all")
        run("git", *NOBODY, "commit", "-q", "--no-verify", "--allow-empty", "-m", "as it is now")

    def setUp(self):
        with open(SOURCE, encoding="utf-8") as f:
            self.good = f.read()
        self.bad = self.good.replace("\n\n", "\n \n", 1)
        self.assertNotEqual(self.bad, self.good)

    def tearDown(self):
        self.write(SOURCE, self.good)
        run("git", "add", SOURCE)

    def write(self, path, text):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def check(self):
        return run("scripts/check", "--staged").stdout

    def test_mended_but_not_staged(self):
        self.write(SOURCE, self.bad)
        run("git", "add", SOURCE)
        self.write(SOURCE, self.good)
        out = self.check()
        self.assertRegex(out, SOURCE + r":\d+: trailing white space")
        self.assertIn("git add " + SOURCE, out)
        run("git", "add", SOURCE)
        # Nothing is built here: the text alone must not look as if there were calls upward.
        self.assertRegex(self.check(), "calls between files were read from their text alone: .*\n.*, 0 problems")

    def test_what_is_not_staged_is_not_judged(self):
        self.write(SOURCE, self.bad)
        self.write("common/base/stray.c", "int stray;\n")
        self.addCleanup(os.remove, "common/base/stray.c")
        out = self.check()
        self.assertNotIn(SOURCE, out)
        self.assertNotIn("stray.c", out)
        run("git", "add", "--intent-to-add", "common/base/stray.c")
        self.assertNotIn("stray.c", self.check())
        run("git", "add", "common/base/stray.c")
        out = self.check()
        run("git", "rm", "-q", "--cached", "common/base/stray.c")
        self.assertIn("common/base/stray.c: first line is not the SPDX line", out)


    def test_what_a_header_declares_has_a_comment_of_its_own(self):
        """Also where it stands right below what has one; also a variable, and a function whose name is in capitals."""
        header = "controlplane/peer/peer.h"
        with open(header, encoding="utf-8") as f:
            good = f.read()
        self.addCleanup(run, "git", "add", header)
        self.addCleanup(self.write, header, good)
        new = ("void one(struct node *n);", "extern const int two;", "int THREE(void);", "static inline int four(void)\n{\n\treturn 4;\n}",
               "int\nfive(void);")
        for between, says in (("", "a comment of its own"), ("\n", "without a comment")):
            self.write(header, good + between + "\n".join(new) + "\n")
            run("git", "add", header)
            self.assertRegex(self.check(), "%s: .*%s.*: 5, 0 are allowed: THREE five four one two\n" % (header, says))
        self.write(header, good + "\n" + "\n".join("/* What it is. */\n" + d for d in new) + "\n")
        run("git", "add", header)
        self.assertNotIn(header + ": declared", self.check())

    def test_the_tools_that_are_staged_judge(self):
        """Not those of the work tree. Calls are read from the text."""
        tools = "scripts/check", "scripts/lib/linkgraph.py", "scripts/lib/rooms"
        source = "controlplane/core/emit.c"
        self.addCleanup(run, "git", "checkout", "-q", "HEAD", "--", *tools, source)
        self.add(source, "\nvoid emit_up(struct node *n);\nvoid emit_up(struct node *n)\n{\n\tkad_speed_up(n, true);\n}\n")
        for tool, old, new in zip(tools, ("problems.append(", "return a in self.rank and", "order controlplane: core"),
                                  ("str(", "return True or", "order controlplane: kad < core")):
            text = run("git", "show", ":" + tool).stdout
            self.assertIn(old, text)
            self.write(tool, text.replace(old, new))
        out = self.check()
        self.assertIn(source + ": calls up or aside into controlplane/kad/", out)
        self.assertNotIn("Traceback", out)

    def add(self, path, more):
        """Stages a file with something at its end."""
        with open(path, encoding="utf-8") as f:
            text = f.read()
        self.write(path, text + more)
        run("git", "add", path)

    def test_scripts_without_a_suffix_are_looked_at(self):
        files = "scripts/run", "scripts/lib/rooms", "scripts/hooks/pre-commit"
        self.addCleanup(run, "git", "checkout", "-q", "HEAD", "--", *files)
        for f in files:
            self.add(f, "# \n")
        out = self.check()
        for f in files:
            self.assertRegex(out, f + r":\d+: trailing white space")

    def test_what_is_no_text_and_a_tool_that_fails(self):
        def forget():
            run("git", "rm", "-q", "--cached", *files)
            for f in files:
                os.remove(f)
        files = {"odd.md": b"one\ntwo \xff\n", "common/base/odd.c": b"/* \xe4 */\n", "\udcff.md": b"text\n"}
        for name, text in files.items():
            with open(name, "wb") as f:
                f.write(text)
        self.addCleanup(forget)
        run("git", "add", *files)
        out = self.check()
        self.assertIn("odd.md:2: a byte that is not UTF-8\n", out)
        self.assertIn("common/base/odd.c:1: a byte that is not UTF-8\n", out)
        self.assertNotIn("Traceback", out)
        # What a tool says is handed on.
        os.mkdir("tools")
        self.addCleanup(shutil.rmtree, "tools")
        self.write("tools/ctags", "#!/bin/sh\necho 'ctags: cannot open temporary file' >&2\nexit 1\n")
        os.chmod("tools/ctags", 0o755)
        out = run("scripts/check", "--staged", env=dict(os.environ, PATH=os.path.abspath("tools") + ":" + os.environ["PATH"])).stdout
        self.assertIn("ctags fails (ctags: cannot open temporary file)", out)

    def test_what_may_stand_only_gets_less(self):
        """Rows of ratchet, size_waivers and rooms, against HEAD and from commit to commit; a commit that says why may."""
        def commit(*body):
            run("git", *NOBODY, "commit", "-q", "--no-verify", "-m", "loosens", *[w for b in body for w in ("-m", b)])

        def edit(path, change):
            with open(path, encoding="utf-8") as f:
                self.write(path, change(f.read()))
            run("git", "add", path)
        self.addCleanup(run, "git", "reset", "-q", "--hard", run("git", "rev-parse", "HEAD").stdout.strip())
        edit("scripts/lib/ratchet", lambda t: t.replace("asserts_per_kloc 5.0", "asserts_per_kloc 0.1") + "contract common/base/json.h 1\n")
        edit("scripts/lib/ratchet", lambda t: t.replace("grouped common/base/timer.h 1", "grouped common/base/timer.h 2"))
        edit("scripts/lib/size_waivers", lambda t: t + "scripts/check 900 why not\n")
        edit("scripts/lib/rooms", lambda t: t.replace("circle_max 5", "circle_max 6") + "call controlplane/peer/peer.c controlplane/kad/kad.c\n")
        allowed = [r"ratchet: allows more than before: assertions less than 5 4\.9, was 0;", r"ratchet: allows more than before: contract 1, was 0;",
                   r"ratchet: allows more than before: grouped \d+", r"size_waivers: allows more than before: rows 2, was 1;",
                   r"rooms: allows more than before: call 1, was 0;", r"rooms: allows more than before: circle_max 6, was 5;"]
        out = self.check()
        for text in allowed:
            self.assertRegex(out, text)
        commit()
        out = run("scripts/check", "--fast").stdout
        for text in allowed:
            self.assertRegex(out, text.replace(";", ", in commit"))
        run("git", "reset", "-q", "--soft", "HEAD^")
        commit("Loosens: a header was split.")
        self.assertNotIn("allows more", run("scripts/check", "--fast").stdout)
        # Less is always allowed, and so is what moves from one header to another.
        edit("scripts/lib/ratchet", lambda t: t.replace("asserts_per_kloc 0.1", "asserts_per_kloc 4.0").replace("timer.h 2", "moved.h 2"))
        self.assertNotIn("allows more", self.check())


if __name__ == "__main__":
    if not shutil.which("git") or not shutil.which("ctags"):
        print("skipped: git or ctags is missing")
        sys.exit(77)
    unittest.main()
