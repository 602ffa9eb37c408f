# SPDX-License-Identifier: BSD-3-Clause
"""The calls of coyo.h by ctypes: a failure is the OSError of its errno. While one of them waits other threads run."""
import ctypes
import errno
import os
import platform
import socket

AF_COYO = 0x4359
# Options of setsockopt() and getsockopt() at this level: see coyo_socket(3).
SOL_COYO = AF_COYO
COYO_PATH, COYO_PATH_ANY, COYO_PATH_DIRECT, COYO_HOPS = 1, 0, 1, 2
ID_BYTES, ID_TEXT, WHY_MAX = 64, 108, 320
SONAME = "libcoyo.so.0"


class Address(ctypes.Structure):
    """struct sockaddr_coyo."""

    _fields_ = [("family", ctypes.c_uint16), ("port", ctypes.c_uint16), ("pad", ctypes.c_uint32), ("id", ctypes.c_uint8 * ID_BYTES)]

    def pair(self):
        """(id in text form, port)."""
        return format_id(bytes(self.id)), socket.ntohs(self.port)


class Pollfd(ctypes.Structure):
    _fields_ = [("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short)]


class EpollEvent(ctypes.Structure):
    """struct epoll_event, whose data is a handle."""

    if platform.machine() in ("x86_64", "AMD64"):
        _pack_ = 1
    _fields_ = [("events", ctypes.c_uint32), ("handle", ctypes.c_uint64)]


INT, PTR, SIZE, SSIZE, TEXT = ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_ssize_t, ctypes.c_char_p
LEN = ctypes.POINTER(ctypes.c_uint32)
# name: what it returns, what it takes.
CALLS = {
    "socket": (INT, INT, INT, INT),
    "bind": (INT, INT, PTR, ctypes.c_uint32),
    "listen": (INT, INT, INT),
    "accept": (INT, INT, PTR, LEN),
    "connect": (INT, INT, PTR, ctypes.c_uint32),
    "send": (SSIZE, INT, PTR, SIZE, INT),
    "recv": (SSIZE, INT, PTR, SIZE, INT),
    "shutdown": (INT, INT, INT),
    "close": (INT, INT),
    "setsockopt": (INT, INT, INT, INT, PTR, ctypes.c_uint32),
    "getsockopt": (INT, INT, INT, INT, PTR, LEN),
    "getsockname": (INT, INT, PTR, LEN),
    "getpeername": (INT, INT, PTR, LEN),
    "set_nonblock": (INT, INT, INT),
    "poll": (INT, PTR, ctypes.c_ulong, INT),
    "epoll_create1": (INT, INT),
    "epoll_ctl": (INT, INT, INT, INT, PTR),
    "epoll_wait": (INT, INT, PTR, INT, INT),
    "fd": (INT,),
    "watch": (INT, PTR, ctypes.c_ulong),
    "local_id": (INT, PTR),
}
_library = None


def library():
    """libcoyo.so, loaded at the first use."""
    global _library
    if _library is None:
        loaded = ctypes.CDLL(SONAME, use_errno=True)
        for name, (returns, *takes) in CALLS.items():
            f = getattr(loaded, "coyo_" + name)
            f.restype, f.argtypes = returns, takes
        loaded.coyo_resolve.argtypes = [TEXT, TEXT, PTR, TEXT]
        loaded.coyo_format_id.argtypes, loaded.coyo_format_id.restype = [PTR, TEXT], None
        _library = loaded
    return _library


def error(number):
    return OSError(number, os.strerror(number))


def call(name, *args):
    """What coyo_NAME() returns. A signal that came meanwhile has its handler run, and the call goes on, as with Python's own sockets."""
    f = getattr(library(), "coyo_" + name)
    while (r := f(*args)) < 0:
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise error(number)
    return r


def resolve(name):
    """The id, 64 bytes, of a name or of an id in any text form. OSError with a sentence."""
    found, why = (ctypes.c_uint8 * ID_BYTES)(), ctypes.create_string_buffer(WHY_MAX)
    r = library().coyo_resolve(None, name.encode(), found, why)
    if r < 0:
        raise OSError(-r, why.value.decode(errors="replace") or os.strerror(-r))
    return bytes(found)


def format_id(node_id):
    """The text form of an id, 108 characters with a checksum."""
    if len(node_id) != ID_BYTES:
        raise ValueError("an id has %d bytes" % ID_BYTES)
    text = ctypes.create_string_buffer(ID_TEXT + 1)
    library().coyo_format_id(bytes(node_id), text)
    return text.value.decode()


def local_id():
    """This node's id in text form."""
    found = (ctypes.c_uint8 * ID_BYTES)()
    call("local_id", found)
    return format_id(bytes(found))


def address(pair):
    """struct sockaddr_coyo of (NODE, PORT); NODE may be the 64 bytes of an id, an empty one is any."""
    node, port = pair
    if not 0 <= port <= 65535:
        raise OverflowError("a port is 0-65535")
    a = Address(AF_COYO, socket.htons(port), 0)
    if node:
        a.id[:] = node if isinstance(node, bytes) else resolve(node)
    return a
