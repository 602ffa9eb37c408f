#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Repair with the file going: cut the link in use, heal it, then SIGKILL a transit; the same TCP connection survives.

      a --- t1 --- t2 --- t3 --- b        every link is a cuttable wire
             \\___________/
"""
import signal
import time

import lib
from lib import check, coyonet

PAUSE_S = 2.0  # target of each repair
NOTICED_S = 1.0  # a link with traffic or a tunnel on it
NO_PAUSE_S = 0.3  # what a busy machine may take without anything being wrong


def nodes_of(path):
    return [h["node"] for h in path]


def links_of(path):
    return [h["out_link"] for h in path[:-1]]


def wait_path(net, test, what, seconds=20):
    return net.wait(what, lambda: test(net.path("a", "b")), seconds, every=0.02)


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
    began = time.monotonic()
    net.wire_do("cut " + cut)
    took = lib.noticed(net, cut, began)
    check(took < NOTICED_S, "the cut of a link in use is noticed by both ends in less than %.0f s (%.2f s)" % (NOTICED_S, took))
    pause, stood = repaired(net, going, lambda p: cut not in links_of(p), "a path without " + cut, began)
    path = net.path("a", "b")
    check(cut not in links_of(path), "after the cut the path is %s" % nodes_of(path))
    print("     pause after the cut: %.2f s (new path seen after %.2f s)" % (pause, stood))
    check(pause < PAUSE_S, "the cut cost less than %.0f s" % PAUSE_S)

    net.wire_do("heal " + cut)
    pause, stood = repaired(net, going, lambda p: cut in links_of(p), "the tunnel to move back to " + cut)
    print("     longest pause while moving back: %.2f s (moved after %.2f s)" % (pause, stood))
    check(pause < NO_PAUSE_S, "make-before-break: moved back without a pause")

    net.wire_do("cut " + cut)
    repaired(net, going, lambda p: "t2" in nodes_of(p), "a path over t2")
    net.wire_do("heal " + cut)
    # Killed at once, while the tunnel still crosses it.
    check("t2" in nodes_of(net.path("a", "b")), "before the kill t2 is in the path %s" % nodes_of(net.path("a", "b")))
    net.nodes["t2"].kill(signal.SIGKILL)
    pause, stood = repaired(net, going, lambda p: "t2" not in nodes_of(p), "a path without t2")
    check("t2" not in nodes_of(net.path("a", "b")), "after the kill the path is %s" % nodes_of(net.path("a", "b")))
    print("     pause after the kill: %.2f s (new path seen after %.2f s)" % (pause, stood))
    check(pause < PAUSE_S, "the kill cost less than %.0f s" % PAUSE_S)


def body(net):
    net.build_net(coyonet.FIVE_NODES, coyonet.FIVE_EDGES)
    net.start()
    net.ready()
    t = coyonet.Transfer(net, "a", "b", 512 << 20)
    going = lib.Progress(t)
    try:
        net.wait("the file to flow", lambda: t.received() > 4 << 20)
        story(net, going)
        check(t.listener.poll() is None, "the file was still going all the while")
        t.finish(240)
        check(True, "the same connection carried the whole file, intact")
    finally:
        going.stop()
        t.close()


lib.main(body, wires=True)
