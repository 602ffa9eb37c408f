/* SPDX-License-Identifier: BSD-3-Clause */
/* What applications that share a segment ask for, which this file alone reads. Every message is copied once and then checked field by field; one
 * that cannot be is counted, and costs the slot it names its connection. */
#include "session/lane.h"
#include "session/datagram.h"
#include "session/direct.h"
#include "session/hold.h"
#include "session/lowat.h"
#include "session/news.h"
#include "session/share.h"
#include "session/stream.h"

#include <errno.h>

#define MSGS_PER_TURN  64               /* of one application */
#define LIMIT_NS       (20 * NS_PER_MS) /* an application that may have no more streams is asked again */
#define SLOTS_PER_TURN 256              /* looked at for one that has left */

static uint8_t own_mark(const struct worker_sessions *s)
{
	return (uint8_t)(s->w->number + 1);
}

/* ---- slots ---- */

static struct app_stream *held_slot(struct worker_sessions *s, const struct app_port *p,
                                    uint32_t slot)
{
	if (slot >= p->seg->layout.slots ||
	    atomic_load_explicit(&p->seg->holder[slot], memory_order_relaxed) != own_mark(s))
		return NULL;
	return &p->seg->slots[slot];
}

/* What a message says about a slot cannot be. */
static void nonsense(struct worker_sessions *s, struct app_stream *st, struct instant now)
{
	count_add(&s->w->count.app_nonsense, 1);
	if (!st || st->gone)
		return;
	if (st->posted) {
		TAILQ_REMOVE(&st->posted->posted, st, watch_link);
		st->posted = NULL;
	}
	stream_reset(s, st, EPROTO, now);
}

/* A slot that nobody holds becomes this worker's, with views that begin at 0. NULL: it is somebody's. */
static struct app_stream *take_slot(struct worker_sessions *s, struct app_port *p, uint32_t slot,
                                    struct instant now)
{
	const struct appseg_layout *l = &p->seg->layout;
	struct app_stream *st = held_slot(s, p, slot);
	uint8_t nobody = 0;

	if (st || slot >= l->slots ||
	    !atomic_compare_exchange_strong(&p->seg->holder[slot], &nobody, own_mark(s))) {
		nonsense(s, st, now);
		return NULL;
	}
	st = &p->seg->slots[slot];
	*st = (struct app_stream){.port = p, .conn = TCP_NO_CONN, .remote = SESS_NONE};
	appseg_slot_view(&st->side, p->seg->at, l, slot);
	st->in_limit = l->ring_bytes;
	st->side.in.most = appseg_plain(l);
	p->held++;
	return st;
}

/* A slot that waits for a connection waits no more, and is nobody's. */
static void withdraw(struct worker_sessions *s, struct app_stream *st)
{
	TAILQ_REMOVE(&st->posted->posted, st, watch_link);
	st->posted = NULL;
	st->closing = true;
	news_gone(s, st);
}

/* Its user is gone or has closed it. Bytes that were received and not read make it a reset (RFC 2525, section 2.17). */
static void let_go(struct worker_sessions *s, struct app_stream *st, bool abort, struct instant now)
{
	if (st->posted) {
		if (st->posted->datagrams)
			datagram_let_go(s, st);
		else
			withdraw(s, st);
		return;
	}
	abort |= bytering_room(&st->side.in) < st->side.in.cap && !st->ended;
	stream_let_go(s, st, abort, now);
}

/* ---- listeners ---- */

static struct app_listener **chain_of(struct app_port *p, uint32_t token)
{
	return &p->tokens[token % APP_TOKEN_CHAINS];
}

static struct app_listener *listener_of(struct app_port *p, uint32_t token)
{
	struct app_listener *l = *chain_of(p, token);

	while (l && l->token != token)
		l = l->next_of_token;
	return l && !l->unlistened ? l : NULL;
}

void lane_listen(struct app_listener *l, const struct bridge_msg *m)
{
	struct app_listener **chain = chain_of(m->app, l->token);

	l->port = m->app;
	l->slot = UINT32_MAX;
	l->next_of_token = *chain;
	*chain = l;
}

void lane_unlisten(struct worker_sessions *s, struct app_listener *l)
{
	struct app_stream *st;

	if (l->datagrams)
		datagram_close(s, l);
	while (!l->datagrams && (st = TAILQ_FIRST(&l->posted)))
		withdraw(s, st);
	l->gone_due = true;
}

bool lane_has_news(const struct app_listener *l)
{
	const struct app_port *p = l->port;

	if (l->unlistened)
		return !l->gone_due || p->leaving || !p->full;
	return l->ready && !TAILQ_EMPTY(&l->posted) && !p->full && !p->at_limit;
}

/* Who waits for the listener to have news. */
static void wake_acceptor(struct worker_sessions *s, const struct app_listener *l)
{
	const struct app_segment *seg = l->port->seg;
	struct appseg_slot *words;

	if (l->slot >= seg->layout.slots)
		return;
	words = (struct appseg_slot *)(seg->at + appseg_words_at(&seg->layout, l->slot));
	news_wake(s, NULL, &words->in_waits);
}

bool lane_listener_gone(struct worker_sessions *s, struct app_listener *l)
{
	struct app_listener **link = chain_of(l->port, l->token);

	if (l->gone_due && !l->port->leaving) {
		struct applane_msg *m = news_message(s, l->port);

		if (!m)
			return false;
		m->type = APPLANE_LISTENER_GONE;
		m->token = l->token;
		news_send(l->port);
		wake_acceptor(s, l);
	}
	l->gone_due = false;
	while (*link && *link != l)
		link = &(*link)->next_of_token;
	if (*link)
		*link = l->next_of_token;
	return true;
}

/* The connection becomes that of the slot which has waited longest. */
static void accept_into(struct worker_sessions *s, struct app_listener *l, uint32_t conn,
                        const struct tcp_info *info, struct applane_msg *m, struct instant now)
{
	struct app_stream *st = TAILQ_FIRST(&l->posted);
	struct appseg_slot *words = news_slot(st);

	TAILQ_REMOVE(&l->posted, st, watch_link);
	st->posted = NULL;
	st->local_port = info->local_port;
	words->peer = s->remotes[info->peer].id;
	words->peer_port = info->remote_port;
	words->local_port = info->local_port;
	atomic_fetch_or(&words->stream.told, APPSEG_UP);
	m->type = APPLANE_ACCEPTED;
	m->token = l->token;
	m->slot = (uint32_t)(st - l->port->seg->slots);
	m->port = info->remote_port;
	m->id = s->remotes[info->peer].id;
	news_send(l->port);
	stream_attach(s, st, conn, now);
	wake_acceptor(s, l);
}

void lane_accept(struct worker_sessions *s, struct app_listener *l, struct instant now)
{
	while (l->ready && !TAILQ_EMPTY(&l->posted) && !l->port->at_limit && share_turn(l)) {
		struct app_account *account = l->port->seg->account;
		struct applane_msg *m = news_message(s, l->port);
		struct tcp_info info;
		uint32_t conn;

		if (!m)
			return;
		if (account && !account_accept(account)) {
			l->port->at_limit = true;
			s->ports_retry = instant_min(s->ports_retry, instant_add(now, LIMIT_NS));
			/* Others that share the port may take it. */
			s->listeners_ready |= l->beside != l;
			return;
		}
		if (tcp_accept(s->tcp, l->conn, &conn) < 0) {
			share_ready(l, false);
			if (account)
				account_accept_not(account);
			return;
		}
		share_taken(l);
		if (tcp_info(s->tcp, conn, &info) == 0 && info.peer < s->nremotes) {
			if (account)
				account_accepted(account, tcp_take_charge(s->tcp, conn));
			TAILQ_FIRST(&l->posted)->charged = account != NULL;
			accept_into(s, l, conn, &info, m, now);
			continue;
		}
		tcp_abort(s->tcp, conn);
		if (account)
			account_accept_not(account);
	}
}

/* ---- what applications ask for ---- */

/* Whether the application may have one more stream. 0, and it is charged; or a positive errno. */
static int allowance(struct worker_sessions *s, struct app_stream *st, struct instant now)
{
	struct dp_worker_counters *count = &s->w->count;
	struct app_account *account = st->port->seg->account;
	uint64_t *refused[] = {&count->app_no_streams, &count->app_no_connects,
	                       &count->app_no_memory};
	enum account_limit limit;
	int err = account ? account_connect(account, s->w->number, now, &limit) : 0;

	st->charged = account && err == 0;
	if (err)
		count_add(refused[limit], 1);
	return err;
}

static void do_connect(struct worker_sessions *s, struct app_port *p, const struct applane_msg *m,
                       struct instant now)
{
	struct app_stream *st = take_slot(s, p, m->slot, now);
	int err;

	if (!st)
		return;
	if (m->port == 0 || m->option > APPLANE_DIRECT ||
	    cp_session_worker(&m->id, s->w->workers) != s->w->number) {
		nonsense(s, st, now);
		return;
	}
	err = allowance(s, st, now);
	if (err == 0 && remote_find(s, &m->id) == SESS_NONE && !bucket_take(&p->ids, now))
		err = ENOBUFS;
	if (err) {
		stream_reset(s, st, err, now);
		return;
	}
	st->direct = m->option == APPLANE_DIRECT;
	stream_connect(s, st, &m->id, m->port, now);
}

static void do_accept_into(struct worker_sessions *s, struct app_port *p,
                           const struct applane_msg *m, struct instant now)
{
	struct app_stream *st = take_slot(s, p, m->slot, now);
	struct app_listener *l = listener_of(p, m->token);

	if (!st)
		return;
	if (!l || (l->datagrams && !TAILQ_EMPTY(&l->posted))) {
		/* It may have ended a moment ago, which the application has not read yet. */
		st->closing = true;
		news_gone(s, st);
		return;
	}
	l->slot = m->option;
	st->posted = l;
	TAILQ_INSERT_TAIL(&l->posted, st, watch_link);
	s->listeners_ready |= l->ready;
	if (l->datagrams)
		datagram_bound(s, st);
}

/* What waits for room may have it with the new limit. */
static int set_notsent(struct worker_sessions *s, struct app_stream *st, uint32_t limit)
{
	lowat_set(st, limit);
	if (lowat_below(st) && atomic_exchange(&st->side.shared->out_full, 0))
		news_room(s, st);
	return 0;
}

static void do_option(struct worker_sessions *s, struct app_stream *st, const struct applane_msg *m)
{
	struct appseg_slot *words = news_slot(st);
	int r = -EINVAL;

	if (st->posted)
		r = datagram_option(st, m->option, m->value);
	else if (m->value >= 0 && m->value <= UINT32_MAX && m->option == APPLANE_OPT_NOTSENT)
		r = set_notsent(s, st, (uint32_t)m->value);
	else if (m->value >= 0 && m->value <= UINT32_MAX && st->awaits_direct)
		r = direct_option(st, m->option, (uint32_t)m->value);
	else if (m->value >= 0 && m->value <= UINT32_MAX && m->option < TCP_OPT_COUNT)
		r = tcp_set_opt(s->tcp, st->conn, (enum tcp_opt)m->option, (uint32_t)m->value);
	if (r == 0 && m->option == APP_OPT_RCVBUF_MAX && !st->posted)
		hold_limit(st, m->value);
	words->option_err = r == -EBADF ? ENOTCONN : -r;
	atomic_store(&words->option_seq, m->seq);
	news_wake(s, st, &words->in_waits);
}

/* About the slot of a port for datagrams. */
static void do_datagrams(struct worker_sessions *s, struct app_stream *st,
                         const struct applane_msg *m)
{
	if (m->type == APPLANE_OPTION) {
		do_option(s, st, m);
	} else if (m->type == APPLANE_PEER) {
		datagram_peer(s, st, &m->id, m->port);
	} else {
		atomic_exchange(&st->side.shared->worker_kicked, 0);
		datagram_kick(s, st->posted);
	}
}

/* About a slot that this worker holds. */
static void do_slot(struct worker_sessions *s, struct app_port *p, const struct applane_msg *m,
                    struct instant now)
{
	struct app_stream *st = held_slot(s, p, m->slot);

	/* By way of the gateway the end of its port may have come first. */
	if (st && st->closing && st->posted)
		return;
	if (!st || st->closing) {
		nonsense(s, st, now);
	} else if (m->type == APPLANE_CLOSE) {
		let_go(s, st, m->abort, now);
	} else if (st->posted && st->posted->datagrams) {
		do_datagrams(s, st, m);
	} else if (st->posted || m->type == APPLANE_PEER) {
		nonsense(s, st, now);
	} else if (m->type == APPLANE_OPTION) {
		do_option(s, st, m);
	} else if (m->type == APPLANE_INFO) {
		info_tell(s, st, m);
	} else {
		atomic_exchange(&st->side.shared->worker_kicked, 0);
		stream_pump(s, st, now);
	}
}

static void handle(struct worker_sessions *s, struct app_port *p, const struct applane_msg *m,
                   struct instant now)
{
	switch (m->type) {
	case APPLANE_CONNECT:
		do_connect(s, p, m, now);
		break;
	case APPLANE_ACCEPT_INTO:
		do_accept_into(s, p, m, now);
		break;
	case APPLANE_KICK:
	case APPLANE_CLOSE:
	case APPLANE_OPTION:
	case APPLANE_PEER:
	case APPLANE_INFO:
		do_slot(s, p, m, now);
		break;
	default:
		count_add(&s->w->count.app_nonsense, 1);
		break;
	}
}

/* The application found the lane full: which slots it could not name is seen from their words, some of them each turn. */
static unsigned look_for_kicks(struct worker_sessions *s, struct app_port *p, struct instant now)
{
	unsigned n = (unsigned)min_u64(p->look_left, SLOTS_PER_TURN);

	for (unsigned i = 0; i < n; i++) {
		struct app_stream *st = held_slot(s, p, p->look_at);

		p->look_at = p->look_at + 1 < p->seg->layout.slots ? p->look_at + 1 : 0;
		if (st && !st->posted && !st->closing &&
		    atomic_load_explicit(&st->side.shared->worker_kicked, memory_order_relaxed) &&
		    atomic_exchange(&st->side.shared->worker_kicked, 0))
			stream_pump(s, st, now);
	}
	p->look_left -= n;
	return n;
}

bool lane_missed(struct app_port *p)
{
	if (likely_(!atomic_load_explicit(&p->lane->kicks_missed, memory_order_relaxed)) ||
	    !atomic_exchange(&p->lane->kicks_missed, 0))
		return false;
	p->look_left = p->seg->layout.slots;
	return true;
}

unsigned lane_take(struct worker_sessions *s, struct app_port *p, struct instant now)
{
	unsigned done = 0;
	const void *piece;

	while (done < MSGS_PER_TURN &&
	       bytering_peek(&p->rx, &piece) >= sizeof(struct applane_msg)) {
		struct applane_msg m = *(const volatile struct applane_msg *)piece;

		bytering_consume(&p->rx, sizeof(m));
		handle(s, p, &m, now);
		done++;
	}
	if (done)
		p->last = now;
	if (done)
		lane_missed(p);
	if (unlikely_(p->look_left))
		done += look_for_kicks(s, p, now);
	if (unlikely_(p->rx.broken && !p->broken)) {
		p->broken = true;
		count_add(&s->w->count.app_nonsense, 1);
	}
	return done;
}

void lane_hear(struct worker_sessions *s, struct app_listener *l)
{
	unsigned done = MSGS_PER_TURN;

	if (!l->datagrams || l->port->leaving)
		return;
	for (unsigned i = 0; i < APPLANE_MSGS / MSGS_PER_TURN && done == MSGS_PER_TURN; i++)
		done = lane_take(s, l->port, s->ports_at);
}

unsigned lane_sweep(struct worker_sessions *s, struct app_port *p, struct instant now)
{
	uint32_t end = (uint32_t)min_u64(p->cursor + SLOTS_PER_TURN, p->seg->layout.slots);
	unsigned done = end - p->cursor;

	for (; p->cursor < end; p->cursor++) {
		struct app_stream *st = held_slot(s, p, p->cursor);

		if (st && !st->closing)
			let_go(s, st, false, now);
	}
	return done;
}
