#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A link in use that is taken out of the file: its tunnels move first, and the stream that crosses it hardly notices.

      a --- t1 --- t2 --- t3 --- b
             \\___________/
"""
import signal
import time

import lib
from lib import check, coyonet

PAUSE_S = 0.2


def links_of(path):
    return [h["out_link"] for h in path[:-1]]


def remove(net, going, node, link):
    """Takes a link out of one node's file. Returns (pause, seconds until it was gone)."""
    n = net.nodes[node]
    n.links = [text for text in n.links if "[link %s]" % link not in text]
    n.write_conf()
    began = time.monotonic()
    n.proc.send_signal(signal.SIGHUP)
    net.wait("%s to have removed %s" % (node, link), lambda: all(r["name"] != link for r in n.ask("show links")["links"]), every=0.02)
    gone = time.monotonic() - began
    net.wait("a path without " + link, lambda: link not in links_of(net.path("a", "b")), every=0.02)
    going.flows()
    return going.pause(began), gone


def body(net):
    net.build_net(coyonet.FIVE_NODES, coyonet.FIVE_EDGES)
    net.start()
    net.ready()
    t = lib.Flow(net, "a", "b")
    going = lib.Progress(t)
    try:
        net.wait("the stream to flow", lambda: t.received() > 4 << 20)
        path = net.path("a", "b")
        links = [x for x in links_of(path) if set(x.split("-")) <= {"t1", "t2", "t3"}]
        waited = lib.Waited(net)
        print("     before, the path is %s" % [h["node"] for h in path])
        pause, gone = remove(net, going, links[0].split("-")[0], links[0])
        print("     pause after the removal: %.2f s (the link was gone after %.2f s)" % (pause, gone))
        lib.within(pause, PAUSE_S, waited, "a link in use is removed, the stream goes on")
        lib.within(gone, 2.5, waited, "the link goes when its tunnels have moved, or after 2 s")
        t.finish()
        check(True, "the same connection carried all %d MiB, intact" % (t.received() >> 20))
    finally:
        going.stop()
        t.close()


lib.main(body)
