/* SPDX-License-Identifier: BSD-3-Clause */
/* Which streams have bytes that TCP is not to have yet. */
#include "session/lowat.h"

#include "ipc/appopts.h"

uint32_t lowat_allows(const struct worker_sessions *s, const struct app_stream *st)
{
	uint32_t most = applane_notsent_tcp(st->notsent), unsent, outstanding;
	struct tcp_info info;

	if (tcp_info(s->tcp, st->conn, &info) < 0)
		return most;
	outstanding = info.snd_max - info.snd_una;
	unsent = info.snd_queued > outstanding ? info.snd_queued - outstanding : 0;
	return unsent < most ? most - unsent : 0;
}

void lowat_wait(struct worker_sessions *s, struct app_stream *st)
{
	if (st->in_lowat)
		return;
	st->in_lowat = true;
	TAILQ_INSERT_TAIL(&s->lowat, st, lowat_link);
}

void lowat_forget(struct worker_sessions *s, struct app_stream *st)
{
	if (!st->in_lowat)
		return;
	st->in_lowat = false;
	TAILQ_REMOVE(&s->lowat, st, lowat_link);
}

bool lowat_below(struct app_stream *st)
{
	uint32_t used = bytering_used(&st->side.out);

	return !st->notsent || used == 0 || used < applane_notsent_ring(st->notsent);
}
