#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Names of nodes: [names] of the configuration and its file, asked for on the application socket, by coyo and by coyoctl, before and after a
reload; a user's own names, and a list of them that another user takes. One daemon on its own, which others' names need not find."""
import json
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

    def __init__(self, net, p, home="home"):
        self.net, self.node = net, p.node
        self.home = os.path.join(net.dir, home)
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


def signed_names(net, p):
    """Alice, who may use the daemon's control socket, hands a list of her names to Bob, who knows her node."""
    alice, bob = User(net, p, "alice"), User(net, p, "bob")
    me, other = p.node.id, p.other
    given = os.path.join(net.dir, "alice.names")

    def means(name):
        """The id, or the exit status of coyo."""
        status, out, _ = bob.names("show", "--json", name)
        return json.loads(out)["id"] if status == 0 else status

    def refused(status, word, *words):
        said = bob.names(*words)
        check(said[0] == status and said[1] == "" and word in said[2], "refused: %s (%s)" % (word, said[2].strip()[:150]))

    for name, node in (("box", me), ("tv.den", other)):
        check(alice.names("add", name, node)[0] == 0, "alice calls a node %s" % name)
    check(alice.names("export", "--as", "Alice", "-o", given) == (0, "", ""), "alice exports her names, signed by her node")
    with open(given, encoding="ascii") as f:
        first = f.read()
    check(first.startswith("coyo-names 1\nsigner %s\n" % me) and "\nas alice\n%s box\n%s tv.den\nsignature " % (me, other) in first, "the list says who signed it")
    check(p.node.told("signed a list of 2 names"), "the daemon's log tells it")
    check(alice.names("export", "nobody")[0] == 2 and alice.names("export", "--expires", "0")[0] == 2, "what is no name of hers is not exported")
    refused(1, "calls itself alice: if you know whose id it is, name it by --contact", "import", given)
    check(bob.names("import", "--contact", "ally", given) == (0, "ally vouches for 2 names: NAME.ally\n", ""), "bob takes the list of somebody whom he names")
    check(bob.names() == (0, "%-11s  %s\n%-11s  %s  # ally vouches\n%-11s  %s  # ally vouches\n" % ("ally", me, "box.ally", me, "tv.den.ally", other), ""),
          "coyo names lists them with who vouches")
    rows = json.loads(bob.names("--json")[1])
    check(rows["names"][1] == {"name": "box.ally", "id": me, "contact": "ally", "expired": False} and rows["names"][0]["contact"] is None, "as JSON, too")
    check("tv.den.ally  ally's\n" in bob.names("show", other)[1], "coyo names show says who calls a node so")
    check(bob.runs("coyoctl", "lookup", "BOX.Ally.coyo")[1].split("\n")[0] == me and means("box.ally") == me, "coyoctl takes NAME.CONTACT")
    listener = net.coyo("a", "listen", "7001", stdin=subprocess.DEVNULL, stdout=PIPE, stderr=PIPE)
    net.listening("a", 7001)
    env = dict(os.environ, XDG_CONFIG_HOME=bob.home, COYO_SOCKET=p.node.app)
    subprocess.run([net.bin("coyo"), "connect", "box.ally.coyo", "7001"], env=env, input=b"by a contact's name", timeout=60, check=True)
    check(listener.communicate(timeout=30)[0] == b"by a contact's name", "coyo connect takes NAME.CONTACT.coyo")
    status, out, _ = bob.runs("coyo", "run", "getent", "ahosts", "box.ally.coyo")
    check(status == 0 and out.startswith("fd"), "a program under coyo run finds its address")

    # Replaced by what is newer, and by nothing else.
    check(alice.names("remove", "box")[0] == 0 and alice.names("add", "box", other)[0] == 0, "alice calls another node so")
    check(alice.names("export", "--expires", "30", "-o", given)[0] == 0 and bob.names("import", given)[0] == 0, "bob takes her newer list by her id")
    check(means("box.ally") == other, "and the name means what she says now")
    with open(given, encoding="ascii") as f:
        second = f.read()
    old = os.path.join(net.dir, "old.names")
    hostile = ((first, "you have a newer one of this contact"), (second.replace(" box\n", " bix\n"), "the list was changed on its way, or forged"),
               (second.replace(other + " box", me + " box"), "the list was changed"), (second.replace("expires ", "expires 9"), "the list was changed"),
               (second.replace("signer " + me, "signer " + other), "the list was changed"), (second[:-9], "cut off"), (second + "\n", "nothing may stand"),
               (second.replace("%s box\n" % other, "%s box\n%s box\n" % (other, other)), "stands twice"), (second.replace(" box", " b_x"), "no name behind its id"),
               (second.replace("coyo-names 1", "coyo-names 2"), "version 2"), ("", "no list of names"), ("x" * 300000, "smaller than 256 KiB"))
    for text, word in hostile:
        with open(old, "w", encoding="ascii") as f:
            f.write(text)
        refused(1, word, "import", old)
    refused(1, "is your name for", "import", "--contact", "ally2", given) if bob.names("add", "ally2", other)[0] == 0 else check(False, "a name")
    check(means("box.ally") == other and bob.names("remove", "ally2")[0] == 0, "none of them has changed anything")

    # Never in the place of bob's own.
    check(bob.names("add", "box.ally", me)[0] == 0 and means("box.ally") == me, "bob's own name goes before his contact's")
    check(bob.names("remove", "box.ally")[0] == 0 and means("box.ally") == other, "which is there again without it")
    check(means("box") == 2, "and no name of a list stands without its contact")
    check(means("laptop") == p.other, "the daemon's names stay")
    code = json.loads(bob.names("import", "--json", old)[1])
    check(code["code"] == "EFBIG", "errors as JSON have their code")
    check(bob.names("forget", "ally") == (0, "", "") and bob.names("forget", "ally")[0] == 2, "coyo names forget")
    check(means("box.ally") == 2 and bob.names() == (0, "ally  %s\n" % me, ""), "and they are gone")
    env = dict(os.environ, XDG_CONFIG_HOME=alice.home, COYO_CONTROL=os.path.join(net.dir, "nothing"))
    r = subprocess.run([net.bin("coyo"), "names", "export"], env=env, stdout=PIPE, stderr=PIPE, text=True, timeout=60, check=False)
    check(r.returncode == 3 and "coyod is not running" in r.stderr, "without a control socket nothing is signed")


def names(net):
    p = Place(net)
    p.node.start()
    net.wait("the daemon to serve applications", lambda: os.path.exists(p.node.app) and p.asks("version"), every=0.02)
    daemon_answers(net, p)
    reload_changes_names(net, p)
    programs_take_names(net, p)
    own_names(net, p)
    signed_names(net, p)


if __name__ == "__main__":
    lib.main(names)
