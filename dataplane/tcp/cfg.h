/* SPDX-License-Identifier: BSD-3-Clause */
/* Every limit and timer of a TCP stack, with defaults; constant after tcp_stack_init(). What is not here is no choice: formats, and
 * the constants by which an algorithm has its name (CUBIC's C and beta, RFC 6298's 1/8 and 1/4, PRR's bounds). */
#pragma once
#include "base/time.h"

#include <stdbool.h>
#include <stdint.h>

enum tcp_cc { TCP_CC_NEWRENO = 0, TCP_CC_CUBIC = 1 };

enum tcp_cookies {
	TCP_COOKIES_NEVER = 0, /* a full backlog drops SYNs */
	TCP_COOKIES_FULL =
	        1, /* SYN cookies once the backlog is full, or no connection slot is left */
	TCP_COOKIES_ALWAYS = 2 /* no half-open state at all */
};

enum tcp_ecn_mode {
	TCP_ECN_OFF = 0,
	TCP_ECN_ON = 1,     /* asked for in connections opened from here, and answered */
	TCP_ECN_PASSIVE = 2 /* answered where the peer asks */
};

/* Every place at which memory is taken. After a failure at any of them each connection still has a running timer, or another
 * event that is certain, to bring it on. */
enum tcp_alloc {
	TCP_ALLOC_CONN =
	        0, /* connection slot: connect, listen, a SYN that arrives, a cookie that comes back */
	TCP_ALLOC_SEND,    /* chunk (or directory) of a send buffer */
	TCP_ALLOC_RECEIVE, /* chunk (or directory) of a receive buffer */
	TCP_ALLOC_RECORD,  /* chunk (or directory) of the records of outstanding segments */
	TCP_ALLOC_RANGES,  /* chunk of the list of out-of-order ranges */
	TCP_ALLOC_REPLY,   /* place in the queue of connectionless segments (RST, SYN cookies) */
	TCP_ALLOC_POINTS
};

/* "connection slot" ...; never NULL. */
const char *tcp_alloc_name(enum tcp_alloc point);

struct tcp_cfg {
	/* Memory. tcp_stack_size() follows from max_conns, max_peers, chunks x chunk_bytes and reply_queue alone. */
	uint32_t max_conns;    /* connections and listeners together, 1..2^20 - 1 */
	uint32_t max_peers;    /* peer handles are 0..max_peers - 1 */
	uint32_t chunk_bytes;  /* unit of buffer memory, a power of two, 1 KiB..64 KiB */
	uint32_t chunks;       /* units in the pool, shared by all connections */
	uint32_t max_ooo;      /* ranges out of order per connection, up to chunk_bytes / 8 */
	uint32_t backlog_max;  /* upper bound of tcp_listen()'s backlog */
	uint32_t reply_queue;  /* connectionless segments waiting for tcp_output(), power of two */
	uint32_t output_burst; /* segments one connection may send before the next one's turn */
	/* For tests: asked before memory is taken at `point`; true: none is there. NULL: never asked. */
	bool (*alloc_fails)(void *arg, enum tcp_alloc point);
	void *alloc_arg;

	/* Buffers, bytes. They grow from the first value to the second; equal: fixed. */
	uint32_t sndbuf, sndbuf_max;
	uint32_t rcvbuf, rcvbuf_max;
	/* None grows while more than this share of the pool is in use. */
	uint32_t buffer_growth_pct;

	/* Segments. MSS is MTU less network header less 20, as in the option (RFC 6691). */
	uint16_t mss_default;    /* where tcp_peer_set() gave 0 */
	uint16_t mss_min;        /* smaller values from a peer are raised to this */
	uint32_t initial_window; /* segments, RFC 6928 */
	/* But no more bytes than so many segments of this size, or two segments (RFC 6928: 1460). */
	uint32_t initial_window_mss;
	bool window_scale;   /* RFC 7323 */
	bool timestamps;     /* RFC 7323 */
	bool ts_required;    /* agreed on, a segment without them is dropped (RFC 7323 3.2) */
	bool sack;           /* RFC 2018 */
	uint8_t ecn;         /* enum tcp_ecn_mode, RFC 3168 */
	uint8_t syn_cookies; /* enum tcp_cookies, RFC 4987 */
	bool drop_syn_fin; /* SYN with FIN: dropped; else the SYN is taken and the FIN is not (no TCP sends that) */
	bool fin_again; /* a FIN that crossed the peer's goes again with the ACK of that, as BSD-derived stacks do */
	bool nodelay;             /* Nagle off in new connections */
	bool checksum_always;     /* verify even where the caller says it is verified */
	uint64_t ts_clock_ns;     /* one tick of the timestamp option */
	uint32_t delack_segments; /* segments after which an ACK goes at once (RFC 5681: 2) */
	/* Challenge ACKs a second at most, varying down to half (RFC 5961 7). */
	uint32_t challenge_per_s;
	uint32_t port_first, port_last; /* ephemeral ports, RFC 6056 */

	/* Loss repair and congestion control. */
	enum tcp_cc cc; /* of new connections */
	bool hystart;   /* HyStart++, RFC 9406; its section 4.3: */
	uint32_t hystart_rtt_min_us,
	        hystart_rtt_max_us; /* growth of the round trip that tells, bounds of 1/divisor */
	uint32_t hystart_rtt_divisor;
	uint32_t hystart_samples;    /* in a round before it is judged, up to 255 */
	uint32_t hystart_css_rounds; /* of conservative slow start, up to 255 */
	bool rack;                   /* RACK, RFC 8985; false: the rules of RFC 6675 */
	bool tail_loss_probe;        /* RFC 8985 section 7 */
	bool paws_late; /* what was sent before a retransmission that filled a gap is taken after it, too: paths reorder */
	bool eifel;            /* undo by timestamps, RFC 3522, 4015 */
	bool frto;             /* F-RTO, RFC 5682 */
	bool limited_transmit; /* RFC 3042 */
	/* Growth for one ACK at most (RFC 9406: 8), 0: all it covers, as when paced. */
	uint32_t slow_start_segments;
	bool idle_restart; /* RFC 5681 4.1: the initial window again after an idle time */
	/* RACK: recoveries without a duplicate after which the reordering window is narrow again, up to 255. */
	uint32_t reo_persist;
	uint32_t dup_threshold;     /* duplicates that mean a loss (RFC 5681: 3) */
	bool pacing;                /* in new connections */
	uint32_t pacing_start_pct;  /* share of cwnd/SRTT sent at in slow start */
	uint32_t pacing_avoid_pct;  /* ... and in congestion avoidance */
	uint32_t pacing_burst;      /* segments that may leave at once */
	uint64_t pacing_max_byte_s; /* 0: no limit */
	int64_t pacing_round_max_ns; /* paced as if the round trip were no longer: it may have been measured over an outage */

	/* Times, ns. */
	int64_t rto_initial_ns, rto_min_ns, rto_max_ns; /* RFC 6298 */
	int64_t rto_syn_lost_ns; /* at least this after a SYN that was sent again, RFC 6298 5.7 */
	int64_t rto_clock_ns;    /* G of its formula: it stands at least this much above SRTT */
	int64_t persist_min_ns;  /* first window probe; then doubled (RFC 9293 3.8.6.1) */
	int64_t persist_max_ns;  /* up to this */
	int64_t tlp_min_ns;      /* shortest probe time-out */
	int64_t tlp_delack_ns;   /* RFC 8985's worst delayed ACK */
	int64_t tlp_no_rtt_ns; /* probe time-out before a round trip was measured (RFC 8985 7.2: 1 s) */
	int64_t min_rtt_age_ns; /* the least round trip is forgotten after this (RFC 8985 6.2) */
	int64_t paws_idle_ns;   /* a timestamp this old proves nothing (RFC 7323 5.5: 24 days) */
	int64_t cookie_ns;      /* a SYN cookie is good for once to twice this */
	int64_t delack_ns;      /* 0: acknowledge at once; below 0.5 s (RFC 9293 3.8.6.3) */
	int64_t oow_ack_ns; /* answers to empty segments out of place: one in this time, per connection */
	uint32_t oow_doublings; /* that time doubles with each answer so often at most, up to 16 */
	int64_t msl_ns;         /* TIME-WAIT is twice this */
	int64_t connect_timeout_ns; /* active open gives up: ETIMEDOUT; 0: retries only */
	int64_t user_timeout_ns;    /* unacknowledged data this old: ETIMEDOUT; 0: retries only */
	int64_t fin_wait2_ns;       /* closed by the application, peer does not close */
	int64_t keepalive_idle_ns;  /* 0: no keepalive in new connections */
	int64_t keepalive_intvl_ns;
	uint32_t keepalive_probes;
	uint32_t syn_retries, synack_retries,
	        data_retries; /* retransmissions before giving up: R2 */
	/* ... before the application is warned: R1 (RFC 9293 3.8.3), 0: never. */
	uint32_t warn_retries;

	uint8_t secret
	        [32]; /* ISNs, ports, timestamp offsets, cookies and hash keys derive from it */
};

/* Fills every field; the caller changes what it wants and sets `secret`. */
void tcp_cfg_default(struct tcp_cfg *cfg);

/* 0, or -EINVAL with *why (static text) naming the field. */
int tcp_cfg_check(const struct tcp_cfg *cfg, const char **why);
