#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Users who try to get round what a user may have, while another user's stream and connects go on as if nobody else were there: one attaches and leaves in a loop
for a new second's connects each time; one holds all the connections to the daemon that it gets; one leaves closed streams behind whose peer never closes, and
listens without ever accepting.

      a --- b
"""
import ctypes
import errno
import multiprocessing
import os
import resource
import socket
import time

import lib
from lib import check, coyonet
from coyolib import AF_COYO, Library

GREETS, DRAINS, KEEPS, UNHEARD = 7000, 7001, 7002, 7100  # ports: of b's servers, and of a's user who never accepts
CONNECTS, STREAMS = 100, 64  # what a user of a may have
LOOPS, HOLDS, LEAVES, HONEST = 12001, 12002, 12003, 12004
RATE = 4 << 20  # bytes a second of the honest stream
ALONE_S, ATTACK_S = 1.0, 2.5
AWAY = multiprocessing.get_context("fork")


class Tally:
    """What processes count for one another."""

    def __init__(self, *names):
        self.at = {n: AWAY.Value("Q", 0) for n in names}

    def add(self, name, n=1):
        with self.at[name].get_lock():
            self.at[name].value += n

    def __getitem__(self, name):
        return self.at[name].value


TALLY = Tally("drained", "connects", "connects_failed", "clients", "clients_failed", "loops", "looped", "held", "turned_away", "left")


def begun(uid, target, *args):
    """A process of this user; the library is read as root, as a build may lie where others have no way in."""
    def run():
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        target(*args)
    p = AWAY.Process(target=run, daemon=True)
    p.start()
    return p


def listener(c, port, backlog=256):
    h = c.call("coyo_socket", AF_COYO, socket.SOCK_STREAM, 0)
    c.call("coyo_bind", h, (ctypes.c_uint8 * 72)(0x59, 0x43, port >> 8, port & 255), 72)
    c.call("coyo_listen", h, backlog)
    return h


def serve(c, port, ready):
    h, kept = listener(c, port), []
    ready.set()
    while True:
        s = c.call("coyo_accept", h, None, None)
        try:
            if port == GREETS:
                c.send(s, b"here")
            while port == DRAINS and (data := c.recv(s, 1 << 16)):
                TALLY.add("drained", len(data))
            if port == KEEPS:
                kept.append(s)
            else:
                c.close(s)
        except OSError:
            c.close(s)


# ---- who does nothing wrong ----

def streams(c, node_id):
    h, block, began, sent = c.connect(node_id, DRAINS), bytes(1 << 15), time.monotonic(), 0
    while True:
        time.sleep(max(0, began + sent / RATE - time.monotonic()))
        while part := block[sent % len(block):]:
            sent += c.send(h, part)
            if sent % len(block) == 0:
                break


def connects(c, node_id):
    while True:
        try:
            h = c.connect(node_id, GREETS)
            good = c.recv(h, 4) == b"here"
            c.close(h)
        except OSError:
            good = False
        TALLY.add("connects" if good else "connects_failed")
        time.sleep(0.03)


def asks(path):
    while True:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
            s.sendall(b"version\n")
            good = s.recv(200).startswith(b"ok")
        TALLY.add("clients" if good else "clients_failed")
        time.sleep(0.03)


# ---- who does ----

def until_refused(c, node_id):
    """Connects as fast as it goes, in an application of its own, until that is refused."""
    try:
        while True:
            c.close(c.connect(node_id, GREETS))
            TALLY.add("looped")
    except OSError as e:
        os._exit(0 if e.errno == errno.EAGAIN else 1)


def attaches_and_leaves(c, node_id):
    while True:
        pid = os.fork()
        if pid == 0:
            until_refused(c, node_id)
        os.waitpid(pid, 0)
        TALLY.add("loops")


def holds_clients(path):
    held = []
    while True:
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        s.setblocking(False)
        try:
            s.sendall(b"version\n")
            time.sleep(0.002)
            answer = s.recv(200)
        except (BrokenPipeError, ConnectionResetError, BlockingIOError):
            answer = b""
        if answer.startswith(b"ok"):
            held.append(s)
            TALLY.add("held")
            continue
        TALLY.add("turned_away", b"EDQUOT" in answer)
        s.close()


def leaves_closed(c, node_id):
    while True:
        try:
            c.close(c.connect(node_id, KEEPS))
            TALLY.add("left")
        except OSError:
            time.sleep(0.01)


def never_accepts(c, ready):
    h = listener(c, UNHEARD, 1000)
    ready.set()
    time.sleep(3600)
    c.close(h)


def knock(net):
    """Connects from b to the port where nobody accepts; those that ask are returned."""
    asking = []
    for _ in range(STREAMS + 16):  # of the 97 places that b has
        s = socket.socket(socket.AF_UNIX)
        s.connect(net.nodes["b"].app)
        s.sendall(b"connect %s %d\n" % (net.nodes["a"].id.encode(), UNHEARD))
        asking.append(s)
    return asking


def attack(net, b):
    a = net.nodes["a"]
    ready = AWAY.Event()
    running = [begun(LEAVES, never_accepts, Library(net.build, a.app), ready)]
    check(ready.wait(10), "a user listens and never accepts")
    asking = knock(net)
    for target, uid, args in ((leaves_closed, LEAVES, (Library(net.build, a.app), b)), (holds_clients, HOLDS, (a.app,)),
                              (attaches_and_leaves, LOOPS, (Library(net.build, a.app), b))):
        running.append(begun(uid, target, *args))
    return running, asking


def judge(net, alone, before, looped_s):
    rows = [r for r in net.nodes["a"].rows("connections") if r["state"] != "TIME-WAIT"]
    theirs = [r for r in rows if str(r.get("local_port")) == str(UNHEARD) or str(r.get("remote_port")) == str(KEEPS)]
    made, failed = TALLY["connects"], TALLY["connects_failed"]
    check(made >= 20 and failed * 100 <= made + failed, "honest connects: %d of %d" % (made, made + failed))
    made, failed = TALLY["clients"], TALLY["clients_failed"]
    check(made >= 20 and failed * 100 <= made + failed, "honest connections to the daemon: %d of %d" % (made, made + failed))
    rate = (TALLY["drained"] - before) / looped_s
    check(rate >= 0.8 * alone, "the honest stream: %.1f MiB/s, alone %.1f" % (rate / 2**20, alone / 2**20))
    most = CONNECTS * (looped_s + 1) * net.workers + CONNECTS
    check(TALLY["loops"] > 2 and TALLY["looped"] <= most,
          "attaching %d times gives %d connects, no more than %d" % (TALLY["loops"], TALLY["looped"], most))
    check(TALLY["held"] > 0 and TALLY["turned_away"] > 0,
          "a user holds %d connections to the daemon, and is refused more %d times" % (TALLY["held"], TALLY["turned_away"]))
    check(0 < len(theirs) <= STREAMS + 2, "%d connections wait for nobody or were left, of a user who may have %d" % (len(theirs), STREAMS))


def body(net):
    net.build_net(["a", "b"], [("a", "b")])
    net.nodes["a"].api = "mode = 0666\nuser-connects = %d\nuser-streams = %d" % (CONNECTS, STREAMS)
    os.chmod(net.dir, 0o711)
    os.chmod(net.nodes["a"].dir, 0o711)
    net.start(limits={resource.RLIMIT_NOFILE: 400})
    net.ready()
    b, running, asking = net.nodes["b"].id, [], []
    try:
        for port in (GREETS, DRAINS, KEEPS):
            ready = AWAY.Event()
            running.append(begun(0, serve, Library(net.build, net.nodes["b"].app), port, ready))
            check(ready.wait(10), "a server on port %d" % port)
        running.append(begun(HONEST, streams, Library(net.build, net.nodes["a"].app), b))
        net.wait("the honest stream to run", lambda: TALLY["drained"] > RATE // 4)
        began, before = time.monotonic(), TALLY["drained"]
        time.sleep(ALONE_S)
        alone = (TALLY["drained"] - before) / (time.monotonic() - began)
        hostile, asking = attack(net, b)
        running += hostile
        running.append(begun(HONEST, connects, Library(net.build, net.nodes["a"].app), b))
        running.append(begun(HONEST, asks, net.nodes["a"].app))
        began, before = time.monotonic(), TALLY["drained"]
        time.sleep(ATTACK_S)
        judge(net, alone, before, time.monotonic() - began)
    finally:
        for p in running:
            p.kill()
        for s in asking:
            s.close()


if not coyonet.daemon_user():
    lib.skip("only root can be several users")
lib.main(body)
