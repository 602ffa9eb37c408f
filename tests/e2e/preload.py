#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Programs that nobody here wrote, unmodified between two ids, as an ordinary user: `coyo run`.

      a --- b       programs at a call those at b

With `long` more programs, and a table of which works."""
import contextlib
import errno
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time

import lib
from lib import check, coyonet

import nginxconf

PIPE = subprocess.PIPE

CLIENT = r"""
import asyncio, errno, os, select, signal, socket, sys
name, port = sys.argv[1], int(sys.argv[2])

def refused(port, err, host=name):
    # One socket that does not block and one that does, at the same time. A signal interrupts the latter, which goes on.
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    to = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4]
    with socket.socket(socket.AF_INET6) as waits, socket.socket(socket.AF_INET6) as s, select.epoll() as p:
        s.setblocking(False)
        assert s.connect_ex(to) == errno.EINPROGRESS
        p.register(s, select.EPOLLOUT | select.EPOLLET)
        assert waits.connect_ex(to) == err
        assert p.poll(20), "no event"
        assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == err
        assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0

def sockets():
    s = socket.create_connection((name, port))
    assert s.family == socket.AF_INET6 and s.getpeername()[1] == port
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    assert s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    assert s.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM
    assert s.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) == socket.AF_INET6
    t = s.dup()
    assert t.getpeername() == s.getpeername() and t.getsockname() == s.getsockname()
    pid = os.fork()
    if pid == 0:
        t.sendall(b"from a child\n")
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert s.recv(100) == b"from a child\n"
    # Who answers can be called back by the address that it shows.
    u = socket.create_connection(s.getpeername()[:2])
    u.sendall(b"x\n")
    assert u.recv(10) == b"x\n"
    # Registered with epoll before connect().
    v, p = socket.socket(socket.AF_INET6), select.epoll()
    v.setblocking(False)
    p.register(v, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
    p.poll(0)
    assert v.connect_ex(s.getpeername()) == errno.EINPROGRESS
    w = v.dup()
    events = p.poll(20)
    assert events == [(v.fileno(), select.EPOLLOUT)], events
    assert v.connect_ex(s.getpeername()) == 0 and v.connect_ex(s.getpeername()) == errno.EISCONN
    v.sendall(b"edge\n")
    while not p.poll(20)[0][1] & select.EPOLLIN:
        pass
    got = v.recv(10)
    assert got == b"edge\n", got
    # What was the same before it was connected is the same still.
    assert w.connect_ex(s.getpeername()) == 0 and w.getpeername() == v.getpeername()

def addresses():
    # TCP looks at an address only where it is to connect: of the kernel's sockets and of these alike.
    to = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)[0][4]
    l = socket.create_server(("127.0.0.1", 0))
    k, s = socket.create_connection(l.getsockname()), socket.create_connection(to[:2])
    a = l.accept()[0]
    for x, there in ((k, k.getpeername()), (s, to)):
        assert x.sendto(b"one ", there) == 4
        assert x.sendmsg([b"two ", b"three"], [], 0, there) == 9
    for x in (a, s):
        got = b""
        while len(got) < 13:
            got += x.recv(100)
        assert got == b"one two three", got
    for send in (lambda f: f.sendto(b"fast", socket.MSG_FASTOPEN, to), lambda f: f.sendmsg([b"fa", b"st"], [], socket.MSG_FASTOPEN, to)):
        with socket.socket(socket.AF_INET6) as f:
            assert send(f) == 4
            assert f.recv(100) == b"fast" and f.getpeername()[1] == port
    with socket.socket(socket.AF_INET6) as f:
        f.setblocking(False)
        try:
            f.sendto(b"later", socket.MSG_FASTOPEN, to)
            assert False
        except BlockingIOError as e:
            assert e.errno == errno.EINPROGRESS
        assert select.select([], [f], [], 20)[1] and f.send(b"later") == 5

async def many():
    async def one(i):
        r, w = await asyncio.open_connection(name, port)
        w.write(b"%d\n" % i * 1000)
        w.write_eof()
        got = await r.read()
        w.close()
        return got == b"%d\n" % i * 1000
    assert all(await asyncio.gather(*(one(i) for i in range(50))))

def names():
    assert socket.getaddrinfo("localhost", 1)[0][4][0] in ("127.0.0.1", "::1")
    assert socket.getaddrinfo("127.0.0.1", 1)[0][4][0] == "127.0.0.1"
    for host, family, want in ((name, socket.AF_INET, socket.EAI_ADDRFAMILY), ("nobody.coyo", 0, socket.EAI_NONAME)):
        try:
            socket.getaddrinfo(host, 1, family)
            assert False, host
        except socket.gaierror as e:
            assert e.errno == want, e
    assert socket.getnameinfo(socket.getaddrinfo(name, 1)[0][4], 0)[0] == name
    # Everything else is the kernel's as ever.
    l = socket.create_server(("127.0.0.1", 0))
    c = socket.create_connection(l.getsockname())
    assert c.family == socket.AF_INET and l.accept()[1] == c.getsockname()

sockets()
addresses()
asyncio.run(many())
names()
refused(port + 1, errno.ECONNREFUSED)
refused(port, errno.EHOSTUNREACH, sys.argv[3])
"""

SERVER = r"""
import asyncio, sys

async def serve(r, w):
    assert len(w.get_extra_info("peername")) == 4 and w.get_extra_info("sockname")[1] == int(sys.argv[1])
    while data := await r.read(65536):
        w.write(data)
        await w.drain()
    w.close()

async def main():
    await (await asyncio.start_server(serve, None, int(sys.argv[1]))).serve_forever()

asyncio.run(main())
"""


def host(text):
    return "%s.%s.coyo" % (text[:54], text[54:])


class Bed:
    """Where programs run: a folder that an ordinary user may write to, and that user."""

    def __init__(self, net):
        self.net, self.name = net, host(net.nodes["b"].id)
        self.dir = os.path.join(net.dir, "programs")
        os.makedirs(self.dir)
        self.user, self.groups = {}, []
        if net.user:
            os.chown(self.dir, net.user.pw_uid, net.user.pw_gid)
            self.user = {"user": net.user.pw_uid, "group": net.user.pw_gid, "extra_groups": []}
            try:
                subprocess.run([net.bin("coyo"), "--help"], stdout=subprocess.DEVNULL, check=False, **self.user)
            except PermissionError:
                lib.skip("user %s, as whom the programs run, may not enter the folder of %s" % (net.user.pw_name, net.bin("coyo")))

    def run(self, node, *words, **kw):
        kw = {"stdin": subprocess.DEVNULL, "cwd": self.dir, "start_new_session": True, **self.user, **kw}
        p = self.net.coyo(node, "run", *map(str, words), **kw)
        self.groups.append(p.pid)
        return p

    def close(self):
        """Ends whatever the programs have left: workers, children."""
        for group in self.groups:
            with contextlib.suppress(OSError):
                os.killpg(group, signal.SIGKILL)

    def serve(self, port, *words, **kw):
        p = self.run("b", "--listen", port, *words, **kw)
        self.net.wait("%s to listen" % words[-1], lambda: p.poll() is not None or any(
            r["state"] == "LISTEN" and r["local_port"] == port for r in self.net.nodes["b"].rows("connections")), every=0.02)
        if p.poll() is not None:
            raise coyonet.NetError("%s ended with status %d" % (words[0], p.returncode))
        return p

    def call(self, *words, seconds=60, **kw):
        """What a program at a prints; NetError where it fails."""
        p = self.run("a", *words, stdout=PIPE, stderr=PIPE, **kw)
        out, err = p.communicate(timeout=seconds)
        if p.returncode != 0:
            raise coyonet.NetError("%s: status %d: %s" % (words[0], p.returncode, (err or out).decode(errors="replace").strip()[-600:]))
        return out

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.path(name)


def end(p):
    p.terminate()
    p.wait(20)


MANY = r"""
import os, socket, sys
to = socket.getaddrinfo(sys.argv[1], int(sys.argv[2]), type=socket.SOCK_STREAM)[0][4]

def rss():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4

for i in range(int(sys.argv[3])):
    with socket.socket(socket.AF_INET6) as s:
        s.connect(to)
        s.sendall(b"GET /s1 HTTP/1.0\r\n\r\n")
        n = 0
        while data := s.recv(65536):
            n += len(data)
        assert n > 1000, n
    if i == int(sys.argv[3]) // 5:
        print("warm", flush=True)
        sys.stdin.readline()
        first = rss()
print(rss() - first, len(os.listdir("/proc/self/fd")))
"""


def rss_kib(pid):
    with open("/proc/%d/statm" % pid, encoding="ascii") as f:
        return int(f.read().split()[1]) * 4


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
        return [int(x) for x in f.read().split()]


def many(bed, n=10000):
    """n times connect, request, close: no side grows. Measured from when a fifth of it is done. Prefork, too: the workers of nginx accept."""
    os.makedirs(bed.path("www"), exist_ok=True)
    coyonet.make_file(bed.path("www", "s1"), 1001)
    conf = bed.write("nginx.conf", NGINX.format(dir=bed.dir, reuse="", up="127.0.0.1:9"))
    server = bed.serve(8090, "nginx", "-c", conf, "-p", bed.dir, "-e", bed.path("nginx.err"))
    daemons = [bed.net.nodes[x].proc.pid for x in "ab"]
    client = bed.run("a", "python3", bed.write("many.py", MANY), bed.name, 8090, n, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    if client.stdout.readline() != b"warm\n":
        raise coyonet.NetError("the client: %s" % client.communicate(timeout=20)[1].decode())

    def now():
        return [rss_kib(p) for p in daemons] + [sum(rss_kib(p) for p in children(server.pid))] + [len(os.listdir("/proc/%d/fd" % p)) for p in daemons]
    before, began = now(), time.monotonic()
    out, err = client.communicate(b"go\n", timeout=120)
    if client.returncode != 0:
        raise coyonet.NetError("the client: %s" % err.decode())
    took, grown = time.monotonic() - began, [int(out.split()[0])]
    bed.net.wait("descriptors of the daemons to be as before", lambda: all(a <= b for a, b in zip(now()[3:], before[3:])))
    grown += [b - a for a, b in zip(before, now())][:3]
    end(server)
    text = "%d connects, %d/s; grown since a fifth of it: client %d, daemons %d and %d, nginx %d KiB" % (n, n * 0.8 / took, *grown)
    # Of the daemons' memory a minute of connections in TIME-WAIT is part.
    if int(out.split()[1]) > 6 or (max(grown[0], grown[3], max(grown) - 4096) > 256 and not lib.sanitized()):
        raise coyonet.NetError(text)
    return text


ASK = r"""
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
s.sendall(b"ask")
assert s.recv(10) == b"ask"
"""


def restart(bed):
    """The daemon is killed and started again: servers listen again by themselves, one that waits in epoll and one that waits in accept(). The second
    time the folder of its socket goes and comes with it, as systemd does."""
    b, said = bed.net.nodes["b"], []
    folder = os.path.join(b.dir, "run")
    b.kill()
    b.proc.wait()
    os.mkdir(folder)
    b.app = os.path.join(folder, "app.sock")
    b.write_conf()
    b.start()
    bed.net.ready()
    blocking = "import socket\nl = socket.create_server(('', 7004))\nwhile True:\n    s = l.accept()[0]\n    s.sendall(s.recv(10))\n    s.close()\n"
    servers = [bed.serve(7003, "python3", bed.write("server.py", SERVER), 7003), bed.serve(7004, "python3", bed.write("blocking.py", blocking))]
    ask = bed.write("ask.py", ASK)
    for round_ in range(3):
        for port in (7003, 7004):
            bed.net.listening("b", port)
            bed.call("python3", ask, bed.name, port)
        if round_ < 2:
            b.kill()
            b.proc.wait()
            if round_ == 1:
                shutil.rmtree(folder)
            before = [ticks(p) for p in servers]
            time.sleep(1)
            said += [ticks(p) - x for p, x in zip(servers, before)]
            os.makedirs(folder, exist_ok=True)
            b.start()
            bed.net.ready()
    for p in servers:
        end(p)
    if max(said) > 20:
        raise coyonet.NetError("while there is no daemon the servers use the processor: %s hundredths of a second in one" % said)
    return "asyncio and a blocking accept() serve again after kill -9 of the daemon, and after its folder was made anew"


def ticks(p):
    with open("/proc/%d/stat" % p.pid, encoding="ascii") as f:
        w = f.read().rsplit(")", 1)[1].split()
    return int(w[11]) + int(w[12])


ROUNDS = r"""
import os, select, socket, sys
for _ in range(int(sys.argv[1])):
    with socket.socket() as l, socket.socket() as c, select.epoll() as p, socket.socket(socket.AF_INET6) as six:
        l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        l.bind(("127.0.0.1", 0))
        l.listen()
        p.register(six)
        c.connect(l.getsockname())
        s = l.accept()[0]
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 100)
        s.getpeername(), c.getsockname(), c.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        os.close(os.dup(s.fileno()))
        os.dup2(s.fileno(), 77)
        os.close(77)
        try:
            six.connect(("::1", 9))
        except OSError:
            pass
        s.close()
"""


def untouched(bed):
    """What is not ours makes the same system calls with the shim as without."""
    script, counts = bed.write("rounds.py", ROUNDS), {}
    for shim in (False, True):
        for rounds in (1, 201):
            out = bed.path("strace.%s.%d" % (shim, rounds))
            words = ["strace", "-f", "-c", "-U", "calls,name", "-o", out, "python3", script, str(rounds)]
            if shim:
                bed.call(*words)
            else:
                subprocess.run(words, cwd=bed.dir, check=True, **bed.user)
            with open(out, encoding="ascii") as f:
                counts[shim, rounds] = {w[1]: int(w[0]) for w in map(str.split, f) if len(w) == 2 and w[0].isdigit()}
    grown = [{k: counts[shim, 201][k] - counts[shim, 1].get(k, 0) for k in counts[shim, 201]} for shim in (False, True)]
    memory = ("brk", "mmap", "munmap", "total")
    differ = {k: (grown[0].get(k, 0), grown[1].get(k, 0)) for k in set(grown[0]) | set(grown[1]) if k not in memory and grown[0].get(k, 0) != grown[1].get(k, 0)}
    if differ:
        raise coyonet.NetError("system calls of 200 rounds without and with the shim: %s" % differ)
    return "%d system calls of 200 rounds, the same without and with the shim" % sum(v for k, v in grown[1].items() if k not in memory)


def missing(program, package):
    """A sentence where the program is not here, else None."""
    return None if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin") else "%s is missing: as root, apt-get install %s" % (program, package)


def python(bed, ghost):
    server = bed.serve(7001, "python3", bed.write("server.py", SERVER), 7001)
    bed.call("python3", bed.write("client.py", CLIENT), bed.name, 7001, host(ghost))
    end(server)
    check(True, "python: sockets, epoll edge-triggered and before connect(), fork, dup, asyncio, names, refusals with the kernel's errno")


LISTENER = r"""
import ctypes, errno, socket, sys, threading, time
l = socket.socket()
l.bind(("", int(sys.argv[1])))
assert ctypes.CDLL(None).listen(l.fileno(), -1) == 0  # as many as may be
l.shutdown(socket.SHUT_WR)  # nothing to TCP
sys.stdin.readline()
for _ in range(8):
    l.accept()
threading.Thread(target=lambda: (sys.stdin.readline(), time.sleep(0.1), l.shutdown(socket.SHUT_RDWR))).start()
print("took them", flush=True)
for _ in range(2):
    try:
        l.accept()
        assert False
    except OSError as e:
        assert e.errno == errno.EINVAL, e
"""

CROWD = r"""
import socket, sys
crowd = [socket.create_connection((sys.argv[1], int(sys.argv[2])), 20) for _ in range(8)]
"""


def listener(bed):
    """Backlogs as in Linux, and a server that ends the thread which waits in accept() by shutdown() of its listener."""
    server = bed.serve(7005, "python3", bed.write("listener.py", LISTENER), 7005, stdin=PIPE, stdout=PIPE)
    bed.call("python3", bed.write("crowd.py", CROWD), bed.name, 7005)
    server.stdin.write(b"go\n")
    server.stdin.flush()
    check(server.stdout.readline() == b"took them\n", "listen() with -1 takes a crowd")
    server.communicate(b"end\n", timeout=20)
    check(server.returncode == 0, "shutdown() of a listener ends an accept() that waits, and the next ones")


HANDED = r"""
import ctypes, fcntl, os, socket, sys
port, how = int(sys.argv[1]), sys.argv[2]
if len(sys.argv) == 4:
    l = socket.socket(fileno=int(sys.argv[3]))
    assert l.getsockname() == ("::", port, 0, 0), l.getsockname()
    s = l.accept()[0]
    s.sendall(s.recv(10))
    sys.exit()
l = socket.socket(socket.AF_INET6)
l.bind(("::", port))
l.listen()
if how == "close_range":
    assert ctypes.CDLL(None).close_range(3, ctypes.c_uint(-1), 4) == 0
else:
    for fd in range(3, 1024):
        try:
            fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        except OSError:
            pass
fcntl.fcntl(l, fcntl.F_SETFD, 0)
os.execv(sys.executable, [sys.executable, *sys.argv, str(l.fileno())])
"""


def handed(bed):
    """A server that starts itself anew keeps nothing but its listener, and knows it by the address that bind() was given, as haproxy and nginx do."""
    for port, how in ((7006, "fcntl"), (7007, "close_range")):
        server = bed.serve(port, "python3", bed.write("handed.py", HANDED), port, how, stderr=PIPE)
        bed.call("python3", bed.write("ask.py", ASK), bed.name, port)
        said = server.communicate(timeout=20)[1].decode()
        check(server.returncode == 0, "a listener goes on in the program that follows by exec(), after %s %s" % (how, said[-300:]))


def curl(bed):
    text = missing("curl", "curl")
    if text:
        print("skipped: " + text)
        return
    os.makedirs(bed.path("www"))
    digest = coyonet.make_file(bed.path("www", "file"), 20 << 20)
    server = bed.serve(8080, "python3", "-m", "http.server", "8080", "--directory", bed.path("www"), stdout=PIPE, stderr=PIPE)
    bed.call("curl", "-sS", "-o", bed.path("got"), "http://%s:8080/file" % bed.name)
    check(coyonet.sha256(bed.path("got")) == digest, "curl gets 20 MiB from python's http.server")
    end(server)


def sigpipe(bed):
    """SIGPIPE is to the program what it was to `coyo run`."""
    for ignored in (False, True):
        mask = bed.call("grep", "SigIgn", "/proc/self/status", restore_signals=not ignored).split()[1]
        check(bool(int(mask, 16) >> (signal.SIGPIPE - 1) & 1) == ignored, "SIGPIPE is %s" % ("ignored as before" if ignored else "what it was"))


def refusals(bed):
    """What cannot work is said in one sentence before anything starts."""
    for words, status, text in ((["nonesuch"], 1, "no program nonesuch"), (["--listen", "0", "sh"], 2, "--listen takes ports"),
                                (["--prefix", "zz", "sh"], 2, "--prefix takes"), ([], 2, "run takes"), (["-s", "/nonexistent", "sh"], 3, "coyod is not running")):
        p = bed.run("a", *words, stderr=PIPE)
        said = p.communicate(timeout=20)[1].decode()
        check(p.returncode == status and text in said, "coyo run %s: %s" % (" ".join(words), said.split("\n", maxsplit=1)[0]))
    setuid = [f for f in ("/bin/su", "/usr/bin/passwd") if os.path.exists(f) and os.stat(f).st_mode & 0o4000]
    if setuid and (bed.user or os.geteuid() != 0):
        p = bed.run("a", setuid[0], stderr=PIPE)
        said = p.communicate(timeout=20)[1].decode()
        check(p.returncode == 1 and "setuid" in said, said.strip())
    bed.write("s.c", "int main(void) { return 0; }\n")
    if shutil.which("cc") and subprocess.run(["cc", "-static", "-o", bed.path("static"), bed.path("s.c")], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        p = bed.run("a", bed.path("static"), stderr=PIPE)
        said = p.communicate(timeout=20)[1].decode()
        check(p.returncode == 1 and "statically" in said, said.strip().replace(bed.dir + "/", ""))


NGINX = nginxconf.template("""    listen 8090{reuse}; listen [::]:8090{reuse} ipv6only=on;
    location /who {{ return 200 "$remote_addr $server_addr $server_port"; }}
    location /proxied/ {{ proxy_pass http://{up}/; }}
""")


def nginx(bed):
    """Master and workers, both families at one port, sendfile, reload under load, one file of 100 MiB and many small ones."""
    os.makedirs(bed.path("www"), exist_ok=True)
    digest = coyonet.make_file(bed.path("www", "big"), 100 << 20)
    for i in range(200):
        coyonet.make_file(bed.path("www", "s%d" % i), 1000 + i)
    conf = bed.write("nginx.conf", NGINX.format(dir=bed.dir, reuse="", up="127.0.0.1:9"))
    server = bed.serve(8090, "nginx", "-c", conf, "-p", bed.dir, "-e", bed.path("nginx.err"))
    url = "http://%s:8090/" % bed.name
    bed.call("curl", "-sS", "-o", bed.path("got"), url + "big")
    if coyonet.sha256(bed.path("got")) != digest:
        raise coyonet.NetError("100 MiB arrived damaged")
    for words in ([], ["-H", "Connection: close"]):
        bed.call("curl", "-sSf", *words, "-o", bed.path("small#1"), url + "s[0-199]")
        for i in range(200):
            if coyonet.sha256(bed.path("small%d" % i)) != coyonet.sha256(bed.path("www", "s%d" % i)):
                raise coyonet.NetError("small file %d arrived damaged" % i)
    who = bed.call("curl", "-sS", url + "who").decode().split()
    if not who[0].startswith("fd") or who[2] != "8090":
        raise coyonet.NetError("nginx sees %s" % who)
    reloaded(bed, server, conf, url)
    end(server)
    return "100 MiB, 400 small files, reload under load"


def reloaded(bed, server, conf, url):
    """No request fails while the workers are replaced; with reuseport, too."""
    load = bed.run("a", "ab", "-q", "-n", "4000", "-c", "8", url + "s1", stdout=PIPE, stderr=PIPE)
    for reuse in ("", "", " reuseport"):
        time.sleep(0.3)
        bed.write("nginx.conf", NGINX.format(dir=bed.dir, reuse=reuse, up="127.0.0.1:9"))
        server.send_signal(signal.SIGHUP)
    out, err = load.communicate(timeout=60)
    if load.returncode != 0 or b"Failed requests:        0" not in out:
        raise coyonet.NetError("ab under reload: %s %s" % (out.decode()[-800:], err.decode()))
    bed.call("curl", "-sSf", "-o", bed.path("got"), url + "s1")


def iperf3(bed):
    server = bed.serve(5201, "iperf3", "-s", stdout=PIPE, stderr=subprocess.STDOUT)
    said = []
    for words in ([], ["-R"], ["-P", "4"], ["-C", "cubic", "-w", "200K", "-N"]):
        out = json.loads(bed.call("iperf3", "-J", "-c", bed.name, "-t", "1", *words))
        said.append("%.2f" % (out["end"]["sum_received"]["bits_per_second"] / 1e9))
    end(server)
    return "%s Gbit/s (forth, back, 4 streams, -w -N)" % ", ".join(said)


def redis(bed, n=2000):
    server = bed.serve(6379, "redis-server", "--port", "6379", "--bind", "*", "-::*", "--protected-mode", "no", "--save", "", "--dir", bed.dir, stdout=PIPE)
    got = bed.call("redis-cli", "-h", bed.name, "set", "k", "v").decode().strip(), bed.call("redis-cli", "-h", bed.name, "get", "k").decode().strip()
    if got != ("OK", "v"):
        raise coyonet.NetError("redis-cli: %s" % (got,))
    out = bed.call("redis-benchmark", "-h", bed.name, "-n", str(n), "-P", "16", "-t", "set,get", "--csv").decode()
    rates = [line.split(",")[1].strip('"') for line in out.splitlines() if line.startswith(('"SET"', '"GET"'))]
    end(server)
    if len(rates) != 2:
        raise coyonet.NetError("redis-benchmark: %s" % out)
    return "SET and GET, 16 in flight: %s/s" % ", ".join(rates)


def rsync(bed):
    os.makedirs(bed.path("tree", "sub"), exist_ok=True)
    digest = coyonet.make_file(bed.path("tree", "sub", "f"), 8 << 20)
    conf = bed.write("rsyncd.conf", "use chroot = no\nport = 8730\n[m]\npath = %s\n" % bed.path("tree"))
    server = bed.serve(8730, "rsync", "--daemon", "--no-detach", "--config", conf)
    bed.call("rsync", "-a", "rsync://%s:8730/m/" % bed.name, bed.path("copy"))
    end(server)
    if coyonet.sha256(bed.path("copy", "sub", "f")) != digest:
        raise coyonet.NetError("the copy differs")
    return "a tree of 8 MiB from its daemon"


def git(bed):
    env = dict(os.environ, HOME=bed.dir, GIT_CONFIG_NOSYSTEM="1")
    script = "git init -q r && cd r && head -c 3000000 /dev/urandom >f && git add f && git -c user.name=x -c user.email=x@y commit -qm one && touch .git/git-daemon-export-ok"
    subprocess.run(["sh", "-c", script], cwd=bed.dir, env=env, check=True, **bed.user)
    server = bed.serve(9418, "git", "daemon", "--base-path=" + bed.dir, "--reuseaddr", stdout=PIPE, stderr=PIPE)
    bed.call("git", "clone", "-q", "git://%s/r" % bed.name, bed.path("clone"))
    end(server)
    if coyonet.sha256(bed.path("clone", "f")) != coyonet.sha256(bed.path("r", "f")):
        raise coyonet.NetError("the clone differs")
    return "a clone of 3 MB from git daemon"


def ssh(bed):
    """sshd as the test's own user: it takes no other's logins. As root it wants its folder below /run, and gets a /run of its own."""
    keys = bed.path("host"), bed.path("user")
    for key in keys:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    shutil.copy(bed.path("user.pub"), bed.path("authorized"))
    me = pwd.getpwuid(os.getuid()).pw_name
    sshd = [shutil.which("sshd", path="/usr/sbin:/usr/local/sbin"), "-D", "-e", "-f", "/dev/null", "-p", "2222", "-h", keys[0], "-o", "StrictModes=no",
            "-o", "AuthorizedKeysFile=" + bed.path("authorized"), "-o", "PidFile=none", "-o", "UsePAM=no", "-o", "PermitRootLogin=yes",
            "-o", "Subsystem=sftp internal-sftp"]
    own_run = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs t /run && mkdir /run/sshd && exec "$@"', "sh"] if os.geteuid() == 0 else []
    plain = {"user": None, "group": None, "extra_groups": None}
    with open(bed.path("sshd.log"), "wb") as log:
        server = bed.serve(2222, *own_run, *sshd, stderr=log, **plain)
    options = ["-F", "none", "-i", keys[1], "-o", "UserKnownHostsFile=" + bed.path("known"), "-o", "StrictHostKeyChecking=accept-new", "-o", "BatchMode=yes"]
    try:
        said = bed.call("ssh", *options, "-p", "2222", me + "@" + bed.name, "echo $SSH_CONNECTION; cat", stdin=subprocess.DEVNULL, **plain).decode().split()
        if len(said) != 4 or not said[0].startswith("fd") or said[3] != "2222":
            raise coyonet.NetError("sshd says SSH_CONNECTION=%s" % said)
        digest = coyonet.make_file(bed.path("scp"), 20 << 20)
        bed.call("scp", *options, "-P", "2222", bed.path("scp"), "%s@%s:%s" % (me, bed.name, bed.path("scp2")), **plain)
        if coyonet.sha256(bed.path("scp2")) != digest:
            raise coyonet.NetError("the copy differs")
    except coyonet.NetError as e:
        with open(bed.path("sshd.log"), encoding="utf-8", errors="replace") as log:
            raise coyonet.NetError("%s; sshd: %s" % (e, log.read()[-600:])) from e
    finally:
        end(server)
    return "a command, and 20 MiB by scp"


PROGRAMS = (
    (nginx, (("nginx", "nginx-light"), ("curl", "curl"), ("ab", "apache2-utils"))),
    (iperf3, (("iperf3", "iperf3"),)),
    (redis, (("redis-server", "redis-server"), ("redis-benchmark", "redis-tools"))),
    (ssh, (("sshd", "openssh-server"), ("ssh", "openssh-client"), ("unshare", "util-linux"))),
    (rsync, (("rsync", "rsync"),)),
    (git, (("git", "git"),)),
    (restart, ()),
    (many, (("nginx", "nginx-light"),)),
    (untouched, (("strace", "strace"),)),
)


def table(bed):
    failed = []
    print("%-9s %-8s %s" % ("program", "works", "with what, or why not"))
    wanted = sys.argv[3:]  # by hand: NAME.py BUILDDIR long nginx
    for f, needs in [row for row in PROGRAMS if not wanted or row[0].__name__ in wanted]:
        absent = [t for t in (missing(*n) for n in needs) if t]
        works = "no"
        if absent:
            works, text = "skipped", absent[0]
        else:
            try:
                works, text = "yes", f(bed)
            except (coyonet.NetError, OSError, subprocess.SubprocessError, ValueError) as e:
                text = "%s: %s" % (type(e).__name__, e)
                failed.append(f.__name__)
        print("%-9s %-8s %s" % (f.__name__, works, text), flush=True)
    check(not failed, "every program that is here works%s" % (": not " + ", ".join(failed) if failed else ""))


SHARED = r"""
import os, socket, sys
l = socket.socket(socket.AF_INET6)
l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(sys.argv[2]))
l.bind(("::", int(sys.argv[1])))
try:
    l.listen()
except OSError as e:
    sys.exit("listen: %d" % e.errno)
print("listens", flush=True)
while True:
    s = l.accept()[0]
    s.sendall(b"%d" % os.getpid())
    s.close()
"""

ASK_WHO = r"""
import socket, sys
for _ in range(int(sys.argv[3])):
    print(socket.create_connection((sys.argv[1], int(sys.argv[2]))).recv(20).decode())
"""


def shared(bed):
    """Processes that each listen on one port with SO_REUSEPORT have its streams in turn; another one has not."""
    path, ask = bed.write("shared.py", SHARED), bed.write("ask_who.py", ASK_WHO)
    servers = [bed.run("b", "--listen", 7008, "python3", path, 7008, 1, stdout=PIPE) for _ in range(2)]
    for s in servers:
        check(s.stdout.readline() == b"listens\n", "a process listens with SO_REUSEPORT")
    other = bed.run("b", "--listen", 7008, "python3", path, 7008, 0, stdout=PIPE, stderr=PIPE)
    check(other.communicate(timeout=20)[1].decode().strip() == "listen: %d" % errno.EADDRINUSE, "one without it is refused")
    who = bed.call("python3", ask, bed.name, 7008, 8).split()
    check(sorted(who.count(w) for w in set(who)) == [4, 4], "two of one user share the port, each in turn")
    end(servers[0])
    left = bed.call("python3", ask, bed.name, 7008, 4).split()
    check(len(set(left)) == 1 and left[0] in who, "when one ends the other has all")
    end(servers[1])


def body(net):
    net.build_net(["a", "b"], [("a", "b")])
    net.start()
    net.ready()
    bed = Bed(net)
    try:
        programs(net, bed)
    finally:
        bed.close()


def programs(net, bed):
    if lib.everything():
        table(bed)
        return
    curl(bed)
    refusals(bed)
    sigpipe(bed)
    python(bed, net.ghost())
    listener(bed)
    handed(bed)
    shared(bed)
    text = missing("redis-server", "redis-server") or missing("redis-benchmark", "redis-tools")
    if text:
        print("skipped: " + text)
    else:
        check(True, "redis: " + redis(bed))


lib.main(body)
