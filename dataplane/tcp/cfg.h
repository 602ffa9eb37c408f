/* SPDX-License-Identifier: BSD-3-Clause */
/* Every limit and timer of a TCP stack, with defaults; constant after tcp_stack_init(). */
#pragma once
#include "base/time.h"

#include <stdbool.h>
#include <stdint.h>

enum tcp_cc { TCP_CC_NEWRENO = 0, TCP_CC_CUBIC = 1 };

struct tcp_cfg {
	/* Memory. tcp_stack_size() follows from these four alone. */
	uint32_t max_conns;   /* connections and listeners together, 1..2^20 - 1 */
	uint32_t max_peers;   /* peer handles are 0..max_peers - 1 */
	uint32_t chunk_bytes; /* unit of buffer memory, a power of two, 1 KiB..64 KiB */
	uint32_t chunks;      /* units in the pool, shared by all connections */
	uint32_t max_ooo;     /* out-of-order ranges kept per connection */
	uint32_t backlog_max; /* upper bound of tcp_listen()'s backlog */
	uint32_t
	        reply_queue; /* connectionless segments (RST) waiting for tcp_output(), power of two */
	uint32_t output_burst; /* segments one connection may send before the next one's turn */

	/* Buffers, bytes. They grow from the first value to the second. */
	uint32_t sndbuf, sndbuf_max;
	uint32_t rcvbuf, rcvbuf_max;

	/* Segments. MSS is MTU less network header less 20, as in the option (RFC 6691). */
	uint16_t mss_default;    /* where tcp_peer_set() gave 0 */
	uint16_t mss_min;        /* smaller values from a peer are raised to this */
	uint32_t initial_window; /* segments, RFC 6928 */
	bool window_scale;       /* RFC 7323 */
	bool timestamps;         /* RFC 7323 */
	bool sack;               /* RFC 2018 */
	bool ecn;                /* RFC 3168, asked for and answered */
	bool nodelay;            /* Nagle off in new connections */
	bool checksum_always;    /* verify even where the caller says it is verified */
	bool tail_loss_probe;    /* RFC 8985 section 7 */
	enum tcp_cc cc;          /* congestion control of new connections */
	uint64_t ts_clock_ns;    /* one tick of the timestamp option */
	uint32_t
	        challenge_per_s; /* challenge ACKs a second at most, varying down to half (RFC 5961 7) */
	uint32_t port_first, port_last; /* ephemeral ports, RFC 6056 */

	/* Times, ns. */
	int64_t rto_initial_ns, rto_min_ns, rto_max_ns; /* RFC 6298 */
	int64_t delack_ns;                              /* 0: acknowledge at once */
	int64_t msl_ns;                                 /* TIME-WAIT is twice this */
	int64_t connect_timeout_ns;                     /* active open gives up: ETIMEDOUT */
	int64_t user_timeout_ns;   /* unacknowledged data this old: ETIMEDOUT; 0: retries only */
	int64_t fin_wait2_ns;      /* closed by the application, peer does not close */
	int64_t keepalive_idle_ns; /* 0: no keepalive in new connections */
	int64_t keepalive_intvl_ns;
	uint32_t keepalive_probes;
	uint32_t syn_retries, synack_retries, data_retries; /* retransmissions before giving up */

	uint8_t secret[32]; /* ISNs, ports, timestamp offsets and hash keys derive from it */
};

/* Fills every field; the caller changes what it wants and sets `secret`. */
void tcp_cfg_default(struct tcp_cfg *cfg);

/* 0, or -EINVAL with *why (static text) naming the field. */
int tcp_cfg_check(const struct tcp_cfg *cfg, const char **why);
