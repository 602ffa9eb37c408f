#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a socket programmer expects: 100 streams, half-close, reset, refusal, no such id, kill -9.

      a --- t --- b
"""
import os
import signal
import subprocess
import time

import lib
from lib import check, coyonet

PIPE = subprocess.PIPE


def connect(net, port, node="a", **kw):
    return net.coyo(node, "connect", net.nodes["b"].id, str(port), stdin=PIPE, stdout=PIPE, stderr=PIPE, **kw)


def listen(net, port, *words, node="b"):
    p = net.coyo(node, "listen", str(port), *words, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    time.sleep(0.2)
    return p


def hundred(net):
    servers = [listen_quick(net, 8000 + i) for i in range(100)]
    time.sleep(1.0)
    clients = [connect(net, 8000 + i) for i in range(100)]
    for i, c in enumerate(clients):
        c.stdin.write(b"%d\n" % i * 2000)
        c.stdin.close()
    for i, (c, s) in enumerate(zip(clients, servers)):
        got = s.stdout.read()
        s.stdin.close()
        if got != b"%d\n" % i * 2000:
            raise coyonet.NetError("stream %d got %d bytes" % (i, len(got)))
        if c.wait(20) != 0 or s.wait(20) != 0:
            raise coyonet.NetError("stream %d ended badly: %s %s" % (i, c.stderr.read(), s.stderr.read()))
    check(True, "100 streams at once, each with its own bytes")


def listen_quick(net, port):
    return net.coyo("b", "listen", str(port), stdin=PIPE, stdout=PIPE, stderr=PIPE)


def half_close(net):
    s = listen(net, 7100)
    c = connect(net, 7100)
    c.stdin.write(b"question")
    c.stdin.close()
    check(s.stdout.read() == b"question", "the listener sees end of file after the question")
    s.stdin.write(b"answer after half-close")
    s.stdin.close()
    check(c.stdout.read() == b"answer after half-close", "the other direction still works after a half-close")
    check(c.wait(10) == 0 and s.wait(10) == 0, "both ends leave with status 0")


def refused(net):
    began = time.monotonic()
    c = connect(net, 7999)
    c.stdin.close()
    check(c.wait(10) != 0, "no listener: connect fails")
    text = c.stderr.read().decode()
    check("refused" in text.lower(), "it says so: %s" % text.strip())
    check(time.monotonic() - began < 5, "at once")


def no_such_id(net):
    key = os.path.join(net.dir, "ghost")
    subprocess.run([net.bin("coyo"), "keygen", "-o", key], stdout=subprocess.DEVNULL, check=True)
    ghost = subprocess.run([net.bin("coyo"), "id", key], stdout=PIPE, check=True).stdout.decode().split()[-1]
    began = time.monotonic()
    c = net.coyo("a", "connect", ghost, "7000", stdin=subprocess.DEVNULL, stdout=PIPE, stderr=PIPE)
    check(c.wait(15) != 0, "an id that does not exist: connect fails")
    took = time.monotonic() - began
    text = c.stderr.read().decode()
    check("unreachable" in text.lower() or "no route" in text.lower(), "it says so: %s" % text.strip())
    check(took < 6, "within 5 s (%.1f s)" % took)
    typo = ghost[:20] + ("a" if ghost[20] != "a" else "b") + ghost[21:]
    c = net.coyo("a", "connect", typo, "7000", stdin=subprocess.DEVNULL, stdout=PIPE, stderr=PIPE)
    check(c.wait(5) != 0, "a mistyped id is refused")
    check("checksum" in c.stderr.read().decode().lower(), "and the reason is named")


def connections(net, node):
    return [r for r in net.nodes[node].rows("connections") if r["state"].lower() not in ("listen", "time-wait", "time_wait")]


def killed(net):
    for who in ("connect", "listen"):
        s = listen(net, 7200)
        c = connect(net, 7200)
        c.stdin.write(b"x" * 100)
        c.stdin.flush()
        check(s.stdout.read(100) == b"x" * 100, "a stream stands")
        (c if who == "connect" else s).send_signal(signal.SIGKILL)
        (s if who == "connect" else c).stdin.close()
        other = s if who == "connect" else c
        other.stdout.read()
        other.wait(10)
        for p in (c, s):
            p.wait(10)
        net.wait("nothing left after kill -9 of %s" % who,
                 lambda: not connections(net, "a") and not connections(net, "b"), 15)
        check(True, "kill -9 of coyo %s frees everything in both daemons" % who)


def body(net):
    net.build_net(["a", "t", "b"], [("a", "t"), ("t", "b")])
    net.start()
    net.ready()
    half_close(net)
    refused(net)
    no_such_id(net)
    hundred(net)
    killed(net)


lib.main(body)
