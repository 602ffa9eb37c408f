#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Names of nodes: [names] of the configuration and its file, asked for on the application socket, by coyo and by coyoctl, before and after a
reload. One daemon on its own, which others' names need not find."""
import os
import signal
import socket
import subprocess
import time

import lib
from lib import check, coyonet

PIPE = subprocess.PIPE


class Place:
    """The daemon, its file of names, and what it is asked."""

    def __init__(self, net):
        self.net = net
        self.node = net.node("a")
        self.other = net.ghost()
        self.file = os.path.join(self.node.dir, "names")
        self.write("", "phone = %s\n" % self.other)

    def write(self, lines, rows):
        with open(self.file, "w", encoding="ascii") as f:
            f.write(lines)
        self.node.extra = "[names]\nme = %s\n%sfile = %s\n" % (self.node.id, rows, self.file)
        self.node.write_conf()

    def reload(self):
        return self.node.ctl("reload")

    def asks(self, *lines):
        """The answers to lines that one client sends at once."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            s.connect(self.node.app)
            s.sendall("".join(line + "\n" for line in lines).encode())
            with s.makefile("r") as answer:
                return [answer.readline().rstrip("\n") for _ in lines]


def daemon_answers(net, p):
    me, other = p.node.id, p.other
    check(p.asks("resolve me", "resolve PHONE.coyo", "resolve nobody", "version") == [
        "is %s me" % me, "is %s phone" % other, "error ENOENT nobody is called nobody here: see [names] in coyod's configuration", "ok 1"],
        "the application socket answers names")
    check(p.asks("name " + other, "name " + me[:24], "name " + "a" * 24) == [
        "is %s phone" % other, "is %s me" % me, "error ENOENT this id has no name here"], "and says what an id is called, also for its start")
    check(all(a.startswith("error EINVAL") for a in p.asks("resolve a_b", "resolve", "resolve " + other, "name phone")), "what is no question is refused")


def reload_changes_names(net, p):
    p.write("%s laptop laptop.work # a file's\n" % p.other, "")
    check(p.reload()["applied"] == ["[names] replaced"], "a reload takes other names")
    check(p.asks("resolve laptop.work", "resolve phone", "name " + p.other) == [
        "is %s laptop.work" % p.other, "error ENOENT nobody is called phone here: see [names] in coyod's configuration", "is %s laptop" % p.other],
        "and applications have them at once")
    p.write("%s laptop.work laptop\n" % p.other, "")
    check(p.reload()["applied"] == ["[names] replaced"] and p.asks("name " + p.other) == ["is %s laptop.work" % p.other],
          "another order is another name for an id that has two")
    check(p.reload()["applied"] == [], "the same names once more are no change")
    p.write("%s me\n" % p.other, "")
    refused = p.node.ctl("reload", check=False)
    check("error" in refused, "a reload with names that contradict each other changes nothing")
    check(p.node.told("%s:1: `me` means another id already" % p.file), "and the log says which line")
    check(p.asks("resolve laptop")[0].startswith("is "), "the names before it stay")
    p.write("%s laptop\n" % p.other, "phone = %s\n" % p.other)
    p.node.proc.send_signal(signal.SIGHUP)
    net.wait("SIGHUP to bring names", lambda: p.asks("resolve phone")[0].startswith("is "), every=0.02)


def programs_take_names(net, p):
    listener = net.coyo("a", "listen", "7000", stdin=subprocess.DEVNULL, stdout=PIPE, stderr=PIPE)
    net.listening("a", 7000)
    c = net.coyo("a", "connect", "Me.Coyo", "7000", stdin=PIPE, stdout=PIPE, stderr=PIPE)
    out, _ = c.communicate(b"by name", timeout=30)
    check(listener.communicate(timeout=30)[0] == b"by name" and c.returncode == 0, "coyo connect takes a name")
    c = net.coyo("a", "connect", "nobody", "7000", stdin=PIPE, stdout=PIPE, stderr=PIPE)
    out, err = c.communicate(timeout=30)
    check(c.returncode == 2 and b"nobody is called nobody here" in err, "and says where nobody is called so")
    check(p.node.ctl("lookup", "me")["name"] == "a", "coyoctl takes one, too")
    check(p.node.ctl("show", "config")["names"] == {"laptop": p.other, "me": p.node.id, "phone": p.other}, "show config lists them")


class User:
    """A user with a home of its own, who runs coyo and coyoctl."""

    def __init__(self, net, p):
        self.net, self.node = net, p.node
        self.home = os.path.join(net.dir, "home")
        os.mkdir(self.home, 0o700)
        self.file = os.path.join(self.home, "coyo", "names")

    def runs(self, program, *words):
        env = dict(os.environ, XDG_CONFIG_HOME=self.home, COYO_SOCKET=self.node.app, COYO_CONTROL=self.node.control)
        r = subprocess.run([self.net.bin(program), *words], env=env, stdin=subprocess.DEVNULL, stdout=PIPE, stderr=PIPE, text=True, timeout=60, check=False)
        return r.returncode, r.stdout, r.stderr

    def names(self, *words):
        return self.runs("coyo", "names", *words)


def own_names(net, p):
    u = User(net, p)
    me, other = p.node.id, p.other
    check(u.names() == (0, "", ""), "coyo names: none at first")
    check(u.names("add", "Friend.coyo", other) == (0, "", ""), "coyo names add")
    check(u.names() == (0, "friend  %s\n" % other, ""), "and it is listed")
    check(u.names("show", other) == (0, "friend  yours\nphone  coyod's\n", ""), "coyo names show: one's own names first, then the daemon's")
    status, out, err = u.names("add", "phone", me)
    check(status == 0 and "coyod calls %s so" % other[:8] in err, "a name that the daemon gives to another id may be one's own, and that is said")
    check(u.names()[1] == "friend  %s\nphone   %s  # not coyod's %s\n" % (other, me, other[:8]), "also in the list")
    check(u.runs("coyoctl", "lookup", "phone")[1].split("\n")[0] == me, "coyoctl goes by one's own name first")
    check(u.runs("coyoctl", "lookup", "me")[1].split("\n")[0] == me, "and by the daemon's where there is none")
    check(u.names("add", "friend", me)[0] == 1, "a name of one's own is not given to another id")
    check(u.names("remove", "phone") == (0, "", "") and u.names("remove", "phone")[0] == 2, "coyo names remove")
    check(u.names("add", "a_b", me)[0] == 2 and u.names("add", "x", "y")[0] == 2 and u.names("add", "x")[0] == 2, "what is no name or no id is refused")
    with open(u.file, "a", encoding="ascii") as f:
        f.write("%s one two three four five six\n" % other)
    os.kill(p.node.proc.pid, signal.SIGSTOP)
    began = time.monotonic()
    listed = u.names()
    took = time.monotonic() - began
    os.kill(p.node.proc.pid, signal.SIGCONT)
    check(listed[0] == 0 and listed[1].count("\n") == 7 and took < 5, "a daemon that does not answer is waited for once, not for each name")
    os.chmod(u.file, 0o666)
    for program, words in (("coyo", ("connect", "me", "7000")), ("coyoctl", ("lookup", "me")), ("coyo", ("names",))):
        status, _, err = u.runs(program, *words)
        check(status == 1 and "can be written by others" in err, "%s %s: names that others may write are nobody's" % (program, words[0]))


def names(net):
    p = Place(net)
    p.node.start()
    net.wait("the daemon to serve applications", lambda: os.path.exists(p.node.app) and p.asks("version"), every=0.02)
    daemon_answers(net, p)
    reload_changes_names(net, p)
    programs_take_names(net, p)
    own_names(net, p)


if __name__ == "__main__":
    lib.main(names)
