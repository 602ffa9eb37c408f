#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The wall of scripts/check on a small tree of its own: what it finds, what its rows allow, what it makes of an old build."""
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../scripts/lib"))
sys.dont_write_bytecode = True
import linkgraph  # noqa: E402

ORDER = """order common: base
order config: .
order dataplane: io < fwd
order controlplane: core < left | right < roof
apart controlplane: ctl
only controlplane/roof: core left
uses controlplane: common/base
uses controlplane/roof: dataplane/fwd
context controlplane/core/ctx.h
circle_max 2
"""


class Wall(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        os.chdir(self.folder.name)
        self.addCleanup(os.chdir, "/")
        self.files = []

    def source(self, path, text):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text + "\n")
        if path.endswith(".c"):
            self.files.append(path)

    def graph(self, rows=""):
        os.makedirs("build", exist_ok=True)
        entries = []
        for path in self.files:
            out = path.replace("/", "_") + ".o"
            subprocess.run(["cc", "-w", "-c", "-I.", "-Icommon", "-Icontrolplane", "-Idataplane", "-o", "build/" + out, path], check=True)
            entries.append({"directory": os.path.abspath("build"), "file": "../" + path, "output": out})
        with open("build/compile_commands.json", "w", encoding="utf-8") as f:
            json.dump(entries, f)
        return self.read(rows)

    @staticmethod
    def rooms(rows=""):
        os.makedirs("scripts/lib", exist_ok=True)
        with open(linkgraph.ROOMS, "w", encoding="utf-8") as f:
            f.write(ORDER + rows)
        return linkgraph.Rooms()

    def read(self, rows=""):
        return linkgraph.Graph(self.rooms(rows), "build")

    def calls(self, path, *names):
        """A file that defines the function named after it and calls others."""
        self.source(path, "".join("void %s(void);" % n for n in names) +
                    "void %s(void) { %s }" % (os.path.basename(path)[:-2], "".join("%s();" % n for n in names)))

    def test_down_is_fine(self):
        self.calls("common/base/b.c")
        self.calls("controlplane/core/c.c", "b")
        self.calls("controlplane/left/l.c", "c", "b")
        self.calls("dataplane/fwd/f.c")
        self.calls("controlplane/roof/r.c", "l", "c", "f")
        g = self.graph()
        self.assertEqual((g.row_problems(), g.circle_problems(), g.unknown), ([], [], []))

    def test_up_aside_apart_and_across(self):
        self.calls("controlplane/core/c.c", "l")
        self.calls("controlplane/left/l.c", "r")
        self.calls("controlplane/right/r.c")
        self.calls("controlplane/ctl/t.c", "c")
        self.calls("controlplane/roof/o.c", "r")
        self.calls("dataplane/io/i.c", "c")
        g = self.graph()
        self.assertEqual(sorted(k[1:] for k in g.up), [
            ("controlplane/core/c.c", "controlplane/left/l.c"), ("controlplane/ctl/t.c", "controlplane/core/c.c"),
            ("controlplane/left/l.c", "controlplane/right/r.c"),
            ("dataplane/io/i.c", "controlplane/core/c.c")])
        self.assertIn("calls up or aside into controlplane/left/l.c: l", g.row_problems()[0][1])

    def test_calls_read_from_the_text(self):
        """Without a build: by name, whatever stands between it and the bracket; not a static's, a field's, a comment's or a string's."""
        self.source("controlplane/left/l.c", "void l(void) {}\nvoid m(void) {}\nvoid k(void) {}")
        self.source("controlplane/core/c.c", "static void k(void) {}\nvoid l(void);\nvoid c(struct x *x) { l (); k(); x->m(); x.m(); /* m() */ puts(\"m()\"); }")
        self.source("controlplane/core/c.h", "static inline void d(void) { m(); }")
        defined = [("controlplane/left/l.c", name, False) for name in "lmk"] + [("controlplane/core/c.c", "k", True), ("controlplane/core/c.c", "c", False)]
        g = linkgraph.Graph(self.rooms(), "no build", defined=lambda: defined)
        self.assertEqual(g.up, {("call", "controlplane/core/c.c", "controlplane/left/l.c"): ["l"], ("call", "controlplane/core/c.h", "controlplane/left/l.c"): ["m"]})
        self.assertIn("no build folder", g.stale)

    def test_data_counts_and_statics_do_not(self):
        self.source("controlplane/core/c.c", "extern int word; static void l(void) {} void c(void) { l(); word = 1; }")
        self.source("controlplane/left/l.c", "int word; void l(void) {}")
        self.assertEqual(self.graph().up, {("call", "controlplane/core/c.c", "controlplane/left/l.c"): ["word"]})

    def test_rows_allow_and_must_be_needed(self):
        self.calls("controlplane/core/c.c", "l")
        self.calls("controlplane/left/l.c")
        row = "call controlplane/core/c.c controlplane/left/l.c\n"
        self.assertEqual(self.graph(row).row_problems(), [])
        g = self.read(row + "call controlplane/core/x.c controlplane/left/l.c\n")
        self.assertEqual(len(g.row_problems()), 1)
        self.assertIn("needed no more", g.row_problems()[0][1])
        self.assertEqual(g.shrink(), 1)
        with open(linkgraph.ROOMS, encoding="utf-8") as f:
            self.assertEqual(f.read(), ORDER + row)

    def test_includes_and_types(self):
        self.source("controlplane/left/l.h", "struct l { int x; };")
        self.source("controlplane/core/ctx.h", "struct ctx { struct l *l; };")
        self.source("controlplane/core/c.h", "struct l; void c(struct l *l);")
        self.source("controlplane/core/c.c", '#include "left/l.h"\nvoid c(struct l *l) {}')
        self.source("controlplane/right/r.h", "struct r;")
        self.source("controlplane/roof/o.c", '#include "left/l.h"\n#include "right/r.h"\nint o;')
        g = self.graph()
        self.assertEqual(sorted(g.up), [
            ("include", "controlplane/core/c.c", "controlplane/left/l.h"), ("include", "controlplane/roof/o.c", "controlplane/right/r.h"),
            ("type", "controlplane/core/c.h", "l")])

    def test_an_include_up_by_any_spelling(self):
        """In quotes or angle brackets, of a header or any other file, by whatever way it is written."""
        for n, line in enumerate(('#include "left/l.h"', "#include <left/l.h>", '#include "left/l.def"', "#include<left/l.inc>", '  #  include\t"left/l.h"',
                                  '#include "../left/l.h"', '#/**/include/* x */<left/l.h>', '#import "left/l.h"', '#inc\\\nlude "left/l.h"',
                                  '%:include "left/l.h"', 'char *s = "/*";\n#include "left/l.h" // */')):
            for name in ("l.h", "l.def", "l.inc"):
                self.source("controlplane/left/" + name, "")
            self.source("controlplane/core/c.h", line)
            with self.subTest(n=n, line=line):
                up = list(linkgraph.include_edges(self.rooms(), {p: linkgraph.read(p) for p in linkgraph.sources()}))
                self.assertEqual([(a, b.split(".")[0]) for a, b in up], [("controlplane/core/c.h", "controlplane/left/l")])
        self.calls("controlplane/core/c.c")
        self.source("controlplane/core/c.h", "/* #include <left/l.h>\n#include <left/l.h> */\n#include <stdio.h>")
        self.assertEqual(self.graph().row_problems(), [])
        self.source("controlplane/core/c.h", "#include <left/l.def>")
        self.assertEqual([k for k in self.graph().up], [("include", "controlplane/core/c.h", "controlplane/left/l.def")])
        self.source("controlplane/core/c.h", '#include "core/c.def"')
        self.source("controlplane/core/c.def", "#include <left/l.h>")
        self.assertEqual([k for k in self.graph().up], [("include", "controlplane/core/c.def", "controlplane/left/l.h")])
        self.source("controlplane/core/c.h", "#define UP <left/l.h>\n#include UP")
        self.assertIn("only the preprocessor knows", self.graph().row_problems()[0][1])

    def test_circles(self):
        self.calls("controlplane/left/a.c", "b")
        self.calls("controlplane/left/b.c", "a")
        self.assertEqual(self.graph().circle_problems(), [])
        self.calls("controlplane/left/b.c", "d")
        self.calls("controlplane/left/d.c", "a")
        g = self.graph()
        self.assertEqual(len(g.bad_circles[0]), 3)
        self.assertIn("a circle of 3 files", g.circle_problems()[0][1])
        self.assertEqual(self.read("circle controlplane 3\n").circle_problems(), [])
        g = self.read("circle controlplane 4\n")
        self.assertIn("should say 3", g.circle_problems()[0][1])
        self.assertEqual(g.shrink(), 1)
        self.assertEqual(linkgraph.Graph(linkgraph.Rooms(), "build").circle_problems(), [])

    def test_a_circle_of_two_folders(self):
        self.calls("dataplane/io/i.c", "f")
        self.calls("dataplane/fwd/f.c", "i")
        self.assertIn("a circle of 2 files", self.graph().circle_problems()[0][1])

    def test_a_room_without_a_place(self):
        self.calls("controlplane/attic/a.c")
        self.assertEqual(self.graph().unknown, ["controlplane/attic"])

    def test_removed_sources_do_not_count(self):
        self.calls("controlplane/core/c.c", "l")
        self.calls("controlplane/left/l.c")
        self.graph()
        os.remove("controlplane/core/c.c")
        self.assertEqual(self.read().up, {})

    def test_no_build_or_an_old_one(self):
        self.calls("controlplane/core/c.c")
        with self.assertRaisesRegex(linkgraph.Stale, "no build folder"):
            self.read()
        self.graph()
        os.utime("controlplane/core/c.c", (time.time() + 9, time.time() + 9))
        with self.assertRaisesRegex(linkgraph.Stale, "older than controlplane/core/c.c"):
            self.read()
        self.source("controlplane/left/new.c", "int x;")
        os.utime("controlplane/core/c.c", (1, 1))
        with self.assertRaisesRegex(linkgraph.Stale, "older than controlplane/left/new.c"):
            self.read()

    def test_a_header_newer_than_its_objects(self):
        self.source("controlplane/core/c.h", "int x;")
        self.source("controlplane/core/b.h", '#include "core/c.h"')
        self.source("controlplane/core/c.c", '#include "core/b.h"')
        self.graph()
        os.utime("controlplane/core/c.h", (time.time() + 9, time.time() + 9))
        with self.assertRaisesRegex(linkgraph.Stale, "older than controlplane/core/c.c"):
            self.read()


class Callers(unittest.TestCase):
    """Functions that headers declare and no other file of the planes calls."""

    TEXTS = {
        "common/base/a.h": "int used(void);\nint own(void);\nint tested(void);\nint only_tested(void);\nint nobody(void);\nint by_macro(int x);\n"
                           "#define BY_MACRO(x) by_macro(x)\nstatic inline int in_line(void)\n{\n\treturn 0;\n}\n",
        "common/base/a.c": "int used(void)\n{\n}\nint own(void)\n{\n}\nint tested(void)\n{\n\treturn own();\n}\nint only_tested(void)\n{\n\treturn tested();\n}\n"
                           "int nobody(void)\n{ /* nobody() */\n}\nint by_macro(int x)\n{\n}\n",
        "common/base/b.c": "int b(void)\n{\n\treturn used() + BY_MACRO(1);\n}\n",
    }
    NAMES = ("used", "own", "tested", "only_tested", "nobody", "by_macro", "in_line")

    def test_idle(self):
        found = linkgraph.idle_functions([("common/base/a.h", n) for n in self.NAMES], self.TEXTS, ["tested(); only_tested(); in_line();"])
        self.assertEqual([(n, used) for _, n, used in found], [("own", True), ("only_tested", False), ("nobody", False), ("in_line", False)])


if __name__ == "__main__":
    unittest.main()
