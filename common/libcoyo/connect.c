/* SPDX-License-Identifier: BSD-3-Clause */
/* Making sockets and connecting them. */
#include "libcoyo/call.h"
#include "libcoyo/changes.h"
#include "libcoyo/coyo.h"
#include "libcoyo/dgram.h"
#include "libcoyo/fork.h"
#include "libcoyo/lane.h"
#include "libcoyo/lock.h"
#include "libcoyo/options.h"
#include "libcoyo/release.h"
#include "libcoyo/slot.h"
#include "libcoyo/state.h"
#include "libcoyo/wait.h"
#include "ipc/cpdp.h"

#include <string.h>

COYO_EXPORT int coyo_socket(int domain, int type, int protocol)
{
	int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC), handle;
	unsigned index;

	if (domain != AF_COYO)
		return (int)call_end(-EAFNOSUPPORT);
	if (kind != SOCK_STREAM && kind != SOCK_DGRAM)
		return (int)call_end(-ESOCKTNOSUPPORT);
	if (protocol != 0 && protocol != (kind == SOCK_DGRAM ? IPPROTO_UDP : IPPROTO_TCP))
		return (int)call_end(-EPROTONOSUPPORT);
	fork_watch();
	if (!attach_get(&index))
		return -1;
	release_orphans(index);
	handle = sock_new(index, SOCK_NEW, kind == SOCK_DGRAM ? SOCK_F_DATAGRAM : 0);
	if (handle >= 0 && (type & SOCK_NONBLOCK))
		return coyo_set_nonblock(handle, 1) < 0 ? -1 : handle;
	return (int)call_end(handle);
}

/* What connect() says of a socket in that state; 1: it may begin. */
static int may_connect(const struct ref *r)
{
	int err;

	switch (state_settle(r)) {
	case SOCK_UP:
		return atomic_fetch_or(&r->s->flags, SOCK_F_CONNECTED) & SOCK_F_CONNECTED ? -EISCONN
		                                                                          : 0;
	case SOCK_CONNECTING:
		return -EALREADY;
	case SOCK_NEW:
		err = atomic_exchange(&r->s->failure, 0);
		if (err)
			return -err;
		return r->s->bound && r->s->bound_port ? -EADDRNOTAVAIL : 1;
	default:
		return -EISCONN;
	}
}

/* The socket gets a slot and CONNECT is sent, before any other message about the slot can be. 0 or a negative errno. */
static int begin(const struct ref *r, const struct sockaddr_coyo *to)
{
	struct applane_msg m = {.type = APPLANE_CONNECT,
	                        .port = ntohs(to->scoyo_port),
	                        .option = r->s->direct ? APPLANE_DIRECT : 0};
	struct attachment *a = r->a;
	struct sock *s = r->s;
	int err = 0;

	memcpy(m.id.b, to->scoyo_id, ID_BYTES);
	sock_take_both(r);
	if (sock_closed(r) || atomic_load(&s->state) != SOCK_NEW) {
		err = sock_closed(r) ? -EBADF : -EALREADY;
	} else {
		s->worker = cp_session_worker(&m.id, a->region->layout.workers);
		m.slot = slot_take(a, SLOT_HELD, s->worker);
		err = m.slot == NONE ? -ENOBUFS : 0;
	}
	if (err == 0) {
		sock_open_slot(r, m.slot);
		s->peer = m.id;
		s->peer_port = m.port;
		atomic_fetch_and(&s->flags,
		                 ~(SOCK_F_ERROR_TAKEN | SOCK_F_CONNECTED | SOCK_F_FAILED));
		err = sock_flags(r) & SOCK_F_NONBLOCK ? lane_try(a, s->worker, &m)
		                                      : lane_put(a, s->worker, &m);
		if (err == 0) {
			atomic_store(&s->state, SOCK_CONNECTING);
		} else {
			s->slot = NONE;
			slot_return(a, m.slot);
		}
	}
	sock_give_both(r);
	if (err == 0)
		changes_made(r);
	return err == -EAGAIN && !(sock_flags(r) & SOCK_F_NONBLOCK) ? -ETIMEDOUT : err;
}

static int wait_connected(const struct ref *r, int64_t deadline)
{
	for (;;) {
		struct wait w;
		bool waits;
		int err;

		state_settle(r);
		sock_take_recv(r);
		waits = !sock_closed(r) && atomic_load(&r->s->state) == SOCK_CONNECTING;
		if (waits)
			w = wait_for_input(r);
		lock_give(&r->s->recv);
		if (!waits)
			break;
		err = wait_until(&w, deadline);
		if (err < 0)
			return err == -EAGAIN ? -EINPROGRESS : err;
	}
	if (sock_closed(r))
		return -EBADF;
	if (atomic_load(&r->s->state) == SOCK_UP) {
		atomic_fetch_or(&r->s->flags, SOCK_F_CONNECTED);
		return 0;
	}
	return -atomic_exchange(&r->s->failure, 0);
}

COYO_EXPORT int coyo_connect(int handle, const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_coyo to;
	struct ref r;
	int err = sock_find(handle, &r);

	if (err == 0 && dgram_is(&r) && len >= sizeof(sa_family_t) && addr->sa_family == AF_UNSPEC)
		return (int)call_end(dgram_connect(&r, NULL));
	if (err == 0)
		err = call_address(addr, len, &to);
	if (err == 0 && dgram_is(&r))
		return (int)call_end(dgram_connect(&r, &to));
	if (err < 0)
		return (int)call_end(err);
	err = may_connect(&r);
	if (err <= 0)
		return (int)call_end(err);
	err = begin(&r, &to);
	if (err < 0)
		return (int)call_end(err);
	options_send(&r);
	return (int)call_end(
	        wait_connected(&r, wait_deadline(&r, atomic_load(&r.s->send_timeout), 0)));
}
