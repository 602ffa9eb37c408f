/* SPDX-License-Identifier: BSD-3-Clause */
/* One stack driven segment by segment: inject, advance, expect; sequence numbers relative to both ends' initial ones. */
#pragma once
#include "../../../sim/tcpcheck.h"
#include "tcp/opt.h"
#include "tcp/stack.h"
#include "tcp/tcp.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#define TT_PEER  1u
#define TT_PORT  80
#define TT_RPORT 5000

/* A segment that came out; seq and ack relative (SYN is 0, data starts at 1). */
struct tt_seg {
	uint8_t flags, ecn;
	uint32_t seq, ack, len;
	uint16_t wnd, lport, rport;
	struct tcp_opts o;
	uint8_t data[2048];
	bool retransmit;
};

struct tt {
	struct tcp_stack *s;
	void *mem;
	struct tcpcheck check; /* after each segment and each step of time */
	int64_t now;
	uint32_t iss, irs; /* ours (learned from our SYN), the peer's */
	uint32_t listener, conn;
	uint16_t lport, rport;
	uint32_t ts_val; /* 0: the injected segments carry no timestamps */
	uint32_t ts_ecr; /* their echo */
	uint16_t wnd;    /* of injected segments, raw */
	uint8_t ecn;
	bool sack_ok, ts;
	int wscale; /* option of injected SYNs, -1: none */
	uint16_t mss;
	struct tcp_sack_range sack[4];
	uint8_t nsack;
	bool kept; /* tt_wait() came upon output */
	struct tt_seg keep;
};

/* Defaults for these tests: 64 KiB buffers, no timestamps, no SACK, MSS 1000, NewReno, no tail loss probe. */
void tt_cfg(struct tcp_cfg *cfg);
void tt_init(struct tt *t, const struct tcp_cfg *cfg);
void tt_free(struct tt *t);

/* Injects; seq and ack relative as above. */
void tt_in(struct tt *t, uint8_t flags, uint32_t seq, uint32_t ack, const void *data, uint32_t len);
/* The same, len bytes of filler. */
void tt_data(struct tt *t, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len);
/* Next output; false: none. */
bool tt_out(struct tt *t, struct tt_seg *o);
/* Expects exactly this output next (PSH not compared). */
void tt_expect_at(struct tt *t, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len, int line);
#define tt_expect(t, flags, seq, ack, len) tt_expect_at(t, flags, seq, ack, len, __LINE__)
void tt_quiet_at(struct tt *t, int line);
#define tt_quiet(t) tt_quiet_at(t, __LINE__)
/* Advances virtual time by ms, firing timers on the way; stops at the first that makes something come out. */
void tt_wait(struct tt *t, int64_t ms);

/* Figures of conn; counters of the stack. */
struct tcp_info tt_info(struct tt *t);
struct tcp_counters tt_counters(struct tt *t);
/* Bytes to send where it does not matter which. */
extern const char tt_filler[200000];
/* Queues `queued` bytes of it and takes n full segments out. */
void tt_send_full(struct tt *t, uint32_t queued, unsigned n);
/* An ACK with up to four SACK ranges, in units of 1000 bytes. */
void tt_sack_in(struct tt *t, uint32_t ack, const uint32_t r[][2], unsigned n);
#define TT_SACK_IN(t, ack, ...)                                                    \
	do {                                                                       \
		static const uint32_t ranges_[][2] = {__VA_ARGS__};                \
		tt_sack_in(t, ack, ranges_, sizeof(ranges_) / sizeof(ranges_[0])); \
	} while (0)

/* tt_init() with tt_cfg()'s configuration, with or without SACK on both sides. */
void tt_start(struct tt *t, bool sack);
/* tt_init() and a handshake by which the peer agrees to SACK where cfg offers it: 20 ms of round trip. */
void tt_established(struct tt *t, const struct tcp_cfg *cfg);
/* Handshakes; conn is set. */
void tt_establish_passive(struct tt *t);
void tt_establish_active(struct tt *t);
/* Handshake, then the API and segments that lead to the state. */
void tt_to_state(struct tt *t, enum tcp_state state);
enum tcp_state tt_state(struct tt *t, uint32_t conn); /* TCP_CLOSED also when the slot is gone */
/* Flags of the next event of conn, 0: none. */
uint32_t tt_event(struct tt *t, uint32_t conn);
/* ACK ack from seq 1, with one SACK block. */
void tt_ack_sack(struct tt *t, uint32_t ack, uint32_t start, uint32_t end);
/* tt_cfg() with 2 000 chunks and 1 MiB to send. */
void tt_cfg_small(struct tcp_cfg *cfg);
/* Takes out all that may go; returns the segments. */
unsigned tt_drain(struct tt *t);
/* A passive connection that has negotiated ECN; mode is enum tcp_ecn's. */
void tt_ecn_start(struct tt *t, uint8_t mode);
/* Reads what tt_data() filled in, want bytes from seq 1 on. */
void tt_read_all(struct tt *t, uint32_t want);
/* A passive connection with tt_cfg() but for these two. */
void tt_receiver(struct tt *t, bool sack, bool ts);
/* Sends n full segments and takes them out. */
void tt_send_segments(struct tt *t, uint32_t first_seq, unsigned n);
