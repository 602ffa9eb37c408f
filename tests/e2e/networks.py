#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two machines in networks of different numbers: why they do not meet stands in `show links` and in the log on both.

      a --- t        both call each other
"""
import time

import lib
from lib import check


def networks(net):
    lib.machines(net, "at")
    lib.joined(net, "a", "t", 3)
    for n in "at":
        net.nodes[n].write_conf()
    conf = net.nodes["a"].conf_path()
    with open(conf, encoding="ascii") as f:
        text = f.read()
    with open(conf, "w", encoding="ascii") as f:
        f.write(text.replace("[node]\n", "[node]\nnetwork = 7\n", 1))
    for n in "at":
        net.nodes[n].start()
    for n, own, other in (("a", 7, 1), ("t", 1, 7)):
        why = "the neighbour is in network %d, this node in %d" % (other, own)
        net.wait("%s to say why" % n, lambda n=n, why=why: net.nodes[n].rows("links")[0]["reason"] == why, seconds=15)
    time.sleep(2)  # in which each refuses the other again
    for n, own, other in (("a", 7, 1), ("t", 1, 7)):
        why = "the neighbour is in network %d, this node in %d" % (other, own)
        check(net.nodes[n].told(why) and net.nodes[n].logged().count(why) == 1, "%s tells in `show links` and once in its log: %s" % (n, why))


lib.own_network(named=True)
lib.main(networks)
