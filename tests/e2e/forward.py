#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Programs that know nothing of this network reach another node by [forward] of both daemons: whole transfers, each kind of end, who may come in, reload.

      a --- b        a forwards a local port to port 80 of b, b forwards that port to a server of its own
      c --- b        c may not come in
"""
import contextlib
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import lib
from lib import check, coyonet

from appsock import ending, read

MIB = 1 << 20
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a close is a reset


class Server:
    """A TCP server at the far end: hands accepted sockets to whoever asks."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.listener.settimeout(30)
        self.port = self.listener.getsockname()[1]

    def accept(self):
        s = self.listener.accept()[0]
        s.settimeout(30)
        return s


def web(folder):
    """An HTTP server with keep-alive."""
    import http.server

    class Files(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else 40 ms for each answer: its body waits for the acknowledgement of its head

        def log_message(self, *_):
            pass

    s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: Files(*a, directory=folder))
    threading.Thread(target=s.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return s


def forward(name, listen, to, allow=""):
    return "[forward %s]\nlisten = %s\nto = %s\n%s\n" % (name, listen, to, "allow = %s" % allow if allow else "")


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def ends(port, server):
    """Half-closes and resets, each way."""
    def pair():
        s = connect(port)
        return s, server.accept()

    s, t = pair()
    s.sendall(b"question")
    s.shutdown(socket.SHUT_WR)
    check(read(t, 100) == b"question", "the end of the question arrives")
    t.sendall(b"answer")
    t.close()
    check(read(s, 100) == b"answer", "and after it the whole answer")
    s, t = pair()
    t.sendall(b"greeting")
    t.shutdown(socket.SHUT_WR)
    check(read(s, 100) == b"greeting", "the other way round")
    s.sendall(b"thanks")
    s.close()
    check(read(t, 100) == b"thanks", "as well")
    for first, second, who in ((0, 1, "client"), (1, 0, "server")):
        p = pair()
        p[first].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        p[first].close()
        check(ending(p[second]) == "ConnectionResetError", "a %s's reset arrives as one" % who)
        p = pair()
        p[second].sendall(b"unread")
        check(select.select([p[first]], [], [], 30)[0], "bytes arrive")
        p[first].close()
        check(ending(p[second]) == "ConnectionResetError", "a %s that leaves bytes unread resets" % who)
        # One that vanishes while the other does not read what it has sent.
        p = pair()
        p[first].settimeout(0.3)
        with contextlib.suppress(TimeoutError):
            while True:
                p[first].sendall(bytes(MIB))
        p[first].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        p[first].close()
        check(ending(p[second]) == "ConnectionResetError", "and so, where its bytes are not taken")
    # A slow reader gets every byte of what was written and closed long ago.
    s, t = pair()
    data = os.urandom(MIB) * 4
    threading.Thread(target=lambda: (t.sendall(data), t.close()), daemon=True).start()
    time.sleep(0.3)
    check(read(s, len(data) + 1) == data, "a slow reader gets all that came before the end")


def files(net, port, folder, size, many):
    if not shutil.which("curl"):
        print("skip curl: Debian's package curl is not installed")
        return
    out = os.path.join(net.dir, "got")

    def curl(*words):
        return subprocess.run(["curl", "-sS", "--noproxy", "*", "-m", "120", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)

    r = curl("-o", out, "http://127.0.0.1:%d/big" % port)
    check(r.returncode == 0 and coyonet.sha256(out) == coyonet.sha256(os.path.join(folder, "big")), "%d MiB by curl, whole %s" % (size // MIB, r.stderr))
    for words in ([], ["-H", "Connection: close"]):
        r = curl(*words, "http://127.0.0.1:%d/s[1-%d]" % (port, many))
        check(r.returncode == 0 and r.stdout.count("small") == many, "%d small files %s" % (many, "over one each" if words else "over one connection"))


def strangers(net):
    """Who may not come in is reset before a byte comes, and programs of the node itself find nobody there."""
    b = net.nodes["b"]
    for node, said in (("c", "reset"), ("b", "refused")):
        p = net.coyo(node, "connect", b.id, "80", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = p.communicate(timeout=60)
        check(p.returncode == 1 and out == b"" and said in err.decode(), "coyo connect from %s: %s" % (node, err.decode().strip()))


def refused(port, what):
    """The reset may come while the connection is still being waited for."""
    try:
        with connect(port) as s:
            how = ending(s)
    except ConnectionError as e:
        how = type(e).__name__
    check(how == "ConnectionResetError", "%s (%s)" % (what, how))


def reload(net, node, extra, words):
    node.extra = extra
    node.write_conf()
    before = os.path.getsize(node.log)
    node.proc.send_signal(signal.SIGHUP)
    net.wait("%s to say %r" % (node.name, words), lambda: words in node.logged(before), every=0.02)


def closed(port):
    try:
        connect(port).close()
        return False
    except ConnectionRefusedError:
        return True


def reloads(net, ports, server):
    """Forwards come, change and go, and what stands goes on."""
    a, b, here = net.nodes["a"], net.nodes["b"], "127.0.0.1:%d"
    s = connect(ports[0])
    t = server.accept()
    other = Server()
    reload(net, b, forward("in", "coyo:80", here % other.port, a.id), "[forward in] to")
    check(True, "a forward leads elsewhere")
    s2 = connect(ports[0])
    t2 = other.accept()
    t.sendall(b"still")
    check(read(s, 5) == b"still", "the stream of before goes on")
    t2.sendall(b"new")
    check(read(s2, 3) == b"new", "a new one goes there")
    reload(net, b, forward("in", "coyo:80", here % other.port, net.nodes["c"].id), "[forward in] allow")
    refused(ports[0], "whom it lets in no more is reset")
    reload(net, b, forward("in", "coyo:80", here % other.port, "any"), "[forward in] allow")
    out = forward("out", here % ports[0], b.id + ":80")
    with socket.create_server(("127.0.0.1", ports[1]), reuse_port=False):
        reload(net, a, out + forward("more", here % ports[1], "east:80") + "[names]\neast = %s\n" % b.id, "[forward more] could not be added: it is tried again")
        check(a.told("cannot listen on port %d" % ports[1]), "an address in use is told")
    net.wait("it to be added", lambda: "reload: [forward more] added" in a.logged())
    s3 = connect(ports[1])
    t3 = other.accept()
    t3.sendall(b"by name")
    check(read(s3, 7) == b"by name", "and tried again until it is free; names lead to ids")
    reload(net, a, "", "[forward out] removed")
    net.wait("the address to be closed", lambda: closed(ports[0]))
    for x, y in ((s, t), (s2, t2), (s3, t3)):
        x.sendall(b"ping")
        y.sendall(b"pong")
        check(read(y, 4) == b"ping" and read(x, 4) == b"pong", "removed: what stands goes on")
        x.close()
        check(y.recv(1) == b"", "to its end")
        y.close()
    reload(net, a, out, "[forward out] added")
    s = connect(ports[0])
    s.close()
    check(other.accept().recv(1) == b"", "and comes again")
    return out


def taken(net, ports, out):
    """A port that an application has is the forward's once that is gone; a server that is not there resets."""
    a, b = net.nodes["a"], net.nodes["b"]
    app = net.coyo("b", "listen", "81", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    net.listening("b", 81)
    server = Server()
    reload(net, b, forward("late", "coyo:81", "127.0.0.1:%d" % server.port, "any"), "[forward late] added")
    reload(net, a, out + forward("late", "127.0.0.1:%d" % ports[1], b.id + ":81"), "[forward late] added")
    app.kill()
    app.wait()
    s = None

    def served():
        nonlocal s
        s = connect(ports[1])
        return select.select([server.listener], [], [], 0.1)[0]

    net.wait("the forward to have the port", served)
    t = server.accept()
    t.sendall(b"x")
    check(read(s, 1) == b"x", "its port was taken: it has it when the application is gone")
    p = net.coyo("b", "listen", "81", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    check(p.wait(60) == 1 and b"somebody else listens there" in p.stderr.read(), "an application is refused the port then")
    server.listener.close()
    refused(ports[1], "nobody serves there: the client is reset")
    refused(ports[0], "no such forward there any more: the client is reset")
    net.nodes["a"].kill()
    net.nodes["a"].proc.wait()
    check(ending(s) in ("ConnectionResetError", "end"), "kill -9 of a daemon ends what it carried")


def body(net):
    size, many = (100 * MIB, 200) if lib.everything() else (8 * MIB, 30)
    net.build_net(["a", "b", "c"], [("a", "b"), ("c", "b")])
    folder = os.path.join(net.dir, "www")
    os.mkdir(folder)
    coyonet.make_file(os.path.join(folder, "big"), size)
    for i in range(1, many + 1):
        with open(os.path.join(folder, "s%d" % i), "w", encoding="ascii") as f:
            f.write("small%d" % i)
    files_at, server = web(folder), Server()
    a, b = net.nodes["a"], net.nodes["b"]
    ports = coyonet.free_ports(3)
    a.extra = forward("out", "127.0.0.1:%d" % ports[0], b.id + ":80") + forward("web", "127.0.0.1:%d" % ports[2], b.id + ":8080")
    b.extra = (forward("in", "coyo:80", "127.0.0.1:%d" % server.port, a.id) +
               forward("web", "coyo:8080", "127.0.0.1:%d" % files_at.server_address[1], "any"))
    net.start()
    net.ready()
    files(net, ports[2], folder, size, many)
    ends(ports[0], server)
    strangers(net)
    taken(net, ports, reloads(net, ports, server))
    files_at.shutdown()


lib.main(body)
