#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A file by curl through the TUN, beside other overlays on the same line of three network namespaces: a --- t --- b, each --- a veth pair.

In every row a's and b's programs have an interface of the same MTU, and t forwards: a coyod without a TUN; wireguard-go as the hub of two tunnels; a
yggdrasil that both are peers of; a nebula that is lighthouse and relay. What has no binary here is left out and named. Judged is on-CPU time (user and
system, which has the kernel's work for packets where it is done in a process's context) of all processes of a row for each GB; the goodput is that of
whatever else the machine does.
"""
import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), d) for d in ("e2e", "lib")]
import lib  # noqa: E402
import tun  # noqa: E402
from lib import coyonet  # noqa: E402

PORT = 8080
TICK = os.sysconf("SC_CLK_TCK")
SERVER = r"""
import os, socket, sys, threading
def serve(c, path):
    c.recv(65536)
    with open(path, "rb") as f:
        left = os.fstat(f.fileno()).st_size
        c.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % left)
        at = 0
        while left:
            n = os.sendfile(c.fileno(), f.fileno(), at, left)
            at, left = at + n, left - n
    c.close()
s = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(s.accept()[0], sys.argv[2]), daemon=True).start()
"""


class Missing(Exception):
    """A program that is not here."""


def on_cpu(pid):
    """Seconds that a process has run, with all its threads."""
    with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as f:
        words = f.read().rsplit(") ", 1)[1].split()
    return (int(words[11]) + int(words[12])) / TICK


class Row:
    """One kind of overlay: up() starts it and returns the address of b's programs; daemons: processes by namespace."""
    name = program = None

    def __init__(self, opts):
        self.opts, self.daemons, self.net = opts, {}, None

    def find(self, name):
        for d in (self.opts.peers or "").split(":") + os.environ["PATH"].split(":"):
            for sub in ("", "usr/bin", "usr/sbin"):
                path = os.path.join(d, sub, name)
                if d and os.access(path, os.X_OK) and os.path.isfile(path):
                    return path
        raise Missing("%s: not here; of Debian's package %s, unpacked anywhere (dpkg -x) and named by --peers FOLDER" % (name, self.program))

    def spawn(self, where, *words, **more):
        with coyonet.signals.hold():
            p = subprocess.Popen(tun.in_ns(where, *words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=open(self.path(where + ".err"), "w", encoding="utf-8"), preexec_fn=self.net.born(), **more)
            self.net.programs.append(p)
        self.daemons[where] = p.pid
        return p

    def path(self, name):
        return os.path.join(self.net.dir, name)

    def line(self):
        """The three namespaces and their wires, without forwarding."""
        for n in ("a", "t", "b"):
            lib.run("ip", "netns", "add", n)
            lib.run(*tun.in_ns(n, "ip", "link", "set", "lo", "up"))
        for (na, aa), (nb, ab) in ((("a", "a"), ("t", "t")), (("t", "t2"), ("b", "b"))):
            lib.run("ip", "link", "add", "v" + aa, "netns", na, "type", "veth", "peer", "name", "v" + ab, "netns", nb)
            for ns, at in ((na, aa), (nb, ab)):
                lib.run(*tun.in_ns(ns, "ip", "link", "set", "v" + at, "up"))
                lib.run(*tun.in_ns(ns, "ip", "addr", "add", tun.WORDS[at] + "/24", "dev", "v" + at))

    def forward(self):
        lib.run(*tun.in_ns("t", "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding"))

    def up(self):
        raise NotImplementedError


class Kernel(Row):
    name = "no tunnel"

    def up(self):
        self.line()
        self.forward()
        lib.run(*tun.in_ns("a", "ip", "route", "add", "default", "via", tun.WORDS["t"], "mtu", "lock", str(self.opts.mtu)))
        lib.run(*tun.in_ns("b", "ip", "route", "add", "default", "via", tun.WORDS["t2"], "mtu", "lock", str(self.opts.mtu)))
        return tun.WORDS["b"]


class Ours(Row):
    name, queues = "coyod", 0

    def up(self):
        more = "queues = %d\n" % self.queues if self.queues else ""
        tun.make(self.net, tun="mtu = %d\n%s" % (self.opts.mtu, more), allow="any")
        self.daemons = {n: self.net.nodes[n].proc.pid for n in ("a", "t", "b")}
        return tun.address(self.net.nodes["b"].id)


class FourQueues(Ours):
    name, queues = "coyod, 4 queues", 4


class WireGuard(Row):
    name = program = "wireguard-go"

    def up(self):
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
        binary = self.find("wireguard-go")
        self.line()
        self.forward()
        key, pub = {}, {}
        for n in ("a", "t", "b"):
            k = X25519PrivateKey.generate()
            key[n] = k.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()).hex()
            pub[n] = k.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()
            self.spawn(n, binary, "-f", "w" + n)
        peers = {"a": [("t", tun.WORDS["t"], "::/0")], "b": [("t", tun.WORDS["t2"], "::/0")],
                 "t": [("a", tun.WORDS["a"], "fd77::1/128"), ("b", tun.WORDS["b"], "fd77::3/128")]}
        for i, n in enumerate(("a", "t", "b")):
            words = "set=1\nprivate_key=%s\nlisten_port=51820\n" % key[n]
            for peer, where, what in peers[n]:
                words += "public_key=%s\nendpoint=%s:51820\nallowed_ip=%s\n" % (pub[peer], where, what)
            ask("/run/wireguard/w%s.sock" % n, words + "\n")
            lib.run(*tun.in_ns(n, "ip", "link", "set", "w" + n, "mtu", str(self.opts.mtu), "up"))
            lib.run(*tun.in_ns(n, "ip", "addr", "add", "fd77::%d/64" % (i + 1), "dev", "w" + n, "nodad"))
        lib.run(*tun.in_ns("t", "ip", "route", "add", "fd77::1/128", "dev", "wt"))
        return "fd77::3"


def ask(path, words):
    """Of wireguard's control socket."""
    end = time.monotonic() + 20
    with socket.socket(socket.AF_UNIX) as s:
        while s.connect_ex(path):  # one of a run before may be left there
            if time.monotonic() > end:
                raise coyonet.NetError("wireguard-go does not listen")
            time.sleep(0.05)
        s.sendall(words.encode())
        if "errno=0" not in s.recv(4096).decode():
            raise coyonet.NetError("wireguard-go does not take its configuration")


class Yggdrasil(Row):
    name = program = "yggdrasil"

    def up(self):
        binary = self.find("yggdrasil")
        self.line()
        for n in ("t", "a", "b"):
            conf = json.loads(subprocess.run([binary, "-genconf", "-json"], stdout=subprocess.PIPE, check=True).stdout)
            conf.update(Peers={"a": ["tls://%s:9999" % tun.WORDS["t"]], "b": ["tls://%s:9999" % tun.WORDS["t2"]], "t": []}[n],
                        Listen=["tls://0.0.0.0:9999"] if n == "t" else [], MulticastInterfaces=[], AdminListen="none",
                        IfName="y" + n, IfMTU=self.opts.mtu)
            with open(self.path(n + ".conf"), "w", encoding="utf-8") as f:
                json.dump(conf, f)
            self.spawn(n, binary, "-useconffile", self.path(n + ".conf"))
        r = subprocess.run([binary, "-useconffile", self.path("b.conf"), "-address"], stdout=subprocess.PIPE, check=True)
        return r.stdout.decode().strip()


class Nebula(Row):
    name = program = "nebula"

    def up(self):
        binary, cert = self.find("nebula"), self.find("nebula-cert")
        self.line()

        def sign(*words):
            subprocess.run([cert, *words], cwd=self.net.dir, stdout=subprocess.DEVNULL, check=True)
        sign("ca", "-name", "bench")
        for i, n in enumerate(("a", "t", "b")):
            sign("sign", "-name", n, "-ip", "10.99.0.%d/24" % (i + 1))
            conf = {"pki": {"ca": self.path("ca.crt"), "cert": self.path(n + ".crt"), "key": self.path(n + ".key")},
                    "static_host_map": {"10.99.0.2": [tun.WORDS["t" if n == "a" else "t2"] + ":4242"]} if n != "t" else {},
                    "lighthouse": {"am_lighthouse": n == "t", "interval": 5, "hosts": [] if n == "t" else ["10.99.0.2"]},
                    "relay": {"am_relay": n == "t", "use_relays": True, "relays": [] if n == "t" else ["10.99.0.2"]},
                    "listen": {"host": "0.0.0.0", "port": 4242}, "tun": {"dev": "n" + n, "mtu": self.opts.mtu},
                    "logging": {"level": "error"},
                    "firewall": {d: [{"port": "any", "proto": "any", "host": "any"}] for d in ("inbound", "outbound")}}
            with open(self.path(n + ".yml"), "w", encoding="utf-8") as f:
                json.dump(conf, f)
        for n in ("t", "a", "b"):
            self.spawn(n, binary, "-config", self.path(n + ".yml"))
        return "10.99.0.3"


ROWS = [Ours, FourQueues, WireGuard, Yggdrasil, Nebula, Kernel]


def transfer(row, addr, size):
    """One file from b to a: goodput, and on-CPU seconds of the daemons by namespace and of the two programs."""
    before = {n: on_cpu(pid) for n, pid in row.daemons.items()}
    server = on_cpu(row.server)
    began = time.monotonic()
    url = "http://%s:%d/" % ("[%s]" % addr if ":" in addr else addr, PORT)
    with coyonet.signals.hold():
        p = subprocess.Popen(tun.in_ns("a", "curl", "-sg", "-o", "/dev/null", "-w", "%{size_download}", url), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, preexec_fn=row.net.born())
        row.net.programs.append(p)
    got = p.stdout.read().decode()
    _, _, used = os.wait4(p.pid, 0)
    took = time.monotonic() - began
    p.returncode = 0
    if got != str(size):
        raise coyonet.NetError("%s: %s of %d bytes came" % (row.name, got, size))
    cpu = {n: on_cpu(pid) - before[n] for n, pid in row.daemons.items()}
    programs = used.ru_utime + used.ru_stime + on_cpu(row.server) - server
    return {"gbits": size * 8e-9 / took, "daemons": {n: s / size * 1e9 for n, s in cpu.items()}, "programs": programs / size * 1e9,
            "cpu": (sum(cpu.values()) + programs) / size * 1e9}


def wait_for(row, addr, seconds=40):
    end = time.monotonic() + seconds
    words = tun.in_ns("a", "curl", "-sgf", "--connect-timeout", "1", "-o", "/dev/null", "-r", "0-0", "--max-time", "2",
                      "http://%s:%d/" % ("[%s]" % addr if ":" in addr else addr, PORT + 1))
    while subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode:
        if time.monotonic() > end:
            raise coyonet.NetError("%s: b is not reached" % row.name)
        time.sleep(0.3)


def serve(row, port, path):
    p = tun.start(row.net, tun.in_ns("b", sys.executable, "-c", SERVER, str(port), path))
    return p.pid


def measure(kind, opts):
    row = kind(opts)
    row.net = coyonet.Net(lib.build_dir())
    try:
        addr = row.up()
        for name, size in (("file", opts.size << 20), ("byte", 1)):
            with open(row.path(name), "wb") as f:
                f.truncate(size)
            with open(row.path(name), "rb") as f:  # so that every row finds it in memory
                while f.read(1 << 20):
                    pass
        row.server = serve(row, PORT, row.path("file"))
        serve(row, PORT + 1, row.path("byte"))
        wait_for(row, addr)
        return transfer(row, addr, opts.size << 20)
    finally:
        row.net.stop()
        tun.unmake()


def median(results, what):
    return statistics.median(what(r) for r in results)


def show(table, opts):
    print("MTU %d, %d MiB, %d runs: medians (least to most); CPU in seconds for each GB" % (opts.mtu, opts.size, opts.runs))
    print("%-16s %22s %8s %8s %8s %8s %8s" % ("", "Gbit/s", "CPU", "a", "t", "b", "programs"))
    for name, results in table.items():
        rates = [r["gbits"] for r in results]
        by = [median(results, lambda r, n=n: r["daemons"].get(n, 0)) for n in ("a", "t", "b")]
        print("%-16s %6.2f (%5.2f to %5.2f) %8.2f %8.2f %8.2f %8.2f %8.2f" % (
            name, statistics.median(rates), min(rates), max(rates), median(results, lambda r: r["cpu"]), *by, median(results, lambda r: r["programs"])))
    rivals = [n for n in table if n in (WireGuard.name, Yggdrasil.name, Nebula.name)]
    if Ours.name in table and rivals:
        ours = table[Ours.name]
        best = max(median(table[n], lambda r: r["gbits"]) for n in rivals)
        least = min(median(table[n], lambda r: r["cpu"]) for n in rivals)
        print("coyod beside the best of them: %.2f x the goodput, %.2f x the CPU for each GB" % (
            median(ours, lambda r: r["gbits"]) / best, median(ours, lambda r: r["cpu"]) / least))
    if Ours.name in table and FourQueues.name in table:
        print("4 queues against 1: %.2f x the goodput, %.2f x the CPU for each GB" % tuple(
            median(table[FourQueues.name], lambda r, w=w: r[w]) / median(table[Ours.name], lambda r, w=w: r[w]) for w in ("gbits", "cpu")))


def main():
    p = argparse.ArgumentParser(prog="scripts/bench tun", description="A file by curl through the TUN, beside other overlays on the same line.")
    p.add_argument("--build", default="build", help=argparse.SUPPRESS)
    p.add_argument("--peers", metavar="FOLDER[:FOLDER]", help="where wireguard-go, yggdrasil, nebula and nebula-cert are, or usr/bin and usr/sbin with them; then PATH")
    p.add_argument("--size", type=int, default=1024, metavar="MIB", help="of the file (1024)")
    p.add_argument("--runs", type=int, default=3, metavar="N", help="of each row, in turn (3)")
    p.add_argument("--mtu", type=int, default=1280, help="of all interfaces (1280)")
    p.add_argument("--smoke", action="store_true", help="one run of 16 MiB")
    p.add_argument("--case", action="append", metavar="NAME", help="only rows of these names: " + ", ".join(r.name for r in ROWS))
    p.add_argument("--json", action="store_true", help="every run's figures instead of the table")
    opts = p.parse_args()
    if opts.smoke:
        opts.size, opts.runs = 16, 1
    lib.own_network(named=True)
    sys.argv[1:] = [opts.build]
    if not os.path.exists("/dev/net/tun"):
        lib.skip("this machine has no /dev/net/tun")
    if not shutil.which("curl"):
        lib.skip("curl is not here, of Debian's package of that name")
    rows = [r for r in ROWS if not opts.case or r.name in opts.case]
    table, without = {}, {}
    for run in range(opts.runs):
        for kind in rows:
            if kind.name in without:
                continue
            try:
                table.setdefault(kind.name, []).append(measure(kind, opts))
            except Missing as e:
                without[kind.name] = str(e)
                del table[kind.name]
            print("run %d: %s" % (run + 1, kind.name), file=sys.stderr)
    for text in without.values():
        print("left out: %s" % text, file=sys.stderr)
    if opts.json:
        json.dump(table, sys.stdout, indent=1)
        print()
    else:
        show(table, opts)


if __name__ == "__main__":
    coyonet.signals.install()
    main()
