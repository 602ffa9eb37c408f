#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The system calls that coyod makes once it has started, collected from the comments of the functions that make them.

usage: scripts/lib/syscalls.py --header FILE [DEPFILE]   writes the list that controlplane/daemon/sandbox.c allows
       scripts/lib/syscalls.py --check         every function that makes one says so, and none says what it does not make
       scripts/lib/syscalls.py --list          each system call with whoever makes it

A comment above a function says `syscalls: NAME...`, the C library's names, when it may run in a daemon that has started, and `syscalls at the
start: NAME...` when it runs only before the sandbox is shut. What a library does by itself stands in comments of sandbox.c, by library and
with the kernel's names. CALLS below says what the kernel sees of each call.
"""
import collections
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ("common/base", "common/wire", "common/crypto", "common/ipc", "config", "controlplane", "dataplane")
NOT_COYOD = ("controlplane/ctl", "controlplane/embed", "dataplane/tcp", "dataplane/table") + tuple("controlplane/" + r for r in (
    "core", "peer", "anchor", "table", "route", "kad", "lsp", "endpoint", "node"))  # the pure ones: scripts/check keeps them so

# What each call of the C library may become in the kernel; old names are those of other processors and older libraries.
STAT = "newfstatat fstat statx"
CALLS = {
    "open": "openat", "openat": "openat", "close": "close", "read": "read", "write": "write", "send": "sendto", "sendto": "sendto",
    "recv": "recvfrom", "recvfrom": "recvfrom", "sendmsg": "sendmsg", "recvmsg": "recvmsg", "sendmmsg": "sendmmsg", "recvmmsg": "recvmmsg",
    "accept4": "accept4", "accept": "accept", "socket": "socket", "socketpair": "socketpair", "bind": "bind", "listen": "listen",
    "connect": "connect", "getsockopt": "getsockopt", "setsockopt": "setsockopt", "getsockname": "getsockname", "shutdown": "shutdown",
    "ioctl": "ioctl", "fcntl": "fcntl", "stat": STAT, "lstat": STAT, "fstat": STAT, "access": "access faccessat faccessat2",
    "unlink": "unlink unlinkat", "unlinkat": "unlinkat", "rename": "rename renameat renameat2", "rmdir": "rmdir unlinkat",
    "mkdtemp": "mkdir mkdirat", "opendir": "openat " + STAT, "readdir": "getdents64", "closedir": "close", "umask": "umask",
    "fopen": "openat", "fclose": "close", "fgets": "read", "fread": "read", "fflush": "write", "fdatasync": "fdatasync", "mmap": "mmap", "munmap": "munmap",
    "madvise": "madvise", "memfd_create": "memfd_create", "ftruncate": "ftruncate", "epoll_create1": "epoll_create1",
    "epoll_ctl": "epoll_ctl", "epoll_wait": "epoll_wait epoll_pwait", "epoll_pwait2": "epoll_pwait2", "eventfd": "eventfd2",
    "timerfd_create": "timerfd_create", "timerfd_settime": "timerfd_settime", "signalfd": "signalfd4", "poll": "poll ppoll",
    "pipe": "pipe2", "pipe2": "pipe2", "dup": "dup", "dup2": "dup2 dup3", "flock": "flock", "prctl": "prctl", "chown": "chown fchownat",
    "lchown": "lchown fchownat", "fchown": "fchown", "getrlimit": "prlimit64", "setrlimit": "prlimit64",
    "sched_getaffinity": "sched_getaffinity", "sched_setaffinity": "sched_setaffinity", "getpid": "getpid", "getuid": "getuid",
    "geteuid": "geteuid", "clock_nanosleep": "clock_nanosleep", "mlockall": "mlockall",
    "usleep": "clock_nanosleep", "nanosleep": "clock_nanosleep", "setgroups": "setgroups",
    "setresuid": "setresuid", "setresgid": "setresgid", "fchmod": "fchmod", "chmod": "chmod fchmodat",
    "pthread_create": "clone3 clone", "capset": "capset", "futex": "futex",
}
FUNCTION = re.compile(r"^(?P<comment>(?:/\*(?:[^*]|\*(?!/))*\*/\n)?)(?P<head>[a-z][^\n;{}#]*\([^;{}]*\))\n\{\n(?P<body>.*?)\n\}", re.M | re.S)
NAME = re.compile(r"(\w+)\s*\(")
SAID = re.compile(r"syscalls( at the start)?: ([a-z0-9_ \n*]+)")
CALL = re.compile(r"(?<![\w>.])(%s)\s*\(" % "|".join(CALLS))


def sources():
    for folder in FOLDERS:
        for where, _, files in os.walk(os.path.join(ROOT, folder)):
            path = os.path.relpath(where, ROOT)
            if not any(path == n or path.startswith(n + "/") for n in NOT_COYOD):
                yield from (os.path.join(path, f) for f in sorted(files) if f.endswith((".c", ".h")))


def said(text):
    """(names while running, names at the start) of one comment."""
    running, start = [], []
    for at_start, names in SAID.findall(text):
        (start if at_start else running).extend(names.replace("*", " ").split())
    return running, start


class Uses:
    def __init__(self):
        self.by_call, self.problems = collections.defaultdict(list), []
        for path in sources():
            with open(os.path.join(ROOT, path), encoding="utf-8") as f:
                self._file(path, f.read())

    def _file(self, path, text):
        if path == "controlplane/daemon/sandbox.c":
            for library, names in re.findall(r"/\* syscalls of ([^:]+): ([^/]*)\*/", text):
                library = " ".join(library.replace("*", " ").split())
                for n in names.replace("*", " ").split():
                    self.by_call[n].append(library)
        own = {NAME.search(m["head"])[1] for m in FUNCTION.finditer(text)}
        for m in FUNCTION.finditer(text):
            name = NAME.search(m["head"])[1]
            running, start = said(m["comment"])
            body = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"', " ", m["body"], flags=re.S)
            body = re.sub(r"(?<![\w>.])syscall\s*\(\s*SYS_(\w+)", r"\1(", body)  # those that the C library has no function for
            made = {c for c in CALL.findall(body) if c not in own}
            where = "%s: %s" % (path, name)
            for c in running:
                for n in CALLS.get(c, "").split():
                    self.by_call[n].append(where)
            told = set(running) | set(start)
            if made - told:
                self.problems.append("%s makes `%s`: say so above it" % (where, " ".join(sorted(made - told))))
            if told - made:
                self.problems.append("%s says `%s` and does not make it" % (where, " ".join(sorted(told - made))))


def header(uses, path):
    lines = ["/* Made by scripts/lib/syscalls.py from the comments of the functions that make them. */", "static const char *const sandbox_calls[] = {"]
    lines += ['\t"%s", /* %s */' % (n, uses.by_call[n][0]) for n in sorted(uses.by_call)] + ["};", ""]
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines))


def main():
    what = sys.argv[1:2]
    uses = Uses()
    if what == ["--header"] and len(sys.argv) in (3, 4):
        header(uses, sys.argv[2])
        if len(sys.argv) == 4:
            with open(sys.argv[3], "w", encoding="utf-8") as f:
                f.write("%s: %s\n" % (sys.argv[2], " ".join(os.path.join(ROOT, p) for p in sources())))
    elif what == ["--list"]:
        for n in sorted(uses.by_call):
            print("%-20s %s" % (n, ", ".join(uses.by_call[n])))
    elif what == ["--check"]:
        print("\n".join(uses.problems))
        sys.exit(bool(uses.problems))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
