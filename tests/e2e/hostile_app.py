#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The application socket: a stream is an ordinary descriptor for poll(); a hostile application hurts nobody but itself.

      a --- b        the hostile application sits on a
"""
import os
import random
import resource
import select
import socket
import time

import lib
from lib import check, coyonet

import appsock

MIB = 1 << 20
MANY = 1500


def polled_echo(net):
    """8 streams at once through poll(), not one blocking call: each sends 1 MiB and gets it back."""
    server = appsock.AppClient(net.nodes["b"].app)
    server.listen(7100)
    rnd = random.Random(7)
    data = [rnd.randbytes(MIB) for _ in range(8)]
    ends = []
    for _ in data:
        client = appsock.AppClient(net.nodes["a"].app)
        ends.append(client.connect(net.nodes["b"].id, 7100))
        client.close()
    peers = [server.accept() for _ in data]
    poll = select.poll()
    for s in ends + peers:
        s.setblocking(False)
        poll.register(s, select.POLLIN | select.POLLOUT)
    out = {s.fileno(): [s, d] for s, d in zip(ends, data)}
    back = {s.fileno(): [s, b"", True] for s in peers}
    got = {s.fileno(): b"" for s in ends}
    end = time.monotonic() + 120
    while any(len(g) < MIB for g in got.values()) and time.monotonic() < end:
        for fd, ev in poll.poll(1000):
            if fd in out:
                s, rest = out[fd]
                if ev & select.POLLOUT and rest:
                    out[fd][1] = rest[s.send(rest[:65536]):]
                    if not out[fd][1]:
                        s.shutdown(socket.SHUT_WR)
                        poll.modify(s, select.POLLIN)
                if ev & select.POLLIN:
                    got[fd] += s.recv(65536)
            else:
                s, held, open_in = back[fd]
                if ev & select.POLLIN and open_in and len(held) < 65536:
                    chunk = s.recv(65536)
                    back[fd][2] = bool(chunk)
                    back[fd][1] = held = held + chunk
                if ev & select.POLLOUT and held:
                    back[fd][1] = held[s.send(held):]
                if not back[fd][2] and not back[fd][1]:
                    poll.unregister(s)
                    s.close()
    check([got[s.fileno()] for s in ends] == data, "8 streams as descriptors under poll(), 1 MiB there and back on each")
    after = []
    for s in ends:
        poll.modify(s, select.POLLIN)
        # The other side closes when it has sent everything, which may be later.
        while s.fileno() not in dict(poll.poll(1000)) and time.monotonic() < end:
            pass
        after.append(s.recv(1))
        poll.unregister(s)
        s.close()
    check(after == [b""] * len(ends), "end of stream comes after the last byte")
    server.close()


def within_the_node(net):
    server = appsock.AppClient(net.nodes["a"].app)
    server.listen(7200)
    client = appsock.AppClient(net.nodes["a"].app)
    s = client.connect(net.nodes["a"].id, 7200)
    p = server.accept()
    s.sendall(b"to myself")
    check(p.recv(100) == b"to myself", "a stream to one's own id")
    for x in (s, p, server, client):
        x.close()


def free_again(client):
    """Whether the client may listen at the port by now; it does."""
    try:
        client.listen(7300)
        return True
    except appsock.AppError as e:
        if e.name != "EADDRINUSE":
            raise
        return False


def errors(net):
    client = appsock.AppClient(net.nodes["a"].app)
    names = {}
    good = net.nodes["b"].id
    mistyped = ("y" if good[0] == "x" else "x") + good[1:]
    for line in ("connect %s 7999" % good, "connect %s 0" % good, "connect %s 7000 7" % good, "connect %s 7000" % mistyped,
                 "listen 99999", "listen", "frobnicate", "", "listen 7000 0"):
        try:
            client.ask(line)
            names[line] = "accepted"
        except appsock.AppError as e:
            names[line] = e.name
    check(names.pop("connect %s 7999" % good) == "ECONNREFUSED", "refused connects say ECONNREFUSED")
    check(set(names.values()) == {"EINVAL"}, "bad requests say EINVAL and the connection lives on (%s)" % names)
    check(client.ask("version")[0] == "ok 1", "and answers the next request")
    client.close()
    first, second = appsock.AppClient(net.nodes["a"].app), appsock.AppClient(net.nodes["a"].app)
    first.listen(7300)
    try:
        second.listen(7300)
        check(False, "a port is given twice")
    except appsock.AppError as e:
        check(e.name == "EADDRINUSE", "a port that is taken says EADDRINUSE")
    first.close()
    net.wait("the port to be free", lambda: free_again(second), every=0.02)
    check(True, "and is free again when its listener has gone")
    second.close()


def raw(net):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(60)
    s.connect(net.nodes["a"].app)
    return s


def garbage(net, rnd):
    for i in range(300):
        s = raw(net)
        try:
            if i % 3 == 0:
                s.sendall(rnd.randbytes(rnd.randrange(1, 4000)))
            elif i % 3 == 1:
                s.sendall(b"A" * rnd.randrange(500, 2000))
            else:
                s.sendall(b"connect " + net.nodes["b"].id.encode()[:rnd.randrange(0, 108)])
        except OSError:
            pass  # thrown out in the middle of it
        s.close()


def byte_by_byte(net):
    s = raw(net)
    for c in b"version\n":
        s.sendall(bytes([c]))
        time.sleep(0.005)
    check(s.recv(100) == b"ok 1\n", "a line in pieces is a line")
    s.close()


def never_reads_answers(net):
    """Asks on without ever reading: is thrown out as soon as its socket is full."""
    s = raw(net)
    s.setblocking(True)
    try:
        for _ in range(20000):
            s.sendall(b"version\n" * 20)
        check(False, "400000 answers were kept for a client that reads none")
    except OSError:
        check(True, "a client that never reads its answers is thrown out")
    s.close()


def smuggles_descriptors(net):
    before = fds(net)
    s = raw(net)
    for _ in range(100):
        socket.send_fds(s, [b"\n"], [0, 1, 2])
        s.recv(200)
    net.wait("descriptors sent to the daemon to be closed", lambda: fds(net) - before <= 1)
    check(True, "descriptors sent to the daemon are not kept")
    s.close()


def fds(net, node="a"):
    return len(os.listdir("/proc/%d/fd" % net.nodes[node].proc.pid))


def rss_mib(net, node="a"):
    with open("/proc/%d/status" % net.nodes[node].proc.pid, encoding="ascii") as f:
        return [int(x.split()[1]) for x in f if x.startswith("VmRSS")][0] / 1024


def cpu_s(net, node="a"):
    with open("/proc/%d/stat" % net.nodes[node].proc.pid, encoding="ascii") as f:
        w = f.read().rsplit(")", 1)[1].split()
    return (int(w[11]) + int(w[12])) / os.sysconf("SC_CLK_TCK")


def flood(net, ghost):
    """Thousands of connections: mute, half a line, connects to nobody that are left at once, streams that are never read."""
    held = []
    for i in range(MANY):
        s = raw(net)
        if i % 3 == 1:
            s.sendall(b"connect ")
        elif i % 3 == 2:
            s.sendall(b"connect %s %d\n" % (ghost.encode(), 1 + i))
        held.append(s)
    return held


def never_reads_streams(net):
    server = appsock.AppClient(net.nodes["b"].app)
    server.listen(7400)
    held = []
    for _ in range(20):
        client = appsock.AppClient(net.nodes["a"].app)
        s = client.connect(net.nodes["b"].id, 7400)
        client.close()
        s.setblocking(False)
        held.append(s)
    for s in held:
        try:
            for _ in range(100):
                s.send(b"x" * 65536)
        except BlockingIOError:
            pass
    return held, server


def beyond_the_limit(net):
    """More connections than the daemon has descriptors for: an answer by name; operators and streams are still served."""
    held, refused = [], 0
    for _ in range(700):
        s = raw(net)
        s.setblocking(False)
        held.append(s)
    end = time.monotonic() + 60
    while refused <= 100 and time.monotonic() < end:
        for s in select.select(held, [], [], 1)[0]:
            refused += b"EBUSY" in s.recv(200)
            held.remove(s)
            s.close()
    check(refused > 100, "%d of 700 clients are told EBUSY" % refused)
    check(net.nodes["a"].ctl("show", "node")["name"] == "a", "coyoctl is answered meanwhile")
    for s in held:
        s.close()


def body(net):
    net.build_net(["a", "b"], [("a", "b")])
    ghost = net.ghost()
    net.start()
    net.ready()
    polled_echo(net)
    within_the_node(net)
    errors(net)
    base_fds, base_rss = fds(net), rss_mib(net)
    rnd = random.Random(3)
    garbage(net, rnd)
    byte_by_byte(net)
    never_reads_answers(net)
    smuggles_descriptors(net)
    held = flood(net, ghost)
    streams, server = never_reads_streams(net)
    began = time.monotonic()
    t = coyonet.Transfer(net, "a", "b", 8 * MIB)
    try:
        t.finish()
    finally:
        t.close()
    check(True, "a decent application moves 8 MiB meanwhile (%.1f s)" % (time.monotonic() - began))
    check(net.nodes["a"].ctl("show", "node")["name"] == "a", "coyoctl is answered meanwhile")
    for s in held + streams + [server]:
        s.close()
    net.wait("descriptors back to where they were", lambda: fds(net) <= base_fds + 2)
    net.wait("no connection left", lambda: not [r for r in net.nodes["a"].rows("connections") if r["state"] != "TIME-WAIT"])
    check(rss_mib(net) - base_rss < 96, "memory: %.0f MiB before, %.0f after" % (base_rss, rss_mib(net)))
    c0 = cpu_s(net)
    time.sleep(1.5)
    check(cpu_s(net) - c0 < 0.3, "at rest again (%.0f %% of a core)" % (100 * (cpu_s(net) - c0) / 1.5))


def few(net):
    """A daemon with few descriptors."""
    net.build_net(["a", "b"], [("a", "b")])
    net.start(limits={resource.RLIMIT_NOFILE: 400})
    net.ready()
    beyond_the_limit(net)
    t = coyonet.Transfer(net, "a", "b", MIB)
    try:
        t.finish()
    finally:
        t.close()
    check(True, "and a file goes through afterwards")

# An ordinary user's soft limit is often 1 024; the applications here hold more.
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
lib.main(body, few)
