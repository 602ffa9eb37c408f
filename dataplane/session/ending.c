/* SPDX-License-Identifier: BSD-3-Clause */
/* What an application had written before it closed still goes out, and its connection is closed, or reset, after that: such a connection is
 * watched until the peer has everything, and given up where nothing moves any more. */
#include "session/stream.h"

#include <errno.h>

#define SOON_NS  (10 * NS_PER_MS)
#define LATER_NS NS_PER_S
#define LOOKS    8 /* streams looked at in one turn: the rest have theirs in the next ones */
#define CLEAN_NS \
	(300 *   \
	 NS_PER_S) /* without progress; about as long as Linux probes the window of an orphan */
#define UNREAD_NS (10 * NS_PER_S) /* ... where a reset is due anyway */

bool ending_flushed(const struct worker_sessions *s, struct app_stream *st)
{
	struct tcp_info info;

	if (stream_unsent(st) > 0)
		return false;
	if (tcp_info(s->tcp, st->conn, &info) < 0)
		return true;
	/* In these the FIN is on its way. */
	if (st->shut && (info.state == TCP_FIN_WAIT_1 || info.state == TCP_CLOSING ||
	                 info.state == TCP_LAST_ACK))
		return false;
	return info.snd_queued == 0;
}

static int64_t time_limit(const struct app_stream *st)
{
	return st->abort || (atomic_load(&st->side.shared->asked) & STREAM_UNREAD) ? UNREAD_NS
	                                                                           : CLEAN_NS;
}

/* TCP tells when a FIN has arrived, but not when bytes have that no FIN follows. */
static int64_t next_look(const struct app_stream *st)
{
	return st->closing && !st->shut ? SOON_NS : LATER_NS;
}

void ending_watch(struct worker_sessions *s, struct app_stream *st, struct instant now)
{
	if (!st->watched) {
		st->watched = true;
		st->acked = UINT64_MAX;
		st->expiry = instant_add(now, time_limit(st));
		TAILQ_INSERT_TAIL(&s->watched, st, watch_link);
		s->nwatched++;
	}
	s->watch = instant_min(s->watch, instant_add(now, next_look(st)));
}

void ending_forget(struct worker_sessions *s, struct app_stream *st)
{
	if (!st->watched)
		return;
	st->watched = false;
	TAILQ_REMOVE(&s->watched, st, watch_link);
	s->nwatched--;
}

static void look(struct worker_sessions *s, struct app_stream *st, struct instant now)
{
	struct tcp_info info;

	/* What is left is no measure: the gateway may have more for the ring. */
	if (tcp_info(s->tcp, st->conn, &info) == 0 && info.bytes_out != st->acked) {
		st->acked = info.bytes_out;
		st->expiry = instant_add(now, time_limit(st));
	}
	if (st->closing && ending_flushed(s, st))
		stream_finish(s, st, now);
	else if (instant_reached(st->expiry, now))
		stream_reset(s, st, ETIMEDOUT, now); /* nothing has moved for too long */
	else
		s->watch = instant_min(s->watch, instant_add(now, next_look(st)));
}

void ending_run(struct worker_sessions *s, struct instant now)
{
	unsigned n = 0, most = s->nwatched < LOOKS ? s->nwatched : LOOKS; /* none twice */

	s->watch = INSTANT_NEVER;
	while (n < most && !TAILQ_EMPTY(&s->watched)) {
		struct app_stream *st = TAILQ_FIRST(&s->watched);

		/* The next turn begins with the others. */
		TAILQ_REMOVE(&s->watched, st, watch_link);
		TAILQ_INSERT_TAIL(&s->watched, st, watch_link);
		look(s, st, now);
		n++;
	}
	if (n == LOOKS && !TAILQ_EMPTY(&s->watched))
		s->watch = instant_min(s->watch, instant_add(now, SOON_NS));
}
