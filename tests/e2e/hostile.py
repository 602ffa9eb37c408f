#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Random bytes, truncated and bit-flipped frames at a daemon's socket: counted by name, never answered with more bytes.

      stranger --> a --- b
"""
import random
import socket
import time

import lib
from lib import check, coyonet


def frame(kind, length, rnd):
    """A link frame of the given type whose body is noise: the header is right, so that it gets past the first check."""
    body = rnd.randbytes(length)
    return bytes([kind << 4 | 1, 0]) + length.to_bytes(2, "big") + rnd.randbytes(12) + body


def body(net):
    net.build_net(["a", "b"], [("a", "b")])
    net.start()
    net.ready()
    port = int([w for w in net.nodes["a"].links[0].split() if w.startswith("127.0.0.1:")][0].split(":")[1])
    rnd = random.Random(1)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    s.setblocking(False)
    sent = got = count = 0
    before = {r["reason"]: r["count"] for r in net.nodes["a"].rows("drops")}
    for i in range(6000):
        n = rnd.randrange(0, 1400)
        p = rnd.randbytes(n) if i % 3 == 0 else frame(rnd.randrange(0, 8), n, rnd)
        if i % 5 == 4:
            p = p[:rnd.randrange(0, 20)]
        s.sendto(p, ("127.0.0.1", port))
        sent, count = sent + len(p), count + 1
        if i % 50 == 0:
            time.sleep(0.005)
        try:
            while True:
                got += len(s.recv(65536))
        except BlockingIOError:
            pass

    def named():
        after = {r["reason"]: r["count"] for r in net.nodes["a"].rows("drops")}
        return {k: after[k] - before.get(k, 0) for k in after if after[k] > before.get(k, 0)}
    net.wait("half of the frames to be counted", lambda: sum(named().values()) > count * 0.5)
    check(True, "counted under named reasons: %s" % named())
    check(got <= sent, "%d bytes in, %d bytes out" % (sent, got))
    check(all(r["state"] == "up" for r in net.nodes["a"].rows("links")), "the real link is still up")
    t = coyonet.Transfer(net, "a", "b", 1 << 20)
    try:
        t.finish()
    finally:
        t.close()
    check(True, "and carries a file")


lib.main(body)
