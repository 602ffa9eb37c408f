#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""IPv6 of ordinary programs through [tun], each node in a network namespace of its own: tun.py BUILDDIR [long]

      a --- t --- b        each --- is a veth pair with a udp-socket link over it; a and b have a TUN, t has none

ping, UDP both ways and TCP, whole; what nobody asked for or allows is refused at once; a path that carries less than 1 280 bytes; what a node
that is killed leaves behind, and what a second daemon is told.
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import time

import lib
from lib import check, coyonet

WORDS = {"a": "10.1.0.1", "t": "10.1.0.2", "t2": "10.2.0.1", "b": "10.2.0.2"}

# Programs of the test, each in a node's namespace: NAME ARGUMENTS, on python's command line.
PROGRAMS = r"""
import errno, hashlib, os, socket, sys, time
what, args = sys.argv[1], sys.argv[2:]
def udp_echo(addr, port):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.bind((addr, int(port)))
    print("ready", flush=True)
    while True:
        data, who = s.recvfrom(70000)
        s.sendto(data[::-1], who)
def udp_ask(addr, port, *sizes):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.connect((addr, int(port)))
    for n in map(int, sizes):
        data = os.urandom(n)
        s.send(data)
        if s.recv(70000) != data[::-1]:
            sys.exit("another datagram came back")
    print("all came back")
def udp_run(addr, port, size, count):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.setsockopt(socket.IPPROTO_UDP, 103, int(size)) # UDP_SEGMENT
    s.connect((addr, int(port)))
    data = os.urandom(int(size) * int(count))
    s.send(data)
    for i in range(int(count)):
        if s.recv(70000)[::-1] != data[i * int(size):(i + 1) * int(size)]:
            sys.exit("another datagram came back")
    print("all came back in order")
def udp_count(addr, port):
    # Datagrams of many flows, numbered: at a number of 0 it says how many have come, and how many of them after one that was sent later.
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    s.bind((addr, int(port)))
    print("ready", flush=True)
    last, came, late = {}, 0, 0
    while True:
        data, who = s.recvfrom(2000)
        n = int.from_bytes(data[:8], "big")
        if n == 0:
            s.sendto(b"%d %d" % (came, late), who)
            continue
        came += 1
        late += n < last.get(who, 0)
        last[who] = max(n, last.get(who, 0))
def udp_blast(addr, port, flows, each):
    socks = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for i in range(int(flows))]
    for s in socks:
        s.connect((addr, int(port)))
        s.setsockopt(socket.IPPROTO_UDP, 103, 400) # UDP_SEGMENT
    for n in range(1, int(each), 20):
        for s in socks:
            s.send(b"".join((n + i).to_bytes(8, "big") + bytes(392) for i in range(20)))
        time.sleep(0.001)
    time.sleep(0.5)
    socks[0].settimeout(5)
    socks[0].send(bytes(8))
    print(socks[0].recv(100).decode())
def tcp_serve(addr, port):
    s = socket.create_server((addr, int(port)), family=socket.AF_INET6)
    print("ready", flush=True)
    while True:
        c = s.accept()[0]
        h, n = hashlib.sha256(), 0
        while data := c.recv(1 << 16):
            h.update(data)
            n += len(data)
        c.sendall(("%d %s" % (n, h.hexdigest())).encode())
        c.close()
def tcp_send(addr, port, size):
    s = socket.socket(socket.AF_INET6)
    s.settimeout(60)
    s.connect((addr, int(port)))
    block, left, h = os.urandom(1 << 16), int(size), hashlib.sha256()
    while left:
        n = min(left, len(block))
        s.sendall(block[:n])
        h.update(block[:n])
        left -= n
    s.shutdown(socket.SHUT_WR)
    answer = b""
    while data := s.recv(4096):
        answer += data
    print(answer.decode() == "%s %s" % (size, h.hexdigest()), answer.decode())
def ping(addr, count, size, wait, source=""):
    s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    if source:
        s.bind((source, 0))
    s.settimeout(float(wait))
    s.connect((addr, 0))
    for i in range(int(count)):
        data = bytes([128, 0, 0, 0]) + os.getpid().to_bytes(2, "big") + i.to_bytes(2, "big") + os.urandom(int(size))
        s.send(data)
        while (got := s.recv(4096))[:1] != bytes([129]) or got[6:8] != data[6:8]:
            pass
        if got[4:] != data[4:]:
            sys.exit("another echo came back")
    print("all came back")
def too_big(addr, port, size):
    heard = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    heard.settimeout(3)
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, 23, 2) # IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO
    s.sendto(bytes(int(size)), (addr, int(port)))
    while True:
        got, who = heard.recvfrom(4096)
        if got[0] == 2:
            print(who[0], int.from_bytes(got[4:8], "big"))
            return
try:
    globals()[what](*args)
except OSError as e:
    sys.exit("errno %s" % errno.errorcode.get(e.errno, "timeout"))
"""


def in_ns(name, *words):
    return ["ip", "netns", "exec", name, *words]


def program(name, what, *args):
    return in_ns(name, sys.executable, "-c", PROGRAMS, what, *map(str, args))


def out(*words, seconds=30):
    r = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds, check=False)
    return r.returncode, r.stdout.decode(errors="replace")


def start(net, words):
    with coyonet.signals.hold():
        p = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, preexec_fn=net.born())
        net.programs.append(p)
    if p.stdout.readline().strip() != "ready":
        raise coyonet.NetError("a program of the test did not start: %s" % words[-4:])
    return p


def address(node_id):
    """fd and the leading 120 bits of the id, of which the text has five a character."""
    alphabet = "abcdefghijklmnopqrstuvwxyz234567"
    v = 0
    for c in node_id[:24]:
        v = v << 5 | alphabet.index(c)
    b = b"\xfd" + v.to_bytes(15, "big")
    return ":".join("%x" % int.from_bytes(b[i:i + 2], "big") for i in range(0, 16, 2))


def wire(net, name, ends, mtu):
    """A veth pair between two namespaces, addresses at its ends, a udp-socket link over them."""
    (na, aa), (nb, ab) = ends
    lib.run("ip", "link", "add", "v" + aa, "netns", na, "mtu", str(mtu), "type", "veth", "peer", "name", "v" + ab, "netns", nb)
    for ns, at in ends:
        lib.run(*in_ns(ns, "ip", "link", "set", "v" + at, "mtu", str(mtu), "up"))
        lib.run(*in_ns(ns, "ip", "addr", "add", WORDS[at] + "/24", "dev", "v" + at))
    net.links.append((name, na, nb))
    for (ns, at), (other, there) in (ends, ends[::-1]):
        net.nodes[ns].links.append("[link %s]\ntype = udp-socket\nlocal = %s:6635\nremote = %s:6635\npeer = %s\n" % (
            name, WORDS[at], WORDS[there], net.nodes[other].id))


def make(net, mtu=1500, tun="", allow="", workers=1):
    net.workers = workers
    for n in ("a", "t", "b"):
        lib.run("ip", "netns", "add", n)
        lib.run(*in_ns(n, "ip", "link", "set", "lo", "up"))
        net.node(n).prefix = in_ns(n)
    wire(net, "a-t", (("a", "a"), ("t", "t")), mtu)
    wire(net, "t-b", (("t", "t2"), ("b", "b")), mtu)
    net.nodes["a"].extra = "[tun]\n" + tun
    net.nodes["b"].extra = "[tun]\n" + tun + ("allow = %s\n" % allow if allow else "")
    net.start()
    net.ready()


def unmake():
    for n in ("a", "t", "b"):
        subprocess.run(["ip", "netns", "del", n], check=False, stderr=subprocess.DEVNULL)


def drops(net, name, reason):
    return sum(r["count"] for r in net.nodes[name].rows("drops") if r["reason"] == reason)


def ping(where, addr, count=1, size=56, source="", wait=3):
    return out(*program(where, "ping", addr, count, size, wait, source))


def received(name):
    """Packets and bytes that the kernel of a node has from its TUN."""
    there = "cat /sys/class/net/coyo0/statistics/rx_"
    return [int(out(*in_ns(name, "sh", "-c", there + what))[1]) for what in ("packets", "bytes")]


def whole(net, size):
    """What is allowed works, with every size of packet."""
    a, b = net.nodes["a"], net.nodes["b"]
    to_b = address(b.id)
    rc, text = ping("a", to_b, 3)
    check(rc == 0, "ping of an address that nobody had told a of: %s" % text.strip())
    rc, text = ping("a", to_b, 2, 1232)
    check(rc == 0, "ping with packets of 1 280 bytes")
    start(net, program("b", "udp_echo", to_b, 5000))
    rc, text = out(*program("a", "udp_ask", to_b, 5000, 1, 100, 1180, 1232, 4000, 30000))
    check(rc == 0, "UDP both ways, datagrams of 1 to 30 000 bytes %s" % text.strip())
    rc, text = out(*program("a", "udp_run", to_b, 5000, 1000, 40))
    check(rc == 0, "and 40 datagrams that a program gives its kernel at once %s" % text.strip())
    start(net, program("b", "tcp_serve", to_b, 8000))
    before, began = received("b"), time.monotonic()
    rc, text = out(*program("a", "tcp_send", to_b, 8000, size), seconds=60)
    check(rc == 0 and text.startswith("True"), "TCP of %d MiB arrives whole (%.0f Mbit/s)" % (size >> 20, size * 8e-6 / (time.monotonic() - began)))
    packets, octets = (now - then for now, then in zip(received("b"), before))
    if "offload = no" in b.extra:
        check(octets / packets < 1281, "packet by packet, as offload = no says: %d bytes each" % (octets / packets))
    else:
        check(octets / packets > 2560, "b's kernel got its segments in runs: %d bytes each" % (octets / packets))
    check(b.told("IPv6 address of this node, on coyo0: fd"), "b has told its address in its log")
    check(net.path("a", "b")[0]["node"] == "a", "it was label-switched: a and b have a session")


def refused(net):
    """b allows nothing: what a asks for is refused at once, and answers to what b asked come."""
    a, b = net.nodes["a"], net.nodes["b"]
    began = time.monotonic()
    start(net, program("b", "tcp_serve", address(b.id), 8000))
    rc, text = out(*program("a", "tcp_send", address(b.id), 8000, 10))
    check(text.strip() == "errno EACCES", "a connect that b does not allow is refused: %s, %.1f s" % (text.strip(), time.monotonic() - began))
    rc, text = ping("a", address(b.id))
    check(text.strip() == "errno EACCES", "so is a ping: %s" % text.strip())
    check(drops(net, "b", "tun_refused") >= 2, "and b has counted them")


def reverse_path_checked(net):
    """A firewall that drops what comes by an interface by which its source is not reached lets the TUN's ICMPv6 in, as it has the far end's name."""
    to_b = address(net.nodes["b"].id)
    net.wait("the links to know what their way carries", lambda: all(r["mtu"] > 1400 for r in net.nodes["a"].rows("links")), 20)
    nft = shutil.which("nft") or "/usr/sbin/nft"
    if os.path.exists(nft):
        lib.run(*in_ns("a", nft, "table ip6 strict { chain in { type filter hook prerouting priority raw; iif coyo0 fib saddr . iif oif missing counter drop; }; }"))
    else:
        print("without a firewall that checks: nft, of Debian's package nftables")
    for i in range(20):  # a's session with b may be one that has not settled yet
        rc, text = out(*program("a", "too_big", to_b, 9, 1452))
        if rc == 0:
            break
    check(text.split() == [socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, to_b)), "1440"],
          "Packet Too Big comes from b's address: %s" % text.strip())
    mtu = out(*in_ns("a", "ip", "-6", "route", "get", to_b))[1]
    check("mtu 1440" in mtu, "and a's kernel goes by it")


def unreachable(net):
    ghost = address(net.ghost())
    began = time.monotonic()
    rc, text = out(*program("a", "tcp_send", ghost, 80, 10), seconds=60)
    check(text.strip() == "errno EHOSTUNREACH", "a connect to an address of no node ends: %s after %.1f s" % (text.strip(), time.monotonic() - began))


def spoofed(net):
    """A source that is not a's."""
    lib.run(*in_ns("a", "ip", "addr", "add", "fd99::1/128", "dev", "coyo0"))
    before = drops(net, "a", "tun_source")
    ping("a", address(net.nodes["b"].id), source="fd99::1", wait=0.1)
    net.wait("a to drop what has another source", lambda: drops(net, "a", "tun_source") > before, 5)
    check(True, "what has another source than a's address stays at a")


def second(net):
    """A daemon that wants the same interface."""
    n = net.node("c")
    n.prefix = in_ns("a")
    n.links = ["[listen l]\nlocal = 127.0.0.1:6699\n"]
    n.extra = "[tun]\n"
    n.write_conf()
    n.killed = True
    n.start()
    n.killed = True
    n.proc.wait(timeout=20)
    check("another process uses the interface coyo0" in n.tail(), "a second daemon there is refused: %s" % n.tail(1).strip())
    del net.nodes["c"]


def deleted(net):
    """Somebody deletes a's interface: the daemon says so and goes on."""
    a = net.nodes["a"]
    lib.run(*in_ns("a", "ip", "link", "del", "coyo0"))
    net.wait("a to say that its interface is gone", lambda: "the interface coyo0 has been deleted" in a.tail(3), 10)
    check(a.proc.poll() is None and a.rows("links"), "an interface that is deleted is told, and the daemon goes on")


def killed(net):
    b = net.nodes["b"]
    check("fd00::/8" in out(*in_ns("b", "ip", "-6", "route"))[1], "b has a route to the prefix")
    b.kill()
    b.proc.wait(timeout=10)
    net.wait("the interface to go", lambda: "coyo0" not in out(*in_ns("b", "ip", "link"))[1], 10)
    check("fd00::/8" not in out(*in_ns("b", "ip", "-6", "route"))[1], "after kill -9 neither interface nor route is left")


def narrow(net):
    """Underlays of 1 280 bytes carry 1 220 of a packet: one of 1 280 goes in two halves, and TCP does not notice."""
    a, b = net.nodes["a"], net.nodes["b"]
    to_b = address(b.id)
    net.wait("the links to know what their way carries", lambda: all(r["mtu"] <= 1220 for r in a.rows("links") + b.rows("links")), 20)
    before = net.worker_sum("a", "session_out_packets")
    rc, text = ping("a", to_b, 20, 1232)
    check(rc == 0, "20 pings of 1 280 bytes over an underlay of 1 280 %s" % text.strip())
    sent = net.worker_sum("a", "session_out_packets") - before
    check(40 <= sent < 60, "each was split in two: %d sealed packets" % sent)
    start(net, program("b", "tcp_serve", to_b, 8000))
    rc, text = out(*program("a", "tcp_send", to_b, 8000, 4 << 20), seconds=60)
    check(rc == 0 and text.startswith("True"), "TCP of 4 MiB arrives whole there")
    start(net, program("b", "udp_echo", to_b, 5000))
    check(out(*program("a", "udp_ask", to_b, 5000, 1, 1172, 1173, 1232, 20000))[0] == 0, "and UDP of every size")


def wide(net):
    """An MTU of 1 500 over links that carry 1 440: the kernel learns it from ICMPv6, for TCP and for UDP."""
    to_b = address(net.nodes["b"].id)
    start(net, program("b", "tcp_serve", to_b, 8000))
    rc, text = out(*program("a", "tcp_send", to_b, 8000, 4 << 20), seconds=60)
    check(rc == 0 and text.startswith("True"), "TCP of 4 MiB arrives whole with mtu = 1500")
    mtus = out(*in_ns("a", "ip", "-6", "route", "get", to_b))[1]
    check("mtu 1440" in mtus, "a's kernel has learnt that the path carries 1 440: %s" % mtus.split(" mtu ")[-1].strip())
    start(net, program("b", "udp_echo", to_b, 5000))
    check(out(*program("a", "udp_ask", to_b, 5000, 1, 1392))[0] == 0, "UDP comes and goes")
    out(*program("a", "udp_ask", to_b, 5000, 20000))  # b's kernel learns what the path carries from its own answer, which is lost by that
    check(out(*program("a", "udp_ask", to_b, 5000, 20000))[0] == 0, "and in fragments")


def by_id(net):
    """A rule is for whom it names."""
    a, b = net.nodes["a"], net.nodes["b"]
    b.kill()
    b.proc.wait(timeout=10)
    net.wait("b's interface to go", lambda: "coyo0" not in out(*in_ns("b", "ip", "link"))[1], 10)
    b.extra = "[tun]\nallow = tcp/8000 from %s, tcp/8001 from %s\n" % (a.id, net.nodes["t"].id)
    b.write_conf()
    b.start()
    net.ready()
    start(net, program("b", "tcp_serve", address(b.id), 8000))
    start(net, program("b", "tcp_serve", address(b.id), 8001))
    check(out(*program("a", "tcp_send", address(b.id), 8000, 10))[1].startswith("True"), "what is allowed from a comes in from a")
    check(out(*program("a", "tcp_send", address(b.id), 8001, 10))[1].strip() == "errno EACCES", "what is allowed from t does not")


def queues(net):
    """Four queues and two workers: what many flows send arrives in order, flow by flow, both ways."""
    a, b = net.nodes["a"], net.nodes["b"]
    threads = out("ps", "-L", "-o", "comm=", "-p", str(b.proc.pid))[1].split()
    check(sum(t.startswith("coyo-tun") for t in threads) == 4, "b has a thread for each of four queues")
    for name, other in (("a", "b"), ("b", "a")):
        start(net, program(other, "udp_count", address(net.nodes[other].id), 5000))
        came, late = map(int, out(*program(name, "udp_blast", address(net.nodes[other].id), 5000, 16, 2000))[1].split())
        check(came > 10000 and late <= came / 10000, "of %d datagrams of 16 flows from %s to %s %d were overtaken" % (came, name, other, late))
    start(net, program("b", "tcp_serve", address(b.id), 8000))
    rc, text = out(*program("a", "tcp_send", address(b.id), 8000, 32 << 20), seconds=60)
    check(rc == 0 and text.startswith("True"), "TCP of 32 MiB arrives whole")


def made_before(net):
    """Root has made the interface: a daemon without privileges uses it as it is."""
    n = net.nodes["a"]
    n.kill()
    n.proc.wait(timeout=10)
    net.wait("a's interface to go", lambda: "coyo0" not in out(*in_ns("a", "ip", "link"))[1], 10)
    n.prefix = in_ns("a", "setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", "--no-new-privs")
    n.start()
    n.killed = True
    n.proc.wait(timeout=20)
    said = n.tail(1).strip()
    check("may not make the interface coyo0: start coyod with CAP_NET_ADMIN, or let root say: ip tuntap add dev coyo0" in said,
          "without privileges it says what root is to say: %s" % said[-150:])
    for line in said.split("let root say: ")[1].replace("user USER", "user 0").split("; "):
        lib.run(*in_ns("a", *line.split()))
    n.start()
    net.ready()
    start(net, program("b", "tcp_serve", address(net.nodes["b"].id), 8000))
    check(out(*program("a", "tcp_send", address(net.nodes["b"].id), 8000, 1 << 20))[1].startswith("True"), "what it says is enough, and TCP goes")


def programs(net):
    """Programs nobody here wrote, as they come."""
    b = net.nodes["b"]
    for name in ("iperf3", "curl"):
        if not shutil.which(name):
            print("skipped: %s, of Debian's package of that name" % name)
            continue
        to_b = address(b.id)
        if name == "curl":
            with open(os.path.join(net.dir, "file"), "wb") as f:
                f.write(os.urandom(32 << 20))
            words, ask = ("python3", "-m", "http.server", "8080", "--bind", to_b, "-d", net.dir), \
                         ("curl", "-s", "-g", "-o", "-", "http://[%s]:8080/file" % to_b)
        else:
            words, ask = ("iperf3", "-s", "-B", to_b), ("iperf3", "-c", to_b, "-t", "3", "-P", "4", "-J")
        with coyonet.signals.hold():
            p = subprocess.Popen(in_ns("b", *words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 preexec_fn=net.born())
            net.programs.append(p)
        port = 8080 if name == "curl" else 5201
        net.wait("%s to listen" % name, lambda port=port: ":%d " % port in out(*in_ns("b", "ss", "-6tln"))[1], 20)
        r = subprocess.run(in_ns("a", *ask), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60, check=False)
        if name == "curl":
            with open(os.path.join(net.dir, "file"), "rb") as f:
                check(r.stdout == f.read(), "curl of 32 MiB from python's http.server")
        else:
            rate = json.loads(r.stdout)["end"]["sum_received"]["bits_per_second"]
            check(rate > 1e6, "iperf3, four streams: %.0f Mbit/s" % (rate / 1e6))


def case(body, **options):
    net = coyonet.Net(lib.build_dir())
    try:
        make(net, **options)
        body(net)
    except coyonet.NetError as e:
        print(e.detail)
        for n in net.nodes.values():
            print("--- %s\n%s" % (n.name, n.tail(25)))
            try:
                print([r for r in n.rows("drops") if r["count"]])
            except (coyonet.NetError, KeyError) as more:
                print(more)
        raise
    finally:
        net.stop()
        unmake()


def main():
    lib.own_network(named=True)
    if not os.path.exists("/dev/net/tun"):
        lib.skip("this machine has no /dev/net/tun")

    def default(net):
        whole(net, 4 << 20)
        spoofed(net)
        second(net)
        deleted(net)
        killed(net)

    def closed(net):
        refused(net)
        reverse_path_checked(net)
        if lib.everything():
            unreachable(net)

    def more(net):
        programs(net)
        by_id(net)
    case(default, tun="queues = 2\n", allow="tcp/8000, udp/5000, icmp")
    case(closed, tun="mtu = 1500\n")
    if lib.everything():
        case(lambda net: whole(net, 4 << 20), tun="offload = no\n", allow="any")
        case(queues, tun="queues = 4\nallow = any\n", workers=2)
        case(narrow, mtu=1280, allow="any")
        case(wide, tun="mtu = 1500\n", allow="any")
        case(made_before, allow="any")
        case(more, allow="any")


if __name__ == "__main__":
    main()
