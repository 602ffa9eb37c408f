#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ethernet links over DPDK ports (net_af_packet on veth pairs) in a namespace of its own, plain and sealed.

      a --- t --- b        each --- is a veth pair; what crosses t - b is captured

Plain: valid MPLS frames with the labels that coyoctl shows; nothing of the file and no TCP header in them. Sealed: EtherType 0x88B5 alone.
"""
import os
import shutil
import struct
import subprocess
import time

import lib
from lib import check, coyonet

MPLS, SEALED = 0x8847, 0x88B5
PATTERN = b"coyo-plain-text-pattern-"
SIZE = 6 << 20


class Capture:
    """Frames of one interface in a pcap file, by dumpcap (of tshark's package), whose ring buffer misses none."""

    def __init__(self, iface, path):
        self.path = path
        self.proc = subprocess.Popen(["dumpcap", "-q", "-P", "-B", "64", "-i", iface, "-w", path], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while "File:" not in (line := self.proc.stderr.readline()):
            if not line:
                raise coyonet.NetError("dumpcap did not start on %s" % iface)

    def stop(self):
        """The frames, once what the kernel still holds has been written."""
        size, since, end = -1, time.monotonic(), time.monotonic() + 10
        while time.monotonic() - since < 1.0 and time.monotonic() < end:
            now = os.path.getsize(self.path)
            if now != size:
                size, since = now, time.monotonic()
            time.sleep(0.05)
        self.proc.terminate()
        self.proc.communicate(timeout=10)
        with open(self.path, "rb") as f:
            data = f.read()
        at, frames = 24, []
        while at + 16 <= len(data):
            n = struct.unpack_from("<IIII", data, at)[2]
            frames.append(data[at + 16:at + 16 + n])
            at += 16 + n
        return frames


def wire(net, a, b, options):
    """A veth pair, a port at either end, one link over it."""
    name, ends = "%s-%s" % (a, b), ("%s%s" % (a, b), "%s%s" % (b, a))
    # The driver names its fanout group pid XOR index: indices far apart keep daemons of one namespace from meeting in one group.
    at = 4096 * (1 + 2 * len(net.links))
    subprocess.run(["ip", "link", "add", ends[0], "index", str(at), "type", "veth", "peer", "name", ends[1], "index", str(at + 4096)],
                   check=True)
    net.links.append((name, a, b))
    for me, peer, iface in ((a, b, ends[0]), (b, a, ends[1])):
        # Without an address of its own the kernel has no neighbour discovery to put among our frames.
        subprocess.run(["ip", "link", "set", iface, "addrgenmode", "none"], check=True)
        subprocess.run(["ip", "link", "set", iface, "up"], check=True)
        node = net.nodes[me]
        node.links.append("[port %s]\ndevice = net_af_packet%d,iface=%s\n[link %s]\ntype = ethernet\nport = %s\npeer = %s\n%s" % (
            iface, len(node.links), iface, name, iface, net.nodes[peer].id, options))


def ready_and_send(net, options):
    for n in ("a", "t", "b"):
        net.node(n)
    wire(net, "a", "t", options)
    wire(net, "t", "b", options)
    net.start()
    net.ready()
    t = coyonet.Transfer(net, "a", "b", 1, port=6999)
    try:
        t.finish()
    finally:
        t.close()
    # At b's end: what the driver sends past the queueing discipline is not seen at its own.
    tap = Capture("bt", os.path.join(net.dir, "tb.pcap"))
    t = coyonet.Transfer(net, "a", "b", SIZE, pattern=PATTERN)
    try:
        net.wait("the file to flow", lambda: t.received() > 0)
        t.finish()
    finally:
        t.close()
        frames = tap.stop()
    check(len(frames) > SIZE // 1500, "%d frames captured between t and b" % len(frames))
    return frames


def tcp_header(inner):
    """Whether this is a plain segment of the file's connection: protocol 6, port 7000, a data offset, no urgent pointer."""
    return len(inner) >= 22 and inner[0] == 6 and 7000 in struct.unpack(">HH", inner[2:6]) and inner[14] >> 4 >= 5 and inner[20:22] == b"\0\0"


def teardown():
    for iface in ("at", "tb"):
        subprocess.run(["ip", "link", "del", iface], check=False, stderr=subprocess.DEVNULL)


def plain(net):
    try:
        frames = ready_and_send(net, "seal = no\n")
        types = {struct.unpack(">H", f[12:14])[0] for f in frames if f[:2] != b"\x33\x33"}
        check(types == {MPLS}, "plain: every frame has EtherType 0x8847")
        path = net.path("a", "b")
        label = path[1]["out_label"]
        mine = [f for f in frames if f[12:14] == b"\x88\x47" and struct.unpack(">I", f[14:18])[0] >> 12 == label]
        check(len(mine) > SIZE // 1500, "plain: %d of them carry label %d, t's out label" % (len(mine), label))
        check({f[17] for f in mine} == {254}, "plain: TTL 255 at a has become 254 after t")
        check(not any(PATTERN[:16] in f for f in frames), "plain: nothing of the file can be read on the wire")
        check(not any(tcp_header(f[30:]) for f in mine), "plain: and no TCP header")
        # Behind the labels there is ciphertext, in which tshark would see a frame of somebody's when its addresses look like ones.
        out = subprocess.run(["tshark", "-r", os.path.join(net.dir, "tb.pcap"), "-Y", "eth.type == 0x8847",
                              *(w for p in ("pwethheuristic", "pwethcw", "pwethnocw") for w in ("--disable-protocol", p)),
                              "-T", "fields", "-e", "mpls.label", "-e", "mpls.bottom", "-e", "frame.protocols", "-e", "_ws.malformed"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
        rows = [line.split("\t") for line in out.stdout.splitlines()]
        check(len(rows) == sum(f[12:14] == b"\x88\x47" for f in frames), "plain: tshark sees as many MPLS frames")
        check(all(r[0] and r[1] for r in rows), "plain: and decodes a label stack in each")
        check(sum(r[0].split(",")[0] == str(label) for r in rows) == len(mine), "plain: with the same labels")
        check(not any(r[3:] and r[3] for r in rows), "plain: none is malformed")
        kinds = {r[2] for r in rows}
        check(kinds <= {"eth:ethertype:mpls:data", "eth:ethertype:mpls:pwach:data"}, "plain: data, and associated channels behind label 13")
    finally:
        teardown()


def sealed(net):
    try:
        frames = ready_and_send(net, "")
        types = {struct.unpack(">H", f[12:14])[0] for f in frames if f[:2] != b"\x33\x33"}
        check(types == {SEALED}, "sealed: every frame has EtherType 0x88b5")
        check(not any(PATTERN[:16] in f for f in frames), "sealed: nothing of the file can be read on the wire")
        drops = {r["reason"]: r["count"] for r in net.nodes["t"].rows("drops") if r["count"]}
        check(not {"auth_failed", "bad_header", "replay"} & set(drops), "sealed: no frame of ours was refused (%s)" % drops)
    finally:
        teardown()


if not shutil.which("dumpcap"):
    lib.skip("tshark (and dumpcap with it) is not installed")
lib.own_network()
lib.main(plain, sealed)
