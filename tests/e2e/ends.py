#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A neighbour at two addresses, one of each family, over two wires: the first dies, the second is used, and back; the list changes by SIGHUP.

      a === b        two veth pairs between two network namespaces, IPv4 on one, IPv6 on the other; one link, one socket at each end
"""
import os
import signal
import subprocess
import time

import lib
from lib import check, coyonet, run

FIRST = {"a": "10.9.1.1", "b": "10.9.1.2"}
SECOND = {"a": "fd00:9::1", "b": "fd00:9::2"}


def address(node, which, what):
    """Adds or takes away the node's address on the first or second wire."""
    text = FIRST[node] + "/24" if which == 1 else SECOND[node] + "/64"
    run("ip", "-n", node, "addr", what, text, "dev", node + str(which), *(["nodad"] if which == 2 and what == "add" else []))


def build(net):
    for n in "ab":
        subprocess.run(["ip", "netns", "del", n], check=False, stderr=subprocess.DEVNULL)
        run("ip", "netns", "add", n)
        run("ip", "-n", n, "link", "set", "lo", "up")
        net.node(n).prefix = ["ip", "netns", "exec", n]
    for which in (1, 2):
        run("ip", "link", "add", "a%d" % which, "netns", "a", "type", "veth", "peer", "name", "b%d" % which, "netns", "b")
        for n in "ab":
            run("ip", "-n", n, "link", "set", n + str(which), "up")
            address(n, which, "add")
    net.links.append(("a-b", "a", "b"))
    for me, peer in (("a", "b"), ("b", "a")):
        net.nodes[me].links.append("[link a-b]\ntype = udp-socket\nlocal = [::]:6000\nremote = %s:6000, [%s]:6000\npeer = %s\n" % (
            FIRST[peer], SECOND[peer], net.nodes[peer].id))
    net.start()


def row(net, n):
    return net.nodes[n].rows("links")[0]


def moved(net, going, which, remote):
    """The address in use goes away at b: how long the stream pauses, and where a's link is then."""
    began, waited = time.monotonic(), lib.Waited(net)
    address("b", which, "del")
    net.wait("a's link to be up at %s" % remote, lambda: row(net, "a")["up"] and row(net, "a")["remote"] == remote, every=0.02)
    going.flows(more=1 << 18)
    # In use: a hello after 250 ms of silence, three that are not answered (190, 190 and 304 ms), a handshake, and the path is built again.
    lib.within(going.pause(began), 1.6, waited, "the address in use goes away: the stream goes on at %s" % remote)
    check(row(net, "a")["remote_why"].startswith("configured, %d of" % (3 - which)), "`show links` says why: " + row(net, "a")["remote_why"])
    address("b", which, "add")


def body(net):
    build(net)
    net.ready()
    check(row(net, "a")["configured"] == "%s:6000, [%s]:6000" % (FIRST["b"], SECOND["b"]), "`show links` has both addresses")
    check(row(net, "a")["remote"] == FIRST["b"] + ":6000", "the first one is used")
    t = lib.Flow(net, "a", "b")
    try:
        going = lib.Progress(t)
        going.flows(more=1 << 18)
        moved(net, going, 1, "[%s]:6000" % SECOND["b"])
        moved(net, going, 2, FIRST["b"] + ":6000")
        flaps = row(net, "a")["flaps"]
        a = net.nodes["a"]
        a.links[0] = a.links[0].replace("remote = ", "remote = 10.9.1.77:6000, ")
        a.write_conf()
        before = os.path.getsize(a.log)
        a.proc.send_signal(signal.SIGHUP)
        net.wait("a to know a third address", lambda: row(net, "a")["configured"].startswith("10.9.1.77:6000, "))
        check(row(net, "a")["flaps"] == flaps and row(net, "a")["remote"] == FIRST["b"] + ":6000",
              "a list that SIGHUP changes is known at once, and the link stays where it is")
        check(a.told("[link a-b] remote", before) and "restart" not in a.logged(before), "the log tells it")
        going.stop()
        t.finish()
        check(True, "the stream is whole")
    finally:
        t.close()


lib.own_network(named=True)
lib.main(body)
