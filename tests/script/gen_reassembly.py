#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the scripts that try every order and every overlap of a few segments (tests/script/tcp/reassembly/order-*, overlap-*).

usage: gen_reassembly.py [--check]     (--check: only tells whether the files in git are what it would write)

What must come out is worked out here from the RFCs, with a model of the receiver that shares nothing with the engine:
- RFC 9293 3.10.7.4: RCV.NXT advances over everything contiguous; text beyond a gap is held.
- RFC 5681 4.2: a segment out of order, and one that fills all or part of a gap, is acknowledged at once; in order every second full
  segment at once, else after the delayed ACK's time.
- RFC 2018 4: the first SACK block holds the segment that came just now, then those most recently reported.
- RFC 2883 4: what came twice is told once, as the first block, the block that encloses it (when above the ACK) after it.
"""
import itertools
import os
import sys

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tcp", "reassembly")
FULL = 1000


class Receiver:
    """The model: half-open ranges of the stream; number 1 is its first byte."""

    def __init__(self, nxt, sack):
        self.nxt, self.acked, self.sack = nxt, nxt, sack
        self.held = []    # ranges beyond the gap, ascending, never touching
        self.recent = []  # the same, the one that changed last first

    def arrive(self, a, b):
        """Returns (at once, SACK blocks)."""
        dup = self.overlap(a, b)
        if a <= self.nxt:
            if b <= self.nxt:
                return True, self.blocks(dup)
            gap = bool(self.held)
            self.nxt = b
            while self.held and self.held[0][0] <= self.nxt:
                self.nxt = max(self.nxt, self.held.pop(0)[1])
            self.recent = [r for r in self.recent if r in self.held]
            now = gap or dup is not None or self.nxt - self.acked >= 2 * FULL
            return now, self.blocks(dup) if now else None
        if dup != (a, b):
            touching = [r for r in self.held if r[0] <= b and a <= r[1]]
            union = (min([a] + [r[0] for r in touching]), max([b] + [r[1] for r in touching]))
            self.held = sorted([r for r in self.held if r not in touching] + [union])
            self.recent = [union] + [r for r in self.recent if r not in touching]
        return True, self.blocks(dup)

    def overlap(self, a, b):
        """The first contiguous part of [a, b) that came before."""
        if a < self.nxt:
            return (a, min(b, self.nxt))
        for x, y in self.held:
            if x < b and a < y:
                return (max(a, x), min(b, y))
        return None

    def blocks(self, dup):
        if not self.sack:
            return []
        if dup is None:
            return self.recent[:4]
        around = [r for r in self.recent if r[0] <= dup[0] and dup[1] <= r[1]]
        return ([dup] + around + [r for r in self.recent if r not in around])[:4]


def segment(a, b):
    return "< . %d:%d(%d) ack 1" % (a, b, b - a)


def answer(r, blocks, late=""):
    r.acked = r.nxt
    sack = " <sack %s>" % " ".join("%d:%d" % x for x in blocks) if blocks else ""
    return "%s> . 1:1(0) ack %d%s" % (late, r.nxt, sack)


def run(r, ranges):
    """Lines for the segments in this order."""
    lines, waiting = [], False
    for a, b in ranges:
        lines.append(segment(a, b))
        now, blocks = r.arrive(a, b)
        waiting = not now
        if now:
            lines.append(answer(r, blocks))
    if waiting:
        lines.append(answer(r, [], "+delack "))
    return lines


def begin(text, sack):
    head = ["# SPDX-License-Identifier: BSD-3-Clause", "# Written by tests/script/gen_reassembly.py."]
    head += ["# " + t for t in text]
    if not sack:
        return head + ["include ../../lib/established.inc"]
    return head + ["set sack yes", "listen 80", "< S 0:0(0) win 65535 <mss 1000,sackOK>",
                   "> S. 0:0(0) ack 1 <mss 1000,sackOK>", "< . 1:1(0) ack 1", "accept"]


def orders(n, sack, first):
    """One script: all orders of n full segments that begin with segment `first` (0: all)."""
    r = Receiver(1, sack)
    text = ["%s of %d segments%s%s." % ("All orders" if not first else "All orders", n,
                                        ", segment %d first" % first if first else "", ", with SACK" if sack else ", without SACK"),
            "RFC 9293 3.10.7.4 (holding text beyond a gap), RFC 5681 4.2 (when to acknowledge)%s." % (", RFC 2018 4" if sack else "")]
    lines = begin(text, sack)
    for order in itertools.permutations(range(n)):
        if first and order[0] != first - 1:
            continue
        base = r.nxt
        lines.append("# " + " ".join(str(i + 1) for i in order))
        lines += run(r, [(base + FULL * i, base + FULL * (i + 1)) for i in order])
        lines += ["recv %d" % (n * FULL), "recv 1 = EAGAIN"]
    return lines


# The thirteen relations of a range to [1001, 2001).
RELATIONS = {
    "before": (301, 601), "meets": (501, 1001), "overlaps": (501, 1501), "finished-by": (501, 2001), "contains": (501, 2501),
    "starts": (1001, 1501), "equals": (1001, 2001), "started-by": (1001, 2501), "during": (1301, 1701), "finishes": (1501, 2001),
    "overlapped-by": (1501, 2501), "met-by": (2001, 2501), "after": (2301, 2601),
}


def overlap(name, b, sack=True):
    r = Receiver(1, sack)
    text = ["1001:2001 waits behind a gap, then %d:%d comes (%s), then the gap is filled." % (b[0], b[1], name),
            "RFC 9293 3.10.7.4, RFC 2018 4 (one block for what touches), RFC 2883 4 (what came twice, 4.3: only that part of it)." if sack else
            "RFC 9293 3.10.7.4 (\"segments may be trimmed to fit\"), RFC 5681 4.2; without SACK."]
    lines = begin(text, sack)
    lines += run(r, [(1001, 2001), b, (1, 1001)])
    if r.held:
        lines += run(r, [(r.nxt, r.held[0][0])])
    lines += ["recv %d" % (r.nxt - 1), "recv 1 = EAGAIN", "expect info rcv_ooo 0"]
    return lines


def in_order_overlap(name, got, b, sack=True):
    """No gap: b reaches back over what was acknowledged."""
    r = Receiver(1, sack)
    text = ["1:%d was taken, then %d:%d comes (%s): only what is new is taken." % (got, b[0], b[1], name),
            "RFC 9293 3.10.7.4 (\"trim off any portions that lie outside the window\")%s." % (", RFC 2883 4.1 and 4.3" if sack else "; without SACK")]
    lines = begin(text, sack)
    lines += run(r, [(1, got)])
    lines += run(r, [b])
    lines += ["recv %d" % (r.nxt - 1), "recv 1 = EAGAIN"]
    return lines


def chain(name, ranges, sack=True):
    """Several ranges held, one segment over some of them."""
    r = Receiver(1, sack)
    text = ["Three ranges are held, then %d:%d comes over them (%s), then the rest." % (ranges[-1][0], ranges[-1][1], name),
            "RFC 2018 4 (what touches becomes one block, the newest first), RFC 2883 4 (the first duplicate part is told)." if sack else
            "RFC 9293 3.10.7.4, RFC 5681 4.2 (every one is answered, and what fills a part of a gap too); without SACK."]
    lines = begin(text, sack)
    lines += run(r, ranges)
    while r.held:
        lines += run(r, [(r.nxt, r.held[0][0])])
    lines += ["recv %d" % (r.nxt - 1), "expect info rcv_ooo 0"]
    return lines


def scripts():
    yield "order-of-3-sack", orders(3, True, 0)
    yield "order-of-3", orders(3, False, 0)
    for first in (1, 2, 3, 4):
        yield "order-of-4-first-%d" % first, orders(4, True, first)
    held = [(1001, 1501), (2001, 2501), (3001, 3501)]
    for sack, end in ((True, ""), (False, "-without-sack")):
        for name, b in RELATIONS.items():
            yield "overlap-" + name + end, overlap(name, b, sack)
        yield "overlap-old-part" + end, in_order_overlap("part of it is old", 1001, (501, 1501), sack)
        yield "overlap-old-all" + end, in_order_overlap("all of it is old", 1001, (1, 1001), sack)
        yield "overlap-old-middle" + end, in_order_overlap("a middle piece of the old", 1001, (301, 601), sack)
        yield "overlap-old-and-more" + end, in_order_overlap("all that is old and more", 1001, (1, 2001), sack)
        yield "overlap-three-bridge" + end, chain("joining two", held + [(1501, 2001)], sack)
        yield "overlap-three-all" + end, chain("joining all", held + [(1201, 3301)], sack)
        yield "overlap-three-cover" + end, chain("covering all", held + [(801, 3701)], sack)
        yield "overlap-three-fill" + end, chain("filling the gap too", held + [(1, 2201)], sack)


def main():
    wrong = 0
    for name, lines in scripts():
        path = os.path.join(HERE, name + ".tcp")
        text = "\n".join(lines) + "\n"
        try:
            same = open(path, encoding="utf-8").read() == text
        except OSError:
            same = False
        if same:
            continue
        if "--check" in sys.argv[1:]:
            print("%s is not what gen_reassembly.py writes" % path)
            wrong += 1
            continue
        os.makedirs(HERE, exist_ok=True)
        open(path, "w", encoding="utf-8").write(text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
