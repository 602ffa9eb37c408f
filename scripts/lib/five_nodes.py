# SPDX-License-Identifier: BSD-3-Clause
"""The story of scripts/run: five nodes, one file, told with numbers.

      a --- t1 --- t2 --- t3 --- b        a knows b's 512-bit id and nothing else
             \\___________/                t1 - t3 is redundant
"""
import argparse
import contextlib
import errno
import json
import os
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until main() takes it: nothing has been started that would have to be ended
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "lib"),
                os.path.dirname(os.path.abspath(__file__))]
import coyonet  # noqa: E402
import run_state  # noqa: E402
from coyonet import NetError, signals  # noqa: E402
from run_state import StateError  # noqa: E402

TRANSITS = ("t1", "t2", "t3")
FILES_WANTED = 512  # open files: this program and a daemon need fewer
MEASURED_AT_MOST = 3  # transfers, when the tunnel moves while the file is under way
STARTED_AT_MOST = 4  # networks, when another program takes a port that was free
HANGS_UP_WITHIN_S = 0.2  # from its first closed descriptor to its control socket, when a daemon is killed
ENDS_WITHIN_S = 30  # from there until all its threads and memory are gone
PORT_TAKEN = "Address already in use"


class Untold(NetError):
    """The experiment went well, and nobody could be told of it."""


class Told:
    """Progress for a terminal; silent elsewhere."""

    def __init__(self):
        self.on = bool(sys.stderr) and sys.stderr.isatty()

    def step(self, what):
        if self.on:
            sys.stderr.write("\r%-72s\r  %s" % ("", what))
            sys.stderr.flush()

    def bar(self, what, part):
        n = int(40 * min(1.0, part))
        self.step("%s [%-40s] %3d %%" % (what, "#" * n, int(100 * min(1.0, part))))

    def clear(self):
        if self.on:
            sys.stderr.write("\r%72s\r" % "")
            sys.stderr.flush()


# ---- before anything is started: what a machine must have, each said in a sentence ------------------------------------
def check_loopback():
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as a, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as b:
            a.bind(("127.0.0.1", 0))
            b.settimeout(5)
            b.bind(("127.0.0.1", 0))
            a.sendto(b"x", b.getsockname())
            b.recv(1)
    except OSError as e:
        raise NetError("UDP over 127.0.0.1 does not work here (%s); `ip link set lo up` as root brings the loopback interface up" %
                       (e.strerror or e)) from e


def check_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= FILES_WANTED or soft == resource.RLIM_INFINITY:
        return
    if hard != resource.RLIM_INFINITY and hard < FILES_WANTED:
        raise NetError("a process may open only %d files here and %d are wanted; raise the hard limit (`ulimit -Hn`) as root" % (
            hard, FILES_WANTED))
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES_WANTED, hard))


def check_room(folder, size):
    free = os.statvfs(folder)
    free = free.f_bavail * free.f_frsize
    if free < 2 * size + (32 << 20):
        raise NetError("%s has %d MiB free, and the file of %d MiB is there twice; --size takes a smaller one, TMPDIR another folder" % (
            os.path.dirname(folder), free >> 20, size >> 20))


def check_programs(net):
    missing = [net.bin(p) for p in ("coyod", "coyoctl", "coyo") if not os.access(net.bin(p), os.X_OK)]
    if missing:
        raise NetError("%s is not there; scripts/run without --stop builds it" % missing[0])


# ---- the network ------------------------------------------------------------------------------------------------------
def start(net, told):
    """All links up; another network with other ports when a port was taken meanwhile."""
    for left in range(STARTED_AT_MOST - 1, -1, -1):
        told.step("starting five nodes")
        net.build_net(coyonet.FIVE_NODES, coyonet.FIVE_EDGES)
        net.start()
        try:
            net.ready()
            return
        except NetError as e:
            if left == 0 or PORT_TAKEN not in e.detail:
                raise
        net.clear()


def counters(net):
    return {t: {k: net.worker_sum(t, k) for k in ("punted_packets", "switched_packets")} for t in TRANSITS}


def standing_path(net):
    """The path from a to b, once there is one whole from end to end."""
    return net.wait("a tunnel from a to b", lambda: net.path("a", "b"))


def measured(net, size, told):
    """One transfer, and what each transit did meanwhile: {"punted_packets": of the tunnel that carried it, ...}.

    punted_packets counts what a transit's control plane saw of this tunnel: its set-up, reply, errors, TTL running out, anything on
    it. Hellos, Kademlia and other tunnels' set-ups are in control_packets."""
    path0, c0 = standing_path(net), counters(net)
    t = coyonet.Transfer(net, "a", "b", size)
    try:
        seconds = t.finish(progress=lambda got: told.bar("sending", got / size))
    finally:
        t.close()
        told.clear()
    path1, c1 = standing_path(net), counters(net)
    moved = path0[0]["nonce"] != path1[0]["nonce"]
    slow = {h["node"]: h["punted_packets"] for h in path1}
    for h in [] if moved else path0:
        slow[h["node"]] -= h["punted_packets"]
    transit = {}
    for n in TRANSITS:
        punted = slow.get(n, 0)
        transit[n] = {"punted_packets": punted, "switched_packets": c1[n]["switched_packets"] - c0[n]["switched_packets"],
                      "control_packets": c1[n]["punted_packets"] - c0[n]["punted_packets"] - punted}
    return path1, transit, seconds, moved


def measured_standing(net, size, told):
    """As measured(), preferably while one tunnel stands: on a busy machine links may go down and come back, and what the network does
    then is told as it is. The last element: how many transfers saw the tunnel move."""
    for moves in range(MEASURED_AT_MOST):
        path, transit, seconds, moved = measured(net, size, told)
        if not moved:
            return path, transit, seconds, moves
    return path, transit, seconds, MEASURED_AT_MOST


def experiment(net, size, told):
    check_programs(net)
    began = time.monotonic()
    start(net, told)
    up_s = time.monotonic() - began
    told.step("the first packet")
    # One byte builds tunnel and session, and is timed as its user would see it.
    echo = coyonet.Transfer(net, "a", "b", 1, port=6999)
    try:
        echo.finish()
    finally:
        echo.close()
    first = standing_path(net)[0]
    told.step("waiting for the nodes to have settled")
    net.settle()
    path, transit, seconds, moves = measured_standing(net, size, told)
    fast = size // net.mtu  # at the very least: one packet for each mtu bytes
    switched = sum(c["switched_packets"] for c in transit.values())
    if switched < fast:
        raise NetError("the file arrived, but only %d packets were label-switched where it takes %d" % (switched, fast))
    return {"nodes": coyonet.FIVE_NODES, "id_a": net.nodes["a"].id, "id_b": net.nodes["b"].id, "bytes": size,
            "sha256_ok": True, "first_packet_hops": first["first_hops"], "setup_ms": first["setup_ms"],
            "path": [{"node": h["node"], "in_label": h["in_label"], "out_label": h["out_label"]} for h in path],
            "transit": transit, "throughput_mbit_s": round(size * 8 / seconds / 1e6, 1), "seconds": round(seconds, 2),
            "links_up_s": round(up_s, 2), "transfers_moved": moves, "tunnel_moved": moves == MEASURED_AT_MOST,
            "link_flaps": sum(r["flaps"] for n in net.nodes.values() for r in n.rows("links"))}


class Commands:
    """What is printed to be pasted into a shell of the folder that scripts/run was called from."""

    def __init__(self, called_from):
        self.called_from = called_from

    def program(self, path):
        near = os.path.relpath(path, self.called_from)
        return shlex.quote(os.path.abspath(path) if near.startswith("..") else near)

    def line(self, program, *words, **variables):
        return " ".join(["%s=%s" % (k, shlex.quote(v)) for k, v in variables.items()] + [self.program(program)] + [shlex.quote(w) for w in words])

    def stop(self, base):
        return self.line(os.path.join(coyonet.ROOT, "scripts", "run"), "--stop", **run_state.variables(base))


def to_try(net, r, commands):
    """What can be done with a network that stays."""
    n, ctl, coyo = net.nodes, net.bin("coyoctl"), net.bin("coyo")
    return [commands.line(ctl, "-s", n["t1"].control, "show", "tunnels"),
            commands.line(ctl, "-s", n["a"].control, "trace", r["id_b"]),
            commands.line(coyo, "listen", "7001", COYO_SOCKET=n["b"].app) + " &",
            commands.line(coyo, "connect", r["id_b"], "7001", COYO_SOCKET=n["a"].app),
            r["stop"]]


def story(net, r, commands):
    """commands: where the network stays up."""
    names = [h["node"] for h in r["path"]]
    print("a is  %s" % r["id_a"])
    print("b is  %s" % r["id_b"])
    print("Five nodes stood after %.1f s; a was told b's id and nothing else." % r["links_up_s"])
    print("The first packet went the slow way, routed by XOR distance over %s physical hops," % r["first_packet_hops"])
    print("and %.1f ms later the tunnel stood, both ways, over %d links:" % (r["setup_ms"], len(names) - 1))
    for h in r["path"]:
        way = {None: "ingress"}.get(h["in_label"], "label %s in" % h["in_label"])
        out = "egress: TCP runs here" if h["out_label"] is None else "label %s out" % h["out_label"]
        print("    %-3s %-18s -> %s" % (h["node"], way, out))
    print("Then %d MiB crossed it, checksum right:" % (r["bytes"] >> 20))
    for n, c in r["transit"].items():
        print("    %-3s %7d packets label-switched, %d by the slow way%s" % (
            n, c["switched_packets"], c["punted_packets"], "" if n in names else "   (not on the path)"))
    if r["tunnel_moved"]:
        print("The tunnel moved to another path while the file was under way (set-up and reply of the new one went the slow way);")
        print("%d links went down and came back: this machine is very busy." % r["link_flaps"])
    print("%.0f Mbit/s end to end (%.1f s), encrypted from a to b and again on every link." % (
        r["throughput_mbit_s"], r["seconds"]))
    if commands:
        print("The network is up. Try:")
        for line in to_try(net, r, commands):
            print("    " + line)
    else:
        print("Next: scripts/run --stay keeps the network up to try coyoctl on; scripts/test runs every test.")


# ---- one run ----------------------------------------------------------------------------------------------------------
def keep_logs(net):
    """Copies the daemons' logs out of the folder that goes; the copy's path, or None."""
    try:
        kept = tempfile.mkdtemp(prefix="coyo-run-logs-")
        for n in net.nodes.values():
            if os.path.exists(n.log):
                shutil.copyfile(n.log, os.path.join(kept, n.name + ".log"))
        return kept
    except OSError:
        return None


def sentence(e):
    """What went wrong, for somebody who has never seen this program."""
    if isinstance(e, (NetError, StateError)):
        return str(e).split("\n")[0]
    if isinstance(e, subprocess.TimeoutExpired):
        return "%s did not end within %d s; is this machine overloaded?" % (os.path.basename(e.cmd[0]), e.timeout)
    if isinstance(e, subprocess.CalledProcessError):
        return "%s ended with status %d" % (os.path.basename(e.cmd[0]), e.returncode)
    if isinstance(e, OSError) and e.errno in (errno.ENOSPC, errno.EDQUOT):
        return "no room is left%s; --size takes a smaller file, TMPDIR another folder" % (" for " + e.filename if e.filename else "")
    if isinstance(e, OSError) and e.errno in (errno.EMFILE, errno.ENFILE):
        return "too many files are open; `ulimit -n 1024` allows more"
    if isinstance(e, OSError):
        return "%s%s" % (e.strerror, ": " + str(e.filename) if e.filename else "")
    return "%s: %s (a fault of scripts/run; COYO_DEBUG=1 shows where)" % (type(e).__name__, e)


class Run:
    """A network in a folder of its own, and the state that tells of it where it is to stay."""

    def __init__(self, options):
        self.options = options
        self.net = self.state = self.folder = None
        self.stayed = False
        self.commands = Commands(options.called_from)

    def prepare(self):
        check_files()
        check_loopback()
        with signals.hold():
            if self.options.stay:
                self.state = run_state.open_state()
                if self.state.read():
                    raise NetError("a network from an earlier --stay is still up; %s takes it down" % self.commands.stop(self.state.base))
            path, self.folder = run_state.new_network_folder()
            self.net = coyonet.Net(build=self.options.build, directory=path)
        check_room(path, self.options.size << 20)

    def ended_daemon(self):
        """NetError that names the daemon which has ended, the cause of whatever else went wrong; None when all run.

        One that is killed hangs up first and has ended a while later: its end is waited for."""
        now = time.monotonic()
        while self.net:
            try:
                self.net.check_alive()
            except NetError as e:
                return e
            waited = time.monotonic() - now
            if waited > ENDS_WITHIN_S or (waited > HANGS_UP_WITHIN_S and not any(n.proc and n.hung_up() for n in self.net.nodes.values())):
                break
            time.sleep(0.02)
        return None

    def stay(self, result):
        result["sockets"] = {n.name: n.control for n in self.net.nodes.values()}
        result["app_sockets"] = {n.name: n.app for n in self.net.nodes.values()}
        result["stop"] = self.commands.stop(self.state.base)
        with signals.hold():
            self.state.write(run_state.remembered(self.folder, {n.name: n.proc.pid for n in self.net.nodes.values()}))
            self.stayed = True
            self.net.leave()
        for name in os.listdir(self.net.dir):
            if name.startswith(("in-", "out-")):
                os.unlink(os.path.join(self.net.dir, name))

    def end(self, failed):
        """Nothing is left but what is to stay; the path of the logs where a daemon may have the reason in its own."""
        logs = None
        with signals.hold():
            if self.net and not self.stayed:
                self.net.stop(keep=True)
                logs = keep_logs(self.net) if failed and self.net.nodes else None
            if self.folder and not self.stayed:
                with contextlib.suppress(OSError, StateError):
                    run_state.remove_network_folder(self.folder)
            if self.state:
                self.state.close(forget=not self.stayed and self.folder is not None)
            self.net = self.folder = self.state = None
        return logs


def run(options):
    told, r = Told(), Run(options)
    try:
        return told_run(options, told, r)
    finally:  # also when a signal comes in the middle of the end
        r.end(False)


def say_all():
    """Writes what print() has buffered; OSError when it cannot be written, once: not again when Python ends."""
    if not sys.stdout:  # it was closed from the start
        return
    try:
        sys.stdout.flush()
    except OSError:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        raise


def tell(options, r, result):
    """Prints the document or the story; Untold when the reader has gone or its disk is full."""
    try:
        if options.json:
            print(json.dumps(result, indent=2))
        else:
            story(r.net, result, r.commands if r.stayed else None)
        say_all()
    except OSError as e:
        raise Untold("all went well, but what happened could not be written to standard output (%s)%s" % (
            e.strerror, "; the network is up, %s takes it down" % result["stop"] if r.stayed else "")) from e


def told_run(options, told, r):
    failure = logs = None
    try:
        r.prepare()
        result = experiment(r.net, options.size << 20, told)
        if options.stay:
            r.stay(result)
        told.clear()
        tell(options, r, result)
    except Exception as e:
        if os.environ.get("COYO_DEBUG"):
            raise
        failure = e if isinstance(e, Untold) else r.ended_daemon() or e
    finally:
        told.clear()
        logs = r.end(failure is not None and not isinstance(failure, Untold))
    if failure is None:
        return 0
    print("scripts/run: %s%s" % (sentence(failure), " (the daemons' logs are kept in %s)" % logs if logs else ""), file=sys.stderr)
    return 1


def stop():
    try:
        text = run_state.stop()
    except (OSError, StateError) as e:
        print("scripts/run: %s" % sentence(e), file=sys.stderr)
        return 1
    try:
        print(text)
        say_all()
    except OSError as e:
        print("scripts/run: %s This could not be written to standard output (%s)." % (text, e.strerror), file=sys.stderr)
        return 1
    return 0


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--json", action="store_true")
    p.add_argument("--stay", action="store_true")
    p.add_argument("--stop", action="store_true")
    p.add_argument("--size", type=int, default=256)
    p.add_argument("--build", default=None)
    p.add_argument("--called-from", default=os.getcwd())
    options = p.parse_args()
    signals.install()
    return stop() if options.stop else run(options)


sys.exit(main())
