#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Programs with the whole stack inside (libcoyo-stack.so), and one daemon between two of them. What a start takes in time and memory, what is left after many of
them, what a process around a stack keeps, what is refused and in which words.

      dialler --- m --- server
          \\_____________/
"""
import contextlib
import ctypes
import errno
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings

import lib
from lib import check, coyonet
from coyolib import Library

PIPE = subprocess.PIPE
STARTS = 20
MIB = 1 << 20


class Coyo(Library):
    """Both libraries, as a program of another language loads them."""

    LOG = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p)

    def __init__(self, build):
        super().__init__(build)
        self.inside = ctypes.CDLL(os.path.join(build, "controlplane/embed/libcoyo-stack.so.0"), use_errno=True)
        self.inside.coyo_stack_start_log.restype = ctypes.c_void_p
        self.inside.coyo_stack_start_log.argtypes = [ctypes.c_char_p, self.LOG, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)]
        self.inside.coyo_stack_stop.argtypes = [ctypes.c_void_p]
        self.inside.coyo_stack_id.argtypes = [ctypes.c_void_p]
        self.inside.coyo_stack_id.restype = ctypes.c_char_p
        self.lines = []
        self.take = self.LOG(lambda arg, level, line: self.lines.append((level, line.decode())))

    def start(self, config):
        """The stack, or what it says."""
        err = ctypes.c_void_p()
        s = self.inside.coyo_stack_start_log(config.encode(), self.take, None, ctypes.byref(err))
        return s if s else ctypes.string_at(err.value).decode()

    def stop(self, s):
        self.inside.coyo_stack_stop(s)

    def echo(self, node_id, port):
        h = self.connect(node_id, port)
        self.call("coyo_send", h, b"x", 1, 0)
        b = ctypes.create_string_buffer(1)
        got = self.call("coyo_recv", h, b, 1, 0)
        self.lib.coyo_close(h)
        return got == 1 and b.raw == b"x"

    def reached(self, node_id, port):
        """Tries until the node is there: links of this stack or of the other one may not be up yet."""
        end = time.monotonic() + 30
        while True:
            try:
                return self.echo(node_id, port)
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)


def threads():
    names = []
    for t in os.listdir("/proc/self/task"):
        with contextlib.suppress(OSError), open("/proc/self/task/%s/comm" % t, encoding="ascii") as f:
            names.append(f.read().strip())
    return sorted(names)


def descriptors():
    """What each of them is; the last is that of this look itself."""
    what = []
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            what.append(os.readlink("/proc/self/fd/" + fd).split(":[")[0])
    return sorted(what)


def memory(key):
    with open("/proc/self/status", encoding="ascii") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith(key + ":"))


# ---- what the programs do: each runs in a process of its own and prints one JSON document ----

def figures(c, config, node_id, port):
    """A start, and a stream to a neighbour whose link is up and whom this program has never called."""
    before, began = memory("VmRSS"), time.monotonic()
    s = c.start(config)
    took = time.monotonic() - began
    end = time.monotonic() + 20
    while not any(" up, neighbour" in line for _, line in c.lines) and time.monotonic() < end:
        time.sleep(0.005)
    began = time.monotonic()
    good = c.reached(node_id, port)
    call = time.monotonic() - began
    began = time.monotonic()
    good = good and c.echo(node_id, port)
    again = time.monotonic() - began
    most, added, extra = memory("VmHWM"), memory("VmRSS") - before, waited()
    c.stop(s)
    return {"start_s": took, "call_s": call, "again_s": again, "good": good, "most_mib": most, "added_mib": added, "log": c.lines,
            "stopped_mib": memory("VmRSS") - before, "waited_s": extra}


def waited():
    """Time that this process's threads were ready to run without a processor."""
    total = 0.0
    for t in os.listdir("/proc/self/task"):
        with contextlib.suppress(OSError, IndexError), open("/proc/self/task/%s/schedstat" % t, encoding="ascii") as f:
            total += int(f.read().split()[1]) / 1e9
    return total


def many(c, config, node_id, port):
    """Starts and stops; what is there before, after the first and after the last."""
    seen = [(threads(), descriptors(), memory("VmRSS"))]
    good, times = True, []
    for i in range(STARTS):
        began = time.monotonic()
        s = c.start(config)
        if isinstance(s, str):
            return {"error": s}
        times.append(time.monotonic() - began)
        if i in (0, STARTS - 1):
            good = good and c.reached(node_id, port)
        c.stop(s)
        seen.append((threads(), descriptors(), memory("VmRSS")))
    return {"seen": [seen[0], seen[1], seen[-1]], "mib": [m for _, _, m in seen], "good": good, "times": times}


def around(c, config, node_id, port):
    """What the process has of its own stays as it is; what a child may do."""
    signal.signal(signal.SIGUSR1, lambda sig, frame: None)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(500, hard), hard))  # DPDK would raise it
    mask, limit = signal.pthread_sigmask(signal.SIG_BLOCK, []), resource.getrlimit(resource.RLIMIT_NOFILE)
    handlers, cwd, umask = [signal.getsignal(n) for n in (1, 2, 13, 15)], os.getcwd(), os.umask(0o027)
    env = dict(os.environ)
    s = c.start(config)
    same = (mask == signal.pthread_sigmask(signal.SIG_BLOCK, []) and limit == resource.getrlimit(resource.RLIMIT_NOFILE) and
            handlers == [signal.getsignal(n) for n in (1, 2, 13, 15)] and cwd == os.getcwd() and os.umask(umask) == 0o027 and
            env == dict(os.environ))
    blocked = True
    for t in os.listdir("/proc/self/task"):
        with open("/proc/self/task/%s/status" % t, encoding="ascii") as f:
            f = f.read()
        name = f.split("\n", 1)[0].split("\t")[1]
        bits = int(f.split("SigBlk:\t")[1].split()[0], 16)
        blocked = blocked and (name.startswith("python") or all(bits >> (n - 1) & 1 for n in (1, 2, 13, 15)))
    second = c.start(config)
    works = c.reached(node_id, port)
    r, w = os.pipe()
    warnings.simplefilter("ignore", DeprecationWarning)  # Python's own of a fork with threads, which is what is tried here
    child = os.fork()
    if child == 0:
        out = {}
        try:
            out = {"works": c.echo(node_id, port), "start": c.start(config)}
            c.stop(s)
        finally:
            os.write(w, json.dumps(out).encode())
            os._exit(0)
    os.close(w)
    with os.fdopen(r, "rb") as f:
        said = json.loads(f.read() or b"{}")
    os.waitpid(child, 0)
    after = c.echo(node_id, port)
    held = c.connect(node_id, port)
    blocked_call = []

    def wait_for_end():
        b = ctypes.create_string_buffer(1)
        n = c.lib.coyo_recv(held, b, 1, 0)
        blocked_call.append(0 if n >= 0 else ctypes.get_errno())
    t = threading.Thread(target=wait_for_end, daemon=True)
    t.start()
    time.sleep(0.1)
    c.stop(s)
    t.join(10)
    try:
        c.connect(node_id, port)
        late = 0
    except OSError as e:
        late = e.errno
    return {"same": same, "blocked": blocked, "second": second, "works": works, "child": said, "after": after, "waiting": blocked_call,
            "late": late}


def refused(c, *configs):
    return [c.start(x) for x in configs]


def child(net, what, *args):
    """One of the functions above in a process of its own."""
    env = dict(os.environ, COYO_SOCKET=os.path.join(net.dir, "nobody"))
    p = subprocess.run([sys.executable, os.path.abspath(__file__), net.build, "child", what, *[str(a) for a in args]], env=env, stdout=PIPE,
                       stderr=PIPE, timeout=180, check=False, preexec_fn=net.born())
    if p.returncode != 0 or p.stderr:
        raise coyonet.NetError("%s: status %d, says %r" % (what, p.returncode, p.stderr.decode()[-2000:]))
    return json.loads(p.stdout)


# ---- the network ----

def config(remote, more=""):
    return "[node]\nkey = ephemeral\n%s[link net]\ntype = udp-socket\nremote = 127.0.0.1:%d\n" % (more, remote)


def serve(net, port, at, remote):
    """The example that serves, reached through m and by a listener of its own; its id."""
    path = os.path.join(net.dir, "server.conf")
    with open(path, "w", encoding="ascii") as f:
        f.write(config(remote, "name = server\n") + "[listen here]\nlocal = 127.0.0.1:%d\n" % at)
    p = subprocess.Popen([os.path.join(net.build, "controlplane/embed/example_embedded_serve"), str(port), path], stdout=PIPE, stderr=PIPE,
                         preexec_fn=net.born())
    net.programs.append(p)
    words = p.stdout.readline().decode().split()
    if len(words) != 2:
        raise coyonet.NetError("the server does not start: %s" % p.stderr.read().decode())
    return words[0]


def dial(net, node_id, port, remote):
    """The example that dials: a program that begins, sends, gets it back and ends."""
    began, text = time.monotonic(), os.urandom(100000)
    while True:
        p = subprocess.run([os.path.join(net.build, "controlplane/embed/example_embedded_dial"), node_id, str(port), "127.0.0.1:%d" % remote],
                           input=text, stdout=PIPE, stderr=PIPE, timeout=60, check=False, preexec_fn=net.born())
        if p.returncode == 0 or time.monotonic() - began > 60:
            break
    check(p.returncode == 0 and p.stdout == text and not p.stderr,
          "a program without a daemon dials the key of another through a daemon: 100 kB there and back (%.2f s)%s" % (
              time.monotonic() - began, p.stderr.decode()))


def judge_figures(r):
    ms = lambda s: "%.0f ms" % (s * 1000)
    extra = r["waited_s"]
    print("     start %s, memory %.0f MiB more than without a stack (%.0f MiB in all, %.0f MiB after the stop), call to first byte of a known neighbour %s, "
          "then %s; waited for a processor %s" % (ms(r["start_s"]), r["added_mib"], r["most_mib"], r["stopped_mib"], ms(r["call_s"]), ms(r["again_s"]),
                                                  ms(extra)))
    check(r["good"], "a program of another language has a stack inside")
    check(r["start_s"] < 0.5 + extra, "a start takes less than 500 ms")
    check(r["added_mib"] < 100, "and less than 100 MiB")
    check(r["call_s"] < 0.3 + extra, "call to first byte of a known neighbour takes less than 300 ms")
    check(any("ready" in line for _, line in r["log"]), "its log comes by a call")


def judge_many(r):
    check("error" not in r, "%d starts and stops in one process%s" % (STARTS, ": " + r.get("error", "")))
    before, first, last = r["seen"]
    left = [t for t in last[0] if t not in before[0]]
    print("     threads %d, %d, %d (left: %s); descriptors %d, %d, %d; MiB %.0f, %.0f, %.0f; starts after the first %.0f ms" % (
        len(before[0]), len(first[0]), len(last[0]), " ".join(left), len(before[1]), len(first[1]), len(last[1]), before[2], first[2], last[2],
        1000 * sorted(r["times"][1:])[len(r["times"]) // 2]))
    check(r["good"], "the first of them and the last carry streams")
    check(len(left) == 2, "no thread is left but DPDK's one, and one that sleeps for the next stack's worker")
    new = list(last[1])
    for name in before[1]:
        new.remove(name)
    check(last[0] == first[0] and last[1] == first[1] and len(new) <= 5, "descriptors: DPDK's few, and no more after %d than after one (%s)" % (STARTS, " ".join(new)))
    check(r["mib"][-1] - r["mib"][5] < 2, "memory does not grow (%.1f MiB from the fifth to the last)" % (r["mib"][-1] - r["mib"][5]))


def judge_around(r):
    check(r["same"], "signals, directory, umask, limits and environment of the process stay as they are")
    check(r["blocked"], "no thread of the stack takes a signal")
    check(isinstance(r["second"], str) and "stop that one first" in r["second"], "a second stack at the same time is refused: %s" % r["second"])
    check(r["works"] and r["after"], "the first one works on")
    check(r["child"].get("works") is True, "a child of fork() uses its parent's stack")
    check("forked" in str(r["child"].get("start")), "and cannot have one of its own: %s" % r["child"].get("start"))
    check(len(r["waiting"]) == 1, "a call that waits ends with the stack (%s)" % (errno.errorcode.get(r["waiting"][0], "end of stream") if r["waiting"] else ""))
    check(r["late"] in (errno.ENOENT, errno.ENOTCONN), "after the stop sockets ask for the daemon again")


def body(net):
    at, own = coyonet.free_ports(2)
    net.node("m", extra="[listen here]\ntype = udp-socket\nlocal = 127.0.0.1:%d\n" % at)
    net.start()
    net.wait("m to answer", lambda: net.nodes["m"].rows("workers"))
    node_id = serve(net, 7000, own, at)
    dial(net, node_id, 7000, at)
    judge_figures(child(net, "figures", config(own), node_id, 7000))
    judge_many(child(net, "many", config(own), node_id, 7000))
    judge_around(child(net, "around", config(own), node_id, 7000))
    wrong = child(net, "refused", "[node]\nname = x\nspeed = 9\n", config(own) + "[worker]\nmemory-mb = 1\n",
                  "[node]\nkey = %s\n" % os.path.join(net.nodes["m"].dir, "key"))
    check("configuration:3: " in wrong[0] and "key" in wrong[0], "errors of a configuration come in lines: %r" % wrong[0])
    check("memory-mb = 1 is too little" in wrong[1], "too little memory is refused in words: %s" % wrong[1])
    check("runs with the key" in wrong[2] or os.geteuid() != 0, "a key that a daemon of this machine runs with is refused: %s" % wrong[2])


if len(sys.argv) > 2 and sys.argv[2] == "child":
    args = [int(a) if a.isdigit() else a for a in sys.argv[4:]]
    print(json.dumps({"figures": figures, "many": many, "around": around, "refused": refused}[sys.argv[3]](Coyo(sys.argv[1]), *args)))
else:
    lib.main(body)
