#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Links over wires that carry less than an Ethernet, or less than before: found out, followed, and a stream goes on.

      a --- t --- b        each --- is a veth pair between two network namespaces; its MTU is set
"""
import subprocess
import time

import lib
from lib import check, coyonet, run

OVER = {4: 60, 6: 80}  # of a sealed packet on the wire
SEALED = 34  # of a segment in a tunnel


def wire(net, a, b, mtu, v):
    """A veth pair, and a udp-socket link over it without a word of its MTU."""
    name, at = "%s-%s" % (a, b), len(net.links)
    net.links.append((name, a, b))
    run("ip", "link", "add", a + b, "netns", a, "mtu", str(mtu), "type", "veth", "peer", "name", b + a, "netns", b, "mtu", str(mtu))
    for me, peer, host in ((a, b, 1), (b, a, 2)):
        addr = ("10.9.%d.%d" if v == 4 else "fd00:%d::%d") % (at, host)
        far = ("10.9.%d.%d" if v == 4 else "fd00:%d::%d") % (at, 3 - host)
        run("ip", "-n", me, "addr", "add", addr + ("/24" if v == 4 else "/64"), "dev", me + peer, *(["nodad"] if v == 6 else []))
        run("ip", "-n", me, "link", "set", me + peer, "up")
        text = "[link %s]\ntype = udp-socket\nlocal = %s:6000\nremote = %s:6000\npeer = %s\n"
        if v == 6:
            text = text.replace("%s:6000", "[%s]:6000")
        net.nodes[me].links.append(text % (name, addr, far, net.nodes[peer].id))


def set_mtu(a, b, mtu):
    run("ip", "-n", a, "link", "set", a + b, "mtu", str(mtu))


def build(net, names, mtu, v):
    for n in names:
        subprocess.run(["ip", "netns", "del", n], check=False, stderr=subprocess.DEVNULL)
        run("ip", "netns", "add", n)
        run("ip", "-n", n, "link", "set", "lo", "up")
        net.node(n).prefix = ["ip", "netns", "exec", n]
    for a, b in zip(names, names[1:]):
        wire(net, a, b, mtu, v)
    net.start()


def row(net, node, name):
    return [r for r in net.nodes[node].rows("links") if r["name"] == name][0]


def mtu_is(net, a, b, low, high, seconds=30):
    for n in (a, b):
        net.wait("%s to find the MTU of %s-%s between %d and %d, which has %d" % (n, a, b, low, high, row(net, n, a + "-" + b)["mtu"]),
                 lambda n=n: low <= row(net, n, a + "-" + b)["mtu"] <= high, seconds)


def transfer(net, a, b, size):
    t = coyonet.Transfer(net, a, b, size)
    try:
        return t.finish(stalled=20)
    finally:
        t.close()


def narrow(mtu, v):
    """A wire that was narrow from the start: 200 kB pass, where the default was "up" and silence."""
    def body(net):
        build(net, ["a", "b"], mtu, v)
        net.ready()
        mtu_is(net, "a", "b", max(1200, mtu - OVER[v] - 8), mtu - OVER[v])
        took = transfer(net, "a", "b", 200000)
        check(True, "IPv%d, a wire of %d: link MTU %d, 200 kB in %.1f s" % (v, mtu, row(net, "a", "a-b")["mtu"], took))
        check(all(row(net, n, "a-b")["flaps"] == 0 for n in "ab"), "without a flap")
    return body


def refused(net):
    """One that carries less than 1 200 labelled bytes is refused, and told; wider, it comes up."""
    build(net, ["a", "b"], 1250, 4)
    for n in "ab":
        net.wait("%s to refuse the link" % n, lambda n=n: row(net, n, "a-b")["state"] == "too narrow")
        check(row(net, n, "a-b")["reason"] == "the way carries less than 1200 bytes", "%s says why in `show links`" % n)
        check(net.nodes[n].told("carries no packet of 1200 bytes"), "%s says why in its log" % n)
    time.sleep(6)
    check(all(row(net, n, "a-b")["flaps"] <= 1 for n in "ab"), "a link that is refused does not flap")
    for a, b in ("ab", "ba"):
        set_mtu(a, b, 1500)
    net.wait("the link to come up on the wider wire", lambda: all(row(net, n, "a-b")["up"] for n in "ab"), 60)
    check(True, "the wire is wider now, and the link up")


def shrinks(v, sides):
    """The wire of the far link shrinks while a stream runs over a transit; sides: whose interface says so."""
    def body(net):
        build(net, ["a", "t", "b"], 1500, v)
        net.ready()
        for link in ("at", "tb"):
            mtu_is(net, *link, 1500 - OVER[v], 1500 - OVER[v])
        t = lib.Flow(net, "a", "b")
        try:
            going = lib.Progress(t)
            going.flows()
            for mtu in (1400, 1300):
                began = time.monotonic()
                for a, b in sides:
                    set_mtu(a, b, mtu)
                mtu_is(net, "t", "b", 1200, mtu - OVER[v])
                going.flows()
                check(going.pause(began) < 10, "IPv%d: the wire shrinks to %d (%s): the stream pauses for %.1f s" % (
                    v, mtu, " and ".join(a for a, _ in sides), going.pause(began)))
            going.stop()
            t.finish()
            check(row(net, "a", "a-t")["mtu"] == 1500 - OVER[v], "the link before it keeps its own")
            check(sum(row(net, n, x)["flaps"] for n, x in (("a", "a-t"), ("t", "t-b"), ("b", "t-b"))) == 0, "no flap, and the stream is whole")
        finally:
            t.close()
    return body


def counted(net, node, name):
    return sum(r["count"] for r in net.nodes[node].ask("show drops")["control"] if r["counter"] == name)


def segment(net):
    """The largest segment that a's session sends."""
    return net.nodes["a"].rows("sessions")[0]["path_mtu"]


def deaf(net, node, to, v, on):
    """What the node sends to its neighbour `to` reaches nobody, by a wrong hardware address, and the node is not told; or does again."""
    at = [n for n, _, _ in net.links].index("%s-%s" % (to, node))
    far = ("10.9.%d.1" if v == 4 else "fd00:%d::1") % at
    run("ip", "-n", node, "neigh", *(["replace", far, "lladdr", "02:00:00:00:00:99", "nud", "permanent"] if on else ["del", far]), "dev", node + to)


def middle(v, mtu):
    """The link between two transits shrinks while a stream runs, and what the first one says of it is lost: packets that no longer fit are
    told of to the tunnel's end, hop by hop, TCP's segments follow, and no link but that one changes."""
    def body(net):
        build(net, ["a", "s", "t", "b"], 1500, v)
        net.ready()
        for link in ("as", "st", "tb"):
            mtu_is(net, *link, 1500 - OVER[v], 1500 - OVER[v])
        t = lib.Flow(net, "a", "b")
        try:
            going = lib.Progress(t)
            going.flows()
            net.wait("segments of the full size", lambda: segment(net) == 1500 - OVER[v] - SEALED, 20)
            began = time.monotonic()
            deaf(net, "s", "a", v, True)
            for a, b in ("st", "ts"):
                set_mtu(a, b, mtu)
            time.sleep(0.3)
            deaf(net, "s", "a", v, False)
            mtu_is(net, "s", "t", 1200, mtu - OVER[v])
            net.wait("the sender to hear of it", lambda: segment(net) <= mtu - OVER[v] - SEALED, 5)
            going.flows()
            check(going.pause(began) < 5, "IPv%d, the middle wire shrinks to %d: the stream pauses for %.2f s, in segments of %d from then on" % (
                v, mtu, going.pause(began), segment(net)))
            check(counted(net, "s", "tunnel_too_big") > 0, "the transit told of %d packets that did not fit" % counted(net, "s", "tunnel_too_big"))
            going.stop()
            t.finish()
            check([row(net, *x)["mtu"] for x in (("a", "a-s"), ("b", "t-b"))] == 2 * [1500 - OVER[v]], "the links at the ends keep their own")
            check(sum(row(net, *x)["flaps"] for x in (("s", "s-t"), ("b", "t-b"))) == 0, "no flap, and the stream is whole")
        finally:
            t.close()
    return body


lib.own_network(named=True)
lib.main(narrow(1320, 4), narrow(1280, 6), middle(6, 1400), *([narrow(1280, 4), refused, shrinks(6, ["bt"]), shrinks(4, ["tb", "bt"]), middle(4, 1300)] if lib.everything() else []))
