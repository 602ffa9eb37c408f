#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Names of nodes for every program that asks libc: getent with libnss_coyo, whose nsswitch.conf and resolv.conf are the test's own (in a mount
namespace), beside files and a resolver on port 53, with the daemon running, stopped, and gone."""
import ipaddress
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import lib
from lib import check, coyonet

PUBLIC = {"public.example": "192.0.2.7"}


class Resolver(threading.Thread):
    """Port 53 of this namespace: knows one public name, and remembers what it was asked."""

    def __init__(self):
        super().__init__(daemon=True)
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        self.start()

    def run(self):
        while True:
            question, client = self.socket.recvfrom(512)
            labels, at = [], 12
            while question[at]:
                labels.append(question[at + 1:at + 1 + question[at]].decode())
                at += 1 + question[at]
            name, kind = ".".join(labels).lower(), struct.unpack("!H", question[at + 1:at + 3])[0]
            self.asked.append(name)
            known = name in PUBLIC
            answer = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + socket.inet_aton(PUBLIC[name]) if known and kind == 1 else b""
            head = question[:2] + struct.pack("!HHHHH", 0x8580 | (0 if known else 3), 1, 1 if answer else 0, 0, 0)
            self.socket.sendto(head + question[12:at + 5] + answer, client)


class World:
    """The daemon, the resolver, and programs that see files of their own in /etc."""

    def __init__(self, net):
        self.net, self.node = net, net.node("a", "[names]\n")
        self.node.extra += "me = %s\n" % self.node.id
        self.resolver, self.files = Resolver(), {}
        for name, text in (("nsswitch.conf", ""), ("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"),
                           ("hosts", "127.0.0.1 localhost\n192.0.2.9 written.example\n")):
            self.files[name] = os.path.join(net.dir, name)
            with open(self.files[name], "w", encoding="ascii") as f:
                f.write(text)
        self.home = os.path.join(net.dir, "home")
        os.mkdir(self.home, 0o700)

    def switch(self, services):
        with open(self.files["nsswitch.conf"], "w", encoding="ascii") as f:
            f.write("passwd: files\nhosts: %s\n" % services)

    def runs(self, *words, **env):
        """A program's status and what it says."""
        mounts = " && ".join("mount --bind '%s' /etc/%s" % (path, name) for name, path in self.files.items())
        env = dict(os.environ, LD_LIBRARY_PATH=os.path.join(self.net.build, "common/nss"), COYO_SOCKET=self.node.app, XDG_CONFIG_HOME=self.home, **env)
        r = subprocess.run(["unshare", "-m", "sh", "-c", mounts + ' && exec "$@"', "sh", *words], env=env, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        return r.returncode, r.stdout

    def addresses(self, name):
        """What getaddrinfo says: the addresses, and the name that getent prints behind the first one."""
        status, said = self.runs("getent", "ahosts", name)
        rows = [line.split() for line in said.splitlines()]
        return (sorted({r[0] for r in rows}), next((r[2] for r in rows if len(r) > 2), "")) if status == 0 else None

    def asked(self):
        """What the resolver was asked since the last look."""
        asked, self.resolver.asked = self.resolver.asked, []
        return asked


def view(node_id):
    """The IPv6 address that coyo id prints: fd, then the first 24 characters of the id, five bits each."""
    bits = int("".join(format("abcdefghijklmnopqrstuvwxyz234567".index(c), "05b") for c in node_id[:24]), 2)
    return str(ipaddress.IPv6Address((0xfd << 120) | bits))


def finds(w):
    me = view(w.node.id)
    check(me in w.runs(w.net.bin("coyo"), "id", os.path.join(w.node.dir, "key"))[1].split(), "coyo id prints the address %s" % me)
    check(w.addresses("me.coyo") == ([me], "me.coyo"), "getent finds me.coyo")
    check(w.addresses("ME.Coyo.") == ([me], "me.coyo"), "in upper case and with a dot behind, too")
    host = "%s.%s.coyo" % (w.node.id[:54], w.node.id[54:])
    check(w.addresses(host) == ([me], host) and w.addresses(w.node.id) == ([me], host), "and an id in both forms")
    check(w.runs("getent", "hosts", me)[1].split() == [me, "me.coyo"], "and the name of an address")
    friend = w.net.ghost()
    check(w.runs(w.net.bin("coyo"), "names", "add", "friend", friend)[0] == 0 and w.addresses("friend.coyo") == ([view(friend)], "friend.coyo"),
          "and a name of one's own")
    coyo, given = w.net.bin("coyo"), os.path.join(w.net.dir, "given")
    check(w.runs(coyo, "names", "export", "-o", given, COYO_CONTROL=w.node.control)[0] == 0 and w.runs(coyo, "names", "import", "--contact", "pal", given)[0] == 0
          and w.addresses("friend.pal.coyo") == ([view(friend)], "friend.pal.coyo"), "and a name that a contact vouches for")
    check(w.asked() == [], "the resolver was asked for none of them")


def leaves_others_alone(w):
    check(w.addresses("public.example") == ([PUBLIC["public.example"]], "public.example"), "a public name is the resolver's")
    check(w.addresses("written.example") == (["192.0.2.9"], "written.example"), "one that is in /etc/hosts is that file's")
    check("127.0.0.1" in w.addresses("localhost")[0], "localhost is itself")
    check(w.addresses("nowhere.example") is None, "one that is nowhere is not found")
    check(set(w.asked()) == {"public.example", "nowhere.example"}, "and the resolver was asked for what is not in files")
    check(w.addresses("nobody.coyo") is None, "a name that nobody has is not found")
    check(w.asked() == [], "and does not leave this machine")
    status, said = w.runs(sys.executable, "-c", "import ctypes; print(ctypes.CDLL(None).gethostbyname(b'me.coyo'))")
    check((status, said.strip(), w.asked()) == (0, "0", []), "nor does one that a program asks for by gethostbyname(), which knows IPv4 alone")
    w.switch("files coyo dns")
    check(w.addresses("me.coyo") is not None and w.addresses("public.example") is not None, "without [NOTFOUND=return] all is found as well")
    w.asked()
    check(w.addresses("nobody.coyo") is None and set(w.asked()) == {"nobody.coyo"}, "but the resolver hears of names that nobody has")
    w.switch("files coyo [NOTFOUND=return] dns")


def without_daemon(net, w):
    w.node.proc.send_signal(signal.SIGSTOP)
    waited, began = lib.Waited(net), time.monotonic()
    check(w.addresses("me.coyo") is None, "a daemon that is stopped: not found")
    lib.within(time.monotonic() - began, 1.5, waited, "and that is told")
    check(w.addresses("friend.coyo") is not None, "one's own names are found, as nobody is asked")
    w.node.proc.send_signal(signal.SIGCONT)
    w.node.killed = True
    w.node.proc.kill()
    w.node.proc.wait(20)
    waited, began = lib.Waited(net), time.monotonic()
    check(w.addresses("me.coyo") is None, "a daemon that was killed: not found")
    lib.within(time.monotonic() - began, 1, waited, "and that is told")
    check(w.addresses("public.example") is not None and w.addresses(w.node.id) is not None, "public names and ids are found as before")


def body(net):
    w = World(net)
    w.switch("files coyo [NOTFOUND=return] dns")
    net.start()
    net.wait("the daemon to serve applications", lambda: os.path.exists(w.node.app) and w.addresses("me.coyo"), every=0.05)
    w.asked()
    finds(w)
    leaves_others_alone(w)
    before = [os.stat(f).st_mtime_ns for f in w.files.values()]
    without_daemon(net, w)
    check(before == [os.stat(f).st_mtime_ns for f in w.files.values()], "nothing was written to resolv.conf, hosts or nsswitch.conf")


def main():
    lib.own_network()
    if not shutil.which("getent") or not os.path.exists("/etc/nsswitch.conf"):
        lib.skip("this machine's libc has no name service switch (getent, /etc/nsswitch.conf)")
    lib.run("ip", "link", "set", "lo", "up")
    lib.main(body)


if __name__ == "__main__":
    if lib.sanitized():
        lib.skip("a program that is not sanitized cannot load a library that is")
    main()
