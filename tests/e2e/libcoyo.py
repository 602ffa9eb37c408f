#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Programs over libcoyo between two daemons: the examples serve, this script is the client over the shared library. Whole bytes both ways at once, many
connects, what is left when either program or the daemon is killed, and how few system calls a stream costs.

      a --- b
"""
import errno
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time

import lib
from lib import check, coyonet
from coyolib import Library

MIB = 1 << 20
PIPE = subprocess.PIPE


def example(net, name):
    return os.path.join(net.build, "common/libcoyo/examples/example_" + name)


def serve(net, name, port, node="b"):
    """An example that listens."""
    p = subprocess.Popen([example(net, name), str(port)], env=dict(os.environ, COYO_SOCKET=net.nodes[node].app),
                         stdout=PIPE, preexec_fn=net.born())
    net.programs.append(p)
    if b"listening" not in p.stdout.readline():
        raise coyonet.NetError("%s does not listen" % name)
    return p


def echo(c, node_id, port, size):
    """Sends so many bytes, and takes them back at the same time."""
    block = os.urandom(MIB)
    h, sent, got, count = c.connect(node_id, port), hashlib.sha256(), hashlib.sha256(), 0

    def send():
        for i in range(size // MIB):
            data = i.to_bytes(8, "big") + block[8:]
            c.send(h, data)
            sent.update(data)
        c.call("coyo_shutdown", h, socket.SHUT_WR)

    t = threading.Thread(target=send, daemon=True)
    t.start()
    while data := c.recv(h, MIB):
        got.update(data)
        count += len(data)
        if count == size:
            break
    t.join(120)
    check(count == size and sent.digest() == got.digest(), "%d MiB to port %d and back at the same time, whole" % (size // MIB, port))
    c.close(h)


def transfers(net, c, size):
    node_id = net.nodes["b"].id
    for name, port in (("echo_poll", 7001), ("echo_threads", 7002), ("echo_epoll", 7007)):
        p = serve(net, name, port)
        echo(c, node_id, port, size)
        p.kill()
        p.wait()


def many_connects(net, c, n):
    p = serve(net, "echo_threads", 7003)
    for i in range(n):
        h = c.connect(net.nodes["b"].id, 7003)
        c.send(h, b"%d" % i)
        if c.recv(h, 16) != b"%d" % i:
            raise coyonet.NetError("stream %d is not answered" % i)
        c.close(h)
    check(True, "%d streams, one after another" % n)
    p.kill()
    p.wait()


def refusals(net, c):
    try:
        c.connect(net.nodes["b"].id, 9)
        check(False, "a port that nobody listens on refuses")
    except OSError as e:
        check(e.errno == errno.ECONNREFUSED, "a port that nobody listens on refuses")


def killed_server(net, c):
    p = serve(net, "echo_threads", 7004)
    h = c.connect(net.nodes["b"].id, 7004)
    c.send(h, b"x")
    check(c.recv(h, 1) == b"x", "a stream before its server is killed")
    p.kill()
    p.wait()
    ended = ""
    try:
        ended = "end of stream" if c.recv(h, 1) == b"" else "bytes"
    except OSError as e:
        ended = errno.errorcode[e.errno]
    check(ended in ("end of stream", "ECONNRESET"), "the killed server's stream ends (%s)" % ended)
    c.close(h)
    net.wait("its port to be free", lambda: not any(r["local_port"] == 7004 and r["state"] == "LISTEN"
                                                    for r in net.nodes["b"].rows("connections")))
    p = serve(net, "echo_threads", 7004)
    check(True, "and its port is free for the next")
    p.kill()
    p.wait()


def killed_daemon(net, c):
    serve(net, "echo_threads", 7005)
    h = c.connect(net.nodes["b"].id, 7005)
    c.send(h, b"x")
    c.recv(h, 1)
    threading.Timer(0.1, net.nodes["a"].kill).start()
    began = time.monotonic()
    try:
        c.recv(h, 1)
        check(False, "a thread that waits is woken when the daemon is killed")
    except OSError as e:
        check(e.errno == errno.ECONNRESET and time.monotonic() - began < 10, "a thread that waits is woken by ECONNRESET when the daemon is killed")
    net.nodes["a"].start()
    net.ready()

    def again():
        try:
            return c.connect(net.nodes["b"].id, 7005)
        except OSError:
            return 0

    found = []
    net.wait("the next socket to attach to the daemon that was started anew", lambda: found.append(again()) or found[-1] > 0)
    c.send(found[-1], b"y")
    check(c.recv(found[-1], 1) == b"y", "the next socket attaches to the daemon that was started anew")
    c.close(found[-1])
    c.close(h)


def system_calls(net):
    """How many calls the file's sender makes for each MiB: reading the file is one for each piece of the ring, and is not counted."""
    if not shutil.which("strace"):
        print("skipped: strace is not installed (package strace)")
        return
    size = 32 if lib.everything() else 8
    file, log = os.path.join(net.dir, "file"), os.path.join(net.dir, "strace")
    coyonet.make_file(file, size * MIB)
    listener = net.coyo("b", "listen", "7006", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    net.listening("b", 7006)
    r = subprocess.run(["strace", "-f", "-o", log, example(net, "send_file"), net.nodes["b"].id, "7006", file], stdout=subprocess.DEVNULL,
                       env=dict(os.environ, COYO_SOCKET=net.nodes["a"].app), timeout=120, check=False)
    listener.wait(60)
    if r.returncode != 0:
        print("skipped: strace does not run here")
        return
    with open(log, encoding="utf-8", errors="replace") as f:
        names = re.findall(r"^\d+ +(\w+)\(", f.read(), re.M)
    data = {n: names.count(n) for n in ("futex", "write", "epoll_wait", "poll")}
    print("     calls on the way of %d MiB: %s" % (size, ", ".join("%s %d" % kv for kv in data.items())))
    # Where both share a busy processor each piece of 16 KiB wakes the worker, which takes it at once; never each segment.
    check(data["futex"] + data["write"] < 100 * size, "fewer than 100 calls a MiB wait for the worker or wake it, also on a busy machine")


def few_calls(net):
    """A long stream between two programs: on neither side a system call for each MiB, nor of a worker for it; and nobody who is awake is woken. They are
    counted by appload, which stands in front of the C library."""
    size, program = 256, os.path.join(net.build, "tests/bench/appload")
    if not os.path.exists(program):
        print("skipped: %s is not built" % program)
        return

    def start(node, *words):
        with coyonet.signals.hold():
            p = subprocess.Popen([program, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, preexec_fn=net.born(),
                                 env=dict(os.environ, COYO_SOCKET=net.nodes[node].app))
            net.programs.append(p)
        return p

    def wakes(which):
        return [sum(net.worker_sum(n, k) for k in which) for n in "ab"]
    sink = start("b", "sink", "7007", "1")
    check(sink.stdout.readline().strip() == "listening", "a program that reads what comes")
    before, idle = wakes(("app_futex_wakes", "app_wakes")), sum(wakes(("app_idle_wakes",)))
    waited = lib.Waited(net)
    source = start("a", "stream", net.nodes["b"].id, "7007", str(size * MIB))
    sent, got = json.loads(source.communicate(timeout=120)[0]), json.loads(sink.stdout.readline())
    sink.kill()
    sink.wait()
    check(got["bytes"] == size * MIB, "%d MiB have come" % size)
    calls = [x["futex_calls"] + x["eventfd_writes"] for x in (sent, got)]
    moved = [x - y for x, y in zip(wakes(("app_futex_wakes", "app_wakes")), before)]
    # Where programs wait for a processor, a side runs dry and sleeps each time that the other one is not given it: 200 us each are allowed for.
    extra = int(waited.seconds() * 5000)
    print("     the sender's and the receiver's calls for %d MiB: %d, %d; their workers' for them: %d, %d" % (size, *calls, *moved))
    if extra < 2 * size:
        check(max(calls + moved) < size + extra, "fewer than one a MiB, and %d for what waited for a processor" % extra)
    else:
        print("     not judged: programs waited too much for a processor")
    # A thread may find what it waits for between its last look and its sleep.
    idle = sum(wakes(("app_idle_wakes",))) - idle
    check(idle <= size // 64, "wake-ups that found nobody asleep: %d" % idle)


def body(net):
    net.build_net("ab", ["ab"])
    net.start()
    net.ready()
    c = Library(net.build, net.nodes["a"].app)
    transfers(net, c, 64 * MIB if lib.everything() else 4 * MIB)
    many_connects(net, c, 1000 if lib.everything() else 100)
    refusals(net, c)
    killed_server(net, c)
    few_calls(net)
    system_calls(net)
    killed_daemon(net, c)


if __name__ == "__main__":
    lib.main(body)
