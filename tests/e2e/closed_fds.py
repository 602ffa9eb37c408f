#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every program started with standard input, output and error closed, in each combination: none hangs, none takes a descriptor of its own
for the user's, and the exit status tells whether what was asked for could be printed.

      a --- b
"""
import itertools
import os
import subprocess

import lib
from lib import check

COMBINATIONS = [c for n in range(4) for c in itertools.combinations(("<&-", ">&-", "2>&-"), n)]
PORT = 7600


def run(closed, *words, **kw):
    """The program's exit status and what it wrote to standard output."""
    p = start(closed, *words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **kw)
    out = p.communicate(timeout=20)[0]
    return p.returncode, out


def start(closed, *words, **kw):
    return subprocess.Popen(["sh", "-c", 'exec "$@" ' + " ".join(closed), "sh", *words], **kw)


def printers(net):
    """What only prints: status 1 where it cannot."""
    key, ctl = os.path.join(net.nodes["a"].dir, "key"), net.nodes["a"].control
    rows = [([net.bin("coyo"), "keygen"], 1), ([net.bin("coyo"), "id", key], 1), ([net.bin("coyo"), "--version"], 1), ([net.bin("coyo"), "--help"], 1),
            ([net.bin("coyoctl"), "-s", ctl, "show", "links"], 1), ([net.bin("coyoctl"), "-s", ctl, "--json", "show", "node"], 1),
            ([net.bin("coyoctl"), "-s", ctl, "ping", net.nodes["b"].id, "-c", "1"], 1), ([net.bin("coyoctl"), "--version"], 1),
            ([net.bin("coyod"), "--version"], 1), ([net.bin("coyod"), "--check", "-c", net.nodes["a"].conf_path()], 1),
            ([net.bin("coyo"), "keygen", "-o", os.path.join(net.dir, "new%d")], 0)]
    for n, closed in enumerate(COMBINATIONS):
        for words, without in rows:
            status, out = run(closed, *(w.replace("%d", str(n)) for w in words))
            if status != (without if ">&-" in closed else 0) or (out == b"") != (without == 0 or ">&-" in closed):
                check(False, "%s %s: status %d, %d bytes" % (" ".join(words)[-60:], " ".join(closed), status, len(out)))
    check(True, "%d programs in %d combinations of closed descriptors" % (len(rows), len(COMBINATIONS)))


def streams(net):
    """A closed standard input is one at its end; a closed standard output fails whatever comes for it, and nothing else."""
    a, b = (dict(os.environ, COYO_SOCKET=net.nodes[n].app) for n in "ab")
    for closed, who in itertools.product(COMBINATIONS, ("connect", "listen")):
        mine = {"connect": (), "listen": (), who: closed}
        kw = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        s = start(mine["listen"], net.bin("coyo"), "listen", str(PORT), env=b, **kw)
        net.listening("b", PORT)
        c = start(mine["connect"], net.bin("coyo"), "connect", net.nodes["b"].id, str(PORT), env=a, **kw)
        me, other = (c, s) if who == "connect" else (s, c)
        if "<&-" not in closed:
            me.stdin.write(b"from me")
        me.stdin.close()
        got = other.stdout.read()
        if ">&-" not in closed:
            other.stdin.write(b"from the other")
        other.stdin.close()
        mine_got = me.stdout.read()
        status = me.wait(20), other.wait(20)
        good = got == (b"" if "<&-" in closed else b"from me") and mine_got == (b"" if ">&-" in closed else b"from the other") and status == (0, 0)
        if not good:
            check(False, "coyo %s %s: got %r and %r, status %s" % (who, " ".join(closed), got, mine_got, status))
        for p in (c, s):
            p.stdout.close()
    check(True, "coyo connect and listen in %d combinations" % len(COMBINATIONS))
    s = start((">&-",), net.bin("coyo"), "listen", str(PORT), env=b, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    net.listening("b", PORT)
    c = start((), net.bin("coyo"), "connect", net.nodes["b"].id, str(PORT), env=a, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    c.stdin.write(b"for nobody")
    c.stdin.close()
    said = s.communicate(timeout=20)[1].decode().strip()
    c.wait(20)
    check(s.returncode == 1 and "standard output" in said, "bytes for a closed standard output: status %d, %s" % (s.returncode, said))


def statuses(net):
    """What coyo and coyoctl both can meet has one exit status in both."""
    good = net.nodes["b"].id
    typo = good[:20] + ("a" if good[20] != "a" else "b") + good[21:]
    ghost, nobody = net.ghost(), os.path.join(net.dir, "nobody")
    for status, what, ours, ctl in ((2, "a mistyped id", ("connect", typo, "7000"), ("ping", typo)), (2, "no verb", (), ()),
                                    (2, "an unknown verb", ("fly",), ("fly",)), (1, "nobody there", ("connect", ghost, "7000"), ("ping", ghost))):
        got = (run((), net.bin("coyo"), "-s", net.nodes["a"].app, *ours)[0], run((), net.bin("coyoctl"), "-s", net.nodes["a"].control, *ctl)[0])
        check(got == (status, status), "%s: exit status %d of coyo and %d of coyoctl" % (what, *got))
    got = tuple(run((), net.bin(p), "-s", nobody, *w)[0] for p, w in (
        ("coyo", ("connect", good, "7000")), ("coyo", ("listen", "7000")), ("coyoctl", ("show", "node"))))
    check(got == (3, 3, 3), "no daemon: exit status %d, %d, %d" % got)


def daemons(net):
    """The daemon runs, serves and ends as ever."""
    node = net.nodes["a"]
    node.kill(15)
    node.proc.wait(30)
    for closed in COMBINATIONS:
        node.proc = start(closed, net.bin("coyod"), "-c", node.conf_path(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, env=dict(os.environ, RUNTIME_DIRECTORY=node.dir))
        net.wait("a to answer, started %s" % " ".join(closed), lambda: node.ctl("show", "node")["name"] == "a")
        node.proc.terminate()
        if node.proc.wait(30) != 0:
            check(False, "coyod %s ended with status %d" % (" ".join(closed), node.proc.returncode))
    check(True, "coyod in %d combinations" % len(COMBINATIONS))


def body(net):
    net.build_net(["a", "b"], [("a", "b")])
    net.start()
    net.ready()
    printers(net)
    streams(net)
    statuses(net)
    daemons(net)


lib.main(body)
