# SPDX-License-Identifier: BSD-3-Clause
"""What every end-to-end script starts with: the build named on the command line, a network, a clear end."""
import os
import signal
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import coyonet  # noqa: E402

SKIP = 77  # meson's exit code for "skipped"


def build_dir():
    return os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.path.join(coyonet.ROOT, "build")


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


def down_at(net, node, link):
    """Whether the node takes the link for down. Starts no program: that would be part of the figure."""
    return any(r["name"] == link and r["state"] != "up" for r in net.nodes[node].ask("show links")["links"])


def noticed(net, link, began):
    """Waits until neither end takes the link for up; seconds since began."""
    for n in link.split("-"):
        net.wait("%s to notice that %s is cut" % (n, link), lambda n=n: down_at(net, n, link), 12, every=0.02)
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
        stubborn = net.stop()
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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # not under nohup
        signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
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

    def flows(self, seconds=15, more=1 << 20):
        """Waits until `more` bytes have come."""
        goal, end = self.transfer.received() + more, time.monotonic() + seconds
        while self.transfer.received() < goal and self.transfer.listener.poll() is None:
            if time.monotonic() > end:
                raise coyonet.NetError("no more bytes for %d s" % seconds)
            time.sleep(0.005)

    def stop(self):
        self.over.set()
        self.join()
