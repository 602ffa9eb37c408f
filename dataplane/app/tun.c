/* SPDX-License-Identifier: BSD-3-Clause */
/* The TUN gateway's thread: packets of the kernel go to the worker of their id, packets of workers to the kernel. */
#include "app/tun.h"
#include "app/tun_flow.h"
#include "app/tun_ids.h"
#include "app/tun_if.h"
#include "base/bucket.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define ROUND_MOST  64  /* packets of the kernel in a round */
#define ANSWER_RATE 100 /* ICMPv6 messages per second to others */

/* The thread's alone while it runs, except where something else is said. */
struct tun {
	const struct dp_cfg *dp;
	const struct dp_tun_cfg *cfg;
	uint8_t addr[IP6_ADDR_BYTES];
	int fd, epoll, wake;
	struct tunring *ring[CPDP_WORKERS_MAX];
	unsigned nrings;
	uint32_t woken; /* bits of rings into which something was put in this round */
	_Atomic uint32_t
	        asleep; /* set by the thread, taken back by it or by the worker that wakes it */
	_Atomic uint32_t stop; /* set by control */
	pthread_t thread;
	bool running;
	struct instant now;
	struct bucket answers;
	uint64_t drops[DROP_REASONS]; /* read by others */
	struct tun_flows flows;
	struct tun_ids ids;
};

static void drop(struct tun *t, enum drop_reason why)
{
	__atomic_store_n(&t->drops[why], t->drops[why] + 1, __ATOMIC_RELAXED);
}

uint64_t tun_drops(const struct tun *t, enum drop_reason why)
{
	return __atomic_load_n(&t->drops[why], __ATOMIC_RELAXED);
}

static void read_clock(struct tun *t)
{
	struct timespec c;

	clock_gettime(CLOCK_MONOTONIC, &c);
	t->now = (struct instant){c.tv_sec * NS_PER_S + c.tv_nsec};
}

/* ---- to the workers ---- */

/* A slot towards the worker of id, to be committed at once; NULL: its ring is full, which is counted. */
static struct tun_slot *slot_to(struct tun *t, enum tun_slot_kind kind, const struct node_id *id,
                                struct bytering **ring)
{
	unsigned worker = cp_session_worker(id, t->nrings);
	struct tun_slot *slot;

	*ring = &t->ring[worker]->to_worker_tx;
	slot = tunring_slot(*ring);
	if (!slot) {
		drop(t, DROP_TUN_FULL);
		return NULL;
	}
	t->woken |= UINT32_C(1) << worker;
	slot->kind = (uint8_t)kind;
	slot->id = *id;
	return slot;
}

static void send(struct tun *t, const struct node_id *id, const uint8_t *packet, size_t len)
{
	struct bytering *ring;
	struct tun_slot *slot = slot_to(t, TUN_PACKET, id, &ring);

	if (!slot)
		return;
	slot->len = (uint16_t)len;
	memcpy(slot->packet, packet, len);
	tunring_commit(ring);
}

static void ask(struct tun *t, const struct node_id *target)
{
	struct bytering *ring;

	if (slot_to(t, TUN_RESOLVE, target, &ring))
		tunring_commit(ring);
}

/* ---- to the kernel ---- */

/* syscalls: write */
static void give(struct tun *t, const uint8_t *packet, size_t len)
{
	if (write(t->fd, packet, len) < 0)
		drop(t, DROP_TUN_DOWN);
}

/* The kernel's packet cannot go: it is told why, in the name of the node that the packet was for. A router on the way would speak for itself (RFC
 * 4443, section 2.2), but none has an address here; and a source of this node's own, or one that is not reached by this interface, is what a
 * firewall with a check of reverse paths drops, Packet Too Big with it. */
static void answer(struct tun *t, uint8_t type, uint8_t code, uint32_t value, const uint8_t *packet,
                   size_t len)
{
	uint8_t out[TUN_ANSWER_MAX];
	size_t n = len < IP6_HEADER_BYTES
	                   ? 0
	                   : tun_answer(out, type, code, value, packet + 24, packet, len);

	if (n)
		give(t, out, n);
}

/* ---- from the kernel ---- */

static void hold(struct tun *t, const uint8_t *packet, size_t len)
{
	struct node_id target = ip6_least_id(packet + 24);
	struct tun_ask *a = tun_ask_find(&t->ids, &target);

	if (a && a->state == TUN_ASK_FAILED) {
		answer(t, ICMP6_UNREACHABLE, ICMP6_ADDRESS, 0, packet, len);
		return;
	}
	if (!a) {
		a = tun_ask_begin(&t->ids, &target, t->now);
		if (a)
			ask(t, &target);
	}
	if (!a || !tun_ask_hold(a, packet, len))
		drop(t, DROP_TUN_HELD);
}

static void from_kernel(struct tun *t, const uint8_t *packet, size_t len)
{
	const struct node_id *id;
	struct tun_packet p;

	tun_packet_read(packet, len, &p);
	if (p.kind == TUN_MALFORMED) {
		drop(t, DROP_TUN_HEADER);
		return;
	}
	if (packet[24] != t->cfg->prefix || p.kind == TUN_OTHER_ICMP) {
		drop(t, DROP_TUN_SCOPE);
		return;
	}
	if (memcmp(packet + 8, t->addr, IP6_ADDR_BYTES) != 0) {
		drop(t, DROP_TUN_SOURCE);
		return;
	}
	tun_flows_out(&t->flows, &p, t->now);
	id = tun_ids_find(&t->ids, packet + 24);
	if (id)
		send(t, id, packet, len);
	else
		hold(t, packet, len);
}

/* A round's worth of packets. False: the interface is gone.
 * syscalls: read */
static bool read_kernel(struct tun *t)
{
	uint8_t packet[TUN_MTU_MOST + 1];

	for (unsigned i = 0; i < ROUND_MOST; i++) {
		ssize_t n = read(t->fd, packet, sizeof(packet));

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n > TUN_MTU_MOST)
			drop(t, DROP_TUN_HEADER);
		else
			from_kernel(t, packet, (size_t)n);
	}
	return true;
}

/* ---- from the workers ---- */

/* A packet that nobody asked for: the sender is told so (RFC 4443, 3.1), which ends a connect there at once. */
static void refuse(struct tun *t, const struct tun_packet *p, const struct tun_slot *slot)
{
	uint8_t out[TUN_ANSWER_MAX];
	size_t n;

	drop(t, DROP_TUN_REFUSED);
	if (p->kind != TUN_FLOW || !bucket_take(&t->answers, t->now))
		return;
	n = tun_answer(out, ICMP6_UNREACHABLE, ICMP6_PROHIBITED, 0, t->addr, slot->packet,
	               slot->len);
	if (n)
		send(t, &slot->id, out, n);
}

static void from_node(struct tun *t, const struct tun_slot *slot)
{
	struct tun_packet p;

	tun_packet_read(slot->packet, slot->len, &p);
	if (p.kind == TUN_MALFORMED) {
		drop(t, DROP_TUN_HEADER);
		return;
	}
	tun_ids_learn(&t->ids, &slot->id);
	if (tun_flows_in(&t->flows, &p, &slot->id, t->now))
		give(t, slot->packet, slot->len);
	else
		refuse(t, &p, slot);
}

/* Control has found the id of an address (len 1), or none as yet: it is asked again until too much time has passed, as a network that has just
 * come up does not know everybody. */
static void resolved(struct tun *t, const struct tun_slot *slot)
{
	struct node_id target;
	struct tun_ask *a;

	memcpy(&target, slot->packet, sizeof(target));
	a = tun_ask_find(&t->ids, &target);
	if (!slot->len)
		return;
	tun_ids_learn(&t->ids, &slot->id);
	if (!a)
		return;
	for (unsigned i = 0; i < a->held; i++)
		send(t, &slot->id, a->packet[i], a->len[i]);
	a->state = TUN_ASK_FREE;
}

static void from_worker(struct tun *t, const struct tun_slot *slot)
{
	switch (slot->kind) {
	case TUN_PACKET:
		from_node(t, slot);
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

static void drain(struct tun *t, struct tunring *r)
{
	const struct tun_slot *slot;

	for (unsigned i = 0; i < TUNRING_SLOTS && (slot = tunring_peek(&r->to_tun_rx)); i++) {
		from_worker(t, slot);
		tunring_done(&r->to_tun_rx);
	}
}

/* ---- the thread ---- */

/* Somebody has deleted the interface; what others send is dropped and counted from now on.
 * syscalls: epoll_ctl */
static void gone(struct tun *t)
{
	char line[120];

	(void)epoll_ctl(t->epoll, EPOLL_CTL_DEL, t->fd, NULL);
	snprintf(line, sizeof(line),
	         "[tun]: the interface %s has been deleted: start coyod anew to have it again",
	         t->cfg->name);
	if (t->dp->log)
		t->dp->log(t->dp->log_arg, DP_LOG_ERROR, line);
}

static void ask_again(struct tun *t)
{
	struct tun_ask *a;
	bool again;

	while ((a = tun_ask_due(&t->ids, t->now, &again))) {
		if (again)
			ask(t, &a->target);
		for (unsigned i = 0; !again && i < a->held; i++)
			answer(t, ICMP6_UNREACHABLE, ICMP6_ADDRESS, 0, a->packet[i], a->len[i]);
		if (!again)
			a->held = 0;
	}
}

/* Announces sleep, then looks once more: a slot put before the announcement is seen here, one put after it wakes. Milliseconds to sleep, 0:
 * there is work, -1: for ever. */
static int sleep_ms(struct tun *t)
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
static void one_round(struct tun *t)
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
	struct tun *t = arg;

	while (!atomic_load(&t->stop))
		one_round(t);
	return NULL;
}

/* syscalls: epoll_ctl */
static bool watch(struct tun *t, int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

/* syscalls at the start: epoll_create1 eventfd */
struct tun *tun_open(const struct dp_cfg *cfg, char *err, size_t errcap)
{
	struct tun *t = calloc(1, sizeof(*t));
	unsigned mtu;

	if (!t) {
		snprintf(err, errcap, "[tun]: out of memory");
		return NULL;
	}
	t->dp = cfg;
	t->cfg = cfg->tun;
	ip6_of_id(&cfg->id, cfg->tun->prefix, t->addr);
	tun_flows_init(&t->flows, cfg->tun->allow, cfg->tun->nallow, cfg->seed + 16);
	bucket_init(&t->answers, ANSWER_RATE, ANSWER_RATE);
	t->wake = t->epoll = -1;
	t->fd = tun_if_open(cfg->tun, t->addr, &mtu, err, errcap);
	if (t->fd >= 0 && mtu > TUN_MTU_MOST) {
		snprintf(err, errcap,
		         "[tun]: the interface %s has an MTU of %u, at most %d are possible",
		         cfg->tun->name, mtu, TUN_MTU_MOST);
	} else if (t->fd >= 0) {
		t->epoll = epoll_create1(EPOLL_CLOEXEC);
		t->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (t->epoll >= 0 && t->wake >= 0 && watch(t, t->fd) && watch(t, t->wake))
			return t;
		snprintf(err, errcap, "[tun]: out of file descriptors: %s", strerror(errno));
	}
	tun_stop(t);
	tun_free(t);
	return NULL;
}

/* syscalls at the start: pthread_create */
int tun_start(struct tun *t, struct tunring *const *rings, unsigned n, char *err, size_t errcap)
{
	int r;

	COYO_ASSERT(n >= 1 && n <= CPDP_WORKERS_MAX);
	t->nrings = n;
	for (unsigned i = 0; i < n; i++) {
		t->ring[i] = rings[i];
		rings[i]->tun_asleep = &t->asleep;
		rings[i]->tun_fd = t->wake;
	}
	r = pthread_create(&t->thread, NULL, run, t);
	if (r != 0) {
		snprintf(err, errcap, "[tun]: cannot start its thread: %s", strerror(r));
		return -r;
	}
	pthread_setname_np(t->thread, "coyo-tun");
	t->running = true;
	return 0;
}

/* syscalls: close */
void tun_stop(struct tun *t)
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
void tun_free(struct tun *t)
{
	if (t->epoll >= 0)
		close(t->epoll);
	/* Closed last: while a worker may still write to it, its number must not become another file's. */
	if (t->wake >= 0)
		close(t->wake);
	free(t);
}
