#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A node with many sessions is started anew: all of them come again at once, beside strangers that join and connect.

    many honest nodes in one program ---> [door] v
                              guests ---> [door]
"""
import time

import attack
import lib
from attack import FROM
from lib import check

COUNT = 10000 if attack.LONG else 500
BACK_S = 10


def body(net):
    at = attack.network(net, "v", ["a", "v"], [("a", "v")], "sessions = 16384\n")
    node = net.nodes["v"]
    by = attack.Attacker(net, "sessions", "--to", at, "--from", FROM, "--dst", node.id, "--count", COUNT, "--seconds", 600)
    net.wait("%d sessions" % COUNT, lambda: by.now().get("up") == COUNT, seconds=120)
    held = attack.Victim(node)
    check(held.before["sessions"] >= COUNT, "%d sessions in %.1f s; %d KiB of memory" % (COUNT, by.now()["all_up_s"], held.rss_before))
    for _ in range(3 if attack.LONG else 1):
        waited, restarts = lib.Waited(net), by.now()["restarts"]
        node.kill()
        node.proc.wait()
        began = time.monotonic()
        node.start()
        net.wait("the door", lambda: not node.hung_up(), every=0.02)
        guests = attack.guests(net, "v", at, ["v"], str(by.now()["restarts"]))
        for g in guests:
            g.start()
        net.wait("all sessions to be back", lambda: by.now()["restarts"] > restarts and by.now()["up"] == COUNT, seconds=120)
        took, used = time.monotonic() - began, attack.Victim(node).cpu()
        for g in guests:
            g.over.set()
        for g in guests:
            g.join()
        share = [x for g in guests for x in g.joins + g.connects]
        print("     back in %.2f s, the daemon has used %.2f s of processor time; asked %s; control %s" % (
            took, used, by.now(), {k: v for k, v in attack.Victim(node).control().items() if v}), flush=True)
        good = sum(x is not None for x in share)
        check(good >= attack.SHARE * len(share), "strangers got %d of %d joins and connects meanwhile %s" % (
            good, len(share), sorted({w for g in guests for w in g.why})))
        lib.within(took, BACK_S, waited, "%d sessions are back after a restart" % COUNT)
        now = attack.Victim(node)
        check(now.rss_before < held.rss_before * 1.1 + 4096, "memory is as before (%d, then %d KiB)" % (held.rss_before, now.rss_before))


if __name__ == "__main__":
    lib.main(body)
