#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Five idle daemons use less than 15 % of one core together; a cut idle link is noticed within 10 s.

      a --- t1 --- t2 --- t3 --- b
             \\___________/
"""
import os
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


def body(net):
    net.build_net(coyonet.FIVE_NODES, coyonet.FIVE_EDGES)
    net.start()
    net.ready()
    time.sleep(8)  # the young network settles
    c0, t0 = cpu_s(net), time.monotonic()
    time.sleep(10)
    share = (cpu_s(net) - c0) / (time.monotonic() - t0)
    check(share < 0.15, "five idle daemons use %.1f %% of one core together" % (100 * share))
    net.wire_do("cut t1-t2")
    t0 = time.monotonic()
    net.wait("t1 to notice the cut idle link",
             lambda: any(r["name"] == "t1-t2" and r["state"] != "up" for r in net.nodes["t1"].rows("links")), 12)
    check(time.monotonic() - t0 < 10, "a cut idle link is noticed within 10 s (%.1f s)" % (time.monotonic() - t0))
    net.wire_do("heal t1-t2")
    net.wait("the link to come back",
             lambda: any(r["name"] == "t1-t2" and r["state"] == "up" for r in net.nodes["t1"].rows("links")), 15)
    check(True, "a healed link comes back")


lib.main(body, wires=True)
