/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams that go to a neighbour over its own link, or nowhere: which they are, and what they wait for. */
#include "session/direct.h"

#include <errno.h>

#define WAIT_NS (10 * NS_PER_S) /* for a path that control is at work on */

enum direct_path direct_path(const struct worker_sessions *s, uint32_t remote)
{
	const struct remote *p = &s->remotes[remote];

	if (p->self)
		return DIRECT_LINK;
	if (p->held || p->session == SESS_NONE)
		return DIRECT_NONE;
	return s->table[p->session]->hops == 1 ? DIRECT_LINK : DIRECT_LONGER;
}

void direct_want(struct worker_sessions *s, uint32_t remote)
{
	struct dp_event ev = {.type = EVT_WANT,
	                      .u.want = {.remote = s->remotes[remote].id, .direct = true}};

	worker_event(s->w, &ev);
}

bool direct_begin(struct worker_sessions *s, struct app_stream *st, uint16_t port,
                  struct instant now)
{
	st->peer_port = port;
	st->in_direct = true;
	st->early_set = 0;
	st->expiry = instant_add(now, WAIT_NS);
	TAILQ_INSERT_TAIL(&s->direct, st, direct_link);
	s->remotes[st->remote].directs++;
	st->awaits_direct = direct_path(s, st->remote) != DIRECT_LINK;
	if (st->awaits_direct) {
		direct_want(s, st->remote);
		sess_tick_soon(s, now);
	}
	return !st->awaits_direct;
}

void direct_forget(struct worker_sessions *s, struct app_stream *st)
{
	if (!st->in_direct)
		return;
	COYO_ASSERT(st->remote != SESS_NONE && s->remotes[st->remote].directs > 0);
	TAILQ_REMOVE(&s->direct, st, direct_link);
	s->remotes[st->remote].directs--;
	st->in_direct = st->awaits_direct = false;
}

int direct_option(struct app_stream *st, uint32_t option, uint32_t value)
{
	if (option >= APP_OPTIONS)
		return -EINVAL;
	st->early[option] = value;
	st->early_set |= 1u << option;
	return 0;
}
