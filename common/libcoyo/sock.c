/* SPDX-License-Identifier: BSD-3-Clause */
/* Handles and the table of sockets. */
#include "libcoyo/sock.h"
#include "ipc/appopts.h"
#include "libcoyo/dgram.h"
#include "libcoyo/lane.h"
#include "libcoyo/lock.h"
#include "libcoyo/seat.h"
#include "libcoyo/slot.h"

#include <errno.h>

_Static_assert(HANDLE_STRIDE == 2 * APPLANE_SLOTS_MAX,
               "every socket of an attachment has a handle");
_Static_assert(HANDLE_FIRST + (int64_t)ATTACHMENTS * HANDLE_STRIDE <= INT32_MAX,
               "handles are ints");

struct ref sock_ref(unsigned attachment, uint32_t index)
{
	struct ref r = {.a = attach_at(attachment), .index = index, .attachment = attachment};

	r.s = &region_socks(r.a->region)[index];
	r.use = atomic_load_explicit(&r.s->use, memory_order_acquire);
	return r;
}

/* An entry that nobody uses, or NONE; under the region's lock. */
static uint32_t take_entry(struct region *r)
{
	uint32_t i = r->sock_free;

	if (i != NONE) {
		r->sock_free = region_socks(r)[i].next;
		return i;
	}
	if (r->socks_used == r->socks_max)
		return NONE;
	i = r->socks_used++;
	lock_init(&region_socks(r)[i].recv);
	lock_init(&region_socks(r)[i].send);
	return i;
}

/* All but the locks and the number of its use. */
static void clear(struct sock *s)
{
	atomic_store(&s->flags, 0);
	atomic_store(&s->failure, 0);
	atomic_store(&s->recv_timeout, 0);
	atomic_store(&s->send_timeout, 0);
	s->slot = s->queue_first = s->queue_last = NONE;
	s->borrowed = s->reserved = s->queued = 0;
	s->peer_port = s->bound_port = 0;
	s->bound = false;
	s->linger_s = -1;
	s->keepidle_s = 7200;
	s->keepalive = s->reuseaddr = s->reuseport = s->direct = false;
	s->notsent_lowat = 0;
	s->rcvlowat = 1;
	s->option_set = 0;
	for (unsigned w = 0; w < APPLANE_WORKERS_MAX; w++)
		s->posted[w] = 0;
}

int sock_new(unsigned attachment, uint32_t state, uint32_t flags)
{
	struct attachment *a = attach_at(attachment);
	struct region *r = a->region;
	struct sock *s;
	uint32_t i;

	if (a->seat >= SEATS)
		return -EMFILE;
	lock_take(&r->table);
	i = take_entry(r);
	if (i == NONE) {
		lock_give(&r->table);
		return -EMFILE;
	}
	s = &region_socks(r)[i];
	clear(s);
	atomic_store(&s->flags, flags);
	seat_take(s, a->seat);
	atomic_store(&s->state, state);
	r->socks_open++;
	lock_give(&r->table);
	return sock_handle(attachment, i);
}

int sock_find(int handle, struct ref *out)
{
	unsigned n = (unsigned)handle - HANDLE_FIRST, attachment = n / HANDLE_STRIDE;
	struct attachment *a;

	if (handle < HANDLE_FIRST)
		return -EBADF;
	a = attach_at(attachment);
	if (!a || n % HANDLE_STRIDE >= a->region->socks_max)
		return -EBADF;
	*out = sock_ref(attachment, n % HANDLE_STRIDE);
	if (atomic_load_explicit(&out->s->state, memory_order_acquire) == SOCK_UNUSED ||
	    !seat_holds(out->s, a->seat))
		return -EBADF;
	return 0;
}

void sock_free(const struct ref *r)
{
	struct region *region = r->a->region;

	lock_take(&region->table);
	/* Connections that were told to it and not read yet do not belong to who gets the entry next. */
	r->s->token = 0;
	atomic_store(&r->s->state, SOCK_UNUSED);
	atomic_fetch_add(&r->s->use, 1);
	r->s->next = region->sock_free;
	region->sock_free = r->index;
	region->socks_open--;
	lock_give(&region->table);
}

void sock_limit_out(const struct ref *r)
{
	const struct appseg_layout *l = &r->a->region->layout;
	bool grown = r->s->slot != NONE && region_slots(r->a->region)[r->s->slot].grown;
	uint32_t most = grown ? l->ring_bytes : appseg_plain(l);
	int64_t limit = r->s->option_set >> APP_OPT_SNDBUF_MAX & 1
	                        ? r->s->option[APP_OPT_SNDBUF_MAX]
	                        : most;

	r->s->out.most = bytering_within(limit, most);
}

void sock_grow_out(const struct ref *r)
{
	const struct bytering *out = &r->s->out;

	if (out->cap < out->most || out->most < appseg_plain(&r->a->region->layout) ||
	    region_slots(r->a->region)[r->s->slot].grown || !slot_grow(r->a, r->s->slot))
		return;
	sock_limit_out(r);
}

void sock_open_slot(const struct ref *r, uint32_t slot)
{
	const struct appseg_layout *l = &r->a->region->layout;

	appseg_view(&r->s->out, r->a->segment, l, slot, false);
	appseg_view(&r->s->in, r->a->segment, l, slot, true);
	r->s->borrowed = r->s->reserved = 0;
	r->s->slot = slot;
	sock_limit_out(r);
	lock_take(&r->a->region->table);
	region_slots(r->a->region)[slot].sock = r->index;
	lock_give(&r->a->region->table);
}

/* Whoever has died with a lock of the socket may have moved an index and not made it known, or announced a kick and not sent it. */
static bool has_stream(const struct ref *r)
{
	return r->s->slot != NONE && atomic_load(&r->s->state) == SOCK_UP;
}

static bool has_port(const struct ref *r)
{
	return r->s->slot != NONE && atomic_load(&r->s->state) == SOCK_BOUND;
}

void sock_take_recv(const struct ref *r)
{
	struct sock *s = r->s;

	if (!lock_take(&s->recv))
		return;
	if (has_port(r))
		dgram_repair(r, true);
	if (!has_stream(r))
		return;
	bytering_repair_consumer(&s->in);
	lane_kick_again(r->a, s->worker, s->slot);
}

void sock_take_send(const struct ref *r)
{
	struct sock *s = r->s;

	if (!lock_take(&s->send))
		return;
	if (has_port(r))
		dgram_repair(r, false);
	if (!has_stream(r))
		return;
	bytering_repair(&s->out);
	lane_kick_again(r->a, s->worker, s->slot);
}

void sock_take_both(const struct ref *r)
{
	sock_take_recv(r);
	sock_take_send(r);
}

void sock_give_both(const struct ref *r)
{
	lock_give(&r->s->send);
	lock_give(&r->s->recv);
}
