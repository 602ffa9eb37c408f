#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Options of sockets over libcoyo between two daemons: what TCP_INFO tells is what the engine has, and what was set is what it has.

      a --- b, and both are neighbours of c
"""
import ctypes
import errno
import os
import signal
import socket
import struct

import lib
from lib import check
from coyolib import AF_COYO, Address, Library
from libcoyo import MIB, serve

TCP_INFO, NOTSENT_LOWAT = 11, 25
# struct tcp_info of the kernel: eight bytes, 24 words, four words of 64 bits, then words from here on.
HEAD = struct.Struct("8B24I4Q")


class Options(Library):
    def get(self, h, level, name, n):
        b, length = ctypes.create_string_buffer(n), ctypes.c_uint32(n)
        self.call("coyo_getsockopt", h, level, name, b, ctypes.byref(length))
        return b.raw[:length.value]

    def number(self, h, level, name):
        return struct.unpack("i", self.get(h, level, name, 4))[0]

    def set(self, h, level, name, v):
        self.call("coyo_setsockopt", h, level, name, ctypes.byref(ctypes.c_int(v)), 4)

    def info(self, h):
        f = HEAD.unpack(self.get(h, socket.IPPROTO_TCP, TCP_INFO, 512)[:HEAD.size])
        words = f[8:32]
        return {"state": f[0], "rto": words[0], "mss": words[2], "rtt": words[15], "rttvar": words[16], "cwnd": words[18],
                "acked": f[34], "received": f[35]}


SOL_COYO, PATH, DIRECT, HOPS = 0x4359, 1, 1, 2


def direct(c, node_id, port):
    """A stream to a neighbour over its link. Returns (handle, 0), or (-1, errno)."""
    h = c.call("coyo_socket", 0x4359, socket.SOCK_STREAM, 0)
    c.set(h, SOL_COYO, PATH, DIRECT)
    to = Address(AF_COYO, socket.htons(port), 0)
    c.call("coyo_parse_id", node_id.encode(), to.id, None)
    try:
        c.call("coyo_connect", h, ctypes.byref(to), ctypes.sizeof(to))
    except OSError as e:
        c.close(h)
        return -1, e.errno
    return h, 0


def paths(net, c):
    b = net.nodes["b"].id
    h, _ = direct(c, b, 7001)
    anywhere = c.connect(b, 7001)
    check(c.number(h, SOL_COYO, HOPS) == 1 and c.number(anywhere, SOL_COYO, HOPS) == 1, "a stream to a neighbour crosses one link")
    a = net.nodes["a"]
    a.links = [text for text in a.links if "[link a-b]" not in text]
    a.write_conf()
    a.proc.send_signal(signal.SIGHUP)
    net.wait("the path to lead by way of c", lambda: c.number(anywhere, SOL_COYO, HOPS) == 2)
    try:
        c.recv(h, 1)
        check(False, "the stream that wanted the link has ended")
    except OSError as e:
        check(e.errno == errno.EHOSTUNREACH, "a stream that wanted the link ends with EHOSTUNREACH when the path leads over c")
    c.send(anywhere, b"still here")
    check(c.recv(anywhere, 10, socket.MSG_WAITALL) == b"still here", "and one that did not goes on")
    check(direct(c, b, 7001) == (-1, errno.EHOSTUNREACH), "who is no neighbour is not connected to directly")
    c.close(h)
    c.close(anywhere)


def body(net):
    net.build_net("abc", ["ab", "bc", "ac"])
    net.start()
    net.ready()
    c = Options(net.build, net.nodes["a"].app)
    serve(net, "echo_epoll", 7001)
    h = c.call("coyo_socket", 0x4359, socket.SOCK_STREAM, 0)
    check(c.info(h)["state"] == 7, "a socket that is not connected is closed to TCP_INFO")
    check(c.number(h, socket.SOL_SOCKET, socket.SO_SNDBUF) > 65536, "the daemon's buffer size is known before a connection is")
    c.close(h)
    h = c.connect(net.nodes["b"].id, 7001)
    c.set(h, socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 11)
    c.set(h, socket.SOL_SOCKET, socket.SO_RCVBUF, 300000)
    check(c.number(h, socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 11 and c.number(h, socket.SOL_SOCKET, socket.SO_RCVBUF) == 300000,
          "what was set is what the engine has")
    c.set(h, socket.IPPROTO_TCP, NOTSENT_LOWAT, 16384)
    check(c.number(h, socket.IPPROTO_TCP, NOTSENT_LOWAT) == 16384, "TCP_NOTSENT_LOWAT is taken, and the bytes below come through it")
    got = 0
    c.send(h, os.urandom(MIB // 8))
    while got < MIB // 8:
        got += len(c.recv(h, MIB))
    net.wait("all to be acknowledged", lambda: c.info(h)["acked"] == MIB // 8)
    i = c.info(h)
    print("     %s" % i)
    check(i["state"] == 1 and i["received"] == MIB // 8 and 0 < i["rtt"] < i["rto"] and i["cwnd"] > 0, "TCP_INFO tells state, bytes, round trip and window")
    row = next(r for r in net.nodes["a"].rows("connections") if r["remote_port"] == 7001)
    check(i["mss"] == c.number(h, socket.IPPROTO_TCP, socket.TCP_MAXSEG) and row["state"] == "ESTABLISHED", "and the segment size that TCP_MAXSEG tells")
    try:
        c.set(h, socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 1)
        check(False, "an option that the engine has not is refused")
    except OSError as e:
        check(e.errno == errno.ENOPROTOOPT, "an option that the engine has not is refused")
    c.close(h)
    paths(net, c)


if __name__ == "__main__":
    lib.main(body)
