#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the scripts that try every event in every state (tests/script/tcp/state/every-*): one script an event, the eleven states in it.

usage: gen_state.py [--check]     (--check: only tells whether the files in git are what it would write)

The table below is the model: RFC 9293 3.10 read by hand, nothing taken from the engine. A cell says what comes of the event:

  .      nothing comes out                    A   an ACK: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>
  C      an ACK counted as a challenge        d   an ACK after the delayed ACK's time
  R      <SEQ=SEG.ACK><CTL=RST>               r   <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>
  S      our SYN                              SA  our SYN-ACK
  F      our FIN                              D   our data that is not acknowledged (cut anew where the path's MTU shrank)
  P      a keepalive probe                    X   the RST of the connection: <SEQ=SND.NXT><CTL=RST> (with an ACK as well)
  XX  two of them, <SEQ=SND.UNA> and <SEQ=SND.NXT>: nothing tells whether what is outstanding arrived
  >STATE  after it the state is another one (GONE: deleted); without, the state and all sequence numbers stay as they are
  =VALUE  what the call returns               !ERROR  the application is told of this error (!0: of a reset without an error)
  :LETTER it cannot occur, or there is nothing to see; NOTES says why

States: CL CLOSED, LI LISTEN, SS SYN-SENT, SR SYN-RECEIVED, ES ESTABLISHED, F1 FIN-WAIT-1, F2 FIN-WAIT-2, CW CLOSE-WAIT, CG CLOSING, LA LAST-ACK,
TW TIME-WAIT. Our FIN is outstanding in F1, CG and LA; in F2 and TW it is acknowledged; the other side's was taken in CW, CG, LA and TW.
"""
import os
import sys

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tcp", "state")

TABLE = """
event           CL        LI        SS         SR         ES         F1         F2         CW         CG         LA         TW

rst             .         .         !REFUSED   .>GONE     !RESET     !RESET     !RESET     !RESET     !RESET     !RESET     !0
rst-in-window   .         .         .          C          C          C          C          C          C          C          C
rst-outside     .         .         .          .          .          .          .          .          .          .          .
syn             r         SA>SR     SA>SR      C          C          C          C          C          C          C          C
syn-later       :n        :n        :n         C          C          C          C          C          C          C          SA>SR
syn-old         :n        :n        :n         SA         C          C          C          C          C          C          C
syn-fin         r         .         .          C          C          C          C          C          C          C          C
syn-rst         .         .         .          C          C          C          C          C          C          C          C
syn-ack         R         R         A>ES       C          C          C          C          C          C          C          C
ack             R         R         .          .>ES       .          .>F2       .          .          .>TW       .>GONE     .
ack-old         R         R         R          R          .          .          .          .          .          .          .
ack-too-old     R         R         R          R          C          C          C          C          C          C          C
ack-of-unsent   R         R         R          R          C          C          C          C          C          C          C
no-ack          r         .         .          .          .          .          .          .          .          .          .
data            R         R         .          d>ES       d          d          d          A          A          A          A
data-old        :n        :n        :n         A          A          A          A          A          A          A          A
data-beyond     :n        :n        :n         A          A          A          A          A          A          A          A
fin             R         R         .          A>CW       A>CW       A>CG       A>TW       A          A          A          A
fin-and-ack     :f        :f        :f         :f         :f         A>TW       :f         :f         A          A          :f
fin-ahead       R         R         .          A>ES       A          A          A          A          A          A          A
urgent          R         R         .          d>ES       d          d          d          A          A          A          A

open            S>SS      S>SS      =INUSE     =INUSE     =INUSE     =INUSE     =INUSE     =INUSE     =INUSE     =INUSE     =INUSE
listen          =0>LI     =INUSE    =0         =0         =0         =0         =0         =0         =0         =0         =0
send            =EBADF    =ENOTCONN .          .          D          =EPIPE     =EPIPE     D          =EPIPE     =EPIPE     =EPIPE
receive         =EBADF    =ENOTCONN =EAGAIN    =EAGAIN    =EAGAIN    =EAGAIN    =EAGAIN    =0         =0         =0         =0
half-close      =EBADF    =ENOTCONN .          .          F>F1       .          .          F>LA       .          .          .
close           =EBADF    .>GONE    .>GONE     .          F>F1       .          .          F>LA       .          .          .
abort           =EBADF    .>GONE    .>GONE     X>GONE     X>GONE     X>GONE     X>GONE     X>GONE     .>GONE     .>GONE     .>GONE
status          .         .         .          .          .          .          .          .          .          .          .

user-timeout    :w        :w        !TIMEDOUT  X!TIMEDOUT XX!TIMEDOUT XX!TIMEDOUT :o        XX!TIMEDOUT !TIMEDOUT  !TIMEDOUT  :o
retransmission  :w        :w        S          SA         D          F          :o         D          F          F          :o
time-wait       :t        :t        :t         :t         .          :t         .          .          :t         :t         .>GONE
keepalive       :w        :w        :s         :s         P          :k         P          P          :k         :k         :d

hold            :h        SA>SR     S          SA         D          F          .          D          F          F          .
mtu             S>SS      SA>SR     S          SA         D          D          .          D          D          D          .
path-up         .         .         S          SA         D          F          .          D          F          F          .
unreachable     .         .         !UNREACH   .>GONE     !UNREACH   !UNREACH   !UNREACH   !UNREACH   !UNREACH   !UNREACH   !UNREACH
"""

NOTES = {
    "n": "in CLOSED, LISTEN and SYN-SENT no number of the other side is known that the event could be before or after",
    "f": "nothing of ours is outstanding that the FIN could acknowledge (in SYN-RECEIVED only the SYN: that is `fin`)",
    "w": "nothing was sent that is waited for",
    "o": "our FIN is acknowledged: nothing is outstanding, the timer does not run",
    "t": "this timer runs in TIME-WAIT only; the retransmission timer would disturb waiting for that here",
    "s": "not open yet: the retransmission of the SYN watches",
    "k": "our FIN is outstanding: its retransmission watches (MUST-26: only when no sent data is outstanding)",
    "d": "both sides have closed: nobody's life is of interest",
    "h": "there is no connection that the signal could hold back",
}

# What each event is about, with its place in the RFC.
ABOUT = {
    "rst": "a RST with exactly the next number (in SYN-SENT: with an acceptable ACK). RFC 9293 3.10.7.1 to 3.10.7.4, second check: deleted; an opening was refused, others "
           "were reset; a passive one returns to LISTEN; in TIME-WAIT both had everything.",
    "rst-in-window": "a RST inside the window, but not with the next number (in SYN-SENT: without ACK). RFC 9293 3.10.7.4, first check (RFC 5961 3.2): a challenge ACK.",
    "rst-outside": "a RST outside the window (in SYN-SENT: with an ACK that is not acceptable). RFC 9293 3.10.7.4, first check: dropped in silence.",
    "syn": "a SYN with the next number. RFC 9293 3.10.7.1 to 3.10.7.4, fourth check (RFC 5961 4.2): a challenge ACK in every synchronized state. (In SYN-RECEIVED too: a blind "
           "SYN must not undo an opening.)",
    "syn-later": "a SYN inside the window, beyond the next number. RFC 9293 3.10.7.4, fourth check; in TIME-WAIT it opens a new connection (3.6.1, MAY-2).",
    "syn-old": "a SYN before the window, such as the first one again. RFC 9293 3.10.7.4, fourth check (RFC 5961 4.2: \"irrespective of the sequence number\"); in SYN-RECEIVED "
               "the SYN-ACK was lost and goes again.",
    "syn-fin": "a SYN with text and a FIN, beyond the next number. RFC 9293 3.10.7.4, fourth check (RFC 5961 4.2); it opens nothing, in TIME-WAIT neither, as nobody sends one in "
               "earnest (`drop_syn_fin`; 3.10.7.2 and 3.10.7.3 would have the FIN queued).",
    "syn-rst": "a SYN with a RST, inside the window but not with the next number (in SYN-SENT: without ACK). RFC 9293 3.10.7.4: the RST is looked at first.",
    "syn-ack": "a SYN with an acceptable ACK. RFC 9293 3.10.7.2, second; 3.10.7.3, fourth; 3.10.7.4, fourth check.",
    "ack": "an ACK of all that was sent. RFC 9293 3.10.7.3, fifth; 3.10.7.4, fifth check.",
    "ack-old": "an ACK of what was acknowledged before, of our SYN's own number. RFC 9293 3.10.7.3, first; 3.10.7.4, fifth check: in SYN-RECEIVED a reset, later a duplicate "
               "that is ignored.",
    "ack-too-old": "an ACK further back than the largest window ever offered. RFC 9293 3.10.7.4, fifth check (RFC 5961 5.2): an ACK, and the segment is dropped.",
    "ack-of-unsent": "an ACK of what was never sent. RFC 9293 3.10.7.3, first; 3.10.7.4, fifth check: \"send an ACK, drop the segment\"; half open: a reset.",
    "no-ack": "text without ACK. RFC 9293 3.10.7.1; 3.10.7.2, fourth; 3.10.7.4, fifth check: dropped.",
    "data": "text with the next number. RFC 9293 3.10.7.4, seventh: taken until the other side's FIN, and ignored behind it.",
    "data-old": "text before the window. RFC 9293 3.10.7.4, first check: an ACK.",
    "data-beyond": "text beyond the window. RFC 9293 3.10.7.4, first check: an ACK.",
    "fin": "the other side's FIN (again, where it was taken). RFC 9293 3.10.7.4, eighth and, for the repetition, first check.",
    "fin-and-ack": "the other side's FIN that acknowledges ours. RFC 9293 3.10.7.4, eighth: TIME-WAIT; where it is a repetition it is not acceptable, and its ACK is not looked at.",
    "fin-ahead": "a FIN beyond a gap. RFC 9293 3.10.7.4: processed in the order of numbers only, an ACK tells what is missing.",
    "urgent": "urgent text. RFC 9293 3.10.7.4, sixth: the user is told until the other side's FIN; behind it \"this should not occur; ignore the urgent\".",
    "open": "OPEN for the same pair of sockets. RFC 9293 3.10.1: \"error: connection already exists\".",
    "listen": "a passive OPEN of the local port. RFC 9293 3.10.1, 3.9.1 (MUST-41): a second one fails; connections that were opened from here do not stand in its way.",
    "send": "SEND. RFC 9293 3.10.2: queued before the connection is there, sent until it is closed from here.",
    "receive": "RECEIVE with nothing there. RFC 9293 3.10.3: waits while something may come; after the other side's FIN \"connection closing\".",
    "half-close": "CLOSE of the sending half. RFC 9293 3.10.4, 3.6: the FIN goes after what is queued (here, half open, after ESTABLISHED); a second one makes no second FIN.",
    "close": "CLOSE. RFC 9293 3.10.4: the same, and the application has let go: the rest happens without it.",
    "abort": "ABORT. RFC 9293 3.10.5: a RST where the other side may still believe in the connection, else none; deleted.",
    "status": "STATUS. RFC 9293 3.10.6: the state and the numbers, and asking changes nothing.",
    "user-timeout": "the user timeout. RFC 9293 3.10.8: \"flush all queues, signal the user, delete the TCB\"; for an opening the time is its own setting. The other side is told by a RST "
                    "where an ABORT would, in time (RFC 5961 3.2).",
    "retransmission": "the retransmission timer. RFC 9293 3.10.8: \"send the segment at the front of the retransmission queue again\".",
    "time-wait": "twice the MSL passes. RFC 9293 3.10.8: \"delete the TCB\" in TIME-WAIT; elsewhere nothing happens.",
    "keepalive": "the keepalive time passes. RFC 9293 3.8.4.",
    "hold": "the peer is held while the timer expires, then released. No RFC: a path without an address is none; nothing is sent meanwhile, and what is missing goes with the release "
            "(RFC 9293 3.10.8).",
    "mtu": "the path's MSS shrinks from 1000 to 500. RFC 9293 3.7.5, RFC 1191 6.4: what is outstanding and too large goes again at once in smaller pieces; a SYN offers the new size.",
    "path-up": "the path is there again. RFC 9293 3.8.3: what is outstanding need not wait for the timer.",
    "unreachable": "the path says unreachable. RFC 9293 3.9.2.2 (MUST-56): a soft error in synchronized states, the application is told; half open it ends the opening (no path can be made).",
}

NAMES = {"CL": "CLOSED", "LI": "LISTEN", "SS": "SYN-SENT", "SR": "SYN-RECEIVED", "ES": "ESTABLISHED", "F1": "FIN-WAIT-1", "F2": "FIN-WAIT-2", "CW": "CLOSE-WAIT", "CG": "CLOSING",
         "LA": "LAST-ACK", "TW": "TIME-WAIT"}
ERRORS = {"REFUSED": "ECONNREFUSED", "RESET": "ECONNRESET", "TIMEDOUT": "ETIMEDOUT", "UNREACH": "EHOSTUNREACH", "INUSE": "EADDRINUSE"}
# Events that need the application's handle in SYN-RECEIVED: there by simultaneous open, as an accepted connection is ESTABLISHED.
ACTIVE = {"open", "send", "receive", "half-close", "close", "abort", "user-timeout"}
# Events that want something outstanding: text where our FIN is not, and for `mtu` text in front of it.
OUTSTANDING = {"user-timeout", "retransmission", "hold", "path-up", "mtu"}
SETTINGS = {
    "user-timeout": ["set user_timeout 900ms", "set connect_timeout 900ms", "set rto_min 5s"],
    "retransmission": ["set rto_min 1s"], "hold": ["set rto_min 1s"], "mtu": ["set rto_min 5s"], "path-up": ["set rto_min 5s"],
    "keepalive": ["set keepalive_idle 20s", "set rto_min 30s"],
}


class Cell:
    """A connection brought into a state; the numbers of RFC 9293 3.3.1 as they must be there."""

    def __init__(self, state, event):
        self.state, self.event, self.name = state, event, state.lower()
        self.una, self.nxt, self.rcv, self.app, self.lines = 1, 1, 1, True, []
        self.text = 0          # of ours, outstanding
        self.fin_out = False   # of ours, outstanding
        self.begin(event in ACTIVE or event == "listen")

    def say(self, *lines):
        for line in lines:
            time, sep, rest = line.partition(" ") if line.startswith("+") else ("", "", line)
            self.lines.append("%s%s%s: %s" % (time, sep, self.name, rest))

    def arrive(self, text):
        self.say("< " + text)

    def ack(self):
        return "> . %d:%d(0) ack %d" % (self.nxt, self.nxt, self.rcv)

    def wait_text(self):
        """Text that is sent and not acknowledged."""
        n = 1000 if self.event == "mtu" else 100
        self.text = n
        self.say("send %d" % n)

    def close_half(self):
        """Our FIN, with the text in front of it where some is to be outstanding."""
        if self.event == "mtu" and self.state in ("F1", "CG", "LA"):
            self.say("send 1000", "> P. 1:1001(1000) ack %d" % self.rcv)
            self.nxt += 1000
        first = self.nxt
        self.say("shutdown", "> F. %d:%d(0) ack %d" % (first, first, self.rcv))
        self.nxt += 1
        self.fin_out = True

    def take_fin(self, seq, ack):
        self.arrive("F. %d:%d(0) ack %d" % (seq, seq, ack))
        self.rcv += 1
        self.say(self.ack())

    def begin(self, active):
        s = self.state
        if s == "CL":
            self.app = False
            self.lines.append("conn cl local 82")
            return
        if s == "LI":
            self.lines += ["conn li local 81", "conn m local 81", "m: listen 81"]
            return
        if s in ("SS", "SR") and (active or s == "SS"):
            self.say("connect", "> S 0:0(0) <mss 1000>")
            if s == "SR":
                self.arrive("S 0:0(0) win 65535 <mss 1000>")
                self.say("> S. 0:0(0) ack 1 <mss 1000>")
            self.una, self.rcv = 0, 0 if s == "SS" else 1
            return
        if self.event == "listen":
            self.say("connect", "> S 0:0(0) <mss 1000>", "< S. 0:0(0) ack 1 win 65535 <mss 1000>", "> . 1:1(0) ack 1")
        else:
            self.arrive("S 0:0(0) win 65535 <mss 1000>")
            self.say("> S. 0:0(0) ack 1 <mss 1000>")
            if s == "SR":
                self.una, self.app = 0, False
                return
            self.say("< . 1:1(0) ack 1", "accept")
        if s in ("CW", "LA"):
            self.take_fin(1, 1)
        if s in ("F1", "F2", "CG", "LA", "TW"):
            self.close_half()
        if s in ("F2", "TW"):
            self.arrive(". 1:1(0) ack 2")
            self.una, self.fin_out = 2, False
        if s == "CG":
            self.take_fin(1, self.una)
        if s == "TW":
            self.take_fin(1, 2)
        self.say("expect state " + NAMES[s])
        if s in ("ES", "CW") and self.event in OUTSTANDING:
            self.wait_text()
            self.say("> P. 1:%d(%d) ack %d" % (1 + self.text, self.text, self.rcv))
            self.nxt += self.text

    # ---- the events: each says what happens, and returns what it is in numbers

    def segment(self):
        """The arriving segment: (text, SEG.SEQ + SEG.LEN, SEG.ACK)."""
        n, u, x, e = self.rcv, self.una, self.nxt, self.event
        known = self.state not in ("CL", "LI", "SS")
        edge = n + 65535
        if e == "rst":
            return ("R. 0:0(0) ack 1" if self.state == "SS" else "R %d:%d(0)" % (n, n)), 0, 0
        if e == "rst-in-window":
            return ("R %d:%d(0)" % ((n + 50,) * 2)), 0, 0
        if e == "rst-outside":
            return ("R. 0:0(0) ack 7" if self.state == "SS" else "R %d:%d(0)" % ((edge + 50,) * 2)), 0, 0
        if e in ("syn", "syn-later", "syn-old"):
            at = 0 if not known or e == "syn-old" else n + (100 if e == "syn-later" else 0)
            return "S %d:%d(0) win 65535 <mss 1000>" % (at, at), at + 1, 0
        if e in ("syn-fin", "syn-rst"):
            at = n + 100 if known else 0
            return ("SF %d:%d(10) win 65535 <mss 1000>" % (at, at + 10) if e == "syn-fin" else "SR %d:%d(0) <mss 1000>" % (at, at)), at + 12, 0
        if e == "syn-ack":
            at = n if known else 0
            return "S. %d:%d(0) ack %d win 65535 <mss 1000>" % (at, at, x), at + 1, x
        if e in ("ack", "ack-old", "ack-too-old", "ack-of-unsent"):
            a = {"ack": x, "ack-old": 0, "ack-too-old": 2 ** 32 - 70000, "ack-of-unsent": x + 1}[e]
            body = "S. 0:0(0) ack %d <mss 1000>" % a if self.state == "SS" and e != "ack" else ". %d:%d(0) ack %d" % (n, n, a)
            return body, n, a
        una = max(u, 1)
        if e == "no-ack":
            return "P %d:%d(100)" % (n, n + 100), n + 100, 0
        if e == "data":
            return "P. %d:%d(100) ack %d" % (n, n + 100, una), n + 100, una
        if e == "data-old":
            return "P. %d:%d(100) ack %d" % ((n - 100) % 2 ** 32, n, una), n, una
        if e == "data-beyond":
            return "P. %d:%d(100) ack %d" % (edge + 10, edge + 110, una), 0, una
        if e in ("fin", "fin-and-ack"):
            at = 1 if known else 0
            a = x if e == "fin-and-ack" else una
            return "F. %d:%d(0) ack %d" % (at, at, a), at + 1, a
        if e == "fin-ahead":
            return "F. %d:%d(0) ack %d" % (n + 100, n + 100, una), n + 101, una
        if e == "urgent":
            return "PU. %d:%d(10) ack %d urg 10" % (n, n + 10, una), n + 10, una
        return None

    def call(self):
        """The lines of a call, with %s where its result stands."""
        h = "m" if self.state == "LI" else self.name
        return {"send": [h + ": send 100%s"], "receive": [h + ": recv 10%s"], "half-close": [h + ": shutdown%s"], "close": [h + ": close%s"],
                "abort": [h + ": abort%s"]}.get(self.event)

    def run(self, code):
        answer, after = code, None
        result = error = None
        if ">" in answer:
            answer, after = answer.split(">")
        if "=" in answer:
            answer, result = answer.split("=")
        if "!" in answer:
            answer, error = answer.split("!")
        self.stimulus(result)
        self.answer(answer)
        if error is not None:
            self.told(error, answer)
            after = after or ("GONE" if self.event != "unreachable" or self.state == "SS" else None)
        self.outcome(after, answer)
        self.clean(after)
        return self.lines

    def stimulus(self, result):
        e = self.event
        seg = self.segment()
        self.seg = seg
        ret = "" if result is None else " = " + ERRORS.get(result, result)
        if seg:
            if self.state == "TW" and e == "syn-later":
                # The application has let go; the new life is the listener's.
                self.lines += ["tw: close", "conn tw irs 2000000000"]
                self.app = False
                self.seg = seg = ("S 0:0(0) win 65535 <mss 1000>", 1, 0)
            self.arrive(seg[0])
            return
        calls = self.call()
        if calls:
            self.lines += [c % ret for c in calls]
            if e == "send" and not result:
                self.text = 100
            return
        getattr(self, "do_" + e.replace("-", "_"))(ret)

    def do_open(self, ret):
        if self.state in ("CL", "LI"):
            self.say("connect" + ret)
            return
        self.lines += ["conn again remote %d" % self.port, "again: connect" + ret]

    port = 5000

    def do_listen(self, ret):
        if self.state == "LI":
            self.lines += ["conn again local 81", "again: listen 81" + ret]
        else:
            self.lines += ["again: listen 80" + ret]

    def do_status(self, _):
        if self.state == "LI":
            self.lines.append("m: expect info state LISTEN backlog_used 0")
        elif self.state != "CL":
            self.say("expect info state %s snd_wnd %d snd_queued 0 rcv_queued 0 rcv_urgent 0" % (NAMES[self.state], 0 if self.state == "SS" else 65535))

    def do_user_timeout(self, _):
        self.lines.append("+895ms nothing")

    def do_retransmission(self, _):
        self.lines.append("+995ms nothing")

    def do_time_wait(self, _):
        self.lines += ["+2msl-1ms nothing"]
        self.say("expect state " + NAMES[self.state])
        self.lines += ["+2ms nothing"]

    def do_keepalive(self, _):
        self.lines.append("+19.9s nothing")

    def do_hold(self, _):
        self.say("hold")
        if self.state == "LI":
            self.arrive("S 0:0(0) win 65535 <mss 1000>")
        self.lines.append("+1.5 nothing")
        self.say("release")

    def do_mtu(self, _):
        self.say("mtu 500")
        if self.state == "CL":
            self.say("connect")
        if self.state == "LI":
            self.arrive("S 0:0(0) win 65535 <mss 1000>")

    def do_path_up(self, _):
        self.lines.append("+10ms nothing")
        self.say("path-up")

    def do_unreachable(self, _):
        self.say("unreachable EHOSTUNREACH")

    def answer(self, code):
        t = {"user-timeout": "+5ms~20ms ", "retransmission": "+5ms ", "keepalive": "+100ms~50ms "}.get(self.event, "")
        mss = 500 if self.event == "mtu" else 1000
        if self.event == "mtu" and self.state in ("SS", "SR"):
            t = "+1s "
        last, ack = (self.seg[1], self.seg[2]) if self.seg else (0, 0)
        if code == "R":
            self.say("> R %d:%d(0)" % (ack, ack))
        elif code == "r":
            self.say("> R. 0:0(0) ack %d" % last)
        elif code == "S":
            self.say(t + "> S 0:0(0) <mss %d>" % mss)
        elif code == "SA":
            self.say(t + "> S. 0:0(0) ack 1 <mss %d>" % mss)
            self.rcv = 1
        elif code in ("A", "C"):
            if self.event == "syn-ack" and self.state == "SS":
                self.rcv, self.una = 1, 1
            if self.event in ("fin", "fin-and-ack") and self.rcv == 1:
                self.rcv = 2
            self.say(self.ack())
        elif code == "d":
            self.rcv = last
            self.say("+delack " + self.ack())
        elif code == "F":
            f = self.nxt - (0 if self.event in ("half-close", "close") else 1)
            self.say(t + "> F. %d:%d(0) ack %d" % (f, f, self.rcv))
            self.nxt = f + 1
        elif code == "D":
            self.data(t)
        elif code == "P":
            self.say(t + "> . %d:%d(0) ack %d" % (self.nxt - 1, self.nxt - 1, self.rcv))
        elif code == "X":
            self.say(t + "> R. %d:%d(0) ack %d" % (self.nxt, self.nxt, self.rcv))
        elif code == "XX":
            self.say(t + "> R. %d:%d(0) ack %d" % (self.una, self.una, self.rcv), "> R. %d:%d(0) ack %d" % (self.nxt, self.nxt, self.rcv))
        elif code == "":
            if t:
                self.lines.append("+20ms nothing")
        elif code != ".":
            sys.exit("no answer is called %s (%s in %s)" % (code, self.event, self.state))

    def data(self, t):
        if self.event == "mtu":
            self.say("> . 1:501(500) ack %d" % self.rcv)
            last = "F" if self.fin_out else ""
            self.say("> %sP. 501:1001(500) ack %d" % (last, self.rcv))
            return
        if self.event == "send":
            self.nxt += 100
        self.say(t + "> P. 1:101(100) ack %d" % self.rcv)

    def told(self, error, answer):
        if self.event == "unreachable":
            kind = "ERROR" if self.state == "SS" else "WARNING"
        else:
            kind = "ERROR" if error == "TIMEDOUT" else "RESET" if error == "0" else "RESET|ERROR"
        before = []
        if self.state in ("CW", "CG", "LA", "TW"):
            before.append("HANGUP")
        if self.state == "TW":
            before.append("CLOSED")
        if self.state in ("F2", "TW"):
            before.append("FLUSHED")
        self.say("expect event " + "|".join([kind] + before) + ("" if error == "0" else " error " + ERRORS[error]))

    def outcome(self, after, answer):
        e, s = self.event, self.state
        if after == "LI":
            self.lines.append("again: expect state LISTEN")
            return
        if after == "GONE":
            held = self.app and e not in ("close", "abort")
            (self.say if s != "LI" else self.say_listener)("expect state " + ("CLOSED" if held else "GONE"))
            return
        if s == "LI" and e not in ("mtu", "hold"):
            self.say_listener("expect state LISTEN")
            if not after:
                self.say_listener("expect info backlog_used 0")
                return
        if s == "CL" and not after:
            self.say("expect state GONE")
            return
        state = after or s
        if state in ("SS",) or s in ("LI", "CL") or (s == "TW" and after == "SR"):
            self.una, self.nxt = 0, 1
        if after and e in ("ack", "data", "urgent", "fin", "fin-ahead", "syn-ack"):
            self.una = max(self.una, 1)
        if after and e in ("ack", "fin-and-ack"):
            self.una = self.nxt
        if s == "SS" and e == "syn-ack":
            self.una = 1
        self.say("expect info state %s snd_una %d snd_nxt %d" % (NAMES[state], self.una, self.nxt)
                 + ("" if state == "SS" else " rcv_nxt %d" % self.rcv))
        if answer == "C":
            self.lines.append("expect counter challenge_acks %d" % self.challenges)
        if answer == "d" and s != "SR":
            self.say("recv %d" % (self.seg[1] - 1), "recv 1 = EAGAIN")
        if e == "urgent" and s in ("ES", "F1", "F2"):
            self.say("expect event READABLE|URGENT" + ("|FLUSHED" if s == "F2" else ""))
        if e == "mtu" and s not in ("CL", "LI"):
            self.say("expect info mss 500")
        if e == "receive" and s in ("CW", "CG", "LA", "TW"):
            self.say("peek = 0")

    challenges = 0

    def say_listener(self, line):
        self.lines.append("m: " + line)

    def clean(self, after):
        """Nothing of this cell may be left to disturb the next."""
        state = after or self.state
        if self.event == "listen" and self.state != "LI":
            self.lines.append("again: close")
        if self.event == "mtu":
            self.say("mtu 1000")
            self.lines.append("+0 ignore")
        if self.state == "LI" and self.event not in ("close", "abort"):
            if state == "SR":
                self.say("< R 1:1(0)")
            if state == "SS":
                self.say("abort")
            self.lines.append("m: close")
        elif state == "GONE":
            if self.app and self.event not in ("close", "abort") and self.state != "LI":
                self.say("close")
        elif state in ("CL", "LI"):
            pass
        elif state == "SS":
            self.say("abort")
        else:
            self.say("< R %d:%d(0)" % (self.rcv, self.rcv))
            self.say("expect state " + ("CLOSED" if self.app and self.event != "close" else "GONE"))


def table():
    """{event: {state: code}}; an empty cell is an error."""
    rows = [line.split() for line in TABLE.strip().split("\n") if line.strip()]
    states, out = rows[0][1:], {}
    if states != list(NAMES):
        sys.exit("gen_state.py: the table's states are not the eleven of RFC 9293")
    for row in rows[1:]:
        if len(row) != len(states) + 1:
            sys.exit("gen_state.py: the row %s has %d cells, not %d: what comes of the event in each state must be said" % (row[0], len(row) - 1, len(states)))
        out[row[0]] = dict(zip(states, row[1:]))
        for state, code in zip(states, row[1:]):
            if code.startswith(":") and code[1:] not in NOTES:
                sys.exit("gen_state.py: %s in %s has no note" % (row[0], state))
    if set(out) != set(ABOUT):
        sys.exit("gen_state.py: events without a row or without an explanation: %s" % " ".join(sorted(set(out) ^ set(ABOUT))))
    return out


def script(event, cells):
    head = ["# SPDX-License-Identifier: BSD-3-Clause", "# Written by tests/script/gen_state.py.", "# In every state: " + ABOUT[event]]
    head += SETTINGS.get(event, []) + ["set challenge_per_s 1000", "set oow_ack 0"]
    lines, ports, challenges = [], {}, 0
    if event != "listen":
        lines.append("listen 80")
    for state, code in cells.items():
        lines.append("# ---- " + NAMES[state] + (": " + NOTES[code[1:]] if code.startswith(":") else ""))
        if code.startswith(":"):
            continue
        ports[state] = 5001 + list(NAMES).index(state)
        lines.append("conn %s remote %d" % (state.lower(), ports[state]))
        cell = Cell(state, event)
        cell.port = ports[state]
        challenges += code.startswith("C")
        cell.challenges = challenges
        lines += cell.run(code)
    return head + lines


def main():
    wrong = 0
    cells = table()
    for event in cells:
        path = os.path.join(HERE, "every-%s.tcp" % event)
        text = "\n".join(script(event, cells[event])) + "\n"
        try:
            same = open(path, encoding="utf-8").read() == text
        except OSError:
            same = False
        if same:
            continue
        if "--check" in sys.argv[1:]:
            print("%s is not what gen_state.py writes" % path)
            wrong += 1
            continue
        open(path, "w", encoding="utf-8").write(text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
