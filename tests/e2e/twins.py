#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""One key on two machines: both operators are told.

      a --- t --- b        b has a copy of a's key, in a network and among files of its own
"""
import os
import shutil
import time

import lib
from lib import check

TOLD = "another machine seems to use this node's key"


def said(net, n):
    return net.nodes[n].logged().count(TOLD)


def punted(net):
    return sum(w["punted_packets"] for w in net.nodes["t"].rows("workers"))


def twins(net):
    # Where the lock of a key lies, each machine has a folder of its own.
    lib.machines(net, "atb", "unshare", "-m", "sh", "-c", 'mount -t tmpfs t /dev/shm && exec "$@"', "sh")
    shutil.copy2(os.path.join(net.nodes["a"].dir, "key"), os.path.join(net.nodes["b"].dir, "key"))
    net.nodes["b"].id = net.nodes["a"].id
    lib.joined(net, "a", "t", 1)
    lib.joined(net, "t", "b", 2)
    net.start()
    net.wait("both links to be up", lambda: sum(r["up"] for r in net.nodes["t"].rows("links")) == 2)
    for n in "ab":
        net.wait("%s to notice its twin" % n, lambda n=n: said(net, n), seconds=30)
        check(net.nodes[n].ask("show node")["twin_key"] is not None, "%s is told that another machine uses its key: in its log, and in `show node`" % n)
    before, began = punted(net), time.monotonic()
    time.sleep(2)
    rate = (punted(net) - before) / (time.monotonic() - began)
    check(rate < 30, "they do not outbid each other for ever: t hears %.1f control packets/s" % rate)
    check(said(net, "a") == 1 and said(net, "b") == 1 and said(net, "t") == 0, "each is told once, and their neighbour, whose key nobody has, is not")


lib.own_network(named=True)
lib.main(twins)
