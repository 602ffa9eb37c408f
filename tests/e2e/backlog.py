#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A listener whose program takes nothing: its backlog bounds what is established, as with the kernel's TCP, measured in the same run. The
others wait, and come through when something is taken.

      a --- b        the listeners are on b; clients on a, and on b itself
"""
import select
import socket
import time

import lib
from lib import check, coyonet

import appsock

BACKLOG, CLIENTS, BURST = 4, 30, 200
PATIENCE = 0.1  # s in which a connect is answered that is answered at all


def kernel():
    """How many of so many connects, one after another, the kernel answers."""
    ok, held = 0, []
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(BACKLOG)
        for _ in range(CLIENTS):
            c = socket.socket()
            c.setblocking(False)
            c.connect_ex(server.getsockname())
            ok += bool(select.select([], [c], [], PATIENCE)[1])
            held.append(c)
        for c in held:
            c.close()
    return ok


def answered(clients, seconds):
    """Those that have their answer by then, which is asserted to be a stream."""
    done, waiting, end = [], {c.sock: c for c in clients}, time.monotonic() + seconds
    while waiting and (left := end - time.monotonic()) > 0:
        for s in select.select(list(waiting), [], [], left)[0]:
            c = waiting.pop(s)
            done.append((c, c.answer()[1]))
            # Who was answered by a SYN cookie and found no room is known to the listener when it speaks, as in Linux.
            done[-1][1].sendall(b"hello")
    return done


def ask(net, node, port, pause):
    """Clients of the node that have asked b for a stream, one after another, and those of them that were answered meanwhile."""
    clients, done = [], []
    for _ in range(CLIENTS):
        c = appsock.AppClient(net.nodes[node].app)
        c.sock.sendall(b"connect %s %d\n" % (net.nodes["b"].id.encode(), port))
        clients.append(c)
        done += answered([c], pause)
    return clients, done


def established(net, port):
    return sum(r["state"] == "ESTABLISHED" and r["local_port"] == port for r in net.nodes["b"].rows("connections"))


def take_all(net, server, clients, done):
    """The program takes one after another: whoever waited gets through."""
    taken, waiting = [], [c for c in clients if c not in {d[0] for d in done}]
    server.sock.settimeout(0.2)
    end = time.monotonic() + 60
    while (waiting or len(taken) < len(clients)) and time.monotonic() < end:
        try:
            taken.append(server.accept())
        except socket.timeout:
            pass
        now = answered(waiting, 0.02)
        done += now
        waiting = [c for c in waiting if c not in {d[0] for d in now}]
    return len(done), len(taken), taken


def one(net, node, port, expected):
    server = appsock.AppClient(net.nodes["b"].app)
    server.listen(port, BACKLOG)
    clients, done = ask(net, node, port, PATIENCE)
    check(len(done) == expected, "backlog %d, connects from %s: %d of %d answered, %d by the kernel" % (BACKLOG, node, len(done), CLIENTS, expected))
    check(established(net, port) == (expected if node == "a" else 0), "and %d established at the listener" % established(net, port))
    got, taken, streams = take_all(net, server, clients, done)
    check(got == CLIENTS and taken == CLIENTS, "all %d come through when they are taken: %d answered, %d taken" % (CLIENTS, got, taken))
    for x in streams + [s for _, s in done] + clients + [server]:
        x.close()


def burst(net, port):
    """All at once, so that SYN cookies are sent: what stands at the listener is bounded all the same."""
    server = appsock.AppClient(net.nodes["b"].app)
    server.listen(port, BACKLOG)
    clients = [appsock.AppClient(net.nodes["a"].app) for _ in range(BURST)]
    for c in clients:
        c.sock.sendall(b"connect %s %d\n" % (net.nodes["b"].id.encode(), port))
    time.sleep(1.5)
    n = established(net, port)
    check(0 < n <= BACKLOG + 1, "%d connects at once: %d established at the listener" % (BURST, n))
    for c in clients + [server]:
        c.close()


def body(net):
    net.build_net(["a", "b"], [("a", "b")])
    net.start()
    net.ready()
    expected = kernel()
    one(net, "a", 7000, expected)
    one(net, "b", 7001, expected)
    burst(net, 7002)
    net.wait("nothing left", lambda: not [r for n in "ab" for r in net.nodes[n].rows("connections") if r["state"] != "TIME-WAIT"])
    check(True, "nothing is left in either daemon")


lib.main(body)
