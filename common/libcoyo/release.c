/* SPDX-License-Identifier: BSD-3-Clause */
/* The end of a socket. As with any TCP socket, what was written goes out and FIN follows; where received bytes lie unread a reset does (RFC 2525,
 * section 2.17). */
#include "libcoyo/release.h"
#include "libcoyo/dgram.h"
#include "libcoyo/lock.h"
#include "libcoyo/seat.h"
#include "libcoyo/slot.h"
#include "libcoyo/wake.h"

/* The daemon gives the port back and the slots that wait there. */
static void unlisten(struct attachment *a, uint32_t token, uint32_t slot, bool gone)
{
	struct app_request req = {.type = APP_REQ_UNLISTEN, .token = token};
	struct app_answer ans;

	if (!gone && attach_ask(a, &req, &ans) < 0) {
		/* Nothing is left to be done about a listener that the daemon does not know. */
	}
	slot_close_listener(a, slot);
}

uint32_t release_socket(const struct ref *r)
{
	struct sock *s = r->s;
	uint32_t slot, state, flags, token;
	bool abort = false;

	sock_take_both(r);
	slot = s->slot;
	token = s->token;
	state = atomic_load(&s->state);
	flags = atomic_load(&s->flags);
	if (slot != NONE && state != SOCK_LISTENING && state != SOCK_BOUND)
		abort = s->linger_s == 0 || (flags & SOCK_F_BROKEN) || bytering_used(&s->in) > 0;
	s->slot = NONE;
	sock_free(r);
	sock_give_both(r);
	if (slot == NONE)
		return NONE;
	if (state == SOCK_BOUND) {
		dgram_release(r->a, slot, token, flags);
		return NONE;
	}
	wake_waiting(r->a, slot);
	if (state == SOCK_LISTENING) {
		unlisten(r->a, token, slot, flags & SOCK_F_GONE);
		return NONE;
	}
	slot_close(r->a, slot, abort);
	return slot;
}

void release_orphans(unsigned attachment)
{
	struct attachment *a = attach_at(attachment);
	uint32_t i;

	if (a->region->seats_used <= 1 && !a->region->orphans)
		return;
	/* Locks of another file would say that all others have ended. */
	if (!attach_ours(a))
		return;
	while ((i = seat_orphan(a->region, a->memory, a->seat)) != NONE) {
		struct ref r = sock_ref(attachment, i);

		release_socket(&r);
	}
}
