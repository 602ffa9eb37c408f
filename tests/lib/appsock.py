# SPDX-License-Identifier: BSD-3-Clause
"""coyod's application socket from Python: one line out, one line and a descriptor in (common/ipc/appabi.h)."""
import array
import socket


class AppError(Exception):
    """The daemon said `error NAME sentence`."""

    def __init__(self, line):
        super().__init__(line)
        self.name = line.split(" ", 2)[1]


class AppClient:
    def __init__(self, path, timeout=60):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(path)

    def answer(self):
        """The next line, and the stream that came with it as a socket, or None."""
        line, fds = b"", array.array("i")
        while not line.endswith(b"\n"):
            data, ancillary, _, _ = self.sock.recvmsg(1, socket.CMSG_SPACE(4 * fds.itemsize))
            for level, kind, payload in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    fds.frombytes(payload[:len(payload) - len(payload) % fds.itemsize])
            if not data:
                raise EOFError("the daemon closed the connection after %r" % line)
            line += data
        text = line.decode().strip()
        if text.startswith("error"):
            raise AppError(text)
        return text, socket.socket(fileno=fds[0]) if fds else None

    def ask(self, text):
        self.sock.sendall(text.encode() + b"\n")
        return self.answer()

    def connect(self, node_id, port):
        return self.ask("connect %s %d" % (node_id, port))[1]

    def listen(self, port, backlog=""):
        return self.ask("listen %d %s" % (port, backlog))

    def accept(self):
        return self.answer()[1]

    def close(self):
        self.sock.close()


def read(s, n):
    """n bytes, or what comes before the end."""
    got = b""
    while len(got) < n:
        data = s.recv(n - len(got))
        if not data:
            break
        got += data
    return got


def ending(s):
    """How a stream ends: "end", or the error's name."""
    try:
        while s.recv(1 << 16):
            pass
        return "end"
    except OSError as e:
        return type(e).__name__
