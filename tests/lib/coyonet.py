# SPDX-License-Identifier: BSD-3-Clause
"""A small network of real coyod processes on loopback: write configs, start, read paths, cut wires, take down."""
import contextlib
import hashlib
import json
import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import guard  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class NetError(Exception):
    """Something the network should have done and did not; the text names it in a sentence, detail has more lines."""

    def __init__(self, text, detail=""):
        super().__init__(text)
        self.detail = detail


class Signals:
    """SIGINT, SIGTERM and SIGHUP end the program by SystemExit, but never between the start of a process and its being known."""

    def __init__(self):
        self.held, self.pending, self.ending = 0, None, False

    def install(self):
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(sig) != signal.SIG_IGN:  # under nohup SIGHUP stays ignored
                signal.signal(sig, self._came)

    def _came(self, sig, _frame):
        if self.held:
            self.pending = sig
        elif not self.ending:  # whoever cleans up is not disturbed a second time
            self.ending = True
            sys.exit(128 + sig)

    @contextlib.contextmanager
    def hold(self):
        """What is done in here is done whole."""
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1
        if self.pending and not self.held and not self.ending:
            self.ending = True
            sys.exit(128 + self.pending)


signals = Signals()


class PortBlocks:
    """UDP ports of 127.0.0.1 that no other test of this machine is given while this process lives.

    A block of ports is held by an abstract socket of its number, which ends with the process however that ends. The ports lie below
    those that the kernel hands out by itself."""

    FIRST, LAST, SIZE = 10000, 32000, 100

    def __init__(self):
        self.held, self.left = [], []

    def take(self):
        """One port that is free now; NetError when all blocks are held or in use."""
        while True:
            while self.left:
                port = self.left.pop(0)
                with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                    s.bind(("127.0.0.1", port))
                    return port
            self._hold_another()

    def _hold_another(self):
        blocks = (self.LAST - self.FIRST) // self.SIZE
        for i in range(blocks):
            block = (os.getpid() + i) % blocks
            lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                lock.bind("\0coyo-test-ports-%d" % block)
            except OSError:
                lock.close()
                continue
            self.held.append(lock)
            first = self.FIRST + block * self.SIZE
            self.left = list(range(first, first + self.SIZE))
            return
        raise NetError("all UDP ports from %d to %d are held by other tests" % (self.FIRST, self.LAST))


port_blocks = PortBlocks()


def free_ports(n):
    """n UDP ports on 127.0.0.1 that are free now and that no other test takes."""
    return [port_blocks.take() for _ in range(n)]


def daemon_user():
    """Whom root's daemons become once they have started; None where we are not root, or where a user namespace knows nobody else."""
    try:
        with open("/proc/self/uid_map", encoding="ascii") as f:
            most = max(int(x.split()[0]) + int(x.split()[2]) for x in f)
        user = pwd.getpwnam("nobody")
    except (OSError, ValueError, KeyError):
        return None
    return user if os.geteuid() == 0 and user.pw_uid < most else None


class Node:
    def __init__(self, net, name):
        self.net, self.name = net, name
        self.dir = os.path.join(net.dir, name)
        self.control = os.path.join(self.dir, "ctl.sock")
        self.app = os.path.join(self.dir, "app.sock")
        self.log = os.path.join(self.dir, "log")
        self.id = None
        self.links = []  # config text of each link
        self.extra = ""  # more config text
        self.api = ""  # more lines of [api]
        self.proc = None
        self.killed = False  # by us
        self.prefix = []  # of the daemon's command: the namespace that it runs in

    def conf_path(self):
        return os.path.join(self.dir, "coyod.conf")

    def write_conf(self):
        # Who runs the network as an ordinary user looks at its daemons, which otherwise only root may.
        own = "user = nobody" if self.net.user else "user = root" if os.geteuid() == 0 else "core-dumps = yes"
        worker = "[worker]\ncount = %d\nidle = %s\n" % (self.net.workers, self.net.idle)
        text = "[node]\nname = %s\nkey = %s/key\nstate = %s\ncontrol = %s\nsandbox = kill\n%s\n%s\n%s\n[api]\nsocket = %s\n%s\n" % (
            self.name, self.dir, self.dir, self.control, own, self.net.node_options, worker, self.app, self.api)
        with open(self.conf_path(), "w", encoding="ascii") as f:
            f.write(text + "\n".join(self.links) + "\n" + self.extra)

    def start(self, limits=None):
        env = dict(os.environ, RUNTIME_DIRECTORY=self.dir)
        env.pop("NOTIFY_SOCKET", None)

        def limit():
            for what, most in (limits or {}).items():
                resource.setrlimit(what, (most, most))
        with open(self.log, "ab") as log, signals.hold():
            self.proc = subprocess.Popen([*self.prefix, self.net.bin("coyod"), "-c", self.conf_path()], stdin=subprocess.DEVNULL,
                                         stdout=log, stderr=log, env=env, start_new_session=True,
                                         preexec_fn=self.net.born(limit))
        self.killed = False  # only now: the process of before may have been, and another thread may ask

    def hung_up(self):
        """Whether nobody takes connections at the control socket: the daemon has not started, or is ending."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            try:
                s.connect(self.control)
            except (ConnectionRefusedError, FileNotFoundError):
                return True
            except OSError:
                pass
        return False

    def ctl(self, *words, check=True, timeout=15):
        """coyoctl --json WORDS as a Python value."""
        r = subprocess.run([self.net.bin("coyoctl"), "-s", self.control, "--json", *words], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, check=False)
        if check and r.returncode != 0:
            raise NetError("%s: coyoctl %s: %s" % (self.name, " ".join(words), (r.stderr or r.stdout).decode().strip()))
        try:
            return json.loads(r.stdout or b"null")
        except ValueError as e:
            raise NetError("%s: coyoctl %s gave no JSON: %r" % (self.name, " ".join(words), r.stdout[:200])) from e

    def rows(self, what):
        """`show WHAT` as a list of rows."""
        v = self.ask("show " + what)
        if "error" in v:
            raise NetError("%s: show %s: %s" % (self.name, what, v["error"]))
        return v[what]

    def ask(self, line):
        """The first answer to a line on the control socket (common/ipc/ctl.h): as ctl(), without the time a program takes to start."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
                s.settimeout(30)
                s.connect(self.control)
                s.sendall(line.encode() + b"\n")
                with s.makefile("rb") as answer:
                    return json.loads(answer.readline())
        except (OSError, ValueError) as e:
            raise NetError("%s does not answer on its control socket: %s" % (self.name, e)) from e

    def kill(self, sig=signal.SIGKILL):
        self.killed = True
        if self.proc and self.proc.poll() is None:
            self.proc.send_signal(sig)

    def tail(self, n=15):
        return "".join(self.logged().splitlines(True)[-n:])

    def logged(self, since=0):
        """The log from its byte `since` on, as far as it is written: what is not there may still come, see told()."""
        try:
            with open(self.log, errors="replace", encoding="utf-8") as f:
                f.seek(since)
                return f.read()
        except OSError:
            return ""

    def told(self, words, since=0, seconds=30.0):
        """Whether the log says `words` after its byte `since`, or says so within `seconds`. A thread of its own writes the log, so that
        an answer on a socket may be here before the line that tells the same."""
        end = time.monotonic() + seconds
        while words not in self.logged(since):
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True


class Net:
    """Nodes and links between them; with wires=True each link goes through coyowire and can be cut."""

    def __init__(self, build=None, wires=False, directory=None, mtu=1400, workers=1, idle="adaptive", node_options=""):
        self.build = build or os.environ.get("COYO_BUILD") or os.path.join(ROOT, "build")
        self.dir = directory or tempfile.mkdtemp(prefix="coyo-", dir="/tmp")
        # A folder that is given stays private to whoever gave it, and so do the daemons in it.
        self.user = None if directory else daemon_user()
        if self.user:
            os.chmod(self.dir, 0o711)
        self.nodes, self.wired, self.wire, self.links = {}, wires, None, []
        self.guard = None
        self.programs = []  # whatever coyo() started
        self.mtu, self.workers, self.idle, self.node_options = mtu, workers, idle, node_options

    def born(self, also=None):
        """What a new process does first, so that it ends, and the folder goes, also where we are killed."""
        watched = self.guard = self.guard or guard.Guard(self.dir)

        def first():
            watched.watch_me()
            if also:
                also()
        return first

    def leave(self):
        """What runs is to stay, or has been ended."""
        if self.guard:
            self.guard.leave()
        self.guard = None

    def bin(self, name):
        where = {"coyod": "controlplane/daemon", "coyoctl": "controlplane/ctl", "coyo": "common/libcoyo/tool",
                 "coyowire": "tests/lib", "neighbours": "tests/lib", "attacker": "tests/lib"}[name]
        return os.path.join(self.build, where, name)

    def node(self, name, extra=""):
        n = self.nodes[name] = Node(self, name)
        os.makedirs(n.dir, mode=0o700, exist_ok=True)
        if self.user:
            os.chown(n.dir, self.user.pw_uid, self.user.pw_gid)
        n.extra = extra
        key = os.path.join(n.dir, "key")
        if not os.path.exists(key):
            subprocess.run([self.bin("coyo"), "keygen", "-o", key], stdout=subprocess.PIPE, check=True)
        r = subprocess.run([self.bin("coyo"), "id", key], stdout=subprocess.PIPE, check=True)
        n.id = r.stdout.decode().split()[-1]
        return n

    def link(self, a, b, options=""):
        """A sealed udp-socket link a-b, named alike at both ends."""
        name = "%s-%s" % (a, b)
        self.links.append((name, a, b))
        pa, pb, qa, qb = free_ports(4)
        ra, rb = (qa, qb) if self.wired else (pb, pa)
        for me, local, remote, peer in ((a, pa, ra, b), (b, pb, rb, a)):
            self.nodes[me].links.append(
                "[link %s]\ntype = udp-socket\nlocal = 127.0.0.1:%d\nremote = 127.0.0.1:%d\npeer = %s\nmtu = %d\n%s" %
                (name, local, remote, self.nodes[peer].id, self.mtu, options))
        return "%s:%d:%d:%d:%d" % (name, qa, pa, qb, pb)

    def build_net(self, names, edges, options=""):
        for n in names:
            self.node(n)
        specs = [self.link(a, b, options) for a, b in edges]
        if self.wired:
            with signals.hold():
                self.wire = subprocess.Popen([self.bin("coyowire"), *specs], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                             text=True, bufsize=1, preexec_fn=self.born())
            if self.wire.stdout.readline().strip() != "ready":
                raise NetError("coyowire did not start")

    def start(self, limits=None):
        for n in self.nodes.values():
            n.write_conf()
            n.start(limits)

    def clear(self):
        """Ends the daemons and forgets nodes and links, so that build_net() may begin again in the same folder."""
        self.stop(keep=True)
        for n in self.nodes.values():
            shutil.rmtree(n.dir)
        self.nodes, self.links, self.programs, self.wire = {}, [], [], None

    def ghost(self):
        """The id of a key that no node has."""
        key = os.path.join(self.dir, "ghost")
        subprocess.run([self.bin("coyo"), "keygen", "-o", key], check=True)
        return subprocess.run([self.bin("coyo"), "id", key], stdout=subprocess.PIPE, check=True).stdout.decode().split()[-1]

    def check_alive(self):
        """NetError when a daemon has ended that nobody here has killed."""
        for n in self.nodes.values():
            if n.proc and n.proc.poll() is not None and not n.killed:
                code = n.proc.returncode
                how = "was killed by signal %d" % -code if code < 0 else "ended with status %d" % code
                said = n.tail(1).strip()
                raise NetError("the daemon of %s %s%s" % (n.name, how, ": " + said if said and code > 0 else ""), n.tail())

    def wait(self, what, test, seconds=60.0, every=0.05):
        """Polls test() until it is true and returns what it gave; NetError names `what`. The limit is for what never comes: how long
        a machine may take is no business of a test's."""
        end = time.monotonic() + seconds
        last = None
        while True:
            self.check_alive()
            try:
                v = test()
                if v:
                    return v
            except (NetError, KeyError, IndexError, subprocess.TimeoutExpired) as e:
                last = e
            if time.monotonic() > end:
                logs = "\n".join("--- %s\n%s" % (n.name, n.tail(6)) for n in self.nodes.values())
                raise NetError("not within %.0f s: %s%s" % (seconds, what, " (%s)" % last if last else ""), logs)
            time.sleep(every)

    def listening(self, name, port, seconds=60.0):
        """Waits until a program of this node listens at the port."""
        self.wait("%s to listen at port %d" % (name, port), lambda: any(
            r["state"] == "LISTEN" and r["local_port"] == port for r in self.nodes[name].rows("connections")), seconds, every=0.02)

    def ready(self, seconds=60.0):
        """All links up at both ends."""
        for n in self.nodes.values():
            self.wait("links of %s up" % n.name,
                      lambda n=n: all(r["state"] == "up" for r in n.rows("links")) and n.rows("links"), seconds)

    def settle(self, quiet=2.5, seconds=60.0):
        """Waits until no node has seen a set-up for `quiet` s: the routes that Kademlia keeps for itself are built."""
        end, since, last = time.monotonic() + seconds, time.monotonic(), None
        while time.monotonic() < end:
            now = [self.worker_sum(n.name, "punted_setup_packets") for n in self.nodes.values()]
            if now != last:
                last, since = now, time.monotonic()
            if time.monotonic() - since >= quiet:
                return
            time.sleep(0.1)

    def wire_do(self, command):
        self.wire.stdin.write(command + "\n")
        self.wire.stdin.flush()
        answer = self.wire.stdout.readline().strip()
        if not answer.startswith("ok"):
            raise NetError("coyowire: %s: %s" % (command, answer))
        return dict(w.split("=") for w in answer.split()[1:])

    def path(self, a, b):
        """The path of the tunnel in use from a to b: list of {node, in_label, out_label, out_link ...}; NetError when broken."""
        src, dst = self.nodes[a], self.nodes[b]
        sessions = [s for s in src.rows("sessions") if s["remote"] == dst.id and s.get("nonce")]
        if not sessions:
            raise NetError("%s has no session to %s" % (a, b))
        nonce = sessions[0]["nonce"]
        path, here = [], a
        while len(path) <= len(self.nodes):
            t = [t for t in self.nodes[here].rows("tunnels") if t["nonce"] == nonce]
            if not t:
                raise NetError("%s knows no tunnel %s" % (here, nonce))
            t = t[0]
            way = "fwd" if t["b"] == dst.id else "rev"
            path.append({"node": here, "nonce": nonce, "punted_packets": t["punted_packets"], "in_label": t[way + "_in_label"], "out_label": t[way + "_out_label"],
                         "out_link": t[way + "_out_link"], "first_hops": t.get("first_hops"), "hops": t.get("hops"),
                         "setup_ms": t.get("setup_ms")})
            if here == b:
                return path
            ends = [(x, y) for name, x, y in self.links if name == t[way + "_out_link"]]
            if not ends:
                raise NetError("%s sends the tunnel to unknown link %r" % (here, t[way + "_out_link"]))
            here = ends[0][1] if ends[0][0] == here else ends[0][0]
        raise NetError("the path does not end")

    def path_links(self, a, b):
        return [h["out_link"] for h in self.path(a, b)[:-1]]

    def worker_sum(self, name, field):
        return sum(w[field] for w in self.nodes[name].rows("workers"))

    def coyo(self, name, *words, **kw):
        with signals.hold():
            p = subprocess.Popen([self.bin("coyo"), *words], env=dict(os.environ, COYO_SOCKET=self.nodes[name].app),
                                 preexec_fn=self.born(), **kw)
            self.programs.append(p)
        return p

    def stop(self, keep=False):
        """SIGTERM, then SIGKILL after 20 s; removes the directory unless keep. Returns names that needed SIGKILL."""
        stubborn = []
        for p in self.programs:
            if p.poll() is None:
                p.kill()
            p.wait()
        if self.wire:
            with contextlib.suppress(OSError):
                self.wire.stdin.close()
            self.wire.wait(5)
        for n in self.nodes.values():
            n.kill(signal.SIGTERM)
        end = time.monotonic() + 20  # it drains for 2 s at most
        for n in self.nodes.values():
            if not n.proc:
                continue
            try:
                n.proc.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                stubborn.append(n.name)
                n.kill()
                n.proc.wait()
        self.leave()
        if not keep:
            shutil.rmtree(self.dir, ignore_errors=True)
        return stubborn


FIVE_NODES = ["a", "t1", "t2", "t3", "b"]
FIVE_EDGES = [("a", "t1"), ("t1", "t2"), ("t2", "t3"), ("t3", "b"), ("t1", "t3")]


def make_file(path, size, pattern=None):
    """A file of random bytes, or of pattern again and again; returns its SHA-256."""
    h = hashlib.sha256()
    with open(path, "wb") as f:
        left = size
        while left > 0:
            n = min(left, 1 << 20)
            block = (pattern * (n // len(pattern) + 1))[:n] if pattern else os.urandom(n)
            h.update(block)
            f.write(block)
            left -= len(block)
    return h.hexdigest()


def sha256(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            h.update(block)
    return h.hexdigest()


class Transfer:
    """A file from a to b through `coyo connect` and `coyo listen`, running in the background."""

    def __init__(self, net, a, b, size, port=7000, pattern=None):
        self.net, self.size = net, size
        self.src = os.path.join(net.dir, "in-%d" % port)
        self.dst = os.path.join(net.dir, "out-%d" % port)
        self.digest = make_file(self.src, size, pattern)
        self.out = open(self.dst, "wb")
        self.inp = open(self.src, "rb")
        self.listener = net.coyo(b, "listen", str(port), stdout=self.out, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        net.wait("coyo listen", lambda: self._listening(b, port), every=0.02)
        self.began = time.monotonic()
        self.sender = net.coyo(a, "connect", net.nodes[b].id, str(port), stdin=self.inp, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)

    def _listening(self, node, port):
        if self.listener.poll() is not None:
            return True  # its error, or a sender that was quick, is told by finish()
        return any(r["state"] == "LISTEN" and r["local_port"] == port for r in self.net.nodes[node].rows("connections"))

    def received(self):
        return os.fstat(self.out.fileno()).st_size

    def finish(self, stalled=60, progress=None):
        """Waits for both ends; NetError on any failure, or when nothing has moved for `stalled` s; returns seconds taken."""
        last, since = -1, time.monotonic()
        while self.sender.poll() is None or self.listener.poll() is None:
            self.net.check_alive()
            got, now = self.received(), time.monotonic()
            if got != last:
                last, since = got, now
            if progress:
                progress(got)
            if now > since + stalled:
                raise NetError("nothing has arrived for %d s, at %d of %d bytes" % (stalled, got, self.size))
            if self.sender.poll() not in (None, 0) or self.listener.poll() not in (None, 0):
                break
            time.sleep(0.02)
        took = time.monotonic() - self.began
        for who, p in (("connect", self.sender), ("listen", self.listener)):
            if p.poll() != 0:
                with contextlib.suppress(OSError):
                    p.kill()
                raise NetError("coyo %s: status %s, %s" % (who, p.wait(), p.stderr.read().decode().strip()))
        if sha256(self.dst) != self.digest:
            raise NetError("the file arrived damaged (%d of %d bytes)" % (self.received(), self.size))
        return took

    def close(self):
        for p in (self.sender, self.listener):
            if p.poll() is None:
                p.kill()
            p.wait()
            p.stderr.close()
        self.inp.close()
        self.out.close()
