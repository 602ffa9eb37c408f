#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What streams cost that say nothing: memory of the application and of the daemon for each, before any byte was moved and after each has carried 64 bytes
both ways, and the CPU time of all four processes while nothing happens.

      a --- b        an application with many streams on either node
"""
import ctypes
import multiprocessing
import os
import re
import socket
import time

import lib
from lib import check
from coyolib import Library

PORT = 7000
STREAMS = 10000 if lib.everything() else 300
LIMIT = 65536 if lib.everything() else 2048
KIB = 1024


def memory(pid):
    """Bytes of a process by what they are: its own, the segments that applications share with workers, page tables."""
    total = {"own": 0, "segment": 0}
    name = ""
    with open("/proc/%d/smaps" % pid, encoding="ascii", errors="replace") as f:
        for line in f:
            if re.match(r"[0-9a-f]+-", line):
                name = line.split(None, 5)[5].strip() if len(line.split(None, 5)) > 5 else ""
            elif line.startswith("Rss:"):
                what = "segment" if "memfd:coyo-application" in name else "own"
                total[what] += int(line.split()[1]) * KIB
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        total["tables"] = int(re.search(r"VmPTE:\s*(\d+)", f.read()).group(1)) * KIB
    return total


def cpu(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii") as f:
        w = f.read().rsplit(")", 1)[1].split()
    return (int(w[11]) + int(w[12])) / os.sysconf("SC_CLK_TCK")


def say(pipe, what):
    pipe.send(what)


def heard(pipe):
    what = pipe.recv()
    if isinstance(what, Exception):
        raise what
    return what


def application(build, path, pipe, role, node_id):
    """One end of all streams; does what the script asks for, one step at a time."""
    try:
        c, h = Library(build, path), []
        if role == "b":
            listener = c.call("coyo_socket", 0x4359, socket.SOCK_STREAM, 0)
            address = (ctypes.c_uint8 * 72)(0x59, 0x43, PORT >> 8, PORT & 255)
            c.call("coyo_bind", listener, address, 72)
            c.call("coyo_listen", listener, 512)
        say(pipe, "ready")
        while (step := pipe.recv()) != "end":
            if step[0] == "open" and role == "a":
                h += [c.connect(node_id, PORT) for _ in range(step[1])]
                # An answer that waits 40 ms for its acknowledgement keeps a block of its sender's buffer, and so would many at once.
                for x in h[-step[1]:]:
                    c.call("coyo_setsockopt", x, socket.IPPROTO_TCP, socket.TCP_QUICKACK, ctypes.byref(ctypes.c_int(1)), 4)
            elif step[0] == "open":
                h += [c.call("coyo_accept", listener, None, None) for _ in range(step[1])]
            elif step[0] == "talk":
                for x in h:
                    if role == "a":
                        c.send(x, b"q" * 64)
                    c.recv(x, 64)
                    if role == "b":
                        c.send(x, b"a" * 64)
            say(pipe, "done")
    except Exception as e:  # noqa: BLE001 whatever it was, the script tells it
        say(pipe, e)


def cost(now, before):
    return {k: (now[k] - before[k]) / STREAMS for k in now}


class Apps:
    def __init__(self, net):
        self.net, self.pipe, self.pid = net, {}, {}
        for role in "ba":
            self.pipe[role], theirs = multiprocessing.Pipe()
            p = multiprocessing.get_context("fork").Process(
                target=application, args=(net.build, net.nodes[role].app, theirs, role, net.nodes["b"].id), daemon=True)
            p.start()
            theirs.close()
            self.pid[role] = p.pid
            heard(self.pipe[role])

    def do(self, *step):
        for role in "ba":
            say(self.pipe[role], step)
        for role in "ba":
            heard(self.pipe[role])

    def memory(self):
        return {what: {r: memory(pid[r]) for r in "ab"} for what, pid in self.processes().items()}

    def processes(self):
        return {"application": self.pid, "daemon": {r: self.net.nodes[r].proc.pid for r in "ab"}}

    def cpu(self):
        return sum(cpu(pid[r]) for pid in self.processes().values() for r in "ab")


def told(text, now, before):
    """Prints what each stream costs, and returns (application, daemon): an application's own memory and its segment, a daemon's own."""
    both = []
    for what in ("application", "daemon"):
        for r in "ab":
            c = cost(now[what][r], before[what][r])
            each = c["own"] + c["tables"] + (c["segment"] if what == "application" else 0)
            both.append(each)
            print("     %s, %s at %s: %.0f B each (%.0f B its own, %.0f B segment, %.0f B page tables)" %
                  (text, what, r, each, c["own"], c["segment"], c["tables"]), flush=True)
    return max(both[:2]), max(both[2:])


def body(net):
    net.build_net(["a", "b"], [("a", "b")])
    for n in net.nodes.values():
        n.api = "slots = %d" % LIMIT
    net.start()
    net.ready()
    apps = Apps(net)
    apps.do("open", 1)
    before = apps.memory()
    apps.do("open", STREAMS)
    opened = told("%d streams without a byte" % STREAMS, apps.memory(), before)
    apps.do("talk")
    talked = told("after 64 bytes both ways", apps.memory(), before)
    time.sleep(2)
    c0, t0 = apps.cpu(), time.monotonic()
    time.sleep(10 if lib.everything() else 3)
    share = (apps.cpu() - c0) / (time.monotonic() - t0)
    print("     CPU of two applications and two daemons: %.2f %%" % (100 * share))
    # Few streams are measured in whole pages of other things.
    most = 4096 if lib.everything() else 4608
    check(max(opened[0], talked[0]) <= most, "an idle stream costs its application %.0f bytes, before and after it was used" % max(opened[0], talked[0]))
    check(max(opened[1], talked[1]) <= 3072, "and the daemon %.0f" % max(opened[1], talked[1]))
    check(share < (0.005 if lib.everything() else 0.05), "and no CPU time")


lib.main(body, idle="adaptive\nconnections = %d" % LIMIT)
