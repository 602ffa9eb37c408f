# SPDX-License-Identifier: BSD-3-Clause
"""asyncio's streams: open_connection() and start_server() as asyncio has them, over transports that wait by coyo_fd()."""
import asyncio
import ctypes
import errno
import os
import select
import socket
import weakref

from coyo.library import EpollEvent, call, resolve
from coyo.sockets import Socket, create_server

READ = 1 << 18
HIGH, LOW = 1 << 16, 1 << 14
MOST = 64  # sockets told of at once
CTL_ADD, CTL_DEL, CTL_MOD = 1, 2, 3


class _Waiter:
    """What sockets of one loop wait for, in an epoll set of the library's: what it costs to ask is what is ready. One descriptor of the library stands
    in the loop for all of them, so a process has one such loop at a time."""

    def __init__(self, loop):
        self.loop, self.wanted, self.asked, self.fd, self.set, self.found = loop, {}, False, None, None, (EpollEvent * MOST)()

    def want(self, handle, events, ready):
        """ready(events) is called whenever one of them is there, until want() is called with none."""
        if self.fd is None:
            self.fd, self.set = call("fd"), call("epoll_create1", 0)
            self.loop.add_reader(self.fd, self._look)
        if events:
            op = CTL_MOD if handle in self.wanted else CTL_ADD
            call("epoll_ctl", self.set, op, handle, ctypes.byref(EpollEvent(events, handle)))
            self.wanted[handle] = ready
        elif self.wanted.pop(handle, None):
            try:
                call("epoll_ctl", self.set, CTL_DEL, handle, None)
            except OSError:
                pass  # one that is closed has left the set by itself
        if not self.wanted:
            self.loop.remove_reader(self.fd)
            call("close", self.set)
            self.fd = self.set = None
        elif not self.asked:
            self._ask_soon()

    def _ask_soon(self):
        self.asked = True
        self.loop.call_soon(self._look_again)

    def _look_again(self):
        self.asked = False
        self._look()

    def _ready(self):
        return call("epoll_wait", self.set, self.found, MOST, 0)

    def _look(self):
        """Asks which are ready. Only where none is, the descriptor is to tell of the next; what came before it was told so is seen by asking once more."""
        if not self.wanted:
            return
        n = self._ready()
        if n == 0:
            call("watch", None, 0)
            n = self._ready()
        for events, handle, ready in [(e.events, e.handle, self.wanted.get(e.handle)) for e in self.found[:n]]:
            if ready and self.wanted.get(handle) is ready:
                ready(events)
        if n and self.wanted and not self.asked:
            self._ask_soon()


_waiters = weakref.WeakKeyDictionary()


def _waiter(loop):
    if loop not in _waiters:
        _waiters[loop] = _Waiter(loop)
    return _waiters[loop]


class Transport(asyncio.Transport):
    """A connected socket for a protocol of asyncio's."""

    def __init__(self, loop, sock, protocol):
        super().__init__({"socket": sock, "sockname": sock.getsockname(), "peername": sock.getpeername()})
        self._loop, self._sock, self._protocol = loop, sock, protocol
        self._waiter, self._handle, self._events = _waiter(loop), sock.fileno(), 0
        self._buffer, self._high, self._low = bytearray(), HIGH, LOW
        self._reads, self._paused, self._full, self._eof, self._closing = True, False, False, False, False
        sock.setblocking(False)
        loop.call_soon(self._begin)

    def _begin(self):
        self._protocol.connection_made(self)
        self._wait()

    def _wait(self):
        events = (select.POLLIN if self._reads and not self._paused and not self._closing else 0) | (select.POLLOUT if self._buffer else 0)
        if events != self._events and self._sock:
            self._events = events
            self._waiter.want(self._handle, events, self._ready)

    def _ready(self, events):
        if events & select.POLLOUT and self._buffer:
            self._flush()
        if self._reads and not self._paused and not self._closing:
            self._read()
        elif events & select.POLLERR and self._sock:
            self._fail(self._error())

    def _error(self):
        number = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return OSError(number, "the stream has ended") if number else None

    def _read(self):
        try:
            data = self._sock.recv(READ)
        except BlockingIOError:
            return
        except OSError as e:
            self._fail(e)
            return
        if data:
            self._protocol.data_received(data)
            return
        self._reads = False
        self._wait()
        if not self._protocol.eof_received():
            self.close()

    # ---- writing ----

    def write(self, data):
        if self._eof or self._closing:
            raise RuntimeError("Cannot write after write_eof() or close()")
        was = bool(self._buffer)
        self._buffer += data
        if not was:
            self._flush()
        if len(self._buffer) > self._high and not self._full:
            self._full = True
            self._protocol.pause_writing()

    def _flush(self):
        try:
            while self._buffer:
                with memoryview(self._buffer) as view, view[:READ] as piece:
                    n = self._sock.send(piece)
                del self._buffer[:n]
        except BlockingIOError:
            pass
        except OSError as e:
            self._fail(e)
            return
        if self._full and len(self._buffer) <= self._low:
            self._full = False
            self._protocol.resume_writing()
        if not self._buffer and self._closing:
            self._end(None)
            return
        if not self._buffer and self._eof:
            self._shut()
        self._wait()

    def _shut(self):
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError as e:
            self._fail(e)

    def can_write_eof(self):
        return True

    def write_eof(self):
        if not self._eof and not self._closing:
            self._eof = True
            if not self._buffer:
                self._shut()

    def get_write_buffer_size(self):
        return len(self._buffer)

    def get_write_buffer_limits(self):
        return self._low, self._high

    def set_write_buffer_limits(self, high=None, low=None):
        self._high = high if high is not None else 4 * low if low is not None else HIGH
        self._low = low if low is not None else self._high // 4

    # ---- reading ----

    def is_reading(self):
        return self._reads and not self._paused and not self._closing

    def pause_reading(self):
        self._paused = True
        self._wait()

    def resume_reading(self):
        self._paused = False
        self._wait()

    # ---- ending ----

    def get_protocol(self):
        return self._protocol

    def set_protocol(self, protocol):
        self._protocol = protocol

    def is_closing(self):
        return self._closing

    def close(self):
        """Ends it when what was written has gone out."""
        if self._closing:
            return
        self._closing = True
        if self._buffer:
            self._wait()
        else:
            self._end(None)

    def abort(self):
        self._fail(None)

    def _fail(self, error):
        self._closing = True
        self._buffer.clear()
        if self._sock and error is None:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._end(error)

    def _end(self, error):
        if not self._sock:
            return
        self._waiter.want(self._handle, 0, None)
        sock, self._sock = self._sock, None

        def last():
            self._protocol.connection_lost(error)
            sock.close()
        self._loop.call_soon(last)


async def _ready(loop, sock, events):
    """Waits until the socket has one of the events."""
    future, waiter, handle = loop.create_future(), _waiter(loop), sock.fileno()
    waiter.want(handle, events, lambda _: future.done() or future.set_result(None))
    try:
        await future
    finally:
        waiter.want(handle, 0, None)


async def _connect(loop, node, port):
    # The daemon may have to be asked for a name.
    node_id = await loop.run_in_executor(None, resolve, node)
    sock = Socket()
    try:
        sock.setblocking(False)
        number = sock.connect_ex((node_id, port))
        if number == errno.EINPROGRESS:
            await _ready(loop, sock, select.POLLOUT)
            number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            raise OSError(number, "%s, port %d: %s" % (node, port, os.strerror(number)))
        return sock
    except BaseException:
        sock.close()
        raise


async def create_transport(factory, node, port):
    """asyncio's loop.create_connection() of this network: (transport, protocol)."""
    loop = asyncio.get_running_loop()
    sock = await _connect(loop, node, port)
    protocol = factory()
    return Transport(loop, sock, protocol), protocol


async def open_connection(node, port, limit=1 << 16):
    """(StreamReader, StreamWriter) of a stream to a port of a node."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=limit, loop=loop)
    transport, protocol = await create_transport(lambda: asyncio.StreamReaderProtocol(reader, loop=loop), node, port)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


class Server:
    """What start_server() gives: it accepts until it is closed."""

    def __init__(self, loop, sock, factory):
        self._loop, self._sock, self._factory, self._over = loop, sock, factory, loop.create_future()
        sock.setblocking(False)
        _waiter(loop).want(sock.fileno(), select.POLLIN, self._accept)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.close()

    def _accept(self, _):
        try:
            sock, _peer = self._sock.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as e:
            self._stop(e)
            return
        try:
            Transport(self._loop, sock, self._factory())
        except OSError:
            sock.close()  # it has ended already

    def getsockname(self):
        """(id, port)."""
        return self._sock.getsockname()

    def _stop(self, error):
        if self._sock:
            _waiter(self._loop).want(self._sock.fileno(), 0, None)
            self._sock.close()
            self._sock = None
        if not self._over.done():
            if error:
                self._over.set_exception(error)
            else:
                self._over.set_result(None)

    def close(self):
        """Accepts no more; streams that stand go on."""
        self._stop(None)

    async def wait_closed(self):
        await asyncio.shield(self._over)

    async def serve_forever(self):
        """Until it is closed; OSError where the daemon has ended."""
        try:
            await asyncio.shield(self._over)
        finally:
            self.close()


async def start_server(serve, port, backlog=128, limit=1 << 16):
    """serve(reader, writer) for each stream that comes to a port of this node."""
    loop = asyncio.get_running_loop()

    def factory():
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(limit=limit, loop=loop), serve, loop=loop)
    return Server(loop, create_server(port, backlog), factory)
