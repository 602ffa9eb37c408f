#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A neighbour that makes tunnels as fast as they are granted, in one name and in thousands, and keeps them all.

    attacker ---> [door] t --- b <=== a stream by way of t
      guests ---> [door]

The tunnels go through t to b and are complete: both have programmed them in their workers."""
import attack
import lib
from attack import FROM
from lib import check

TUNNELS = 2000  # that t and b have room for; by default an eighth of the memory
RATE = 1430     # 20 000 in 14 s


def attacked(net, names, room):
    at = attack.network(net, "t", ["a", "t", "b"], [("a", "t"), ("t", "b")], "tunnels = %d\n" % room if room else "")
    guests = attack.guests(net, "t", at, ["b"])
    t, b = attack.Victim(net.nodes["t"]), attack.Victim(net.nodes["b"])
    held = []
    with attack.Honest(net, guests, ("a", "b")) as honest:
        by = attack.Attacker(net, "tunnels", "--to", at, "--from", FROM, "--dst", net.nodes["b"].id, "--rate", RATE * 1.1 / attack.FASTER,
                             "--count", names, "--seconds", attack.SECONDS + 60)

        def counted():
            held.append(t.state())
            return t.control()["setup_rx"]
        what = "tunnels in %s, room for %s" % ("one name" if names == 1 else "%d names" % names, room or "an eighth of the memory")
        r = attack.watched(net, t, honest, by, counted, what, RATE, ready=lambda: by.now().get("replies", 0) > 100)
        honest.flow.finish()
    made = r["said"]["replies"]
    check(made > 200, "%d tunnels were granted; at the end t held %d" % (made, held[-1]["transit_tunnels"]))
    if room:
        check(held[-1]["transit_tunnels"] <= room + 64, "t holds what it has room for: %d of %d" % (held[-1]["transit_tunnels"], room))
    attack.calmed(net, 96, r, t, b)


def crowded(net):
    attacked(net, 5000, TUNNELS)


def one_name(net):
    attacked(net, 1, TUNNELS)


def roomy(net):
    attacked(net, 1, 0)


if __name__ == "__main__":
    lib.main(crowded, *([one_name, roomy] if attack.LONG else []))
