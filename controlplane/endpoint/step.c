/* SPDX-License-Identifier: BSD-3-Clause */
/* The session's one timer: repeats messages without an answer, begins attempts at a tunnel, gives up, frees what nobody needs. */
#include "endpoint/step.h"

#include "anchor/anchor.h"
#include "endpoint/build.h"
#include "endpoint/end.h"
#include "endpoint/handshake.h"
#include "endpoint/initiate.h"
#include "endpoint/path.h"
#include "endpoint/tell.h"

#include <errno.h>

#define DEEP           32 /* hops to the root, from which on a greedy first attempt may run out of hops */
#define UNUSED_SESSION (300 * NS_PER_S)

/* Nobody here waits for a tunnel: keeps s for a while, in case somebody does again. */
static void unwanted(struct node *n, struct session *s)
{
	if (!session_has_keys(s) && s->answer.state == HS_NONE && !build_any(s))
		end_session(n, s);
	else if (session_has_keys(s) && instant_sub(n->now, s->want_since) >= UNUSED_SESSION)
		end_session(n, s);
	else
		arm(n, &s->timer, TIMER_SESSION, s,
		    session_has_keys(s) ? UNUSED_SESSION / 4 : SESSION_HALF_OPEN);
}

/* Whether the last attempt is so recent that another would be too early. */
static bool attempt_runs(struct node *n, const struct session *s)
{
	int64_t timeout = build_attempt_timeout(n, s);

	if (s->solving.on)
		return true;
	return build_any(s) &&
	       instant_sub(n->now, s->last_build) < (session_has_keys(s) ? timeout / 2 : timeout);
}

static void attempt(struct node *n, struct session *s)
{
	int64_t next = build_next(n, s), again, opening = n->cfg.connect_timeout_ns * 9 / 10;

	arm(n, &s->timer, TIMER_SESSION, s, next);
	/* A session without keys is given up by then. One that has keys goes on, and whoever waits is told meanwhile. */
	if (session_has_keys(s) && instant_sub(n->now, s->want_since) >= opening)
		tell_unreachable(n, s, EHOSTUNREACH, opening);
	if (s->attempts > 0 || n->anchor->tree[0].coords.hops > DEEP)
		build_lookup(n, s);
	if (attempt_runs(n, s))
		return;
	if (build_start_anyhow(n, s) == 0) {
		if (s->attempts < UINT8_MAX)
			s->attempts++;
		return;
	}
	/* No contact is nearer, or no neighbour is up: looks the destination's place up at once, and tries again soon. Meanwhile a neighbour may know
	 * the way: a newcomer knows nobody as yet, and what it is told of a place may be older than the tree it has just joined. */
	build_lookup(n, s);
	if (build_astray(n, s) == 0)
		s->attempts++;
	again = build_retry_lookup(s);
	arm(n, &s->timer, TIMER_SESSION, s, again < next ? again : next);
}

/* Why the destination is given up. Too far is also what nobody within reach knows, where the network goes on beyond. */
static int reason(const struct node *n, const struct session *s)
{
	if (session_has_keys(s))
		return ETIMEDOUT;
	return s->too_far || anchor_network_beyond(n) ? EMULTIHOP : EHOSTUNREACH;
}

void step(struct node *n, struct session *s)
{
	if (s->answer.state != HS_NONE && instant_sub(n->now, s->answer.born) > SESSION_HALF_OPEN)
		handshake_wipe(&s->answer);
	if (session_ready(s)) {
		if (s->own.state == HS_DONE && !s->confirmed)
			initiate_again(n, s);
		path_commit_again(n, s);
		path_move(n, s);
	} else if (!session_wanted(s) && !(s->in_use && session_has_keys(s))) {
		unwanted(n, s);
	} else if (instant_sub(n->now, s->want_since) < build_time_limit(n, s)) {
		attempt(n, s);
	} else if (session_has_keys(s) && path_offered(s)) {
		arm(n, &s->timer, TIMER_SESSION, s, NS_PER_S); /* it is there again */
	} else {
		end_give_up(n, s, reason(n, s));
	}
}
