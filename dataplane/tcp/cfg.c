/* SPDX-License-Identifier: BSD-3-Clause */
/* Defaults and bounds of a TCP stack's configuration. */
#include "tcp/cfg.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

void tcp_cfg_default(struct tcp_cfg *cfg)
{
	*cfg = (struct tcp_cfg){
	        .max_conns = 4096,
	        .max_peers = 4096,
	        .chunk_bytes = 8192,
	        .chunks = 8192,
	        .max_ooo = 256,
	        .backlog_max = 1024,
	        .reply_queue = 256,
	        .output_burst = 16,
	        .sndbuf = 256 * 1024,
	        .sndbuf_max = 4 * 1024 * 1024,
	        .rcvbuf = 256 * 1024,
	        .rcvbuf_max = 4 * 1024 * 1024,
	        .mss_default = 1200,
	        .mss_min = 64,
	        .initial_window = 10,
	        .window_scale = true,
	        .timestamps = true,
	        .sack = true,
	        .ecn = false,
	        .tail_loss_probe = true,
	        .cc = TCP_CC_CUBIC,
	        .ts_clock_ns = 1000000,
	        .challenge_per_s = 100,
	        .port_first = 32768,
	        .port_last = 60999,
	        .rto_initial_ns = NS_PER_S,
	        .rto_min_ns = 200 * NS_PER_MS,
	        .rto_max_ns = 60 * NS_PER_S,
	        .delack_ns = 40 * NS_PER_MS,
	        .msl_ns = 15 * NS_PER_S,
	        .connect_timeout_ns = 60 * NS_PER_S,
	        .fin_wait2_ns = 60 * NS_PER_S,
	        .keepalive_intvl_ns = 15 * NS_PER_S,
	        .keepalive_probes = 6,
	        .syn_retries = 6,
	        .synack_retries = 5,
	        .data_retries = 15,
	};
}

int tcp_cfg_check(const struct tcp_cfg *c, const char **why)
{
	const char *w = NULL;

	if (c->max_conns == 0 || c->max_conns >= (1u << 20))
		w = "max_conns must be 1..2^20-1";
	else if (c->max_peers == 0 || c->max_peers == UINT32_MAX)
		w = "max_peers must be 1..2^32-2";
	else if (c->chunk_bytes < 1024 || c->chunk_bytes > 65536 ||
	         (c->chunk_bytes & (c->chunk_bytes - 1)))
		w = "chunk_bytes must be a power of two, 1024..65536";
	else if (c->chunks < 16 || c->chunks >= UINT32_MAX / 2)
		w = "chunks must be 16..2^31-2";
	else if (c->max_ooo == 0 || c->max_ooo > c->chunk_bytes / 8)
		w = "max_ooo must be 1..chunk_bytes/8";
	else if (c->reply_queue == 0 || c->reply_queue > 65536 ||
	         (c->reply_queue & (c->reply_queue - 1)))
		w = "reply_queue must be a power of two up to 65536";
	else if (c->output_burst == 0)
		w = "output_burst must not be 0";
	else if (c->sndbuf == 0 || c->sndbuf > c->sndbuf_max || c->sndbuf_max > (1u << 30))
		w = "sndbuf must be 1..sndbuf_max, at most 2^30";
	else if (c->rcvbuf == 0 || c->rcvbuf > c->rcvbuf_max || c->rcvbuf_max > (1u << 30))
		w = "rcvbuf must be 1..rcvbuf_max, at most 2^30";
	else if (c->mss_min < 32 || c->mss_default < c->mss_min)
		w = "mss_min must be 32..mss_default";
	else if (c->initial_window == 0 || c->initial_window > 1000)
		w = "initial_window must be 1..1000";
	else if (c->ts_clock_ns == 0)
		w = "ts_clock_ns must not be 0";
	else if (c->port_first == 0 || c->port_last > 65535 || c->port_first > c->port_last)
		w = "port_first..port_last must lie in 1..65535";
	else if (c->rto_min_ns <= 0 || c->rto_initial_ns <= 0 || c->rto_max_ns < c->rto_min_ns)
		w = "rto_min must be positive and not above rto_max";
	else if (c->delack_ns < 0 || c->msl_ns < 0 || c->connect_timeout_ns < 0 ||
	         c->user_timeout_ns < 0 || c->fin_wait2_ns < 0 || c->keepalive_idle_ns < 0 ||
	         c->keepalive_intvl_ns < 0)
		w = "times must not be negative";
	if (why)
		*why = w;
	return w ? -EINVAL : 0;
}
