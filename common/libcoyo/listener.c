/* SPDX-License-Identifier: BSD-3-Clause */
/* What a listening socket gives to workers, and what it has got from them. */
#include "libcoyo/listener.h"
#include "libcoyo/lane.h"
#include "libcoyo/lock.h"
#include "libcoyo/slot.h"

#define POSTED_MOST 16u /* slots with each worker, accepted ones not counted */

/* Gives slots to one worker until it has that many. Under the socket's receiving lock. */
static void post_to(const struct ref *r, uint32_t worker, uint32_t most)
{
	while (r->s->posted[worker] < most) {
		uint32_t slot = slot_post(r->a, r->index, r->s->slot, worker);
		struct applane_msg m = {.type = APPLANE_ACCEPT_INTO,
		                        .token = r->s->token,
		                        .slot = slot,
		                        .option = r->s->slot};

		if (slot == NONE)
			return;
		/* A lane that is full has room when the next connection is asked for. */
		if (lane_try(r->a, worker, &m) < 0) {
			slot_return(r->a, slot);
			return;
		}
		r->s->posted[worker]++;
	}
}

bool listener_fill(const struct ref *r)
{
	const struct appseg_layout *l = &r->a->region->layout;
	uint32_t most = l->slots / (4 * l->workers);
	bool all = true;

	most = most < 1 ? 1 : most > POSTED_MOST ? POSTED_MOST : most;
	if (most > r->s->backlog)
		most = r->s->backlog;
	for (uint32_t w = 0; w < l->workers; w++) {
		post_to(r, w, most);
		all &= r->s->posted[w] > 0;
	}
	return all;
}

bool listener_post(const struct ref *r)
{
	bool all = true;

	sock_take_recv(r);
	if (!sock_closed(r) && atomic_load(&r->s->state) == SOCK_LISTENING &&
	    !(sock_flags(r) & SOCK_F_GONE) && !attach_dead(r->a))
		all = listener_fill(r);
	lock_give(&r->s->recv);
	return all;
}

bool listener_waits(const struct ref *r)
{
	bool any;

	lock_take(&r->a->region->table);
	any = r->s->queued > 0;
	lock_give(&r->a->region->table);
	return any;
}

bool listener_ready(const struct ref *r)
{
	return listener_waits(r) || (sock_flags(r) & (SOCK_F_GONE | SOCK_F_SHUT_RD)) ||
	       attach_dead(r->a);
}
