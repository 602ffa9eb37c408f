#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""One socket, many neighbours: a hundred callers beside a real daemon, strangers that trickle and flood, ids let in and turned away.

      b ---(link)---> [listen door] a <--- a hundred neighbours (tests/lib/neighbours)

Each of the hundred has a tunnel in use. With --long in place of that: a thousand of them for five minutes, what each costs in memory, and all
of them in processor time when idle."""
import json
import os
import subprocess
import sys
import time

import lib
from lib import check, coyonet

LONG = "--long" in sys.argv
COUNT, SECONDS = (1000, 330) if LONG else (100, 5)
MEMORY_MOST = 64  # KiB for each neighbour
CPU_MOST = 3.0  # % of a core, a thousand idle ones
FROM = "127.1.0.1"


class Callers:
    """The generator, and the newest line that it has said."""

    def __init__(self, net, port, *options, to="127.0.0.7"):
        args = [net.bin("neighbours"), "--to", "%s:%d" % (to, port), "--from", FROM, *map(str, options)]
        self.proc = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        net.programs.append(self.proc)
        os.set_blocking(self.proc.stdout.fileno(), False)
        self.buffer, self.last = b"", {"up": 0, "flaps": 0}

    def now(self):
        self.buffer += self.proc.stdout.read() or b""
        *lines, self.buffer = self.buffer.split(b"\n")
        if lines:
            self.last = json.loads(lines[-1])
        return self.last

    def end(self):
        self.proc.terminate()
        self.proc.wait(10)
        os.set_blocking(self.proc.stdout.fileno(), True)
        return self.now()


def door(net, port, options=""):
    a = net.nodes["a"]
    a.extra = "[listen door]\nlocal = 0.0.0.0:%d\n%s" % (port, options)
    a.write_conf()


def caller(net, name, port, options=""):
    """A real daemon that calls at the door; it knows a by its id."""
    n = net.nodes[name]
    n.links = ["[link %s-a]\ntype = udp-socket\nlocal = 127.0.0.1:0\nremote = 127.0.0.9:%d\npeer = %s\n%s" % (
        name, port, net.nodes["a"].id, options)]
    n.write_conf()


def link_row(net, node, name):
    return [r for r in net.nodes[node].rows("links") if r["name"] == name][0]


def up(net, name):
    return lambda: link_row(net, name, name + "-a")["up"]


def listener(net, name="door"):
    return [r for r in net.nodes["a"].rows("listeners") if r["name"] == name][0]


def cpu_s(proc):
    with open("/proc/%d/stat" % proc.pid, encoding="ascii") as f:
        w = f.read().rsplit(")", 1)[1].split()
    return (int(w[11]) + int(w[12])) / os.sysconf("SC_CLK_TCK")


def rss_kib(proc):
    with open("/proc/%d/status" % proc.pid, encoding="ascii") as f:
        return int([x for x in f if x.startswith("VmRSS")][0].split()[1])


def told(net):
    """What stands between two nodes is told on both sides; an operator opens and shuts the door."""
    c = net.nodes["c"]
    reason = net.wait("c to be told of the network", lambda: link_row(net, "c", "c-a")["reason"])
    check(reason == "the neighbour is in network 1, this node in 2", "c, of another network, is told: %s" % reason)
    check(listener(net)["refused"]["network"] > 0, "and a counts it: %d" % listener(net)["refused"]["network"])
    c.proc.kill()
    c.killed = True
    c.proc.wait()
    a, b = net.nodes["a"], net.nodes["b"]
    row = [r for r in a.rows("links") if r["peer"] == b.id][0]
    check(row["listener"] == "door" and b.id.startswith(row["name"]) and row["local"].startswith("127.0.0.9:"),
          "b is link %s of the door at a, which it asked at %s" % (row["name"], row["local"]))
    a.ctl("deny", b.id)
    net.wait("b to be told", lambda: link_row(net, "b", "b-a")["reason"] == "the neighbour does not accept this node's id")
    check(True, "denied, b is told so")
    a.ctl("allow", b.id, "door")
    net.wait("b to be back", up(net, "b"))
    check([r for r in a.rows("links") if r["peer"] == b.id][0]["allowed"], "allowed, it is back")


def stream(net):
    flow = lib.Flow(net, "b", "a")
    try:
        net.wait("a stream over the listener's link", lambda: flow.received() > 4 << 20)
        flow.finish()
    finally:
        flow.close()
    check(True, "%.1f MiB crossed a listener's link" % (flow.received() / (1 << 20)))


def flooded(net, port):
    """First messages that nobody completes, from one prefix, while honest neighbours of others come."""
    before = net.nodes["a"].ask("show workers")["workers"][0]["rx_packets"]
    flood = Callers(net, port, "--flood", 2000, "--count", 50, "--from", "127.2.0.1", "--seconds", 60)
    time.sleep(1)
    honest = Callers(net, port, "--count", 20, "--prefixes", 20, "--rate", 10, "--seconds", 60)
    net.wait("20 honest joins beside the flood", lambda: honest.now()["up"] == 20, seconds=20)
    rate = (net.nodes["a"].ask("show workers")["workers"][0]["rx_packets"] - before) / flood.now()["t"]
    check(rate > 1000, "20 of 20 honest neighbours joined beside %d first messages/s that a received" % rate)
    check(honest.now()["flaps"] == 0, "and stay")
    flood.end()
    honest.end()


def trickled(net):
    """At a door of 64 places, which a reload adds, strangers of one prefix come one after the other; honest ones of other prefixes get in."""
    a, port = net.nodes["a"], coyonet.free_ports(1)[0]
    a.extra += "[listen small]\nlocal = 127.0.0.7:%d\nmax = 64\n" % port
    a.write_conf()
    a.ctl("reload")
    strangers = Callers(net, port, "--count", 100, "--rate", 100, "--from", "127.2.0.1", "--seconds", 60)
    net.wait("the places to be taken", lambda: listener(net, "small")["links"] == 64)
    honest = Callers(net, port, "--count", 20, "--prefixes", 20, "--rate", 20, "--seconds", 60)
    net.wait("20 honest joins at a full door", lambda: honest.now()["up"] == 20, seconds=20)
    row = listener(net, "small")
    check(row["links"] <= 64, "20 of 20 honest neighbours joined at a door full of strangers, %d of whom were refused and told" %
          row["refused"]["full"])
    honest.end()
    strangers.end()


def many(net, port):
    """All up, none lost; in --long the figures that are promised."""
    a = net.nodes["a"].proc
    before = rss_kib(a)
    callers = Callers(net, port, "--count", COUNT, "--prefixes", COUNT // 10, "--rate", 100, "--seconds", SECONDS + 60,
                      "--traffic", 5 if not LONG else 20, "--tunnel", net.nodes["a"].id)
    net.wait("%d neighbours" % COUNT, lambda: callers.now()["up"] == COUNT, seconds=90)
    net.wait("a tunnel of each", lambda: callers.now()["tunnels"] == COUNT, seconds=30)
    began = time.monotonic()
    time.sleep(SECONDS if not LONG else SECONDS / 2)
    if LONG:
        figures(a, before, callers, began)
    end = callers.now()
    check(end["up"] == end["tunnels"] == COUNT and end["flaps"] == 0 and end["bad"] == 0,
          "%d neighbours, each with a tunnel, are up for %.0f s, none was lost (%d hellos, %d new keys)" % (
              COUNT, time.monotonic() - began, end["hellos"], end["rekeys"]))
    if LONG:
        check(end["rekeys"] >= COUNT, "each has had new keys")
    callers.end()


def figures(a, before, callers, began):
    each = (rss_kib(a) - before) / COUNT
    check(each <= MEMORY_MOST, "%.1f KiB of the daemon's memory for each neighbour with a tunnel (at most %d)" % (each, MEMORY_MOST))
    c0, t0 = cpu_s(a), time.monotonic()
    time.sleep(max(30, SECONDS - (time.monotonic() - began)))
    share = 100 * (cpu_s(a) - c0) / (time.monotonic() - t0)
    check(share <= CPU_MOST or lib.sanitized(), "%.2f %% of a core for %d neighbours (at most %.0f)" % (share, COUNT, CPU_MOST))


def emptied(net):
    net.nodes["a"].extra = ""
    net.nodes["a"].write_conf()
    net.nodes["a"].ctl("reload")
    net.wait("every link to be gone", lambda: not net.nodes["a"].rows("links") and not net.nodes["a"].rows("listeners"))
    check(True, "the door is shut: no link is left")


def body(net):
    port = coyonet.free_ports(1)[0]
    net.node_options = "hello-active-ms = 250\nhello-idle-ms = 500\n" if not LONG else ""  # so that b soon misses a
    for n in ("a", "b", "c"):
        net.node(n)
    door(net, port, "max = 1200\n")
    caller(net, "b", port)
    for n in ("a", "b"):
        net.nodes[n].start()
    net.node_options = "network = 2\n"
    caller(net, "c", port)
    net.nodes["c"].start()
    net.node_options = ""
    net.wait("b to be up", up(net, "b"))
    if not LONG:
        told(net)
        stream(net)
    many(net, port)
    if not LONG:
        flooded(net, port)
        trickled(net)
        emptied(net)


lib.main(body)
