#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/run --stay and --stop under attack: whatever another user has put in their way, nothing that they did not make is removed,
no process that they did not start gets a signal, and no link is followed.

As root the attacks that need a second user are made as nobody, too. With `long` each is made in all its forms, in place of one."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import lib
from lib import check, coyonet

sys.path.insert(0, os.path.join(coyonet.ROOT, "scripts", "lib"))
import run_state  # noqa: E402

FIVE = os.path.join(coyonet.ROOT, "scripts", "lib", "five_nodes.py")
NOBODY = 65534


@contextlib.contextmanager
def place(tmp, name):
    """A runtime folder of our own in which the state will stand; the victim's folder is beside it."""
    base = os.path.join(tmp, name)
    os.mkdir(base, 0o700)
    victim = os.path.join(base, "victim")
    os.mkdir(victim, 0o700)
    write(os.path.join(victim, "precious"), "years of work")
    old, real = dict(os.environ), run_state.bases
    os.environ.update(XDG_RUNTIME_DIR=base, TMPDIR=base)
    # Not where a network of this user's own may be remembered.
    run_state.bases = lambda: [d for d in (os.environ["XDG_RUNTIME_DIR"], tmp, base) if os.path.isabs(d)]
    try:
        yield base, victim
        check(os.path.exists(os.path.join(victim, "precious")), "%s: the victim's file is there" % name)
    finally:
        run_state.bases = real
        os.environ.clear()
        os.environ.update(old)


def some(cases):
    """All of them with `long`, the first otherwise: each takes seconds."""
    return cases if lib.everything() else cases[:1]


def write(path, text, mode=0o600):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as f:
        f.write(text)


def stop():
    """What --stop says; a StateError's sentence likewise."""
    try:
        return run_state.stop()
    except run_state.StateError as e:
        return "refused: %s" % e


def left_up(base, **other):
    """A state as --stay leaves it, over a folder that was made for it; `other` replaces parts of it."""
    path, folder = run_state.new_network_folder()
    write(os.path.join(path, "in-7000"), "data")
    os.mkdir(os.path.join(path, "a"))
    state = run_state.open_state()
    known = run_state.remembered(folder, {})
    known.update(other)
    state.write(known)
    state.close()
    return path, folder


def honest(tmp):
    with place(tmp, "honest") as (base, _):
        path, _ = left_up(base)
        check(os.path.dirname(path) == base and run_state.is_private(run_state.open_directory(path)), "the folder is private")
        check(stop().startswith("Stopped") and not os.path.exists(path), "what was made is removed")
        check(sorted(os.listdir(base)) == ["victim"], "nothing is left")
        check(stop() == "No network was left running.", "a second --stop finds nothing")


def named_folders(tmp):
    """The state names folders that scripts/run did not make, or that have been put in the place of one that it made."""
    with place(tmp, "another") as (base, victim):
        st = os.stat(victim)
        for name, marker in (("plain", None), ("copied", "token")):
            path, folder = left_up(base)
            if marker:
                write(os.path.join(victim, run_state.MARKER), json.dumps({"name": "victim", "token": folder["token"]}))
            state = run_state.open_state()
            known = state.read()
            known["dir"] = dict(folder, path=victim, dev=st.st_dev, ino=st.st_ino)
            state.write(known)
            state.close()
            check("refused" in stop(), "a folder of another name (%s) is refused" % name)
    with place(tmp, "coyo-run-victim") as (base, victim):
        evil = os.path.join(base, "coyo-run-evil")
        os.rename(victim, evil)
        st = os.stat(evil)
        left_up(base, dir={"path": evil, "dev": st.st_dev, "ino": st.st_ino, "token": "0"})
        check("left alone" in stop() and os.path.exists(os.path.join(evil, "precious")), "a folder without our marker is left alone")
        os.rename(evil, victim)
    with place(tmp, "swapped") as (base, victim):
        path, _ = left_up(base)
        os.rename(path, path + ".old")
        os.symlink(victim, path)
        check("left alone" in stop() and os.path.islink(path), "a link in the place of the folder is not followed")
    with place(tmp, "moved") as (base, victim):
        path, _ = left_up(base)
        with open(os.path.join(path, run_state.MARKER), encoding="utf-8") as f:
            marker = f.read()
        os.rename(path, path + ".old")
        os.rename(victim, path)
        write(os.path.join(path, run_state.MARKER), marker)
        check("left alone" in stop(), "another folder in its place, with a copy of the marker, is left alone")
        os.rename(path, victim)


def links_inside(tmp):
    with place(tmp, "inside") as (base, victim):
        path, _ = left_up(base)
        os.symlink(victim, os.path.join(path, "link"))
        os.symlink(os.path.join(victim, "precious"), os.path.join(path, "a", "link"))
        os.link(os.path.join(victim, "precious"), os.path.join(path, "hard"))
        check("Stopped" in stop() and not os.path.exists(path), "links inside the folder are removed as links")
        with open(os.path.join(victim, "precious"), encoding="utf-8") as f:
            check(f.read() == "years of work", "and what they lead to is as it was")


def damaged(path, processes=()):
    """A state whose form is right."""
    return {"processes": list(processes), "dir": {"path": os.path.join(path, "coyo-run-x"), "dev": 1, "ino": 1, "token": "x"}}


def planted_state(tmp):
    for how in ("link", "hard link", "fifo", "noise", "list", "deep", "pid", "zero in the path", "no text in the path", "open folder",
                "folder is a link", "folder is a file"):
        with place(tmp, how.replace(" ", "-")) as (base, victim):
            own = os.path.join(base, run_state.private_name())
            file = os.path.join(own, run_state.STATE)
            at = os.path.join(victim, "state")
            st = os.stat(victim)
            write(at, json.dumps({"processes": [],
                                  "dir": {"path": victim, "dev": st.st_dev, "ino": st.st_ino, "token": "x"}}))
            if how == "folder is a link":
                os.symlink(victim, own)
                os.rename(at, os.path.join(victim, run_state.STATE))
            elif how == "folder is a file":
                write(own, "")
            else:
                os.mkdir(own, 0o700)
                if how == "link":
                    os.symlink(at, file)
                elif how == "hard link":
                    os.link(at, file)
                elif how == "fifo":
                    os.mkfifo(file, 0o600)
                elif how == "noise":
                    write(file, "\x00{]" * 100)
                elif how == "list":
                    write(file, "[1, {}, null]")
                elif how == "deep":
                    write(file, "[" * (run_state.STATE_MAX - 1))
                elif how == "pid":
                    write(file, json.dumps(damaged(victim, processes=[{"pid": 10 ** 30, "start": 1, "program": [1, 1]}])))
                elif how in ("zero in the path", "no text in the path"):
                    write(file, json.dumps(damaged(victim + ("/\0" if "zero" in how else "/\ud800") + "/coyo-run-x")))
                else:
                    os.rename(at, file)
                    os.chmod(own, 0o777)
            said = stop()
            check("refused" in said or "No network" in said, "planted state, %s: %s" % (how, said))


def planted_lock(tmp):
    """What stands in the place of the lock is named, with the remedy, and left alone."""
    for how, make in (("folder", os.mkdir), ("link", lambda p: os.symlink("/dev/null", p))):
        with place(tmp, "lock-" + how) as (base, _):
            path, _ = left_up(base)
            lock = os.path.join(base, run_state.private_name(), run_state.LOCK)
            os.unlink(lock)
            make(lock)
            said = stop()
            check("refused" in said and lock in said and "remove it by hand" in said and os.path.exists(path), "the lock is a %s: %s" % (how, said))
            os.rmdir(lock) if how == "folder" else os.unlink(lock)
            check(stop().startswith("Stopped") and not os.path.exists(path), "and without it --stop works")


def foreign_processes(tmp):
    with place(tmp, "processes") as (base, _):
        sleepers = [subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) for _ in range(3)]
        ours, recycled, other = sleepers
        try:
            known = {p.pid: run_state.remembered(None, {"x": p.pid})["processes"][0] for p in sleepers}
            check(not run_state.still_ours(dict(known[other.pid], program=[1, 1])), "another program is not ours")
            check(not run_state.remembered(None, {"x": run_state.PID_MAX})["processes"], "what has ended already is not remembered")
            left_up(base, processes=[known[ours.pid], dict(known[recycled.pid], start=known[recycled.pid]["start"] - 1),
                                     dict(known[other.pid], pid=run_state.PID_MAX)])
            reaper = subprocess.Popen([sys.executable, "-c", "pass"])  # anything; ours is reaped by the wait below
            reaper.wait()
            check(stop_while_reaping(ours) == "Stopped 1 nodes; nothing is left.", "one process is ours")
            check(ours.wait(10) == -signal.SIGTERM, "and it got its SIGTERM")
            check(recycled.poll() is None and other.poll() is None, "a number that another process has by now, and others: no signal")
        finally:
            for p in sleepers:
                p.kill()
                p.wait()


def moved_program(tmp):
    """The clone of a network that is up has been moved to another place, or is no longer there."""
    for how in ("moved", "deleted"):
        with place(tmp, "program-" + how) as (base, _):
            program = os.path.join(base, "program")
            shutil.copy2(shutil.which("sleep"), program)
            p = subprocess.Popen([program, "600"])
            try:
                left_up(base, processes=run_state.remembered(None, {"x": p.pid})["processes"])
                if how == "moved":
                    os.rename(program, program + ".new")
                else:
                    os.unlink(program)
                check(stop_while_reaping(p) == "Stopped 1 nodes; nothing is left.", "a process whose program was %s is ended" % how)
            finally:
                p.kill()
                p.wait()


def stop_while_reaping(process):
    """--stop waits until the process is gone, which a zombie of this test's would not be."""
    signal.signal(signal.SIGCHLD, lambda *_: process.poll())
    try:
        return stop()
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def odd_runtime_folders(tmp):
    for what in ("/nonexistent", "relative", "/dev/null", "", tmp + "/a-link", tmp + "/not-writable", tmp + "/open"):
        with place(tmp, "odd") as (base, _):
            with contextlib.suppress(FileExistsError):
                os.symlink(base, tmp + "/a-link")
                os.mkdir(tmp + "/not-writable", 0o500)
                os.mkdir(tmp + "/open")
                os.chmod(tmp + "/open", 0o777)
            os.environ["XDG_RUNTIME_DIR"] = what
            os.environ.pop("HOME", None)
            path, _ = left_up(base)
            with run_state_at() as at:
                check(not at.startswith((tmp + "/a-link", tmp + "/open")), "XDG_RUNTIME_DIR=%r, no HOME: the state is in %s" % (what, at))
            check("Stopped" in stop() and not os.path.exists(path), "and is found again")
            os.environ.update(XDG_RUNTIME_DIR=base)
        subprocess.run(["rm", "-rf", os.path.join(tmp, "odd")], check=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(tmp + "/a-link")


def other_environment(tmp):
    """--stay and --stop in shells of different environments: found by itself, or the command that --stay prints says what it takes."""
    real = run_state.bases, run_state.fixed_bases
    for usable in (True, False):
        for variable in ("TMPDIR", "XDG_RUNTIME_DIR"):
            with place(tmp, "environment") as (base, _):
                fixed, other = os.path.join(base, "fixed"), os.path.join(base, "oth er")
                os.mkdir(other, 0o700)
                if usable:
                    os.mkdir(fixed, 0o700)
                run_state.bases, run_state.fixed_bases = real[0], lambda fixed=fixed: [fixed]
                for v in ("TMPDIR", "XDG_RUNTIME_DIR"):
                    os.environ.pop(v)
                os.environ[variable] = other
                path, _ = left_up(base)
                with run_state_at() as at:
                    want = run_state.variables(os.path.dirname(at))
                alone = usable and variable == "TMPDIR"
                check(want == ({} if alone else {variable: other}), "%s is set, a fixed place is %s: --stop needs %s" % (
                    variable, "there" if usable else "not there", want))
                os.environ.pop(variable)
                os.environ.update(want)
                check(stop().startswith("Stopped") and not os.path.exists(path), "and finds the network so")
                run_state.fixed_bases = real[1]
            shutil.rmtree(os.path.join(tmp, "environment"))


@contextlib.contextmanager
def run_state_at():
    state = run_state.find_state()
    try:
        yield state.path
    finally:
        state.close()


def two_at_once(tmp, net):
    with place(tmp, "two") as (base, _):
        first = run_state.open_state()
        r = five_nodes(net, "--stay", "--size", "1")
        check(r.returncode == 1 and "another scripts/run" in r.stderr and "Traceback" not in r.stderr, "two --stay: %s" % r.stderr.strip())
        first.close(forget=True)
        check(sorted(os.listdir(base)) == ["victim"], "and it left nothing")


def five_nodes(net, *words):
    return subprocess.run([sys.executable, FIVE, "--build", net.build, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          stdin=subprocess.DEVNULL, timeout=400, check=False)


def whole(tmp, net):
    """The real thing: --stay, a second one, --stop; then one that is interrupted."""
    with place(tmp, "whole") as (base, _):
        r = five_nodes(net, "--stay", "--json", "--size", "1")
        check(r.returncode == 0, "--stay: %s" % r.stderr.strip())
        sockets = json.loads(r.stdout)["sockets"]
        check(set(sockets) == set(coyonet.FIVE_NODES) and all(os.path.exists(s) for s in sockets.values()), "five sockets are there")
        r = five_nodes(net, "--stay", "--size", "1")
        check(r.returncode == 1 and "still up" in r.stderr, "a second --stay: %s" % r.stderr.strip())
        r = five_nodes(net, "--stop")
        check(r.returncode == 0 and "Stopped 5 nodes" in r.stdout, "--stop: %s" % (r.stdout + r.stderr).strip())
        check(sorted(os.listdir(base)) == ["victim"], "nothing is left")
        for made in some(["ctl.sock", "coyo-run-", "in-7000"]):
            interrupted(net, base, made)


def pasted(tmp, net):
    """What the story of --stay prints is pasted into the shell that it was called from, wherever that stands."""
    odd = os.path.join(tmp, "sp ace")
    for folder, build in some([(odd, os.path.join(odd, "b $u")), ("/", net.build)]):
        with place(tmp, "pas ted") as (base, _):
            os.makedirs(folder, exist_ok=True)
            if build != net.build:
                os.symlink(net.build, build)
            r = subprocess.run([sys.executable, FIVE, "--build", build, "--called-from", folder, "--stay", "--size", "1"], check=False, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=400)
            check(r.returncode == 0, "--stay called in %s: %s" % (folder, r.stderr.strip()))
            lines = [w.strip() for w in r.stdout.split("Try:\n")[1].strip().split("\n")]
            try:
                for line, says in ((lines[0], "transit"), (lines[1], ""), (lines[-1], "Stopped 5 nodes")):
                    r = subprocess.run(["bash", "-c", line], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                                       timeout=60)
                    check(r.returncode == 0 and says in r.stdout, "%s: %s" % (line, r.stdout.strip()[:300]))
            finally:
                five_nodes(net, "--stop")
            check(sorted(os.listdir(base)) == ["victim"], "nothing is left")
        shutil.rmtree(os.path.join(tmp, "pas ted"))


def untold(tmp, net):
    """Standard output is closed from the start, full, or a pipe that nobody reads."""
    with place(tmp, "untold") as (base, _):
        for how in some([">/dev/full", ">&-", "| true"]):
            r = subprocess.run(["bash", "-o", "pipefail", "-c", '"$@" ' + how, "bash", sys.executable, FIVE, "--build", net.build, "--size", "1"],
                               env={k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"},  # as a user has it
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL, timeout=400, check=False)
            said = r.stderr.strip()
            if how == ">&-":
                check(r.returncode == 0 and not said, "scripts/run %s: %s" % (how, said))
            else:
                check(r.returncode == 1 and "all went well" in said and "\n" not in said, "scripts/run %s: %s" % (how, said))
            check(sorted(os.listdir(base)) == ["victim"], "and nothing is left, no logs either")


def interrupted(net, base, made):
    p = subprocess.Popen([sys.executable, FIVE, "--build", net.build, "--stay", "--size", "64"], stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)

    def there():
        return any(made in name for _, folders, files in os.walk(base) for name in folders + files) or p.poll() is not None
    net.wait("the run to make %s" % made, there, every=0.001)
    p.send_signal(signal.SIGINT)
    said = p.communicate(timeout=100)[1].decode()
    check(p.returncode == 130 and "Traceback" not in said, "interrupted when %s is there: status %s %s" % (made, p.returncode, said.strip()))
    check(sorted(os.listdir(base)) == ["victim"], "nothing is left of it")


def killed(tmp, net):
    """A daemon that is killed in the middle of the transfer is named."""
    with place(tmp, "killed") as (base, _):
        p = subprocess.Popen([sys.executable, FIVE, "--build", net.build, "--size", "1000"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        net.wait("the transfer", lambda: any("out-7000" in files for _, _, files in os.walk(base)) or p.poll() is not None, every=0.01)
        with open("/proc/%d/task/%d/children" % (p.pid, p.pid), encoding="ascii") as f:
            for child in map(int, f.read().split()):
                with open("/proc/%d/cmdline" % child, "rb") as words:
                    if b"/b/coyod.conf" in words.read():
                        os.kill(child, signal.SIGKILL)
        said = p.communicate(timeout=200)[1].decode()
        check(p.returncode == 1 and "the daemon of b was killed by signal 9" in said and "Traceback" not in said, "killed: %s" % said.strip())


def daemons_under(base):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                if base.encode() in f.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def killed_itself(tmp, net):
    """scripts/run that is killed at any moment leaves neither daemons nor files; what --stay left stays."""
    with place(tmp, "itself") as (base, _):
        for made in some(["out-7000", "ctl.sock"]):
            p = subprocess.Popen([sys.executable, FIVE, "--build", net.build, "--size", "1000"], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
            net.wait("the run to make %s" % made, lambda: any(made in files for _, _, files in os.walk(base)), every=0.01)
            p.kill()
            p.wait()
            net.wait("all to end that it started", lambda: not daemons_under(base) and sorted(os.listdir(base)) == ["victim"], seconds=30)
            check(True, "killed when %s was there: nothing is left after a while" % made)
        r = five_nodes(net, "--stay", "--json", "--size", "1")
        check(r.returncode == 0, "--stay: %s" % r.stderr.strip())
        time.sleep(1)
        check(len(daemons_under(base)) == 5, "what --stay leaves stays")
        check("Stopped 5 nodes" in five_nodes(net, "--stop").stdout, "and is stopped by --stop")


def as_nobody(*words):
    return subprocess.run(["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups", *words], check=True,
                          stdout=subprocess.PIPE)


def second_user(tmp):
    """In a folder like /tmp nobody is first: the private folder, a network's folder, a state in both."""
    with place(tmp, "shared") as (base, victim):
        shared = os.path.join(tmp, "sticky")
        os.mkdir(shared)
        os.chmod(shared, 0o1777)
        os.chmod(tmp, 0o755)
        os.environ.update(XDG_RUNTIME_DIR=shared, TMPDIR=base)
        planted = os.path.join(shared, run_state.private_name())
        st = os.stat(victim)
        text = json.dumps({"processes": run_state.remembered(None, {"x": os.getpid()})["processes"],
                           "dir": {"path": victim, "dev": st.st_dev, "ino": st.st_ino, "token": "x"}})
        as_nobody("sh", "-c", "mkdir -m 700 %s && printf %%s '%s' > %s/%s" % (planted, text, planted, run_state.STATE))
        check(run_state.open_private(shared, make=False) is None, "another user's private folder of our name is not taken")
        check(run_state.open_private(shared, make=True) is None, "nor when we would make it")
        check(stop() == "No network was left running.", "its state is not read")
        path, _ = left_up(base)
        with run_state_at() as at:
            check(not at.startswith(shared), "the state goes elsewhere: %s" % at)
        check("Stopped" in stop() and not os.path.exists(path), "and works")
        os.environ.update(XDG_RUNTIME_DIR=base)
        # A network's folder that has become another user's.
        path, _ = left_up(base)
        os.chown(path, NOBODY, NOBODY)
        check("left alone" in stop() and os.path.exists(path), "a folder that belongs to another user is left alone")


def body(net):
    with tempfile.TemporaryDirectory(prefix="cy-", dir="/tmp") as tmp:
        honest(tmp)
        named_folders(tmp)
        links_inside(tmp)
        planted_state(tmp)
        planted_lock(tmp)
        foreign_processes(tmp)
        moved_program(tmp)
        odd_runtime_folders(tmp)
        other_environment(tmp)
        two_at_once(tmp, net)
        pasted(tmp, net)
        whole(tmp, net)
        untold(tmp, net)
        killed(tmp, net)
        killed_itself(tmp, net)
        if os.geteuid() == 0:
            second_user(tmp)
        else:
            print("     what a second user could do is tried as root only")


mine = run_state.find_state()
if mine:
    mine.close()
    lib.skip("a network of scripts/run --stay is up; scripts/run --stop takes it down")
lib.main(body)
