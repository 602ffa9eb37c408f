#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`coyoctl show sockets`: who listens where and who is connected to whom, by process and user, with what lies unread; over the library and by
descriptors.

      a --- b
"""
import os
import socket
import subprocess

import lib
from lib import check
from coyolib import AF_COYO, Library
from libcoyo import serve

PORT = 7001


def body(net):
    net.build_net("ab", ["ab"])
    net.start()
    net.ready()
    a, b = net.nodes["a"], net.nodes["b"]
    served = serve(net, "echo_threads", PORT)
    tool = net.coyo("b", "listen", str(PORT + 1), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    net.listening("b", PORT + 1)
    rows = [r for r in b.rows("sockets") if r["state"] == "LISTEN"]
    found = {(r["local_port"], r["pid"], r["uid"], r["remote"]) for r in rows}
    check(found == {(PORT, served.pid, os.getuid(), None), (PORT + 1, tool.pid, os.getuid(), None)}, "who listens where, by process and user")
    c = Library(net.build, a.app)
    h = c.connect(b.id, PORT)
    c.send(h, b"x" * 1000)
    mine = net.wait("the answer to lie unread", lambda: [r for r in a.rows("sockets") if r["unread_bytes"] == 1000])
    row = mine[0]
    check((row["pid"], row["remote"], row["remote_port"], row["state"]) == (os.getpid(), b.id, PORT, "ESTABLISHED"), "a connection, with what its program has not read")
    there = [r for r in b.rows("sockets") if r["state"] == "ESTABLISHED"]
    check([(r["pid"], r["local_port"], r["remote_port"]) for r in there] == [(served.pid, PORT, row["local_port"])], "and its other end, of the process that accepted it")
    c.recv(h, 1000)
    c.close(h)
    idle = c.call("coyo_socket", AF_COYO, socket.SOCK_STREAM, 0)
    net.wait("the closed one to be nobody's", lambda: not a.rows("sockets"))
    check(True, "one that is closed, or was never connected, is none")
    c.close(idle)


if __name__ == "__main__":
    lib.main(body)
