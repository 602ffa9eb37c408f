#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""coyo listen PORT -- COMMAND: programs made for inetd serve with nothing between, and the service outlives commands, peers and daemons.
Usage: tests/e2e/serve.py BUILD [long]

      a --- t --- b        services are on b
"""
import contextlib
import os
import pwd
import resource
import select
import shutil
import signal
import socket
import subprocess
import time

import lib
from lib import check, coyonet

import appsock

PIPE = subprocess.PIPE
# Its first line tells whom it takes the caller for; then it says what it hears.
ECHO = ["sh", "-c", 'echo "$COYO_PEER $COYO_PEER_SHORT $COYO_PORT $COYO_LOCAL $$"; exec cat']
SBIN = os.environ["PATH"] + ":/usr/sbin:/sbin"


class Service:
    """coyo listen of b. `before`: words of a command that begins coyo."""

    def __init__(self, net, ports, command, *options, before=(), wait=True, **kw):
        self.net, self.port = net, int(str(ports).split(",", maxsplit=1)[0])
        self.err = open(os.path.join(net.dir, "serve-%s" % ports), "w+b")
        env = {**os.environ, "COYO_SOCKET": net.nodes["b"].app, **kw}
        with coyonet.signals.hold():
            self.p = subprocess.Popen([*before, net.bin("coyo"), "listen", *options, str(ports), "--", *command], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=self.err, env=env, preexec_fn=net.born())
            net.programs.append(self.p)
        if wait:
            net.listening("b", self.port)

    def said(self):
        return os.pread(self.err.fileno(), 1 << 20, 0).decode(errors="replace")

    def says(self, words, seconds=30.0):
        self.net.wait("coyo listen to say %r" % words, lambda: words in self.said(), seconds, every=0.02)

    def children(self, state=None):
        """pids of its processes that have not been taken, {} in this state of ps."""
        out = subprocess.run(["ps", "-o", "pid=,stat=", "--ppid", str(self.p.pid)], stdout=PIPE, text=True, check=False).stdout
        rows = [line.split() for line in out.splitlines()]
        return [int(r[0]) for r in rows if state is None or r[1].startswith(state)]

    def quiet(self):
        self.net.wait("its commands to have ended", lambda: not self.children(), every=0.02)

    def end(self, want=0):
        self.p.send_signal(signal.SIGTERM)
        status = self.p.wait(60)
        if status != want:
            raise coyonet.NetError("coyo listen ended with status %s, not %s: %s" % (status, want, self.said()))


def connect(net, port, node="a"):
    """A stream to b as a socket."""
    client = appsock.AppClient(net.nodes[node].app)
    try:
        s = client.connect(net.nodes["b"].id, port)
    finally:
        client.close()
    s.settimeout(60)
    return s


def line(s):
    got = b""
    while not got.endswith(b"\n"):
        data = s.recv(1)
        if not data:
            raise coyonet.NetError("the stream ended after %r" % got)
        got += data
    return got.decode().split()


def rest(s):
    """What still comes, and whether it ended by a reset."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while data := s.recv(1 << 16):
            got += data
        return got, False
    return got, True


def refused(net, port):
    try:
        connect(net, port).close()
    except appsock.AppError as e:
        return e.name == "ECONNREFUSED"
    return False


# ---- programs of others --------------------------------------------------------------------------------------------------


def have(program, package):
    if shutil.which(program, path=SBIN):
        return True
    print("skip %s is not here (package %s)" % (program, package), flush=True)
    return False


def only_called_root():
    """Root of a namespace in which nobody else is: it cannot become another user, which servers begun by root do."""
    words = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "true"]
    return os.geteuid() == 0 and subprocess.run(words, stderr=subprocess.DEVNULL, check=False).returncode != 0


def who_may_log_in():
    """(name, words that sshd is begun with) of who runs this; NetError tells why sshd would not let him in. As root it wants a folder of its own, which is
    made in a mount namespace."""
    try:
        me = pwd.getpwuid(os.geteuid())
    except KeyError:
        raise coyonet.NetError("user %d has no name" % os.geteuid()) from None
    if not os.access(me.pw_shell or "/bin/sh", os.X_OK) or os.path.basename(me.pw_shell) in ("nologin", "false"):
        raise coyonet.NetError("%s has no shell" % me.pw_name)
    if me.pw_uid != 0:
        return me.pw_name, []
    words = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec "$@"', "sh"]
    if only_called_root() or subprocess.run([*words, "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        raise coyonet.NetError("who is called root here is not")
    with open("/etc/shadow", encoding="utf-8") as f:
        if any(line.startswith("root:!") for line in f):
            raise coyonet.NetError("root is locked")
    return me.pw_name, words


def make_keys(net):
    d = os.path.join(net.dir, "ssh")
    os.makedirs(d, mode=0o700)
    for name in ("host", "user"):
        lib.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", os.path.join(d, name))
    with open(os.path.join(d, "host.pub"), encoding="ascii") as f, open(os.path.join(d, "known"), "w", encoding="ascii") as known:
        known.write("b " + f.read())
    with open(os.path.join(d, "config"), "w", encoding="ascii") as f:
        f.write("HostKey %s/host\nAuthorizedKeysFile %s/user.pub\nUsePAM no\nStrictModes no\nPasswordAuthentication no\n"
                "KbdInteractiveAuthentication no\nPermitRootLogin yes\nPidFile none\nSubsystem sftp internal-sftp\n" % (d, d))
    return d


def ssh(net):
    """sshd -i behind coyo listen, coyo connect as ssh's ProxyCommand."""
    if not (have("sshd", "openssh-server") and have("ssh", "openssh-client")):
        return
    try:
        me, before = who_may_log_in()
    except coyonet.NetError as e:
        print("skip sshd: %s" % e, flush=True)
        return
    d = make_keys(net)
    service = Service(net, 2222, [*before, shutil.which("sshd", path=SBIN), "-i", "-f", d + "/config", "-e"])
    options = ["-F", "none", "-i", d + "/user", "-o", "BatchMode=yes", "-o", "HostKeyAlias=b", "-o", "UserKnownHostsFile=%s/known" % d,
               "-o", "ProxyCommand=%s -s %s connect %%h %%p" % (net.bin("coyo"), net.nodes["a"].app)]
    r = subprocess.run(["ssh", *options, "-p", "2222", "%s@%s" % (me, net.nodes["b"].id), "cat; echo heard >&2; exit 7"], input=b"through ssh", stdout=PIPE,
                       stderr=PIPE, timeout=60, check=False)
    check((r.stdout, r.returncode) == (b"through ssh", 7) and b"heard" in r.stderr,
          "ssh runs a command by `sshd -i`: %r, status %d %s" % (r.stdout, r.returncode, "" if r.returncode == 7 else r.stderr.decode() + service.said()))
    source, copy = os.path.join(net.dir, "scp-from"), os.path.join(net.dir, "scp-to")
    want = coyonet.make_file(source, 1 << 20)
    r = subprocess.run(["scp", *options, "-P", "2222", source, "%s@server.coyo:%s" % (me, copy)], stdout=PIPE, stderr=PIPE, timeout=60, check=False)
    check(r.returncode == 0 and coyonet.sha256(copy) == want, "scp carries 1 MiB to a name of [names] %s" % r.stderr.decode())
    with subprocess.Popen(["ssh", *options, "-p", "2222", "%s@%s" % (me, net.nodes["b"].id), "echo here; exec cat"], stdin=PIPE, stdout=PIPE,
                          stderr=subprocess.DEVNULL) as p:
        check(p.stdout.readline() == b"here\n", "an ssh session stands")
        p.kill()
    service.quiet()
    check(True, "kill -9 of ssh ends coyo connect, the stream and sshd")
    service.end()


def git(net):
    """git daemon --inetd."""
    if not have("git", "git"):
        return
    d = os.path.join(net.dir, "git")
    home = dict(os.environ, HOME=d, GIT_CONFIG_NOSYSTEM="1")
    mine = ["git", "-c", "user.name=n", "-c", "user.email=e", "-C", d + "/repo"]
    os.makedirs(d + "/repo")
    with open(d + "/repo/file", "wb") as f:
        f.write(os.urandom(1 << 18))
    for words in (["init", "-q"], ["add", "file"], ["commit", "-q", "-m", "one"]):
        subprocess.run([*mine, *words], env=home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    service = Service(net, 9418, ["git", "daemon", "--inetd", "--export-all", "--base-path=" + d, d], HOME=d)
    r = subprocess.run(["git", "-c", "protocol.ext.allow=always", "clone", "-q", "ext::%s -s %s connect %s 9418 %%G/repo" % (
        net.bin("coyo"), net.nodes["a"].app, net.nodes["b"].id), d + "/clone"], env=home, stdin=subprocess.DEVNULL, stdout=PIPE, stderr=PIPE, timeout=60, check=False)
    check(r.returncode == 0 and coyonet.sha256(d + "/clone/file") == coyonet.sha256(d + "/repo/file"),
          "git clones from `git daemon --inetd` %s" % (r.stderr.decode() + service.said() if r.returncode else ""))
    service.quiet()
    service.end()


def rsync(net):
    """rsync --daemon, which sees by itself that its standard input is a socket."""
    if not have("rsync", "rsync"):
        return
    if only_called_root():
        print("skip rsync --daemon: who is called root here is not", flush=True)
        return
    d = os.path.join(net.dir, "rsync")
    os.makedirs(d + "/module")
    with open(d + "/conf", "w", encoding="ascii") as f:
        f.write("use chroot = no\nlog file = %s/log\n%s[module]\npath = %s/module\nread only = no\n" % (
            d, "uid = 0\ngid = 0\n" if os.geteuid() == 0 else "", d))
    want = coyonet.make_file(d + "/file", 1 << 20)
    service = Service(net, 8730, ["rsync", "--daemon", "--config=%s/conf" % d])
    env = dict(os.environ, RSYNC_CONNECT_PROG="%s -s %s connect %%H 8730" % (net.bin("coyo"), net.nodes["a"].app))
    url = "rsync://%s/module/" % net.nodes["b"].id
    for what, words in (("to", [d + "/file", url]), ("from", [url, d + "/back"])):
        r = subprocess.run(["rsync", "-a", *words], env=env, stdin=subprocess.DEVNULL, stdout=PIPE, stderr=PIPE, timeout=60, check=False)
        check(r.returncode == 0, "rsync copies %s `rsync --daemon` %s" % (what, r.stderr.decode() + service.said() if r.returncode else ""))
    check(coyonet.sha256(d + "/back/file") == want, "and it is the same file")
    service.quiet()
    service.end()


# ---- many, and a limit ----------------------------------------------------------------------------------------------------


def crowd(net):
    """200 streams at once from three nodes, each with its own command, bytes and peer."""
    service = Service(net, "7000,7001", ECHO, "-m", "250", "-v")
    streams = [(n, p, connect(net, p, n)) for i in range(200) for n, p in (("atb"[i % 3], 7000 + i % 2),)]
    wrong, pids = [], set()
    for i, (node, port, s) in enumerate(streams):
        peer, brief, there, local, pid = line(s)
        want = net.nodes[node].id
        pids.add(pid)
        if (peer, brief, there, local) != (want, want[:8], str(port), net.nodes["b"].id):
            wrong.append((i, peer, brief, there, local))
    check(not wrong and len(pids) == 200, "200 commands at once know who calls, at which port, and their own id %s" % wrong[:1])
    check(len(service.children()) == 200 and not service.children("Z"), "each is a process of its own")
    for i, (_, _, s) in enumerate(streams):
        s.sendall(b"%d\n" % i * 1000)
        s.shutdown(socket.SHUT_WR)
    wrong = [i for i, (_, _, s) in enumerate(streams) if rest(s) != (b"%d\n" % i * 1000, False)]
    check(not wrong, "each stream has its own bytes %s" % wrong[:3])
    for _, _, s in streams:
        s.close()
    service.quiet()
    check(service.said().count("begins") == 200 and service.said().count("with status 0") == 200, "-v has told the beginning and the end of each")
    fds = os.listdir("/proc/%d/fd" % service.p.pid)
    check(len(fds) <= 7, "no descriptor stays with the service (%d are open)" % len(fds))
    service.end()


def limit(net):
    """-m 3: the others wait in the backlog and come through one after another. --per-peer and --allow turn away by a reset."""
    service = Service(net, 7010, ECHO, "-m", "3")
    streams = [connect(net, 7010) for _ in range(5)]
    for s in streams[:3]:
        line(s)
    check(not select.select(streams[3:], [], [], 0.3)[0], "-m 3: the fourth and fifth stream wait")
    service.says("as many as may")
    for i, s in enumerate(streams):
        if i >= 3:
            line(s)
        s.sendall(b"x" * 10)
        s.shutdown(socket.SHUT_WR)
        check(rest(s) == (b"x" * 10, False), "stream %d is served" % (i + 1))
        s.close()
    check(service.said().count("as many as may") == 1, "the limit was said once")
    service.end()

    service = Service(net, 7011, ECHO, "--per-peer", "1", "--allow", "friend", "--allow", net.nodes["b"].id)
    first = connect(net, 7011)
    line(first)
    other = connect(net, 7011, "b")
    line(other)
    for node, why in (("a", "it has as many streams as --per-peer says"), ("t", "no --allow names it")):
        s = connect(net, 7011, node)
        s.sendall(b"hello")
        check(rest(s) == (b"", True), "a stream of %s that is not to be is reset" % node)
        service.says("%s is turned away: %s" % (net.nodes[node].id[:8], why))
    for s in (first, other):
        s.sendall(b"on")
        check(s.recv(2) == b"on", "the others go on")
        s.close()
    service.end()


# ---- ends -----------------------------------------------------------------------------------------------------------------


def killed(net):
    """kill -9 of a command, then of the tool."""
    service = Service(net, 7020, ECHO, "-v")
    s, other = connect(net, 7020), connect(net, 7020)
    pid = int(line(s)[-1])
    line(other)
    os.kill(pid, signal.SIGKILL)
    check(rest(s)[0] == b"", "kill -9 of a command ends its stream")
    service.says("process %d ends after" % pid)
    check("signal 9" in service.said() and not service.children("Z"), "the service tells how it ended, and has taken it")
    service.p.kill()
    service.p.wait()
    other.sendall(b"still")
    check(other.recv(5) == b"still", "kill -9 of the service: a command that runs goes on, as under inetd")
    net.wait("the port to be free", lambda: refused(net, 7020), every=0.02)
    other.close()
    service = Service(net, 7020, ECHO)
    s = connect(net, 7020)
    line(s)
    s.close()
    service.end()
    check(True, "and the port can be had again")


def daemon_killed(net):
    """kill -9 of the daemon: with --retry the service is back when the daemon is, without it ends."""
    stays, ends = Service(net, 7030, ECHO, "--retry"), Service(net, 7031, ECHO)
    s, other = connect(net, 7030), connect(net, 7031)
    line(s)
    line(other)
    net.nodes["b"].kill()
    net.nodes["b"].proc.wait()
    check(ends.p.wait(30) == 1 and "coyod" in ends.said(), "kill -9 of the daemon ends the service with status 1: %s" % ends.said().strip())
    stays.quiet()
    check(stays.p.poll() is None, "--retry: it waits for the daemon, its commands have ended")
    for x in (s, other):
        x.close()
    named = Service(net, 7032, ECHO, "--retry", "--allow", "friend", wait=False)
    named.says("trying again")
    net.nodes["b"].start()
    net.ready()
    net.listening("b", 7030)
    s = connect(net, 7030)
    s.sendall(b"hello\n")
    s.shutdown(socket.SHUT_WR)
    line(s)
    check(rest(s) == (b"hello\n", False), "and serves again")
    s.close()
    said = stays.said().splitlines()
    check(len(said) <= 4 and said[-1].endswith("listening"), "it has told so in %d lines" % len(said))
    stays.end()
    net.listening("b", 7032)
    s = connect(net, 7032)
    line(s)
    check(len(named.said().splitlines()) == 1, "one that began while there was no daemon has its port and its --allow by name, too")
    s.close()
    named.end()


def told_to_end(net):
    """SIGTERM with streams open."""
    service = Service(net, 7040, ECHO)
    s = connect(net, 7040)
    line(s)
    service.p.send_signal(signal.SIGTERM)
    net.wait("the port to be given up", lambda: refused(net, 7040), every=0.02)
    s.sendall(b"on")
    check(s.recv(2) == b"on" and service.p.poll() is None, "SIGTERM: no new streams, the open one goes on")
    s.close()
    check(service.p.wait(30) == 0, "the service leaves with status 0 when its last command has ended")

    service = Service(net, 7041, ECHO)
    s = connect(net, 7041)
    line(s)
    service.p.send_signal(signal.SIGINT)
    net.wait("the port to be given up", lambda: refused(net, 7041), every=0.02)
    service.p.send_signal(signal.SIGINT)
    check(rest(s)[0] == b"" and service.p.wait(30) == 0, "a second signal ends the commands")
    s.close()


def once(net):
    """--once: one stream, and the command's own verdict."""
    for script, want in (("exit 0", 0), ("exit 3", 1)):
        service = Service(net, 7050, ["sh", "-c", "echo here; " + script], "--once")
        s = connect(net, 7050)
        line(s)
        check(service.p.wait(30) == want, "--once: a command that says `%s` makes status %d" % (script, want))
        s.close()


def cannot(net):
    """What is found before the daemon is asked, and what SIGCHLD ignored by the parent must not spoil."""
    env = dict(os.environ, COYO_SOCKET="/nowhere")
    rows = (["7060", "--", "no-such-program"], 1, "no folder of $PATH"), (["7060", "--", net.dir], 1, "it is a folder"), \
           (["7060", "--", net.nodes["a"].log], 1, "may not be run"), (["7060", "--"], 2, "no command"), (["7060", "--", "cat"], 3, "not running"), \
           (["--allow", "x" * 107, "7060", "--", "cat"], 2, ""), (["--allow", "somebody", "7060", "--", "cat"], 3, "not running")
    for words, status, says in rows:
        r = subprocess.run([net.bin("coyo"), "listen", *words], env=env, stdin=subprocess.DEVNULL, stderr=PIPE, timeout=30, check=False)
        if r.returncode != status or says not in r.stderr.decode():
            check(False, "%s: status %d, %s" % (words, r.returncode, r.stderr.decode()))
    check(True, "a command that cannot be run is told before the daemon is asked; status 1, 2 and 3 mean what the manual says")
    service = Service(net, 7060, ECHO, before=["sh", "-c", 'trap "" CHLD PIPE; exec "$@"', "sh"])
    s = connect(net, 7060)
    line(s)
    s.close()
    service.quiet()
    service.end()
    check(True, "a parent that ignores SIGCHLD does not keep it from seeing commands end")
    path = os.path.join(net.dir, "vanishes")
    with open(path, "w", encoding="ascii") as f:
        f.write("#!/bin/sh\necho here\n")
    os.chmod(path, 0o755)
    service = Service(net, 7061, [path])
    os.rename(path, path + "-away")
    s = connect(net, 7061)
    check(rest(s)[0] == b"", "a command that has vanished: the stream ends")
    service.says("cannot run %s: No such file" % path)
    s.close()
    os.rename(path + "-away", path)
    s = connect(net, 7061)
    check(line(s) == ["here"], "and the service goes on")
    s.close()
    service.end()


def strange_daemon(net):
    """A daemon that goes, talks nonsense, and then does not answer: --retry asks again, and a signal still ends the service."""
    path = os.path.join(net.dir, "strange")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(8)
        server.settimeout(60)
        service = Service(net, 7065, ECHO, "--retry", wait=False, COYO_SOCKET=path)
        for answer in (b"ok\n", b"what?\n"):
            with server.accept()[0] as c:
                check(c.recv(99) == b"listen 7065 128\n", "it asks for its port")
                c.sendall(answer)
        with server.accept()[0] as c:
            c.recv(99)
            service.p.send_signal(signal.SIGTERM)
            check(service.p.wait(30) == 0, "SIGTERM ends it while the daemon does not answer")
    said = service.said()
    check(all(said.count(w) == 1 for w in ("closed the connection", '"what?", which')), "each reason is told once: %s" % said.strip().replace("\n", " / "))


# ---- long -----------------------------------------------------------------------------------------------------------------


def no_descriptors(net):
    """Too few descriptors: streams wait until there are more."""
    service = Service(net, 7070, ECHO)
    s = connect(net, 7070)
    line(s)
    s.close()
    service.quiet()
    fds = len(os.listdir("/proc/%d/fd" % service.p.pid))
    soft, hard = resource.prlimit(service.p.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(service.p.pid, resource.RLIMIT_NOFILE, (fds, hard))
    s = connect(net, 7070)
    service.says("no descriptor for another stream")
    check(not select.select([s], [], [], 0.5)[0], "without a descriptor the stream waits")
    resource.prlimit(service.p.pid, resource.RLIMIT_NOFILE, (soft, hard))
    line(s)
    check(service.said().count("no descriptor") == 1, "it is served when there is one; said once")
    s.close()
    service.end()


def no_processes(net):
    """Too few processes: the stream waits until one can be made."""
    if not net.user:
        print("skip how many processes a user may have is only tried by root, as another user", flush=True)
        return
    b, other = net.nodes["b"], 54321
    os.chmod(b.dir, 0o711)
    os.chmod(b.app, 0o666)
    service = Service(net, 7071, ["cat"], before=["setpriv", "--reuid", str(other), "--regid", str(other), "--clear-groups", "prlimit", "--nproc=3"])
    first, second, third = (connect(net, 7071) for _ in range(3))
    for s in (first, second):
        s.sendall(b"x")
        check(s.recv(1) == b"x", "a stream is served")
    service.says("cannot start another process")
    third.sendall(b"x")
    check(not select.select([third], [], [], 0.5)[0], "where no process can be made the stream waits")
    first.close()
    check(third.recv(1) == b"x", "it is served when one has ended")
    check(service.said().count("cannot start") == 1, "said once")
    for s in (second, third):
        s.close()
    service.quiet()
    service.end()


def thousands(net):
    """One peer connects and leaves, thousands of times, in each way to leave; another is served all the while."""
    service = Service(net, 7080, ["sh", "-c", "head -c 1 >/dev/null"], "-m", "8")
    steady = Service(net, 7081, ECHO)
    s = connect(net, 7081, "t")
    line(s)
    for i in range(3000):
        x = connect(net, 7080)
        if i % 3:
            x.sendall(b"xyz"[:i % 3])
        x.close()
        if i == 500:
            before = memory(service.p.pid)
        if i % 500 == 0:
            s.sendall(b"x")
            check(s.recv(1) == b"x", "after %d streams another peer's goes on" % i)
    service.quiet()
    grown = memory(service.p.pid) - before
    check((grown <= 16 or lib.sanitized()) and len(os.listdir("/proc/%d/fd" % service.p.pid)) <= 7, "3000 streams left nothing (%d KiB more)" % grown)
    s.close()
    service.end()
    steady.end()


def crowd_of_strangers(net):
    """A peer that no --allow names tries thousands of times: it gets lines on standard error at a bounded rate, and whoever is named is served."""
    service = Service(net, 7086, ECHO, "--allow", net.nodes["a"].id)
    began = time.monotonic()
    for i in range(2000):
        x = connect(net, 7086, "t")
        if i % 2:
            x.sendall(b"let me in")
        x.close()
        if i % 500 == 0:
            s = connect(net, 7086)
            check(len(line(s)) == 5, "after %d strangers the one who is named is served" % i)
            s.close()
    took = time.monotonic() - began
    service.quiet()
    net.wait("the service to have let go of them", lambda: len(os.listdir("/proc/%d/fd" % service.p.pid)) <= 6)
    check(len(service.said().splitlines()) <= 51 * (took + 2), "%d lines about 2000 strangers in %.1f s" % (len(service.said().splitlines()), took))
    service.end()


def memory(pid):
    """Resident KiB."""
    with open("/proc/%d/statm" % pid, encoding="ascii") as f:
        return int(f.read().split()[1]) * resource.getpagesize() // 1024


def slow_ends(net):
    """What takes its time: a peer that is turned away and says nothing, a command that will not end."""
    service = Service(net, 7085, ECHO, "--allow", net.nodes["a"].id)
    s = connect(net, 7085, "t")
    check(rest(s) == (b"", False), "who says nothing sees its end after a second")
    s.close()
    service.end()
    service = Service(net, 7042, ["sh", "-c", "trap '' TERM; echo here; exec cat"], "-t", "0")
    s = connect(net, 7042)
    line(s)
    service.end(want=1)
    check("go on although" in service.said(), "-t 0 and a command that ignores SIGTERM: %s" % service.said().strip())
    s.close()


def one_sided(net):
    """Commands that close one side, or leave the stream to a process in the background, and slow ones."""
    # The one descriptor is input and output: the stream ends when the last process that has it closes it, as with inetd's.
    service = Service(net, 7090, ["sh", "-c", "echo out; exec >&-; cat >/dev/null"])
    s = connect(net, 7090)
    line(s)
    check(not select.select([s], [], [], 0.3)[0], "a command that closes its output alone: no end of stream yet")
    s.shutdown(socket.SHUT_WR)
    check(rest(s) == (b"", False), "it comes with the command's end")
    s.close()
    service.end()
    service = Service(net, 7091, ["sh", "-c", "(sleep 0.7; echo late) & echo early"], "-m", "1")
    s = connect(net, 7091)
    check(line(s) == ["early"] and line(s) == ["late"], "what a command leaves in the background keeps the stream")
    check(rest(s) == (b"", False), "until it ends")
    s.close()
    service.end()
    service = Service(net, 7092, ["sh", "-c", "exec <&-; sleep 0.3; echo out"])
    s = connect(net, 7092)
    s.sendall(b"nobody reads this")
    check(line(s) == ["out"], "a command that reads nothing is heard")
    check(rest(s) == (b"", True), "what it left unread makes the end a reset")
    s.close()
    service.end()
    service = Service(net, 7093, ["sh", "-c", "sleep 1; exec cat"], "-m", "100")
    streams = [connect(net, 7093) for _ in range(100)]
    for i, x in enumerate(streams):
        x.sendall(b"%03d" % i)
        x.shutdown(socket.SHUT_WR)
    check(all(rest(x) == (b"%03d" % i, False) for i, x in enumerate(streams)), "100 slow commands at once")
    for x in streams:
        x.close()
    service.end()


def body(net):
    net.build_net(["a", "t", "b"], [("a", "t"), ("t", "b")])
    net.nodes["a"].extra = "[names]\nserver = %s\n" % net.nodes["b"].id
    net.nodes["b"].extra = "[names]\nfriend = %s\n" % net.nodes["a"].id
    net.start()
    net.ready()
    began = time.monotonic()
    parts = [ssh, git, rsync, crowd, limit, killed, told_to_end, once, cannot, strange_daemon, daemon_killed]
    if lib.everything():
        parts += [no_descriptors, no_processes, thousands, crowd_of_strangers, slow_ends, one_sided]
    for part in parts:
        part(net)
        print("     %s after %.1f s" % (part.__name__, time.monotonic() - began), flush=True)


lib.main(body)
