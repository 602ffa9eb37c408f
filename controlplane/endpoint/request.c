/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests under way: each waits for its session, then sends and counts answers until it is done or has failed. */
#include "endpoint/request.h"

#include "endpoint/build.h"
#include "endpoint/tell.h"
#include "kad/kad.h"

#include <errno.h>
#include <string.h>

#define PING_WAIT    NS_PER_S
#define TRACE_WAIT   NS_PER_S
#define TRACE_TRIES  2
#define REPAIR_WAITS 10 /* how often a request waits PING_WAIT for a tunnel that is being rebuilt */

int requests_new(struct node *n)
{
	n->requests = ctx_alloc(n, sizeof(*n->requests));
	if (!n->requests)
		return -ENOMEM;
	TAILQ_INIT(&n->requests->list);
	bucket_init(&n->requests->ttl_rate, OAM_TTL_RATE, OAM_TTL_RATE);
	return 0;
}

static void request_end(struct node *n, struct request *r)
{
	disarm(n, &r->timer);
	TAILQ_REMOVE(&n->requests->list, r, next);
	n->requests->count--;
	ctx_free(n, r);
}

void requests_free(struct node *n)
{
	struct request *r;

	if (!n->requests)
		return;
	while ((r = TAILQ_FIRST(&n->requests->list)))
		request_end(n, r);
	ctx_free(n, n->requests);
	n->requests = NULL;
}

static const char *why(int err)
{
	switch (err) {
	case EHOSTUNREACH:
		return "no node with this id could be reached; is it up, and is the id right?";
	case EMULTIHOP:
		return "too far: no node with this id within 255 hops, and the network reaches "
		       "farther";
	case ETIMEDOUT:
		return "the path broke and could not be rebuilt in time; try again";
	case ESHUTDOWN:
		return "this node is draining and starts nothing new";
	case EINVAL:
		return "this is the node's own id";
	default:
		return strerror(err);
	}
}

static void fail(struct node *n, struct request *r, int err)
{
	uint32_t cookie = r->q.cookie;

	request_end(n, r);
	out_failed(n, cookie, err, why(err));
	out_done(n, cookie);
}

static void finish(struct node *n, struct request *r)
{
	uint32_t cookie = r->q.cookie;

	request_end(n, r);
	out_done(n, cookie);
}

static void ping_send(struct node *n, struct request *r, struct session *s)
{
	struct oam m = {.type = OAM_ECHO_REQUEST,
	                .sequence = (uint16_t)++r->seq,
	                .id = r->q.cookie,
	                .time = (uint64_t)n->now.ns};
	int64_t wait = (int64_t)r->q.interval_ms * NS_PER_MS;

	r->sent = n->now;
	tell_send_oam(n, s, &m, 0);
	arm(n, &r->timer, TIMER_REQUEST, r, r->seq >= r->q.count || wait <= 0 ? PING_WAIT : wait);
}

static void trace_send(struct node *n, struct request *r, struct session *s)
{
	struct oam m = {.type = OAM_TRACE_PROBE,
	                .sequence = (uint16_t)r->seq,
	                .id = r->q.cookie,
	                .time = (uint64_t)n->now.ns};

	r->sent = n->now;
	tell_send_oam(n, s, &m, (uint8_t)r->seq);
	arm(n, &r->timer, TIMER_REQUEST, r, TRACE_WAIT);
}

static void run(struct node *n, struct request *r, struct session *s)
{
	COYO_ASSERT(session_ready(s));
	r->running = true;
	if (r->q.type == REQ_CONNECT) {
		struct node_answer a = {
		        .type = ANS_CONNECTED, .cookie = r->q.cookie, .id = s->remote};

		a.hops = s->path->hops_first;
		a.setup_ns = instant_sub(n->now, r->born);
		out_answer(n, &a);
		finish(n, r);
	} else if (r->q.type == REQ_PING) {
		ping_send(n, r, s);
	} else {
		r->seq = 1;
		trace_send(n, r, s);
	}
}

void request_session_ready(struct node *n, struct session *s)
{
	struct request *r, *next;

	for (r = TAILQ_FIRST(&n->requests->list); r; r = next) {
		next = TAILQ_NEXT(r, next);
		if (!r->running && r->q.type != REQ_LOOKUP && id_eq(&r->q.id, &s->remote))
			run(n, r, s);
	}
}

void request_session_failed(struct node *n, struct session *s, int err)
{
	struct request *r, *next;

	if (!n->requests)
		return; /* the node is being taken down */
	for (r = TAILQ_FIRST(&n->requests->list); r; r = next) {
		next = TAILQ_NEXT(r, next);
		if (r->q.type != REQ_LOOKUP && id_eq(&r->q.id, &s->remote))
			fail(n, r, err);
	}
}

static void own_lookup(struct node *n, uint32_t cookie)
{
	struct node_answer a = {
	        .type = ANS_LOOKUP, .cookie = cookie, .exact = true, .id = n->cfg.identity->id};

	out_answer(n, &a);
	out_done(n, cookie);
}

void request_begin(struct node *n, const struct node_request *q)
{
	struct request *r;
	struct session *s;
	int err;

	if (q->type == REQ_LOOKUP) {
		if (id_eq(&q->id, &n->cfg.identity->id)) {
			own_lookup(n, q->cookie);
			return;
		}
		err = lookup_start(n, LOOKUP_REQUEST, q->cookie, &q->id, NULL, 0);
		if (err != 0) {
			out_failed(n, q->cookie, -err,
			           "too many lookups are under way; try again in a moment");
			out_done(n, q->cookie);
		}
		return;
	}
	if (n->requests->count >= REQUESTS_MAX || !(r = ctx_alloc(n, sizeof(*r)))) {
		out_failed(n, q->cookie, EBUSY,
		           "too many requests are under way; try again in a moment");
		out_done(n, q->cookie);
		return;
	}
	r->q = *q;
	if (r->q.count == 0)
		r->q.count = 1;
	r->born = n->now;
	TAILQ_INSERT_TAIL(&n->requests->list, r, next);
	n->requests->count++;
	err = session_want(n, &q->id);
	if (err != 0) {
		fail(n, r, -err);
		return;
	}
	s = session_find(n, &q->id);
	if (s && session_ready(s))
		run(n, r, s);
}

static struct request *find(struct node *n, uint32_t cookie, uint32_t type)
{
	struct request *r;

	TAILQ_FOREACH (r, &n->requests->list, next)
		if (r->q.cookie == cookie && r->q.type == type && r->running)
			return r;
	return NULL;
}

void request_ping_answered(struct node *n, const struct session *s, const struct oam *m)
{
	struct request *r = find(n, m->id, REQ_PING);
	struct node_answer a = {.type = ANS_PING, .id = s->remote, .seq = m->sequence};

	if (!r || !id_eq(&r->q.id, &s->remote) || m->sequence > r->seq ||
	    m->time > (uint64_t)n->now.ns)
		return;
	a.cookie = r->q.cookie;
	a.rtt_ns = n->now.ns - (int64_t)m->time;
	a.hops = s->path ? s->path->hops : 0;
	out_answer(n, &a);
	if (++r->answered >= r->q.count)
		finish(n, r);
}

void request_hop_answered(struct node *n, struct session *s, const struct oam *m, bool last)
{
	struct request *r;
	struct node_answer a = {.type = ANS_TRACE_HOP,
	                        .id = m->node,
	                        .in_label = m->in_label,
	                        .out_label = m->out_label};

	TAILQ_FOREACH (r, &n->requests->list, next)
		if (r->q.type == REQ_TRACE && r->running && id_eq(&r->q.id, &s->remote))
			break;
	if (!r)
		return;
	a.cookie = r->q.cookie;
	a.seq = r->seq;
	a.rtt_ns = instant_sub(n->now, r->sent);
	out_answer(n, &a);
	if (last || r->seq >= TTL_START) {
		finish(n, r);
		return;
	}
	r->seq++;
	r->tries = 0;
	trace_send(n, r, s);
}

void request_timer(struct node *n, struct timer *t)
{
	struct request *r = t->owner;
	struct session *s = session_find(n, &r->q.id);

	if (!s || !session_ready(s)) {
		/* The tunnel is being rebuilt; the request waits for it, but not for ever. */
		if (++r->tries > REPAIR_WAITS)
			fail(n, r, ETIMEDOUT);
		else
			arm(n, &r->timer, TIMER_REQUEST, r, PING_WAIT);
		return;
	}
	if (r->q.type == REQ_PING) {
		if (r->seq < r->q.count)
			ping_send(n, r, s);
		else if (r->answered == 0)
			fail(n, r, ETIMEDOUT);
		else
			finish(n, r);
		return;
	}
	if (++r->tries < TRACE_TRIES) {
		trace_send(n, r, s);
		return;
	}
	/* A silent hop: go on, unless the far end itself must have been reached. */
	r->tries = 0;
	if (++r->seq > (uint32_t)s->path->hops + 2)
		finish(n, r);
	else
		trace_send(n, r, s);
}

void request_lookup_done(struct node *n, uint32_t cookie, const struct node_id *target, bool exact,
                         const struct contact_info *closest)
{
	struct node_answer a = {.type = ANS_LOOKUP, .cookie = cookie, .exact = exact};

	if (!closest) {
		out_failed(n, cookie, EHOSTUNREACH, "no other node answered; is any link up?");
	} else {
		a.id = closest->id;
		out_answer(n, &a);
	}
	out_done(n, cookie);
}
