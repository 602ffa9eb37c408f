#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two users of one daemon: the one who has all that a user may have is refused more, by the errno and in the log, and the other is not.

      a --- b
"""
import ctypes
import errno
import multiprocessing
import os
import socket

import lib
from lib import check, coyonet
from coyolib import AF_COYO, Library

PORT, STREAMS = 7000, 4
UIDS = (12001, 12002)


def serve(build, path, pipe):
    c = Library(build, path)
    listener = c.call("coyo_socket", AF_COYO, socket.SOCK_STREAM, 0)
    address = (ctypes.c_uint8 * 72)(0x59, 0x43, PORT >> 8, PORT & 255)
    c.call("coyo_bind", listener, address, 72)
    c.call("coyo_listen", listener, 64)
    pipe.send("ready")
    while True:
        h = c.call("coyo_accept", listener, None, None)
        c.send(h, b"here")


def user(build, path, pipe, uid, node_id):
    """Connects as often as it is told; says how many it has, or the errno that it was refused by."""
    c, have = Library(build, path), []  # read as root: a build may lie where others have no way in
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    while (n := pipe.recv()) is not None:
        try:
            for _ in range(n):
                have.append(c.connect(node_id, PORT))
                assert c.recv(have[-1], 4) == b"here"
            pipe.send(len(have))
        except OSError as e:
            pipe.send(errno.errorcode[e.errno])


def started(target, *args):
    pipe, theirs = multiprocessing.Pipe()
    multiprocessing.get_context("fork").Process(target=target, args=(args[0], args[1], theirs, *args[2:]), daemon=True).start()
    theirs.close()
    return pipe


def asked(pipe, n):
    pipe.send(n)
    if not pipe.poll(30):
        raise coyonet.NetError("a user's process does not answer")
    return pipe.recv()


def body(net):
    net.build_net(["a", "b"], [("a", "b")])
    net.nodes["a"].api = "mode = 0666\nuser-streams = %d" % STREAMS
    os.chmod(net.dir, 0o711)
    os.chmod(net.nodes["a"].dir, 0o711)
    net.start()
    net.ready()
    server = started(serve, net.build, net.nodes["b"].app)
    check(server.recv() == "ready", "a server")
    one, other, again = (started(user, net.build, net.nodes["a"].app, uid, net.nodes["b"].id) for uid in (UIDS[0], UIDS[1], UIDS[0]))
    check(asked(one, STREAMS) == STREAMS, "a user has as many streams as one may have")
    check(asked(one, 1) == "ENFILE", "and is refused one more by ENFILE")
    check(asked(again, 1) == "ENFILE", "in another program as well")
    check(asked(other, STREAMS) == STREAMS, "while another user has as many")
    rows = net.nodes["a"].rows("workers")
    check(sum(r["app_no_streams"] for r in rows) == 2, "coyoctl show workers counts both refusals")

    def logged():
        with open(net.nodes["a"].log, encoding="utf-8", errors="replace") as f:
            return "uid %d refused: it has all that it may have (user-streams" % UIDS[0] in f.read()
    net.wait("the log to say so", logged)
    check(True, "the log names the user and the option")


if not coyonet.daemon_user():
    lib.skip("only root can be several users")
lib.main(body)
