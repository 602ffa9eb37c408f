/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP_INFO in the kernel's words. What TCP here does not count is 0. */
#include "libcoyo/info.h"
#include "libcoyo/lock.h"
#include "libcoyo/question.h"

#include <errno.h>
#include <linux/tcp.h>
#include <string.h>

#define SSTHRESH_NONE 0x7fffffffu

/* Of the kernel, by appinfo.state: its headers for programs have no names for them that this file could include. */
static const uint8_t states[] = {7, 10, 2, 3, 1, 4, 5, 8, 11, 9, 6};
static const uint8_t ca_states[] = {TCP_CA_Open, TCP_CA_CWR, TCP_CA_Recovery, TCP_CA_Loss};

int info_ask(const struct ref *r, struct appinfo *out)
{
	uint32_t state = atomic_load(&r->s->state);
	struct applane_msg m;
	int err;

	if ((state != SOCK_UP && state != SOCK_CONNECTING) || attach_dead(r->a))
		return -ENOTCONN;
	/* A daemon from before does not answer. */
	if (applane_defaults(attach_lane(r->a, r->s->worker))[APP_OPT_RCVBUF_MAX] == 0)
		return -ENOTCONN;
	m = question_of(r, APPLANE_INFO);
	err = question_ask(r, &m);
	if (err == 0)
		*out = sock_words(r)->info;
	return err;
}

static uint32_t segments(uint64_t bytes, uint32_t mss)
{
	uint64_t n = mss ? (bytes + mss - 1) / mss : 0;

	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static void fill(const struct appinfo *i, struct tcp_info *o)
{
	*o = (struct tcp_info){
	        .tcpi_state = i->state < sizeof(states) ? states[i->state] : states[0],
	        .tcpi_ca_state = i->ca_state < sizeof(ca_states) ? ca_states[i->ca_state] : 0,
	        .tcpi_retransmits = i->backoff,
	        .tcpi_backoff = i->backoff,
	        .tcpi_options =
	                (uint8_t)((i->agreed & APPINFO_TIMESTAMPS ? TCPI_OPT_TIMESTAMPS : 0) |
	                          (i->agreed & APPINFO_SACK ? TCPI_OPT_SACK : 0) |
	                          (i->agreed & APPINFO_WSCALE ? TCPI_OPT_WSCALE : 0) |
	                          (i->agreed & APPINFO_ECN ? TCPI_OPT_ECN : 0)),
	        .tcpi_snd_wscale = i->snd_wscale & 15,
	        .tcpi_rcv_wscale = i->rcv_wscale & 15,
	        .tcpi_rto = i->rto,
	        .tcpi_snd_mss = i->mss,
	        .tcpi_unacked = segments(i->outstanding, i->mss),
	        .tcpi_sacked = segments(i->sacked, i->mss),
	        .tcpi_lost = segments(i->lost, i->mss),
	        .tcpi_rtt = i->srtt,
	        .tcpi_rttvar = i->rttvar,
	        .tcpi_snd_ssthresh =
	                i->ssthresh == UINT64_MAX ? SSTHRESH_NONE : segments(i->ssthresh, i->mss),
	        .tcpi_snd_cwnd = segments(i->cwnd, i->mss),
	        .tcpi_total_retrans = (uint32_t)i->retransmits,
	        .tcpi_pacing_rate = i->pacing_byte_s ? i->pacing_byte_s : UINT64_MAX,
	        .tcpi_bytes_acked = i->bytes_out,
	        .tcpi_bytes_received = i->bytes_in,
	        .tcpi_segs_out = (uint32_t)i->segs_out,
	        .tcpi_segs_in = (uint32_t)i->segs_in,
	        .tcpi_notsent_bytes = i->unsent,
	        .tcpi_min_rtt = i->min_rtt,
	        .tcpi_delivered = segments(i->delivered, i->mss),
	        .tcpi_snd_wnd = i->snd_wnd,
	};
}

int info_give(const struct ref *r, void *value, socklen_t *len)
{
	struct appinfo info = {0};
	struct tcp_info out;
	bool connected = info_ask(r, &info) == 0;

	fill(&info, &out);
	/* What lies in the ring has not been sent either. */
	if (connected)
		out.tcpi_notsent_bytes += r->s->out.cap - bytering_room(&r->s->out);
	if (atomic_load(&r->s->state) == SOCK_LISTENING) {
		out.tcpi_state = states[1];
		lock_take(&r->a->region->table);
		out.tcpi_unacked = r->s->queued;
		lock_give(&r->a->region->table);
		out.tcpi_sacked = r->s->backlog;
	}
	*len = (socklen_t)min_u64(*len, sizeof(out));
	memcpy(value, &out, *len);
	return 0;
}
