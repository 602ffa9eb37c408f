#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Programs that know a proxy reach another node by `coyo proxy`: curl over SOCKS5 and HTTP, git; refusals, crowds, and what ends in mid-transfer.

      a --- b        the proxy sits on a, an HTTP server on b
"""
import contextlib
import ctypes
import hashlib
import http.server
import os
import resource
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

import appsock
from appsock import ending, read

PIPE = subprocess.PIPE
MIB = 1 << 20
HALF = 1000  # clients that say half of what they want
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a close is a reset
LIBC, PIDFD_GETFD = ctypes.CDLL(None, use_errno=True), 438


class Files(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, with keep-alive; /endless never ends, /upload says how much came, with its hash."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = False  # a stream of the daemon has no such option
    ended = []  # of endless answers: the error that ended each

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path != "/endless":
            super().do_GET()
            return
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(bytes(1 << 16))
        except OSError as e:
            self.ended.append(type(e))
        self.close_connection = True

    def do_POST(self):
        left, h = int(self.headers["Content-Length"]), hashlib.sha256()
        while left:
            data = self.rfile.read(min(left, 1 << 16))
            if not data:
                return
            h.update(data)
            left -= len(data)
        body = h.hexdigest().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    """Serves streams that come to a port of a node. Each is an ordinary socket, so that the library's server takes it."""

    request_queue_size = 1024
    daemon_threads = True

    def __init__(self, node, port, folder):
        super().__init__(("127.0.0.1", 0), lambda *a: Files(*a, directory=folder), bind_and_activate=False)
        self.socket.close()
        self.app = appsock.AppClient(node.app)
        self.app.listen(port, 1024)
        self.app.sock.settimeout(60)
        self.socket = self.app.sock
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def get_request(self):
        return self.app.accept(), ("a node", 0)

    def handle_error(self, request, client_address):
        pass


class Proxy:
    def __init__(self, net, *words, node="a"):
        self.process = net.coyo(node, "proxy", "-l", "127.0.0.1:0", *words, stdin=subprocess.DEVNULL, stderr=PIPE)
        line = self.process.stderr.readline().decode()
        self.address = line.split()[-1]
        self.port = int(self.address.rsplit(":", 1)[1])
        os.set_blocking(self.process.stderr.fileno(), False)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def ask(self, host, port):
        """Asks for a stream by SOCKS5."""
        s = self.connect()
        s.sendall(b"\5\1\0\5\1\0\3" + bytes([len(host)]) + host.encode() + struct.pack("!H", port))
        return s

    def open(self, host, port):
        """The same; the socket and the code of the reply."""
        s = self.ask(host, port)
        reply = read(s, 12)
        return s, reply[3] if len(reply) == 12 else None

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def threads(self):
        return len(os.listdir("/proc/%d/task" % self.process.pid))

    def memory(self):
        """Resident, in KiB."""
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as f:
            return next(int(x.split()[1]) for x in f if x.startswith("VmRSS"))

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def ticks(self):
        """Processor time used so far, in s."""
        with open("/proc/%d/stat" % self.process.pid, encoding="ascii") as f:
            words = f.read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def curl(*words, stdin=subprocess.DEVNULL, text=True):
    return subprocess.run(["curl", "-sS", "--noproxy", "", "-m", "120", *words], stdin=stdin, stdout=PIPE, stderr=PIPE, text=text, check=False)


def ways(proxy):
    return (("SOCKS5", ["--socks5-hostname", proxy.address]), ("HTTP CONNECT", ["-p", "-x", "http://" + proxy.address]),
            ("HTTP", ["-x", "http://" + proxy.address]))


def files(net, proxy, folder, size, many):
    """One large file and many small ones, each way."""
    host = net.nodes["b"].id + ".coyo"
    digest = coyonet.sha256(os.path.join(folder, "big"))
    for name, words in ways(proxy):
        out = os.path.join(net.dir, "got")
        r = curl(*words, "-o", out, "http://%s:80/big" % host)
        check(r.returncode == 0 and coyonet.sha256(out) == digest, "%d MiB by %s, whole %s" % (size // MIB, name, r.stderr.strip()))
        r = curl(*words, "-w", "\n%{num_connects}\n", "http://%s:80/s[1-%d]" % (host, many))
        lines = r.stdout.split()
        check(r.returncode == 0 and lines[0::2] == ["small%d" % i for i in range(1, many + 1)], "%d small files by %s" % (many, name))
        if name != "HTTP":
            check(sum(map(int, lines[1::2])) == 1, "over one connection")
            r = curl(*words, "-H", "Connection: close", "http://%s:80/s[1-%d]" % (host, many))
            check(r.returncode == 0 and r.stdout.count("small") == many, "and over one each")
    with open(os.path.join(folder, "big"), "rb") as f:
        r = curl(*ways(proxy)[0][1], "-H", "Expect:", "--data-binary", "@-", "http://%s:80/upload" % host, stdin=f)
    check(r.stdout == digest, "%d MiB up, whole %s" % (size // MIB, r.stderr.strip()))


def refusals(net, proxy):
    host = net.nodes["b"].id
    typo = host[:20] + ("a" if host[20] != "a" else "b") + host[21:]
    for name, port, code, status, words in ((host, 4, 5, "502", "refused"), (typo, 80, 4, "502", "id"),
                                            ("nobody.coyo", 80, 4, "502", "nobody"), ("example.org", 80, 2, "403", "--direct"),
                                            ("127.0.0.1", 80, 2, "403", "--direct"), ("::1", 80, 2, "403", "--direct")):
        s, got = proxy.open(name, port)
        check(got == code and s.recv(1) == b"", "SOCKS5: %.12s:%d is answered with %s" % (name, port, got))
        s.close()
        s = proxy.connect()
        s.sendall(b"CONNECT %s:%d HTTP/1.1\r\n\r\n" % (("[%s]" % name if ":" in name else name).encode(), port))
        text = read(s, 4096).decode()
        check(text.split(" ")[1] == status and words in text, "HTTP: %s, %s" % (status, text.strip().rsplit("\n", 1)[-1]))
        s.close()
    s = proxy.connect()
    s.sendall(b"\5\1\0\5\2\0\1\0\0\0\0\0\0")
    check(read(s, 12)[3] == 7, "SOCKS5: BIND is not supported")
    s.close()
    with proxy.connect() as s:
        s.sendall(b"\26\3\1\2\0\1\0\1\374\3\3" + os.urandom(500))
        check(read(s, 100).startswith(b"HTTP/1.1 400 "), "what is neither is told so")


def socket_options(net, proxy):
    """Of the proxy's own end of a client: small answers do not wait for acknowledgements, and who vanishes is noticed."""
    s, code = proxy.open(net.nodes["b"].id, 80)
    ends, pidfd = [], os.pidfd_open(proxy.process.pid)
    for fd in map(int, os.listdir("/proc/%d/fd" % proxy.process.pid)):
        got = LIBC.syscall(PIDFD_GETFD, pidfd, fd, 0)
        if got < 0:
            continue
        try:
            with socket.socket(fileno=got) as t:
                if t.family == socket.AF_INET and t.getpeername() == s.getsockname():
                    ends.append((t.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), t.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)))
        except OSError:
            pass
    os.close(pidfd)
    s.close()
    if not ends:
        print("skip: another process's descriptors cannot be looked at here")
        return
    check(code == 0 and ends == [(1, 1)], "TCP_NODELAY and SO_KEEPALIVE are set")


def halves(net, proxy):
    """A half-close each way, and resets each way."""
    b = net.nodes["b"]
    app = appsock.AppClient(b.app)
    app.listen(81)

    def pair():
        s, code = proxy.open(b.id, 81)
        check(code == 0, "a stream")
        return s, app.accept()

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
    check(read(t, 100) == b"thanks" and t.recv(1) == b"", "as well")
    for taken in (True, False):
        s, t = pair()
        t.sendall(b"x")
        read(s, 1)
        if not taken:
            s.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                while True:
                    s.sendall(bytes(MIB))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        s.close()
        check(ending(t) == "ConnectionResetError", "a client's reset arrives as one%s" % ("" if taken else ", where its bytes are not taken, too"))
    s, t = pair()
    s.sendall(b"unread")
    check(select.select([t], [], [], 30)[0], "bytes arrive")
    t.close()
    check(ending(s) == "ConnectionResetError", "a node's reset arrives as one")
    s, t = pair()
    s.close()
    check(t.recv(1) == b"", "a close without a byte is an end")
    app.close()


def slow_readers(net, proxy):
    """Clients that read nothing of an endless answer do not slow others down, and the proxy holds little for them."""
    host, before = net.nodes["b"].id, proxy.memory()
    slow = [proxy.open(host, 80)[0] for _ in range(20)]
    for s in slow:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(b"GET /endless HTTP/1.1\r\nHost: b\r\n\r\n")
    time.sleep(0.3)
    r = curl("--socks5-hostname", proxy.address, "http://%s.coyo/s1" % host)
    check(r.stdout == "small1", "20 clients that do not read hold nobody up")
    grown = proxy.memory() - before
    check(grown < 20 * 128, "and take less than 128 KiB each (%d KiB in all)" % grown)
    Files.ended.clear()
    for s in slow:
        s.close()  # with bytes unread
    net.wait("the server to hear it", lambda: len(Files.ended) == 20)
    check(True, "when they go, the server hears of it")


def half_requests(net, proxy):
    """A crowd that never says what it wants."""
    halves_of = (b"\5", b"\5\1\0\5\1\0\3\20abc", b"CONNECT x:1 HTTP/1.1\r\nHost:", b"", b"GET http://")
    crowd = []
    for i in range(HALF):
        s = proxy.connect()
        s.sendall(halves_of[i % len(halves_of)])
        crowd.append(s)
    used = proxy.ticks()
    r = curl("--socks5-hostname", proxy.address, "http://%s.coyo/s2" % net.nodes["b"].id)
    check(r.stdout == "small2", "beside %d clients with half a request another is served" % HALF)
    time.sleep(0.5)
    check(proxy.ticks() - used < 0.1, "and they cost no time (%.2f s)" % (proxy.ticks() - used))
    for s in crowd:
        s.close()
    net.wait("their descriptors to be closed", lambda: proxy.descriptors() < 30)
    check(proxy.memory() < 30000, "nothing is held afterwards (%d KiB)" % proxy.memory())


def login(net):
    path = os.path.join(net.dir, "password")
    with open(path, "w", encoding="ascii") as f:
        f.write("secret\n" + "more lines\n" * 100)
    os.chmod(path, 0o644)
    p = net.coyo("a", "proxy", "-l", "127.0.0.1:0", "--user", "alice:" + path, stdin=subprocess.DEVNULL, stderr=PIPE)
    check(p.wait(20) == 2 and b"chmod 600" in p.stderr.read(), "a password that others may read is refused")
    os.chmod(path, 0o600)
    proxy = Proxy(net, "--user", "alice:" + path)
    for name, words in ways(proxy):
        url = "http://%s.coyo/s3" % net.nodes["b"].id
        check(curl(*words, "-U", "alice:secret", url).stdout == "small3", "%s with a password" % name)
        check("small" not in curl(*words, "-U", "alice:guess", url).stdout, "not with another")
        check("small" not in curl(*words, url).stdout, "and not without")
    check(proxy.stop() == 0, "it ends with status 0")


def direct(net, folder):
    """--direct: what is not of this network goes to the ordinary one."""
    plain = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: Files(*a, directory=folder))
    threading.Thread(target=plain.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    proxy, port = Proxy(net, "--direct"), plain.server_address[1]
    for name, words in ways(proxy):
        check(curl(*words, "http://127.0.0.1:%d/s4" % port).stdout == "small4", "--direct: an address by %s" % name)
        check(curl(*words, "http://localhost:%d/s5" % port).stdout == "small5", "a name")
        check(curl(*words, "http://%s.coyo/s6" % net.nodes["b"].id).stdout == "small6", "and an id")
    s, code = proxy.open("127.0.0.1", 1)
    check(code == 5, "a refusal there is told (%s)" % code)
    s.close()
    plain.shutdown()
    plain.server_close()
    check(proxy.stop() == 0, "it ends with status 0")


def git(net, proxy):
    """A repository cloned over HTTP by git."""
    if not shutil.which("git"):
        print("skip git: Debian's package git is not installed")
        return
    home, repo = os.path.join(net.dir, "home"), os.path.join(net.dir, "www", "repo.git")
    work = os.path.join(home, "work")
    os.makedirs(work)
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    env.update(HOME=home, GIT_CONFIG_NOSYSTEM="1", GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@x", GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a@x")

    def run(*words):
        return subprocess.run(["git", *words], cwd=work, env=env, stdin=subprocess.DEVNULL, stdout=PIPE, stderr=PIPE, check=False, timeout=60)

    with open(os.path.join(work, "file"), "wb") as f:
        f.write(os.urandom(MIB))
    for words in (["init", "-q"], ["add", "file"], ["commit", "-q", "-m", "one"], ["clone", "-q", "--bare", work, repo],
                  ["--git-dir", repo, "update-server-info"]):
        run(*words)
    r = run("-c", "http.proxy=socks5h://" + proxy.address, "clone", "-q", "http://%s.coyo/repo.git" % net.nodes["b"].id, os.path.join(home, "clone"))
    check(r.returncode == 0 and coyonet.sha256(os.path.join(home, "clone", "file")) == coyonet.sha256(os.path.join(work, "file")),
          "git clones over SOCKS5 %s" % r.stderr.decode().strip())


def killed(net, proxy):
    """What is cut off never looks whole: the proxy, and then the daemon, ends in mid-transfer."""
    def begin():
        s, code = proxy.open(net.nodes["b"].id, 80)
        check(code == 0, "a transfer begins")
        s.sendall(b"GET /endless HTTP/1.1\r\nHost: b\r\n\r\n")
        read(s, MIB)
        return s

    s = begin()
    Files.ended.clear()
    check(proxy.stop() == 0, "SIGTERM in mid-transfer: status 0")
    check(ending(s) == "ConnectionResetError", "the client is told that it is not whole")
    net.wait("the server to hear it", lambda: Files.ended)
    check(True, "and the server, too")
    proxy = Proxy(net)
    s = begin()
    net.nodes["a"].kill()
    net.nodes["a"].proc.wait()
    check(ending(s) == "ConnectionResetError", "kill -9 of the daemon: the client is told")
    r = curl("-x", "http://" + proxy.address, "http://%s.coyo/s1" % net.nodes["b"].id)
    check("coyod is not running" in r.stdout, "a new client is told what is wrong: %s" % r.stdout.strip())
    net.nodes["a"].start()
    net.ready()
    r = curl("--retry", "20", "--retry-delay", "1", "--retry-all-errors", "-x", "http://" + proxy.address, "http://%s.coyo/s1" % net.nodes["b"].id)
    check("small1" in r.stdout, "once it runs again the same proxy serves")
    return proxy


def arguments(net):
    for words, said in ((["-l", "0.0.0.0:1080"], "--any-address"), (["-l", "[::]:1080"], "--any-address"), (["-l", "localhost:80"], "ADDRESS:PORT"),
                        (["-l", "127.0.0.1"], "ADDRESS:PORT"), (["--user", "alice"], "PASSWORD-FILE"), (["--user", "a:/nowhere"], "/nowhere"),
                        (["x"], "options only"), (["--no-such"], "proxy takes")):
        p = net.coyo("a", "proxy", *words, stdin=subprocess.DEVNULL, stderr=PIPE)
        text = p.stderr.read().decode()
        check(p.wait(20) == 2 and said in text, "proxy %s: %s" % (" ".join(words), text.split("\n", 1)[0]))
    with socket.create_server(("127.0.0.1", 0)) as s:
        p = net.coyo("a", "proxy", "-l", "127.0.0.1:%d" % s.getsockname()[1], stdin=subprocess.DEVNULL, stderr=PIPE)
        check(p.wait(20) == 1 and b"name another port" in p.stderr.read(), "an address in use: the remedy is named")


def many_requests(net, proxy, n):
    """Requests one after another, over as many connections: descriptors and memory stay as they were."""
    def some(k):
        for _ in range(k):
            s, code = proxy.open(net.nodes["b"].id, 80)
            assert code == 0, code
            s.sendall(b"GET /s1 HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n")
            assert read(s, 4096).endswith(b"small1")
            s.close()

    some(n // 10)
    before, began = proxy.memory(), time.monotonic()
    some(n)
    took = time.monotonic() - began
    grown = proxy.memory() - before
    # A sanitizer keeps what was freed for a while.
    check(grown < (1 << 20 if lib.sanitized() else 512) and proxy.descriptors() < 30, "after %d requests (%d/s) memory has grown by %d KiB" % (n, n / took, grown))


def idle_clients(net):
    """Clients with a stream that say nothing: as many as this process may have. Over the ordinary network, as a daemon has fewer streams."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    n, ends, server = min(10000, hard // 2 - 500), [], socket.create_server(("127.0.0.1", 0), backlog=1024)
    proxy = Proxy(net, "--direct")
    before = proxy.memory()
    for _ in range(n):
        s, code = proxy.open("127.0.0.1", server.getsockname()[1])
        if code:
            raise coyonet.NetError("stream %d is answered with %d" % (len(ends), code))
        ends.append((s, server.accept()[0]))
    used, began = proxy.ticks(), time.monotonic()
    time.sleep(3)
    share = (proxy.ticks() - used) / (time.monotonic() - began)
    check(share < 0.01, "%d idle clients: %.2f %% of a processor" % (n, 100 * share))
    each = (proxy.memory() - before) / n
    check(each < 1, "%.2f KiB each" % each)
    for s, t in ends:
        s.close()
        t.close()
    server.close()
    net.wait("all of them to be gone", lambda: proxy.descriptors() < 30)
    check(proxy.stop() == 0, "SIGTERM: status 0")


def body(net):
    if not shutil.which("curl"):
        lib.skip("Debian's package curl is not installed")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # a crowd of clients is this process's
    size, many = (100 * MIB, 200) if lib.everything() else (8 * MIB, 30)
    net.build_net(["a", "b"], [("a", "b")])
    net.start()
    net.ready()
    folder = os.path.join(net.dir, "www")
    os.mkdir(folder)
    coyonet.make_file(os.path.join(folder, "big"), size)
    for i in range(1, many + 1):
        with open(os.path.join(folder, "s%d" % i), "w", encoding="ascii") as f:
            f.write("small%d" % i)
    server = Server(net.nodes["b"], 80, folder)
    proxy = Proxy(net)
    nobody = proxy.ask(net.ghost(), 80)  # it takes seconds to be sure
    arguments(net)
    files(net, proxy, folder, size, many)
    refusals(net, proxy)
    socket_options(net, proxy)
    halves(net, proxy)
    slow_readers(net, proxy)
    half_requests(net, proxy)
    git(net, proxy)
    if lib.everything():
        many_requests(net, proxy, 100000)
        idle_clients(net)
    else:
        many_requests(net, proxy, 200)
    login(net)
    direct(net, folder)
    check(read(nobody, 12)[3] == 4, "an id that nobody has is unreachable")
    proxy = killed(net, proxy)
    check(proxy.stop() == 0, "SIGTERM: status 0")
    with contextlib.suppress(OSError):
        server.shutdown()


lib.main(body)
