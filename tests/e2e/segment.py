#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Applications that share a segment with the workers of real daemons, as tests/lib/segment.py plays them: streams both ways, one end a segment and the
other a descriptor, an application that is killed, quotas, and who was woken.

      a --- b
"""
import hashlib
import os
import select
import signal
import threading
import time

import lib
from lib import check

import appsock
import segment

MIB = 1 << 20
APPLICATIONS = 5


def counters(net, name):
    rows = net.nodes[name].rows("workers")
    return {k: sum(r[k] for r in rows) for k in ("app_futex_wakes", "app_wakes", "app_nonsense", "sleeps")}


def join(net, a, slot, b, own, port):
    """A stream from a's slot to one that b gives."""
    token = b.token
    theirs = b.post(own, token, b.worker_of(segment.id_bytes(net.nodes["a"].id)), b.nslots - 1)
    mine = a.connect(slot, net.nodes["b"].id, port)
    check_quietly(mine.told(segment.UP) and theirs.told(segment.UP), "not connected: %d %d" % (mine.err(), theirs.err()))
    return mine, theirs


def check_quietly(ok, text):
    if not ok:
        check(ok, text)


def both_ways(net):
    a, b = (segment.Segment(net.nodes[n].app) for n in "ab")
    check(b.id == net.nodes["b"].id and a.nslots == 64, "attach tells this node's id and the slots that were granted")
    b.token, port = b.listen(7000)
    mine, theirs = join(net, a, 0, b, 0, port)
    check(bytes(b.memory[theirs.page + segment.PEER:][:64]) == segment.id_bytes(net.nodes["a"].id), "who is accepted is known by its id")
    data = os.urandom(2 * MIB)
    sender = threading.Thread(target=mine.send, args=(data,))
    sender.start()
    got = theirs.recv_all(len(data))
    sender.join()
    check(hashlib.sha256(got).digest() == hashlib.sha256(data).digest(), "2 MiB from one segment to another")
    theirs.send(b"and back")
    check(mine.recv_all(8) == b"and back", "and an answer")
    theirs.close()
    check(mine.told(segment.EOF) and not mine.err(), "the end of the stream is told")
    mine.close()
    check(mine.told(segment.FREE) and theirs.told(segment.FREE), "both slots are free again")
    for i in range(20):
        mine, theirs = join(net, a, i % 3, b, i % 5, port)
        mine.send(b"x" * 64)
        mine.close()
        check_quietly(theirs.recv_all(100) == b"x" * 64 and theirs.told(segment.EOF), "round %d" % i)
        theirs.close()
        check_quietly(mine.told(segment.FREE) and theirs.told(segment.FREE), "slots of round %d" % i)
    check(True, "connect, 64 bytes and close, 20 times in the same slots")
    refused = a.connect(9, net.nodes["b"].id, 7999)
    refused.told(segment.UP)
    check(refused.err() == 111, "nobody listens: ECONNREFUSED")
    a.close()
    b.close()


def with_a_descriptor(net):
    a = segment.Segment(net.nodes["a"].app)
    server = appsock.AppClient(net.nodes["b"].app)
    server.listen(7001)
    mine = a.connect(0, net.nodes["b"].id, 7001)
    peer = server.accept()
    check(mine.told(segment.UP) and mine.send(b"hello") and peer.recv(100) == b"hello", "a segment's stream ends at a descriptor")
    a.token, port = a.listen(0)
    check(32768 <= port <= 60999, "port 0 gives one that is free (%d)" % port)
    theirs = a.post(1, a.token, a.worker_of(segment.id_bytes(net.nodes["b"].id)))
    client = appsock.AppClient(net.nodes["b"].app)
    back = client.connect(net.nodes["a"].id, port)
    back.sendall(b"the other way")
    check(theirs.told(segment.UP) and theirs.recv_all(13) == b"the other way", "and a descriptor's at a segment")
    # It goes as a process does.
    mine.send(b"last words")
    a.close()
    check(peer.recv(100) == b"last words" and peer.recv(100) == b"", "what it wrote before it left arrives, and the end behind it")
    check(back.recv(100) == b"", "its other stream ends, too")
    for s in (peer, back, server, client):
        s.close()


def killed(net):
    """An application that is killed in the middle of a transfer leaves nothing behind."""
    b = segment.Segment(net.nodes["b"].app)
    b.token, port = b.listen(7002)
    theirs = b.post(0, b.token, b.worker_of(segment.id_bytes(net.nodes["a"].id)))
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        a = segment.Segment(net.nodes["a"].app)
        a.listen(7003)
        mine = a.connect(0, net.nodes["b"].id, port)
        mine.told(segment.UP)
        os.write(told, b"x")
        end = time.monotonic() + 60
        while time.monotonic() < end:
            mine.send(b"y" * 65536)
        os._exit(1)
    os.read(ready, 1)
    check(theirs.told(segment.UP) and theirs.recv_all(300000) == b"y" * 300000, "an application sends for all it is worth")
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    end = time.monotonic() + 20
    while not theirs.word(segment.TOLD).value & segment.EOF and time.monotonic() < end:
        theirs.recv()
        time.sleep(0.0005)
    check(theirs.word(segment.TOLD).value & segment.EOF, "it is killed, and its stream ends")
    after = segment.Segment(net.nodes["a"].app)
    after.listen(7003)
    check(True, "its port is free again")
    after.close()
    b.close()


def quotas(net):
    path, most = net.nodes["a"].app, []
    end = time.monotonic() + 20
    while len(most) < APPLICATIONS and time.monotonic() < end:
        try:
            most.append(segment.Segment(path))
        except segment.Refused:  # the last ones are still on their way out
            time.sleep(0.01)
    check(len(most) == APPLICATIONS, "as many applications as one user may have")
    try:
        segment.Segment(path)
        why = "attached"
    except segment.Refused as e:
        why = str(e)
    check(why == "EDQUOT", "and not one more (%s)" % why)
    for version in (segment.VERSION - 1, segment.VERSION + 1):
        try:
            segment.Segment(path, version=version)
            why = "attached"
        except segment.Refused as e:
            why = str(e)
        check(why == "EPROTONOSUPPORT", "another version is refused (%s)" % why)
    for s in most:
        s.close()


def sleepers(net):
    """A worker that has slept is woken by the first message alone."""
    a = segment.Segment(net.nodes["a"].app)
    before = counters(net, "a")
    time.sleep(0.3)
    for i in range(5):
        s = a.connect(0, net.nodes["b"].id, 7999)
        check_quietly(s.told(segment.UP) and s.err() == 111, "refused")
        s.close()
        check_quietly(s.told(segment.FREE), "free")
        time.sleep(0.05)
    lane = a.lanes[a.worker_of(segment.id_bytes(net.nodes["b"].id))]
    check(5 <= lane.wakes <= 15, "a worker that sleeps is woken by the eventfd (%d times for 10 messages)" % lane.wakes)
    after = counters(net, "a")
    check(after["app_futex_wakes"] == before["app_futex_wakes"] and after["app_wakes"] == before["app_wakes"],
          "nobody here said that it waits, and nobody was woken")
    server = appsock.AppClient(net.nodes["b"].app)
    server.listen(7012)
    s = a.connect(0, net.nodes["b"].id, 7012)
    peer = server.accept()
    check_quietly(s.told(segment.UP), "connected")
    lane.app_asleep.value = 1
    s.word(segment.IN_WAITS).value = 2
    peer.sendall(b"wake")
    woken = select.select([a.fds[1]], [], [], 20)[0]
    check(woken and len(os.read(a.fds[1], 100)) == 8 and s.recv_all(4) == b"wake", "an application that sleeps on its descriptor is woken")
    check(a.until(lambda: [m.slot for m in a.ready] == [0]), "and told which slot it is")
    for each in (peer, server):
        each.close()
    a.close()


def within_the_node(net):
    """To one's own id: from a segment and from a descriptor, to either."""
    a, server, client = segment.Segment(net.nodes["a"].app), appsock.AppClient(net.nodes["a"].app), appsock.AppClient(net.nodes["a"].app)
    server.listen(7010)
    a.token, port = a.listen(7011)
    mine = a.connect(0, net.nodes["a"].id, 7010)
    peer = server.accept()
    check(mine.told(segment.UP) and mine.send(b"here") and peer.recv(100) == b"here", "to a descriptor of the same node")
    here = a.worker_of(segment.id_bytes(a.id))
    theirs = a.post(1, a.token, here)
    far = client.connect(net.nodes["a"].id, port)
    far.sendall(b"there")
    check(theirs.recv_all(5) == b"there", "from a descriptor of the same node")
    other = a.post(2, a.token, here)
    mine = a.connect(3, net.nodes["a"].id, port)
    check(mine.told(segment.UP) and mine.send(b"x" * 100000) and other.recv_all(100000) == b"x" * 100000, "from an application to itself")
    for s in (peer, far, server, client, a):
        s.close()


def body(net):
    options = "slots = 64\napplications = %d\n" % APPLICATIONS
    net.build_net(["a", "b"], [("a", "b")])
    for n in net.nodes.values():
        n.api = options
    net.start()
    net.ready()
    both_ways(net)
    with_a_descriptor(net)
    killed(net)
    within_the_node(net)
    sleepers(net)
    quotas(net)
    total = [counters(net, n)["app_nonsense"] for n in "ab"]
    check(total == [0, 0], "nothing that was said made no sense (%s)" % total)


lib.main(body, workers=2)
