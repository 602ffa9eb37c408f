#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""First handshake messages, 10 000/s, with a right mac1 each: from addresses that cannot answer, and from some that can.

    attacker, 127.16.0.0/10 (never answers) or 64 prefixes of 127.2.0.0/16 (shows cookies) ---> [door] v <=== a stream
                                                                                guests ---> [door]
"""
import attack
import lib

RATE = 10000


def attacked(net, name, *words):
    at = attack.network(net, "v", ["a", "v"], [("a", "v")])
    guests = attack.guests(net, "v", at, ["v"])
    v = attack.Victim(net.nodes["v"])
    with attack.Honest(net, guests, ("a", "v")) as honest:
        by = attack.Attacker(net, "first", "--to", at, "--victim", net.nodes["v"].id, "--rate", RATE * 1.05 / attack.FASTER,
                             "--seconds", attack.SECONDS + 60, *words)
        r = attack.watched(net, v, honest, by, v.strangers_rx, name, RATE, ready=lambda: by.now().get("sent", 0) > RATE / 10)
        honest.flow.finish()
    said = r["said"]
    lib.check(said["bytes_in"] <= said["bytes_out"], "%s: %.2f bytes were answered to each" % (name, said["bytes_in"] / said["bytes_out"]))
    attack.calmed(net, 32, r, v)


def spoofed(net):
    attacked(net, "first messages from spoofed addresses")


def answering(net):
    attacked(net, "first messages from addresses that answer", "--from", "127.2.0.1", "--count", 4096, "--prefixes", 64, "--answer")


def one_prefix(net):
    """All of them from one /24, beside guests of others."""
    attacked(net, "first messages from one prefix that answers", "--from", "127.2.0.1", "--count", 250, "--answer")


if __name__ == "__main__":
    lib.main(spoofed, *([answering, one_prefix] if attack.LONG else []))
