#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two machines in networks of different numbers: why they do not meet stands in `show links` and in the log on both.

      a --- t        both call each other
"""
import subprocess
import time

import lib
from lib import check, run


def said(net, n, text):
    with open(net.nodes[n].log, encoding="utf-8") as f:
        return f.read().count(text)


def wire(net, a, b, at):
    name = "%s-%s" % (a, b)
    net.links.append((name, a, b))
    run("ip", "link", "add", a + b, "netns", a, "type", "veth", "peer", "name", b + a, "netns", b)
    for me, peer, host in ((a, b, 1), (b, a, 2)):
        run("ip", "-n", me, "addr", "add", "10.9.%d.%d/24" % (at, host), "dev", me + peer)
        run("ip", "-n", me, "link", "set", me + peer, "up")
        net.nodes[me].links.append("[link %s]\ntype = udp-socket\nlocal = 10.9.%d.%d:6000\nremote = 10.9.%d.%d:6000\n" % (
            name, at, host, at, 3 - host))


def machines(net, names):
    for n in names:
        subprocess.run(["ip", "netns", "del", n], check=False, stderr=subprocess.DEVNULL)
        run("ip", "netns", "add", n)
        run("ip", "-n", n, "link", "set", "lo", "up")
        net.node(n).prefix = ["ip", "netns", "exec", n]


def networks(net):
    machines(net, "at")
    wire(net, "a", "t", 3)
    for n in "at":
        net.nodes[n].write_conf()
    conf = net.nodes["a"].conf_path()
    with open(conf, encoding="ascii") as f:
        text = f.read()
    with open(conf, "w", encoding="ascii") as f:
        f.write(text.replace("[node]\n", "[node]\nnetwork = 7\n", 1))
    for n in "at":
        net.nodes[n].start()
    for n, own, other in (("a", 7, 1), ("t", 1, 7)):
        why = "the neighbour is in network %d, this node in %d" % (other, own)
        net.wait("%s to say why" % n, lambda n=n, why=why: net.nodes[n].rows("links")[0]["reason"] == why, seconds=15)
    time.sleep(2)  # in which each refuses the other again
    for n, own, other in (("a", 7, 1), ("t", 1, 7)):
        why = "the neighbour is in network %d, this node in %d" % (other, own)
        check(said(net, n, why) == 1, "%s tells in `show links` and once in its log: %s" % (n, why))


lib.own_network(named=True)
lib.main(networks)
