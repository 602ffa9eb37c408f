#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Soak: everything comes and goes, and nothing grows. soak.py BUILDDIR [SECONDS | long]: 3 s that show that it runs, an hour with long.

      a --- t1 --- t3 --- b       each link is a wire that is cut and healed
             \\    /
               t2                 started anew, gracefully and not

Keys are renewed every 5 s; streams open and close; a listener comes and goes with reloads; a stream runs through all of it. A stream whose
data has no way for 7 s is told so and ends (controlplane/endpoint/tell.h), so a wire is cut for 3 s at most, and none is cut again before the
stream has moved on. Memory, file descriptors and labels of the nodes that are never started anew are judged once the first third is over."""
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time

import lib
from lib import check, coyonet

EDGES = [("a", "t1"), ("t1", "t3"), ("t1", "t2"), ("t2", "t3"), ("t3", "b")]
KEPT = ("a", "t1", "t3", "b")  # never started anew
EVERY = 2.0  # s between samples
GROWTH = 0.03  # of memory, from the second third to the last
SLACK_KIB = 2048
CUT_S = 3.0
SMOKE_S, LONG_S, JUDGED_S = 3, 3600, 120  # below the last one nothing is said of growth


def seconds():
    numbers = [w for w in sys.argv[2:] if w.isdigit()]
    return int(numbers[0]) if numbers else LONG_S if lib.everything() else SMOKE_S


def options():
    keys = (5, 9, 2) if seconds() >= JUDGED_S else (1, 5, 1)
    return "rekey-s = %d\nkey-reject-s = %d\nkey-overlap-s = %d\ntunnel-idle-s = 4\ntunnel-forget-s = 6\n" % keys


class Slow(lib.Flow):
    RATE = 1 << 20


def sample(node):
    pid = node.proc.pid
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        rss = int([x for x in f if x.startswith("VmRSS")][0].split()[1])
    view = node.ask("show node")
    return {"rss_kib": rss, "descriptors": len(os.listdir("/proc/%d/fd" % pid)), "labels": view["labels_live"],
            "sessions": len(node.rows("sessions")), "connections": sum(r["state"] != "TIME-WAIT" for r in node.rows("connections")), "state_kib": view["state_bytes"] >> 10}


class Churn:
    """One thing at a time that an hour of a network brings."""

    def __init__(self, net, rnd, flow):
        self.net, self.rnd, self.flow = net, rnd, flow
        self.done, self.last = {}, []
        self.cut, self.healer, self.healed_at = None, None, 0  # what the stream had carried when the last wire was healed
        self.due = []  # (when, what puts it right again)
        self.first = [self.wire, self.restart, self.stream, self.reload]  # then at random

    def step(self):
        now = time.monotonic()
        for d in [d for d in self.due if d[0] <= now]:
            self.due.remove(d)
            d[1]()
        what = self.first.pop() if self.first else self.rnd.choices([self.wire, self.stream, self.reload, self.restart], [3, 8, 2, 1])[0]
        began = time.monotonic()
        if what():
            self.last.append("%.1f %s (late by %.1f s, took %.1f s)" % (now, what.__name__, began - now, time.monotonic() - began))
            self.done[what.__name__] = self.done.get(what.__name__, 0) + 1

    def settle(self):
        if self.healer:
            self.healer.join()
        for d in self.due:
            d[1]()
        self.due = []

    def wire(self):
        if self.cut or self.flow.received() <= self.healed_at:
            return False
        self.cut = "%s-%s" % self.rnd.choice(EDGES)
        self.last.append("%.1f cut %s" % (time.monotonic(), self.cut))
        self.net.wire_do("cut " + self.cut)
        # From the side: whatever else takes its time here, the cut is as short as it was meant to be.
        self.healer = threading.Timer(self.rnd.uniform(0.3, CUT_S), self.heal)
        self.healer.daemon = True
        self.healer.start()
        return True

    def heal(self):
        self.net.wire_do("heal " + self.cut)
        self.cut, self.healed_at = None, self.flow.received()

    def stream(self):
        """A stream of some size from one end to the other; one in four is broken off."""
        a, b = self.rnd.sample(("a", "b", "t3"), 2)
        port = self.rnd.randrange(7100, 7200)
        kill = self.rnd.random() < 0.25
        listener = self.net.coyo(b, "listen", str(port), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        sender = self.net.coyo(a, "connect", self.net.nodes[b].id, str(port), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        try:
            sender.stdin.write(bytes(1 << 16))
            sender.stdin.close()
        except OSError:
            pass  # the path is cut just now
        if kill:
            sender.kill()

        def end():
            for p in (sender, listener):
                if p.poll() is None:
                    p.kill()
                p.wait()
                self.net.programs.remove(p)
        self.due.append((time.monotonic() + self.rnd.uniform(0.5, 6), end))
        return True

    def reload(self):
        n = self.net.nodes[self.rnd.choice(KEPT)]
        n.extra = "" if n.extra else "[listen door]\nlocal = 127.0.0.9:%d\n" % coyonet.free_ports(1)[0]
        n.write_conf()
        n.ctl("reload")
        return True

    def restart(self):
        n = self.net.nodes["t2"]
        if n.killed or (n.proc.poll() is None and n.hung_up()):
            return False
        n.kill(self.rnd.choice((signal.SIGKILL, signal.SIGTERM)))

        def again():
            n.proc.wait(30)
            n.start()
        self.due.append((time.monotonic() + self.rnd.uniform(0.2, 3), again))
        return True


def judged(samples):
    """The second third beside the last: what grows for ever shows between them, what a cache holds does not."""
    n = len(samples) // 3
    for name in KEPT:
        rows = [s[name] for s in samples]
        early, late = rows[n:2 * n], rows[2 * n:]
        text = []
        for what in rows[0]:
            x, y = (statistics.median(r[what] for r in part) for part in (early, late))
            most = {"rss_kib": x * GROWTH + SLACK_KIB, "state_kib": x * GROWTH + SLACK_KIB, "descriptors": 4, "labels": 16}.get(what, 8)
            check(y - x <= most, "%s: %s %.0f, then %.0f" % (name, what, x, y))
            text.append("%s %+.0f" % (what, y - x))
        print("     %s: %s" % (name, ", ".join(text)))


def watched(net, churn, flow):
    """Lets things come and go for the time asked for; what the nodes held meanwhile."""
    samples, began = [], time.monotonic()
    next_sample = said = began
    while time.monotonic() - began < seconds():
        churn.step()
        net.check_alive()
        if flow.sender.poll() is not None or flow.listener.poll() is not None:
            raise coyonet.NetError("the stream ended by itself; before that: %s" % churn.last[-40:])
        now = time.monotonic()
        if now >= next_sample:
            samples.append({n: sample(net.nodes[n]) for n in KEPT})
            next_sample += EVERY
            took = time.monotonic() - now
            if took > 1:
                churn.last.append("%.1f (answers of %d daemons took %.1f s)" % (now, len(KEPT), took))
        if time.monotonic() - said > 60:
            said = time.monotonic()
            print("     %.0f s: %s; t1 %s" % (said - began, churn.done, samples[-1]["t1"]), flush=True)
        time.sleep(churn.rnd.uniform(0.05, 0.4))
    churn.settle()
    return samples


def body(net):
    rnd = random.Random(int(os.environ.get("SEED", "1")))
    net.build_net(["a", "t1", "t2", "t3", "b"], EDGES)
    net.start()
    net.ready()
    waited, flow = lib.Waited(net), Slow(net, "a", "b")
    net.wait("the stream", lambda: flow.received() > 0)
    passes, since = lib.Progress(flow), time.monotonic()
    keys = sum(r["rekeys"] for r in net.nodes["t1"].rows("links"))
    try:
        churn = Churn(net, rnd, flow)
        samples = watched(net, churn, flow)
        net.ready()
        more = sum(r["rekeys"] for r in net.nodes["t1"].rows("links")) - keys
        passes.stop()
        flow.finish()
    finally:
        flow.close()
    check(len(churn.done) == 4 and more > 0, "in %d s: %s, %d new keys of t1's links; the stream is whole (%.0f MiB)" % (
        seconds(), churn.done, more, flow.received() / (1 << 20)))
    lib.within(passes.pause(since), CUT_S + 4, waited, "wires are cut for %.0f s, and data flows again: longest pause" % CUT_S)
    if seconds() >= JUDGED_S:
        judged(samples)


if __name__ == "__main__":
    lib.main(body, wires=True, node_options=options())
