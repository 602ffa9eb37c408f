/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion control behind one interface: what a controller sees of a connection and what it decides. */
#pragma once
#include "tcp/cfg.h"

#include <stdint.h>

struct tcp_cc_ops;

/* A controller's state inside a connection; windows in bytes. */
struct tcp_ccs {
	const struct tcp_cc_ops *ops;
	uint64_t cwnd;
	uint64_t ssthresh; /* UINT64_MAX: no loss yet */
	uint32_t mss;      /* payload of a full segment */
	uint32_t
	        partial; /* of the next growth: NewReno's bytes acknowledged, CUBIC's 2^-32 of a byte */
	union {
		struct {
			int64_t epoch_ns; /* start of the present cubic curve, 0: none */
			double w_max, k, w_est, cwnd_prior; /* segments, seconds */
			double prior_w_max;                 /* for undo */
		} cubic;
		uint64_t room[6];
	};
};

struct tcp_cc_ops {
	const char *name;
	/* A connection starts; cwnd and ssthresh are set already. */
	void (*init)(struct tcp_ccs *c);
	/* bytes were newly acknowledged outside recovery while the window was in full use. */
	void (*acked)(struct tcp_ccs *c, uint32_t bytes, int64_t srtt_ns, int64_t now_ns);
	/* A congestion event (loss or ECN): returns the new ssthresh; in_flight in bytes. */
	uint64_t (*congestion)(struct tcp_ccs *c, uint64_t in_flight);
	/* That event was a timeout: the path is to be learned anew. */
	void (*timeout)(struct tcp_ccs *c);
	/* The last event was no congestion after all. cwnd and ssthresh are restored by the engine. */
	void (*undo)(struct tcp_ccs *c);
};

extern const struct tcp_cc_ops tcp_cc_newreno, tcp_cc_cubic;

/* Slow start with appropriate byte counting (RFC 3465, L = whole burst, RFC 9406 4.2); returns the bytes left over. */
static inline uint32_t tcp_cc_slow_start(struct tcp_ccs *c, uint32_t bytes)
{
	uint64_t grow = c->ssthresh - c->cwnd < bytes ? c->ssthresh - c->cwnd : bytes;

	c->cwnd += grow;
	return bytes - (uint32_t)grow;
}
