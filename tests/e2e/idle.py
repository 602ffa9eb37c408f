#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Five idle daemons use less than 15 % of one core together; a cut link is noticed: within 10 s an idle one, within 1 s one under a tunnel.

      a --- t1 --- t2 --- t3 --- b
             \\___________/
"""
import os
import subprocess
import time

import lib
from lib import check, coyonet


def cpu_s(net):
    total = 0
    for n in net.nodes.values():
        with open("/proc/%d/stat" % n.proc.pid, encoding="ascii") as f:
            w = f.read().rsplit(")", 1)[1].split()
        total += int(w[11]) + int(w[12])
    return total / os.sysconf("SC_CLK_TCK")


def cut(net, link, most):
    """Cuts a link; both ends must have noticed within that many seconds."""
    waited, began = lib.Waited(net), time.monotonic()
    net.wire_do("cut " + link)
    lib.within(lib.noticed(net, link, began), most, waited, "noticed by both ends")


def quiet_connection(net):
    """A connection on which nothing is said: its tunnel alone makes the links under it links in use."""
    s = net.coyo("b", "listen", "7000", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    net.listening("b", 7000)
    c = net.coyo("a", "connect", net.nodes["b"].id, "7000", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        c.stdin.write(b"x")
        c.stdin.flush()
        check(s.stdout.read(1) == b"x", "a connection stands, and is quiet")
        net.settle()
        crossed = [x for x in net.path_links("a", "b") if set(x.split("-")) <= {"t1", "t2", "t3"}][0]
        print("     cutting %s under its tunnel" % crossed)
        cut(net, crossed, 1)
        c.stdin.write(b"y")
        c.stdin.flush()
        check(s.stdout.read(1) == b"y" and crossed not in net.path_links("a", "b"), "and the connection goes on elsewhere")
    finally:
        for p in (c, s):
            p.kill()
            p.wait()


def body(net):
    net.build_net(coyonet.FIVE_NODES, coyonet.FIVE_EDGES)
    net.start()
    net.ready()
    net.settle(5)  # a young network is not idle
    c0, t0 = cpu_s(net), time.monotonic()
    time.sleep(10)
    share = (cpu_s(net) - c0) / (time.monotonic() - t0)
    check(share < 0.15, "five idle daemons use %.1f %% of one core together" % (100 * share))
    print("     cutting t1-t2, which is idle")
    cut(net, "t1-t2", 10)
    net.wire_do("heal t1-t2")
    net.wait("the link to come back", lambda: not any(lib.down_at(net, n, "t1-t2") for n in ("t1", "t2")))
    check(True, "a healed link comes back")
    quiet_connection(net)


lib.main(body, wires=True)
