#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Which programs of Debian work by which way, as an ordinary user: programs.py BUILDDIR [long] [--json] [--markdown] [PROGRAM...]

      a --- t1 --- t2 --- t3 --- b        programs at a ask those at b; each --- is a veth pair with a udp-socket link over it
             \\___________/

Each cell of the table in tests/lib/programs.py is tried and compared with what stands there: red is what no longer works, and what works by now though
the table says no. README quotes the table. A program that is not here is skipped by its package's name.
"""
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time

import lib
from lib import check, coyonet

import programs as table
from tun import address

PIPE = subprocess.PIPE
UID = 1000
TUN_PREFIX = "fc"  # not that of `coyo run`: what goes by the one cannot go by the other
FORWARDED = 1000  # what is added to a server's port where a forward serves it


class Way:
    """How a program at a names the server at b."""

    def __init__(self, name, node_id):
        self.name, self.address = name, TUN_PREFIX + address(node_id)[2:]
        self.host = {"[tun]": self.address, "[forward]": "127.0.0.1"}.get(name, "%s.%s.coyo" % (node_id[:54], node_id[54:]))
        self.bracketed = "[%s]" % self.host if ":" in self.host else self.host

    def port(self, what):
        """The port to ask: behind the proxy it is that of b's forward, as b's server is an ordinary one."""
        return table.PORTS[what] + (FORWARDED if self.name == "coyo proxy" else 0)

    def url(self, scheme):
        return "%s://%s:%d" % (scheme, self.bracketed, self.port(scheme))


class Bed:
    """Where programs run: a folder, and a user without rights in the network of a node."""

    def __init__(self, net):
        self.net, self.user, self.dir = net, "coyo", os.path.join(net.dir, "programs")
        self.size, self.files = ((1 << 30), 1000) if lib.everything() else (8 << 20, 50)
        self.started = []
        os.makedirs(self.dir)
        passwd = self.write("passwd", "")
        with open("/etc/passwd", encoding="utf-8") as f:
            others = [x for x in f if x.split(":")[2] != str(UID)]
        self.write("passwd", "coyo:x:%d:%d::%s:/bin/sh\n%s" % (UID, UID, self.dir, "".join(others)))
        lib.run("mount", "--bind", passwd, "/etc/passwd")

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.path(name)

    def environment(self, node, way, more):
        env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        env.update(COYO_SOCKET=self.net.nodes[node].app, HOME=self.dir, USER=self.user, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
        if way and way.name == "coyo proxy":
            env.update(ALL_PROXY="socks5h://127.0.0.1:1080", http_proxy="socks5h://127.0.0.1:1080")
        env.update(more or {})
        return env

    def popen(self, node, way, words, run=(), root=False, env=None, **kw):
        """A program in the network of a node, with rights there only where root says so."""
        shim = [self.net.bin("coyo"), "run", *run] if way and way.name == "coyo run" else []
        who = [] if root else ["unshare", "-U", "--map-user=%d" % UID, "--map-group=%d" % UID]
        kw = {"stdin": subprocess.DEVNULL, **kw}
        with coyonet.signals.hold():
            p = subprocess.Popen(["nsenter", "--net=/run/netns/" + node, *who, *shim, *map(str, words)], cwd=self.dir, start_new_session=True,
                                 env=self.environment(node, way, env), preexec_fn=self.net.born(), **kw)
            self.net.programs.append(p)
            self.started.append(p)
        return p

    def end(self, p):
        """Ends a program and what it has started."""
        with contextlib.suppress(OSError):
            os.killpg(p.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            p.wait(5)
        with contextlib.suppress(OSError):
            os.killpg(p.pid, signal.SIGKILL)
        p.wait(20)

    def close(self):
        for p in self.started:
            self.end(p)

    def plain(self, *words):
        p = self.popen("b", None, words, stdout=PIPE, stderr=subprocess.STDOUT)
        out = p.communicate(timeout=60)[0]
        if p.returncode:
            raise coyonet.NetError("%s: %s" % (words[0], out.decode(errors="replace")[-300:]))

    def start(self, way, *words, **kw):
        """A client at a."""
        return self.popen("a", way, words, **kw)

    def call(self, way, *words, seconds=30, status=0, **kw):
        """What a client at a prints; NetError where it fails."""
        p = self.start(way, *words, stdout=PIPE, stderr=PIPE, **kw)
        try:
            out, err = p.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.end(p)
            raise coyonet.NetError("%s: not within %d s" % (words[0], seconds)) from None
        if status is not None and p.returncode != status:
            said = (err.strip() or out.strip()).decode(errors="replace").replace("\n", "; ")
            raise coyonet.NetError("%s: status %d: %s" % (words[0], p.returncode, said[-300:]))
        return out

    def listens(self, p, way, port):
        """Whether somebody listens there: with the shim at the node, else in the network of the process."""
        if way.name == "coyo run":
            return any(r["state"] == "LISTEN" and r["local_port"] == port for r in self.net.nodes["b"].rows("connections"))
        for name in ("tcp", "tcp6"):
            with open("/proc/%d/net/%s" % (p.pid, name), encoding="ascii") as f:
                if re.search(r":%04X [0-9A-F]+:0000 0A " % port, f.read()):
                    return True
        return False

    @contextlib.contextmanager
    def serving(self, way, what, *words, env=None):
        """A server at b, until the block ends."""
        ports = [table.PORTS[x] for x in what]
        log = self.path("server.log")
        with open(log, "wb") as f:
            p = self.popen("b", way, words, run=["--listen", ",".join(map(str, ports))], env=env, stdout=f, stderr=subprocess.STDOUT)
        try:
            self.net.wait("%s to listen" % words[0], lambda: p.poll() is not None or all(self.listens(p, way, x) for x in ports), 20, every=0.02)
            if p.poll() is not None:
                with open(log, encoding="utf-8", errors="replace") as f:
                    raise coyonet.NetError("%s ended with status %d: %s" % (words[0], p.returncode, f.read()[-300:]))
            yield p
        finally:
            self.end(p)
            if way.name == "coyo run":
                self.net.wait("its ports to be free", lambda: not any(self.listens(p, way, x) for x in ports), 20, every=0.02)

    def serve_once(self, way, what, *words, env=None):
        """What a server says that goes into the background by itself."""
        p = self.popen("b", way, words, run=["--listen", str(table.PORTS[what])], env=env, stdout=PIPE, stderr=subprocess.STDOUT)
        lines = []
        for line in p.stdout:
            lines.append(line.decode(errors="replace"))
            if "pid = " in line.decode(errors="replace"):
                break
        p.wait(20)
        return "".join(lines)


def make(net):
    """Five nodes; b's servers are reached by forwards, a has a proxy and its ends of the forwards."""
    lib.machines(net, coyonet.FIVE_NODES)
    for i, (x, y) in enumerate(coyonet.FIVE_EDGES):
        lib.joined(net, x, y, i)
    a, b = net.nodes["a"], net.nodes["b"]
    tun = "[tun]\nprefix = %s\n" % TUN_PREFIX
    a.extra, b.extra = tun, tun + "allow = any\n"
    for what, port in table.PORTS.items():
        a.extra += "[forward %s]\nlisten = 127.0.0.1:%d\nto = %s:%d\n" % (what, port, b.id, port + FORWARDED)
        b.extra += "[forward %s]\nlisten = coyo:%d\nto = 127.0.0.1:%d\nallow = any\n" % (what, port + FORWARDED, port)
    net.start()
    net.ready()


def try_cell(bed, row, way):
    """(whether it works, what it did or why not)."""
    try:
        return True, row.try_(bed, way)
    except (coyonet.NetError, OSError, subprocess.SubprocessError, ValueError, IndexError) as e:
        return False, str(e)


def try_rows(bed, rows, found, show):
    """Adds a dict for each cell, as --json has it, to found; what is otherwise than written."""
    wrong = []
    for row in rows:
        missing = row.missing()
        for way in (Way(name, bed.net.nodes["b"].id) for name in table.WAYS):
            cell = {"program": row.name, "way": way.name, "expected": row.cells[way.name], "works": None,
                    "text": "skipped: as root, apt-get install " + " ".join(missing)}
            if not missing:
                began = time.monotonic()
                cell["works"], cell["text"] = try_cell(bed, row, way)
                cell["seconds"] = round(time.monotonic() - began, 1)
                if cell["works"] != (cell["expected"] == table.YES):
                    wrong.append("%s by %s %s: %s" % (row.name, way.name, "works by now" if cell["works"] else "does not work", cell["text"]))
            found.append(cell)
            show(cell)
    return wrong


def markdown(rows):
    """The table as README has it."""
    lines = ["| program | %s |" % " | ".join("`%s`" % w for w in table.WAYS), "|---" * (len(table.WAYS) + 1) + "|"]
    for row in rows:
        lines.append("| %s | %s |" % (row.name, " | ".join(c if c == table.YES else "no: " + c for c in row.cells.values())))
    return "\n".join(lines) + "\n"


def in_readme():
    with open(os.path.join(coyonet.ROOT, "README.md"), encoding="utf-8") as f:
        check(markdown(table.ROWS) in f.read(), "README has this table")


def show(cell):
    works = {None: "skipped", True: "yes", False: "no"}[cell["works"]]
    text = cell["text"] if cell["works"] is not False or cell["expected"] == table.YES else "%s (%s)" % (cell["expected"], cell["text"])
    print("%-30s %-11s %-8s %s" % (cell["program"], cell["way"], works, text), flush=True)


def main():
    options = [x for x in sys.argv[2:] if x.startswith("--")]
    if "--markdown" in options:
        print(markdown(table.ROWS), end="")
        return
    wanted = [x for x in sys.argv[2:] if not x.startswith("--") and x != "long"]
    rows = [r for r in table.ROWS if (r.name.startswith(tuple(wanted)) if wanted else r.short or lib.everything())]
    if lib.sanitized():
        lib.skip("a library that is sanitized cannot be loaded into these programs")
    lib.own_network(named=True)
    if not os.path.exists("/dev/net/tun"):
        lib.skip("this machine has no /dev/net/tun")
    coyonet.signals.install()
    found, wrong, as_json = [], [], "--json" in options

    def body(net):
        make(net)
        bed = Bed(net)
        proxy = bed.popen("a", None, [net.bin("coyo"), "proxy", "-l", "127.0.0.1:1080"], stderr=PIPE)
        proxy.stderr.readline()
        try:
            wrong.extend(try_rows(bed, rows, found, (lambda _: None) if as_json else show))
        finally:
            bed.close()

    good = lib.attempt(body, coyonet.Net(build=lib.build_dir()))
    if as_json:
        print(json.dumps({"cells": found, "wrong": wrong}, indent=1))
    for text in wrong:
        print("FAIL " + text, file=sys.stderr)
    if not good or wrong:
        sys.exit(1)
    if not wanted and not as_json:
        in_readme()
        check(True, "every cell is as the table says")


if __name__ == "__main__":
    main()
