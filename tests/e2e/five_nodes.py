#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""One file over five nodes: right bytes, no set-up packet at a transit while it switches, clean drop tables.

      a --- t1 --- t2 --- t3 --- b
             \\___________/
"""
import lib
from lib import check, coyonet

TRIES = 5
SIZE = (8 if lib.sanitized() else 64) << 20


def body(net):
    net.build_net(coyonet.FIVE_NODES, coyonet.FIVE_EDGES)
    net.start()
    net.ready(120)
    flow = lib.Flow(net, "a", "b", port=6999)  # shorter paths are looked for while the tunnel is in use
    try:
        net.wait("the short way t1-t3 to be taken", lambda: "t1-t3" in net.path_links("a", "b"))
        flow.finish()
    finally:
        flow.close()
    path = net.path("a", "b")
    check(len(path) >= 4, "the tunnel crosses %s" % " ".join(h["node"] for h in path))
    net.settle()
    for _ in range(TRIES):
        if one_tunnel(net):
            break
    else:
        check(False, "one of %d transfers saw one tunnel from its beginning to its end" % TRIES)
    pings = net.nodes["a"].ctl("ping", net.nodes["b"].id, "-c", "2")
    check("rtt_us" in str(pings), "ping a -> b answers")
    trace = net.nodes["a"].ctl("trace", net.nodes["b"].id)
    check(net.nodes["t1"].id in str(trace) and net.nodes["b"].id in str(trace), "trace names t1 and b")
    look = net.nodes["a"].ctl("lookup", net.nodes["b"].id)
    check(net.nodes["b"].id in str(look), "lookup finds b")


def one_tunnel(net):
    """A file over the tunnel that stands; False when the tunnel moved meanwhile, as it does when a link goes down on a busy machine."""
    path = net.wait("a path", lambda: net.path("a", "b"))
    before = {h["node"]: (h["punted_packets"], net.worker_sum(h["node"], "switched_packets")) for h in path[1:-1]}
    t = coyonet.Transfer(net, "a", "b", SIZE)
    try:
        took = t.finish()
    finally:
        t.close()
    check(True, "%d MiB intact, %.0f Mbit/s" % (SIZE >> 20, SIZE * 8 / took / 1e6))
    after = net.wait("a path", lambda: net.path("a", "b"))
    if after[0]["nonce"] != path[0]["nonce"]:
        print("     the tunnel moved meanwhile: once more")
        return False
    check(True, "one tunnel carried all of it")
    for h in after[1:-1]:
        n = h["node"]
        punted = h["punted_packets"] - before[n][0]
        switched = net.worker_sum(n, "switched_packets") - before[n][1]
        check(punted == 0, "%s: no packet of the tunnel went the slow way during the transfer (%d)" % (n, punted))
        check(switched > SIZE // 1500, "%s: %d packets label-switched" % (n, switched))
    for hop, nxt in zip(path, path[1:]):
        check(hop["out_label"] == nxt["in_label"] is not None, "%s's out label is %s's in label" % (hop["node"], nxt["node"]))
    return True


lib.main(body)
