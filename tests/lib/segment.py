# SPDX-License-Identifier: BSD-3-Clause
"""An application that shares a segment with coyod's workers, written from the comments of common/ipc/applane.h and appabi.h and not from the library:
where the two disagree, one of them is wrong. Python has no atomic exchange: a word that both sides change is read and then written here, which at worst
loses a wake-up of this side's own; every wait looks again."""
import array
import base64
import ctypes
import mmap
import os
import socket
import time

VERSION, PAGE, MSGS, MSG = 3, 4096, 256, 128
CONNECT, ACCEPT_INTO, KICK, CLOSE, OPTION = range(1, 6)
ACCEPTED, READY, LISTENER_GONE = range(64, 67)
EOF, ERROR, UP, FREE = 1, 2, 4, 8
SHUT = 1
# Where words stand: in a lane, and in a slot's page.
TO_WORKER, TO_APP, WORKER_ASLEEP, APP_ASLEEP, LANE_HEAD = 0, 128, 256, 320, 384
WORDS, FIRST = 1024, 1024
SLOT = WORDS + 2 * FIRST
LANE = (LANE_HEAD + 2 * MSGS * MSG + PAGE - 1) // PAGE * PAGE
OUT, IN, ASKED, TOLD, OUT_FULL, IN_FULL, WORKER_KICKED, APP_KICKED, ERR = 0, 128, 256, 260, 264, 268, 272, 276, 280
IN_WAITS, OUT_WAITS, LOCAL_PORT, PEER_PORT, PEER, OPTION_ERR, OPTION_SEQ = 320, 324, 328, 330, 332, 396, 400


def id_bytes(text):
    """The 64 bytes of a node id from its text of 108 characters: base32 of them, 2 of a checksum and 1 of the version."""
    return base64.b32decode(text.replace(".", "").upper() + "====")[:64]


class Refused(Exception):
    """The daemon said `error NAME sentence`."""


class Message(ctypes.LittleEndianStructure):
    _fields_ = [("type", ctypes.c_uint8), ("abort", ctypes.c_uint8), ("port", ctypes.c_uint16), ("slot", ctypes.c_uint32), ("token", ctypes.c_uint32),
                ("option", ctypes.c_uint32), ("value", ctypes.c_int64), ("seq", ctypes.c_uint32), ("pad0", ctypes.c_uint8 * 4),
                ("id", ctypes.c_uint8 * 64), ("pad", ctypes.c_uint8 * 32)]


class Ring:
    """One side's view of bytes at `data` with the two shared indices at `at`. An elastic one has its first bytes at `first`, and its shape beside the
    producer's index; as a producer this one is as large as it may be from the beginning."""

    def __init__(self, memory, at, data, cap, first=None, produces=False):
        self.memory, self.data, self.cap, self.first, self.base = memory, data, cap, first, 0
        self.head, self.shape, self.tail = (ctypes.c_uint64.from_buffer(memory, at + k) for k in (0, 8, 64))
        self.mine = 0
        if produces:
            self.shape.value = (cap // FIRST).bit_length() - 1

    def look(self):
        """What the producer has written; the shape is read after its index."""
        head = self.head.value
        if self.first is not None:
            self.base, self.cap = self.shape.value >> 8, FIRST << (self.shape.value & 255)
        return head

    def write(self, data):
        """As many bytes as there is room for."""
        n = min(len(data), self.cap - (self.mine - self.tail.value))
        self._each(n, lambda at, a, b: self.memory.__setitem__(slice(at, at + b - a), data[a:b]))
        self.head.value = self.mine
        return n

    def read(self, most):
        n, out = min(most, self.look() - self.mine), []
        self._each(n, lambda at, a, b: out.append(self.memory[at:at + b - a]))
        self.tail.value = self.mine
        return b"".join(out)

    def _each(self, n, piece):
        done = 0
        while done < n:
            at, end, data = (self.mine - self.base) % self.cap, self.cap, self.data
            if self.first is not None and at < FIRST:
                data, end = self.first, FIRST
            k = min(n - done, end - at)
            piece(data + at, done, done + k)
            done += k
            self.mine += k


class Lane:
    def __init__(self, memory, worker, fd):
        at = worker * LANE
        self.requests = Ring(memory, at + TO_WORKER, at + LANE_HEAD, MSGS * MSG)
        self.events = Ring(memory, at + TO_APP, at + LANE_HEAD + MSGS * MSG, MSGS * MSG)
        self.asleep = ctypes.c_uint32.from_buffer(memory, at + WORKER_ASLEEP)
        self.app_asleep = ctypes.c_uint32.from_buffer(memory, at + APP_ASLEEP)
        self.fd, self.wakes = fd, 0

    def say(self, **fields):
        m = Message(**{k: v for k, v in fields.items() if k != "id"})
        if "id" in fields:
            m.id[:] = fields["id"]
        if self.requests.write(bytes(m)) != MSG:
            raise BufferError("the worker does not take messages")
        if self.asleep.value:
            self.asleep.value = 0
            self.wakes += 1
            os.write(self.fd, (1).to_bytes(8, "little"))


class Stream:
    """A slot. Calls wait by looking again and again."""

    def __init__(self, app, slot, worker):
        self.app, self.slot, self.lane = app, slot, app.lanes[worker]
        self.page = app.slots_at + slot * SLOT
        app.memory[self.page:self.page + WORDS] = bytes(WORDS)
        rings = app.rings_at + slot * 2 * app.ring_bytes
        self.out = Ring(app.memory, self.page + OUT, rings, app.ring_bytes, self.page + WORDS, True)
        self.incoming = Ring(app.memory, self.page + IN, rings + app.ring_bytes, app.ring_bytes, self.page + WORDS + FIRST)

    def word(self, at, kind=ctypes.c_uint32):
        return kind.from_buffer(self.app.memory, self.page + at)

    def told(self, bits, seconds=10):
        """True when all of the bits, or an error, have been told in time."""
        return self.app.until(lambda: self.word(TOLD).value & bits == bits or self.word(TOLD).value & ERROR, seconds)

    def err(self):
        return self.word(ERR, ctypes.c_int32).value if self.word(TOLD).value & ERROR else 0

    def kick(self):
        if not self.word(WORKER_KICKED).value:
            self.word(WORKER_KICKED).value = 1
            self.lane.say(type=KICK, slot=self.slot)

    def send(self, data, seconds=20):
        view, end = memoryview(data), time.monotonic() + seconds
        while view and not self.err() and time.monotonic() < end:
            n = self.out.write(bytes(view[:1 << 16]))
            view = view[n:]
            if n:
                self.kick()
            else:
                self.word(OUT_FULL).value = 1
                time.sleep(0.0005)
        return not view

    def recv(self, most=1 << 20):
        data = self.incoming.read(most)
        if self.word(IN_FULL).value:
            self.word(IN_FULL).value = 0
            self.kick()
        return data

    def recv_all(self, n, seconds=20):
        out, end = b"", time.monotonic() + seconds
        while len(out) < n and time.monotonic() < end:
            data = self.recv(n - len(out))
            out += data
            if not data:
                if self.word(TOLD).value & (EOF | ERROR) and not self.incoming.head.value - self.incoming.mine:
                    break
                time.sleep(0.0005)
        return out

    def shut(self):
        self.word(ASKED).value = SHUT
        self.kick()

    def close(self, abort=False):
        self.lane.say(type=CLOSE, slot=self.slot, abort=abort)


class Segment:
    """An attached application."""

    def __init__(self, path, slots=None, version=VERSION, timeout=20):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        words, fds = self.ask("attach %d%s" % (version, " %d" % slots if slots else ""))
        workers, self.nslots, self.ring_bytes = (int(w) for w in words[1:4])
        self.id, self.fds = words[4], fds
        self.slots_at = workers * LANE
        self.rings_at = (self.slots_at + self.nslots * SLOT + PAGE - 1) // PAGE * PAGE
        self.memory = mmap.mmap(fds[0], self.rings_at + self.nslots * 2 * self.ring_bytes)
        self.lanes = [Lane(self.memory, w, fds[2 + w]) for w in range(workers)]
        self.accepted, self.ready, self.ended = [], [], []

    def ask(self, line):
        """The words of the answer, and the descriptors that came with it."""
        self.sock.sendall(line.encode() + b"\n")
        answer, fds = b"", array.array("i")
        while not answer.endswith(b"\n"):
            data, ancillary, _, _ = self.sock.recvmsg(1, socket.CMSG_SPACE(40 * fds.itemsize))
            for _, _, payload in ancillary:
                fds.frombytes(payload[:len(payload) - len(payload) % fds.itemsize])
            if not data:
                raise EOFError("the daemon closed the connection after %r" % answer)
            answer += data
        words = answer.decode().split()
        if words[0] == "error":
            raise Refused(words[1])
        return words, list(fds)

    def worker_of(self, node):
        return (int.from_bytes(node[:2], "big") * len(self.lanes)) >> 16

    def connect(self, slot, node_id, port):
        node = id_bytes(node_id)
        s = Stream(self, slot, self.worker_of(node))
        s.lane.say(type=CONNECT, slot=slot, port=port, id=node)
        return s

    def listen(self, port, backlog=""):
        """(token, port)."""
        return tuple(int(w) for w in self.ask("listen %d %s" % (port, backlog))[0][1:3])

    def post(self, slot, token, worker=0, own=0):
        s = Stream(self, slot, worker)
        s.lane.say(type=ACCEPT_INTO, slot=slot, token=token, option=own)
        return s

    def events(self):
        """What workers have told since the last call is sorted into lists."""
        for lane in self.lanes:
            while True:
                data = lane.events.read(MSG)
                if not data:
                    break
                m = Message.from_buffer_copy(data)
                {ACCEPTED: self.accepted, READY: self.ready, LISTENER_GONE: self.ended}[m.type].append(m)

    def until(self, test, seconds=10):
        end = time.monotonic() + seconds
        while not test():
            if time.monotonic() > end:
                return False
            self.events()
            time.sleep(0.0005)
        return True

    def close(self):
        for fd in self.fds:
            os.close(fd)
        self.sock.close()
