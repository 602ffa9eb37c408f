# SPDX-License-Identifier: BSD-3-Clause
"""libcoyo as a program of another language loads it."""
import ctypes
import os
import socket

AF_COYO = 0x4359


class Address(ctypes.Structure):
    _fields_ = [("family", ctypes.c_uint16), ("port", ctypes.c_uint16), ("pad", ctypes.c_uint32), ("id", ctypes.c_uint8 * 64)]


class Library:
    """The shared library of a build, and the daemon that it attaches to."""

    def __init__(self, build, path=None):
        if path:
            os.environ["COYO_SOCKET"] = path
        self.lib = ctypes.CDLL(os.path.join(build, "common/libcoyo/libcoyo.so.0"), use_errno=True)
        for name in ("coyo_send", "coyo_recv"):
            getattr(self.lib, name).restype = ctypes.c_ssize_t
            getattr(self.lib, name).argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]

    def call(self, name, *args):
        r = getattr(self.lib, name)(*args)
        if r < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return r

    def address(self, node_id, port):
        to = Address(AF_COYO, socket.htons(port), 0)
        self.call("coyo_parse_id", node_id.encode(), to.id, None)
        return to

    def connect(self, node_id, port):
        to = self.address(node_id, port)
        h = self.call("coyo_socket", AF_COYO, socket.SOCK_STREAM, 0)
        try:
            self.call("coyo_connect", h, ctypes.byref(to), ctypes.sizeof(to))
        except OSError:
            self.close(h)
            raise
        return h

    def send(self, h, data):
        return self.call("coyo_send", h, data, len(data), 0)

    def recv(self, h, n, flags=0):
        b = ctypes.create_string_buffer(n)
        got = self.call("coyo_recv", h, b, n, flags)
        return b.raw[:got]

    def close(self, h):
        self.call("coyo_close", h)
