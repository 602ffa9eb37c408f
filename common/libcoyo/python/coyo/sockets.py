# SPDX-License-Identifier: BSD-3-Clause
"""A stream socket with the methods, time limits and errors of Python's own."""
import ctypes
import errno
import math
import select
import socket
import time

from coyo.library import AF_COYO, Address, Pollfd, address, call, error


def poll(wanted, timeout=None):
    """Waits until something of {Socket or descriptor: select.POLLIN | ...} is ready, at most so many seconds: the same dict of what is."""
    keys = list(wanted)
    fds = (Pollfd * len(keys))(*(Pollfd(k if isinstance(k, int) else k.fileno(), wanted[k], 0) for k in keys))
    call("poll", fds, len(keys), -1 if timeout is None else max(0, math.ceil(timeout * 1000)))
    return {k: f.revents for k, f in zip(keys, fds) if f.revents}


class Socket:
    """A stream to a node, or a listener. fileno() is a handle of libcoyo: poll() of this module takes it, select does not."""

    family, type, proto = AF_COYO, socket.SOCK_STREAM, socket.IPPROTO_TCP

    def __init__(self, handle=None):
        self._handle = call("socket", AF_COYO, socket.SOCK_STREAM, 0) if handle is None else handle
        self._timeout, self._io_refs, self._closed = None, 0, False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if getattr(self, "_handle", -1) >= 0:
            self._real_close()

    def __repr__(self):
        return "<coyo.Socket handle=%d>" % self._handle

    def fileno(self):
        return self._handle

    # ---- time ----

    def settimeout(self, seconds):
        """None waits for ever, 0 never."""
        if seconds is not None and seconds < 0:
            raise ValueError("Timeout value out of range")
        call("set_nonblock", self._handle, seconds is not None)
        self._timeout = seconds

    def gettimeout(self):
        return self._timeout

    def setblocking(self, flag):
        self.settimeout(None if flag else 0.0)

    def getblocking(self):
        return self._timeout != 0

    timeout = property(gettimeout)

    def _until(self, events, deadline):
        """Waits for the socket to be ready; TimeoutError at the deadline."""
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0 or not poll({self: events}, left):
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError("timed out")

    def _deadline(self):
        return time.monotonic() + self._timeout if self._timeout else None

    def _try(self, events, deadline, name, *args):
        """A call, made again when the socket is ready, where there is a limit of time."""
        while True:
            try:
                return call(name, self._handle, *args)
            except BlockingIOError:
                if not self._timeout:
                    raise
            self._until(events, deadline)

    # ---- setting up ----

    def bind(self, pair):
        a = address(pair)
        call("bind", self._handle, ctypes.byref(a), ctypes.sizeof(a))

    def listen(self, backlog=128):
        call("listen", self._handle, backlog)

    def accept(self):
        """(Socket, (id, port) of its peer)."""
        a, n = Address(), ctypes.c_uint32(ctypes.sizeof(Address))
        return Socket(self._try(select.POLLIN, self._deadline(), "accept", ctypes.byref(a), ctypes.byref(n))), a.pair()

    def connect(self, pair):
        number = self.connect_ex(pair)
        if number == errno.EINPROGRESS and self._timeout:
            raise TimeoutError("timed out")
        if number:
            raise error(number)

    def connect_ex(self, pair):
        """The same, with errno instead of an exception; EINPROGRESS where it is not done in time."""
        a = address(pair)
        try:
            # Without waiting in the call: a signal may interrupt it, and it cannot be made again.
            call("set_nonblock", self._handle, 1)
            call("connect", self._handle, ctypes.byref(a), ctypes.sizeof(a))
            return 0
        except OSError as e:
            if e.errno != errno.EINPROGRESS or self._timeout == 0:
                return e.errno
        finally:
            call("set_nonblock", self._handle, self._timeout is not None)
        try:
            self._until(select.POLLOUT, self._deadline())
        except TimeoutError:
            return errno.EINPROGRESS
        return self.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    # ---- bytes ----

    def send(self, data, flags=0):
        with memoryview(data).cast("B") as view:
            return self._send(view, flags, self._deadline())

    def _send(self, view, flags, deadline):
        if not view:
            return 0
        # A view that may not be written to has no address for ctypes: its bytes are copied first.
        at = bytes(view) if view.readonly else (ctypes.c_char * len(view)).from_buffer(view)
        return self._try(select.POLLOUT, deadline, "send", at, len(view), flags)

    def sendall(self, data, flags=0):
        """All of it; the limit of time is that of the whole."""
        deadline, done = self._deadline(), 0
        with memoryview(data).cast("B") as view:
            while done < len(view):
                # The copy of a piece that cannot be written to is as large as a ring at most.
                done += self._send(view[done:done + (1 << 18)], flags, deadline)

    def recv(self, n, flags=0):
        data = bytearray(n)
        return bytes(memoryview(data)[:self.recv_into(data, n, flags)])

    def recv_into(self, data, nbytes=0, flags=0):
        with memoryview(data).cast("B") as view:
            n = nbytes or len(view)
            if n > len(view):
                raise ValueError("buffer too small for requested bytes")
            at = (ctypes.c_char * n).from_buffer(view) if n else None
            try:
                return self._try(select.POLLIN, self._deadline(), "recv", at, n, flags)
            finally:
                del at

    # For send and recv alone: a file's methods are those of Python's sockets, which ask for no more.
    makefile = socket.socket.makefile

    def sendfile(self, file, offset=0, count=None):
        """What the file has from offset on, at most count bytes: how many."""
        file.seek(offset)
        total = 0
        while (count is None or total < count) and (data := file.read(1 << 18 if count is None else min(1 << 18, count - total))):
            self.sendall(data)
            total += len(data)
        return total

    # ---- about it ----

    def setsockopt(self, level, name, value):
        """value: an int, or bytes of the structure."""
        raw = value.to_bytes(4, "little", signed=True) if isinstance(value, int) else bytes(value)
        call("setsockopt", self._handle, level, name, raw, len(raw))

    def getsockopt(self, level, name, buflen=0):
        room, n = ctypes.create_string_buffer(buflen or 4), ctypes.c_uint32(buflen or 4)
        call("getsockopt", self._handle, level, name, room, ctypes.byref(n))
        return room.raw[:n.value] if buflen else int.from_bytes(room.raw, "little", signed=True)

    def _name(self, name):
        a, n = Address(), ctypes.c_uint32(ctypes.sizeof(Address))
        call(name, self._handle, ctypes.byref(a), ctypes.byref(n))
        return a.pair()

    def getsockname(self):
        """(id, port); the id is that of zeros as long as the socket is neither connected nor listening."""
        return self._name("getsockname")

    def getpeername(self):
        return self._name("getpeername")

    # ---- ending ----

    def shutdown(self, how):
        call("shutdown", self._handle, how)

    def _real_close(self):
        handle, self._handle = self._handle, -1
        if handle >= 0:
            call("close", handle)

    def close(self):
        """Closes it, once the files that makefile() gave are closed."""
        self._closed = True
        if self._io_refs <= 0:
            self._real_close()

    def _decref_socketios(self):
        self._io_refs -= 1
        if self._closed:
            self.close()

    def detach(self):
        """The handle, which is the caller's from now on."""
        self._closed, handle, self._handle = True, self._handle, -1
        return handle


def create_connection(pair, timeout=None):
    """A stream to (NODE, PORT)."""
    s = Socket()
    try:
        s.settimeout(timeout)
        s.connect(pair)
        return s
    except BaseException:
        s.close()
        raise


def create_server(port, backlog=128):
    """A listener at a port of this node; 0: any that is free. A pair whose first part is not looked at will do, too."""
    s = Socket()
    try:
        s.bind(("", port if isinstance(port, int) else port[1]))
        s.listen(backlog)
        return s
    except BaseException:
        s.close()
        raise
