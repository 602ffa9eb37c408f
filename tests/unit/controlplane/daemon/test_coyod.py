#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The daemon's shell as a process (node and data plane remember only), asked by the real coyoctl.

usage: test_coyod.py COYOD COYOCTL COYO
"""
import fcntl
import json
import os
import pwd
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest

COYOD, COYOCTL, COYO = sys.argv[1:4]
PEER = ("sajal7beq5tbgxn7ws7bwbwkan4pwpnddtysjt4js4nyfbda6tjtmiva3tj72ehbzwokqfelnapstujxs2ltbhcpzw6tlzw6"
        "ndb66hsf5iaq")
LINK = "[link %s]\ntype = udp-socket\nlocal = 127.0.0.1:0\nremote = 127.0.0.1:9\npeer = " + PEER + "\n"


def give(folder):
    """Root's daemon becomes another user once it has started: then the folder is to be that user's."""
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
        os.chown(folder, user.pw_uid, user.pw_gid)


def new_key():
    """A key of this run's own, as a machine runs each key once: its file's line with the secret, and its id."""
    with tempfile.TemporaryDirectory(prefix="coyo-") as where:
        path = os.path.join(where, "key")
        subprocess.run([COYO, "keygen", "-o", path], stdout=subprocess.PIPE, check=True)
        r = subprocess.run([COYO, "id", path], stdout=subprocess.PIPE, text=True, check=True)
        with open(path, encoding="ascii") as f:
            return [x for x in f if x.startswith("coyo-secret-key")][0], r.stdout.split()[-1]


KEY, ID = new_key()


def sanitized():
    """Whether the daemon under test is built with the address sanitizer."""
    with open(COYOD, "rb") as f:
        return b"__asan_init" in f.read()


class Daemon:
    def __init__(self, directory, conf, *args, env=None, stderr=subprocess.PIPE, closed=(), before=None):
        self.dir, self.conf = directory, os.path.join(directory, "conf")
        with open(self.conf, "w", encoding="ascii") as f:
            f.write(conf)
        self.socket = os.path.join(directory, "ctl")
        self.proc = subprocess.Popen([COYOD, "-c", self.conf, *args], stderr=stderr, text=True, env=dict(os.environ, **(env or {})),
                                     preexec_fn=(lambda: [os.close(fd) for fd in closed]) if closed else before)
        self.log = []

    def until(self, words, seconds=5):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            line = self.proc.stderr.readline()
            self.log.append(line)
            if words in line:
                return line
            if not line:
                break
        raise AssertionError("no line with %r in %r" % (words, self.log))

    def listens(self, seconds=5):
        """Waits until the control socket answers."""
        end = time.monotonic() + seconds
        while b'"name"' not in (os.path.exists(self.socket) and self.raw(b"show node\n") or b""):
            if self.proc.poll() is not None or time.monotonic() > end:
                raise AssertionError("the daemon does not answer (status %s)" % self.proc.returncode)
            time.sleep(0.02)

    def ctl(self, *words, status=0):
        r = subprocess.run([COYOCTL, "-s", self.socket, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           timeout=10, check=False)
        if r.returncode != status:
            raise AssertionError("coyoctl %s: status %d, %s%s" % (words, r.returncode, r.stdout, r.stderr))
        self.stderr = r.stderr
        return r.stdout

    def json(self, *words, status=0):
        return json.loads(self.ctl("--json", *words, status=status))

    def raw(self, data, half_close=False):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(8)
        try:
            s.connect(self.socket)
        except ConnectionRefusedError:
            return b""
        try:
            s.sendall(data)
            if half_close:
                s.shutdown(socket.SHUT_WR)
        except BrokenPipeError:
            pass
        got = b""
        try:
            while chunk := s.recv(65536):
                got += chunk
        except ConnectionResetError:
            pass
        s.close()
        return got

    def end(self):
        if self.proc.poll() is None:
            self.proc.terminate()
            try:
                self.proc.wait(5)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
        if self.proc.stderr:
            self.proc.stderr.close()


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="coyo-", dir="/tmp")
        self.key = os.path.join(self.dir, "key")
        with open(self.key, "w", encoding="ascii") as f:
            f.write(KEY)
        os.chmod(self.key, 0o600)
        self.daemons = []
        give(self.dir)

    def tearDown(self):
        for d in self.daemons:
            d.end()
        shutil.rmtree(self.dir)

    def conf(self, more="", links=("l1",)):
        own = "user = nobody" if os.geteuid() == 0 else "core-dumps = yes"  # or its descriptors could not be looked at
        return ("[node]\nname = n\nkey = %s\nstate = %s\ncontrol = %s/ctl\nsandbox = kill\n%s\n[worker]\ncount = 2\n[names]\nb = %s\n" % (
            self.key, self.dir, self.dir, own, PEER) + "".join(LINK % n for n in links) + more)

    def start(self, more="", *args, links=("l1",), env=None):
        d = Daemon(self.dir, self.conf(more, links), *args, env=env)
        self.daemons.append(d)
        d.until("info ready")
        return d

    def fails(self, conf, status, words, *args):
        d = Daemon(self.dir, conf, *args)
        self.daemons.append(d)
        self.assertEqual(d.proc.wait(5), status)
        text = d.proc.stderr.read()
        self.assertIn(words, text)
        self.assertFalse(os.path.exists(d.socket))
        return text

    # ---- start and end ----

    def test_check(self):
        path = os.path.join(self.dir, "conf")
        with open(path, "w", encoding="ascii") as f:
            f.write(self.conf())
        r = subprocess.run([COYOD, "--check", "-c", path], stdout=subprocess.PIPE, text=True, check=False)
        self.assertEqual(r.returncode, 0)
        self.assertIn("1 links", r.stdout)
        with open(path, "a", encoding="ascii") as f:
            f.write("[lnk x]\n")
        os.unlink(self.key)
        r = subprocess.run([COYOD, "--check", "-c", path], stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(r.returncode, 2)
        self.assertIn("did you mean [link]?", r.stderr)
        self.assertIn(path + ":3: key: ", r.stderr)  # both errors in one run

    def test_check_bad_inputs(self):
        """Each is named with file and line, exit status 2, and nothing is started: no socket, no state, nothing on stdout."""
        key, words = "key = %s\n" % self.key, "local = 127.0.0.1:0\npeer = %s\n" % PEER
        node = "[node]\n" + key
        link = "[link l]\ntype = udp-socket\n" + words
        for conf, line, reason in (
                (node + "colour = red\n", 3, "colour"),
                (node + "transt = no\n", 3, "did you mean `transit`"),
                (node + "[worker]\ncount = many\n", 4, "count"),
                (node + "[worker]\ncount = 0\n", 4, "count"),
                (node + "[worker]\ncount = 18446744073709551617\n", 4, "count"),
                (node + "[worker]\nidle = sometimes\n", 4, "idle"),
                (node + "transit = perhaps\n", 3, "transit"),
                (node + key, 3, "key"),
                (node + "[worker]\ncount = 1\n[worker]\n", 5, "duplicate section [worker]"),
                (node + link + link, 7, "duplicate section [link l]"),
                (node + link + "mtu = 1400\nmtu = 1400\n", 8, "mtu"),
                (node + link + "mtu = 12\n", 7, "mtu"),
                (node + link + "seal = no\n", 7, "trusted"),
                (node + link.replace(PEER, PEER[:-1] + "a"), 6, "peer"),
                (node + link.replace(PEER[:8], "aaaaaaaa"), 6, "checksum"),
                (node + link.replace("127.0.0.1:0", "127.0.0.1:99999"), 5, "local"),
                (node + link.replace("127.0.0.1:0", "somewhere"), 5, "local"),
                (node + "[link l]\ntype = ethernet\nport = none\npeer = %s\n" % PEER, 5, "none"),
                (node + "[link l]\ntype = carrier-pigeon\n", 4, "type"),
                (node + "[node\n", 3, ""),
                (node + "a line of prose\n", 3, ""),
                ("stray = 1\n" + node, 1, "stray"),
                (node + "name = " + "n" * 5000 + "\n", 3, ""),
                (node + "name = a\0b\n", 3, ""),
                (node + "rekey-s = 100\nkey-reject-s = 100\n", 4, "must be above rekey-s"),
                ("[node]\nkey = %s/none\n" % self.dir, 2, "none"),
                ("[node]\nkey = %s\n" % self.dir, 2, "key")):
            before = sorted(os.listdir(self.dir))
            path = os.path.join(self.dir, "conf")
            with open(path, "w", encoding="latin-1") as f:
                f.write(conf)
            r = subprocess.run([COYOD, "--check", "-c", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=10, check=False)
            with self.subTest(conf=conf[-200:], said=r.stderr):
                self.assertEqual(r.returncode, 2)
                self.assertEqual(r.stdout, "")
                mine = [x for x in r.stderr.splitlines() if x.split(path)[-1].startswith(":%d: " % line)]
                self.assertTrue(mine, "no error at line %d" % line)
                self.assertIn(reason, mine[0])
                self.assertEqual(sorted(os.listdir(self.dir)), sorted(set(before) | {"conf"}))

    def test_check_bad_files(self):
        path, empty = os.path.join(self.dir, "conf"), os.path.join(self.dir, "empty")
        open(empty, "wb").close()
        noise = os.path.join(self.dir, "noise")
        with open(noise, "wb") as f:
            f.write(bytes(range(256)) * 40)
        for words in (["-c", os.path.join(self.dir, "nowhere")], ["-c", self.dir], ["-c", empty], ["-c", noise], [], ["-c"]):
            r = subprocess.run([COYOD, "--check", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=10, check=False)
            with self.subTest(words=words, said=r.stderr[:500]):
                self.assertEqual(r.returncode, 2)
                self.assertTrue(r.stderr)
        # A damaged, an empty and another's key file.
        with open(path, "w", encoding="ascii") as f:
            f.write(self.conf())
        for text in ("", "nonsense\n", KEY.replace(KEY.split()[1][:8], "0" * 8), KEY[:40]):
            with open(self.key, "w", encoding="ascii") as f:
                f.write(text)
            r = subprocess.run([COYOD, "--check", "-c", path], stderr=subprocess.PIPE, text=True, timeout=10, check=False)
            with self.subTest(key=text, said=r.stderr):
                self.assertEqual(r.returncode, 2)
                self.assertIn(path + ":3: key: ", r.stderr)

    def test_refusals(self):
        self.fails(self.conf("[worker]\n"), 2, "duplicate section [worker]")
        os.chmod(self.key, 0o644)
        self.fails(self.conf(), 2, "can be read by others")
        os.chmod(self.key, 0o600)
        self.fails(self.conf(), 1, "error the data plane was told to fail", "--", "--fail")
        self.fails(self.conf(), 2, "EAL options come after --", "stray")
        self.fails(self.conf(LINK.replace(PEER, ID) % "me"), 2, "peer: this is the id of this node itself")
        taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        taken.bind(("127.0.0.1", 0))
        local = "[link u]\ntype = udp-socket\nlocal = 127.0.0.1:%d\n" % taken.getsockname()[1]
        self.fails(self.conf(local), 1, "another process (or link) has this port")
        taken.close()
        r = subprocess.run([COYOD], stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(r.returncode, 2)
        self.assertIn("coyod -c FILE", r.stderr)
        r = subprocess.run([COYOD, "--version"], stdout=subprocess.PIPE, text=True, check=True)
        self.assertRegex(r.stdout, r"^coyod \d")

    def test_told_to_end_while_starting(self):
        """Whatever the start is at: at once where it is quick, within a second where a driver takes its time."""
        for slow, at in ((20000, 0.2), (20000, 0.02), (300, 0.1), (5, 0.02)):
            d = Daemon(self.dir, self.conf(), "--", "--slow=%d" % slow)
            self.daemons.append(d)
            while not os.path.exists(d.socket):
                time.sleep(0.002)
            time.sleep(at)
            with self.subTest(slow=slow, at=at):
                self.ends(d)
                self.assertIn("info stopped", d.proc.stderr.read())
                self.assertFalse(os.path.exists(d.socket))
        d = Daemon(self.dir, self.conf(), "--", "--slow=20000")
        self.daemons.append(d)
        while not os.path.exists(d.socket):
            time.sleep(0.002)
        time.sleep(0.1)
        d.proc.send_signal(signal.SIGINT)
        time.sleep(0.1)
        self.ends(d, 0.3)  # a second one does not wait

    def test_open_files(self):
        """The soft limit is raised; what the hard one lacks is told with the number, and that number is enough."""
        def limit(soft, hard):
            return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        d = Daemon(self.dir, self.conf(), before=limit(16, 16))
        self.daemons.append(d)
        self.assertEqual(d.proc.wait(5), 1)
        text = d.proc.stderr.read()
        self.assertRegex(text, r"^error 16 open files are allowed and \d+ are needed at least .*LimitNOFILE=.*\n$")
        need = int(text.split("allowed and ")[1].split()[0])
        d = Daemon(self.dir, self.conf(), before=limit(need - 1, need - 1))
        self.daemons.append(d)
        self.assertEqual(d.proc.wait(5), 1)
        d = Daemon(self.dir, self.conf(), before=limit(16, need))
        self.daemons.append(d)
        d.listens()
        self.ends(d)

    def test_memory_that_does_not_fit(self):
        """--check says what a start would say."""
        conf = self.conf().replace("count = 2", "count = 2\nmemory-mb = 5000")
        self.fails(conf, 1, "error there is memory for 4096 MiB")
        self.fails(conf, 2, "conf: there is memory for 4096 MiB", "--check")

    def status(self, d, field):
        with open("/proc/%d/status" % d.proc.pid, encoding="ascii") as f:
            return [x.split()[1:] for x in f if x.startswith(field + ":")][0]

    def limits(self, d, field):
        with open("/proc/%d/limits" % d.proc.pid, encoding="ascii") as f:
            return [x for x in f if x.startswith(field)][0].split()[-3]

    def test_gives_up_what_it_can(self):
        """No new privileges, no core file, no tracing, the key locked in memory; root becomes another user without capabilities."""
        d = self.start()
        self.assertEqual(self.status(d, "NoNewPrivs"), ["1"])
        if os.geteuid() == 0:
            self.assertEqual(self.limits(d, "Max core file size"), "0")
            # The leak sanitizer traces its own process, and the address sanitizer locks no memory.
            if not sanitized():
                self.assertEqual(os.stat("/proc/%d/mem" % d.proc.pid).st_uid, 0)  # whom the kernel lets trace it
                self.assertGreater(int(self.status(d, "VmLck")[0]), 0)
            uid = pwd.getpwnam("nobody").pw_uid
            for task in os.listdir("/proc/%d/task" % d.proc.pid):
                with open("/proc/%d/task/%s/status" % (d.proc.pid, task), encoding="ascii") as f:
                    text = f.read()
                self.assertRegex(text, r"\nUid:\t%d\t%d\t%d\t%d\n" % (uid, uid, uid, uid))
                self.assertRegex(text, r"\nCapPrm:\t0+\n")
                self.assertRegex(text, r"\nCapEff:\t0+\n")
                self.assertRegex(text, r"\nGroups:\t *\n")
            self.ends(d)
            self.assertEqual(sorted(os.listdir(self.dir)), ["conf", "contacts", "key"])

    def test_sandbox(self):
        """A program that is to be run in the daemon's place: denied, the end, or, without a sandbox, run."""
        if sanitized():
            self.skipTest("a sanitizer's build has no sandbox")
        slow = "hello-idle-ms = 300\n[worker]"
        offence = {"FAKE_OFFENCE": "1"}
        for mode, status, said in (("kill", -signal.SIGSYS, "error the sandbox has no system call number"), ("deny", None, ""), ("no", 0, "")):
            d = Daemon(self.dir, self.conf().replace("[worker]", slow, 1).replace("sandbox = kill", "sandbox = " + mode), env=offence)
            self.daemons.append(d)
            with self.subTest(mode=mode):
                text = d.until("info ready")
                if "no sandbox: " in "".join(d.log):
                    self.skipTest("a build without")
                for task in os.listdir("/proc/%d/task" % d.proc.pid):
                    with open("/proc/%d/task/%s/status" % (d.proc.pid, task), encoding="ascii") as f:
                        self.assertIn("Seccomp:\t%d\n" % (0 if mode == "no" else 2), f.read())
                if status is None:
                    time.sleep(1)
                    self.assertEqual(d.json("show", "node")["name"], "n")
                    self.ends(d)
                else:
                    self.assertEqual(d.proc.wait(5), status)
                    text = d.proc.stderr.read()
                    self.assertIn(said, text)
                if mode == "no" and os.path.exists(d.socket):
                    os.unlink(d.socket)

    def test_core_dumps_where_they_are_asked_for(self):
        d = Daemon(self.dir, self.conf().replace("[worker]", "core-dumps = yes\n[worker]", 1) if os.geteuid() == 0 else self.conf())
        self.daemons.append(d)
        d.listens()
        if os.geteuid() == 0:
            self.assertEqual(os.stat("/proc/%d/mem" % d.proc.pid).st_uid, pwd.getpwnam("nobody").pw_uid)

    @unittest.skipUnless(os.geteuid() == 0, "root's daemon is another's")
    def test_user_that_is_not_there(self):
        self.fails(self.conf().replace("user = nobody", "user = no-such-user"), 1, "error user = no-such-user: there is no such user; make it")
        self.fails(self.conf().replace("user = nobody", "user = no-such-user"), 2, "user = no-such-user: there is no such user", "--check")

    @unittest.skipUnless(os.geteuid() == 0, "root's daemon is another's")
    def test_keeps_the_capabilities_of_what_is_configured(self):
        """A low port and a packet socket may have to be opened again."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:  # a low port that is free
            for port in range(1023, 900, -1):
                try:
                    s.bind(("127.0.0.1", port))
                    break
                except OSError:
                    pass
        d = self.start("[port p]\ndevice = net_af_packet0,iface=lo\n[link low]\ntype = udp-socket\nlocal = 127.0.0.1:%d\n" % port)
        caps = int(self.status(d, "CapEff")[0], 16)
        self.assertEqual(caps, 1 << 10 | 1 << 12 | 1 << 13)

    def test_orderly_end(self):
        d = self.start()
        self.assertEqual(stat.S_IMODE(os.stat(d.socket).st_mode), 0o600)
        d.proc.send_signal(signal.SIGTERM)
        self.assertEqual(d.proc.wait(4), 0)
        self.assertFalse(os.path.exists(d.socket))
        state = os.path.join(self.dir, "contacts")
        self.assertEqual(os.stat(state).st_size, 100000)
        self.assertEqual(stat.S_IMODE(os.stat(state).st_mode), 0o600)
        self.assertEqual([f for f in os.listdir(self.dir) if f.endswith(".new")], [])

    def other(self, where, key=None):
        """A configuration in a folder of its own, with a copy of the key or with another one."""
        os.mkdir(where, 0o700)
        give(where)
        path = os.path.join(where, "key")
        with open(path, "w", encoding="ascii") as f:
            f.write(key or KEY)
        os.chmod(path, 0o600)
        return self.conf().replace(self.key, path)

    def refused(self, conf, words):
        """A second daemon is refused, and the first one unharmed."""
        d = Daemon(os.path.join(self.dir, "o"), conf)
        self.daemons.append(d)
        self.assertEqual(d.proc.wait(5), 1)
        self.assertIn(words, d.proc.stderr.read())
        self.assertEqual(self.daemons[0].json("show", "node")["name"], "n")

    def test_second_daemon_and_stale_socket(self):
        d = self.start()
        self.refused(self.other(os.path.join(self.dir, "o"), new_key()[0]), "another coyod listens there")
        d.proc.kill()
        d.proc.wait()
        self.assertTrue(os.path.exists(d.socket))
        self.start().json("show", "node")

    def test_one_key_twice(self):
        """The same file, a copy, a link to it: the second one names the first; a daemon that was killed holds nothing."""
        d = self.start()
        words = "error another coyod, process %d, runs with the key of " % d.proc.pid
        conf = self.other(os.path.join(self.dir, "o"))
        mine, copy, linked = self.key, os.path.join(self.dir, "o", "key"), os.path.join(self.dir, "linked")
        os.link(mine, linked)
        for path in (mine, copy, linked):
            self.refused(conf.replace("key = " + copy, "key = " + path).replace("/ctl", "/o/ctl"), words + path)
        d.proc.kill()
        d.proc.wait()
        d = Daemon(os.path.join(self.dir, "o"), conf.replace("/ctl", "/o/ctl"))
        self.daemons.append(d)
        d.until("info ready")
        self.ends(d)
        self.start()

    def test_notify(self):
        path = os.path.join(self.dir, "notify")
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind(path)
        s.settimeout(5)
        d = self.start(env={"NOTIFY_SOCKET": path})
        got = []
        while b"READY=1" not in got:
            got.append(s.recv(200))
        self.assertIn(b"STATUS=1 of 1 links up", got)
        d.proc.send_signal(signal.SIGTERM)
        while b"STOPPING=1" not in got:
            got.append(s.recv(200))
        s.close()
        self.assertEqual(d.proc.wait(4), 0)

    def test_notify_socket_full(self):
        """A manager that does not read keeps nobody waiting, and is told once it reads."""
        path = os.path.join(self.dir, "notify")
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind(path)
        s.settimeout(5)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as filler:
            with self.assertRaises(BlockingIOError):
                while True:
                    filler.sendto(b"x", path)
        d = self.start(env={"NOTIFY_SOCKET": path})
        self.assertEqual(d.json("show", "node")["name"], "n")
        got = b""
        while b"READY=1" not in got.split(b"\n"):
            got = s.recv(300)
        self.assertIn(b"STATUS=1 of 1 links up", got.split(b"\n"))
        s.close()

    # ---- a log that is not read ----

    def errors(self, d, n):
        """Makes the daemon log n lines and a few more, all errors."""
        with open(d.conf, "w", encoding="ascii") as f:
            f.write("nonsense\n" * 60)
        for _ in range(n // 50 + 1):
            self.assertEqual(d.json("reload", status=1)["code"], "EINVAL")

    def ends(self, d, seconds=1.0, status=0):
        began = time.monotonic()
        d.proc.send_signal(signal.SIGTERM)
        self.assertEqual(d.proc.wait(5), status)
        self.assertLess(time.monotonic() - began, seconds)

    def lost(self, d):
        n = d.json("show", "node")["log_lines_lost"]
        rows = [r["count"] for r in d.json("show", "drops")["control"] if r["counter"] == "log_lines_lost"]
        self.assertGreaterEqual(rows[0], n)
        return n

    def test_stderr_a_full_pipe(self):
        r, w = os.pipe()
        fcntl.fcntl(w, fcntl.F_SETPIPE_SZ, 4096)
        os.write(w, b"x" * 4096)
        d = self.begin(w)
        os.close(w)
        self.assertEqual(self.lost(d), 0)
        self.errors(d, 500)
        lost = self.lost(d)
        self.assertGreater(lost, 200)
        text = b""
        while b"lines were lost" not in text:
            text += os.read(r, 4096)
        self.assertEqual([int(x.split()[1]) for x in text.decode().splitlines() if "were lost" in x], [lost])
        self.assertIn(b"info ready", text)
        self.errors(d, 500)
        self.ends(d)
        os.close(r)

    def test_stderr_a_stalled_journal(self):
        """A stream socket whose other end does not read, as the journal's when it stands still."""
        ours, theirs = socket.socketpair()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        d = self.begin(theirs.fileno())
        theirs.close()
        self.errors(d, 700)
        self.assertGreater(self.lost(d), 200)
        self.ends(d)
        ours.close()

    def test_stderr_a_stopped_terminal(self):
        """Ctrl-S."""
        master, slave = os.openpty()
        termios.tcflow(slave, termios.TCOOFF)
        d = self.begin(slave)
        self.errors(d, 500)
        self.assertGreater(self.lost(d), 200)
        self.ends(d)
        os.close(slave)
        os.close(master)

    def test_stderr_without_a_reader(self):
        """No SIGPIPE; lines are counted."""
        r, w = os.pipe()
        os.close(r)
        d = self.begin(w)
        os.close(w)
        self.errors(d, 50)
        self.assertGreater(self.lost(d), 50)
        self.ends(d)

    def test_standard_descriptors_closed(self):
        """The log goes nowhere, above all not into the first socket that is opened."""
        d = Daemon(self.dir, self.conf(), closed=(0, 1, 2))
        self.daemons.append(d)
        d.listens()
        self.errors(d, 50)
        for fd in (0, 1, 2):
            self.assertEqual(os.readlink("/proc/%d/fd/%d" % (d.proc.pid, fd)), "/dev/null")
        self.assertEqual(self.lost(d), 0)
        self.ends(d)

    def begin(self, stderr):
        d = Daemon(self.dir, self.conf(), stderr=stderr)
        self.daemons.append(d)
        d.listens()
        return d

    def test_idle(self):
        d = self.start()

        def cpu():
            with open("/proc/%d/stat" % d.proc.pid, encoding="ascii") as f:
                w = f.read().rsplit(")", 1)[1].split()
            return int(w[11]) + int(w[12])

        def switches():
            with open("/proc/%d/status" % d.proc.pid, encoding="ascii") as f:
                return [int(x.split()[1]) for x in f if x.startswith("voluntary_ctxt")][0]
        time.sleep(0.3)
        c0, s0 = cpu(), switches()
        time.sleep(2)
        self.assertLessEqual(cpu() - c0, 2)
        self.assertLess(switches() - s0, 10)

    # ---- views ----

    def test_show(self):
        d = self.start()
        links = d.json("show", "links")["links"]
        self.assertEqual([(x["name"], x["state"], x["peer"], x["peer_name"]) for x in links], [("l1", "up", PEER, "b")])
        t = d.json("show", "tunnels")["tunnels"][0]
        self.assertEqual(t["nonce"], "fedcba9876543210")
        self.assertEqual((t["fwd_in_link"], t["fwd_in_label"], t["fwd_out_link"], t["fwd_out_label"]), (None, None, "l1", 4711))
        self.assertEqual((t["first_hops"], t["hops"], t["setup_ms"]), (5, 4, 12.5))
        s = d.json("show", "sessions")["sessions"]
        self.assertEqual([x["nonce"] for x in s], ["fedcba9876543210", None])
        c = d.json("show", "contacts")["contacts"][0]
        self.assertEqual((c["finger_link"], c["finger_label"], c["rtt_us"]), (None, None, 2.5))
        c = d.json("show", "connections")["connections"]
        self.assertEqual([(x["worker"], x["state"], x["local_port"]) for x in c],
                         [(0, "ESTABLISHED", 7000), (1, "ESTABLISHED", 7000)])
        c = d.json("show", "sockets")["sockets"]
        self.assertEqual([(x["worker"], x["pid"], x["uid"], x["unread_bytes"], x["remote"]) for x in c],
                         [(0, 42, 1000, 17, None), (1, 42, 1000, 17, None)])
        labels = d.json("show", "labels", "-n", "5")
        self.assertEqual(len(labels["labels"]), 5)
        self.assertTrue(labels["truncated"])
        self.assertFalse(d.json("show", "labels")["truncated"])
        drops = d.json("show", "drops")
        self.assertEqual(drops["drops"][0], {"reason": "runt", "count": 0, "text": "frame shorter than its headers"})
        self.assertEqual(drops["control"], [
            {"counter": "malformed", "count": 3, "text": "malformed control message"},
            {"counter": "log_lines_lost", "count": 0, "text": "lines of the log that its reader did not take in time"}])
        self.assertEqual([w["switched_packets"] for w in d.json("show", "workers")["workers"]], [0, 1])
        n = d.json("show", "node")
        self.assertEqual((n["id"], n["links_up"], n["memory"]), (ID, 1, "nothing at all"))
        conf = d.json("show", "config")
        self.assertEqual(conf["config"][0]["options"]["rekey-s"], "120")
        self.assertEqual(conf["names"], {"b": PEER})
        for view in "node links contacts tunnels sessions connections sockets labels drops workers config".split():
            text = d.ctl("show", view)
            self.assertGreater(len(text.split("\n")), 2, view)
            self.assertFalse(any(line != line.rstrip() for line in text.split("\n")), view)
        self.assertIn("12.5 ms", d.ctl("show", "tunnels"))

    def test_long_view(self):
        """100 000 rows: one document; whoever asks meanwhile is answered; who does not read, or leaves, holds nobody up."""
        d = self.start(env={"FAKE_TUNNELS": "100000"})

        def peak():
            with open("/proc/%d/status" % d.proc.pid, encoding="ascii") as f:
                return [int(x.split()[1]) for x in f if x.startswith("VmHWM")][0]
        before = peak()
        mute = socket.socket(socket.AF_UNIX)
        mute.connect(d.socket)
        mute.sendall(b"show tunnels limit=100000\n")
        gone = socket.socket(socket.AF_UNIX)
        gone.connect(d.socket)
        gone.sendall(b"show tunnels limit=100000\n")
        self.assertTrue(gone.recv(1000).startswith(b'{"tunnels":[{"nonce":"fedcba9876543210"'))
        reader = socket.socket(socket.AF_UNIX)
        reader.connect(d.socket)
        reader.sendall(b"show tunnels limit=100000\n")
        got = [reader.recv(65536)]
        for _ in range(20):  # between two slices
            got.append(reader.recv(65536))
            self.assertEqual(d.json("show", "node")["name"], "n")
        gone.close()
        while chunk := reader.recv(1 << 20):
            got.append(chunk)
        reader.close()
        rows = json.loads(b"".join(got))["tunnels"]
        self.assertEqual([int(r["nonce"], 16) - 0xfedcba9876543210 for r in rows], list(range(100000)))
        self.assertEqual(len(d.json("show", "tunnels")["tunnels"]), 100000)
        few = d.json("show", "tunnels", "-n", "99999")
        self.assertEqual((len(few["tunnels"]), few["truncated"]), (99999, True))
        self.assertIn("... more rows were left out", d.ctl("show", "tunnels", "-n", "500"))
        mute.close()
        self.assertLess(peak() - before, 20000)  # KiB: no answer was ever held as a whole

    def test_questions(self):
        d = self.start()
        look = d.json("lookup", "b")
        self.assertEqual((look["id"], look["exact"], look["hops"]), (PEER, True, 2))
        p = d.json("ping", "b", "-c", "3", "-i", "50")
        self.assertEqual([a["rtt_us"] for a in p["answers"]], [1500, None, 1500])
        self.assertEqual((p["result"]["sent"], p["result"]["received"]), (3, 2))
        t = d.json("trace", ID)
        self.assertEqual([(h["hop"], h["in_label"], h["out_label"]) for h in t["answers"]], [(1, 100, 101), (2, 101, None)])
        self.assertIn("seq 2: no answer", d.ctl("ping", "b"))
        self.assertIn("this is the node itself", d.ctl("lookup", "b"))
        self.assertIn("label in 100", d.ctl("trace", "b"))
        v = d.json("drain")
        self.assertEqual((v["drained"], v["withdrawn"], v["left"]), (True, 0, 0))
        self.assertTrue(d.json("show", "node")["draining"])
        d.ctl("ping", "nobody", status=2)
        self.assertIn("no name of [names] and no node id", d.stderr)
        typo = ("a" if ID[20] != "a" else "b").join((ID[:20], ID[21:]))
        self.assertEqual(d.json("ping", typo, status=2)["result"]["code"], "EINVAL")
        self.assertIn("checksum", d.stderr)

    def test_drain_answers_when_it_is_through(self):
        """Tunnels in transit end one by one (here one at each look); others are answered meanwhile; after 5 s the rest is told."""
        d = self.start(env={"FAKE_TRANSIT": "20"})
        self.assertEqual(d.json("show", "node")["transit_tunnels"], 20)
        with subprocess.Popen([COYOCTL, "-s", d.socket, "--json", "drain"], stdout=subprocess.PIPE, text=True) as p:
            time.sleep(0.2)
            self.assertIsNone(p.poll())
            self.assertIn(d.json("show", "node")["transit_tunnels"], range(1, 20))
            v = json.loads(p.communicate(timeout=10)[0])
        self.assertEqual((v["drained"], v["withdrawn"], v["left"]), (True, 20, 0))
        self.assertGreater(v["took_us"], 200000)
        d.end()
        d = self.start(env={"FAKE_TRANSIT": "100000"})
        began = time.monotonic()
        v = d.json("drain")
        self.assertEqual((v["drained"], v["withdrawn"] + v["left"]), (False, 100000))
        self.assertLess(time.monotonic() - began, 7)
        self.assertIn("left: neighbours have not answered", d.ctl("drain"))
        began = time.monotonic()
        d.proc.send_signal(signal.SIGTERM)
        self.assertEqual(d.proc.wait(5), 0)
        self.assertGreater(time.monotonic() - began, 1.9)

    def test_coyoctl_usage(self):
        d = self.start()
        for words in (["show"], ["show", "nothing"], ["frob"], [], ["ping"], ["ping", "b", "-c", "0"], ["lookup", "b", "-c", "1"],
                      ["-x"], ["show", "links", "-n", "0"]):
            d.ctl(*words, status=2)
            self.assertIn("coyoctl", d.stderr)
        d.socket = os.path.join(self.dir, "none")
        d.ctl("show", "node", status=3)
        self.assertIn("no coyod runs with this control socket", d.stderr)
        for words, status, code in ((["show", "node"], 3, "ENOENT"), (["ping", "b"], 3, "ENOENT"), (["frob"], 2, "EINVAL"), ([], 2, "EINVAL"),
                                    (["show", "node", "-x"], 2, "EINVAL"), (["show", "links", "-n", "0"], 2, "EINVAL")):
            v = d.json(*words, status=status)
            self.assertEqual((sorted(v), v["code"]), (["code", "error"], code), words)
            self.assertIn(v["error"], d.stderr)
        with socket.socket(socket.AF_UNIX) as s:  # a daemon that ends, or is none
            s.bind(d.socket)
            s.listen(8)
            for answer in (b"", b"hello\n", b'{"seq":1,"rtt_us":5}\n', b'{"seq":1}\nhello\n'):
                for words in (["show", "node"], ["ping", "b"]):
                    if answer.startswith(b"{") and words[0] == "show":
                        continue
                    t = threading.Thread(target=self.one_answer, args=(s, answer))
                    t.start()
                    v = d.json(*words, status=1)
                    self.assertIn("error", v["result"] if words[0] == "ping" and answer.startswith(b"{") else v, (words, answer))
                    t.join()
        self.assertIn("usage: coyoctl", d.ctl("--help"))

    @staticmethod
    def one_answer(listener, answer):
        c = listener.accept()[0]
        c.recv(600)
        c.sendall(answer)
        c.close()

    # ---- reload ----

    def test_reload(self):
        d = self.start(links=("l1", "l2"))
        with open(d.conf, "w", encoding="ascii") as f:
            f.write(self.conf(links=("l1", "l3")).replace("count = 2", "count = 1"))
        r = d.json("reload")
        self.assertEqual(r["applied"], ["[link l2] removed", "[link l3] added"])
        self.assertEqual(r["needs_restart"], ["[worker] count"])
        self.assertEqual(len(d.json("show", "links")["links"]), 3)  # the fake keeps a removed link's row
        self.assertEqual(d.json("reload")["applied"], [])
        with open(d.conf, "w", encoding="ascii") as f:
            f.write(self.conf(links=("l1", "l3")).replace("count = 2", "count = 1").replace("\nb = ", "\nc = "))
        self.assertEqual(d.json("reload")["applied"], ["[names] replaced"])
        taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        taken.bind(("127.0.0.1", 0))
        with open(d.conf, "a", encoding="ascii") as f:
            f.write((LINK % "l4").replace("127.0.0.1:0", "127.0.0.1:%d" % taken.getsockname()[1]))
        r = d.json("reload")
        self.assertEqual((r["applied"], r["needs_restart"]), ([], ["[worker] count"]))
        self.assertEqual(r["failed"], ["[link l4] could not be added"])
        self.assertIn("failed, see the daemon's log, and tried again: [link l4]", d.ctl("reload"))
        taken.close()
        d.until("info reload: [link l4] added")  # by itself
        self.assertEqual(d.json("reload")["applied"], [])
        self.assertEqual({x["peer_name"] for x in d.json("show", "links")["links"]}, {"c"})
        with open(d.conf, "a", encoding="ascii") as f:
            f.write("nonsense\n")
        self.assertEqual(d.json("reload", status=1)["code"], "EINVAL")
        d.proc.send_signal(signal.SIGHUP)
        d.until("error reload: ")
        d.until("error reload: ")
        self.assertEqual(d.json("show", "node")["links"], 3)

    def test_listen(self):
        """A listener is added, changed and removed by reload; ids are let in and turned away, in its file where it has one."""
        d = self.start(links=("l1",))
        plain = self.conf(links=("l1",))
        ids = os.path.join(self.dir, "ids")

        def write(text):
            with open(d.conf, "w", encoding="ascii") as f:
                f.write(plain + text)

        with open(ids, "w", encoding="ascii") as f:
            f.write("# friends\n")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        door = "[listen door]\nlocal = 127.0.0.1:%d\n" % port
        self.assertEqual(d.json("allow", PEER, status=1)["code"], "ENOENT")
        write(door.replace("door", "late"))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", port))
            self.assertEqual(d.json("reload")["failed"], ["[listen late] could not be added"])
        d.until("info reload: [listen late] added")  # by itself
        write("")
        self.assertEqual(d.json("reload")["applied"], ["[listen late] removed"])
        write(door)
        self.assertEqual(d.json("reload")["applied"], ["[listen door] added"])
        self.assertEqual(d.json("reload")["applied"], [])
        self.assertEqual(d.json("allow", PEER)["listeners"], [{"listener": "door", "until": "the daemon ends"}])
        self.assertIn("denied at door: until the daemon ends", d.ctl("deny", PEER, "door"))
        self.assertEqual(d.json("deny", PEER, "window", status=1)["code"], "ENOENT")
        write(door + "max = 7\naccept = %s\n" % ids)
        self.assertEqual(d.json("reload")["applied"], ["[listen door] max, accept"])
        self.assertEqual(d.json("allow", PEER)["listeners"][0]["until"], "the file is changed")
        with open(ids, encoding="ascii") as f:
            self.assertEqual(f.read(), "# friends\n%s\n" % PEER)
        d.ctl("deny", PEER)
        with open(ids, encoding="ascii") as f:
            self.assertEqual(f.read(), "# friends\n")
        self.assertEqual(d.json("show", "listeners")["listeners"][0]["refused"]["network"], 1)
        write(door.replace(str(port), "1") + "max = 7\naccept = %s\n" % ids)
        self.assertEqual(d.json("reload")["needs_restart"], ["[listen door] local or mtu"])
        write("")
        self.assertEqual(d.json("reload")["applied"], ["[listen door] removed"])
        self.port_given_back(port)

    def port_given_back(self, port):
        """Waits until the daemon has closed its socket, which it does when the workers have let go of it."""
        end = time.monotonic() + 30
        while True:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                try:
                    s.bind(("127.0.0.1", port))
                    return
                except OSError:
                    self.assertLess(time.monotonic(), end, "the port of a removed listener is still in use")
            time.sleep(0.02)

    # ---- hostile clients ----

    def test_hostile(self):
        d = self.start()
        self.assertIn(b'"EINVAL"', d.raw(b"\xff\xfe\n"))
        self.assertIn(b'"EINVAL"', d.raw(b"x" * 5000 + b"\n"))
        self.assertIn(b'"EINVAL"', d.raw(b"\n"))
        self.assertIn(b'"EINVAL"', d.raw(b"show links\0\n"))
        self.assertEqual(d.raw(b"show links", half_close=True), b"")
        self.assertIn(b'"links"', d.raw(b"show links\nshow node\n", half_close=True))
        self.assertIn(b'"links"', d.raw(b"show links\n"))
        mute = [socket.socket(socket.AF_UNIX) for _ in range(40)]
        for s in mute:
            s.connect(d.socket)
        time.sleep(0.2)
        self.assertIn("32 requests", mute[35].recv(200).decode())
        for s in mute:
            s.close()
        time.sleep(0.1)
        for _ in range(50):  # clients that leave in the middle
            s = socket.socket(socket.AF_UNIX)
            s.connect(d.socket)
            s.sendall(b"show connections\n")
            s.close()
        self.assertEqual(d.json("show", "node")["name"], "n")

    def test_mute_client_is_left(self):
        d = self.start()
        began = time.monotonic()
        self.assertEqual(d.raw(b"sh"), b"")
        self.assertLess(time.monotonic() - began, 7)
        fds = len(os.listdir("/proc/%d/fd" % d.proc.pid))
        self.assertLess(fds, 20)


resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
unittest.main(argv=["test_coyod"], verbosity=2)
