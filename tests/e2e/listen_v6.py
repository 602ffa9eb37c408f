#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A listener on any address of IPv6: each neighbour hears from the address that it has called.

      b --- a --- c      a has two addresses that stand on neither wire; b calls the one, c the other
"""
import subprocess

import lib
from lib import check, run

ASKED = {"b": "fd00::1", "c": "fd00::2"}


def wires(net):
    """Every node in a network namespace of its own; a would answer from its end of a wire, if the kernel chose."""
    for n in "abc":
        subprocess.run(["ip", "netns", "del", n], check=False, stderr=subprocess.DEVNULL)
        run("ip", "netns", "add", n)
        run("ip", "-n", n, "link", "set", "lo", "up")
        net.node(n).prefix = ["ip", "netns", "exec", n]
    for n, asked in ASKED.items():
        run("ip", "link", "add", "to-" + n, "netns", "a", "type", "veth", "peer", "name", "to-a", "netns", n)
        for me, end, addr in (("a", "to-" + n, "1"), (n, "to-a", "2")):
            run("ip", "-n", me, "addr", "add", "fd00:%s::%s/64" % (n, addr), "dev", end, "nodad")
            run("ip", "-n", me, "link", "set", end, "up")
        run("ip", "-n", "a", "addr", "add", asked + "/128", "dev", "lo", "nodad")
        run("ip", "-n", n, "route", "add", "fd00::/64", "via", "fd00:%s::1" % n)


def remote(net, n):
    return net.nodes[n].rows("links")[0]["remote"]


def body(net):
    wires(net)
    net.nodes["a"].extra = "[listen door]\nlocal = [::]:6000\n"
    for n, asked in ASKED.items():
        net.nodes[n].links.append("[link %s-a]\ntype = udp-socket\nlocal = [fd00:%s::2]:6000\nremote = [%s]:6000\npeer = %s\n" % (
            n, n, asked, net.nodes["a"].id))
    net.start()
    for n in ASKED:
        net.wait("%s to be up" % n, lambda n=n: net.nodes[n].rows("links")[0]["up"])
    flow = lib.Flow(net, "b", "c")
    try:
        net.wait("a stream from b to c", lambda: flow.received() > 4 << 20)
        flow.finish()
    finally:
        flow.close()
    for n, asked in ASKED.items():
        row = [r for r in net.nodes["a"].rows("links") if r["peer"] == net.nodes[n].id][0]
        check(remote(net, n) == "[%s]:6000" % asked, "%s has heard from %s alone, which it called" % (n, remote(net, n)))
        check(row["local"] == "[%s]:6000" % asked, "a says so in `show links`")
        check(net.nodes[n].rows("links")[0]["flaps"] == 0, "without a flap")


lib.own_network(named=True)
lib.main(body)
