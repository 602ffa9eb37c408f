/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams that go to a neighbour over its own link, or nowhere: they open, or end, as the path changes. */
#include "session/direct.h"
#include "session/stream.h"

#include <errno.h>

/* The path is there: what was set meanwhile counts before the first segment leaves. */
static void open_now(struct worker_sessions *s, struct app_stream *st, struct instant now)
{
	st->awaits_direct = false;
	if (!stream_open(s, st, st->peer_port, now))
		return;
	for (unsigned i = 0; i < APP_OPTIONS; i++)
		if (st->early_set >> i & 1)
			tcp_set_opt(s->tcp, st->conn, (enum tcp_opt)i, st->early[i]);
}

/* There will be no such path. */
static void give_up(struct worker_sessions *s, struct app_stream *st, int err, struct instant now)
{
	st->awaits_direct = false;
	stream_reset(s, st, err, now);
}

static void look(struct worker_sessions *s, struct app_stream *st, struct instant now)
{
	enum direct_path path = direct_path(s, st->remote);

	if (st->awaits_direct && path == DIRECT_LINK)
		open_now(s, st, now);
	else if (!st->awaits_direct && !st->ended && path == DIRECT_LONGER)
		stream_reset(s, st, EHOSTUNREACH, now);
}

void direct_run(struct worker_sessions *s, struct instant now)
{
	if (likely_(!s->direct_look))
		return;
	s->direct_look = false;
	for (struct app_stream *st = TAILQ_FIRST(&s->direct), *next; st; st = next) {
		next = TAILQ_NEXT(st, direct_link);
		look(s, st, now);
	}
}

void direct_unreachable(struct worker_sessions *s, uint32_t remote, int err, struct instant now)
{
	for (struct app_stream *st = TAILQ_FIRST(&s->direct), *next; st; st = next) {
		next = TAILQ_NEXT(st, direct_link);
		if (st->remote == remote && st->awaits_direct)
			give_up(s, st, err, now);
	}
}

bool direct_tick(struct worker_sessions *s, struct instant now)
{
	bool waits = false;

	for (struct app_stream *st = TAILQ_FIRST(&s->direct), *next; st; st = next) {
		next = TAILQ_NEXT(st, direct_link);
		if (!st->awaits_direct)
			continue;
		if (instant_reached(st->expiry, now)) {
			give_up(s, st, EHOSTUNREACH, now);
		} else {
			direct_want(s, st->remote);
			waits = true;
		}
	}
	return waits;
}
