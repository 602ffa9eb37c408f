#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""SO_REUSEPORT over libcoyo: processes that each attach and listen on one port share its streams; one that is killed leaves what nobody had taken to the
others; all of them come back after the daemon was started anew.

      a --- b
"""
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time

import lib
from lib import check
from coyolib import AF_COYO, Address, Library
from libcoyo import example

PORT = 7001
PROCESSES = 3


def listen(c, port, shared):
    h = c.call("coyo_socket", AF_COYO, socket.SOCK_STREAM, 0)
    at = Address(AF_COYO, socket.htons(port), 0)
    try:
        c.call("coyo_setsockopt", h, socket.SOL_SOCKET, socket.SO_REUSEPORT, ctypes.byref(ctypes.c_int(shared)), 4)
        c.call("coyo_bind", h, ctypes.byref(at), ctypes.sizeof(at))
        c.call("coyo_listen", h, 64)
    except OSError:
        c.close(h)
        raise
    return h


def worker(build, path):
    """Says its number to whoever connects, and listens anew where the daemon has ended."""
    c = Library(build, path)
    while True:
        try:
            h = listen(c, PORT, 1)
            while True:
                s = c.call("coyo_accept", h, None, None)
                c.send(s, b"%d" % os.getpid())
                c.close(s)
        except OSError:
            time.sleep(0.05)


def spawn(net):
    """A process of its own: a child of this one would have what this one has attached to."""
    p = subprocess.Popen([sys.executable, os.path.abspath(__file__), "worker", net.build, net.nodes["b"].app], preexec_fn=net.born())
    net.programs.append(p)
    return p.pid


def answers(c, net, n):
    """Who answers so many connects: pid -> how often."""
    got = {}
    for _ in range(n):
        h = c.connect(net.nodes["b"].id, PORT)
        text = c.recv(h, 16)
        c.close(h)
        got[int(text or 0)] = got.get(int(text or 0), 0) + 1
    return got


def all_answer(c, net, pids):
    """Every one of them answers, soon."""
    seen = set()

    def look():
        try:
            seen.update(answers(c, net, len(pids)))
        except OSError:
            return False
        return set(pids) <= seen

    net.wait("all of %d processes to answer" % len(pids), look)


def body(net):
    net.build_net("ab", ["ab"])
    net.start()
    net.ready()
    pids = [spawn(net) for _ in range(PROCESSES)]
    c = Library(net.build, net.nodes["a"].app)
    all_answer(c, net, pids)
    got = answers(c, net, 10 * PROCESSES)
    check(sorted(got) == sorted(pids) and min(got.values()) >= 5, "%d connects are shared: %s" % (10 * PROCESSES, sorted(got.values())))
    r = subprocess.run([example(net, "echo_poll"), str(PORT)], env=dict(os.environ, COYO_SOCKET=net.nodes["b"].app), stderr=subprocess.PIPE,
                       stdout=subprocess.DEVNULL, timeout=60, check=False)
    check(r.returncode == 1 and b"in use" in r.stderr, "one that does not share may not have the port")
    os.kill(pids[0], signal.SIGKILL)
    net.wait("the killed one to be forgotten", lambda: pids[0] not in answers(c, net, PROCESSES) and 0 not in answers(c, net, PROCESSES))
    got = answers(c, net, 10)
    check(sorted(got) == sorted(pids[1:]), "one is killed: the others have its part")
    pids[0] = spawn(net)
    all_answer(c, net, pids)
    check(True, "and one that comes has its part")
    net.nodes["b"].kill()
    net.nodes["b"].proc.wait()
    net.nodes["b"].start()
    net.ready()
    all_answer(c, net, pids)
    check(True, "all of them are there again after the daemon was killed and started")


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        worker(*sys.argv[2:4])
    lib.main(body)
