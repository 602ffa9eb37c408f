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


def wait_path(net, t, test, what, seconds=20):
    """Watches the transfer until the path fulfils test; returns the longest pause."""
    state = {"next": 0.0}

    def ok():
        if time.monotonic() < state["next"]:
            return False
        state["next"] = time.monotonic() + 0.05
        try:
            return test(net.path("a", "b"))
        except coyonet.NetError:
            return False
    try:
        return lib.stall_watch(t, ok, seconds)
    except coyonet.NetError as e:
        raise coyonet.NetError("%s: %s" % (what, e)) from e


def links_of(path):
    return [h["out_link"] for h in path[:-1]]


def flows_again(t, seconds=15, more=1 << 20):
    goal = t.received() + more
    return lib.stall_watch(t, lambda: t.received() >= goal, seconds)


def body(net):
    net.build_net(coyonet.FIVE_NODES, coyonet.FIVE_EDGES)
    net.start()
    net.ready()
    t = coyonet.Transfer(net, "a", "b", 512 << 20)
    try:
        net.wait("the file to flow", lambda: t.received() > 4 << 20)
        path = net.path("a", "b")
        transit = [x for x in links_of(path) if set(x.split("-")) <= {"t1", "t2", "t3"}]
        cut = transit[0]
        check(cut in links_of(path), "before the cut %s is in the path %s" % (cut, [h["node"] for h in path]))
        net.wire_do("cut " + cut)
        pause = wait_path(net, t, lambda p: cut not in links_of(p), "a path without " + cut)
        pause = max(pause, flows_again(t))
        check(cut not in net.path_links("a", "b"), "after the cut the path is %s" % net.path_links("a", "b"))
        print("     pause after the cut: %.2f s" % pause)
        check(pause < PAUSE_S, "the cut cost less than %.0f s" % PAUSE_S)

        net.wire_do("heal " + cut)
        pause = wait_path(net, t, lambda p: cut in links_of(p), "the tunnel to move back to " + cut)
        pause = max(pause, flows_again(t))
        print("     longest pause while moving back: %.2f s" % pause)
        check(pause < 0.3, "make-before-break: moved back without a pause")

        net.wire_do("cut " + cut)
        wait_path(net, t, lambda p: any(h["node"] == "t2" for h in p), "a path over t2")
        flows_again(t)
        net.wire_do("heal " + cut)
        # Killed at once, while the tunnel still crosses it.
        victim = [h["node"] for h in net.path("a", "b")]
        check("t2" in victim, "t2 is in the path %s" % victim)
        net.nodes["t2"].kill(signal.SIGKILL)
        pause = wait_path(net, t, lambda p: all(h["node"] != "t2" for h in p), "a path without t2")
        pause = max(pause, flows_again(t))
        check("t2" not in [h["node"] for h in net.path("a", "b")], "after the kill the path is %s" % net.path_links("a", "b"))
        print("     pause after the kill: %.2f s" % pause)
        check(pause < PAUSE_S, "the kill cost less than %.0f s" % PAUSE_S)
        t.finish(240)
        check(True, "the same connection carried the whole file, intact")
    finally:
        t.close()


lib.main(body, wires=True)
