#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Links that are renamed in the file keep their sockets: SIGHUP, and they are up under the new names; what could not be done is done later.

      a --- t --- b
"""
import signal
import socket
import time

import lib
from lib import check, coyonet


def rename(net, node, old, new):
    n = net.nodes[node]
    n.links = [text.replace("[link %s]" % old, "[link %s]" % new) for text in n.links]


def hup(net, node):
    net.nodes[node].write_conf()
    net.nodes[node].proc.send_signal(signal.SIGHUP)


def states(net, node):
    return {r["name"]: r["state"] for r in net.nodes[node].rows("links")}


def body(net):
    net.build_net(["a", "t", "b"], [("a", "t"), ("t", "b")])
    net.start()
    net.ready()
    for link in ("a-t", "t-b"):
        rename(net, "t", link, "new-" + link)
    began = time.monotonic()
    hup(net, "t")
    net.wait("t's links to be up under their new names", lambda: states(net, "t") == {"new-a-t": "up", "new-t-b": "up"})
    took = time.monotonic() - began
    check(took < 5, "all links of t renamed: up again after %.1f s" % took)
    check(not any(words in net.nodes["t"].logged() for words in ("already in use", "could not be added")), "no address was in use")
    net.ready()
    t = coyonet.Transfer(net, "a", "b", 1 << 20)
    try:
        check(True, "a file from a to b in %.1f s" % t.finish())
    finally:
        t.close()

    # Back to the old names in one go, crosswise: each name is still that of a link that is being removed.
    for old, new in (("new-a-t", "x"), ("new-t-b", "new-a-t"), ("x", "new-t-b")):
        rename(net, "t", old, new)
    hup(net, "t")
    time.sleep(1)
    check(set(states(net, "t")) == {"new-a-t", "new-t-b"}, "names that change hands are told to need a restart, and the links stay")
    check(net.nodes["t"].told("needs a restart"), "the log says so")

    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", 0))
    net.nodes["a"].links.append("[link late]\ntype = udp-socket\nlocal = 127.0.0.1:%d\n" % taken.getsockname()[1])
    hup(net, "a")
    net.wait("a to say that the address is in use", lambda: "[link late] could not be added: it is tried again" in net.nodes["a"].logged())
    taken.close()
    net.wait("a to add the link by itself", lambda: "late" in states(net, "a"))
    check(net.nodes["a"].told("reload: [link late] added"), "what could not be added is added when it can be, and told")


lib.main(body)
