# SPDX-License-Identifier: BSD-3-Clause
"""What the scripts that attack at a rate share: the generator, honest nodes that come and go beside it, a stream, and the verdict.

The rate that counts is the one that the victim counted. What honest nodes got of what they tried is their share."""
import json
import os
import statistics
import subprocess
import sys
import threading
import time

import lib
from lib import check, coyonet

JSON = "--json" in sys.argv
LONG = lib.everything()
SECONDS = 40 if LONG else 3  # of each attack
SHARE = 0.99  # of the honest joins and connects, at least
FASTER = 4 if lib.sanitized() else 1  # a sanitized daemon is held to this part of the rate


FROM = "127.1.0.1"  # where the attacker is that is a neighbour
GUESTS = 3


def network(net, door, names, edges, options=""):
    """Nodes with links, a door at one of them, all up. Returns the door's address."""
    net.node_options = "tunnel-idle-s = 4\ntunnel-forget-s = 6\n" + options
    net.build_net(names, edges)
    at = "127.0.0.9:%d" % coyonet.free_ports(1)[0]
    net.nodes[door].extra = "[listen door]\nlocal = %s\n" % at
    net.start()
    net.ready()
    net.node_options = ""
    return at


def guests(net, door, at, targets, more=""):
    """Guests of three prefixes at a door."""
    return [Guest(net, "g%s%d" % (more, i), door, at, targets, "127.4.%d.1" % i) for i in range(GUESTS)]


class Attacker:
    """The generator, and the newest line that it has said."""

    def __init__(self, net, *words):
        args = [net.bin("attacker"), *map(str, words)]
        self.proc = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        net.programs.append(self.proc)
        os.set_blocking(self.proc.stdout.fileno(), False)
        self.buffer, self.last = b"", {}

    def now(self):
        self.buffer += self.proc.stdout.read() or b""
        *lines, self.buffer = self.buffer.split(b"\n")
        if lines:
            self.last = json.loads(lines[-1])
        return self.last

    def say(self, line):
        self.proc.stdin.write(line.encode() + b"\n")
        self.proc.stdin.flush()

    def end(self):
        self.proc.terminate()
        self.proc.wait(10)
        os.set_blocking(self.proc.stdout.fileno(), True)
        return self.now()


class Guest(threading.Thread):
    """An honest node that joins at a door, connects to its targets, and comes again in another name: each time it must get both."""

    JOIN, CONNECT = 5.0, 5.0  # s; a join takes as long as its daemon takes to start, too

    def __init__(self, net, name, door, at, targets, address):
        super().__init__(daemon=True)
        self.net, self.node, self.targets = net, net.node(name), targets
        self.node.links = ["[link %s]\ntype = udp-socket\nlocal = %s:0\nremote = %s\npeer = %s\n" % (name, address, at, net.nodes[door].id)]
        self.node.write_conf()
        self.pause, self.over = 0.3, threading.Event()
        self.joins, self.connects, self.why = [], [], []  # s each took, None: it failed

    def _timed(self, into, most, what, test):
        began = time.monotonic()
        while time.monotonic() - began < most:
            try:
                if test():
                    into.append(time.monotonic() - began)
                    return True
            except (coyonet.NetError, KeyError, IndexError):
                pass
            time.sleep(0.01)
        into.append(None)
        self.why.append(what)
        return False

    def _new_name(self):
        """Another id each time: one that the others know already would find its session still there."""
        key = os.path.join(self.node.dir, "key")
        os.remove(key)
        subprocess.run([self.net.bin("coyo"), "keygen", "-o", key], stdout=subprocess.DEVNULL, check=True)

    def once(self):
        n = self.node
        self._new_name()
        n.start()
        try:
            if not self._timed(self.joins, self.JOIN, "join", lambda: n.rows("links")[0]["up"]):
                return
            for t in self.targets:
                self._timed(self.connects, self.CONNECT, "connect to " + t, lambda t=t: "rtt_us" in n.ask("ping " + self.net.nodes[t].id))
        finally:
            n.kill()
            n.proc.wait()

    def run(self):
        while not self.over.wait(self.pause):
            self.once()


class Steady(lib.Flow):
    """As much as a busy machine carries, too, so that what is missing beside an attack is the attack's doing."""

    RATE, LATE_S = 2 << 20, 0.5
    SHARE = 0.99 if LONG else 0.9  # of it arrives; in 3 s a block is a hundredth, and what is late has no time to come


class Honest:
    """Guests, and a stream, beside an attack."""

    def __init__(self, net, guests, stream, port=7000, flow=lib.Flow):
        self.guests, self.flow = guests, flow(net, *stream, port)
        net.wait("the stream", lambda: self.flow.received() > 4 << 20)
        for g in guests:
            g.once()  # what it costs on this machine without an attack
        self.quiet = {k: v for k, v in self.results().items() if k.endswith("_p50_s")}
        check(self.results()["share"] == 1, "in calm each honest node joins and connects (%s)" % self.quiet)
        for g in guests:
            g.joins, g.connects = [], []
        self.began, self.before, self.mark = time.monotonic(), self.rate(1.0), 0

    def rate(self, seconds):
        n, t = self.flow.received(), time.monotonic()
        time.sleep(seconds)
        return (self.flow.received() - n) / (time.monotonic() - t) / (1 << 20)

    def begin(self):
        self.mark, self.began = self.flow.received(), time.monotonic()
        for g in self.guests:
            g.start()

    def end(self):
        """To be called while the attack goes on: what has been tried is waited for."""
        for g in self.guests:
            g.over.set()
        for g in self.guests:
            g.join(30)
        self.under = (self.flow.received() - self.mark) / (time.monotonic() - self.began) / (1 << 20)
        r = self.results()
        r.update(stream_before_mib_s=round(self.before, 1), stream_under_mib_s=round(self.under, 1), **{"calm_" + k: v for k, v in self.quiet.items()})
        return r

    def results(self):
        r, good, tries = {}, 0, 0
        for what in ("joins", "connects"):
            all_of = [x for g in self.guests for x in getattr(g, what)]
            took = sorted(x for x in all_of if x is not None)
            r[what] = len(all_of)
            r[what + "_good"] = len(took)
            if took:
                r[what + "_p50_s"] = round(statistics.median(took), 3)
                r[what + "_most_s"] = round(took[-1], 3)
            good, tries = good + len(took), tries + len(all_of)
        r["share"] = round(good / tries, 4) if tries else 1.0
        return r

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for g in self.guests:
            g.over.set()
        for g in self.guests:
            if g.is_alive():
                g.join(20)
        self.flow.close()


class Victim:
    """What the daemon under attack counts and holds."""

    def __init__(self, node):
        self.node, self.rx = node, {}
        self.before, self.peak = self.state(), 0
        self.rss_before = self.rss()

    def rss(self):
        with open("/proc/%d/status" % self.node.proc.pid, encoding="ascii") as f:
            return int([x for x in f if x.startswith("VmRSS")][0].split()[1])

    def cpu(self):
        with open("/proc/%d/stat" % self.node.proc.pid, encoding="ascii") as f:
            w = f.read().rsplit(")", 1)[1].split()
        return (int(w[11]) + int(w[12])) / os.sysconf("SC_CLK_TCK")

    def state(self):
        """What an attack might leave behind."""
        n = self.node.ask("show node")
        half = sum(r["half_open"] for r in self.node.rows("listeners"))
        return {"labels": n["labels_live"], "half_open": half, "pending_setups": n["pending_setups"],
                "transit_tunnels": n["transit_tunnels"], "sessions": len(self.node.rows("sessions")), "state_kib": n["state_bytes"] >> 10}

    def link_rx(self, address):
        """Authentic packets from the neighbour at this address."""
        return sum(r["rx_packets"] for r in self.node.rows("links") if (r["remote"] or "").startswith(address + ":"))

    def strangers_rx(self):
        """Handshake frames, and whatever else came from no neighbour. Links of a listener go, so that what they had counted is kept."""
        for r in self.node.rows("links"):
            self.rx[r["name"], r["peer"]] = r["rx_packets"]
        data = sum(r["count"] for r in self.node.rows("drops") if r["reason"] in ("unknown_receiver", "replay", "auth_failed"))
        return sum(w["rx_packets"] for w in self.node.rows("workers")) - sum(self.rx.values()) - data

    def control(self):
        return {r["counter"]: r["count"] for r in self.node.ask("show drops")["control"]}

    def calm(self, net, guests, seconds=60):
        """Waits until what an attack has taken is given back. Guests leave a session each, which is kept while there is room."""
        def back():
            now = self.state()
            return all(now[k] <= self.before[k] + 12 + (guests if k == "sessions" else 0) for k in now if k != "state_kib")
        try:
            net.wait("what the attack took to be given back", back, seconds)
        except coyonet.NetError as e:
            raise coyonet.NetError("%s: before %s, now %s" % (e, self.before, self.state())) from e


def watched(net, victim, honest, attacker, counter, name, nominal, seconds=None, stream_share=0.5, ready=None, ends=True):
    """Runs an attack for its time and judges it. counter(): what the victim has counted of it so far;
    None: the caller judges that. ends: the attacker is done then."""
    seconds = seconds or SECONDS
    nominal = nominal / FASTER
    if ready:
        net.wait("the attack to begin", ready, seconds=20)
    honest.begin()
    c0, t0, cpu0, a0 = counter() if counter else 0, time.monotonic(), victim.cpu(), attacker.now().get("cpu_s", 0)
    rss, control = 0, victim.control()
    while time.monotonic() - t0 < seconds:
        time.sleep(0.2)
        net.check_alive()
        rss = max(rss, victim.rss())
        victim.strangers_rx()
    took = time.monotonic() - t0
    rate, cpu = (counter() - c0) / took if counter else nominal, (victim.cpu() - cpu0) / took
    said, after = attacker.now(), victim.control()
    result = {"attack": name, "nominal_s": nominal, "counted_s": round(rate) if counter else None, "seconds": round(took, 1)}
    result.update(honest.end())
    result.update(victim_cpu_cores=round(cpu, 2), attacker_cpu_cores=round((said.get("cpu_s", 0) - a0) / took, 2),
                  rss_before_kib=victim.rss_before, rss_peak_kib=rss, said=said,
                  victim_counted={k: round((v - control[k]) / took, 1) for k, v in after.items() if v > control[k]})
    if ends:
        attacker.end()
    print(json.dumps(result) if JSON else "     " + str(result), flush=True)
    if counter:
        check(rate >= nominal, "%s: the victim counted %.0f/s (nominal %.0f)" % (name, rate, nominal))
    check(result["share"] >= SHARE, "%s: honest share %.1f %%: %d of %d joins, %d of %d connects %s" % (
        name, 100 * result["share"], result["joins_good"], result["joins"], result["connects_good"], result["connects"],
        sorted({w for g in honest.guests for w in g.why})))
    check(honest.under >= stream_share * honest.before or FASTER > 1, "%s: the stream had %.1f MiB/s, in calm %.1f" % (name, honest.under, honest.before))
    return result


def calmed(net, mib, honest, *victims):
    """With time, what the attack took is given back: half-open state, tunnels, labels, and memory but for so many MiB."""
    for v in {v.node.name: v for v in victims}.values() if LONG else ():
        v.calm(net, GUESTS + honest["connects"])
        more = (v.rss() - v.rss_before) / 1024
        check(more < mib or lib.sanitized(), "%s has given back what the attack took (%.0f MiB more in use)" % (v.node.name, more))
