#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Links with a long way: 400 ms and 2 s of round trip at the start, and one of 5 ms that becomes as slow while a stream runs.

      a --- b        a-b delays each way
"""
import time

import lib
from lib import check


def flaps(net):
    return sum(r["flaps"] for n in net.nodes.values() for r in n.rows("links"))


def rtt_ms(net):
    return net.nodes["a"].rows("links")[0]["rtt_us"] / 1000


def slow(rtt, size):
    """Comes up, stays up and carries a stream at this round trip (ms)."""
    def body(net):
        net.build_net(["a", "b"], [("a", "b")])
        net.wire_do("set a-b delay=%d" % (rtt / 2))
        began = time.monotonic()
        net.start()
        net.ready()
        took = time.monotonic() - began
        check(took < 3 + 4 * rtt / 1000, "%d ms of round trip: up after %.1f s" % (rtt, took))
        t = lib.coyonet.Transfer(net, "a", "b", size)
        try:
            took = t.finish()
        finally:
            t.close()
        check(True, "%d ms of round trip: %d KiB in %.1f s" % (rtt, size >> 10, took))
        time.sleep(5)
        check(flaps(net) == 0, "%d ms of round trip: no flap" % rtt)
        check(abs(rtt_ms(net) - rtt) < 100, "%d ms of round trip: %.0f ms measured" % (rtt, rtt_ms(net)))
    return body


def slow_behind_a_transit(net):
    """The source's own links are short: it learns of the long one only by how long answers take."""
    net.build_net(["a", "t", "b"], [("a", "t"), ("t", "b")])
    net.wire_do("set t-b delay=1000")
    net.start()
    net.ready()
    t = lib.coyonet.Transfer(net, "a", "b", 64 << 10)
    try:
        check(True, "over a transit whose far link is one of 2 s: 64 KiB in %.1f s" % t.finish())
    finally:
        t.close()
    check(flaps(net) == 0, "no flap")


def becomes_slow(net):
    net.build_net(["a", "b"], [("a", "b")])
    net.wire_do("set a-b delay=2")
    net.start()
    net.ready()
    t = lib.Flow(net, "a", "b")
    going = lib.Progress(t)
    try:
        going.flows()
        for rtt in (800, 2000):
            net.wire_do("set a-b delay=%d" % (rtt / 2))
            time.sleep(8)
            check(flaps(net) == 0, "a link in use becomes one of %d ms without a flap" % rtt)
            going.flows(more=1 << 16)
        going.stop()
        t.finish()
        check(True, "the stream is whole")
    finally:
        t.close()


lib.main(slow(400, 1 << 20), *([slow(2000, 64 << 10), slow_behind_a_transit, becomes_slow] if lib.everything() else []), wires=True)
