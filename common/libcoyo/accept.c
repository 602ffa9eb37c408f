/* SPDX-License-Identifier: BSD-3-Clause */
/* Listening and accepting. The daemon has the port; connections come into slots that this side gives to each worker beforehand. Those that wait
 * while no slot is given wait in TCP, whose backlog bounds them. */
#include "libcoyo/call.h"
#include "libcoyo/changes.h"
#include "libcoyo/clock.h"
#include "libcoyo/coyo.h"
#include "libcoyo/dgram.h"
#include "libcoyo/events.h"
#include "libcoyo/lane.h"
#include "libcoyo/listener.h"
#include "libcoyo/lock.h"
#include "libcoyo/options.h"
#include "libcoyo/release.h"
#include "libcoyo/slot.h"
#include "libcoyo/state.h"
#include "libcoyo/wait.h"

#include <string.h>

COYO_EXPORT int coyo_bind(int handle, const struct sockaddr *addr, socklen_t len)
{
	static const struct node_id any;
	struct sockaddr_coyo to;
	struct ref r;
	int err = sock_find(handle, &r);

	if (err < 0)
		return (int)call_end(err);
	if (len < sizeof(to))
		return (int)call_end(-EINVAL);
	memcpy(&to, addr, sizeof(to));
	if (to.scoyo_family != AF_COYO)
		return (int)call_end(-EAFNOSUPPORT);
	if (memcmp(to.scoyo_id, any.b, ID_BYTES) != 0 &&
	    memcmp(to.scoyo_id, r.a->region->local.b, ID_BYTES) != 0)
		return (int)call_end(-EADDRNOTAVAIL);
	if (dgram_is(&r))
		return (int)call_end(dgram_bind(&r, ntohs(to.scoyo_port)));
	sock_take_send(&r);
	if (sock_closed(&r) || atomic_load(&r.s->state) != SOCK_NEW || r.s->bound)
		err = -EINVAL;
	if (err == 0) {
		r.s->bound = true;
		r.s->bound_port = ntohs(to.scoyo_port);
	}
	lock_give(&r.s->send);
	return (int)call_end(err);
}

/* The daemon is asked for the port. Under both locks. */
static int open_listener(const struct ref *r, uint32_t backlog)
{
	struct app_request req = {.type = APP_REQ_LISTEN,
	                          .port = r->s->bound_port,
	                          .backlog = backlog,
	                          .shared = r->s->reuseport};
	struct app_answer ans;
	uint32_t slot = slot_take(r->a, SLOT_HELD, 0);
	int err;

	if (slot == NONE)
		return -ENOBUFS;
	err = attach_ask(r->a, &req, &ans);
	if (err == 0 && ans.type != APP_ANS_LISTENING)
		err = -EPROTO;
	if (err < 0) {
		slot_close_listener(r->a, slot);
		return err;
	}
	sock_open_slot(r, slot);
	r->s->token = ans.token;
	r->s->bound_port = ans.port;
	r->s->backlog = backlog;
	atomic_store(&r->s->state, SOCK_LISTENING);
	return 0;
}

COYO_EXPORT int coyo_listen(int handle, int backlog)
{
	uint32_t n = backlog < 1                 ? 1
	             : backlog > APP_BACKLOG_MAX ? APP_BACKLOG_MAX
	                                         : (uint32_t)backlog;
	struct ref r;
	int err = sock_find(handle, &r);

	if (err == 0 && dgram_is(&r))
		err = -EOPNOTSUPP;
	if (err < 0)
		return (int)call_end(err);
	state_settle(&r);
	sock_take_both(&r);
	if (sock_closed(&r))
		err = -EBADF;
	else if (atomic_load(&r.s->state) == SOCK_NEW)
		err = r.s->direct ? -EOPNOTSUPP : open_listener(&r, n);
	else if (atomic_load(&r.s->state) != SOCK_LISTENING)
		err = -EINVAL;
	lock_give(&r.s->send);
	if (err == 0)
		listener_fill(&r);
	lock_give(&r.s->recv);
	if (err == 0)
		changes_made(&r);
	return (int)call_end(err);
}

/* The oldest connection that waits leaves the queue; NONE: none does. Under the socket's receiving lock. */
static uint32_t pop(const struct ref *r, struct slot *out)
{
	struct region *region = r->a->region;
	uint32_t i = NONE;

	lock_take(&region->table);
	if (r->s->queued > 0) {
		i = r->s->queue_first;
		*out = region_slots(region)[i];
		r->s->queue_first = out->next;
		r->s->queued--;
		r->s->posted[out->worker]--;
		region_slots(region)[out->listener].children--;
		region_slots(region)[i].state = SLOT_HELD;
		region_slots(region)[i].listener = NONE;
	}
	lock_give(&region->table);
	return i;
}

/* The connection in that slot becomes that socket, which nobody else has heard of. */
static void fill_socket(const struct ref *r, const struct ref *listener, uint32_t slot,
                        const struct slot *from)
{
	struct sock *s = r->s;

	sock_take_both(r);
	sock_open_slot(r, slot);
	s->worker = from->worker;
	s->peer = from->peer;
	s->peer_port = from->port;
	s->bound_port = listener->s->bound_port;
	s->linger_s = listener->s->linger_s;
	s->keepalive = listener->s->keepalive;
	s->reuseaddr = listener->s->reuseaddr;
	s->reuseport = listener->s->reuseport;
	s->notsent_lowat = listener->s->notsent_lowat;
	s->rcvlowat = listener->s->rcvlowat;
	s->keepidle_s = listener->s->keepidle_s;
	s->option_set = listener->s->option_set;
	memcpy(s->option, listener->s->option, sizeof(s->option));
	sock_limit_out(r);
	atomic_store(&s->recv_timeout, atomic_load(&listener->s->recv_timeout));
	atomic_store(&s->send_timeout, atomic_load(&listener->s->send_timeout));
	atomic_store(&s->flags, SOCK_F_CONNECTED);
	atomic_store(&s->state, SOCK_UP);
	sock_give_both(r);
}

/* Takes the next connection. Its handle, or a negative errno: -EAGAIN: none waits. */
static int take(const struct ref *r)
{
	int handle = -EAGAIN;
	struct slot from = {0};
	struct ref made;

	events_drain();
	sock_take_recv(r);
	if (sock_closed(r)) {
		handle = -EBADF;
	} else if (atomic_load(&r->s->state) != SOCK_LISTENING ||
	           (sock_flags(r) & SOCK_F_SHUT_RD)) {
		handle = -EINVAL;
	} else if ((sock_flags(r) & SOCK_F_GONE) || attach_dead(r->a)) {
		handle = -ENETDOWN;
	} else {
		if (listener_waits(r))
			handle = sock_new(r->attachment, SOCK_NEW, 0);
		if (handle >= 0 && sock_find(handle, &made) == 0) {
			uint32_t slot = pop(r, &from);

			fill_socket(&made, r, slot, &from);
		}
		listener_fill(r);
	}
	lock_give(&r->s->recv);
	if (handle >= 0)
		options_send(&made);
	return handle;
}

/* Sleeps until a connection may have come. 0; -EAGAIN: the deadline has passed; -EINTR. */
static int await(const struct ref *r, int64_t deadline)
{
	_Atomic uint32_t *word;
	struct wait_mark m;
	int64_t left;

	sock_take_recv(r);
	if (sock_closed(r) || r->s->slot == NONE) {
		lock_give(&r->s->recv);
		return 0;
	}
	word = &sock_words(r)->in_waits;
	lock_give(&r->s->recv);
	m = wait_announce(r->a, word);
	events_drain();
	if (sock_closed(r) || listener_ready(r))
		return 0;
	left = deadline == WAIT_NOT ? 0 : deadline - clock_ns();
	if (left <= 0)
		return -EAGAIN;
	if (wait_futex(word, m.value, left < WAIT_TICK_NS ? left : WAIT_TICK_NS) < 0)
		return -EINTR;
	if (!listener_ready(r) && !attach_look(r->a))
		release_orphans(r->attachment);
	return 0;
}

static int accept_one(int listener, int flags)
{
	struct ref r;
	int64_t deadline;
	int handle = sock_find(listener, &r);

	if (handle < 0)
		return handle;
	if (dgram_is(&r))
		return -EOPNOTSUPP;
	deadline = wait_deadline(&r, atomic_load(&r.s->recv_timeout), 0);
	while ((handle = take(&r)) == -EAGAIN) {
		int err = deadline == WAIT_NOT ? -EAGAIN : await(&r, deadline);

		if (err < 0)
			return err;
	}
	if (handle >= 0 && (flags & SOCK_NONBLOCK))
		coyo_set_nonblock(handle, 1);
	return handle;
}

COYO_EXPORT int coyo_accept4(int listener, struct sockaddr *addr, socklen_t *len, int flags)
{
	int handle;

	if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return (int)call_end(-EINVAL);
	handle = accept_one(listener, flags);
	if (handle >= 0 && addr)
		coyo_getpeername(handle, addr, len);
	return (int)call_end(handle);
}

COYO_EXPORT int coyo_accept(int listener, struct sockaddr *addr, socklen_t *len)
{
	return coyo_accept4(listener, addr, len, 0);
}
