#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A way that damages datagrams which leave in runs (UDP GSO), all but the first of each: the link goes on without runs within 2 s.

      a --- b        the wire sees runs, since it asks the kernel for them as they were sent
"""
import time

import lib
from lib import check, coyonet


def state(net):
    return net.nodes["a"].rows("links")[0]["runs"]


def rate(flow, seconds):
    """Bytes a second that arrive from now on."""
    began, before = time.monotonic(), flow.received()
    time.sleep(seconds)
    return (flow.received() - before) / (time.monotonic() - began)


def runs(net):
    return int(net.wire_do("stats a-b")["runs"])


def begin(net):
    net.build_net("ab", ["ab"])
    net.start()
    net.ready()
    try:
        net.wire_do("set a-b runs=pass")
    except coyonet.NetError:
        lib.skip("this kernel does not give runs of datagrams (UDP_GRO)")
    flow = lib.Flow(net, "a", "b")
    going = lib.Progress(flow)
    going.flows()
    return flow, going


def damaged(harm):
    def body(net):
        flow, going = begin(net)
        try:
            before = rate(flow, 0.5)
            if not runs(net):
                lib.skip("this kernel's datagrams do not leave in runs (UDP_SEGMENT)")
            waited = lib.Waited(net)
            net.wire_do("set a-b runs=%s" % harm)
            time.sleep(2)
            extra = waited.seconds()
            if extra > 0.1:
                time.sleep(extra)
            after = rate(flow, 0.5)
            check(after > before / 2, "runs=%s: %.1f of %.1f MB/s again after 2 s%s" % (
                harm, after / 1e6, before / 1e6, " and %.1f s of waiting for a processor" % extra if extra > 0.1 else ""))
            check(state(net) == "off", "`show links` says that runs are off")
            check(net.nodes["a"].told("datagrams that leave in runs (UDP GSO) are lost"), "and so does the log, with numbers")
            seen = runs(net)
            time.sleep(0.3)
            check(runs(net) - seen < 20, "they go singly")
            if lib.everything():
                net.wire_do("set a-b runs=pass")
                net.wait("runs to come back", lambda: state(net) == "on", 40)
                seen = runs(net)
                going.flows()
                check(runs(net) > seen, "runs are tried again, arrive, and are used")
            going.stop()
            flow.finish()
            check(net.nodes["a"].rows("links")[0]["flaps"] == 0, "without a flap, and the stream is whole")
        finally:
            flow.close()
    return body


def lossy(net):
    """Loss of 5 % that has nothing to do with runs turns nothing off."""
    flow, going = begin(net)
    try:
        net.wire_do("set a-b loss=0.05")
        seen, end, said = runs(net), time.monotonic() + (20 if lib.everything() else 2), set()
        while time.monotonic() < end:
            said.add(state(net))
            time.sleep(0.05)
        check("off" not in said, "5 %% of all datagrams are lost: runs are never off (%s)" % ", ".join(sorted(said)))
        check(runs(net) > seen, "and go on: %d of them" % (runs(net) - seen))
        net.wire_do("set a-b loss=0")
        going.stop()
        flow.finish()
    finally:
        flow.close()


lib.main(damaged("drop"), lossy, *([damaged("flip"), damaged("cut")] if lib.everything() else []), wires=True)
