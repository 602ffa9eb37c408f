#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""How coyo connect ends: either side first, resets, readers that leave, a daemon that does not answer; what it says and its exit status.

      a --- b        coyo connect on a; the other side is this script, by b's application socket
"""
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import time

import lib
from lib import check, coyonet

import appsock

PIPE = subprocess.PIPE
PORT = 7000


class Pair:
    """coyo connect with pipes, and the stream's other end."""

    def __init__(self, net, server, *options, **kw):
        self.p = net.coyo("a", "connect", *options, net.nodes["b"].id, str(PORT), **{"stdin": PIPE, "stdout": PIPE, "stderr": PIPE, "bufsize": 0, **kw})
        self.far = server.accept()
        self.far.settimeout(60)

    def ended(self, want, words=b""):
        """Whether it ends with this status and says so, or says nothing."""
        status = self.p.wait(30)
        said = self.p.stderr.read()
        for f in (self.p.stdin, self.p.stdout, self.p.stderr):
            with contextlib.suppress(BrokenPipeError):
                if f:
                    f.close()
        self.far.close()
        if status != want or words not in said or bool(words) != bool(said):
            print("status %s, %r" % (status, said))
        return status == want and words in said and bool(words) == bool(said)


def reset(far):
    """Closes with something unread."""
    select.select([far], [], [], 30)
    far.close()


def orders(net, server):
    x = Pair(net, server)
    x.p.stdin.write(b"question")
    x.p.stdin.close()
    check(x.far.recv(99) == b"question" and x.far.recv(1) == b"", "end of standard input: the other side has its end at once")
    x.far.sendall(b"answer")
    x.far.close()
    check(x.p.stdout.read() == b"answer" and x.ended(0), "and still speaks; status 0")

    x = Pair(net, server)
    x.far.sendall(b"greeting")
    x.far.shutdown(socket.SHUT_WR)
    check(x.p.stdout.read() == b"greeting", "the other side's end: standard output is closed at once")
    x.p.stdin.write(b"late")
    check(x.far.recv(99) == b"late" and x.p.poll() is None, "and standard input still goes there")
    x.p.stdin.close()
    check(x.far.recv(1) == b"" and x.ended(0), "to its end; status 0")

    x = Pair(net, server)
    x.p.stdin.close()
    x.far.close()
    check(x.ended(0), "both at once: status 0")
    x = Pair(net, server, stdin=subprocess.DEVNULL)
    x.far.sendall(b"to nobody who speaks")
    x.far.close()
    check(x.p.stdout.read() == b"to nobody who speaks" and x.ended(0), "standard input at its end from the start: status 0")


def breaks(net, server):
    x = Pair(net, server)
    x.p.stdin.write(b"unread")
    reset(x.far)
    check(x.ended(1, b"connection reset"), "a reset while standard input is idle: status 1")

    x = Pair(net, server)
    os.set_blocking(x.p.stdin.fileno(), False)
    with contextlib.suppress(BlockingIOError):
        while select.select([], [x.p.stdin], [], 0.3)[1]:
            x.p.stdin.write(b"x" * 65536)
    reset(x.far)
    check(x.ended(1, b"reset"), "a reset while it cannot send: status 1")

    x = Pair(net, server)
    x.p.stdout.close()
    x.far.sendall(b"nobody reads this")
    check(x.ended(1, b"standard output"), "a reader that has left: status 1")

    x = Pair(net, server)
    x.far.close()
    x.p.stdout.read()
    with contextlib.suppress(BrokenPipeError):
        for _ in range(200):
            x.p.stdin.write(b"more")
            time.sleep(0.01)
    check(x.ended(1, b"the other side closed the connection before"), "the other side is gone and does not hear the rest: status 1")

    x = Pair(net, server)
    # Killed before it holds the stream that the other side has accepted already, it would leave a reset.
    x.far.sendall(b"here")
    check(x.p.stdout.read(4) == b"here", "the stream is up on both sides")
    x.p.send_signal(signal.SIGTERM)
    check(x.far.recv(1) == b"" and x.ended(-signal.SIGTERM), "SIGTERM ends it, and the stream")


def quitting(net, server):
    x = Pair(net, server, "-q", "0")
    x.far.sendall(b"all there is")
    x.far.close()
    check(x.p.stdout.read() == b"all there is" and x.ended(0), "-q 0: it leaves with the other side, standard input or not; status 0")
    x = Pair(net, server, "-q", "1")
    x.far.shutdown(socket.SHUT_WR)
    x.p.stdout.read()
    x.p.stdin.write(b"in time")
    check(x.far.recv(99) == b"in time", "-q 1: what standard input brings within a second goes there")
    check(x.far.recv(1) == b"" and x.ended(0), "then it leaves; status 0")
    x = Pair(net, server, "-q", "60")
    x.far.shutdown(socket.SHUT_WR)
    x.p.stdin.close()
    began = time.monotonic()
    check(x.ended(0) and time.monotonic() - began < 30, "-q 60: the end of standard input is not waited beyond")
    x = Pair(net, server, "-q", "0")
    x.p.stdin.write(b"unread")
    reset(x.far)
    check(x.ended(1, b"connection reset"), "-q 0 and a reset: status 1")


def refusals(net):
    def run(*words):
        r = subprocess.run([net.bin("coyo"), "connect", *words], stdin=subprocess.DEVNULL, stdout=PIPE, stderr=PIPE, timeout=60, check=False,
                           env=dict(os.environ, COYO_SOCKET=net.nodes["a"].app))
        return r.returncode, r.stdout.decode(), r.stderr.decode()

    b = net.nodes["b"].id
    status, out, err = run("--json", b, "7999")
    doc = json.loads(out)
    check((status, err, doc["code"], doc["port"]) == (1, "", "ECONNREFUSED", 7999) and "refused" in doc["error"].lower(), "--json: a refusal as a document: %s" % out.strip())
    status, out, err = run("--json", b[:-1], "7999")
    check((status, err) == (2, "") and json.loads(out)["code"] == "EINVAL", "--json: a mistyped id is one too; status 2")
    status, out, err = run("--json", "--timeout", "5", b, "7999")
    check(status == 1 and json.loads(out)["code"] == "ECONNREFUSED", "--timeout has no say in what is answered")
    status, out, err = run(b, "7999")
    check((status, out) == (1, "") and "refused" in err.lower(), "without it a sentence on standard error: %s" % err.strip())
    r = subprocess.run([net.bin("coyo"), "-s", net.dir + "/none", "connect", "--json", b, "7999"], stdin=subprocess.DEVNULL, stdout=PIPE, stderr=PIPE, check=False)
    check(r.returncode == 3 and json.loads(r.stdout)["code"] == "ENOENT", "--json without a daemon: status 3")
    net.nodes["a"].proc.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        for words in ((), ("--json",)):
            status, out, err = run("--timeout", "1", *words, b, "7999")
            told = json.loads(out)["code"] == "ETIMEDOUT" if words else "not connected to port 7999" in err
            check(status == 1 and told, "--timeout 1 ends it where even the daemon does not answer: %s" % (out + err).strip())
        check(1.9 < time.monotonic() - began < 20, "after that time")
    finally:
        net.nodes["a"].proc.send_signal(signal.SIGCONT)


def body(net):
    net.build_net(["a", "b"], [("a", "b")])
    net.start()
    net.ready()
    server = appsock.AppClient(net.nodes["b"].app)
    server.listen(PORT)
    orders(net, server)
    breaks(net, server)
    quitting(net, server)
    refusals(net)
    net.wait("nothing left in either daemon", lambda: not any(r["state"] not in ("LISTEN", "TIME-WAIT") for n in "ab" for r in net.nodes[n].rows("connections")))
    check(True, "and neither daemon holds a stream of them")


lib.main(body)
