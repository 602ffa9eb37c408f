#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""1 % loss, reordering and duplication (seeded) on the middle link: the file still arrives intact.

      a --- t --- b        t-b loses, reorders, duplicates
"""
import lib
from lib import check, coyonet


def body(net):
    net.build_net(["a", "t", "b"], [("a", "t"), ("t", "b")])
    net.start()
    net.ready()
    net.wire_do("set t-b loss=0.01 reorder=0.01 dup=0.01")
    t = coyonet.Transfer(net, "a", "b", 24 << 20)
    try:
        took = t.finish()
    finally:
        t.close()
    s = net.wire_do("stats t-b")
    check(int(s["lost"]) > 50 and int(s["reordered"]) > 50 and int(s["duplicated"]) > 50, "the wire did harm: %s" % s)
    check(True, "24 MiB intact in %.1f s" % took)


lib.main(body, wires=True)
