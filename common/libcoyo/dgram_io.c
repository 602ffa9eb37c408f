/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams between the caller's memory and the rings. One call is one of them, whole; what does not fit the path is refused here, where the worker
 * has said how long one may be. */
#include "libcoyo/dgram.h"
#include "libcoyo/changes.h"
#include "libcoyo/events.h"
#include "libcoyo/lane.h"
#include "libcoyo/lock.h"
#include "libcoyo/wait.h"
#include "ipc/cpdp.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* ---- waiting ---- */

struct awaited {
	const struct ref *r;
	short events;
};

static bool look(void *arg, bool arm)
{
	const struct awaited *w = arg;

	return dgram_ready(w->r, w->events, arm) != 0;
}

/* 0: look again; -EAGAIN: the deadline has passed; -EINTR. Any of several workers may be the one that has something, so it waits as poll does. Who
 * gives up for want of room asks for it: epoll sets that have the socket may have told of room before, and asked for nothing since. */
static int await(const struct ref *r, short events, int64_t deadline)
{
	struct awaited w = {r, events};
	int err = deadline == WAIT_NOT ? -EAGAIN
	                               : events_wait(look, &w, &(struct events_also){0}, deadline);

	if (err == -EAGAIN && (events & POLLOUT) && (sock_flags(r) & SOCK_F_WATCHED) &&
	    look(&w, true))
		changes_made(r);
	return err;
}

/* ---- sending ---- */

static size_t length_of(const struct iovec *iov, size_t pieces)
{
	size_t n = 0;

	for (size_t i = 0; i < pieces; i++)
		n = iov[i].iov_len > SIZE_MAX - n ? SIZE_MAX : n + iov[i].iov_len;
	return n;
}

/* Writes the record and makes it known. Under the sending lock; there is room. */
static void write_record(struct bytering *ring, const struct appdgram *head,
                         const struct iovec *iov, size_t pieces)
{
	static const uint8_t zeroes[APPDGRAM_ALIGN];
	uint32_t at = sizeof(*head), bytes = appdgram_bytes(head->len);

	appdgram_put(ring, 0, head, sizeof(*head));
	for (size_t i = 0; i < pieces; i++) {
		if (iov[i].iov_len > 0)
			appdgram_put(ring, at, iov[i].iov_base, (uint32_t)iov[i].iov_len);
		at += (uint32_t)iov[i].iov_len;
	}
	appdgram_put(ring, at, zeroes, bytes - at);
	bytering_commit(ring, bytes);
}

/* What a send meets: 0 or a negative errno. Under the sending lock. */
static int may_send(const struct ref *r, uint32_t slot, const struct appdgram *head)
{
	uint32_t most;
	int err = dgram_error(r);

	if (err)
		return -err;
	if (sock_flags(r) & SOCK_F_SHUT_WR)
		return -EPIPE;
	most = appdgram_path_get(appseg_paths(attach_slot(r->a, slot)), &head->id);
	return most && head->len > most ? -EMSGSIZE : 0;
}

/* 0, -EAGAIN: no room, or another negative errno. Under the sending lock. */
static int put(const struct ref *r, const struct appdgram *head, const struct iovec *iov,
               size_t pieces)
{
	uint32_t worker = cp_session_worker(&head->id, r->a->region->layout.workers);
	uint32_t slot = dgram_slot(r, worker), bytes = appdgram_bytes(head->len), room;
	struct bytering *ring = &dgram_end(r->a, slot)->out;
	int err = may_send(r, slot, head);

	if (err < 0)
		return err;
	room = bytering_room(ring);
	if (ring->broken) {
		atomic_fetch_or(&r->s->flags, SOCK_F_BROKEN);
		return -EPROTO;
	}
	if (room < bytes || (int64_t)(ring->cap - room) >= dgram_limit_of(r, DGRAM_OPT_OUT))
		return -EAGAIN;
	write_record(ring, head, iov, pieces);
	lane_kick(r->a, worker, slot);
	return 0;
}

/* Whom it goes to. Under the sending lock. */
static int address(const struct ref *r, const struct sockaddr_coyo *to, struct appdgram *head)
{
	if (!to && !(sock_flags(r) & SOCK_F_CONNECTED))
		return -EDESTADDRREQ;
	head->port = to ? ntohs(to->scoyo_port) : r->s->peer_port;
	if (to)
		memcpy(head->id.b, to->scoyo_id, ID_BYTES);
	else
		head->id = r->s->peer;
	return 0;
}

ssize_t dgram_send(const struct ref *r, const struct iovec *iov, size_t pieces, int flags,
                   const struct sockaddr_coyo *to)
{
	int64_t deadline = wait_deadline(r, atomic_load(&r->s->send_timeout), flags);
	size_t n = length_of(iov, pieces);
	struct appdgram head = {0};
	int err;

	if (n > APPDGRAM_MOST)
		return -EMSGSIZE;
	if (!to && !(sock_flags(r) & SOCK_F_CONNECTED))
		return -EDESTADDRREQ;
	err = dgram_bind_any(r);
	if (err < 0)
		return err;
	head.len = (uint32_t)n;
	do {
		sock_take_send(r);
		err = sock_closed(r) ? -EBADF : address(r, to, &head);
		if (err == 0)
			err = put(r, &head, iov, pieces);
		lock_give(&r->s->send);
		if (err != -EAGAIN)
			return err < 0 ? err : (ssize_t)n;
		err = await(r, POLLOUT, deadline);
	} while (err == 0);
	return err;
}

/* ---- receiving ---- */

/* The payload goes into the pieces, as much as there is room for. */
static size_t read_record(struct bytering *ring, uint32_t len, const struct iovec *iov,
                          size_t pieces)
{
	size_t done = 0;

	for (size_t i = 0; i < pieces && done < len; i++) {
		size_t n = iov[i].iov_len < len - done ? iov[i].iov_len : len - done;

		if (n > 0)
			appdgram_get(ring, (uint32_t)(sizeof(struct appdgram) + done),
			             iov[i].iov_base, (uint32_t)n);
		done += n;
	}
	return done;
}

/* The next one of that slot. -EAGAIN: there is none. */
static ssize_t get_from(const struct ref *r, uint32_t slot, const struct iovec *iov, size_t pieces,
                        bool peek, struct appdgram *head)
{
	struct bytering *ring = &dgram_end(r->a, slot)->in;
	int there = appdgram_first(ring, bytering_used(ring), head);
	size_t n;

	if (there < 0 || ring->broken) {
		atomic_fetch_or(&r->s->flags, SOCK_F_BROKEN);
		return -EPROTO;
	}
	if (!there)
		return -EAGAIN;
	n = read_record(ring, head->len, iov, pieces);
	if (!peek)
		bytering_consume(ring, appdgram_bytes(head->len));
	return (ssize_t)n;
}

/* The next one of any worker; each has its turn. Under the receiving lock. */
static ssize_t get(const struct ref *r, const struct iovec *iov, size_t pieces, bool peek,
                   struct appdgram *head)
{
	uint32_t workers = r->a->region->layout.workers;
	struct dgram_end *first;
	int err;

	if (sock_closed(r))
		return -EBADF;
	err = dgram_error(r);
	if (err)
		return -err;
	first = dgram_end(r->a, r->s->slot);
	for (uint32_t i = 0; i < workers; i++) {
		uint32_t w = (first->turn + i) % workers;
		ssize_t n = get_from(r, dgram_slot(r, w), iov, pieces, peek, head);

		if (n == -EAGAIN)
			continue;
		if (n >= 0 && !peek)
			first->turn = w + 1;
		return n;
	}
	return sock_flags(r) & SOCK_F_SHUT_RD ? -ESHUTDOWN : -EAGAIN;
}

ssize_t dgram_recv(const struct ref *r, const struct iovec *iov, size_t pieces, int flags,
                   struct sockaddr_coyo *from, size_t *length)
{
	int64_t deadline = wait_deadline(r, atomic_load(&r->s->recv_timeout), flags);
	struct appdgram head = {0};
	int err = dgram_bind_any(r);
	ssize_t n;

	if (err < 0)
		return err;
	for (;;) {
		sock_take_recv(r);
		n = get(r, iov, pieces, flags & MSG_PEEK, &head);
		lock_give(&r->s->recv);
		if (n != -EAGAIN)
			break;
		err = await(r, POLLIN, deadline);
		if (err < 0)
			return err;
	}
	*from = (struct sockaddr_coyo){.scoyo_family = AF_COYO, .scoyo_port = htons(head.port)};
	memcpy(from->scoyo_id, head.id.b, ID_BYTES);
	*length = head.len;
	if (n == -ESHUTDOWN) {
		*from = (struct sockaddr_coyo){0};
		return 0;
	}
	return n;
}
