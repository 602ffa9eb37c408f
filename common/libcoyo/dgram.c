/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets for datagrams: bound, connected, ready, ended. */
#include "libcoyo/dgram.h"
#include "libcoyo/changes.h"
#include "libcoyo/clock.h"
#include "libcoyo/lane.h"
#include "libcoyo/lock.h"
#include "libcoyo/slot.h"
#include "libcoyo/state.h"
#include "libcoyo/wait.h"
#include "libcoyo/wake.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define INPUT  (POLLIN | POLLRDNORM)
#define OUTPUT (POLLOUT | POLLWRNORM)

#define LEAST_LIMIT appdgram_bytes(APPDGRAM_MOST) /* as with Linux there is always room for one */

#define BOUND_NS (5 * NS_PER_S) /* a worker that runs takes a slot in a moment */

static uint32_t workers(const struct ref *r)
{
	return r->a->region->layout.workers;
}

/* ---- a port ---- */

/* Empty rings, and nothing known of any path. */
static void open_slot(struct attachment *a, uint32_t slot)
{
	const struct appseg_layout *l = &a->region->layout;
	struct appseg_slot *words = attach_slot(a, slot);
	struct dgram_end *e = dgram_end(a, slot);

	memset(appseg_paths(words), 0, APPDGRAM_PATHS * sizeof(struct appdgram_path));
	appseg_fixed_view(&e->out, a->segment, l, slot, false);
	appseg_fixed_view(&e->in, a->segment, l, slot, true);
}

/* One slot for each worker. False: there are not as many, and none is held. */
static bool take_slots(struct attachment *a, uint32_t *slot)
{
	uint32_t n = a->region->layout.workers;

	for (uint32_t w = 0; w < n; w++) {
		slot[w] = slot_take(a, SLOT_HELD, w);
		if (slot[w] != NONE) {
			open_slot(a, slot[w]);
			continue;
		}
		while (w-- > 0)
			slot_return(a, slot[w]);
		return false;
	}
	return true;
}

static void unlisten(struct attachment *a, uint32_t token)
{
	struct app_request req = {.type = APP_REQ_UNLISTEN, .token = token};
	struct app_answer ans;

	if (attach_ask(a, &req, &ans) < 0) {
		/* Nothing is left to be done about a port that the daemon does not know. */
	}
}

/* Each worker is told about its slot. 0 or a negative errno. */
static int tell_all(const struct ref *r, const struct applane_msg *what)
{
	for (uint32_t w = 0; w < workers(r); w++) {
		struct applane_msg m = *what;
		int err;

		m.slot = dgram_slot(r, w);
		err = lane_put(r->a, w, &m);
		if (err < 0)
			return err == -EAGAIN ? -ETIMEDOUT : err;
	}
	return 0;
}

static int tell_limit(const struct ref *r)
{
	struct applane_msg m = {.type = APPLANE_OPTION,
	                        .option = APPLANE_OPT_IN_MOST,
	                        .value = r->s->option[DGRAM_OPT_IN],
	                        .seq = atomic_fetch_add(&r->a->region->option_seq, 1) + 1};

	return r->s->option_set >> DGRAM_OPT_IN & 1 ? tell_all(r, &m) : 0;
}

/* Waits until the worker has the slot: whoever hears of the port after bind() may send there. 0 or a negative errno. */
static int await_bound(struct attachment *a, uint32_t slot, int64_t until)
{
	struct appseg_slot *words = attach_slot(a, slot);
	uint32_t bits = APPSEG_BOUND | APPSEG_FREE | STREAM_ERROR, told;

	while (!((told = atomic_load(&words->stream.told)) & bits)) {
		int64_t left = until - clock_ns();
		struct wait_mark m = wait_announce(a, &words->in_waits);

		if (left <= 0)
			return -ETIMEDOUT;
		if (attach_look(a))
			return -ENETDOWN;
		/* A signal shortens the sleep and not the wait. */
		if (!(atomic_load(&words->stream.told) & bits))
			wait_futex(&words->in_waits, m.value,
			           min_u64((uint64_t)left, WAIT_TICK_NS));
	}
	return told & APPSEG_BOUND ? 0 : -ENETDOWN;
}

/* What workers say of the slots concerns this socket. */
static void own_slots(const struct ref *r, const uint32_t *slot)
{
	lock_take(&r->a->region->table);
	for (uint32_t w = 0; w < workers(r); w++)
		region_slots(r->a->region)[slot[w]].sock = r->index;
	lock_give(&r->a->region->table);
}

/* The daemon has given the port. Under both locks. */
static int open_port(const struct ref *r, const struct app_answer *ans, const uint32_t *slot)
{
	struct applane_msg m = {
	        .type = APPLANE_ACCEPT_INTO, .token = ans->token, .option = slot[0]};
	struct dgram_end *first = dgram_end(r->a, slot[0]);
	int64_t until = clock_ns() + BOUND_NS;
	struct sock *s = r->s;
	int err;

	memcpy(first->slot, slot, workers(r) * sizeof(*slot));
	first->turn = 0;
	own_slots(r, slot);
	s->slot = slot[0];
	s->token = ans->token;
	s->bound_port = ans->port;
	s->bound = true;
	atomic_store(&s->state, SOCK_BOUND);
	err = tell_all(r, &m);
	for (uint32_t w = 0; w < workers(r) && err == 0; w++)
		err = await_bound(r->a, slot[w], until);
	return err;
}

/* Under both locks. */
static int bind_port(const struct ref *r, uint16_t port)
{
	struct app_request req = {.type = APP_REQ_DATAGRAMS, .port = port};
	uint32_t slot[APPLANE_WORKERS_MAX];
	struct app_answer ans;
	int err;

	if (!take_slots(r->a, slot))
		return -ENOBUFS;
	err = attach_ask(r->a, &req, &ans);
	if (err == 0 && ans.type != APP_ANS_LISTENING)
		err = -EPROTO;
	if (err < 0) {
		for (uint32_t w = 0; w < workers(r); w++)
			slot_return(r->a, slot[w]);
		/* As Linux has it for a port that is not free, and for none that is. */
		return err;
	}
	err = open_port(r, &ans, slot);
	return err < 0 ? err : tell_limit(r);
}

int dgram_bind(const struct ref *r, uint16_t port)
{
	int err;

	sock_take_both(r);
	if (sock_closed(r))
		err = -EBADF;
	else
		err = atomic_load(&r->s->state) != SOCK_NEW ? -EINVAL : bind_port(r, port);
	sock_give_both(r);
	/* An epoll set that had it before asks the workers from now on. */
	if (err == 0)
		changes_made(r);
	return err;
}

int dgram_bind_any(const struct ref *r)
{
	int err;

	if (atomic_load(&r->s->state) == SOCK_BOUND)
		return 0;
	err = dgram_bind(r, 0);
	/* Another thread was faster. */
	return err == -EINVAL ? 0 : err;
}

void dgram_wake(struct attachment *a, uint32_t first)
{
	for (uint32_t w = 0; w < a->region->layout.workers; w++)
		wake_waiting(a, dgram_end(a, first)->slot[w]);
}

void dgram_release(struct attachment *a, uint32_t first, uint32_t token, uint32_t flags)
{
	uint32_t slot[APPLANE_WORKERS_MAX];

	memcpy(slot, dgram_end(a, first)->slot, sizeof(slot));
	dgram_wake(a, first);
	if (!(flags & SOCK_F_GONE))
		unlisten(a, token);
	for (uint32_t w = 0; w < a->region->layout.workers; w++)
		slot_leave(a, slot[w]);
}

/* ---- its peer ---- */

int dgram_connect(const struct ref *r, const struct sockaddr_coyo *to)
{
	struct applane_msg m = {.type = APPLANE_PEER};
	int err = to ? dgram_bind_any(r) : 0;

	if (err < 0)
		return err;
	sock_take_both(r);
	if (sock_closed(r)) {
		err = -EBADF;
	} else if (atomic_load(&r->s->state) == SOCK_BOUND) {
		(void)dgram_error(r); /* it was about the peer of before */
		if (to) {
			memcpy(m.id.b, to->scoyo_id, ID_BYTES);
			m.port = ntohs(to->scoyo_port);
		}
		r->s->peer = m.id;
		r->s->peer_port = m.port;
		if (to)
			atomic_fetch_or(&r->s->flags, SOCK_F_CONNECTED);
		else
			atomic_fetch_and(&r->s->flags, ~SOCK_F_CONNECTED);
		err = tell_all(r, &m);
	}
	sock_give_both(r);
	return err;
}

/* ---- what has become of it ---- */

/* One slot: a positive errno, or 0. */
static int error_of(const struct ref *r, uint32_t slot)
{
	struct appseg_stream *stream = &attach_slot(r->a, slot)->stream;
	uint32_t told = atomic_load(&stream->told);
	int32_t err;

	if (told & (STREAM_ERROR | APPSEG_FREE))
		return told & STREAM_ERROR ? EPROTO : ENETDOWN;
	if (!(told & APPSEG_DATAGRAM_ERROR))
		return 0;
	atomic_fetch_and(&stream->told, ~APPSEG_DATAGRAM_ERROR);
	err = atomic_load(&stream->err);
	return err > 0 && err < 4096 ? err : EPROTO;
}

int dgram_error(const struct ref *r)
{
	uint32_t flags = sock_flags(r);
	int err = flags & SOCK_F_BROKEN ? EPROTO : 0;

	if ((flags & SOCK_F_GONE) || attach_dead(r->a))
		return ENETDOWN;
	if (atomic_load(&r->s->state) != SOCK_BOUND)
		return 0;
	for (uint32_t w = 0; w < workers(r) && !err; w++)
		err = error_of(r, dgram_slot(r, w));
	return err;
}

static bool has_error(const struct ref *r)
{
	uint32_t bits = STREAM_ERROR | APPSEG_FREE | APPSEG_DATAGRAM_ERROR;

	if ((sock_flags(r) & (SOCK_F_GONE | SOCK_F_BROKEN)) || attach_dead(r->a))
		return true;
	for (uint32_t w = 0; w < workers(r); w++)
		if (atomic_load(&attach_slot(r->a, dgram_slot(r, w))->stream.told) & bits)
			return true;
	return false;
}

static void arm_slot(const struct ref *r, uint32_t slot, short events)
{
	struct appseg_slot *words = attach_slot(r->a, slot);

	atomic_fetch_or(&words->in_waits, APPWAIT_EVENT);
	if (events & OUTPUT) {
		atomic_fetch_or(&words->out_waits, APPWAIT_EVENT);
		atomic_exchange(&words->stream.out_full, 1);
	}
}

/* Under both locks. */
static short of_port(const struct ref *r)
{
	short found = OUTPUT;

	for (uint32_t w = 0; w < workers(r); w++) {
		struct dgram_end *e = dgram_end(r->a, dgram_slot(r, w));
		uint32_t room = bytering_room(&e->out);

		if (bytering_used(&e->in) > 0)
			found |= INPUT;
		if (room < LEAST_LIMIT ||
		    (int64_t)(e->out.cap - room) >= dgram_limit_of(r, DGRAM_OPT_OUT))
			found &= (short)~OUTPUT;
		if (e->in.broken || e->out.broken)
			found |= POLLERR;
	}
	if (has_error(r))
		found |= POLLERR;
	if (sock_flags(r) & SOCK_F_SHUT_RD)
		found |= INPUT | POLLRDHUP;
	return attach_dead(r->a) ? found | INPUT | OUTPUT | POLLHUP : found;
}

short dgram_ready(const struct ref *r, short events, bool arm)
{
	short found = OUTPUT;

	sock_take_both(r);
	if (sock_closed(r)) {
		found = POLLNVAL;
	} else if (atomic_load(&r->s->state) == SOCK_BOUND) {
		for (uint32_t w = 0; arm && w < workers(r); w++)
			arm_slot(r, dgram_slot(r, w), events);
		/* What a worker changes after this it tells, what it changed before is seen by the look that follows. */
		atomic_thread_fence(memory_order_seq_cst);
		found = of_port(r);
	}
	sock_give_both(r);
	return found & (events | POLLERR | POLLHUP | POLLNVAL);
}

/* ---- limits ---- */

int dgram_limit(const struct ref *r, unsigned option, int64_t bytes)
{
	int64_t most = appseg_plain(&r->a->region->layout);

	if (bytes < LEAST_LIMIT)
		bytes = LEAST_LIMIT;
	r->s->option[option] = bytes < most ? bytes : most;
	r->s->option_set |= 1u << option;
	return option == DGRAM_OPT_IN && atomic_load(&r->s->state) == SOCK_BOUND ? tell_limit(r)
	                                                                         : 0;
}

int64_t dgram_limit_of(const struct ref *r, unsigned option)
{
	return r->s->option_set >> option & 1 ? r->s->option[option]
	                                      : appseg_plain(&r->a->region->layout);
}

/* ---- after a death ---- */

void dgram_repair(const struct ref *r, bool recv)
{
	for (uint32_t w = 0; w < workers(r); w++) {
		uint32_t slot = dgram_slot(r, w);
		struct dgram_end *e = dgram_end(r->a, slot);

		if (recv) {
			atomic_store(&e->in.shared->tail, e->in.mine);
			continue;
		}
		atomic_store(&e->out.shared->head, e->out.mine);
		lane_kick_again(r->a, w, slot);
	}
}
