#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ports whose device goes away and comes back: an interface that is deleted and made again, a memif peer that starts late or is killed.

      a --- b        a veth pair under net_af_packet, or net_memif: the daemons stay, links come back, and each is told why meanwhile
"""
import os
import signal
import subprocess
import time

import lib
from lib import check, coyonet


def veth(at):
    # Far apart, since the driver names its fanout group pid XOR index.
    subprocess.run(["ip", "link", "add", "ab", "index", str(at), "type", "veth", "peer", "name", "ba", "index", str(at + 4096)], check=True)
    for iface in ("ab", "ba"):
        subprocess.run(["ip", "link", "set", iface, "addrgenmode", "none"], check=True)
        subprocess.run(["ip", "link", "set", iface, "up"], check=True)


def link(net, me, peer, device):
    net.nodes[me].links.append("[port p]\ndevice = %s\n[link %s]\ntype = ethernet\nport = p\npeer = %s\n" % (device, peer, net.nodes[peer].id))


def row(net, node):
    return net.nodes[node].ask("show links")["links"][0]


def both_up(net):
    return not any(net.nodes[n].hung_up() or row(net, n)["state"] != "up" for n in ("a", "b"))


def send(net, port):
    t = coyonet.Transfer(net, "a", "b", 1 << 20, port=port)
    try:
        t.finish()
    finally:
        t.close()


def interface_deleted(net):
    veth(4096)
    net.node("a")
    net.node("b")
    link(net, "a", "b", "net_af_packet0,iface=ab")
    link(net, "b", "a", "net_af_packet1,iface=ba")
    net.start()
    net.wait("the link to come up", lambda: both_up(net))
    send(net, 7001)
    subprocess.run(["ip", "link", "del", "ab"], check=True)
    net.wait("a to say why", lambda: row(net, "a")["state"] == "no carrier" and row(net, "a")["reason"] == "its interface is gone")
    time.sleep(2)
    check(net.nodes["a"].told("port p does not work: its interface is gone"), "a deleted interface is told, in the log and in `show links`")
    veth(4096)
    began, waited = time.monotonic(), lib.Waited(net)
    net.wait("the link to come back", lambda: both_up(net))
    lib.within(time.monotonic() - began, 4.0, waited, "made again, the link is back")
    check(net.nodes["a"].told("port p works again"), "which is told")
    send(net, 7002)
    check(True, "and carries a file")
    for again, number in enumerate((4096, 16384) if lib.everything() else (4096,), 2):
        subprocess.run(["ip", "link", "del", "ab"], check=True)
        veth(number)
        net.wait("both to notice it", lambda again=again: all(net.nodes[n].logged().count("port p works again") == again for n in "ab"))
        net.wait("the link to come back", lambda: both_up(net))
        send(net, 7001 + again)
        check(True, "an interface that was deleted and made again between two looks is noticed, under number %d" % number)
    subprocess.run(["ip", "link", "del", "ab"], check=True)


def memif(net):
    path = os.path.join(net.dir, "memif.sock")
    net.node("a")
    net.node("b")
    link(net, "a", "b", "net_memif0,role=client,socket=%s,socket-abstract=no" % path)
    link(net, "b", "a", "net_memif0,role=server,socket=%s,socket-abstract=no" % path)
    for n in net.nodes.values():
        n.write_conf()
    net.nodes["a"].start()
    net.wait("the client to say why", lambda: not net.nodes["a"].hung_up() and str(row(net, "a")["reason"]).startswith("no memif server answers"))
    check(True, "a client without a server starts, and says so in `show links`")
    net.nodes["b"].start()
    net.wait("the link to come up", lambda: both_up(net))
    check(True, "a server that starts later is found")
    for who in ("b", "a"):
        net.nodes[who].kill(signal.SIGKILL)
        time.sleep(1)
        net.nodes[who].start()
        began, waited = time.monotonic(), lib.Waited(net)
        net.wait("the link to come back", lambda: both_up(net))
        lib.within(time.monotonic() - began, 9.0, waited, "the %s killed and started again: the link is back" % ("server" if who == "b" else "client"))
        send(net, 7001)


lib.own_network()
lib.main(*([interface_deleted, memif] if lib.everything() else [interface_deleted]))
