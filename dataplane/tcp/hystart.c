/* SPDX-License-Identifier: BSD-3-Clause */
/* HyStart++ (RFC 9406): slow start gives way to a conservative one when round-trip times grow, and then ends. */
#include "tcp/cc.h"
#include "tcp/seq.h"

#define NONE UINT32_MAX

void tcp_hystart_init(struct tcp_ccs *c, uint32_t snd_nxt)
{
	c->hs = (struct tcp_hystart){
	        .last_min = NONE, .now_min = NONE, .base = NONE, .round_end = snd_nxt};
}

static uint32_t threshold(const struct tcp_cfg *cfg, uint32_t last_min)
{
	uint32_t t = last_min / cfg->hystart_rtt_divisor;

	return t < cfg->hystart_rtt_min_us   ? cfg->hystart_rtt_min_us
	       : t > cfg->hystart_rtt_max_us ? cfg->hystart_rtt_max_us
	                                     : t;
}

static void round_ends(const struct tcp_cfg *cfg, struct tcp_ccs *c, uint32_t snd_nxt)
{
	struct tcp_hystart *h = &c->hs;

	h->last_min = h->now_min;
	h->now_min = NONE;
	h->samples = 0;
	h->round_end = snd_nxt;
	/* The round in which it began counts too. */
	if (h->css && ++h->css_rounds >= cfg->hystart_css_rounds) {
		c->ssthresh = c->cwnd;
		h->css = false;
	}
}

void tcp_hystart_ack(const struct tcp_cfg *cfg, struct tcp_ccs *c, uint32_t snd_una,
                     uint32_t snd_nxt, int64_t rtt_ns)
{
	struct tcp_hystart *h = &c->hs;

	/* Section 4.3: for the first slow start; after a loss its end is known. */
	if (c->ssthresh != UINT64_MAX)
		return;
	if (h->wait) {
		h->wait = false;
		h->round_end = snd_nxt;
	}
	if (rtt_ns >= 0) {
		uint32_t us = rtt_ns / 1000 < NONE ? (uint32_t)(rtt_ns / 1000) : NONE - 1;

		if (us < h->now_min)
			h->now_min = us;
		if (h->samples < cfg->hystart_samples)
			h->samples++;
	}
	/* Within the round in which it began a burst's own queue drains, so later samples are always smaller: the next rounds tell. */
	if (h->samples >= cfg->hystart_samples && h->css && h->css_rounds && h->now_min < h->base) {
		h->css = false; /* the growth was not of our making */
		h->base = NONE;
	} else if (h->samples >= cfg->hystart_samples && !h->css && h->last_min != NONE &&
	           h->now_min >= h->last_min + threshold(cfg, h->last_min)) {
		h->css = true;
		h->css_rounds = 0;
		h->base = h->now_min;
	}
	if (seq_geq(snd_una, h->round_end)) {
		round_ends(cfg, c, snd_nxt);
		h->wait = snd_nxt == snd_una;
	}
}
