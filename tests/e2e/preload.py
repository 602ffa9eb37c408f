#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Programs that nobody here wrote, unmodified between two ids, as an ordinary user: `coyo run`.

      a --- b       programs at a call those at b

With `long` more programs, and a table of which works."""
import os
import shutil
import subprocess

import lib
from lib import check, coyonet

PIPE = subprocess.PIPE

CLIENT = r"""
import asyncio, errno, os, select, socket, sys
name, port = sys.argv[1], int(sys.argv[2])

def refused(port, err, host=name):
    for blocks in (True, False):
        s = socket.socket(socket.AF_INET6)
        s.setblocking(blocks)
        to = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4]
        got = s.connect_ex(to)
        if not blocks:
            assert got == errno.EINPROGRESS, got
            p = select.epoll()
            p.register(s, select.EPOLLOUT | select.EPOLLET)
            assert p.poll(20), "no event"
            got = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        assert got == err, (blocks, errno.errorcode.get(got))
        s.close()

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
    events = p.poll(20)
    assert events == [(v.fileno(), select.EPOLLOUT)], events
    assert v.connect_ex(s.getpeername()) == 0 and v.connect_ex(s.getpeername()) == errno.EISCONN
    v.sendall(b"edge\n")
    while not p.poll(20)[0][1] & select.EPOLLIN:
        pass
    got = v.recv(10)
    assert got == b"edge\n", got

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
        self.user = {}
        if net.user:
            os.chown(self.dir, net.user.pw_uid, net.user.pw_gid)
            self.user = {"user": net.user.pw_uid, "group": net.user.pw_gid, "extra_groups": []}

    def run(self, node, *words, **kw):
        kw = {"stdin": subprocess.DEVNULL, "cwd": self.dir, **self.user, **kw}
        return self.net.coyo(node, "run", *map(str, words), **kw)

    def serve(self, port, *words, **kw):
        p = self.run("b", "--listen", port, *words, **kw)
        self.net.wait("%s to listen" % words[0], lambda: p.poll() is not None or any(
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


def missing(program, package):
    """A sentence where the program is not here, else None."""
    return None if shutil.which(program) else "%s is missing: as root, apt-get install %s" % (program, package)


def python(bed, ghost):
    server = bed.serve(7001, "python3", bed.write("server.py", SERVER), 7001)
    bed.call("python3", bed.write("client.py", CLIENT), bed.name, 7001, host(ghost))
    end(server)
    check(True, "python: sockets, epoll edge-triggered and before connect(), fork, dup, asyncio, names, refusals with the kernel's errno")


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


def body(net):
    net.build_net(["a", "b"], [("a", "b")])
    net.start()
    net.ready()
    bed = Bed(net)
    curl(bed)
    refusals(bed)
    python(bed, net.ghost())


lib.main(body)
