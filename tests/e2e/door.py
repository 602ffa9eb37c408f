#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ten thousand first messages a second, whose mac1 is right and whose senders never answer, at a node that b, 80 ms away and back, joins.

      b --- (40 ms each way) --- a <--- flood (tests/lib/neighbours)
"""
import subprocess
import time

import lib
from lib import check

RATE = 10000


def drops(net):
    return {r["reason"]: r["count"] for r in net.nodes["a"].rows("drops")}


def worker(net):
    return net.nodes["a"].ask("show workers")["workers"][0]


def join(net, seconds=5):
    """b starts and comes up: seconds. None: it does not."""
    b = net.nodes["b"]
    b.start()
    net.wait("b to answer", lambda: not b.hung_up(), every=0.01)
    began = time.monotonic()
    took = None
    while took is None and time.monotonic() - began < seconds:
        if all(r["state"] == "up" for r in b.rows("links")):
            took = time.monotonic() - began
        time.sleep(0.01)
    b.kill()
    b.proc.wait()
    return took


def flooded(net, kind, rate, tries):
    flood = subprocess.Popen([net.bin("neighbours"), "--to", "127.0.0.1:%d" % net.port, "--from", "127.2.0.1", "--flood", str(rate),
                              "--count", "250", "--prefixes", "250", "--seconds", "120"], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL)
    net.programs.append(flood)
    if rate > 1000:
        net.wait("load", lambda: drops(net)["door_cookie_sent"] > 1000)
    before, began = worker(net), time.monotonic()
    took = [join(net) for _ in range(tries)]
    after, seconds = worker(net), time.monotonic() - began
    received, punts = [(after[f] - before[f]) / seconds for f in ("rx_packets", "punted_packets")]
    check(received > 0.25 * rate, "%s received %d frames/s, of which control got %d" % (kind, received, punts))
    check(None not in took, "b joined in %d of %d tries, after %s s" % (
        tries - took.count(None), tries, " ".join("%.2f" % t for t in took if t)))
    if rate > 1000:
        check(punts < 1000, "strangers without a cookie do not get as far as control, %d cookies were sent" % after["cookies_sent"])
    flood.terminate()
    flood.wait()


def at(kind, rates, tries):
    """A node with a listener, or with a link for which no peer is configured, or with one."""
    def body(net):
        net.build_net(["a", "b"], [("a", "b")])
        net.wire_do("set a-b delay=40")
        a = net.nodes["a"]
        words = a.links[0].split()
        net.port = int(words[words.index("local") + 2].split(":")[1])
        net.nodes["b"].write_conf()
        if kind != "a link":
            a.links = []
            a.extra = "[%s door]\nlocal = 127.0.0.1:%d\n" % (
                ("listen", net.port) if kind == "a listener" else ("link", net.port))
            a.extra += "type = udp-socket\n" if kind != "a listener" else ""
        a.write_conf()
        a.start()
        net.wait("a to answer", lambda: not a.hung_up())
        for rate in rates:
            flooded(net, kind, rate, tries)
    return body


LONG = [at(kind, (150, RATE), 10) for kind in ("a listener", "a link without a peer", "a link")]
lib.main(*(LONG if lib.everything() else [at("a listener", [RATE], 1)]), wires=True)
