#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Names of nodes for programs that ask DNS: `coyo resolver` beside a resolver on port 53 that others have there, asked by UDP and TCP, by dig where
it is installed, and by dnsmasq, which asks it for coyo alone; with the daemon running, stopped and gone, and after the resolver was killed."""
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

import lib
from lib import check, coyonet
from nss import Resolver, view

AT, PORT = "127.0.0.54", 53
A, NS, SOA, PTR, AAAA, OPT = 1, 2, 6, 12, 28, 41
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
PIPE = subprocess.PIPE


def wire(name):
    return b"".join(bytes([len(x)]) + x.encode() for x in name.split(".") if x) + b"\0"


def question(name, kind, number=1, edns=None):
    opt = b"" if edns is None else b"\0" + struct.pack("!HHIH", OPT, edns, 0, 0)
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 1 if opt else 0) + wire(name) + struct.pack("!HH", kind, 1) + opt


def parse(answer, name):
    """An answer's code, the types of its records but OPT, and the data of the first record."""
    _, flags, questions, answers, authority, additional = struct.unpack("!6H", answer[:12])
    check_quietly(flags & 0x8000 and questions == 1 and answer[12:12 + len(wire(name))].lower() == wire(name).lower())
    at, records = 12 + len(wire(name)) + 4, []
    for _ in range(answers + authority + additional):
        at += 1 if answer[at] == 0 else 2
        kind, _, _, n = struct.unpack("!HHIH", answer[at:at + 10])
        records.append((kind, answer[at + 10:at + 10 + n]))
        at += 10 + n
    check_quietly(at == len(answer))
    records = [r for r in records if r[0] != OPT] or [(None, b"")]
    return flags & 15, [k for k, _ in records if k], records[0][1]


def check_quietly(holds):
    if not holds:
        raise coyonet.NetError("an answer is malformed")


def ask(name, kind=AAAA, edns=None, at=(AT, PORT)):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(30)
        s.connect(at)
        s.send(question(name, kind, edns=edns))
        return parse(s.recv(4096), name)


def packed(address):
    return socket.inet_pton(socket.AF_INET6, address)


def reverse(address):
    return ".".join(reversed(packed(address).hex())) + ".ip6.arpa"


class World:
    """A daemon, the resolver of others on 127.0.0.1, and ours beside it."""

    def __init__(self, net):
        self.net, self.node = net, net.node("a", "[names]\n")
        self.node.extra += "me = %s\n" % self.node.id
        self.others, self.home = Resolver(), os.path.join(net.dir, "home")
        os.mkdir(self.home, 0o700)
        self.env = dict(os.environ, COYO_SOCKET=self.node.app, XDG_CONFIG_HOME=self.home)
        self.friend = net.ghost()

    def coyo(self, *words):
        return subprocess.run([self.net.bin("coyo"), *words], env=self.env, stdin=subprocess.DEVNULL, stdout=PIPE, stderr=PIPE, text=True, timeout=60, check=False)

    def starts(self, *words, **kw):
        p = subprocess.Popen(words, env=self.env, stdin=subprocess.DEVNULL, text=True, preexec_fn=self.net.born(), **kw)
        self.net.programs.append(p)
        return p

    def serve(self, *words):
        p = self.starts(self.net.bin("coyo"), "resolver", *words, stderr=PIPE)
        said = p.stderr.readline()
        check("resolver of names below coyo on " in said, said.strip())
        return p


def answers(w):
    me = view(w.node.id)
    check(ask("me.coyo") == (NOERROR, [AAAA], packed(me)), "me.coyo is %s" % me)
    check(ask("ME.Coyo") == ask("me.coyo") and ask("me.coyo", edns=1232) == ask("me.coyo"), "in upper case, and with EDNS, too")
    check(ask("%s.%s.coyo" % (w.node.id[:54], w.node.id[54:])) == ask("me.coyo"), "and so is its id's host name")
    check(w.coyo("names", "add", "friend", w.friend).returncode == 0 and ask("friend.coyo") == (NOERROR, [AAAA], packed(view(w.friend))),
          "a name of one's own is there at once")
    check(ask("me.coyo", A)[:2] == (NOERROR, [SOA]), "it has no IPv4 address")
    check(ask("nobody.coyo")[:2] == (NXDOMAIN, [SOA]), "nobody.coyo is nobody")
    check(ask("coyo", SOA)[:2] == (NOERROR, [SOA]) and ask("coyo", NS)[:2] == (NOERROR, [NS]), "the zone says that it is one")
    check(ask(reverse(me), PTR) == (NOERROR, [PTR], wire("me.coyo")), "the name of %s is me.coyo" % me)
    check(ask(reverse(view(w.friend)), PTR)[2] == wire("friend.coyo"), "and one's own name is that of its address")
    given = os.path.join(w.net.dir, "given")
    check(w.coyo("names", "export", "-o", given, "--control", w.node.control).returncode == 0 and w.coyo("names", "import", "--contact", "pal", given).returncode == 0
          and ask("friend.pal.coyo") == ask("friend.coyo"), "a name that a contact vouches for is there, too")
    check(w.coyo("names", "forget", "pal").returncode == 0 and w.coyo("names", "remove", "pal").returncode == 0 and ask("friend.pal.coyo")[0] == NXDOMAIN,
          "until the list is forgotten")
    check(ask(reverse("fd00::1"), PTR)[0] == REFUSED and ask("public.example", A)[0] == REFUSED, "what is somebody else's is refused")
    check(w.others.asked == [], "and nobody else is asked")


def by_tcp(w):
    """Several questions at once, in pieces, and the end of the client's words before the answers."""
    names = ["me.coyo", "nobody.coyo", "friend.coyo"] * 20
    with socket.create_connection((AT, PORT), timeout=30) as s:
        all_of = b"".join(struct.pack("!H", len(q)) + q for q in (question(n, AAAA, i) for i, n in enumerate(names)))
        for at in range(0, len(all_of), 1000):
            s.sendall(all_of[at:at + 1000])
        s.shutdown(socket.SHUT_WR)
        with s.makefile("rb") as f:
            got = []
            while head := f.read(2):
                got.append(f.read(struct.unpack("!H", head)[0]))
    check([struct.unpack("!H", g[:2])[0] for g in got] == list(range(60)), "sixty questions by TCP are answered in their order")
    check([parse(g, n)[0] for g, n in zip(got, names)] == [NOERROR, NXDOMAIN, NOERROR] * 20, "as by UDP")
    crowd = [socket.create_connection((AT, PORT), timeout=30) for _ in range(100)]
    for s in crowd:
        s.sendall(b"\0")
    with socket.create_connection((AT, PORT), timeout=30) as s:
        q = question("me.coyo", AAAA)
        s.sendall(struct.pack("!H", len(q)) + q)
        check(len(s.recv(2)) == 2, "a hundred clients that say half a word keep nobody out")
    for s in crowd:
        s.close()
    with socket.create_connection((AT, PORT), timeout=30) as s:
        s.sendall(b"\xff\xff" + bytes(100))
        try:
            end = s.recv(1)
        except ConnectionResetError:
            end = b""
        check(end == b"" and ask("me.coyo")[0] == NOERROR, "one that announces too much is left")
    for junk in (b"", b"x", bytes(12), bytes(500), os.urandom(100)):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(junk, (AT, PORT))
    check(ask("me.coyo")[0] == NOERROR, "nor does junk by UDP matter")


def dug(*words):
    r = subprocess.run(["dig", "+time=20", "+tries=1", *words], stdin=subprocess.DEVNULL, stdout=PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    return r.stdout


def by_programs(w):
    """dig, and dnsmasq as the manual says: it asks ours for coyo and for our part of ip6.arpa, and the others' for everything else."""
    if not shutil.which("dig"):
        print("    no dig here (bind9-dnsutils)")
        return
    me = view(w.node.id)
    for how in (), ("+tcp",), ("+noedns",), ("+bufsize=512",):
        said = dug("@" + AT, *how, "me.coyo", "AAAA")
        check("status: NOERROR" in said and me in said, "dig %s finds it" % " ".join(how))
    check("nobody is called nobody here" in dug("@" + AT, "nobody.coyo", "AAAA"), "dig prints why there is no such name")
    if not shutil.which("dnsmasq"):
        print("    no dnsmasq here (dnsmasq-base)")
        return
    w.others.asked = []
    w.starts("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--no-poll", "--bind-interfaces", "--user=", "--group=", "--pid-file=",
                 "--listen-address=127.0.0.2", "--cache-size=100", "--server=/coyo/%s#%d" % (AT, PORT), "--server=/d.f.ip6.arpa/%s#%d" % (AT, PORT),
                 "--server=127.0.0.1", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    through = "@127.0.0.2"
    w.net.wait("dnsmasq to answer", lambda: "status: NOERROR" in dug(through, "+time=1", "me.coyo", "AAAA"), every=0.05)
    check(dug(through, "+short", "me.coyo", "AAAA").split() == [me] and dug(through, "+short", "-x", me).split() == ["me.coyo."], "dnsmasq asks it for names and addresses")
    check("status: NXDOMAIN" in dug(through, "nobody.coyo", "AAAA"), "and says when nobody is called so")
    check(dug(through, "+short", "public.example", "A").split() == ["192.0.2.7"], "public names are the others'")
    check(set(w.others.asked) == {"public.example"}, "who were asked for nothing else")


def without_daemon(net, w):
    w.node.proc.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, w.node.proc.pid, os.WSTOPPED)  # until the last of its threads stands still
    waited, began = lib.Waited(net), time.monotonic()
    check([ask("me.coyo")[0] for _ in range(20)] == [SERVFAIL] * 20, "a daemon that is stopped: it is not known now")
    lib.within(time.monotonic() - began, 3, waited, "and that is told, of twenty questions,")
    check(ask("friend.coyo")[0] == NOERROR, "one's own names are found")
    w.node.proc.send_signal(signal.SIGCONT)
    net.wait("the daemon to be asked again", lambda: ask("me.coyo")[0] == NOERROR, every=0.05)
    w.node.killed = True
    w.node.proc.kill()
    w.node.proc.wait(20)
    check(ask("me.coyo")[0] == SERVFAIL and ask("%s.%s.coyo" % (w.node.id[:54], w.node.id[54:]))[0] == NOERROR, "a daemon that was killed: ids are found as before")


def refuses(w):
    taken = w.coyo("resolver", "-l", "127.0.0.1:53")
    check(taken.returncode == 1 and "name another address or port with -l" in taken.stderr, "a port that another resolver has is told")
    for at in ("0.0.0.0:5300", "192.0.2.1:53", "[::]:53", "127.0.0.1:0", "127.0.0.1", "localhost:53"):
        check(w.coyo("resolver", "-l", at).returncode == 2, "-l %s is refused" % at)
    check(w.coyo("resolver", "--prefix", "ff").returncode == 2, "and so is a prefix of multicast")


def body(net):
    w = World(net)
    etc = {f: os.stat("/etc/" + f) for f in ("resolv.conf", "hosts") if os.path.exists("/etc/" + f)}
    net.start()
    net.wait("the daemon to serve applications", lambda: os.path.exists(w.node.app), every=0.05)
    ours = w.serve("-l", "%s:%d" % (AT, PORT), "-l", "[::1]:53")
    net.wait("the daemon's names", lambda: ask("me.coyo")[0] == NOERROR, every=0.05)
    answers(w)
    by_tcp(w)
    by_programs(w)
    refuses(w)
    other = w.serve("-l", "127.0.0.3:5300", "--prefix", "fc")
    check(ask("me.coyo", at=("127.0.0.3", 5300))[2] == b"\xfc" + packed(view(w.node.id))[1:], "with another prefix, addresses begin with it")
    other.send_signal(signal.SIGTERM)
    check(other.wait(20) == 0, "SIGTERM ends it")
    without_daemon(net, w)
    ours.kill()
    ours.wait(20)
    check(ask("public.example", A, at=("127.0.0.1", 53))[0] == NOERROR, "after kill -9 the others' resolver answers as before")
    check(all(os.stat("/etc/" + f)[:8] == s[:8] and os.stat("/etc/" + f).st_mtime_ns == s.st_mtime_ns for f, s in etc.items()), "and resolv.conf and hosts are as they were")
    w.serve("-l", "%s:%d" % (AT, PORT))


def main():
    lib.own_network()
    lib.run("ip", "link", "set", "lo", "up")
    lib.main(body)


if __name__ == "__main__":
    main()
