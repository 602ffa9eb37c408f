#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""One real daemon on one machine: what its surroundings do to it, from start to end.

usage: daemon.py BUILDDIR [TEST...]   TEST: names of functions below
"""
import fcntl
import glob
import os
import signal
import socket
import subprocess
import sys
import time

import lib
from lib import check, coyonet


class Alone:
    """One daemon with a configuration of the test's own; everything it leaves is in one folder."""

    def __init__(self, net, name="a"):
        self.node = net.node(name)
        self.net = net

    def start(self, conf="", *args, **more):
        self.node.write_conf()
        with open(self.node.conf_path(), "a", encoding="ascii") as f:
            f.write(conf)
        env = dict(os.environ, RUNTIME_DIRECTORY=self.node.dir)
        more.setdefault("stderr", subprocess.PIPE)
        with coyonet.signals.hold():
            self.proc = self.node.proc = subprocess.Popen([self.net.bin("coyod"), "-c", self.node.conf_path(), *args], env=env, **more)
            self.net.programs.append(self.proc)
        return self.proc

    def answers(self):
        return self.net.wait("the daemon to answer", lambda: self.node.ask("show node"), every=0.02)

    def ends(self, seconds, what):
        waited = lib.Waited(self.net)
        began = time.monotonic()
        self.proc.send_signal(signal.SIGTERM)
        status = self.proc.wait(20)
        lib.within(time.monotonic() - began, seconds, waited, what)
        check(status == 0, "its exit status is 0 (%s)" % status)
        check(not glob.glob(self.node.dir + "/dpdk*") and not os.path.exists(self.node.control), "it leaves nothing behind")


def log_and_telemetry_not_read(net):
    """A log that nobody reads and a telemetry client that asks and never reads: links go on, SIGTERM is obeyed."""
    a = Alone(net)
    r, w = os.pipe()
    fcntl.fcntl(w, fcntl.F_SETPIPE_SZ, 4096)
    os.write(w, b"x" * 4096)
    a.start(stderr=w)
    os.close(w)
    a.answers()
    paths = glob.glob(a.node.dir + "/dpdk/*/dpdk_telemetry.v2")
    check(len(paths) == 1, "the daemon has a telemetry socket")
    clients = []
    for _ in range(4):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.connect(paths[0])
        s.settimeout(0.2)
        try:
            for _ in range(2000):
                s.send(b"/help,/eal/params")
        except (socket.timeout, BlockingIOError):
            pass
        clients.append(s)
    with open(a.node.conf_path(), "a", encoding="ascii") as f:
        f.write("nonsense\n" * 60)
    for _ in range(12):
        check(a.node.ask("reload")["code"] == "EINVAL", "a reload is refused, and its errors go to the log")
    lost = a.node.ask("show node")["log_lines_lost"]
    check(lost > 200, "%d lines of the log are lost and counted" % lost)
    a.ends(1.0, "SIGTERM is obeyed")
    os.close(r)
    for s in clients:
        s.close()


TESTS = [log_and_telemetry_not_read]
if __name__ == "__main__":
    wanted = sys.argv[2:]
    lib.main(*[t for t in TESTS if not wanted or t.__name__ in wanted])
