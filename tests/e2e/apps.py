#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a socket programmer expects: 100 streams, half-close, reset, refusal, no such id, kill -9.

      a --- t --- b
"""
import contextlib
import os
import select
import signal
import subprocess
import time

import lib
from lib import check, coyonet
from appsock import AppClient, AppError

PIPE = subprocess.PIPE


def connect(net, port, node="a", **kw):
    return net.coyo(node, "connect", net.nodes["b"].id, str(port), stdin=PIPE, stdout=PIPE, stderr=PIPE, **kw)


def listen(net, port, *words, node="b"):
    p = net.coyo(node, "listen", str(port), *words, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    net.listening(node, port)
    return p


def hundred(net):
    servers = [listen_quick(net, 8000 + i) for i in range(100)]
    net.wait("a hundred listeners", lambda: sum(r["state"] == "LISTEN" for r in net.nodes["b"].rows("connections")) >= 100)
    clients = [connect(net, 8000 + i) for i in range(100)]
    for i, c in enumerate(clients):
        c.stdin.write(b"%d\n" % i * 2000)
        c.stdin.close()
    for i, (c, s) in enumerate(zip(clients, servers)):
        got = s.stdout.read()
        s.stdin.close()
        if got != b"%d\n" % i * 2000:
            raise coyonet.NetError("stream %d got %d bytes" % (i, len(got)))
        if c.wait(60) != 0 or s.wait(60) != 0:
            raise coyonet.NetError("stream %d ended badly: %s %s" % (i, c.stderr.read(), s.stderr.read()))
    check(True, "100 streams at once, each with its own bytes")


def listen_quick(net, port):
    return net.coyo("b", "listen", str(port), stdin=PIPE, stdout=PIPE, stderr=PIPE)


def half_close(net):
    s = listen(net, 7100)
    c = connect(net, 7100)
    c.stdin.write(b"question")
    c.stdin.close()
    check(s.stdout.read() == b"question", "the listener sees end of file after the question")
    s.stdin.write(b"answer after half-close")
    s.stdin.close()
    check(c.stdout.read() == b"answer after half-close", "the other direction still works after a half-close")
    check(c.wait(60) == 0 and s.wait(60) == 0, "both ends leave with status 0")


def refused(net):
    waited, began = lib.Waited(net), time.monotonic()
    c = connect(net, 7999)
    c.stdin.close()
    check(c.wait(60) != 0, "no listener: connect fails")
    text = c.stderr.read().decode()
    check("refused" in text.lower(), "it says so: %s" % text.strip())
    lib.within(time.monotonic() - began, 2, waited, "at once, that is")


def no_such_id(net):
    ghost = net.ghost()
    waited, began = lib.Waited(net), time.monotonic()
    c = net.coyo("a", "connect", ghost, "7000", stdin=subprocess.DEVNULL, stdout=PIPE, stderr=PIPE)
    check(c.wait(60) != 0, "an id that does not exist: connect fails")
    took = time.monotonic() - began
    text = c.stderr.read().decode()
    check("unreachable" in text.lower() or "no route" in text.lower(), "it says so: %s" % text.strip())
    lib.within(took, 6, waited, "it is given up")
    typo = ghost[:20] + ("a" if ghost[20] != "a" else "b") + ghost[21:]
    c = net.coyo("a", "connect", typo, "7000", stdin=subprocess.DEVNULL, stdout=PIPE, stderr=PIPE)
    check(c.wait(60) == 2, "a mistyped id is refused with status 2")
    check("checksum" in c.stderr.read().decode().lower(), "and the reason is named")
    return ghost


def state_of(stream):
    """What poll() says of a stream at once: it may be written to, it has been reset."""
    p = select.poll()
    p.register(stream, select.POLLOUT)
    events = p.poll(0)[0][1] if p.poll(0) else 0
    return bool(events & select.POLLOUT), bool(events & select.POLLERR)


def early(net, ghost):
    """A program that does not block gets its stream before that is connected, and may write when poll() says so."""
    app = AppClient(net.nodes["a"].app)
    with listening_python(net, 7400) as listener:
        text, stream = app.ask("connect %s 7400 early" % net.nodes["b"].id)
        stream.setblocking(False)
        check(text == "ok", "the stream comes before it is connected")
        listener.accept().sendall(b"to you")
        check(app.answer()[0].startswith("ok " + net.nodes["a"].id), "then the word that it is, with this end's id and port")
        net.wait("the stream to be writable", lambda: state_of(stream) == (True, False), every=0.001)
        stream.sendall(b"x" * 300000)
        stream.setblocking(True)
        check(stream.recv(100) == b"to you", "nothing but the peer's bytes comes through it")
        stream.close()
    for what, node_id, name in (("a port where nobody listens", net.nodes["b"].id, "ECONNREFUSED"), ("an id that nobody has", ghost, "EHOSTUNREACH")):
        _, stream = app.ask("connect %s 7999 early" % node_id)
        if name == "EHOSTUNREACH":
            check(state_of(stream) == (False, False), "before it is connected it is not writable")
            stream.setblocking(False)
            try:
                stream.send(b"x")
                check(False, "and takes no byte")
            except BlockingIOError:
                check(True, "and takes no byte")
        try:
            app.answer()
            check(False, "%s: no error" % what)
        except AppError as e:
            check(e.name == name, "%s: %s" % (what, e.name))
        net.wait("the stream to be reset", lambda s=stream: state_of(s)[1], every=0.001)
        stream.close()
    # Whoever goes away before it is connected leaves nothing behind.
    _, stream = app.ask("connect %s 7000 early" % ghost)
    stream.close()
    app.close()
    net.wait("nothing left of a connect that was given up", lambda: not connections(net, "a"))


@contextlib.contextmanager
def listening_python(net, port):
    listener = AppClient(net.nodes["b"].app)
    check(listener.listen(port)[0] == "ok %s %d" % (net.nodes["b"].id, port), "a listener is told its own id")
    yield listener
    listener.close()


def connections(net, node):
    return [r for r in net.nodes[node].rows("connections") if r["state"].lower() not in ("listen", "time-wait", "time_wait")]


def killed(net):
    for who in ("connect", "listen"):
        s = listen(net, 7200)
        c = connect(net, 7200)
        c.stdin.write(b"x" * 100)
        c.stdin.flush()
        check(s.stdout.read(100) == b"x" * 100, "a stream stands")
        (c if who == "connect" else s).send_signal(signal.SIGKILL)
        (s if who == "connect" else c).stdin.close()
        other = s if who == "connect" else c
        other.stdout.read()
        other.wait(60)
        for p in (c, s):
            p.wait(60)
        net.wait("nothing left after kill -9 of %s" % who,
                 lambda: not connections(net, "a") and not connections(net, "b"))
        check(True, "kill -9 of coyo %s frees everything in both daemons" % who)


def daemon_killed(net):
    """kill -9 of either daemon with a stream going: its own program hears it at once, the far one when the daemon is back."""
    for who, near, far in (("a", "connect", "listen"), ("b", "listen", "connect")):
        s = listen(net, 7300)
        c = connect(net, 7300)
        c.stdin.write(b"x" * 100)
        c.stdin.flush()
        check(s.stdout.read(100) == b"x" * 100, "a stream stands")
        net.nodes[who].kill()
        net.nodes[who].proc.wait()
        mine, other = (c, s) if who == "a" else (s, c)
        status, said = mine.wait(60), mine.stderr.read().decode().strip()
        check(status == 1 and "reset" in said, "kill -9 of %s's daemon: coyo %s fails at once (%d, %s)" % (who, near, status, said))
        net.nodes[who].start()
        net.ready()
        net.settle(1.0)
        # What the far end still sends meets a node that knows nothing of it, unless that has told already.
        with contextlib.suppress(BrokenPipeError):
            other.stdin.write(b"y" * 1000)
            other.stdin.flush()
        check(other.wait(60) == 1 and b"reset" in other.stderr.read(), "and coyo %s, once the daemon is back" % far)
        for p in (c, s):
            with contextlib.suppress(BrokenPipeError):
                p.stdin.close()
        net.wait("nothing left in either daemon", lambda: not connections(net, "a") and not connections(net, "b"))
    s = listen(net, 7301)
    c = connect(net, 7301)
    c.stdin.close()
    s.stdin.close()
    check(s.stdout.read() == b"" and c.wait(60) == 0 and s.wait(60) == 0, "a new stream stands again")


def body(net):
    net.build_net(["a", "t", "b"], [("a", "t"), ("t", "b")])
    net.start()
    net.ready()
    half_close(net)
    refused(net)
    early(net, no_such_id(net))
    hundred(net)
    killed(net)
    daemon_killed(net)


lib.main(body)
