# SPDX-License-Identifier: BSD-3-Clause
"""What every end-to-end script starts with: the build named on the command line, a network, a clear end."""
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import coyonet  # noqa: E402

SKIP = 77  # meson's exit code for "skipped"
KEEP = bool(os.environ.get("KEEP"))  # networks leave their folder, with each node's whole log, whatever the test says


def build_dir():
    return os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.path.join(coyonet.ROOT, "build")


def everything():
    """Whether the cases that take long are wanted, too: NAME.py BUILDDIR long."""
    return "long" in sys.argv[2:]


def sanitized():
    return "asan" in os.path.basename(build_dir())


def check(ok, text):
    """One asserted fact, printed whether it holds or not."""
    print("%s %s" % ("ok  " if ok else "FAIL", text), flush=True)
    if not ok:
        raise coyonet.NetError(text)


def skip(why):
    print("skipped: %s" % why)
    sys.exit(SKIP)


def run(*words):
    """A command that must succeed; nobody reads what it says."""
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def own_network(named=False):
    """The script begins anew in a network namespace of its own, as an ordinary user may have one; named: others may be made in it by name, in a /run that
    is its own. Where this machine does not let it, the test is skipped."""
    flags, tried = ("-Urnm", ["sh", "-c", "mount -t tmpfs t /run && ip netns add x"]) if named else ("-Urn", ["true"])
    if os.environ.get("COYO_NETNS") != "1":
        if not shutil.which("unshare") or subprocess.run(["unshare", flags, *tried], stderr=subprocess.DEVNULL, check=False).returncode:
            skip("this machine does not let an ordinary user make a network namespace (unshare %s)" % flags)
        os.environ["COYO_NETNS"] = "1"
        os.execvp("unshare", ["unshare", flags, sys.executable, *sys.argv])
    if named:
        run("mount", "-t", "tmpfs", "t", "/run")


def machines(net, names, *within):
    """A node for each name, with a network of its own; within: a command that begins its programs there. After own_network(named=True)."""
    for n in names:
        subprocess.run(["ip", "netns", "del", n], check=False, stderr=subprocess.DEVNULL)
        run("ip", "netns", "add", n)
        run("ip", "-n", n, "link", "set", "lo", "up")
        net.node(n).prefix = ["ip", "netns", "exec", n, *within]


def joined(net, a, b, at):
    """A veth pair between two machines(), 10.9.AT.1 and .2, and a udp-socket link over it that names no peer."""
    name = "%s-%s" % (a, b)
    net.links.append((name, a, b))
    run("ip", "link", "add", a + b, "netns", a, "type", "veth", "peer", "name", b + a, "netns", b)
    for me, peer, host in ((a, b, 1), (b, a, 2)):
        run("ip", "-n", me, "addr", "add", "10.9.%d.%d/24" % (at, host), "dev", me + peer)
        run("ip", "-n", me, "link", "set", me + peer, "up")
        net.nodes[me].links.append("[link %s]\ntype = udp-socket\nlocal = 10.9.%d.%d:6000\nremote = 10.9.%d.%d:6000\n" % (
            name, at, host, at, 3 - host))


def down_at(net, node, link):
    """Whether the node takes the link for down. Starts no program: that would be part of the figure."""
    return any(r["name"] == link and r["state"] != "up" for r in net.nodes[node].ask("show links")["links"])


class Waited:
    """For how long the daemon (or wire, or program) that fared worst was ready to run without a processor, since this was made.

    What is measured in time is judged by its bound plus this: on a quiet machine it is next to nothing, on a busy one it is time that
    a program under test was not given."""

    def __init__(self, net):
        self.net, self.before = net, {}
        self.before = self._threads()

    def _threads(self):
        """{(pid, thread): s} by the kernel's own account of each thread."""
        pids = [n.proc.pid for n in self.net.nodes.values() if n.proc and n.proc.poll() is None]
        pids += [self.net.wire.pid] if self.net.wire else []
        pids += [p.pid for p in self.net.programs if p.poll() is None]
        now = dict(self.before)
        for pid in pids:
            try:
                for thread in os.listdir("/proc/%d/task" % pid):
                    with open("/proc/%d/task/%s/schedstat" % (pid, thread), encoding="ascii") as f:
                        now[pid, thread] = int(f.read().split()[1]) / 1e9
            except OSError:
                continue  # it has ended, or the kernel keeps no such account
        return now

    def seconds(self):
        by_process = {}
        for (pid, thread), v in self._threads().items():
            by_process[pid] = by_process.get(pid, 0) + v - self.before.get((pid, thread), 0)
        return max(by_process.values(), default=0.0)


def within(took, bound, waited, text):
    """Asserts a measured time by its bound and what the machine itself made the programs wait."""
    extra = waited.seconds()
    check(took < bound + extra, "%s in less than %.1f s%s (%.2f s)" % (
        text, bound, " and %.1f s of waiting for a processor" % extra if extra > 0.1 else "", took))


class Flow:
    """Bytes from a to b at a steady 24 MiB/s, by `coyo connect` and `coyo listen`, for as long as a test needs them."""

    RATE = 24 << 20  # per second: a path is always wanted and never what limits it
    LATE_S = 0  # what could not be sent in time is sent later if it is no more than this
    BLOCK = os.urandom(1 << 16)

    def __init__(self, net, a, b, port=7000):
        self.count, self.sent, self.stopping = 0, hashlib.sha256(), threading.Event()
        self.got = hashlib.sha256()
        self.listener = net.coyo(b, "listen", str(port), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        net.listening(b, port)
        self.sender = net.coyo(a, "connect", net.nodes[b].id, str(port), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
        self.threads = [threading.Thread(target=t, daemon=True) for t in (self._send, self._receive)]
        for t in self.threads:
            t.start()

    def _send(self):
        began, n = time.monotonic(), 0
        try:
            while not self.stopping.is_set():
                block = n.to_bytes(8, "big") + self.BLOCK[8:]
                self.sender.stdin.write(block)
                self.sent.update(block)
                n += 1
                ahead = n * len(block) / self.RATE - (time.monotonic() - began)
                if ahead > 0:
                    time.sleep(ahead)
                elif -ahead > self.LATE_S:
                    began -= ahead + self.LATE_S
            self.sender.stdin.close()
        except OSError:
            pass  # told by finish()

    def _receive(self):
        while data := self.listener.stdout.read1(1 << 16):
            self.got.update(data)
            self.count += len(data)

    def received(self):
        return self.count

    def finish(self):
        """Ends the stream; NetError when it is not whole."""
        self.stopping.set()
        for p in (self.sender, self.listener):
            if p.wait(120) != 0:
                raise coyonet.NetError("coyo: status %s, %s" % (p.returncode, p.stderr.read().decode().strip()))
        for t in self.threads:
            t.join(120)
        if self.sent.digest() != self.got.digest():
            raise coyonet.NetError("the stream arrived damaged (%d bytes)" % self.count)

    def close(self):
        self.stopping.set()
        for p in (self.sender, self.listener):
            if p.poll() is None:
                p.kill()
            p.wait()


def noticed(net, link, began):
    """Waits until neither end takes the link for up; seconds since began."""
    for n in link.split("-"):
        net.wait("%s to notice that %s is cut" % (n, link), lambda n=n: down_at(net, n, link), every=0.02)
    return time.monotonic() - began


def attempt(body, net):
    """True when body(net) holds; the network is down afterwards."""
    good = False
    try:
        body(net)
        good = True
    except (coyonet.NetError, OSError, subprocess.TimeoutExpired) as e:
        print("FAILED: %s: %s" % (type(e).__name__, e))
        for n in net.nodes.values():
            print("--- log of %s\n%s" % (n.name, n.tail(25)))
    finally:
        with coyonet.signals.hold():
            stubborn = net.stop(keep=KEEP)
        if KEEP:
            print("kept: %s (a folder for each node: log, configuration, key)" % net.dir)
        if stubborn:
            print("FAILED: needed SIGKILL: %s" % ", ".join(stubborn))
            good = False
        for n in net.nodes.values():
            if n.proc and n.proc.returncode not in (0, -signal.SIGKILL):
                print("FAILED: %s ended with status %s\n%s" % (n.name, n.proc.returncode, n.tail(40)))
                good = False
    return good


def main(*bodies, **net_options):
    """Runs each body on a network of its own; takes it down whatever happens; exit status for meson."""
    coyonet.signals.install()
    for body in bodies:
        if not attempt(body, coyonet.Net(build=build_dir(), **net_options)):
            sys.exit(1)


class Progress(threading.Thread):
    """Notes from the side when bytes of a transfer arrive, so that no pause is missed or cut in two."""

    def __init__(self, transfer):
        super().__init__(daemon=True)
        self.transfer, self.over = transfer, threading.Event()
        self.gaps = []  # (from, to) of every time of 20 ms or more without a new byte; the last one may still grow
        self.start()

    def run(self):
        last, since = self.transfer.received(), time.monotonic()
        while not self.over.wait(0.005):
            got, now = self.transfer.received(), time.monotonic()
            if got != last:
                if now - since >= 0.02:
                    self.gaps.append((since, now))
                last, since = got, now
            self.running = (since, now)

    def pause(self, since):
        """The longest time without a new byte that ended after `since`, in s."""
        return max([b - a for a, b in self.gaps + [self.running] if b > since], default=0.0)

    def flows(self, seconds=60, more=1 << 20):
        """Waits until `more` bytes have come."""
        goal, end = self.transfer.received() + more, time.monotonic() + seconds
        while self.transfer.received() < goal and self.transfer.listener.poll() is None:
            if time.monotonic() > end:
                raise coyonet.NetError("no more bytes for %d s" % seconds)
            time.sleep(0.005)

    def stop(self):
        self.over.set()
        self.join()
