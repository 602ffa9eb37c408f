/* SPDX-License-Identifier: BSD-3-Clause */
/* The thread of one queue of the TUN. */
#include "app/tun_queue.h"
#include "app/tun_vnet.h"
#include "session/tun_packet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define ROUND_MOST 64 /* packets of the kernel in a round */

static void drop(struct tun_queue *t, enum drop_reason why)
{
	__atomic_store_n(&t->drops[why], t->drops[why] + 1, __ATOMIC_RELAXED);
}

static void read_clock(struct tun_queue *t)
{
	struct timespec c;

	clock_gettime(CLOCK_MONOTONIC, &c);
	t->now = (struct instant){c.tv_sec * NS_PER_S + c.tv_nsec};
}

static void tell(struct tun_queue *t, enum dp_log_level level, const char *what)
{
	char line[200];

	snprintf(line, sizeof(line), "[tun]: the interface %s %s", t->cfg->name, what);
	if (t->dp->log)
		t->dp->log(t->dp->log_arg, level, line);
}

/* ---- to the workers ---- */

static void commit(struct tun_queue *t, unsigned worker, const struct tun_slot *slot)
{
	tunring_commit(&t->ring[worker]->to_worker_tx, slot);
	t->woken |= UINT32_C(1) << worker;
	t->guess = worker;
}

/* The packet in slot, which is one of the worker `at` or, at nrings, the spare one, goes to the worker of id. */
static void send(struct tun_queue *t, const struct node_id *id, struct tun_slot *slot, unsigned at)
{
	unsigned worker = cp_session_worker(id, t->nrings);
	struct tun_slot *to = slot;

	slot->kind = TUN_PACKET;
	slot->id = *id;
	if (worker != at) {
		to = tunring_slot(&t->ring[worker]->to_worker_tx, slot->len);
		if (!to) {
			drop(t, DROP_TUN_FULL);
			return;
		}
		memcpy(to, slot, TUN_SLOT_HEAD + slot->len);
	}
	commit(t, worker, to);
}

static void ask(struct tun_queue *t, const struct node_id *target, uint32_t asker)
{
	unsigned worker = cp_session_worker(target, t->nrings);
	struct tun_slot *slot = tunring_slot(&t->ring[worker]->to_worker_tx, 0);

	if (!slot) {
		drop(t, DROP_TUN_FULL);
		return;
	}
	slot->kind = TUN_RESOLVE;
	slot->len = 0;
	slot->id = *target;
	slot->asker = asker;
	commit(t, worker, slot);
}

/* ---- to the kernel ---- */

/* The kernel refuses a run that it should take (it did so in some of its versions): it is given in pieces, and so are those that come.
 * syscalls: write */
static void give_pieces(struct tun_queue *t, const struct tun_slot *run)
{
	unsigned pieces = gso_pieces(&run->gso, run->len);
	uint8_t out[TUN_VNET_BYTES + TUN_MTU_MOST] = {0};

	if (t->runs >> run->gso.kind & 1) {
		t->runs &= ~(UINT32_C(1) << run->gso.kind);
		for (unsigned i = 0; i < t->nrings; i++)
			atomic_store_explicit(&t->ring[i]->runs, t->runs, memory_order_relaxed);
		tell(t, DP_LOG_WARN,
		     run->gso.kind == GSO_TCP
		             ? "refuses runs of TCP segments: it gets them one by one"
		             : "refuses runs of UDP datagrams: it gets them one by one");
	}
	for (unsigned i = 0; i < pieces; i++) {
		size_t n = gso_packet(&run->gso, run->packet, run->len, i, out + TUN_VNET_BYTES);

		if (write(t->fd, out, TUN_VNET_BYTES + n) < 0)
			drop(t, DROP_TUN_DOWN);
	}
}

/* syscalls: write */
static void give(struct tun_queue *t, struct tun_slot *slot)
{
	if (write(t->fd, tun_slot_raw(slot), TUN_VNET_BYTES + slot->len) >= 0)
		return;
	if (errno == EINVAL && slot->gso.kind != GSO_NONE)
		give_pieces(t, slot);
	else
		drop(t, DROP_TUN_DOWN);
}

/* The kernel's packet cannot go: it is told why, in the name of the node that the packet was for. A router on the way would speak for itself (RFC
 * 4443, section 2.2), but none has an address here; and a source of this node's own, or one that is not reached by this interface, is what a
 * firewall with a check of reverse paths drops, Packet Too Big with it.
 * syscalls: write */
static void answer(struct tun_queue *t, uint8_t type, uint8_t code, uint32_t value,
                   const uint8_t *packet, size_t len)
{
	uint8_t out[TUN_VNET_BYTES + TUN_ANSWER_MAX] = {0};
	size_t n = len < IP6_HEADER_BYTES ? 0
	                                  : tun_answer(out + TUN_VNET_BYTES, type, code, value,
	                                               packet + 24, packet, len);

	if (n && write(t->fd, out, TUN_VNET_BYTES + n) < 0)
		drop(t, DROP_TUN_DOWN);
}

/* ---- from the kernel ---- */

/* Its packets wait, of a run the first pieces. */
static bool hold_slot(struct tun_ask *a, const struct tun_slot *slot)
{
	unsigned pieces = slot->gso.kind == GSO_NONE ? 0 : gso_pieces(&slot->gso, slot->len);
	uint8_t piece[TUN_MTU_MOST];
	bool held = pieces == 0 ? tun_ask_hold(a, slot->packet, slot->len) : true;

	for (unsigned i = 0; held && i < pieces; i++)
		held = tun_ask_hold(a, piece,
		                    gso_packet(&slot->gso, slot->packet, slot->len, i, piece));
	return held;
}

static void hold(struct tun_queue *t, const struct tun_slot *slot, uint32_t asker)
{
	struct node_id target = ip6_least_id(slot->packet + 24);
	struct tun_ask *a = tun_ask_find(&t->ids, &target);
	bool fresh = !a;

	if (a && a->state == TUN_ASK_FAILED) {
		answer(t, ICMP6_UNREACHABLE, ICMP6_ADDRESS, 0, slot->packet, slot->len);
		return;
	}
	if (fresh)
		a = tun_ask_begin(&t->ids, &target, asker, t->now);
	if (!a || !hold_slot(a, slot))
		drop(t, DROP_TUN_HELD);
	/* Last, as it may take the place in the ring where the packet stands. */
	if (fresh && a)
		ask(t, &target, asker);
}

static void from_kernel(struct tun_queue *t, struct tun_slot *slot, unsigned at)
{
	const struct node_id *id;
	struct tun_packet p;

	if (!tun_vnet_read(slot)) {
		drop(t, DROP_TUN_HEADER);
		return;
	}
	tun_packet_read(slot->packet, slot->len, &p);
	if (p.kind == TUN_MALFORMED) {
		drop(t, DROP_TUN_HEADER);
		return;
	}
	if (slot->packet[24] != t->cfg->prefix || p.kind == TUN_OTHER_ICMP) {
		drop(t, DROP_TUN_SCOPE);
		return;
	}
	if (memcmp(slot->packet + 8, t->addr, IP6_ADDR_BYTES) != 0) {
		drop(t, DROP_TUN_SOURCE);
		return;
	}
	id = tun_ids_find(&t->ids, slot->packet + 24);
	if (id)
		send(t, id, slot, at);
	else
		hold(t, slot, tun_asker(&p));
}

/* A round's worth of packets, each read to where most likely it is to be. False: the interface is gone.
 * syscalls: read */
static bool read_kernel(struct tun_queue *t)
{
	for (unsigned i = 0; i < ROUND_MOST; i++) {
		unsigned at = t->guess;
		struct tun_slot *slot = tunring_slot(&t->ring[at]->to_worker_tx, TUN_RUN_MOST + 1);
		ssize_t n;

		if (!slot) {
			slot = &t->spare;
			at = t->nrings;
		}
		n = read(t->fd, tun_slot_raw(slot), TUN_VNET_BYTES + TUN_RUN_MOST + 1);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n < TUN_VNET_BYTES || n > TUN_VNET_BYTES + TUN_RUN_MOST) {
			drop(t, DROP_TUN_HEADER);
			continue;
		}
		slot->len = (uint32_t)n - TUN_VNET_BYTES;
		from_kernel(t, slot, at);
	}
	return true;
}

/* ---- from the workers ---- */

/* Control has found the id of an address, or none as yet: it is asked again until too much time has passed, as a network that has just come up does
 * not know everybody. */
static void resolved(struct tun_queue *t, const struct tun_slot *slot)
{
	struct tun_slot *spare = &t->spare;
	struct node_id target;
	struct tun_ask *a;

	memcpy(&target, slot->packet, sizeof(target));
	a = tun_ask_find(&t->ids, &target);
	if (!slot->found)
		return;
	tun_ids_learn(&t->ids, &slot->id);
	if (!a)
		return;
	for (unsigned i = 0; i < a->held; i++) {
		spare->gso = (struct gso){0};
		spare->len = a->len[i];
		memcpy(spare->packet, a->packet[i], a->len[i]);
		send(t, &slot->id, spare, t->nrings);
	}
	a->state = TUN_ASK_FREE;
}

static void from_worker(struct tun_queue *t, struct tun_slot *slot)
{
	switch (slot->kind) {
	case TUN_PACKET:
		tun_ids_learn(&t->ids, &slot->id);
		give(t, slot);
		break;
	case TUN_TOO_BIG:
		answer(t, ICMP6_TOO_BIG, 0, slot->mtu, slot->packet, slot->len);
		break;
	case TUN_UNREACHABLE:
		answer(t, ICMP6_UNREACHABLE, ICMP6_ADDRESS, 0, slot->packet, slot->len);
		break;
	case TUN_RESOLVED:
		resolved(t, slot);
		break;
	default:
		break;
	}
}

/* What stands in a worker's ring, up to what it holds, so that the kernel and other workers get their turn. */
static void drain(struct tun_queue *t, struct tunring *r)
{
	struct tun_slot *slot;

	for (uint32_t bytes = 0; bytes < TUNRING_BYTES && (slot = tunring_peek(&r->to_tun_rx));) {
		from_worker(t, slot);
		bytes += tunring_bytes(slot->len);
		tunring_done(&r->to_tun_rx, slot);
	}
}

/* ---- the thread ---- */

/* Somebody has deleted the interface; what others send is dropped and counted from now on.
 * syscalls: epoll_ctl */
static void gone(struct tun_queue *t)
{
	(void)epoll_ctl(t->epoll, EPOLL_CTL_DEL, t->fd, NULL);
	if (t->number == 0)
		tell(t, DP_LOG_ERROR, "has been deleted: start coyod anew to have it again");
}

static void ask_again(struct tun_queue *t)
{
	struct tun_ask *a;
	bool again;

	while ((a = tun_ask_due(&t->ids, t->now, &again))) {
		if (again)
			ask(t, &a->target, a->asker);
		for (unsigned i = 0; !again && i < a->held; i++)
			answer(t, ICMP6_UNREACHABLE, ICMP6_ADDRESS, 0, a->packet[i], a->len[i]);
		if (!again)
			a->held = 0;
	}
}

/* Announces sleep, then looks once more: a slot put before the announcement is seen here, one put after it wakes. Milliseconds to sleep, 0:
 * there is work, -1: for ever. */
static int sleep_ms(struct tun_queue *t)
{
	struct instant deadline = tun_ask_deadline(&t->ids);
	int64_t ns;

	atomic_exchange(&t->asleep, 1);
	for (unsigned i = 0; i < t->nrings; i++)
		if (tunring_peek(&t->ring[i]->to_tun_rx))
			return 0;
	if (atomic_load(&t->stop))
		return 0;
	if (instant_is_never(deadline))
		return -1;
	ns = instant_sub(deadline, t->now);
	return ns <= 0 ? 0 : (int)(ns / NS_PER_MS) + 1;
}

/* syscalls: epoll_wait read */
static void one_round(struct tun_queue *t)
{
	struct epoll_event ev[2];
	int n = epoll_wait(t->epoll, ev, 2, sleep_ms(t));
	uint64_t count;

	atomic_exchange(&t->asleep, 0);
	read_clock(t);
	for (int i = 0; i < n; i++) {
		if (ev[i].data.fd == t->wake)
			(void)!read(t->wake, &count, sizeof(count));
		else if (!read_kernel(t))
			gone(t);
	}
	for (unsigned i = 0; i < t->nrings; i++)
		drain(t, t->ring[i]);
	ask_again(t);
	for (unsigned i = 0; t->woken; i++)
		if (t->woken >> i & 1) {
			struct bridge *b = t->ring[i]->bridge;

			t->woken &= ~(UINT32_C(1) << i);
			bridge_wake(&b->worker_asleep, b->worker_fd);
		}
}

static void *run(void *arg)
{
	struct tun_queue *t = arg;

	while (!atomic_load(&t->stop))
		one_round(t);
	return NULL;
}

/* syscalls: epoll_ctl */
static bool watch(struct tun_queue *t, int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

/* syscalls at the start: epoll_create1 eventfd close */
struct tun_queue *tun_queue_new(const struct dp_cfg *cfg, unsigned number, int fd, uint32_t runs,
                                char *err, size_t errcap)
{
	struct tun_queue *t = calloc(1, sizeof(*t));

	if (!t) {
		snprintf(err, errcap, "[tun]: out of memory");
		close(fd);
		return NULL;
	}
	t->dp = cfg;
	t->cfg = cfg->tun;
	t->number = number;
	t->fd = fd;
	t->runs = runs;
	ip6_of_id(&cfg->id, cfg->tun->prefix, t->addr);
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	t->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (t->epoll >= 0 && t->wake >= 0 && watch(t, t->fd) && watch(t, t->wake))
		return t;
	snprintf(err, errcap, "[tun]: out of file descriptors: %s", strerror(errno));
	tun_queue_stop(t);
	tun_queue_free(t);
	return NULL;
}

/* syscalls at the start: pthread_create */
int tun_queue_start(struct tun_queue *t, struct tunring *const *rings, unsigned n, char *err,
                    size_t errcap)
{
	char name[16] = "coyo-tun";
	int r;

	COYO_ASSERT(n >= 1 && n <= CPDP_WORKERS_MAX);
	t->nrings = n;
	for (unsigned i = 0; i < n; i++) {
		t->ring[i] = rings[i];
		rings[i]->tun_asleep = &t->asleep;
		rings[i]->tun_fd = t->wake;
		atomic_store(&rings[i]->runs, t->runs);
	}
	r = pthread_create(&t->thread, NULL, run, t);
	if (r != 0) {
		snprintf(err, errcap, "[tun]: cannot start its thread: %s", strerror(r));
		return -r;
	}
	if (t->number)
		snprintf(name, sizeof(name), "coyo-tun-%u", t->number % TUN_QUEUES_MAX);
	pthread_setname_np(t->thread, name);
	t->running = true;
	return 0;
}

/* syscalls: close */
void tun_queue_stop(struct tun_queue *t)
{
	if (t->running) {
		atomic_store(&t->stop, 1);
		atomic_store(&t->asleep, 1);
		bridge_wake(&t->asleep, t->wake);
		pthread_join(t->thread, NULL);
		t->running = false;
	}
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

/* syscalls: close */
void tun_queue_free(struct tun_queue *t)
{
	if (!t)
		return;
	if (t->epoll >= 0)
		close(t->epoll);
	/* Closed last: while a worker may still write to it, its number must not become another file's. */
	if (t->wake >= 0)
		close(t->wake);
	free(t);
}
