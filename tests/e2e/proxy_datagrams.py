#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Datagrams by `coyo proxy`: SOCKS5's UDP ASSOCIATE (RFC 1928, section 7). They go to ids and names and come back under what was asked; from nobody
else; what cannot go is counted and told; an association ends with its TCP connection, its daemon, or its silence, and there are only so many.

      a --- b        the proxy sits on a; a socket for datagrams on b sends back what comes
"""
import ctypes
import os
import select
import signal
import socket
import struct
import subprocess

import lib
from lib import check

import datagrams
from appsock import read

PIPE = subprocess.PIPE
PER_ADDRESS = 64
EACH = 4  # descriptors that the proxy has at least for an association; the library may have one more for its thread


def name_address(name, port):
    return b"\3" + bytes([len(name)]) + name.encode() + struct.pack("!H", port)


class Proxy:
    without = None  # descriptors of the process, beside those of associations

    def __init__(self, net, *words):
        self.log = open(os.path.join(net.dir, "proxy.log"), "ab+")
        self.log.truncate(0)
        self.process = net.coyo("a", "proxy", "-l", "127.0.0.1:0", *words, stdin=subprocess.DEVNULL, stderr=self.log)
        self.net = net
        net.wait("the proxy to listen", lambda: "proxy on" in self.said())
        self.port = int(self.said().split("\n", 1)[0].rsplit(":", 1)[1])

    def said(self):
        with open(self.log.name, encoding="utf-8") as f:
            return f.read()

    def wait_said(self, words):
        self.net.wait("the proxy to say: " + words, lambda: words in self.said())
        check(True, "it says: %s" % words)

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


class Client:
    """A client with an association. port: from which it says that its datagrams will come."""

    def __init__(self, proxy, announced=False):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.settimeout(20)
        self.tcp = socket.create_connection(("127.0.0.1", proxy.port), timeout=20)
        port = self.udp.getsockname()[1] if announced else 0
        self.tcp.sendall(b"\5\1\0\5\3\0\1\0\0\0\0" + struct.pack("!H", port))
        reply = read(self.tcp, 12)[2:]
        self.code = reply[1]
        self.relay = (socket.inet_ntoa(reply[4:8]), struct.unpack("!H", reply[8:10])[0])

    def send(self, address, data, fragment=0):
        self.udp.sendto(b"\0\0" + bytes([fragment]) + address + data, self.relay)

    def recv(self):
        got, at = self.udp.recvfrom(4096)
        assert at == self.relay, at
        return got

    def ask(self, address, data):
        """The answer, without the head, which is that of the question."""
        self.send(address, data)
        got, head = self.recv(), b"\0\0\0" + address
        if not got.startswith(head):
            raise AssertionError("the answer begins with %r" % got[:40])
        return got[len(head):]

    def silent(self, seconds=0.3):
        return not select.select([self.udp], [], [], seconds)[0]

    def ended(self):
        return self.tcp.recv(1) == b""

    def close(self):
        self.tcp.close()
        self.udp.close()


def there_and_back(net, proxy):
    b = net.nodes["b"].id
    c = Client(proxy)
    if c.ask(name_address(b, 7000), b"first") != b"first":
        check(False, "the first datagram comes back")
    proxy.without = proxy.descriptors() - EACH
    d = Client(proxy, announced=True)
    check(c.code == 0 and c.relay[0] == "127.0.0.1" and d.relay[1] != c.relay[1], "two associations, each with an address on loopback")
    for name in (b, b + ".coyo", b[:54] + "." + b[54:] + ".coyo", "Bob.coyo", "bob"):
        address = name_address(name, 7000)
        check(c.ask(address, b"to " + name.encode()) == b"to " + name.encode(), "to %.12s and back under that name" % name)
    one, other = name_address(b, 7000), name_address("bob", 7000)
    check(d.ask(one, b"") == b"" and d.ask(other, bytes(1100)) == bytes(1100), "an empty one; one of 1100 bytes")
    for i in range(20):
        c.send(one, b"c%d" % i)
        d.send(other, b"d%d" % i)
        if c.recv() != b"\0\0\0" + one + b"c%d" % i or d.recv() != b"\0\0\0" + other + b"d%d" % i:
            check(False, "each has its own answers")
    check(True, "each has its own answers")
    return c, d


def refused(net, proxy, c):
    """What does not go on is told, and stops nothing."""
    one = name_address(net.nodes["b"].id, 7000)
    c.send(one, b"fragment", fragment=1)
    proxy.wait_said("fragments of datagrams are not taken")
    c.udp.sendto(b"\0\0\0\2no address", c.relay)
    proxy.wait_said("the head of a datagram is none of SOCKS5")
    c.send(name_address("nobody.coyo", 7000), b"x")
    proxy.wait_said("nobody.coyo:7000: no such name")
    c.send(b"\1\177\0\0\1\0\65", b"x")
    proxy.wait_said("127.0.0.1:53: this is no name or id of this network")
    c.send(name_address("example.org", 53), b"x")
    for n in (1800, 1800, 3000):
        c.send(one, bytes(n))  # the first only makes known how long one may be
    proxy.wait_said("longer than the path there carries")
    check(c.ask(one, b"still here") == b"still here", "and the association goes on")


def strangers(net, proxy, c, echo):
    """Nobody but the client sends through the association, and nobody but who was asked is heard."""
    one, heard = name_address(net.nodes["b"].id, 7000), name_address(net.nodes["b"].id, 7100)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"\0\0\0" + heard + b"from elsewhere", c.relay)
    d = Client(proxy, announced=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"\0\0\0" + heard + b"faster than the client", d.relay)
    check(c.silent() and d.silent(0.1), "datagrams from another port of this machine go nowhere")
    check(d.ask(one, b"mine") == b"mine", "the client's own do")
    check(b"elsewhere" not in echo.heard() and b"faster" not in echo.heard(), "b has heard none of them")
    d.close()


class Echo:
    """The example of libcoyo sends back what comes; what it heard is told by what it has sent."""

    def __init__(self, net):
        self.net = net
        datagrams.serve(net, 7000)
        os.environ["COYO_SOCKET"] = net.nodes["b"].app
        self.c = datagrams.library(net.build)
        self.socket = datagrams.Socket(self.c)
        self.socket.bind(7100)

    def sender(self, data):
        """Waits for that datagram at port 7100; from which port it came."""
        while self.socket.ready(20):
            at, n, b = datagrams.Address(), ctypes.c_uint32(ctypes.sizeof(datagrams.Address)), ctypes.create_string_buffer(2048)
            k = self.socket.call("coyo_recvfrom", self.socket.h, b, len(b), 0, ctypes.byref(at), ctypes.byref(n))
            if b.raw[:k] == data:
                return socket.ntohs(at.port)
        raise lib.coyonet.NetError("%r does not come" % data)

    def heard(self):
        """What came to port 7100 so far."""
        got = []
        while (one := self.socket.recv(0.05)) is not None:
            got.append(one)
        return b"|".join(got)


def unasked(net, proxy, echo):
    """Whoever was not sent to is not heard, though he knows the association's port."""
    c = Client(proxy)
    c.send(name_address("bob", 7100), b"who am I")
    port = echo.sender(b"who am I")
    stranger = datagrams.Socket(echo.c)
    stranger.send(b"not asked for", stranger.address(net.nodes["a"].id, port))
    proxy.wait_said("a port that was not sent to")
    echo.socket.send(b"you are", echo.socket.address(net.nodes["a"].id, port))
    check(c.recv() == b"\0\0\0" + name_address("bob", 7100) + b"you are", "who was asked is heard, nobody else")
    stranger.close()
    c.close()


def ends(net, proxy):
    """An association ends with its TCP connection, and leaves nothing."""
    c = Client(proxy)
    one = name_address(net.nodes["b"].id, 7000)
    check(c.ask(one, b"x") == b"x", "another association")
    c.tcp.sendall(b"what a client says over TCP now means nothing")
    check(c.ask(one, b"y") == b"y", "bytes over TCP mean nothing to it")
    c.tcp.close()
    net.wait("its descriptors to be closed", lambda: proxy.descriptors() <= proxy.without)
    c.udp.connect(c.relay)
    c.udp.send(b"\0\0\0" + one + b"late")
    try:
        got = c.udp.recv(100)
    except ConnectionRefusedError:
        got = b"refused"
    check(got == b"refused", "it ends with its TCP connection")
    c.udp.close()


def crowd(net, proxy):
    """There are only so many for one address."""
    all_ = []
    while len(all_) <= PER_ADDRESS and (not all_ or all_[-1].code == 0):
        all_.append(Client(proxy))
    check(2 < len(all_) <= PER_ADDRESS + 1 and all_[-1].code == 1, "after %d associations the next is refused" % (len(all_) - 1))
    proxy.wait_said("too many associations")
    check(all_[-1].ended(), "and its connection ends")
    for c in all_:
        c.close()
    net.wait("their descriptors to be closed", lambda: proxy.descriptors() <= proxy.without)
    c = Client(proxy)
    check(c.code == 0, "then there is room again")
    c.close()


def silence(net):
    proxy = Proxy(net, "--udp-idle", "1")
    c = Client(proxy)
    check(c.ask(name_address("bob", 7000), b"x") == b"x" and c.ended(), "one that carries nothing is ended after --udp-idle")
    proxy.wait_said("carried nothing for a while")
    c.close()
    check(proxy.stop() == 0, "SIGTERM: status 0")
    p = net.coyo("a", "proxy", "--udp-idle", "0", stdin=subprocess.DEVNULL, stderr=PIPE)
    check(b"--udp-idle takes seconds" in p.stderr.read() and p.wait(20) == 2, "--udp-idle 0 is refused")


def daemon_ends(net, proxy):
    c = Client(proxy)
    check(c.ask(name_address("bob", 7000), b"x") == b"x", "before the daemon ends")
    net.nodes["a"].kill()
    net.nodes["a"].proc.wait()
    check(c.ended(), "an association ends with the daemon")
    c.close()
    c = Client(proxy)
    check(c.code == 1, "and none is begun without")
    c.close()
    net.nodes["a"].start()
    net.ready()

    def again():
        d = Client(proxy)
        if d.code:
            d.close()
            return False
        ok = d.ask(name_address("bob", 7000), b"again") == b"again"
        d.close()
        return ok

    net.wait("the same proxy to serve again", again)
    check(True, "the same proxy serves with the daemon that was started anew")


def body(net):
    net.build_net(["a", "b"], [("a", "b")])
    net.nodes["a"].extra = "[names]\nbob = %s\n" % net.nodes["b"].id
    net.start()
    net.ready()
    echo = Echo(net)
    proxy = Proxy(net)
    c, d = there_and_back(net, proxy)
    refused(net, proxy, c)
    strangers(net, proxy, c, echo)
    unasked(net, proxy, echo)
    c.close()
    d.close()
    proxy.wait_said("times: the datagram is longer")
    ends(net, proxy)
    crowd(net, proxy)
    silence(net)
    daemon_ends(net, proxy)
    check(proxy.stop() == 0, "SIGTERM: status 0")


if __name__ == "__main__":
    lib.main(body)
