#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every handshake frame of a link, sent again from other addresses: first 1/s, then 1 000/s.

      a ---(the attacker's wire)--- v <=== a stream, new keys every second
      guests ---> [door]

A replay changes nothing: the link stays up, has its new keys as before, and the stream goes on."""
import time

import attack
import lib
from lib import check, coyonet

REKEY_S = 1


def network(net):
    """a and v, joined by the attacker's wire."""
    net.node_options = "rekey-s = %d\nkey-reject-s = 6\nkey-overlap-s = 1\n" % REKEY_S
    for n in ("a", "v"):
        net.node(n)
    own_a, a, own_v, v, door = coyonet.free_ports(5)
    for me, local, remote, peer in (("a", a, own_a, "v"), ("v", v, own_v, "a")):
        net.nodes[me].links = ["[link a-v]\ntype = udp-socket\nlocal = 127.0.0.1:%d\nremote = 127.0.0.1:%d\npeer = %s\n" % (
            local, remote, net.nodes[peer].id)]
    net.nodes["v"].extra = "[listen door]\nlocal = 127.0.0.9:%d\n" % door
    by = attack.Attacker(net, "replay", "--wire", "%d:%d:%d:%d" % (own_a, a, own_v, v), "--from", "127.3.0.1", "--seconds", 600)
    net.start()
    net.ready()
    net.node_options = ""
    return by, "127.0.0.9:%d" % door


def link(net, node):
    return [r for r in net.nodes[node].rows("links") if r["name"] == "a-v"][0]


def counted(victims, by):
    """Handshake frames at both daemons that the wire did not pass on. Exact while no stream runs."""
    return sum(v.strangers_rx() for v in victims) - by.now()["handshake_frames"]


def replayed(net, by, at, rate):
    # One a second is counted exactly, so that nobody else may come.
    guests = attack.guests(net, "v", at, ["v"]) if rate > 1 else []
    victims = v, _ = [attack.Victim(net.nodes[n]) for n in ("v", "a")]
    net.wait("new keys", lambda: by.now().get("first_ik", 0) >= 3)
    before, n, began = link(net, "v"), counted(victims, by), time.monotonic()
    by.say("rate %g" % (rate * 1.5 + 0.5))
    with attack.Honest(net, guests, ("a", "v"), 7000 + rate, attack.Steady) as honest:
        passes, since = lib.Progress(honest.flow), time.monotonic()
        r = attack.watched(net, v, honest, by, None, "replays, %d/s" % rate, rate, stream_share=attack.Steady.SHARE, ends=False)
        passes.stop()
        honest.flow.finish()
    took = time.monotonic() - began
    seen, after, said = (counted(victims, by) - n) / took, link(net, "v"), r["said"]
    check(seen >= rate, "replays: the victims counted %.1f/s (nominal %d)" % (seen, rate))
    check(after["flaps"] == before["flaps"] and after["up_s"] > took, "the link stays up")
    check(after["rekeys"] - before["rekeys"] >= took / REKEY_S / 3, "and has had %d new keys in %.0f s" % (after["rekeys"] - before["rekeys"], took))
    check(passes.pause(since) < 1, "the longest pause of the stream was %.2f s" % passes.pause(since))
    check(said["bytes_in"] <= said["bytes_out"], "%.2f bytes were answered to each" % (said["bytes_in"] / max(1, said["bytes_out"])))


def restarted(net, by):
    """All that was said before, to a daemon that has just been started anew."""
    v = net.nodes["v"]
    v.kill()
    v.proc.wait()
    waited = lib.Waited(net)
    began = time.monotonic()
    v.start()
    net.wait("the link to be up again", lambda: link(net, "v")["up"] and link(net, "a")["up"])
    lib.within(time.monotonic() - began, 3, waited, "v is started anew beside the replays: the link is back")
    time.sleep(2)
    check(link(net, "v")["up"] and link(net, "v")["flaps"] == 0, "and stays up")


def body(net):
    by, at = network(net)
    for rate in (1, 1000) if attack.LONG else (1000,):
        replayed(net, by, at, rate)
    restarted(net, by)
    said = by.now()
    check(said["first_ik"] > 3, "%d handshake frames had been recorded, %d of them first messages of IK" % (said["recorded"], said["first_ik"]))


if __name__ == "__main__":
    lib.main(body)
