#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ends what a program has started when that program is killed and cannot do so itself.

As a program it is the guard: it reads lines on standard input, `watch PID`, `folder PATH` (which goes with them) and `leave`. Where the input
ends without `leave`, whoever held its other end has died: all processes get SIGTERM, after 5 s SIGKILL, and the folders are removed.
"""
import os
import select
import shutil
import signal
import subprocess
import sys

GRACE_MS = 5000


class Guard:
    """The guard as its owner sees it. Nobody but the owner has the pipe's end, so the kernel closes it whatever ends the owner."""

    def __init__(self, folder=None):
        self.proc = subprocess.Popen([sys.executable, os.path.abspath(__file__)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL, start_new_session=True, bufsize=0)
        if folder:
            self._say("folder " + folder)

    def _say(self, line):
        try:
            self.proc.stdin.write(os.fsencode(line) + b"\n")
        except OSError:
            pass  # somebody has killed the guard: its owner is still there

    def watch_me(self):
        """For a new process before it runs its program, so that there is no moment at which nobody knows it."""
        self._say("watch %d" % os.getpid())

    def leave(self):
        """What is still there is to stay, or its owner has ended it."""
        self._say("leave")
        self.proc.stdin.close()
        self.proc.wait()


def send(fds, sig):
    for fd in fds:
        try:
            signal.pidfd_send_signal(fd, sig)
        except OSError:
            pass  # it has ended


def all_end(fds, ms):
    """Waits until all have ended, at most so long for each; those that have not."""
    left = []
    for fd in fds:
        p = select.poll()
        p.register(fd, select.POLLIN)
        if not p.poll(ms):
            left.append(fd)
    return left


def main():
    fds, folders = [], []
    for line in sys.stdin.buffer:
        word, _, rest = line.rstrip(b"\n").partition(b" ")
        if word == b"leave":
            return
        if word == b"folder":
            folders.append(rest)
        elif word == b"watch":
            try:
                fds.append(os.pidfd_open(int(rest)))
            except OSError:
                pass  # it was quick
    send(fds, signal.SIGTERM)
    send(all_end(fds, GRACE_MS), signal.SIGKILL)
    all_end(fds, GRACE_MS)
    for f in folders:
        shutil.rmtree(f, ignore_errors=True)


if __name__ == "__main__":
    main()
