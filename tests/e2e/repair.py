#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Repair with a stream going: cut the link in use, heal it, then SIGKILL a transit; the same TCP connection survives.

      a --- t1 --- t2 --- t3 --- b        every link is a cuttable wire
             \\___________/
"""
import signal
import time

import lib
from lib import check, coyonet

PAUSE_S = 2.0  # target of each repair
NOTICED_S = 1.0  # a link with traffic or a tunnel on it
NO_PAUSE_S = 0.3  # a retransmission or two


def nodes_of(path):
    return [h["node"] for h in path]


def links_of(path):
    return [h["out_link"] for h in path[:-1]]


def wait_path(net, test, what):
    return net.wait(what, lambda: test(net.path("a", "b")), every=0.02)


def repaired(net, going, test, what, began=None):
    """Does nothing but wait: the path fulfils test and bytes come again. Returns (longest pause, seconds until the path stood)."""
    began = began or time.monotonic()
    wait_path(net, test, what)
    stood = time.monotonic() - began
    going.flows()
    return going.pause(began), stood


def story(net, going):
    path = net.path("a", "b")
    cut = [x for x in links_of(path) if set(x.split("-")) <= {"t1", "t2", "t3"}][0]
    check(cut in links_of(path), "before the cut %s is in the path %s" % (cut, nodes_of(path)))
    waited, began = lib.Waited(net), time.monotonic()
    net.wire_do("cut " + cut)
    took = lib.noticed(net, cut, began)
    lib.within(took, NOTICED_S, waited, "the cut of a link in use is noticed by both ends")
    pause, stood = repaired(net, going, lambda p: cut not in links_of(p), "a path without " + cut, began)
    path = net.path("a", "b")
    check(cut not in links_of(path), "after the cut the path is %s" % nodes_of(path))
    print("     pause after the cut: %.2f s (new path seen after %.2f s)" % (pause, stood))
    lib.within(pause, PAUSE_S, waited, "the cut is repaired")

    waited = lib.Waited(net)
    net.wire_do("heal " + cut)
    pause, stood = repaired(net, going, lambda p: cut in links_of(p), "the tunnel to move back to " + cut)
    print("     longest pause while moving back: %.2f s (moved after %.2f s)" % (pause, stood))
    lib.within(pause, NO_PAUSE_S, waited, "make-before-break: moved back without a pause, that is")

    net.wire_do("cut " + cut)
    repaired(net, going, lambda p: "t2" in nodes_of(p), "a path over t2")
    net.wire_do("heal " + cut)
    # Killed at once, while the tunnel still crosses it.
    check("t2" in nodes_of(net.path("a", "b")), "before the kill t2 is in the path %s" % nodes_of(net.path("a", "b")))
    waited = lib.Waited(net)
    net.nodes["t2"].kill(signal.SIGKILL)
    pause, stood = repaired(net, going, lambda p: "t2" not in nodes_of(p), "a path without t2")
    check("t2" not in nodes_of(net.path("a", "b")), "after the kill the path is %s" % nodes_of(net.path("a", "b")))
    print("     pause after the kill: %.2f s (new path seen after %.2f s)" % (pause, stood))
    lib.within(pause, PAUSE_S, waited, "the kill is repaired")


def body(net):
    net.build_net(coyonet.FIVE_NODES, coyonet.FIVE_EDGES)
    net.start()
    net.ready()
    t = lib.Flow(net, "a", "b")
    going = lib.Progress(t)
    try:
        net.wait("the stream to flow", lambda: t.received() > 4 << 20)
        story(net, going)
        check(t.listener.poll() is None, "the stream was still going all the while")
        t.finish()
        check(True, "the same connection carried all %d MiB, intact" % (t.received() >> 20))
    finally:
        going.stop()
        t.close()


lib.main(body, wires=True)
