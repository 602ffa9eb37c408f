# SPDX-License-Identifier: BSD-3-Clause
"""The story of scripts/run: five nodes, one file, told with numbers.

      a --- t1 --- t2 --- t3 --- b        a knows b's 512-bit id and nothing else
             \\___________/                t1 - t3 is redundant
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "lib"))
import coyonet  # noqa: E402

STATE = os.path.join(os.environ.get("XDG_RUNTIME_DIR") or "/tmp", "coyo-run-%d.json" % os.getuid())


def bar(quiet, what, part):
    if quiet or not sys.stderr.isatty():
        return
    n = int(40 * min(1.0, part))
    sys.stderr.write("\r  %s [%-40s] %3d %%" % (what, "#" * n, int(100 * min(1.0, part))))
    if part >= 1:
        sys.stderr.write("\r%*s\r" % (72, ""))
    sys.stderr.flush()


def alive(pid, exe):
    try:
        return os.readlink("/proc/%d/exe" % pid).split(" ")[0] == exe
    except OSError:
        return False


def stop():
    """Takes down what --stay left: only processes that are still our own daemons."""
    try:
        with open(STATE, encoding="ascii") as f:
            state = json.load(f)
    except OSError:
        print("No network was left running (no %s)." % STATE)
        return 0
    pids = [p for p in state["pids"] if alive(p, state["exe"])]
    for p in pids:
        os.kill(p, signal.SIGTERM)
    end = time.monotonic() + 5
    while any(alive(p, state["exe"]) for p in pids) and time.monotonic() < end:
        time.sleep(0.05)
    for p in pids:
        if alive(p, state["exe"]):
            os.kill(p, signal.SIGKILL)
    subprocess.run(["rm", "-rf", "--", state["dir"]], check=False)
    os.unlink(STATE)
    print("Stopped %d nodes; nothing is left." % len(pids))
    return 0


def stay(net, result):
    state = {"dir": net.dir, "exe": os.path.realpath(net.bin("coyod")), "pids": [n.proc.pid for n in net.nodes.values()]}
    fd = os.open(STATE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as f:
        json.dump(state, f)
    result["sockets"] = {n.name: n.control for n in net.nodes.values()}
    result["app_sockets"] = {n.name: n.app for n in net.nodes.values()}


TRANSITS = ("t1", "t2", "t3")


def measured(net, size, quiet):
    """One transfer, and what each transit did meanwhile: {"punted_packets": of the tunnel that carried it, ...}.

    punted_packets counts what a transit's control plane saw of this tunnel: its set-up, reply, errors, TTL running out, anything on
    it. Hellos, Kademlia and other tunnels' set-ups are in control_packets."""
    def read():
        path = net.path("a", "b")
        return path, {t: {k: net.worker_sum(t, k) for k in ("punted_packets", "switched_packets")} for t in TRANSITS}
    path0, c0 = read()
    t = coyonet.Transfer(net, "a", "b", size)
    try:
        seconds = t.finish(150, lambda got: bar(quiet, "sending ", got / size))
    finally:
        t.close()
        bar(quiet, "sending ", 1)
    path1, c1 = read()
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


def experiment(net, size, quiet):
    began = time.monotonic()
    net.build_net(coyonet.FIVE_NODES, coyonet.FIVE_EDGES)
    net.start()
    net.ready()
    up_s = time.monotonic() - began
    # The first packet: one byte each way builds tunnel and session, and is timed as its user would see it.
    echo = coyonet.Transfer(net, "a", "b", 1, port=6999)
    try:
        echo.finish(15)
    finally:
        echo.close()
    first = net.path("a", "b")[0]
    net.settle()
    path, transit, seconds, moved = measured(net, size, quiet)
    if moved:  # a shorter path was found while the file was under way: what a standing tunnel does is measured on this one
        path, transit, seconds, moved = measured(net, size, quiet)
    on_path = [h["node"] for h in path if h["node"] in TRANSITS]
    slow = {n: transit[n]["punted_packets"] for n in on_path if transit[n]["punted_packets"]}
    if slow or moved:
        raise coyonet.NetError("packets of the standing tunnel went the slow way: %s" % slow)
    fast = size // net.mtu  # at the very least: one packet for each mtu bytes
    if not on_path or any(transit[n]["switched_packets"] < fast for n in on_path):
        raise coyonet.NetError("fewer than %d packets were label-switched: %s" % (fast, transit))
    return {"nodes": coyonet.FIVE_NODES, "id_a": net.nodes["a"].id, "id_b": net.nodes["b"].id, "bytes": size,
            "sha256_ok": True, "first_packet_hops": first["first_hops"], "setup_ms": first["setup_ms"],
            "path": [{"node": h["node"], "in_label": h["in_label"], "out_label": h["out_label"]} for h in path],
            "transit": transit, "throughput_mbit_s": round(size * 8 / seconds / 1e6, 1), "seconds": round(seconds, 2),
            "links_up_s": round(up_s, 2)}


def story(net, r, stayed):
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
    print("%.0f Mbit/s end to end (%.1f s), encrypted from a to b and again on every link." % (
        r["throughput_mbit_s"], r["seconds"]))
    if stayed:
        print("The network is up. Try:")
        print("    %s -s %s show tunnels" % (os.path.relpath(net.bin("coyoctl")), net.nodes["t1"].control))
        print("    %s -s %s trace %s" % (os.path.relpath(net.bin("coyoctl")), net.nodes["a"].control, r["id_b"]))
        print("    COYO_SOCKET=%s %s listen 7001 &" % (net.nodes["b"].app, os.path.relpath(net.bin("coyo"))))
        print("    COYO_SOCKET=%s %s connect %s 7001" % (net.nodes["a"].app, os.path.relpath(net.bin("coyo")), r["id_b"]))
        print("    scripts/run --stop")
    else:
        print("Next: scripts/run --stay keeps the network up to try coyoctl on; scripts/test runs every test.")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--json", action="store_true")
    p.add_argument("--stay", action="store_true")
    p.add_argument("--stop", action="store_true")
    p.add_argument("--size", type=int, default=256)
    o = p.parse_args()
    if o.stop:
        return stop()
    if o.stay and os.path.exists(STATE):
        print("A network from an earlier --stay is still up: scripts/run --stop takes it down.", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # not under nohup
        signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    net = coyonet.Net()
    stayed = False
    try:
        result = experiment(net, o.size << 20, o.json)
        if o.stay:
            stay(net, result)
            stayed = True
        if o.json:
            print(json.dumps(result, indent=2))
        else:
            story(net, result, stayed)
        return 0
    except coyonet.NetError as e:
        print("scripts/run: %s" % e, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if not stayed:
            net.stop()


sys.exit(main())
