#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every way to end a stream that has data on both sides, beside the kernel's own TCP on loopback in the same run: how many bytes the
other side reads, how its stream ends, what poll() says and what writing gives, 20 times each, or 50 (long).

      a --- b        the streams go through both daemons

The expected column is what the kernel did. What a descriptor of the AF_UNIX family cannot show is said in as_descriptor(), and what a
program that acts at once leaves to chance in allowed(); nothing else may differ.
"""
import collections
import errno
import itertools
import os
import resource
import select
import signal
import socket
import struct
import sys
import time

import lib
from lib import check, coyonet

import appsock

TIMES = 50 if lib.everything() else 20
BATCH = 500  # pairs at once
SETTLE = 0.25  # s that a step is given to reach the other side
QUESTION, ANSWER, LONG = b"q" * 3000, b"a" * 5000, b"A" * 60000
PORT = 7500

# Who closes; whether a question lies unread there ("late": it is still on its way); what was written just before; how it ends; what the
# other side does first.
Case = collections.namedtuple("Case", "closer unread answer how look")
Row = collections.namedtuple("Row", "poll got end first_write poll_then later_writes")


class Kernel:
    """Pairs of TCP sockets on loopback, which delivers within the call."""

    settle = 0.02

    def pairs(self, n):
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen(n)
            for _ in range(n):
                c = socket.create_connection(server.getsockname())
                yield c, server.accept()[0]


class Ours:
    """Streams from a to b, as descriptors."""

    settle = SETTLE

    def __init__(self, net):
        self.net = net
        self.server = appsock.AppClient(net.nodes["b"].app)
        self.server.listen(PORT)
        self.client = appsock.AppClient(net.nodes["a"].app)

    def pairs(self, n):
        for _ in range(n):
            yield self.client.connect(self.net.nodes["b"].id, PORT), self.server.accept()

    def close(self):
        self.client.close()
        self.server.close()


HOW = ("close", "shutdown, close", "shutdown, later close", "shutdown both", "shutdown reading, close", "killed", "linger 0")


def cases():
    for look, unread, answer, how in itertools.product(("read", "write"), (False, True, "late"), (b"", ANSWER), HOW):
        yield Case("server", unread, answer, how, look)
    for unread, answer, how in itertools.product((False, True), (ANSWER, LONG), ("close", "killed")):
        yield Case("client", unread, answer, how, "read")
    yield Case("server", True, LONG, "close", "read")
    yield Case("server", "late", LONG, "killed", "read")


def end_of(sock):
    """How many bytes come, and what after them."""
    got = 0
    sock.settimeout(30)
    while True:
        try:
            data = sock.recv(65536)
        except socket.timeout:
            return got, "nothing"
        except OSError as e:
            return got, errno.errorcode[e.errno]
        if not data:
            return got, "end"
        got += len(data)


def put(sock):
    try:
        return "ok" if sock.send(b"w", socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT) else "none"
    except OSError as e:
        return errno.errorcode[e.errno]


def flags(sock):
    p = select.poll()
    p.register(sock, select.POLLIN | select.POLLOUT | select.POLLRDHUP)
    got = dict(p.poll(0)).get(sock.fileno(), 0)
    return "|".join(n for n in ("IN", "OUT", "ERR", "HUP", "RDHUP") if got & getattr(select, "POLL" + n))


def kill_holder(socks):
    """The process that holds these alone is killed."""
    child = os.fork()
    if child == 0:
        while True:
            signal.pause()
    for s in socks:
        s.close()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def end_one(how, x):
    """The closer's last calls. True: its process is still to be killed."""
    if how in ("shutdown, close", "shutdown, later close"):
        x.shutdown(socket.SHUT_WR)
    elif how == "shutdown both":
        x.shutdown(socket.SHUT_RDWR)
    elif how == "shutdown reading, close":
        x.shutdown(socket.SHUT_RD)
    elif how == "linger 0":
        x.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if how in ("close", "shutdown, close", "shutdown reading, close", "linger 0"):
        x.close()
    return how == "killed"


def play(world, many):
    """{case: Counter of rows}; the streams of all cases take each step together."""
    runs = [(c, *(pair if c.closer == "client" else pair[::-1])) for c, pair in
            zip([c for c in many for _ in range(TIMES)], world.pairs(TIMES * len(many)))]
    for c, _, y in runs:
        if c.unread is True:
            y.sendall(QUESTION)
    time.sleep(world.settle)
    doomed = []
    for c, x, y in runs:
        x.sendall(c.answer)
        if c.unread == "late":
            y.sendall(QUESTION)
        if end_one(c.how, x):
            doomed.append(x)
    kill_holder(doomed)
    time.sleep(world.settle)
    for c, x, _ in runs:
        if c.how == "shutdown, later close":
            x.close()
    time.sleep(world.settle)
    before = [flags(y) for _, _, y in runs]
    first = [put(y) if c.look == "write" else None for c, _, y in runs]
    time.sleep(world.settle)
    ends = [end_of(y) for _, _, y in runs]
    first = [f or put(y) for f, (_, _, y) in zip(first, runs)]
    time.sleep(world.settle)
    after = [flags(y) for _, _, y in runs]
    seen = {c: collections.Counter() for c in many}
    for (c, x, y), b, (got, end), f, a in zip(runs, before, ends, first, after):
        seen[c][Row(b, got, end, f, a, (put(y), put(y)))] += 1
        x.close()
        y.close()
    return seen


def as_descriptor(row):
    """The kernel's row as such a descriptor can tell it: a reset gives EPIPE to the first write() too, which does not take ECONNRESET
    away from read(); and one that comes after the peer's end of stream is POLLHUP without POLLERR."""
    if row.first_write == "ECONNRESET":
        row = row._replace(first_write="EPIPE", end="ECONNRESET")
    if row.end == "end":
        row = row._replace(poll=row.poll.replace("ERR|", ""), poll_then=row.poll_then.replace("ERR|", ""))
    return row


def allowed(case, ours, kernel):
    """Whether our rows may stand where the kernel had those."""
    rows = {as_descriptor(r) for r in kernel}
    if case.unread == "late":
        # Loopback delivers within the call; a network may bring the question before the close, or after it.
        return {r.got for r in ours} == {r.got for r in rows} and {r.end for r in ours} <= {"end", "ECONNRESET"}
    if case.how == "shutdown, close" and case.unread:
        # Seen from outside, the two calls may have been one close: then there is no end of stream before the reset.
        # And who knows of the reset before the end of stream tells it as such.
        plain = {as_descriptor(r._replace(end="end"))._replace(end="") for r in kernel}
        return {as_descriptor(r._replace(end="end"))._replace(end="") for r in ours} == plain and {r.end for r in ours} <= {"end", "ECONNRESET"}
    return set(ours) == rows


def play_all(world, many):
    seen = {}
    for i in range(0, len(many), BATCH // TIMES):
        seen.update(play(world, many[i:i + BATCH // TIMES]))
    return seen


def matrix(net):
    many, bad, again, world, model = list(cases()), 0, 0, Ours(net), Kernel()
    kernel, ours = play_all(model, many), play_all(world, many)
    for case in many:
        # SO_LINGER of somebody else's descriptor cannot be seen: it closes like any other.
        same = case._replace(how="close") if case.how == "linger 0" else case
        expected = kernel[same]
        if not allowed(case, ours[case], expected):
            # A busy machine may not have given either of them the time: what differs with much more of it differs.
            again += 1
            world.settle = model.settle = 8 * SETTLE
            ours.update(play(world, [case]))
            expected = play(model, [same])[same]
            world.settle, model.settle = SETTLE, Kernel.settle
        if allowed(case, ours[case], expected):
            continue
        bad += 1
        print("DIFFERS %s" % (case._replace(answer=len(case.answer)),))
        for who, rows in (("kernel", expected), ("ours", ours[case])):
            for row, n in rows.most_common(4):
                print("    %-6s %3d %s" % (who, n, tuple(row)), flush=True)
    world.close()
    if again:
        print("     %d of them were given more time" % again)
    check(bad == 0, "%d ways to end a stream, %d times each, look like the kernel's TCP" % (len(many), TIMES))


def shut_reading(x, y):
    """x reads no more, and y writes on: what x sends arrives all the same, in both orders."""
    x.shutdown(socket.SHUT_RD)
    y.sendall(QUESTION)
    time.sleep(SETTLE)
    x.sendall(ANSWER)
    y.sendall(QUESTION)
    time.sleep(SETTLE)
    x.sendall(ANSWER)
    x.shutdown(socket.SHUT_WR)
    got = end_of(y)
    y.close()
    x.close()
    return got


def half_closes(x, y):
    """Each ends its writing while the other goes on."""
    x.sendall(QUESTION)
    x.shutdown(socket.SHUT_WR)
    seen = [end_of(y)]
    y.sendall(ANSWER)
    y.shutdown(socket.SHUT_WR)
    seen += [end_of(x), end_of(y)]
    x.close()
    y.close()
    return seen


def compare(net, play_one):
    worlds, rows = (Kernel(), Ours(net)), []
    for world in worlds:
        rows.append([play_one(*pair[::turn]) for turn in (1, -1) for pair in world.pairs(3)])
    worlds[1].close()
    check(rows[0] == rows[1], "%s: as the kernel (%s)" % (play_one.__name__, rows[1][0]))


def long_answer(net):
    """More than windows and buffers hold at once: all of it arrives before the reset."""
    world = Ours(net)
    c, s = next(world.pairs(1))
    c.sendall(QUESTION)
    s.sendall(b"l" * 900000)
    time.sleep(SETTLE)
    s.close()
    check(end_of(c) == (900000, "ECONNRESET"), "an answer of 900 kB arrives before the reset")
    c.close()
    world.close()


def body(net):
    net.build_net(["a", "b"], [("a", "b")])
    net.start()
    net.ready()
    compare(net, shut_reading)
    compare(net, half_closes)
    long_answer(net)
    matrix(net)
    net.wait("no connection left", lambda: not [r for n in "ab" for r in net.nodes[n].rows("connections") if r["state"] != "TIME-WAIT"])
    check(True, "and nothing is left in either daemon")


hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
lib.main(body)
