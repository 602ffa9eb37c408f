#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""libcoyo from Python, and its examples in Python, Go and Rust, between two daemons: languages.py BUILDDIR [long]

      a --- b
"""
import asyncio
import errno
import io
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

import lib
from lib import check, coyonet

PYTHON = os.path.join(coyonet.ROOT, "common/libcoyo/python")
EXAMPLES = os.path.join(coyonet.ROOT, "common/libcoyo/examples")
PIPE = subprocess.PIPE
MIB = 1 << 20


class Sockets(unittest.TestCase):
    """In a process of its own, COYO_SOCKET being the daemon's: both ends of each stream are sockets of this node, whose id is what is dialled."""

    def pair(self, **options):
        with coyo.create_server(0) as listener:
            me, port = listener.getsockname()
            self.assertEqual(me, coyo.local_id())
            client = coyo.create_connection((me, port), **options)
            server, peer = listener.accept()
        self.assertEqual(peer, client.getsockname())
        self.assertEqual(client.getpeername(), (me, port))
        self.addCleanup(client.close)
        self.addCleanup(server.close)
        return client, server

    def test_ids_are_text(self):
        me = coyo.local_id()
        self.assertEqual(len(me), 108)
        self.assertEqual(coyo.format_id(coyo.resolve(me)), me)
        with self.assertRaises(OSError) as e:
            coyo.resolve("nobody.coyo")
        self.assertIn("nobody", str(e.exception))
        with self.assertRaises(ValueError):
            coyo.format_id(b"short")

    def test_bytes_of_every_kind(self):
        client, server = self.pair()
        whole = os.urandom(100000)
        for data in (whole, bytearray(whole), memoryview(whole), memoryview(bytearray(whole))):
            client.sendall(data)
            room, got = bytearray(1 << 20), 0
            while got < len(whole):
                with memoryview(room) as view:
                    got += server.recv_into(view[got:])
            self.assertEqual(bytes(room[:got]), whole)
        self.assertEqual(client.send(b""), 0)
        client.sendall(b"peek")
        self.assertEqual(server.recv(10, socket.MSG_PEEK), server.recv(10))

    def test_both_ways_at_once_whole(self):
        client, server = self.pair()
        data = os.urandom(4 * MIB)
        threads = [threading.Thread(target=s.sendall, args=(data,)) for s in (client, server)]
        for t in threads:
            t.start()
        for s in (client, server):
            got = io.BytesIO()
            while got.tell() < len(data):
                got.write(s.recv(MIB))
            self.assertEqual(got.getvalue(), data)
        for t in threads:
            t.join(20)

    def test_files(self):
        client, server = self.pair()
        with client, client.makefile("rw", encoding="utf-8", newline="\n") as c:
            c.write("a line\nanother\n")
            c.flush()
            client.shutdown(socket.SHUT_WR)
            with server.makefile("rb") as s:
                self.assertEqual(s.readlines(), [b"a line\n", b"another\n"])
            server.sendfile(io.BytesIO(b"0123456789"), 2, 5)
            server.close()
            self.assertEqual(c.read(), "23456")

    def test_a_file_outlives_its_socket(self):
        client, server = self.pair()
        f = client.makefile("rb")
        client.close()
        server.sendall(b"x")
        self.assertEqual(f.read(1), b"x")
        f.close()
        self.assertEqual(client.fileno(), -1)

    def test_time_limits(self):
        client, server = self.pair(timeout=60)
        self.assertEqual(client.gettimeout(), 60)
        client.settimeout(0.1)
        began = time.monotonic()
        with self.assertRaises(TimeoutError):
            client.recv(1)
        self.assertGreaterEqual(time.monotonic() - began, 0.1)
        with self.assertRaises(TimeoutError):
            client.sendall(bytes(64 * MIB))
        client.setblocking(False)
        with self.assertRaises(BlockingIOError):
            client.recv(1)
        server.settimeout(0)
        self.assertFalse(server.getblocking())
        with coyo.create_server(0) as listener:
            listener.settimeout(0.05)
            with self.assertRaises(TimeoutError):
                listener.accept()

    def test_a_signal_runs_its_handler_and_the_call_goes_on(self):
        client, server = self.pair()
        seen = []
        signal.signal(signal.SIGALRM, lambda *_: seen.append(server.sendall(b"y")))
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        self.assertEqual(client.recv(1), b"y")
        self.assertEqual(len(seen), 1)

    def test_errors_are_those_of_sockets(self):
        with self.assertRaises(ConnectionRefusedError):
            coyo.create_connection((coyo.local_id(), 9))
        with coyo.Socket() as s:
            self.assertEqual(s.connect_ex((coyo.local_id(), 9)), errno.ECONNREFUSED)
            s.settimeout(60)
            self.assertEqual(s.connect_ex((coyo.local_id(), 9)), errno.ECONNREFUSED)
        with self.assertRaises(OSError) as e:
            s.send(b"x")
        self.assertEqual(e.exception.errno, errno.EBADF)
        with coyo.create_server(0) as listener, self.assertRaises(OSError) as e:
            coyo.create_server(listener.getsockname()[1])
        self.assertEqual(e.exception.errno, errno.EADDRINUSE)

    def test_options_and_poll(self):
        client, server = self.pair()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.assertEqual(client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), 1)
        self.assertEqual(client.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE), socket.SOCK_STREAM)
        self.assertEqual(coyo.poll({client: select.POLLIN}, 0.01), {})
        server.sendall(b"x")
        self.assertEqual(coyo.poll({client: select.POLLIN, server: select.POLLIN}, 10), {client: select.POLLIN})
        r, w = os.pipe()
        os.write(w, b"x")
        self.assertIn(r, coyo.poll({r: select.POLLIN, server: select.POLLIN}, 10))
        os.close(r)
        os.close(w)


class Asyncio(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.server = await coyo.start_server(self.echo, 0)
        self.me, self.port = self.server.getsockname()

    async def asyncTearDown(self):
        self.server.close()

    @staticmethod
    async def echo(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def ask(self, data):
        reader, writer = await coyo.open_connection(self.me, self.port)

        async def send():
            writer.write(data)
            await writer.drain()
            writer.write_eof()
        sending = asyncio.ensure_future(send())
        got = await reader.read()
        await sending
        writer.close()
        await writer.wait_closed()
        return got

    async def test_many_at_once(self):
        for got in await asyncio.gather(*(self.ask(b"%d\n" % i * 1000) for i in range(50))):
            self.assertEqual(len(set(got.split())), 1)

    async def test_large_and_whole(self):
        data = os.urandom(4 * MIB)
        self.assertEqual(await self.ask(data), data)

    async def test_names_and_ends(self):
        reader, writer = await coyo.open_connection(self.me, self.port)
        self.assertEqual(writer.get_extra_info("peername"), (self.me, self.port))
        self.assertEqual(writer.get_extra_info("sockname")[0], self.me)
        writer.write(b"one line\n")
        self.assertEqual(await reader.readline(), b"one line\n")
        writer.transport.abort()
        with self.assertRaises(OSError):
            await coyo.open_connection(self.me, 9)

    async def test_a_reader_that_waits_is_given_up(self):
        reader, writer = await coyo.open_connection(self.me, self.port)
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.05)
        writer.write(b"x")
        self.assertEqual(await reader.read(1), b"x")
        writer.close()

    async def test_a_writer_waits_for_its_reader(self):
        stop = asyncio.Event()

        async def slow(reader, writer):
            await stop.wait()
            self.assertEqual(len(await reader.read()), 0)
            writer.close()

        async def deaf(_, writer):
            await stop.wait()
            writer.close()
        async with await coyo.start_server(deaf, 0) as s:
            _, writer = await coyo.open_connection(*s.getsockname())
            writer.write(bytes(64 * MIB))
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(writer.drain(), 0.2)
            stop.set()
            writer.transport.abort()

    async def test_idle_streams_cost_nothing(self):
        """The library is asked about what is ready, however many others wait: so many calls for each round trip, and no row of a table with each."""
        idle = [await coyo.open_connection(self.me, self.port) for _ in range(150)]
        reader, writer = await coyo.open_connection(self.me, self.port)
        calls, rows, told = 0, 0, 0
        real = coyo.streams.call

        def counted(name, *args):
            nonlocal calls, rows, told
            r = real(name, *args)
            calls += 1
            rows += args[1] if name == "watch" else 0
            told += r if name == "epoll_wait" else 0
            return r
        await asyncio.sleep(0.2)
        coyo.streams.call = counted
        try:
            for _ in range(50):
                writer.write(b"x")
                self.assertEqual(await reader.readexactly(1), b"x")
        finally:
            coyo.streams.call = real
        self.assertEqual(rows, 0)
        self.assertLess(calls, 50 * 30)
        self.assertLess(told, 50 * 10)
        for _, w in idle + [(reader, writer)]:
            w.close()

    async def test_an_idle_loop_sleeps(self):
        _, writer = await coyo.open_connection(self.me, self.port)
        await asyncio.sleep(0.1)
        before = time.process_time()
        await asyncio.sleep(0.5)
        self.assertLess(time.process_time() - before, 0.1)
        writer.close()


def environment(net, node):
    return dict(os.environ, COYO_SOCKET=net.nodes[node].app, PYTHONPATH=PYTHON, PYTHONDONTWRITEBYTECODE="1",
                LD_LIBRARY_PATH=os.path.join(net.build, "common/libcoyo"))


def module(net):
    """The unit tests above, in a process that has the library."""
    r = subprocess.run([sys.executable, os.path.abspath(__file__), net.build, "unittest"], env=environment(net, "a"), stdout=PIPE, stderr=subprocess.STDOUT,
                       text=True, timeout=120, check=False)
    if r.returncode:
        raise coyonet.NetError(r.stdout[-4000:])
    check("OK" in r.stdout.split(), "the module: %s" % r.stdout.strip().split("\n")[-3])


def echoes(net, name, *command):
    """An example at b serves one at a."""
    port, text = {"py": 7001, "go": 7002, "rs": 7003}[name], "hello from " + name
    server = subprocess.Popen([*command, str(port)], env=environment(net, "b"), stdout=PIPE, stderr=PIPE, text=True, preexec_fn=net.born())
    net.programs.append(server)
    net.listening("b", port)
    for _ in range(2):
        r = subprocess.run([*command, net.nodes["b"].id, str(port), text], env=environment(net, "a"), stdout=PIPE, stderr=PIPE, text=True, timeout=60,
                           check=False)
        if r.stdout != text + "\n" or r.returncode:
            raise coyonet.NetError("echo.%s: %s%s" % (name, r.stdout, r.stderr))
    server.kill()
    server.wait()
    check(len(server.stdout.read().splitlines()) <= 10, "echo.%s serves and asks" % name)
    server.stdout.close()
    server.stderr.close()


def short():
    for name in os.listdir(EXAMPLES):
        if name.startswith("echo") or name.endswith(".c"):
            with open(os.path.join(EXAMPLES, name), encoding="utf-8") as f:
                n = len(f.readlines())
            check(n < 60, "%s has %d lines, fewer than 60" % (name, n))


def compiled(net):
    """Go and Rust, where their compilers are: what is built is that of the sources, with the library of the build."""
    at, out = os.path.join(net.build, "common/libcoyo"), os.path.join(net.dir, "built")
    os.makedirs(out)
    os.symlink(os.path.join(at, "libcoyo.so.0"), os.path.join(out, "libcoyo.so"))
    with open(os.path.join(out, "libcoyo.pc"), "w", encoding="ascii") as f:
        f.write("Name: libcoyo\nDescription: of the build\nVersion: 0\nCflags: -I%s\nLibs: -L%s -lcoyo\n" % (os.path.join(coyonet.ROOT, "common/libcoyo"), out))
    env = dict(os.environ, PKG_CONFIG_PATH=out, GOCACHE=os.path.join(out, "cache"), GOFLAGS="-mod=mod", GO111MODULE="off", HOME=net.dir)
    for name, compiler, package, words in (("go", "go", "golang-go", ["build", "-o", os.path.join(out, "go")]),
                                           ("rs", "rustc", "rustc", ["-O", "-L", out, "-lcoyo", "-o", os.path.join(out, "rs")])):
        found = shutil.which(compiler)
        if not found:
            print("skipped: echo.%s: as root, apt-get install %s" % (name, package))
            continue
        if name == "rs":
            env["HOME"] = os.environ.get("HOME", "/")  # rustup's rustc asks which toolchain is this user's
        r = subprocess.run([found, *words, os.path.join(EXAMPLES, "echo." + name)], env=env, stdout=PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
                           check=False)
        if r.returncode:
            raise coyonet.NetError("%s: %s" % (compiler, r.stdout[-2000:]))
        echoes(net, name, os.path.join(out, name))


def body(net):
    net.build_net("ab", ["ab"])
    net.start()
    net.ready()
    short()
    module(net)
    echoes(net, "py", sys.executable, os.path.join(EXAMPLES, "echo.py"))
    if lib.everything():
        compiled(net)


if sys.argv[2:3] == ["unittest"]:
    import coyo
    unittest.main(argv=sys.argv[:1])
elif lib.sanitized():
    lib.skip("Python cannot load a library that is sanitized")
else:
    lib.main(body)
