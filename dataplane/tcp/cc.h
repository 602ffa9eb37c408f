/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion control behind one interface: what a controller sees of a connection and what it decides. */
#pragma once
#include "tcp/cfg.h"

#include <stdbool.h>
#include <stdint.h>

struct tcp_cc_ops;

/* HyStart++; round trips in us, UINT32_MAX: none. */
struct tcp_hystart {
	uint32_t last_min, now_min, base;
	uint32_t round_end; /* the round ends when this is acknowledged */
	uint8_t samples, css_rounds;
	bool css;  /* in conservative slow start */
	bool wait; /* nothing was outstanding when the round began: its end is not known yet */
};

/* A controller's state inside a connection; windows in bytes. */
struct tcp_ccs {
	const struct tcp_cc_ops *ops;
	uint64_t cwnd;
	uint64_t ssthresh; /* UINT64_MAX: no loss yet */
	uint32_t mss;      /* payload of a full segment */
	/* Of the next growth: NewReno's bytes acknowledged, CUBIC's 2^-32 of a byte. */
	uint32_t partial;
	struct tcp_hystart hs;
	uint16_t ss_limit; /* segments slow start grows by for one ACK, 0: no limit */
	union {
		struct {
			int64_t epoch_ns; /* start of the present cubic curve, 0: none */
			int64_t grown_ns; /* when the window was last in full use */
			double w_max, k, w_est, cwnd_prior; /* segments, seconds */
			int64_t was_epoch_ns;               /* before the last event, for undo */
			float was_w_max, was_k, was_w_est, was_cwnd_prior;
			bool paused;
		} cubic;
		uint64_t room[10];
	};
};

struct tcp_cc_ops {
	const char *name;
	/* A connection starts; cwnd and ssthresh are set already. */
	void (*init)(struct tcp_ccs *c);
	/* bytes were newly acknowledged outside recovery while the window was in full use. */
	void (*acked)(struct tcp_ccs *c, uint32_t bytes, int64_t srtt_ns, int64_t now_ns);
	/* Time passed in which it was not the window that held the sender back: the application or the peer left room in it, nothing
	 * was sent for more than a round trip. NULL: does not care. */
	void (*paused)(struct tcp_ccs *c);
	/* The window was lowered without a congestion event: after an idle time, or the path was away. NULL: does not care. */
	void (*restart)(struct tcp_ccs *c);
	/* A congestion event (loss or ECN): returns the new ssthresh; in_flight in bytes. */
	uint64_t (*congestion)(struct tcp_ccs *c, uint64_t in_flight);
	/* That event was a timeout: the path is to be learned anew. */
	void (*timeout)(struct tcp_ccs *c);
	/* The last event was no congestion after all. cwnd and ssthresh are restored by the engine. */
	void (*undo)(struct tcp_ccs *c);
	/* Segments have another size: was before, c->mss now. What is remembered in segments stays as many bytes. NULL: nothing is. */
	void (*mss)(struct tcp_ccs *c, uint32_t was);
};

/* RFC 5681 with RFC 6582, and RFC 9438: each in the file of its name. */
extern const struct tcp_cc_ops tcp_cc_newreno, tcp_cc_cubic;

/* hystart.c: init with a connection; ack for each acknowledgement that lets slow start grow. */
void tcp_hystart_init(struct tcp_ccs *c, uint32_t snd_nxt);
void tcp_hystart_ack(const struct tcp_cfg *cfg, struct tcp_ccs *c, uint32_t snd_una,
                     uint32_t snd_nxt, int64_t rtt_ns);

/* Slow start with appropriate byte counting (RFC 3465; RFC 9406 4.2: at most L segments, a quarter of it in conservative slow
 * start); returns the bytes left over once ssthresh is reached. */
static inline uint32_t tcp_cc_slow_start(struct tcp_ccs *c, uint32_t bytes)
{
	uint64_t room = c->ssthresh - c->cwnd;
	uint32_t most = c->ss_limit * c->mss, grow = most && most < bytes ? most : bytes;

	if (c->hs.css)
		grow /= 4;
	if (grow < room) {
		c->cwnd += grow;
		return 0;
	}
	c->cwnd += room;
	return grow - (uint32_t)room;
}
