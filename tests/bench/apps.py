#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measures how applications are served, each way beside applications inside the same workers (tests/bench/inside.c), in the same run.

usage: scripts/bench apps [OPTION...]
  --runs N      measurements of each case in turn; the median is told, with least and most [3]
  --size MIB    of a stream [1024]
  --case NAME   only cases whose names begin so
  --quick       tiny sizes, once: shows that it runs, measures nothing
  --json        one JSON document
  --help        this text

Two daemons, a link over loopback, one worker each; the applications' programs run beside them. Times are on-CPU times, so what other
programs take of the machine counts only where it disturbs caches or makes a side sleep that would have been busy: the load is printed.

  stream     bytes per on-CPU second of the two workers: inside, libcoyo, the pipes of coyo connect and listen, iperf3 by coyo run
  calls      of the stream by libcoyo: system calls for each MiB on either side; wake-ups that found nobody asleep; the gateway's thread
  stopped    the same stream while that thread is stopped
  connects   connect, 64 bytes, close: for each on-CPU second of the busier daemon
  ping       64 bytes there and back between two sockets of one thread, through one daemon: median, and the tenth of them that others
             disturbed least
  five       scripts/run's five nodes: CPU seconds for each GB of the two ends' daemons and programs
"""
import contextlib
import ctypes
import json
import mmap
import os
import shutil
import statistics
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import coyonet  # noqa: E402

MIB, GB = 1 << 20, 1e9
PIPE, NULL = subprocess.PIPE, subprocess.DEVNULL
MESSAGE = 64


class Orders:
    """struct inside_orders of tests/bench/inside.h: what is asked of the applications inside a daemon."""

    SINK, STREAM, CONNECTS, PING = 1, 2, 3, 4
    SAMPLES_AT, SAMPLES = 104, 65536

    def __init__(self, path):
        with open(path, "wb") as f:
            f.truncate(1 << 19)
        os.chmod(path, 0o666)
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 1 << 19)

    def _word(self, at, form="I"):
        return struct.unpack_from(form, self.map, at)[0]

    def give(self, node, kind, port, amount=0, to=b"\0" * 64):
        struct.pack_into("=IIIQQQ64s", self.map, 4, kind, port, 0, amount, 0, 0, to)
        struct.pack_into("I", self.map, 0, self._word(0) + 1)
        node.rows("connections")  # the worker may sleep: answering wakes it

    def wait(self, net, what, test, seconds=120):
        net.wait(what, lambda: self._word(12) or test(), seconds, every=0.005)
        if self._word(12):
            raise coyonet.NetError("%s: the application inside has given up" % what)

    def done(self):
        return self._word(24, "Q")

    def accepted(self):
        return self._word(32, "Q")

    def samples(self, n):
        return sorted(struct.unpack_from("%dI" % min(n, self.SAMPLES), self.map, self.SAMPLES_AT))


class Net(coyonet.Net):
    """Daemons built with applications inside, which wait for orders."""

    def __init__(self, **options):
        super().__init__(**options)
        self.orders = {}

    def bin(self, name):
        return os.path.join(self.build, "tests/bench/coyod_inside") if name == "coyod" else super().bin(name)

    def start(self, limits=None):
        for n in self.nodes.values():
            path = os.path.join(n.dir, "orders")
            self.orders[n.name] = Orders(path)
            os.environ["COYOBENCH_INSIDE"] = path
            n.write_conf()
            n.start(limits)
        del os.environ["COYOBENCH_INSIDE"]

    def app(self, node, *words, **kw):
        """appload there."""
        with coyonet.signals.hold():
            p = subprocess.Popen([os.path.join(self.build, "tests/bench/appload"), *map(str, words)], stdin=NULL, stdout=PIPE, text=True,
                                 env=dict(os.environ, COYO_SOCKET=self.nodes[node].app), preexec_fn=self.born(), **kw)
            self.programs.append(p)
        return p

    def server(self, node, *words):
        p = self.app(node, *words)
        if p.stdout.readline().strip() != "listening":
            raise coyonet.NetError("appload %s does not listen" % words[0])
        return p

    def run(self, node, *words, **kw):
        """A program by coyo run."""
        return self.coyo(node, "run", *map(str, words), stdin=NULL, **kw)


def ended(p, what, seconds=300):
    """Its one JSON document."""
    out, _ = p.communicate(timeout=seconds)
    if p.returncode != 0:
        raise coyonet.NetError("%s: status %s" % (what, p.returncode))
    return json.loads(out)


def stop(p):
    p.kill()
    p.communicate()


def raw_id(text):
    """The 64 bytes of an id in text."""
    bits = 0
    for c in text:
        bits = bits << 5 | "abcdefghijklmnopqrstuvwxyz234567".index(c)
    return (bits >> (5 * len(text) - 512)).to_bytes(64, "big")


class Threads:
    """On-CPU time of a daemon's threads, in s, by what they are."""

    def __init__(self, node):
        self.pid, self.node = node.proc.pid, node
        self.names = {}
        for t in os.listdir("/proc/%d/task" % self.pid):
            with open("/proc/%d/task/%s/comm" % (self.pid, t), encoding="ascii") as f:
                name = f.read().strip()
            self.names[t] = "worker" if "worker" in name else "gateway" if "gateway" in name else "control"
        self.before = self._read()

    def _read(self):
        out = {"worker": 0.0, "gateway": 0.0, "control": 0.0}
        for t, what in self.names.items():
            with contextlib.suppress(OSError), open("/proc/%d/task/%s/schedstat" % (self.pid, t), encoding="ascii") as f:
                out[what] += int(f.read().split()[0]) / 1e9
        return out

    def used(self):
        return {k: v - self.before[k] for k, v in self._read().items()}

    def thread(self, what):
        return [int(t) for t, name in self.names.items() if name == what]


def worker_counters(net):
    return {n: {k: net.worker_sum(n, k) for k in ("app_futex_wakes", "app_idle_wakes", "app_wakes", "sleeps")} for n in net.nodes}


class Bench:
    def __init__(self, o, net):
        self.o, self.net, self.port = o, net, 20000
        self.size = o["size"] * MIB
        self.values = {}  # case -> [{figure: value}]

    def next_port(self):
        self.port += 1
        return self.port

    def to(self, name):
        return self.net.nodes[name].id

    def note(self, case, **figures):
        self.values.setdefault(case, []).append(figures)

    def watch(self):
        return {n: Threads(node) for n, node in self.net.nodes.items()}

    def note_stream(self, case, threads, **more):
        used = {n: t.used() for n, t in threads.items()}
        workers = sum(u["worker"] for u in used.values())
        self.note(case, gbyte_per_worker_s=self.size / GB / workers, sender_worker_s=used["a"]["worker"], receiver_worker_s=used["b"]["worker"],
                  gateway_s=sum(u["gateway"] for u in used.values()), **more)

    # ---- streams ----
    def stream_inside(self):
        port, a, b = self.next_port(), self.net.orders["a"], self.net.orders["b"]
        b.give(self.net.nodes["b"], Orders.SINK, port)
        self.net.listening("b", port)
        threads = self.watch()
        a.give(self.net.nodes["a"], Orders.STREAM, port, self.size, raw_id(self.to("b")))
        b.wait(self.net, "the stream inside", lambda: a._word(12) or b.accepted() == self.size)
        self.note_stream("stream inside", threads)

    def stream_libcoyo(self):
        self._stream("stream libcoyo", calls=True)

    def _stream(self, case, calls=False, meanwhile=None):
        port = self.next_port()
        sink = self.net.server("b", "sink", port, 1)
        threads, before, began = self.watch(), worker_counters(self.net), time.monotonic()
        source = self.net.app("a", "stream", self.to("b"), port, self.size)
        with meanwhile(threads) if meanwhile else contextlib.nullcontext():
            sent = ended(source, "stream")
            got = json.loads(sink.stdout.readline())
        took, after = time.monotonic() - began, worker_counters(self.net)
        stop(sink)
        self.note_stream(case, threads, app_s=sent["cpu_s"] + got["cpu_s"])
        if not calls:
            return
        mib = self.size / MIB
        moved = {n: {k: after[n][k] - before[n][k] for k in after[n]} for n in "ab"}
        gateway = max(t.used()["gateway"] for t in threads.values())
        self.note("calls", sender=(sent["futex_calls"] + sent["eventfd_writes"]) / mib, sender_waits=sent["futex_calls"] / mib,
                  receiver=(got["futex_calls"] + got["eventfd_writes"]) / mib, receiver_waits=got["futex_calls"] / mib,
                  worker_a=(moved["a"]["app_futex_wakes"] + moved["a"]["app_wakes"]) / mib, sleeps_a=moved["a"]["sleeps"] / mib,
                  worker_b=(moved["b"]["app_futex_wakes"] + moved["b"]["app_wakes"]) / mib, sleeps_b=moved["b"]["sleeps"] / mib,
                  kicks_awake=sum(m["app_idle_wakes"] for m in moved.values()), gateway_percent=100 * gateway / took)

    def stream_pipe(self):
        port = self.next_port()
        listener = self.net.coyo("b", "listen", str(port), stdin=NULL, stdout=NULL)
        self.net.listening("b", port)
        threads = self.watch()
        with coyonet.signals.hold():
            zeros = subprocess.Popen(["head", "-c", str(self.size), "/dev/zero"], stdout=PIPE, preexec_fn=self.net.born())
            self.net.programs.append(zeros)
        sender = self.net.coyo("a", "connect", self.to("b"), str(port), stdin=zeros.stdout, stdout=NULL)
        zeros.stdout.close()
        if sender.wait(300) or listener.wait(300) or zeros.wait(10):
            raise coyonet.NetError("coyo connect or listen failed")
        self.note_stream("stream pipe", threads)

    def stream_iperf3(self):
        if not shutil.which("iperf3"):
            self.note("stream iperf3 by coyo run", skipped="iperf3 is not installed")
            return
        port = self.next_port()
        server = self.net.run("b", "--listen", port, "iperf3", "-s", "-1", "-p", port, stdout=NULL)
        self.net.listening("b", port)
        threads = self.watch()
        name = self.to("b")
        client = self.net.run("a", "iperf3", "-c", "%s.%s.coyo" % (name[:54], name[54:]), "-p", port, "-n", self.size, stdout=NULL)
        if client.wait(300) or server.wait(60):
            raise coyonet.NetError("iperf3 by coyo run failed")
        self.note_stream("stream iperf3 by coyo run", threads)

    def stopped(self):
        """The gateways' threads are stopped, and them alone, once the stream is under way. PTRACE_SEIZE and PTRACE_INTERRUPT stop one thread."""
        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

        @contextlib.contextmanager
        def hold(threads):
            time.sleep(0.05)
            held = [t for x in threads.values() for t in x.thread("gateway")]
            for t in held:
                if libc.ptrace(0x4206, t, None, None) or libc.ptrace(0x4207, t, None, None):
                    raise coyonet.NetError("thread %d cannot be stopped: %s" % (t, os.strerror(ctypes.get_errno())))
                os.waitpid(t, 0x40000000)  # __WALL
            try:
                yield
            finally:
                for t in held:
                    libc.ptrace(17, t, None, None)
        self._stream("stopped gateway", meanwhile=hold)

    # ---- connections ----
    def note_connects(self, case, n, threads, **more):
        used = {k: sum(t.used().values()) for k, t in threads.items()}
        self.note(case, per_daemon_s=n / max(used.values()), client_daemon_us=used["a"] / n * 1e6, server_daemon_us=used["b"] / n * 1e6, **more)

    def connects_inside(self):
        n, port, a, b = self.o["connects"], self.next_port(), self.net.orders["a"], self.net.orders["b"]
        b.give(self.net.nodes["b"], Orders.SINK, port)
        self.net.listening("b", port)
        threads = self.watch()
        a.give(self.net.nodes["a"], Orders.CONNECTS, port, n, raw_id(self.to("b")))
        a.wait(self.net, "connections inside", lambda: a.done() == n)
        self.note_connects("connects inside", n, threads)

    def connects_libcoyo(self):
        n, port = self.o["connects"], self.next_port()
        sink = self.net.server("b", "sink", port, 8)
        threads = self.watch()
        said = ended(self.net.app("a", "connects", self.to("b"), port, n, 16), "connects")
        self.note_connects("connects libcoyo", n, threads, app_us=said["cpu_s"] / n * 1e6)
        stop(sink)

    def connects_preload(self):
        n, port = self.o["connects"] // 10, self.next_port()
        appload = os.path.join(self.net.build, "tests/bench/appload")
        sink = self.net.run("b", "--listen", port, appload, "--plain", "sink", port, 8, stdout=PIPE, text=True)
        if sink.stdout.readline().strip() != "listening":
            raise coyonet.NetError("appload by coyo run does not listen")
        threads, name = self.watch(), self.to("b")
        client = self.net.run("a", appload, "--plain", "connects", "%s.%s.coyo" % (name[:54], name[54:]), port, n, 16, stdout=PIPE, text=True)
        said = ended(client, "connects by coyo run")
        self.note_connects("connects by coyo run", n, threads, app_us=said["cpu_s"] / n * 1e6)
        stop(sink)

    # ---- ping ----
    def ping(self, idle):
        n, port, a = self.o["pings"], self.next_port(), self.net.orders["a"]
        threads = self.watch()
        a.give(self.net.nodes["a"], Orders.PING, port, n, raw_id(self.to("a")))
        a.wait(self.net, "pings inside", lambda: a.done() == n)
        inside = a.samples(n)
        inside = {"p%d_us" % k: inside[len(inside) * k // 100] / 1e3 for k in (10, 50, 99)}
        self.note("ping inside, %s" % idle, worker_us=threads["a"].used()["worker"] / n * 1e6, **inside)
        port = self.next_port()
        threads = self.watch()
        said = ended(self.net.app("a", "ping", self.to("a"), port, n, 10), "ping")
        self.note("ping libcoyo, %s" % idle, worker_us=threads["a"].used()["worker"] / said["count"] * 1e6, **{k: said[k] for k in inside},
                  added_p10_us=said["p10_us"] - inside["p10_us"], added_p50_us=said["p50_us"] - inside["p50_us"])

    def five(self):
        size = self.o["five"] * MIB
        threads = {n: t for n, t in self.watch().items() if n in "ab"}
        transfer = coyonet.Transfer(self.net, "a", "b", size, port=self.next_port())
        made = os.times()
        try:
            transfer.finish()
        finally:
            transfer.close()
        after = os.times()
        programs = after.children_user + after.children_system - made.children_user - made.children_system
        daemons = sum(sum(t.used().values()) for t in threads.values())
        self.note("five nodes", ends_s_per_gb=(daemons + programs) / (size / GB), daemons_s_per_gb=daemons / (size / GB),
                  programs_s_per_gb=programs / (size / GB))


# ---- networks, runs, what is told -------------------------------------------------------------------------------------
def on_net(o, names, edges, body, **options):
    net = Net(build=o["build"], **options)
    try:
        net.build_net(names, edges)
        net.start()
        net.ready()
        body(Bench(o, net))
    except coyonet.NetError as e:
        for n in net.nodes.values():
            sys.stderr.write("--- log of %s\n%s" % (n.name, n.tail(10)))
        raise SystemExit("scripts/bench apps: %s\n%s" % (e, e.detail)) from e
    finally:
        with coyonet.signals.hold():
            net.stop()


# The first word of a case -> its reference, and by which figure.
REFERENCE = {"stream": ("stream inside", "gbyte_per_worker_s"), "stopped": ("stream inside", "gbyte_per_worker_s"),
             "connects": ("connects inside", "per_daemon_s")}
# What the project asks of a case.
ASKED = {"stream libcoyo": "ratio >= 0.9", "stream pipe": "ratio >= 0.65", "stream iperf3 by coyo run": "ratio >= 0.65",
         "calls": "sender, receiver, worker_a, worker_b < 1 a MiB, kicks_awake 0, gateway_percent < 1", "connects libcoyo": "per_daemon_s >= 40000",
         "connects by coyo run": "per_daemon_s >= 5000", "ping libcoyo, busy": "added_p50_us <= 3", "ping libcoyo, adaptive": "added_p50_us of one wake-up",
         "five nodes": "ends_s_per_gb <= 2.5"}


def measure(o):
    values = {}

    def wanted(name):
        return not o["case"] or name.startswith(o["case"]) or o["case"].startswith(name)

    def turns(*names):
        def body(bench):
            for _ in range(o["runs"]):
                for name in names:
                    getattr(bench, name)()
            for case, rows in bench.values.items():
                values.setdefault(case, []).extend(rows)
        return body
    chosen = []
    if wanted("stream") or wanted("calls"):
        chosen += ["stream_inside", "stream_libcoyo"]
    if wanted("stream"):
        chosen += ["stream_pipe", "stream_iperf3"]
    if wanted("stopped"):
        chosen += ["stopped"] if "stream_inside" in chosen else ["stream_inside", "stopped"]
    if wanted("connects"):
        chosen += ["connects_inside", "connects_libcoyo", "connects_preload"]
    if chosen:
        on_net(o, "ab", ["ab"], turns(*chosen))
    if wanted("ping"):
        for idle in ("adaptive", "busy"):
            on_net(o, "ab", ["ab"], lambda bench, idle=idle: (
                [bench.ping(idle) for _ in range(o["runs"])], values.update(bench.values)), idle=idle)
    if wanted("five"):
        on_net(o, coyonet.FIVE_NODES, coyonet.FIVE_EDGES, turns("five"))
    return values


def summary(values):
    """A row for each case: of each figure median, least and most; the ratio to its reference, run by run, in the same way."""
    rows = []
    for case, runs in values.items():
        row = {"case": case}
        if "skipped" in runs[0]:
            rows.append(dict(row, skipped=runs[0]["skipped"]))
            continue
        for k in runs[0]:
            v = [r[k] for r in runs]
            row[k], row[k + "_min"], row[k + "_max"] = statistics.median(v), min(v), max(v)
        reference, figure = REFERENCE.get(case.split()[0], (None, None))
        if reference in values and reference != case:
            v = [r[figure] / s[figure] for r, s in zip(runs, values[reference])]
            row["ratio"], row["ratio_min"], row["ratio_max"] = statistics.median(v), min(v), max(v)
        rows.append(dict(row, asked=ASKED[case]) if case in ASKED else row)
    return rows


def cpu_name():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as f:
        return next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "unknown")


def tell(o, command, load, rows):
    git = subprocess.run(["git", "-C", HERE, "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"], stdout=PIPE, stderr=NULL, text=True, check=False)
    head = {"cpu": cpu_name(), "cores": len(os.sched_getaffinity(0)), "commit": git.stdout.strip() or "unknown", "command": command,
            "load_before": load, "load_after": os.getloadavg()[0]}
    if o["json"]:
        print(json.dumps(dict(head, rows=rows)))
        return
    print("%s\n%s, %d cores; commit %s; load %.1f before, %.1f after" % (command, head["cpu"], head["cores"], head["commit"], load, head["load_after"]))
    for row in rows:
        print("  %-26s%s" % (row["case"], "  (asked: %s)" % row["asked"] if "asked" in row else ""))
        for k, v in row.items():
            if k == "skipped":
                print("      skipped: %s" % v)
            elif not isinstance(v, str) and not k.endswith(("_min", "_max")):
                print("      %-20s %10.4g  (%.4g to %.4g)" % (k, v, row[k + "_min"], row[k + "_max"]))


def options(argv):
    o = {"runs": 3, "size": 1024, "case": None, "json": False, "connects": 20000, "pings": 20000, "five": 256,
         "build": os.path.join(HERE, "..", "..", "build")}
    argv = list(argv)
    while argv:
        a = argv.pop(0)
        if a in ("--help", "-h"):
            print(__doc__.strip())
            sys.exit(0)
        if a == "--json":
            o["json"] = True
        elif a == "--quick":
            o.update(runs=1, size=4, connects=100, pings=100, five=4)
        elif a in ("--runs", "--size") and argv and argv[0].isdigit() and 0 < int(argv[0]) < 1 << 20:
            o[a[2:]] = int(argv.pop(0))
        elif a in ("--case", "--build-dir") and argv:
            o[{"--case": "case", "--build-dir": "build"}[a]] = argv.pop(0)
        else:
            print("scripts/bench apps: %s is unknown, or lacks its value (try --help)" % a, file=sys.stderr)
            sys.exit(2)
    o["build"] = os.path.abspath(o["build"])
    return o


def main():
    o, load = options(sys.argv[1:]), os.getloadavg()[0]
    coyonet.signals.install()
    tell(o, " ".join(["scripts/bench apps", *sys.argv[1:]]), load, summary(measure(o)))


main()
