#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""New keys every second while a file is under way: of both links and of the session; the file arrives intact, no packet meets a wrong key.

      a --- t --- b
"""
import hashlib
import os
import subprocess
import time

import lib
from lib import check, coyonet

REKEYS = 3  # of each link and of the session, at least
LONGEST_S = 120  # only for what never comes
WRONG_KEY = ("unknown_receiver", "replay", "auth_failed", "no_key", "key_spent", "session_no_key", "session_wait", "session_replay",
             "session_auth", "session_spent")
BLOCK = os.urandom(1 << 20)


def rekeys(net):
    """{"a-t": n, "t-b": n, "session": n}: what coyoctl shows, the lesser of the two ends."""
    links = [{r["name"]: r["rekeys"] for r in net.nodes[n].rows("links")} for n in "atb"]
    sessions = [r["rekeys"] for n, far in ("ab", "ba") for r in net.nodes[n].rows("sessions") if r["remote"] == net.nodes[far].id]
    return {"a-t": min(links[0]["a-t"], links[1]["a-t"]), "t-b": min(links[1]["t-b"], links[2]["t-b"]),
            "session": min(sessions) if len(sessions) == 2 else 0}


def wrong_keys(net):
    return {(n, r["reason"]): r["count"] for n in "atb" for r in net.nodes[n].rows("drops") if r["reason"] in WRONG_KEY}


def send_until_rekeyed(net, sender):
    """Writes to the sender until all have new keys REKEYS times; returns (bytes, SHA-256, rekeys while they went)."""
    before, digest, sent, looked = None, hashlib.sha256(), 0, 0.0
    began = time.monotonic()
    while True:
        block = sent.to_bytes(8, "big") + BLOCK[8:]
        sender.stdin.write(block)
        digest.update(block)
        sent += len(block)
        if time.monotonic() - looked < 0.2:
            continue
        looked = time.monotonic()
        now = rekeys(net)
        before = before or now
        done = {k: now[k] - before[k] for k in now}
        if min(done.values()) >= REKEYS:
            return sent, digest.hexdigest(), done
        if looked - began > LONGEST_S:
            raise coyonet.NetError("only %s in %d s" % (done, LONGEST_S))


def body(net):
    net.build_net(["a", "t", "b"], [("a", "t"), ("t", "b")])
    net.start()
    net.ready()
    path = os.path.join(net.dir, "out")
    with open(path, "wb") as out:
        listener = net.coyo("b", "listen", "7000", stdin=subprocess.DEVNULL, stdout=out)
        net.listening("b", 7000)
        sender = net.coyo("a", "connect", net.nodes["b"].id, "7000", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        try:
            first = wrong_keys(net)
            began = time.monotonic()
            sent, digest, done = send_until_rekeyed(net, sender)
            sender.stdin.close()
            check(sender.wait(120) == 0 and listener.wait(120) == 0, "both programs end well")
        finally:
            for p in (sender, listener):
                p.kill()
                p.wait()
    print("     %d MiB in %.1f s, new keys meanwhile: %s" % (sent >> 20, time.monotonic() - began, done))
    check(coyonet.sha256(path) == digest, "keys of links and session changed %d times or more, the file is intact" % REKEYS)
    wrong = {"%s at %s" % (k[1], k[0]): v - first[k] for k, v in wrong_keys(net).items() if v > first[k]}
    check(not wrong, "no packet met a wrong key, nor came too late for its own %s" % (wrong or ""))
    check(all(r["flaps"] == 0 for n in "atb" for r in net.nodes[n].rows("links")), "and no link went down")


lib.main(body, node_options="rekey-s = 1\nkey-reject-s = 4\nkey-overlap-s = 1")
