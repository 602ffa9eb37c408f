# SPDX-License-Identifier: BSD-3-Clause
"""What every end-to-end script starts with: the build named on the command line, a network, a clear end."""
import os
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import coyonet  # noqa: E402

SKIP = 77  # meson's exit code for "skipped"


def build_dir():
    return os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.path.join(coyonet.ROOT, "build")


def sanitized():
    return "asan" in os.path.basename(build_dir())


def check(ok, text):
    """One asserted fact, printed whether it holds or not."""
    print("%s %s" % ("ok  " if ok else "FAIL", text), flush=True)
    if not ok:
        raise coyonet.NetError(text)


def skip(why):
    print("skipped: %s" % why)
    sys.exit(SKIP)


def main(body, **net_options):
    """Runs body(net); takes the network down whatever happens; exit status for meson."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    net = coyonet.Net(build=build_dir(), **net_options)
    status = 1
    try:
        body(net)
        status = 0
    except coyonet.NetError as e:
        print("FAILED: %s" % e)
        for n in net.nodes.values():
            print("--- log of %s\n%s" % (n.name, n.tail(25)))
    finally:
        stubborn = net.stop()
        if stubborn:
            print("FAILED: needed SIGKILL: %s" % ", ".join(stubborn))
            status = 1
        for n in net.nodes.values():
            if n.proc and n.proc.returncode not in (0, -signal.SIGKILL):
                print("FAILED: %s ended with status %s\n%s" % (n.name, n.proc.returncode, n.tail(40)))
                status = 1
    sys.exit(status)


def stall_watch(transfer, until, seconds):
    """Waits until until() is true while the transfer goes on; returns the longest time without a new byte, in s."""
    last, last_t, worst = transfer.received(), time.monotonic(), 0.0
    end = time.monotonic() + seconds
    while not until():
        now, got = time.monotonic(), transfer.received()
        if got != last:
            worst = max(worst, now - last_t)
            last, last_t = got, now
        if transfer.sender.poll() is not None and transfer.listener.poll() is not None:
            break
        if now > end:
            raise coyonet.NetError("not within %d s (longest pause so far %.1f s)" % (seconds, max(worst, now - last_t)))
        time.sleep(0.005)
    return max(worst, time.monotonic() - last_t if transfer.received() == last else 0.0)
