#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Datagrams over libcoyo between two daemons: whole or not at all, of every length that the path carries; what is longer, and what finds nobody, is
refused; the first to a node finds it; what comes too fast is dropped and counted; a daemon that ends takes its sockets with it, and no others.

      a --- b        two workers each
"""
import ctypes
import errno
import os
import select
import socket
import subprocess
import time

import lib
from lib import check, coyonet
from coyolib import AF_COYO, Address, Library

MOST = 1902  # bytes, whatever the path
DROPPED_FROM = 400000  # bytes sent to a program that reads none: more than its ring holds


class PollFd(ctypes.Structure):
    _fields_ = [("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short)]


def library(build):
    c = Library(build)
    c.lib.coyo_sendto.restype = c.lib.coyo_recvfrom.restype = ctypes.c_ssize_t
    c.lib.coyo_sendto.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_uint32]
    c.lib.coyo_recvfrom.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    return c


class Socket:
    """A socket for datagrams of this process, which is attached to one daemon."""

    def __init__(self, c):
        self.call, self.address = c.call, c.address
        self.h = self.call("coyo_socket", AF_COYO, socket.SOCK_DGRAM, 0)

    def bind(self, port):
        at = Address(AF_COYO, socket.htons(port), 0)
        self.call("coyo_bind", self.h, ctypes.byref(at), ctypes.sizeof(at))

    def connect(self, to):
        self.call("coyo_connect", self.h, ctypes.byref(to), ctypes.sizeof(to))

    def send(self, data, to=None):
        return self.call("coyo_sendto", self.h, data, len(data), 0, ctypes.byref(to) if to else None, ctypes.sizeof(Address) if to else 0)

    def ready(self, seconds):
        p = PollFd(self.h, select.POLLIN, 0)
        self.call("coyo_poll", ctypes.byref(p), 1, int(seconds * 1000))
        return p.revents

    def recv(self, seconds=10.0):
        """The next one, or None."""
        if not self.ready(seconds):
            return None
        b = ctypes.create_string_buffer(2048)
        n = self.call("coyo_recvfrom", self.h, b, len(b), 0, None, None)
        return b.raw[:n]

    def error(self, *args):
        """The name of the errno that a send ends with; "" where it works."""
        try:
            self.send(*args)
            return ""
        except OSError as e:
            return errno.errorcode[e.errno]

    def close(self):
        self.call("coyo_close", self.h)


def serve(net, port, node="b"):
    """The example sends back what comes."""
    p = subprocess.Popen([os.path.join(net.build, "common/libcoyo/examples/example_dgram_ping"), str(port)],
                         env=dict(os.environ, COYO_SOCKET=net.nodes[node].app), stdout=subprocess.PIPE, preexec_fn=net.born())
    net.programs.append(p)
    if b"listening" not in p.stdout.readline():
        raise coyonet.NetError("dgram_ping does not listen")
    return p


def ping(net):
    """The example as anybody runs it; its first datagram finds the node."""
    r = subprocess.run([os.path.join(net.build, "common/libcoyo/examples/example_dgram_ping"), net.nodes["b"].id, "7000"],
                       env=dict(os.environ, COYO_SOCKET=net.nodes["a"].app), stdout=subprocess.PIPE, timeout=60, check=False)
    check(r.returncode == 0 and r.stdout.count(b"answer") == 3, "the first datagram to a node finds it, and is answered")


def longest(s, to):
    """How long one may be, by asking; the first that is too long only makes it known."""
    low, high = 0, MOST + 1
    s.send(b"", to)
    s.recv()
    while high - low > 1:
        middle = (low + high) // 2
        if s.error(bytes(middle), to) == "EMSGSIZE":
            high = middle
        else:
            s.recv()
            low = middle
    return low


def sizes(net, s, to):
    most = longest(s, to)
    check(1000 < most < MOST, "the path carries datagrams of up to %d bytes" % most)
    step = 1 if lib.everything() else 97
    lengths = sorted(set(list(range(0, most, step)) + [1, 7, 8, most - 1, most]))
    wrong = 0
    for n in lengths:
        data = os.urandom(n)
        s.send(data, to)
        got = s.recv()
        wrong += got is not None and got != data
        if got is None:
            raise coyonet.NetError("%d bytes are lost between two idle nodes" % n)
    check(wrong == 0, "%d lengths from 0 to %d come back, byte by byte" % (len(lengths), most))
    check(s.error(bytes(most + 1), to) == "EMSGSIZE" and s.error(bytes(MOST + 1), to) == "EMSGSIZE", "one byte more is refused with EMSGSIZE")


def nobody(s, to):
    s.connect(to)
    s.send(b"anybody there?")
    s.ready(10)
    check(s.error(b"x") == "ECONNREFUSED", "a port that nobody has refuses")
    drops = s.error(b"x")
    check(drops in ("", "ECONNREFUSED"), "and the next one may be sent")


def one_after_the_other(s, to, n):
    """Many under way at once: what comes back is whole, each at most once; whether it does, and in which order, nobody promises."""
    came = set()
    for i in range(n):
        s.send(b"%06d" % i + bytes(i % 900), to)
    while (got := s.recv(1.0)) is not None:
        i = int(got[:6])
        if i in came or len(got) != 6 + i % 900:
            check(False, "datagram %d comes back whole and once" % i)
        came.add(i)
    check(len(came) > 0, "of %d at once %d come back, each whole and once" % (n, len(came)))


def dropped(net, c, to):
    """A program that reads nothing is no reason for anybody to wait."""
    s, mute = Socket(c), Socket(c)
    mute.bind(7100)
    here = s.address(net.nodes["a"].id, 7100)
    count = DROPPED_FROM // 1000

    def full():
        return sum(r["count"] for r in net.nodes["a"].rows("drops") if r["reason"] == "udp_full")

    before = full()
    for _ in range(count):
        s.send(bytes(1000), here)
    net.wait("what found no room to be counted", lambda: full() > before)
    lost = full() - before
    check(lost < count, "of %d to a program that reads none, %d are dropped and counted" % (count, lost))
    s.connect(to)
    s.send(b"still here")
    check(s.recv() == b"still here", "and others are served")
    s.close()
    mute.close()


def two_programs(net, c):
    """Each has its port, which the other cannot have; a killed one's is free."""
    p = serve(net, 7001, "a")
    s = Socket(c)
    try:
        s.bind(7001)
        check(False, "a port of another program is refused")
    except OSError as e:
        check(e.errno == errno.EADDRINUSE, "a port of another program is refused")
    to = s.address(net.nodes["a"].id, 7001)
    s.send(b"from here to here", to)
    check(s.recv() == b"from here to here", "two programs of one node")
    p.kill()
    p.wait()

    def again():
        try:
            s.bind(7001)
            return True
        except OSError:
            return False

    s.close()
    s = Socket(c)
    net.wait("the killed program's port to be free", again)
    check(True, "the port of a program that was killed is free")
    s.close()


def restart(net, c, to):
    """The other daemon ends: nobody is there, then somebody is again. One's own ends: its sockets do."""
    s = Socket(c)
    s.connect(to)
    s.send(b"1")
    check(s.recv() == b"1", "before")
    net.nodes["b"].kill()
    net.nodes["b"].proc.wait()
    net.nodes["b"].start()
    net.ready()
    serve(net, 7000)

    def answered():
        try:
            s.send(b"2")
            return s.recv(0.5) == b"2"
        except OSError:
            return False

    net.wait("datagrams to pass after the restart of the other daemon", answered)
    check(True, "after the restart of the other daemon the same socket goes on")
    net.nodes["a"].kill()
    net.nodes["a"].proc.wait()
    check(s.ready(10) & select.POLLERR != 0, "who polls is told that its own daemon has ended")
    check(s.error(b"x") == "ENETDOWN", "ENETDOWN")
    s.close()
    net.nodes["a"].start()
    net.ready()
    fresh = []

    def attached():
        try:
            fresh.append(Socket(c))
            return True
        except OSError:
            return False

    net.wait("a socket of the daemon that was started anew", attached)
    fresh[0].connect(to)
    fresh[0].send(b"3")
    check(fresh[0].recv() == b"3", "the next socket attaches to the daemon that was started anew")


def body(net):
    net.build_net("ab", ["ab"])
    net.start()
    net.ready()
    serve(net, 7000)
    ping(net)
    os.environ["COYO_SOCKET"] = net.nodes["a"].app
    c = library(net.build)
    s = Socket(c)
    to = s.address(net.nodes["b"].id, 7000)
    sizes(net, s, to)
    one_after_the_other(s, to, 5000 if lib.everything() else 500)
    nobody(s, s.address(net.nodes["b"].id, 9))
    s.close()
    dropped(net, c, to)
    two_programs(net, c)
    restart(net, c, to)


if __name__ == "__main__":
    lib.main(body, workers=2)
