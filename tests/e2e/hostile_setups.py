#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Set-ups that nobody goes on with, each in another name, beside honest nodes that come, connect and go.

Directly, 20 000/s:                          through a transit, 1 000/s:

    attacker ---> [door] v <=== a stream        attacker ---> [door] t --- v <=== a stream by way of t
      guests ---> [door]                          guests ---> [door]

The attacker (tests/lib/attacker) is an authenticated neighbour; all that it names are first messages of XX with a right mac1."""
import attack
import lib
from attack import FROM

MORE = 1.25  # sent for each that has to be counted: what a busy machine loses is no fault of the daemon


def attacked(net, door, target, edges, rate, name, counted):
    at = attack.network(net, door, sorted({x for e in edges for x in e}), edges)
    guests = attack.guests(net, door, at, [target])
    first, victim = attack.Victim(net.nodes[door]), attack.Victim(net.nodes[target])
    with attack.Honest(net, guests, ("a", "v"), flow=attack.Steady) as honest:
        by = attack.Attacker(net, "setups", "--to", at, "--from", FROM, "--dst", net.nodes[target].id, "--rate", rate * MORE / attack.FASTER,
                             "--seconds", attack.SECONDS + 60)
        r = attack.watched(net, victim, honest, by, lambda: counted(victim), name, rate, stream_share=attack.Steady.SHARE,
                           ready=lambda: by.now().get("asked", 0) > rate / 10)
        honest.flow.finish()
    attack.calmed(net, 64, r, first, victim)


def direct(net):
    """Counted by v's worker: what its control thread looks at is limited by link."""
    attacked(net, "v", "v", [("a", "v")], 20000, "set-ups by a neighbour", lambda v: v.link_rx(FROM))


def transit(net):
    attacked(net, "t", "v", [("a", "t"), ("t", "v")], 1000, "set-ups through a transit", lambda v: v.control()["setup_rx"])


if __name__ == "__main__":
    lib.main(direct, *([transit] if attack.LONG else []))
