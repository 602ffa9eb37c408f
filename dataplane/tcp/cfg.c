/* SPDX-License-Identifier: BSD-3-Clause */
/* Defaults and bounds of a TCP stack's configuration. */
#include "tcp/cfg.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static void default_times(struct tcp_cfg *cfg)
{
	cfg->rto_initial_ns = NS_PER_S;
	cfg->rto_min_ns = 200 * NS_PER_MS;
	cfg->rto_max_ns = 60 * NS_PER_S;
	cfg->rto_syn_lost_ns = 3 * NS_PER_S;
	/* A steady path lets RTTVAR vanish; then one delayed ACK would be a time-out. */
	cfg->rto_clock_ns = 100 * NS_PER_MS;
	cfg->persist_min_ns = 200 * NS_PER_MS;
	cfg->persist_max_ns = 60 * NS_PER_S;
	cfg->tlp_min_ns = 2 * NS_PER_MS;
	cfg->tlp_delack_ns = 200 * NS_PER_MS;
	cfg->tlp_no_rtt_ns = NS_PER_S;
	cfg->min_rtt_age_ns = 300 * NS_PER_S;
	cfg->paws_idle_ns = 24 * 24 * 3600 * NS_PER_S;
	cfg->cookie_ns = 64 * NS_PER_S;
	cfg->oow_ack_ns = 500 * NS_PER_MS;
	cfg->oow_doublings = 16;
	cfg->delack_ns = 40 * NS_PER_MS;
	cfg->msl_ns = 15 * NS_PER_S;
	cfg->connect_timeout_ns = 190 * NS_PER_S;
	cfg->fin_wait2_ns = 60 * NS_PER_S;
	cfg->keepalive_intvl_ns = 15 * NS_PER_S;
	cfg->keepalive_probes = 6;
	cfg->syn_retries = 7;
	cfg->synack_retries = 7;
	cfg->data_retries = 15;
	cfg->warn_retries = 3;
}

void tcp_cfg_default(struct tcp_cfg *cfg)
{
	*cfg = (struct tcp_cfg){
	        .max_conns = 4096,
	        .max_peers = 4096,
	        .chunk_bytes = 8192,
	        .chunks = 8192,
	        .max_ooo = 1024,
	        .backlog_max = 1024,
	        .reply_queue = 256,
	        .output_burst = 16,
	        .sndbuf = 256 * 1024,
	        .sndbuf_max = 4 * 1024 * 1024,
	        .rcvbuf = 256 * 1024,
	        .rcvbuf_max = 4 * 1024 * 1024,
	        .buffer_growth_pct = 75,
	        .mss_default = 1200,
	        .mss_min = 64,
	        .initial_window = 10,
	        .initial_window_mss = 1460,
	        .window_scale = true,
	        .timestamps = true,
	        .ts_required = true,
	        .sack = true,
	        .drop_syn_fin = true,
	        .fin_again = true,
	        .ecn = TCP_ECN_OFF,
	        .syn_cookies = TCP_COOKIES_FULL,
	        .ts_clock_ns = 1000000,
	        .delack_segments = 2,
	        .challenge_per_s = 100,
	        .port_first = 32768,
	        .port_last = 60999,
	        .cc = TCP_CC_CUBIC,
	        .hystart = true,
	        .hystart_rtt_min_us = 4000,
	        .hystart_rtt_max_us = 16000,
	        .hystart_rtt_divisor = 8,
	        .hystart_samples = 8,
	        .hystart_css_rounds = 5,
	        .rack = true,
	        .tail_loss_probe = true,
	        .paws_late = true,
	        .eifel = true,
	        .frto = true,
	        .limited_transmit = true,
	        .slow_start_segments = 8,
	        .idle_restart = true,
	        .reo_persist = 16,
	        .dup_threshold = 3,
	        .pacing_start_pct = 200,
	        .pacing_avoid_pct = 120,
	        .pacing_burst = 10,
	        .pacing_round_max_ns = NS_PER_S,
	};
	default_times(cfg);
}

const char *tcp_alloc_name(enum tcp_alloc point)
{
	static const char *const names[TCP_ALLOC_POINTS] = {"connection slot", "send buffer",
	                                                    "receive buffer",  "records",
	                                                    "range list",      "reply queue"};

	return (unsigned)point < TCP_ALLOC_POINTS ? names[point] : "?";
}

/* Memory and segments. NULL: fine. */
static const char *check_limits(const struct tcp_cfg *c)
{
	if (c->max_conns == 0 || c->max_conns >= (1u << 20))
		return "max_conns must be 1..2^20-1";
	if (c->max_peers == 0 || c->max_peers == UINT32_MAX)
		return "max_peers must be 1..2^32-2";
	if (c->chunk_bytes < 1024 || c->chunk_bytes > 65536 ||
	    (c->chunk_bytes & (c->chunk_bytes - 1)))
		return "chunk_bytes must be a power of two, 1024..65536";
	if (c->chunks < 16 || c->chunks >= UINT32_MAX / 2)
		return "chunks must be 16..2^31-2";
	if (c->max_ooo == 0)
		return "max_ooo must not be 0";
	if (c->reply_queue == 0 || c->reply_queue > 65536 ||
	    (c->reply_queue & (c->reply_queue - 1)))
		return "reply_queue must be a power of two up to 65536";
	if (c->output_burst == 0)
		return "output_burst must not be 0";
	if (c->sndbuf == 0 || c->sndbuf > c->sndbuf_max || c->sndbuf_max > (1u << 30))
		return "sndbuf must be 1..sndbuf_max, at most 2^30";
	if (c->rcvbuf == 0 || c->rcvbuf > c->rcvbuf_max || c->rcvbuf_max > (1u << 30))
		return "rcvbuf must be 1..rcvbuf_max, at most 2^30";
	if (c->mss_min < 32 || c->mss_default < c->mss_min)
		return "mss_min must be 32..mss_default";
	if (c->initial_window == 0 || c->initial_window > 1000)
		return "initial_window must be 1..1000";
	if (c->port_first == 0 || c->port_last > 65535 || c->port_first > c->port_last)
		return "port_first..port_last must lie in 1..65535";
	if (c->buffer_growth_pct > 100)
		return "buffer_growth_pct must be at most 100";
	if (c->cc > TCP_CC_CUBIC)
		return "no such congestion control";
	if (c->ecn > TCP_ECN_PASSIVE)
		return "no such ECN mode";
	if (c->slow_start_segments > 65535)
		return "slow_start_segments must be at most 65535";
	if (c->syn_cookies > TCP_COOKIES_ALWAYS)
		return "no such SYN cookie mode";
	if (c->keepalive_probes > 255)
		return "keepalive_probes must be at most 255";
	if (c->syn_retries > 255 || c->synack_retries > 255 || c->data_retries > 255)
		return "retries must be at most 255";
	return NULL;
}

/* Algorithms. NULL: fine. */
static const char *check_algorithms(const struct tcp_cfg *c)
{
	if (c->delack_segments == 0 || c->dup_threshold == 0)
		return "delack_segments and dup_threshold must not be 0";
	if (c->hystart_rtt_divisor == 0 || c->hystart_rtt_min_us > c->hystart_rtt_max_us)
		return "hystart_rtt_divisor must not be 0, hystart_rtt_min not above "
		       "hystart_rtt_max";
	if (c->hystart_samples == 0 || c->hystart_samples > 255 || c->hystart_css_rounds == 0 ||
	    c->hystart_css_rounds > 255)
		return "hystart_samples and hystart_css_rounds must be 1..255";
	if (c->reo_persist == 0 || c->reo_persist > 255)
		return "reo_persist must be 1..255";
	if (c->oow_doublings > 16)
		return "oow_doublings must be at most 16";
	if (c->delack_segments > 65535 || c->dup_threshold > 65535)
		return "delack_segments and dup_threshold must be at most 65535";
	if (c->pacing_start_pct == 0 || c->pacing_avoid_pct == 0 || c->pacing_burst == 0)
		return "pacing percentages and burst must not be 0";
	if (c->pacing_burst > 65535)
		return "pacing_burst must be at most 65535";
	return NULL;
}

/* Times that are added to times; 0 is how none is said. NULL: fine. */
static const char *check_sums(const struct tcp_cfg *c)
{
	const int64_t all[] = {c->rto_min_ns,         c->rto_initial_ns, c->rto_max_ns,
	                       c->rto_clock_ns,       c->msl_ns,         c->connect_timeout_ns,
	                       c->user_timeout_ns,    c->fin_wait2_ns,   c->keepalive_idle_ns,
	                       c->keepalive_intvl_ns, c->persist_min_ns, c->persist_max_ns,
	                       c->tlp_min_ns,         c->tlp_delack_ns,  c->tlp_no_rtt_ns,
	                       c->min_rtt_age_ns,     c->paws_idle_ns};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] > 366 * 86400 * NS_PER_S)
			return "times must be at most a year";
	return NULL;
}

/* Times. NULL: fine. */
static const char *check_times(const struct tcp_cfg *c)
{
	if (c->ts_clock_ns == 0)
		return "ts_clock_ns must not be 0";
	if (c->rto_min_ns <= 0 || c->rto_initial_ns <= 0 || c->rto_max_ns < c->rto_min_ns)
		return "rto_min must be positive and not above rto_max";
	if (c->delack_ns < 0 || c->msl_ns < 0 || c->connect_timeout_ns < 0 ||
	    c->user_timeout_ns < 0 || c->fin_wait2_ns < 0 || c->keepalive_idle_ns < 0 ||
	    c->keepalive_intvl_ns < 0)
		return "times must not be negative";
	if (c->rto_initial_ns <= 0 || c->rto_clock_ns < 0 || c->persist_min_ns <= 0 ||
	    c->persist_max_ns < c->persist_min_ns)
		return "rto_initial, persist_min must be positive, persist_max not below it";
	if (c->delack_ns >= NS_PER_S / 2) /* RFC 9293 3.8.6.3 */
		return "delack must be below 0.5 s";
	if (c->tlp_min_ns < 0 || c->tlp_delack_ns < 0 || c->oow_ack_ns < 0)
		return "times must not be negative";
	if (c->tlp_no_rtt_ns <= 0 || c->pacing_round_max_ns <= 0 || c->min_rtt_age_ns <= 0 ||
	    c->paws_idle_ns <= 0 || c->cookie_ns <= 0)
		return "tlp_no_rtt, pacing_round_max, min_rtt_age, paws_idle and cookie times must "
		       "be positive";
	if (c->oow_ack_ns > 3600 * NS_PER_S || c->pacing_round_max_ns > 60 * NS_PER_S ||
	    c->cookie_ns > 3600 * NS_PER_S)
		return "oow_ack and cookie must be at most an hour, pacing_round_max a minute";
	return check_sums(c);
}

int tcp_cfg_check(const struct tcp_cfg *c, const char **why)
{
	const char *w = check_limits(c);

	if (!w)
		w = check_algorithms(c);
	if (!w)
		w = check_times(c);
	if (why)
		*why = w;
	return w ? -EINVAL : 0;
}
