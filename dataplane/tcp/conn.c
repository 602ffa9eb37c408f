/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a connection's slot: taken, set up, made ready, reported, ended, freed. */
#include "tcp/conn.h"
#include "tcp/reass.h"
#include "tcp/stack.h"

#include <errno.h>
#include <string.h>

/* The oldest connection in TIME-WAIT that nobody holds gives way when slots run out. */
static bool recycle_time_wait(struct tcp_stack *s)
{
	for (uint32_t i = s->time_wait.head; i != CONN_NONE; i = s->conns[i].queue.next) {
		if (s->conns[i].flags & CF_APP)
			continue;
		s->n.time_wait_recycled++;
		conn_end(s, &s->conns[i], 0, 0);
		return true;
	}
	return false;
}

struct conn *conn_new(struct tcp_stack *s, uint32_t peer, uint16_t lport, uint16_t rport)
{
	struct conn *c;
	uint32_t i, gen = 0;

	if (s->cfg.alloc_fails && s->cfg.alloc_fails(s->cfg.alloc_arg, TCP_ALLOC_CONN))
		return NULL;
	if (!s->nfree && s->fresh == s->cfg.max_conns && !recycle_time_wait(s))
		return NULL;
	if (s->nfree) {
		i = s->free_conns[--s->nfree];
		gen = s->conns[i].gen;
	} else {
		i = s->fresh++;
		*tcp_wheel_node(&s->wheel, i) = (struct wheel_node){.where = 0};
	}
	c = &s->conns[i];
	memset(c, 0, sizeof(*c));
	c->index = i;
	c->gen = (gen & 0xfff) == 0xfff ? 1 : gen + 1;
	c->peer = peer;
	c->lport = lport;
	c->rport = rport;
	c->parent = CONN_NONE;
	c->snd.point = TCP_ALLOC_SEND;
	c->rcv.point = TCP_ALLOC_RECEIVE;
	c->rec.point = TCP_ALLOC_RECORD;
	c->acc_head = c->acc_tail = CONN_NONE;
	c->time_head = c->time_tail = CONN_NONE;
	c->rtx_at = c->aux_at = c->delack_at = c->life_at = c->pace_wait = INT64_MAX;
	s->nconns++;
	table_insert(s, c);
	if (peer != TABLE_LISTEN) {
		LIST_ADD(s, &s->peers[peer].conns, c, of_peer);
		s->peers[peer].live++;
	}
	COYO_ASSERT(s->nconns + s->nfree == s->fresh && s->fresh <= s->cfg.max_conns);
	return c;
}

struct conn *conn_come(struct tcp_stack *s, const struct conn *l, const struct seg *g)
{
	struct conn *c;

	if (l->charge && !tcp_charge_take(l->charge)) {
		s->n.drop_charge++;
		return NULL;
	}
	c = conn_new(s, g->peer, g->lport, g->rport);
	if (c) {
		c->charge = l->charge;
		return c;
	}
	if (l->charge)
		tcp_charge_release(l->charge);
	s->n.drop_conns++;
	return NULL;
}

uint16_t conn_path_mss(const struct tcp_stack *s, uint32_t peer, const struct conn *c)
{
	uint16_t mss = s->peers[peer].mss;

	return c->mss_cap && c->mss_cap < mss ? c->mss_cap : mss;
}

void conn_update_mss(struct tcp_stack *s, struct conn *c)
{
	uint32_t mss = conn_path_mss(s, c->peer, c), was = c->cc.mss;

	if (c->peer_mss && c->peer_mss < mss)
		mss = c->peer_mss;
	if (mss < s->cfg.mss_min)
		mss = s->cfg.mss_min;
	if (c->flags & CF_TS)
		mss -= TCP_OPT_TS_BYTES;
	COYO_ASSERT(mss && mss <= UINT16_MAX);
	c->mss = mss;
	c->cc.mss = mss;
	if (was && was != mss && c->cc.ops->mss)
		c->cc.ops->mss(&c->cc, was);
	/* The least that RFC 5681 (4) and 3.1 leave, now of larger segments; recovery and undo fall back on these too. */
	c->cc.cwnd = c->cc.cwnd ? max_u64(c->cc.cwnd, mss) : 0;
	c->cc.ssthresh = max_u64(c->cc.ssthresh, 2 * (uint64_t)mss);
	c->prior_cwnd = max_u64(c->prior_cwnd, mss);
	c->prior_ssthresh = max_u64(c->prior_ssthresh, 2 * (uint64_t)mss);
}

static const struct tcp_cc_ops *cc_ops(enum tcp_cc cc)
{
	return cc == TCP_CC_CUBIC ? &tcp_cc_cubic : &tcp_cc_newreno;
}

void conn_defaults(struct tcp_stack *s, struct conn *c)
{
	const struct tcp_cfg *cfg = &s->cfg;

	c->snd_limit_max = cfg->sndbuf_max;
	c->rcv_limit_max = cfg->rcvbuf_max;
	c->keep_idle = cfg->keepalive_idle_ns;
	c->keep_intvl = cfg->keepalive_intvl_ns;
	c->keep_probes = (uint8_t)cfg->keepalive_probes;
	c->user_timeout = cfg->user_timeout_ns;
	c->pace_max = cfg->pacing_max_byte_s;
	c->flags |= cfg->nodelay ? CF_NODELAY : 0;
	c->modes |= cfg->pacing ? CM_PACED : 0;
	c->cc.ops = cc_ops(cfg->cc);
}

void conn_inherit(struct conn *c, const struct conn *l)
{
	c->snd_limit_max = l->snd_limit_max;
	c->rcv_limit_max = l->rcv_limit_max;
	c->keep_idle = l->keep_idle;
	c->keep_intvl = l->keep_intvl;
	c->keep_probes = l->keep_probes;
	c->user_timeout = l->user_timeout;
	c->pace_max = l->pace_max;
	c->linger_ms = l->linger_ms;
	c->mss_cap = l->mss_cap;
	c->flags |= l->flags & CF_NODELAY;
	c->modes |= l->modes & (CM_CORK | CM_QUICKACK | CM_PACED | CM_LINGER | CM_QUIET);
	c->cc.ops = l->cc.ops;
}

void conn_set_pacing(const struct tcp_stack *s, struct conn *c, bool on)
{
	c->modes = on ? c->modes | CM_PACED : c->modes & ~(uint32_t)CM_PACED;
	/* Paced, a large ACK makes no burst (RFC 9406 4.2). */
	c->cc.ss_limit = on ? 0 : (uint16_t)s->cfg.slow_start_segments;
}

void conn_set_cc(struct conn *c, enum tcp_cc cc)
{
	c->cc.ops = cc_ops(cc);
	/* A listener has no window yet. */
	if (c->peer != TABLE_LISTEN)
		c->cc.ops->init(&c->cc);
}

void conn_set_iss(struct conn *c, uint32_t iss)
{
	c->iss = iss;
	c->snd_una = c->snd_nxt = c->snd_max = c->recover = c->snd_small = c->rack_fack =
	        c->tlp_end = c->cwr_end = c->use_seq = c->dsack_round = c->sack_mark = c->iss;
	c->snd_data = c->iss + 1;
	tcp_hystart_init(&c->cc, c->snd_nxt);
}

uint8_t conn_wscale(const struct tcp_cfg *cfg, uint32_t rcv_limit_max)
{
	uint8_t ws = 0;

	while (cfg->window_scale && ws < 14 && (rcv_limit_max >> ws) > 65535)
		ws++;
	return ws;
}

uint64_t conn_initial_window(const struct tcp_stack *s, const struct conn *c)
{
	/* RFC 6928: ten segments, but where they are large no more bytes than ten of 1460, or two of them. */
	uint64_t n = s->cfg.initial_window, want = n * c->mss, most = n * s->cfg.initial_window_mss;

	if (most < 2 * (uint64_t)c->mss)
		most = 2 * (uint64_t)c->mss;
	return want < most ? want : most;
}

void conn_setup(struct tcp_stack *s, struct conn *c)
{
	const struct tcp_cfg *cfg = &s->cfg;

	conn_set_iss(c, isn_make(s, c->peer, c->lport, c->rport));
	c->ts_off = isn_ts_offset(s, c->peer, c->lport, c->rport);
	c->snd_limit = cfg->sndbuf < c->snd_limit_max ? cfg->sndbuf : c->snd_limit_max;
	c->rcv_limit = cfg->rcvbuf < c->rcv_limit_max ? cfg->rcvbuf : c->rcv_limit_max;
	c->rto = cfg->rto_initial_ns;
	c->reo_mult = 1;
	c->min_rtt = INT64_MAX;
	c->oow_ack_at = INT64_MIN / 2;
	c->last_rx = c->last_tx = c->una_moved = s->now;
	c->rcv_ws = conn_wscale(cfg, c->rcv_limit_max);
	conn_update_mss(s, c);
	c->cc.ssthresh = UINT64_MAX;
	c->cc.cwnd = conn_initial_window(s, c);
	c->cc.ops->init(&c->cc);
	conn_set_pacing(s, c, (c->modes & CM_PACED) != 0);
}

void conn_take_syn(struct tcp_stack *s, struct conn *c, const struct seg *g)
{
	const struct tcp_cfg *cfg = &s->cfg;

	c->irs = g->seq;
	c->rcv_nxt = c->rcv_adv = c->rcv_acked = g->seq + 1;
	c->peer_mss = g->o.mss ? g->o.mss : 536;
	if (cfg->timestamps && g->o.ts) {
		c->flags |= CF_TS;
		c->ts_recent = g->o.ts_val;
		c->ts_recent_at = s->now;
	}
	if (cfg->sack && g->o.sack_ok)
		c->flags |= CF_SACK;
	if (cfg->window_scale && g->o.wscale >= 0) {
		c->flags |= CF_WSCALE;
		c->snd_ws = (uint8_t)g->o.wscale;
	} else {
		c->rcv_ws = c->snd_ws = 0;
	}
	c->snd_wnd = c->max_wnd = g->wnd;
	c->snd_wl1 = g->seq;
	c->snd_wl2 = g->ack;
	conn_update_mss(s, c);
	c->cc.cwnd = conn_initial_window(s, c);
	c->modes |= CM_DRS_NEW;
	c->drs_seq = c->rcv_nxt + 65535;
	c->drs_at = s->now;
}

struct conn *conn_of(const struct tcp_stack *s, uint32_t handle)
{
	uint32_t i = handle & 0xfffff;
	struct conn *c;

	if (handle == TCP_NO_CONN || i >= s->fresh)
		return NULL;
	c = &s->conns[i];
	/* A freed slot keeps its generation but shows it in no handle: index is CONN_NONE. */
	return c->index == i && conn_handle(c) == handle ? c : NULL;
}

struct conn *conn_app(const struct tcp_stack *s, uint32_t handle)
{
	struct conn *c = conn_of(s, handle);

	return c && (c->flags & CF_APP) ? c : NULL;
}

void conn_ready(struct tcp_stack *s, struct conn *c)
{
	COYO_ASSERT(c->state != TCP_CLOSED && c->state != TCP_LISTEN);
	if (c->flags & CF_READY)
		return;
	c->flags |= CF_READY;
	LIST_ADD(s, &s->ready, c, ready);
}

void conn_ack_now(struct tcp_stack *s, struct conn *c)
{
	c->flags |= CF_ACK_NOW;
	conn_ready(s, c);
}

void conn_challenge(struct tcp_stack *s, struct conn *c)
{
	if (s->now - s->challenge_from >= NS_PER_S) {
		/* The limit varies, so that an attacker cannot count by it what others provoked (CVE-2016-5696). */
		s->challenge_from = s->now;
		s->challenge_left = s->cfg.challenge_per_s / 2 + 1 +
		                    (uint32_t)(tcp_keyed(&s->key_port, 3, (uint64_t)s->now) %
		                               (s->cfg.challenge_per_s / 2 + 1));
	}
	if (!s->challenge_left) {
		s->n.drop_challenge++;
		return;
	}
	s->challenge_left--;
	s->n.challenge_acks++;
	conn_ack_now(s, c);
}

void conn_event(struct tcp_stack *s, struct conn *c, uint32_t flags)
{
	if (!flags)
		return;
	c->ev_flags |= flags;
	if (!(c->flags & CF_APP) || (c->flags & CF_EVENT))
		return;
	c->flags |= CF_EVENT;
	LIST_ADD(s, &s->events, c, event);
}

void conn_warn(struct tcp_stack *s, struct conn *c)
{
	if (!(c->modes & CM_QUIET))
		conn_event(s, c, TCP_EV_WARNING);
}

void conn_heard(struct conn *c)
{
	c->modes &= ~(uint32_t)CM_UNREACHABLE;
	c->soft_err = 0;
}

/* What an event says of errors: the end's, or what a warning is about. */
static int event_error(const struct conn *c, uint32_t flags)
{
	if (c->state == TCP_CLOSED)
		return c->err;
	if (!(flags & TCP_EV_WARNING))
		return 0;
	return c->soft_err ? c->soft_err : ETIMEDOUT;
}

/* Leaves its listener: the backlog has room again. */
static void leave_parent(struct tcp_stack *s, struct conn *c)
{
	struct conn *l;

	if (c->parent == CONN_NONE)
		return;
	l = &s->conns[c->parent];
	COYO_ASSERT(l->state == TCP_LISTEN && l->backlog_used && l->acc_used <= l->backlog_used);
	if (c->flags & CF_QUEUED) {
		struct conn_list q = {l->acc_head, l->acc_tail};

		LIST_DEL(s, &q, c, queue);
		l->acc_head = q.head;
		l->acc_tail = q.tail;
		c->flags &= ~(uint32_t)CF_QUEUED;
		l->acc_used--;
	}
	l->backlog_used--;
	c->parent = CONN_NONE;
}

/* Takes a connection out of everything but its slot; what was received in order stays readable. */
void conn_end(struct tcp_stack *s, struct conn *c, int err, uint32_t events)
{
	if (c->state == TCP_CLOSED)
		return;
	table_remove(s, c);
	if (c->peer != TABLE_LISTEN) {
		COYO_ASSERT((c->flags & CF_TIME_WAIT) || s->peers[c->peer].live);
		LIST_DEL(s, &s->peers[c->peer].conns, c, of_peer);
		s->peers[c->peer].live -= !(c->flags & CF_TIME_WAIT);
	}
	if (c->flags & CF_READY) {
		LIST_DEL(s, &s->ready, c, ready);
		if (s->ready.head == CONN_NONE)
			s->burst_left = 0;
	}
	if (c->flags & CF_TIME_WAIT)
		LIST_DEL(s, &s->time_wait, c, queue);
	leave_parent(s, c);
	tcp_wheel_disarm(&s->wheel, c->index);
	c->rtx_at = c->aux_at = c->delack_at = c->life_at = c->pace_wait = INT64_MAX;
	c->flags &= ~(uint32_t)(CF_READY | CF_TIME_WAIT);
	tcp_buf_free(&s->pool, &c->snd);
	tcp_buf_free(&s->pool, &c->rec);
	reass_free(s, c);
	conn_uncharge(c);
	conn_become(c, TCP_CLOSED);
	c->err = err;
	s->n.closed++;
	if (!(c->flags & CF_APP)) {
		conn_free(s, c);
		return;
	}
	conn_event(s, c, events | (err ? TCP_EV_ERROR : 0));
}

void conn_free(struct tcp_stack *s, struct conn *c)
{
	if (c->flags & CF_EVENT)
		LIST_DEL(s, &s->events, c, event);
	COYO_ASSERT(c->index != CONN_NONE && c->state == TCP_CLOSED && timer_next(c) == INT64_MAX);
	tcp_buf_free(&s->pool, &c->rcv);
	s->free_conns[s->nfree++] = c->index;
	c->index = CONN_NONE;
	c->flags = 0;
	s->nconns--;
	COYO_ASSERT(s->nconns + s->nfree == s->fresh);
}

void conn_let_go(struct tcp_stack *s, struct conn *c)
{
	if (c->flags & CF_EVENT)
		LIST_DEL(s, &s->events, c, event);
	c->flags &= ~(uint32_t)(CF_APP | CF_EVENT);
	c->flags |= CF_ORPHAN;
	c->modes &= ~(uint32_t)CM_POSTED;
}

static void end_with_reset(struct tcp_stack *s, struct conn *c, int err, bool answered)
{
	/* Nothing was sent yet, or both have closed: RFC 9293 3.10.5 deletes these without a reset. Here CLOSING and LAST-ACK begin
	 * when the FIN is queued; until it was sent they are the RFC's ESTABLISHED and CLOSE-WAIT, and the peer waits for the rest. */
	bool both = (c->state == TCP_CLOSING || c->state == TCP_LAST_ACK) &&
	            seq_gt(c->snd_max, conn_data_end(c));

	if (c->state != TCP_SYN_SENT && c->state != TCP_LISTEN && c->state != TCP_CLOSED &&
	    c->state != TCP_TIME_WAIT && !both)
		reply_reset_conn(s, c, answered);
	conn_end(s, c, err, 0);
}

void conn_reset(struct tcp_stack *s, struct conn *c, int err)
{
	end_with_reset(s, c, err, true);
}

void conn_give_up(struct tcp_stack *s, struct conn *c, int err)
{
	/* Answers to window probes, which have no record, are counted where they come. */
	end_with_reset(s, c, err, !c->rec.len);
}

void conn_time_wait(struct tcp_stack *s, struct conn *c)
{
	bool first = !(c->flags & CF_TIME_WAIT);

	conn_become(c, TCP_TIME_WAIT);
	timer_rtx_stop(c);
	c->aux_at = INT64_MAX;
	if (first) {
		c->flags |= CF_TIME_WAIT;
		s->peers[c->peer].live--;
		conn_uncharge(c);
		LIST_ADD(s, &s->time_wait, c, queue);
		tcp_buf_free(&s->pool, &c->snd);
		tcp_buf_free(&s->pool, &c->rec);
		conn_event(s, c, TCP_EV_CLOSED);
	}
	timer_life(s, c, LIFE_TIME_WAIT, 2 * s->cfg.msl_ns);
}

bool tcp_event_next(struct tcp_stack *s, struct tcp_event *ev)
{
	uint32_t i = s->events.head;
	struct conn *c;

	if (i == CONN_NONE)
		return false;
	c = &s->conns[i];
	LIST_DEL(s, &s->events, c, event);
	c->flags &= ~(uint32_t)CF_EVENT;
	ev->conn = conn_handle(c);
	ev->flags = c->ev_flags;
	ev->user = c->user;
	ev->error = event_error(c, c->ev_flags);
	c->ev_flags = 0;
	return true;
}
