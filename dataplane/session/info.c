/* SPDX-License-Identifier: BSD-3-Clause */
/* What an application is told of a connection, and of settings that it has not made. */
#include "session/lane.h"
#include "session/news.h"
#include "session/stream.h"

#include <errno.h>
#include <string.h>

static uint32_t us_of(int64_t ns)
{
	return (uint32_t)min_u64((uint64_t)(ns / NS_PER_US), UINT32_MAX);
}

static void fill(const struct tcp_info *i, struct appinfo *o)
{
	uint32_t outstanding = i->snd_max - i->snd_una;

	o->state = i->state;
	o->ca_state = i->ca_state;
	o->backoff = i->backoff;
	o->agreed =
	        (uint8_t)((i->timestamps ? APPINFO_TIMESTAMPS : 0) | (i->sack ? APPINFO_SACK : 0) |
	                  (i->ecn ? APPINFO_ECN : 0) | (i->window_scale ? APPINFO_WSCALE : 0));
	o->snd_wscale = i->snd_wscale;
	o->rcv_wscale = i->rcv_wscale;
	o->rto = us_of(i->rto_ns);
	o->srtt = us_of(i->srtt_ns);
	o->rttvar = us_of(i->rttvar_ns);
	o->min_rtt = us_of(i->min_rtt_ns);
	o->mss = i->mss;
	o->outstanding = outstanding;
	o->sacked = i->sacked;
	o->lost = i->lost;
	o->unsent = i->snd_queued > outstanding ? i->snd_queued - outstanding : 0;
	o->snd_wnd = i->snd_wnd;
	o->rcv_wnd = i->rcv_wnd;
	o->rcv_ooo = i->rcv_ooo;
	o->cwnd = i->cwnd;
	o->ssthresh = i->ssthresh;
	o->pacing_byte_s = i->pacing_byte_s;
	o->bytes_in = i->bytes_in;
	o->bytes_out = i->bytes_out;
	o->delivered = i->delivered;
	o->segs_in = i->segs_in;
	o->segs_out = i->segs_out;
	o->retransmits = i->retransmits;
}

/* Of the path to it that there is now. */
static uint8_t hops(const struct worker_sessions *s, uint32_t remote)
{
	const struct remote *p = remote == SESS_NONE ? NULL : &s->remotes[remote];

	return !p || p->held || p->session == SESS_NONE ? 0 : s->table[p->session]->hops;
}

void info_tell(struct worker_sessions *s, struct app_stream *st, const struct applane_msg *m)
{
	struct appseg_slot *words = news_slot(st);
	struct appinfo told = {0};
	struct tcp_info now;

	if (tcp_info(s->tcp, st->conn, &now) == 0) {
		fill(&now, &told);
		for (unsigned i = 0; i < TCP_OPT_COUNT; i++)
			if (tcp_get_opt(s->tcp, st->conn, (enum tcp_opt)i, &told.option[i]) < 0)
				told.option[i] = 0;
	}
	told.hops = hops(s, st->remote);
	words->info = told;
	words->option_err = 0;
	atomic_store(&words->option_seq, m->seq);
	news_wake(s, st, &words->in_waits);
}

void info_defaults(const struct worker_sessions *s, struct app_port *p)
{
	uint32_t *to = applane_defaults(p->lane);

	for (unsigned i = 0; i < TCP_OPT_COUNT; i++)
		to[i] = tcp_default_opt(s->tcp, (enum tcp_opt)i);
}
