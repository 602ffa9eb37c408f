#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What one file tells about another is so: paths, options of the configuration, options and verbs of programs, exit statuses, files of this
tree. Usage: tests/consistency.py BUILD"""
import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else os.path.join(ROOT, "build")
PROGRAMS = {"coyo": ("common/libcoyo/tool/coyo", "common/libcoyo/tool/coyo.1"), "coyoctl": ("controlplane/ctl/coyoctl", "controlplane/ctl/coyoctl.8"),
            "coyod": ("controlplane/daemon/coyod", "controlplane/daemon/coyod.8")}
MANUALS = [m for _, m in PROGRAMS.values()] + ["config/coyod.conf.5"]


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def files(*tops, ends):
    for top in tops:
        for d, _, names in os.walk(os.path.join(ROOT, top)):
            yield from (os.path.relpath(os.path.join(d, n), ROOT) for n in names if n.endswith(ends))


def plain(manual):
    """The text of a manual without its markup."""
    text = re.sub(r'^\.\\".*$', "", read(manual), flags=re.M)
    text = re.sub(r"^\.(?:[BIR]{1,2}|TP|PP|SH|nf|fi)\b ?", "", text, flags=re.M)
    return re.sub(r"\\f[BIRP]", "", text).replace("\\-", "-").replace('"', "")


def literals(text):
    """String literals of C, those side by side joined."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    for run in re.finditer(r'"(?:\\.|[^"\\\n])*"(?:\s*"(?:\\.|[^"\\\n])*")*', text):
        yield "".join(re.findall(r'"((?:\\.|[^"\\\n])*)"', run.group(0)))


def options():
    """{section: {option}} of the one table."""
    text = read("config/options.h")
    found = {}
    for m in re.finditer(r"#define CONF_(\w+)_OPTIONS\(O, S\)((?:.*\\\n)*.*\n)", text):
        found[m.group(1).lower()] = set(re.findall(r'O\(S, \w+, "([^"]+)"', m.group(2)))
    return found


def run(program, *words):
    r = subprocess.run([os.path.join(BUILD, PROGRAMS[program][0]), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    return r.returncode, r.stdout + r.stderr


class Paths(unittest.TestCase):
    def test_one_header_says_where_things_are(self):
        """Every path of ours that a program, sample, unit or manual names is one of common/ipc/paths.h, or the folder of one."""
        known = set(re.findall(r'#define PATH_\w+\s+"([^"]+)"', read("common/ipc/paths.h")))
        self.assertTrue(len(known) >= 5)
        known |= {os.path.dirname(p) for p in known}
        wrong = []
        for f in (*files("common", "config", "controlplane", "dataplane", ends=(".c", ".h", ".in", ".conf", ".sample", ".1", ".5", ".8")), "README.md"):
            text = re.sub(r"/\*.*?\*/", " ", read(f), flags=re.S) if f.endswith((".c", ".h")) else read(f)
            for p in re.findall(r"(?<![\w$}])/(?:run|etc|var/lib|var/run)/[a-z][\w./-]*\w", text):
                if "coyo" in p and p not in known:
                    wrong.append("%s: %s" % (f, p))
        self.assertEqual(wrong, [])

    def test_sample_and_profiles_serve_where_programs_look(self):
        for f in ("config/coyod.conf.sample", "config/edge.conf"):
            self.assertIn("socket = /run/coyod/app.sock", read(f), f)
        for program, path in (("coyo", "/run/coyod/app.sock"), ("coyoctl", "/run/coyod/control.sock")):
            env = {k: v for k, v in os.environ.items() if k not in ("COYO_SOCKET", "COYO_CONTROL")}
            said = subprocess.run([os.path.join(BUILD, PROGRAMS[program][0]), "--help"], env=env, stdout=subprocess.PIPE, text=True, check=True).stdout
            self.assertIn(path, said)
            self.assertIn(path, plain(PROGRAMS[program][1]))

    def test_unit_makes_the_folders(self):
        unit = dict(line.split("=", 1) for line in read("config/coyod.service.in").split("\n") if "=" in line)
        paths = dict(re.findall(r'#define (PATH_\w+)\s+"([^"]+)"', read("common/ipc/paths.h")))
        for name in ("PATH_CONTROL_SOCKET", "PATH_APP_SOCKET"):
            self.assertEqual("/run/" + unit["RuntimeDirectory"], os.path.dirname(paths[name]))
        self.assertEqual("/var/lib/" + unit["StateDirectory"], paths["PATH_STATE"])
        self.assertEqual(os.path.basename(paths["PATH_CONF"]), unit["ExecStart"].rsplit("/", 1)[1])
        with open(os.path.join(BUILD, "config/coyod.service"), encoding="utf-8") as f:
            self.assertNotIn("@", f.read())

    def test_files_that_documents_name(self):
        """What stands in backquotes and looks like a file of this tree is one."""
        wrong = []
        for f in (*files("common", "config", "controlplane", "dataplane", "tests", ends=(".md",)), "README.md", "CONTRIBUTING.md"):
            for p in re.findall(r"`((?:common|config|controlplane|dataplane|tests|scripts)/[\w./-]+)`", read(f)):
                if not any(os.path.exists(os.path.join(ROOT, x)) for x in (p, os.path.join(os.path.dirname(f), p))):
                    if not re.search(r"\b[A-Z]{3,}\b|tests/sim/tcp_|^(config/conf|controlplane/(daemon|ctl)/\w+)$", p):
                        wrong.append("%s: %s" % (f, p))
        self.assertEqual(wrong, [])


class Options(unittest.TestCase):
    def test_messages_name_options_that_are(self):
        """`NAME = value` and `NAME in [SECTION]` in what programs say."""
        table = options()
        every = set().union(*table.values())
        self.assertTrue({"node", "worker", "api", "link"} <= set(table))
        wrong = []
        for f in files("config", "controlplane", "dataplane", "common", ends=(".c", ".h")):
            for s in literals(read(f)):
                s = s.replace("\\n", "\n")
                names = re.findall(r"(?<![\w%-])([a-z][a-z0-9-]*) = (?:[a-z0-9%])", s)
                wrong += ["%s: %s = ..." % (f, n) for n in names if n not in every]
                for n, section in re.findall(r"\b([a-z][a-z0-9-]*) in \[([a-z]+)[\] ]", s) + [m[::-1] for m in re.findall(r"\[([a-z]+)\] ([a-z][a-z-]*)\b", s)]:
                    if section in table and n not in table[section] and n not in ("no", "is", "of", "and", "or", "entries", "needs", "with", "has", "the"):
                        wrong.append("%s: %s in [%s]" % (f, n, section))
        self.assertEqual(wrong, [])

    def test_manuals_name_options_that_are(self):
        table = options()
        wrong = []
        for m in MANUALS:
            for n, section in re.findall(r"\b([a-z][a-z-]*)\s+in\s+\[([a-z]+)\]", plain(m)):
                if n not in table.get(section, ()):
                    wrong.append("%s: %s in [%s]" % (m, n, section))
        self.assertEqual(wrong, [])

    def test_advice_of_a_start_that_failed(self):
        """The message names the device, or the option, at fault."""
        with tempfile.TemporaryDirectory() as d:
            key, conf = os.path.join(d, "key"), os.path.join(d, "conf")
            self.assertEqual(run("coyo", "keygen", "-o", key)[0], 0)
            for device, huge, words in (("net_af_paket0,iface=lo", "no", ("[port p0] net_af_paket0", "no driver of that name")),
                                        ("net_null0,nosuchoption=1", "no", ("[port p0] net_null0",))):
                with open(conf, "w", encoding="ascii") as f:
                    f.write("[node]\nkey = %s\ncontrol = %s/ctl\n[worker]\nhugepages = %s\n[port p0]\ndevice = %s\n"
                            "[link l]\ntype = ethernet\nport = p0\nseal = no\ncontrol = no\n" % (key, d, huge, device))
                os.environ["RUNTIME_DIRECTORY"] = d
                status, said = run("coyod", "-c", conf)
                error = [line for line in said.split("\n") if line.startswith("error ")]
                self.assertEqual(status, 1, said)
                self.assertTrue(error, said)
                for w in words:
                    self.assertIn(w, error[-1])
                self.assertNotIn("huge", error[-1])


class Programs(unittest.TestCase):
    def test_options_in_help_and_manual(self):
        for program, (_, manual) in PROGRAMS.items():
            status, said = run(program, "--help")
            self.assertEqual(status, 0)
            # -- alone, and what the manual tells of another program, are none.
            of = lambda text: {o for o in re.findall(r"(?<![\w-])(--?[a-z][a-z-]*)\b", text)}
            told, written = of(said), of(plain(manual).split("\nEXAMPLES\n")[0])
            if program == "coyo":
                told, written = told - {"-h"}, written - {"-h", "-c", "-x"}
            self.assertEqual(told ^ written, set(), program)

    def test_verbs_in_help_and_manual(self):
        for program, verbs in (("coyo", ("keygen", "id", "listen", "connect", "names", "run", "proxy", "resolver")), ("coyoctl", ("show", "lookup", "ping", "trace", "drain", "reload", "allow", "deny"))):
            said, text = run(program, "--help")[1], plain(PROGRAMS[program][1])
            for v in verbs:
                self.assertRegex(said, r"(?m)^ +(?:coyo )?%s\b" % v)
                self.assertRegex(text, r"(?m)^\W*%s\b" % v)
                self.assertNotIn("unknown verb", run(program, v, *["--nonsense"] * (v in ("proxy", "resolver")))[1])
            told = set(re.findall(r"(?m)^  (?:coyo )?([a-z]+)\b", said.split("usage:", 1)[1]))
            self.assertEqual(told - {"coyo"}, set(verbs), said)

    def test_exit_statuses(self):
        """Help and manual of each program give the numbers of the one table, and no others."""
        table = {int(n): name for name, n in re.findall(r"X\((\w+), (\d+),", read("common/program/program.h"))}
        self.assertEqual(sorted(table), [0, 1, 2, 3])
        for program, (_, manual) in PROGRAMS.items():
            said = run(program, "--help")[1].split("Exit status:", 1)[1]
            section = re.search(r'^\.SH "?EXIT STATUS"?\n((?:(?!\.SH).*\n)*)', read(manual), flags=re.M).group(1)
            numbers = [sorted({int(n) for n in re.findall(r"(?<![\w.])(\d)(?=[ :]|$)", t, flags=re.M)}) for t in (said, section)]
            self.assertEqual(numbers[0], numbers[1], program)
            self.assertTrue(set(numbers[0]) <= set(table), program)
            self.assertEqual(numbers[0][:3], [0, 1, 2])
        self.assertIn("RestartPreventExitStatus=2\n", read("config/coyod.service.in"))

    def test_versions_agree(self):
        version = re.search(r"version: '([\d.]+)'", read("meson.build")).group(1)
        for program in PROGRAMS:
            self.assertIn(version, run(program, "--version")[1])
        self.assertIn('"%s"' % version, read("common/libcoyo/coyo.h"))
        for m in MANUALS:
            said = re.search(r'^\.TH .*$', read(m), flags=re.M).group(0)
            if "IPvCoyo " in said:
                self.assertIn("IPvCoyo " + version, said, m)


if __name__ == "__main__":
    unittest.main(verbosity=1)
