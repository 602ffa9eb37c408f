#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A neighbour that is seen at another address than the configured one: it is asked there before packets go there, and when that address
goes away, the configured one is tried again.

      a --- [one | two | thief] --- b        a knows `one`; b's packets come from where the relay says
"""
import select
import socket
import threading
import time

import lib
from lib import check, coyonet


class Relay(threading.Thread):
    """Between a and b; `source` names the socket that b's packets leave from towards a, `dead` those that take and give nothing."""

    def __init__(self, a_port, b_port):
        super().__init__(daemon=True)
        self.a, self.b = ("127.0.0.1", a_port), ("127.0.0.1", b_port)
        self.sock = {name: socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for name in ("one", "two", "thief", "far")}
        for s in self.sock.values():
            s.bind(("127.0.0.1", 0))
        self.source, self.dead, self.count, self.steal = "one", set(), {}, 0
        self.over = threading.Event()

    def port(self, name):
        return self.sock[name].getsockname()[1]

    def run(self):
        names = {s: n for n, s in self.sock.items()}
        while not self.over.is_set():
            for s in select.select(list(names), [], [], 0.2)[0]:
                data, name = s.recv(65536), names[s]
                self.count[name] = self.count.get(name, 0) + 1
                if name == "far":
                    out = self.source
                    if self.steal > 0:
                        out, self.steal = "thief", self.steal - 1
                    if out not in self.dead:
                        self.sock[out].sendto(data, self.a)
                elif name not in self.dead and name != "thief":
                    self.sock["far"].sendto(data, self.b)

    def sent_to(self, name, seconds):
        """Packets that a sends to this address in so many s."""
        before = self.count.get(name, 0)
        time.sleep(seconds)
        return self.count.get(name, 0) - before


def flaps(net):
    return sum(r["flaps"] for n in net.nodes.values() for r in n.rows("links"))


def body(net):
    pa, pb = coyonet.free_ports(2)
    relay = Relay(pa, pb)
    for n in ("a", "b"):
        net.node(n)
    for me, peer, local, remote in (("a", "b", pa, relay.port("one")), ("b", "a", pb, relay.port("far"))):
        net.nodes[me].links.append("[link a-b]\ntype = udp-socket\nlocal = 127.0.0.1:%d\nremote = 127.0.0.1:%d\npeer = %s\n" % (
            local, remote, net.nodes[peer].id))
    net.links.append(("a-b", "a", "b"))
    relay.start()
    net.start()
    net.ready()
    t = lib.Flow(net, "a", "b")
    try:
        going = lib.Progress(t)
        going.flows()
        relay.steal = 3
        time.sleep(2)
        check(relay.sent_to("one", 1) > 100 and relay.sent_to("thief", 0.5) < 20,
              "packets that a thief sends on from his address move nothing (he was asked %d times)" % relay.count.get("thief", 0))
        relay.source = "two"
        net.wait("a to send where b answers from", lambda: relay.sent_to("one", 0.2) == 0 and relay.sent_to("two", 0.2) > 10)
        check(flaps(net) == 0, "b's other address is taken once b has answered from there, without a flap")
        relay.source = "one"
        relay.dead = {"two"}
        began = time.monotonic()
        net.wait("a to come back to the configured address", lambda: relay.sent_to("one", 0.2) > 10)
        took = time.monotonic() - began
        check(took < 5, "that address goes away: back at the configured one after %.1f s" % took)
        net.ready()
        going.flows()
        going.stop()
        t.finish()
        check(True, "the stream is whole")
    finally:
        t.close()
        relay.over.set()
        relay.join()


lib.main(body)
