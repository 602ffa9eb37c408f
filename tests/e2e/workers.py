#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Daemons with two workers: connections made from here and to here are served by the worker that owns the session, none of them is lost.

      b --- a --- c        a's session with b belongs to its worker 0, that with c to its worker 1
"""
import os
import subprocess

import lib
from lib import check

PIPE = subprocess.PIPE
EACH = 20


def node_of(net, name, worker):
    """A node whose id belongs to that of two workers: by its highest bit, which the first letter shows."""
    while True:
        n = net.node(name)
        if "abcdefghijklmnopqrstuvwxyz234567".index(n.id[0]) // 16 == worker:
            return
        os.remove(os.path.join(n.dir, "key"))


def converse(net, client, server, port):
    """EACH connections at once, a question and an answer on each."""
    servers = [net.coyo(server, "listen", str(port + i), stdin=PIPE, stdout=PIPE) for i in range(EACH)]
    net.wait("listeners of %s" % server,
             lambda: sum(r["state"] == "LISTEN" for r in net.nodes[server].rows("connections")) >= 2 * EACH)
    clients = [net.coyo(client, "connect", net.nodes[server].id, str(port + i), stdin=PIPE, stdout=PIPE) for i in range(EACH)]
    for i, c in enumerate(clients):
        c.stdin.write(b"question %d" % i)
        c.stdin.close()
    for i, s in enumerate(servers):
        if s.stdout.read() != b"question %d" % i:
            raise lib.coyonet.NetError("%s to %s: question %d did not arrive" % (client, server, i))
        s.stdin.write(b"answer %d" % i)
        s.stdin.close()
    good = sum(c.stdout.read() == b"answer %d" % i and c.wait(120) == 0 for i, c in enumerate(clients))
    for s in servers:
        s.wait(120)
    check(good == EACH, "%d of %d connections from %s to %s" % (good, EACH, client, server))


def packets(net):
    return [w["session_in_packets"] for w in net.nodes["a"].rows("workers")]


def body(net):
    for name, worker in (("a", 0), ("b", 0), ("c", 1)):
        node_of(net, name, worker)
    for other in "bc":
        net.link("a", other)
    net.start()
    net.ready()
    converse(net, "a", "b", 8000)
    converse(net, "b", "a", 8100)
    first = packets(net)
    check(first[0] > 4 * EACH and first[1] == 0, "worker 0 of a served what is b's: %s packets" % first)
    converse(net, "a", "c", 8200)
    converse(net, "c", "a", 8300)
    then = packets(net)
    check(then[1] > 4 * EACH, "worker 1 of a served what is c's: %s packets" % then)
    lost = {r["reason"]: r["count"] for r in net.nodes["a"].rows("drops")
            if r["count"] and r["reason"] in ("handover_full", "no_session", "session_auth", "session_replay", "unknown_label")}
    check(not lost, "nothing was dropped between the workers %s" % (lost or ""))


if __name__ == "__main__":
    lib.main(body, workers=2)
