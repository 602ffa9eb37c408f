/* SPDX-License-Identifier: BSD-3-Clause */
/* When an application that sleeps is woken for bytes that have come. */
#include "session/hold.h"
#include "session/news.h"
#include "tcp/push.h"

#define QUIET_NS NS_PER_MS /* nothing has come for so long */
#define MOST_NS \
	(10 * NS_PER_MS) /* bytes have come all the time, and still fill no half of the ring */

void hold_forget(struct worker_sessions *s, struct app_stream *st)
{
	if (!st->held)
		return;
	st->held = false;
	TAILQ_REMOVE(&s->held, st, held_link);
}

void hold_give(struct worker_sessions *s, struct app_stream *st)
{
	hold_forget(s, st);
	news_in(s, st);
}

/* To the end of the list: those that have had no bytes for longest come first. */
static void hold(struct worker_sessions *s, struct app_stream *st, struct instant now)
{
	if (!st->held)
		st->held_since = now;
	else
		TAILQ_REMOVE(&s->held, st, held_link);
	st->held = true;
	st->held_at = now;
	TAILQ_INSERT_TAIL(&s->held, st, held_link);
}

/* Its reader waits while half of the ring fills, so a larger ring spares wake-ups. */
static void grow(struct app_stream *st)
{
	const struct app_segment *seg = st->port->seg;
	struct bytering *in = &st->side.in;

	if (in->most >= st->in_limit)
		return;
	if (!st->grown && seg->account && !account_grow(seg->account, seg->layout.ring_bytes))
		return;
	st->grown = seg->account != NULL;
	in->most *= 2;
}

void hold_in(struct worker_sessions *s, struct app_stream *st, struct instant now)
{
	struct bytering *in = &st->side.in;

	/* Who announces its sleep after this look finds the bytes when it looks again. */
	if (!st->port || st->port->leaving ||
	    !atomic_load_explicit(&news_slot(st)->in_waits, memory_order_relaxed) ||
	    !tcp_recv_more(s->tcp, st->conn)) {
		hold_give(s, st);
		return;
	}
	if (in->cap - bytering_room(in) >= in->most / 2) {
		grow(st);
		hold_give(s, st);
	} else if (st->held && instant_sub(now, st->held_since) >= MOST_NS) {
		hold_give(s, st);
	} else {
		hold(s, st, now);
	}
}

void hold_run(struct worker_sessions *s, struct instant now)
{
	struct app_stream *st;

	while (unlikely_((st = TAILQ_FIRST(&s->held)) != NULL) &&
	       instant_sub(now, st->held_at) >= QUIET_NS)
		hold_give(s, st);
}

struct instant hold_deadline(const struct worker_sessions *s)
{
	const struct app_stream *st = TAILQ_FIRST(&s->held);

	return st ? instant_add(st->held_at, QUIET_NS) : INSTANT_NEVER;
}

void hold_limit(struct app_stream *st, int64_t bytes)
{
	const struct appseg_layout *l = &st->port->seg->layout;

	st->in_limit = bytering_within(bytes, l->ring_bytes);
	if (!st->grown || st->side.in.most > st->in_limit)
		st->side.in.most = bytering_within(bytes, appseg_plain(l));
}
