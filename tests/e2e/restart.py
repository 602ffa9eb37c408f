#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The peer of an end-to-end session is killed: what it left behind is told, and what comes after its restart works at once.

      a --- t --- b        b's daemon is killed, and started again or not
"""
import select
import signal
import time

import lib
from lib import check
from appsock import AppClient, AppError

PORT = 7000
RESTARTS = 12 if lib.everything() else 3  # each third of its kind
CONNECT_S = 1.5  # the first connect after the restart
TOLD_S = 1.5     # who was connected before, once the peer is back
WRITE_S = 10.0   # who writes to a peer that stays away


def ended(stream, seconds):
    """Seconds until the stream reports its end or an error; None: it has not within the time given."""
    began = time.monotonic()
    while (left := began + seconds - time.monotonic()) > 0:
        if not select.select([stream], [], [], left)[0]:
            return None
        try:
            if not stream.recv(4096):
                return time.monotonic() - began
        except OSError:
            return time.monotonic() - began
    return None


def serve(net):
    """Whoever connects to b's port is taken at once."""
    app = AppClient(net.nodes["b"].app)
    app.listen(PORT)
    return app


def pair(net, app):
    """A stream from a to b, by which bytes go both ways; (a's end, b's end)."""
    mine = AppClient(net.nodes["a"].app).connect(net.nodes["b"].id, PORT)
    theirs = app.accept()
    for x, y in ((mine, theirs), (theirs, mine)):
        x.sendall(b"hello")
        y.settimeout(20)
        check(y.recv(16) == b"hello", "bytes arrive")
    return mine, theirs


def kill(net):
    node = net.nodes["b"]
    node.kill(signal.SIGKILL)
    node.proc.wait()


def back(net):
    net.nodes["b"].start()
    net.ready()
    return serve(net)


def restarts(net):
    app = serve(net)
    before, there = pair(net, app)
    for i in range(RESTARTS):
        unused = i % 3 == 2  # the session stands and nobody uses it: nothing is rebuilt before somebody connects
        if unused:
            before.close()
            there.close()
            net.wait("nothing to be connected", lambda: not [r for r in net.nodes["a"].rows("connections") if r["state"] != "TIME-WAIT"])
        kill(net)
        app = back(net)
        waited, began = lib.Waited(net), time.monotonic()
        if i % 3 == 1:  # nobody connects: who was connected learns it all the same
            took = ended(before, 30)
            check(took is not None, "a stream from before the restart is told, nobody connects meanwhile")
            lib.within(took, TOLD_S, waited, "it is told")
            before, there = pair(net, app)
            continue
        before_restart = before
        before, there = pair(net, app)
        lib.within(time.monotonic() - began, CONNECT_S, waited, "the first connect after the restart succeeds")
        check(unused or ended(before_restart, 5) is not None, "a stream from before the restart is told")


def stays_away(net):
    app = serve(net)
    writer, _keep = pair(net, app)
    idle, _keep_too = pair(net, app)
    kill(net)
    check(ended(writer, 4) is None, "nobody who writes nothing is disturbed")
    waited, began = lib.Waited(net), time.monotonic()
    writer.sendall(b"are you there?")
    took = ended(writer, 60)
    check(took is not None, "who writes to a peer that stays away is told")
    lib.within(time.monotonic() - began, WRITE_S, waited, "it is told")
    check(ended(idle, 0.2) is None, "who writes nothing still is not disturbed")
    waited, began = lib.Waited(net), time.monotonic()
    try:
        AppClient(net.nodes["a"].app).connect(net.nodes["b"].id, PORT)
        check(False, "a connect to a peer that is away fails")
    except AppError as e:
        lib.within(time.monotonic() - began, 6.0, waited, "a connect to a peer that is away fails (%s)" % e.name)
    back(net)
    check(ended(idle, 30) is not None, "who wrote nothing is told when the peer is back without its connections")


def network(net):
    net.build_net(["a", "t", "b"], [("a", "t"), ("t", "b")])
    net.start()
    net.ready()


def body_restarts(net):
    network(net)
    restarts(net)


def body_stays_away(net):
    network(net)
    stays_away(net)


lib.main(body_restarts, body_stays_away)
