/* SPDX-License-Identifier: BSD-3-Clause */
/* Looking at connections from outside. */
#include "tcp/info.h"
#include "tcp/rto.h"
#include "tcp/stack.h"

#include <errno.h>

const char *tcp_state_name(enum tcp_state state)
{
	static const char *const names[TCP_STATES] = {
	        "CLOSED",     "LISTEN",     "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
	        "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",  "LAST-ACK",     "TIME-WAIT"};

	return (unsigned)state < TCP_STATES ? names[state] : "?";
}

static void fill(const struct tcp_stack *s, const struct conn *c, struct tcp_info *o)
{
	uint32_t wnd_told = seq_gt(c->rcv_adv, c->rcv_nxt) ? c->rcv_adv - c->rcv_nxt : 0;

	*o = (struct tcp_info){
	        .conn = conn_handle(c),
	        .peer = c->peer,
	        .user = c->user,
	        .local_port = c->lport,
	        .remote_port = c->rport,
	        .state = c->state,
	        .listener = c->peer == TABLE_LISTEN,
	        .orphan = (c->flags & CF_ORPHAN) != 0,
	        .in_recovery = c->ca >= CA_RECOVERY,
	        .timestamps = (c->flags & CF_TS) != 0,
	        .sack = (c->flags & CF_SACK) != 0,
	        .ecn = (c->flags & CF_ECN) != 0,
	        .window_scale = (c->flags & CF_WSCALE) != 0,
	        .paced = (c->modes & CM_PACED) != 0,
	        .cookie = (c->modes & CM_COOKIE) != 0,
	        .ca_state = c->ca,
	        .backoff = c->backoff,
	        .snd_wscale = c->snd_ws,
	        .rcv_wscale = c->rcv_ws,
	        .state_name = tcp_state_name(c->state),
	        .error = c->err ? c->err : c->soft_err,
	        .backlog_used = c->backlog_used,
	};
	o->cc_name = o->listener ? "" : c->cc.ops->name;
	if (o->listener)
		return;
	o->held = s->peers[c->peer].held;
	o->mss = c->mss;
	o->peer_mss = c->peer_mss;
	o->sacked = c->sacked_bytes;
	o->lost = c->lost_bytes;
	o->pacing_byte_s = pace_rate(s, c);
	o->delivered = c->delivered;
	o->ecn_reductions = c->n_ecn;
	o->next_timer_ns = timer_next(c);
	o->last_rx_ns = c->last_rx;
	o->last_tx_ns = c->last_tx;
	o->snd_limit = c->snd_limit;
	o->rcv_limit = c->rcv_limit;
	o->cwnd = c->cc.cwnd;
	o->ssthresh = c->cc.ssthresh;
	o->in_flight = conn_in_flight(c);
	o->snd_una = c->snd_una;
	o->snd_nxt = c->snd_nxt;
	o->snd_max = c->snd_max;
	o->rcv_nxt = c->rcv_nxt;
	o->snd_wnd = c->snd_wnd;
	o->rcv_wnd = wnd_told;
	o->srtt_ns = c->srtt;
	o->rttvar_ns = c->rttvar;
	o->min_rtt_ns = c->min_rtt == INT64_MAX ? 0 : c->min_rtt;
	o->rto_ns = rto_backed_off(&s->cfg, c);
	o->timer_rtx = c->rtx_kind != RTX_NONE;
	o->bytes_in = c->bytes_in;
	o->bytes_out = c->bytes_out;
	o->segs_in = c->segs_in;
	o->segs_out = c->segs_out;
	o->retransmits = c->n_retransmits;
	o->rtos = c->n_rtos;
	o->fast_recoveries = c->n_fast;
	o->probes = c->n_probes;
	o->spurious = c->n_spurious;
	o->snd_queued = c->snd.len;
	o->snd_space = c->snd.len < c->snd_limit ? c->snd_limit - c->snd.len : 0;
	o->rcv_queued = c->rcv.len;
	o->rcv_ooo = c->ooo_bytes;
	o->rcv_urgent = c->modes & CM_RCV_URGENT ? c->rcv_up - conn_read_seq(c) : 0;
}

int tcp_info(const struct tcp_stack *s, uint32_t conn, struct tcp_info *out)
{
	const struct conn *c = conn_of(s, conn);

	if (!c)
		return -EBADF;
	fill(s, c, out);
	return 0;
}

bool tcp_iterate(const struct tcp_stack *s, uint32_t *cursor, struct tcp_info *out)
{
	while (*cursor < s->fresh) {
		const struct conn *c = &s->conns[(*cursor)++];

		/* A free slot names no index. */
		if (c->index == CONN_NONE)
			continue;
		fill(s, c, out);
		return true;
	}
	return false;
}
