#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""One real daemon on one machine: what its surroundings do to it, from start to end.

usage: daemon.py BUILDDIR [TEST...]   TEST: names of functions below
"""
import fcntl
import glob
import os
import resource
import shutil
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

    def write(self, conf=""):
        self.node.write_conf()
        with open(self.node.conf_path(), "a", encoding="ascii") as f:
            f.write(conf)
        return self.node.conf_path()

    def start(self, conf="", *args, **more):
        self.write(conf)
        self.node.killed = False
        env = dict(os.environ, RUNTIME_DIRECTORY=self.node.dir)
        more.setdefault("stderr", subprocess.PIPE)
        more["preexec_fn"] = self.net.born(more.get("preexec_fn"))
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
        self.node.killed = True
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


def told_to_end_while_starting(net):
    """SIGTERM after any time since the first instruction: obeyed within a second, and nothing is left. On a machine so busy that DPDK's part
    takes more than 0.7 s the process just ends, and the next one removes DPDK's files."""
    a = Alone(net)
    app = "[port p]\ndevice = net_null0\n"
    waited, worst, by_signal = lib.Waited(net), 0.0, 0
    for ms in list(range(0, 200, 8)) + list(range(200, 600, 40)):
        p = a.start(app)
        time.sleep(ms / 1000)
        began = time.monotonic()
        p.send_signal(signal.SIGTERM)
        status = p.wait(20)
        worst = max(worst, time.monotonic() - began)
        said = p.stderr.read().decode()
        p.stderr.close()
        by_signal += status == -signal.SIGTERM
        if status not in (0, -signal.SIGTERM) or (status and said):
            check(False, "after %d ms: status %s, %s" % (ms, status, said))
        left = glob.glob(a.node.dir + "/dpdk*") + glob.glob(a.node.dir + "/*.sock")
        if left and "in the middle of the start" not in said:
            check(False, "after %d ms: it leaves %s" % (ms, left))
    lib.within(worst, 1.0, waited, "SIGTERM at 35 moments of the start is obeyed")
    a.start(app)
    a.answers()
    a.ends(1.0, "the next daemon starts, and SIGTERM is obeyed")
    check(by_signal < 20, "most of them in order (%d before the first file was made)" % by_signal)


def memory_is_not_swapped(net):
    """Where the limit allows it all memory in use is locked; where not, the log says what is not and the remedy."""
    a = Alone(net)
    for most in (resource.RLIM_INFINITY, 1 << 20):
        try:
            p = a.start(preexec_fn=lambda most=most: resource.setrlimit(resource.RLIMIT_MEMLOCK, (most, most)))
        except (subprocess.SubprocessError, OSError, ValueError):
            print("this user may not lock all memory: left out")
            continue
        a.answers()
        with open("/proc/%d/status" % p.pid, encoding="ascii") as f:
            locked = [int(line.split()[1]) for line in f if line.startswith("VmLck:")][0]
        a.ends(1.0, "SIGTERM is obeyed")
        told = "could be swapped out: set ulimit -l" in p.stderr.read().decode()
        p.stderr.close()
        # Root raises its limit by itself, where it may.
        check(told != (locked > 10000), "%d KiB of memory are locked%s" % (locked, ", and the remedy is told" if told else ""))


def open_files(net):
    """The number that the refusal names is enough for a daemon with ports, workers, links and applications, all control clients included."""
    a = Alone(net)
    more = "[port p]\ndevice = net_null0\n[port q]\ndevice = net_null1\n" + "".join(
        "[link l%d]\ntype = udp-socket\nlocal = 127.0.0.1:0\nremote = 127.0.0.1:9\n" % i for i in range(20))

    def limit(n):
        return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))
    p = a.start(more, preexec_fn=limit(16))
    check(p.wait(10) == 1, "with 16 open files it does not start")
    said = p.stderr.read().decode()
    p.stderr.close()
    check("16 open files are allowed and " in said and said.count("\n") == 1, "and says so in one sentence: " + said.strip())
    need = int(said.split("allowed and ")[1].split()[0])
    a.start(more, preexec_fn=limit(need))
    a.answers()
    clients = []
    for _ in range(32):
        s = socket.socket(socket.AF_UNIX)
        s.connect(a.node.control)
        clients.append(s)
    used = len(os.listdir("/proc/%d/fd" % a.proc.pid))
    time.sleep(0.2)
    used = len(os.listdir("/proc/%d/fd" % a.proc.pid))
    check(used <= need, "with %d it runs, and has %d of them open beside 32 control clients" % (need, used))
    for s in clients:
        s.close()
    a.ends(1.0, "SIGTERM is obeyed")
    check("open files" not in a.proc.stderr.read().decode(), "nothing was refused")


def one_key_twice_across_namespaces(net):
    """A copy of a key in another network namespace is noticed, and told with the other's process id; so is the same file elsewhere."""
    if subprocess.run(["unshare", "-n", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        print("this user may make no network namespace: left out")
        return
    a, b = Alone(net), Alone(net, "b")
    shutil.copy(a.node.dir + "/key", b.node.dir + "/key")
    a.start()
    a.answers()
    for wrap in ([], ["unshare", "-n"], ["unshare", "-n", "-m"]):
        r = subprocess.run(wrap + [net.bin("coyod"), "-c", b.write()], stderr=subprocess.PIPE, text=True, check=False, timeout=20)
        check(r.returncode == 1 and "another coyod, process %d, runs with the key of %s/key;" % (a.proc.pid, b.node.dir) in r.stderr,
              "%s: %s" % (" ".join(wrap) or "same namespace", r.stderr.strip()))
    a.ends(1.0, "SIGTERM is obeyed")
    b.start()
    b.answers()
    b.ends(1.0, "the copy starts when the first one has ended; SIGTERM is obeyed")


def drain_of_a_transit(net):
    """A drain answers when the tunnels through the node are withdrawn, also where a neighbour does not answer any more."""
    for deaf in (False, True):
        net.build_net(["a", "t", "b"], [("a", "t"), ("t", "b")])
        net.start()
        net.ready()
        t = coyonet.Transfer(net, "a", "b", 1)
        try:
            t.finish()
        finally:
            t.close()
        if deaf:
            net.nodes["b"].proc.send_signal(signal.SIGSTOP)
        waited = lib.Waited(net)
        v = net.nodes["t"].ask("drain")
        if deaf:
            net.nodes["b"].proc.send_signal(signal.SIGCONT)
        check(v["drained"] and v["withdrawn"] >= 1 and v["left"] == 0, "drained%s: %s" % (", with a neighbour that is deaf" if deaf else "", v))
        lib.within(v["took_us"] / 1e6, 2.5 if deaf else 0.5, waited, "it answers")
        net.clear()


def neighbours_are_told(net):
    """A daemon that ends in order says so to its neighbours, which need not find out by silence."""
    net.build_net(["a", "b"], [("a", "b")])
    net.start()
    net.ready()
    net.nodes["b"].proc.send_signal(signal.SIGTERM)
    net.nodes["b"].killed = True
    net.nodes["b"].proc.wait(20)
    waited, began = lib.Waited(net), time.monotonic()
    net.wait("a to know", lambda: lib.down_at(net, "a", "a-b"), every=0.005)
    lib.within(time.monotonic() - began, 0.1, waited, "the neighbour knows")
    check(net.nodes["a"].told("the neighbour closed the link"), "and its log says why")


TESTS = [neighbours_are_told, log_and_telemetry_not_read, told_to_end_while_starting, memory_is_not_swapped, open_files, one_key_twice_across_namespaces,
         drain_of_a_transit]
if __name__ == "__main__":
    wanted = sys.argv[2:]
    lib.main(*[t for t in TESTS if not wanted or t.__name__ in wanted])
