/* SPDX-License-Identifier: BSD-3-Clause */
/* Applications inside a worker: the reference for those outside. They call TCP where the worker serves the rings of applications, in the same
 * turn of the same loop, and copy what they send and receive once, as any application does; only rings, messages and wake-ups are missing. The
 * linker puts this in front of app_run() in a daemon that is built for measuring alone. */
#include "inside.h"
#include "session/priv.h"
#include "session/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BLOCK   (256 * 1024)
#define ATONCE  32 /* connections under way */
#define CONNS   256
#define MESSAGE 64

/* A connection of an application inside. */
struct inner {
	uint32_t conn;
	bool open, sent;
};

static struct inside_orders *orders;
static struct {
	uint32_t order, kind, listener, remote;
	struct inner conn[CONNS];
	uint32_t nconns, opened;
	uint64_t pinged_at;
	uint8_t block[BLOCK];
} in;

unsigned __real_app_run(struct worker_sessions *s, struct instant now);
unsigned __wrap_app_run(struct worker_sessions *s, struct instant now);

/* Before the daemon gives up its rights. */
__attribute__((constructor)) static void map_orders(void)
{
	const char *path = getenv("COYOBENCH_INSIDE");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *at = fd < 0 ? MAP_FAILED
	                  : mmap(NULL, sizeof(*orders), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	orders = at == MAP_FAILED ? NULL : at;
}

static uint64_t nanoseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void add(_Atomic uint64_t *word, uint64_t n)
{
	atomic_store_explicit(word, atomic_load_explicit(word, memory_order_relaxed) + n,
	                      memory_order_relaxed);
}

static void give_up(void)
{
	atomic_store(&orders->failed, 1);
	in.kind = INSIDE_IDLE;
}

/* ---- beginning ---- */

static bool connect_one(struct worker_sessions *s)
{
	uint16_t port = (uint16_t)atomic_load_explicit(&orders->port, memory_order_relaxed);
	uint32_t conn;

	if (in.nconns == CONNS || tcp_connect(s->tcp, in.remote, port, &conn) < 0)
		return false;
	in.conn[in.nconns++] = (struct inner){.conn = conn};
	in.opened++;
	return true;
}

static void begin_connecting(struct worker_sessions *s, struct instant now)
{
	struct node_id id;

	memcpy(id.b, orders->id, sizeof(id.b));
	in.remote = remote_get(s, &id);
	if (in.remote == SESS_NONE) {
		give_up();
		return;
	}
	s->remotes[in.remote].streams++; /* it stays in use */
	remote_in_use(s, in.remote);
	remote_update(s, in.remote, now);
	if (!connect_one(s))
		give_up();
}

static void begin(struct worker_sessions *s, struct instant now)
{
	uint32_t port = atomic_load(&orders->port);

	in.kind = atomic_load(&orders->kind);
	in.nconns = in.opened = 0;
	in.pinged_at = 0;
	if (in.listener != TCP_NO_CONN)
		tcp_close(s->tcp, in.listener);
	in.listener = TCP_NO_CONN;
	if ((in.kind == INSIDE_SINK || in.kind == INSIDE_PING) &&
	    tcp_listen(s->tcp, (uint16_t)port, CONNS, &in.listener) < 0)
		give_up();
	if (in.kind != INSIDE_SINK && in.kind != INSIDE_IDLE)
		begin_connecting(s, now);
}

/* ---- what they do ---- */

static bool established(struct worker_sessions *s, struct inner *c)
{
	struct tcp_info info;

	if (!c->open && tcp_info(s->tcp, c->conn, &info) == 0)
		c->open = info.state == TCP_ESTABLISHED || info.state == TCP_CLOSE_WAIT;
	return c->open;
}

/* Bytes read, 0 at the end of the stream, negative: none yet, or an error. */
static int64_t drain(struct worker_sessions *s, const struct inner *c)
{
	int64_t all = 0, n;

	while ((n = tcp_recv(s->tcp, c->conn, in.block, sizeof(in.block))) > 0)
		all += n;
	return all ? all : n;
}

/* The last takes its place. */
static void closed(struct worker_sessions *s, uint32_t i)
{
	tcp_close(s->tcp, in.conn[i].conn);
	in.conn[i] = in.conn[--in.nconns];
}

static unsigned stream(struct worker_sessions *s)
{
	uint64_t amount = atomic_load_explicit(&orders->amount, memory_order_relaxed),
	         done = atomic_load_explicit(&orders->done, memory_order_relaxed);
	int64_t n = 1;

	if (in.nconns == 0 || !established(s, &in.conn[0]))
		return 0;
	while (done < amount && n > 0) {
		n = tcp_send(s->tcp, in.conn[0].conn, in.block,
		             (size_t)min_u64(BLOCK, amount - done));
		done += n > 0 ? (uint64_t)n : 0;
	}
	atomic_store_explicit(&orders->done, done, memory_order_relaxed);
	if (done == amount)
		closed(s, 0);
	else if (n < 0 && n != -EAGAIN)
		give_up();
	return 0;
}

static unsigned connects(struct worker_sessions *s)
{
	uint64_t amount = atomic_load_explicit(&orders->amount, memory_order_relaxed);

	for (uint32_t i = in.nconns; i-- > 0;) {
		struct inner *c = &in.conn[i];

		if (!established(s, c))
			continue;
		if (!c->sent) {
			c->sent = true;
			tcp_send(s->tcp, c->conn, in.block, MESSAGE);
			tcp_shutdown(s->tcp, c->conn);
		} else if (drain(s, c) == 0) {
			closed(s, i);
			add(&orders->done, 1);
		}
	}
	while (in.opened < amount && in.nconns < ATONCE)
		if (!connect_one(s))
			break;
	return 0;
}

/* What has been accepted, from connection `from` on: read, and sent back where echo says so. */
static unsigned serve(struct worker_sessions *s, uint32_t from, bool echo)
{
	uint32_t conn;
	int64_t n;

	while (in.nconns < CONNS && tcp_accept(s->tcp, in.listener, &conn) == 0)
		in.conn[in.nconns++] = (struct inner){.conn = conn, .open = true};
	for (uint32_t i = in.nconns; i-- > from;) {
		n = drain(s, &in.conn[i]);
		if (n > 0 && echo)
			tcp_send(s->tcp, in.conn[i].conn, in.block, (size_t)n);
		if (n > 0)
			add(&orders->accepted, (uint64_t)n);
		else if (n != -EAGAIN)
			closed(s, i);
	}
	return 0;
}

/* Both ends of the connection are in this worker. */
static unsigned ping(struct worker_sessions *s)
{
	uint64_t amount = atomic_load_explicit(&orders->amount, memory_order_relaxed),
	         done = atomic_load_explicit(&orders->done, memory_order_relaxed);

	if (in.nconns == 0 || done == amount)
		return 0;
	serve(s, 1, true);
	if (!established(s, &in.conn[0]))
		return 0;
	if (in.pinged_at) {
		if (drain(s, &in.conn[0]) <= 0)
			return 0;
		atomic_store_explicit(&orders->sample[done % INSIDE_SAMPLES],
		                      (uint32_t)(nanoseconds() - in.pinged_at),
		                      memory_order_relaxed);
		atomic_store_explicit(&orders->done, ++done, memory_order_relaxed);
	} else {
		tcp_set_opt(s->tcp, in.conn[0].conn, TCP_OPT_NODELAY, 1);
	}
	if (done == amount) {
		while (in.nconns)
			closed(s, in.nconns - 1);
		return 1;
	}
	in.pinged_at = nanoseconds();
	tcp_send(s->tcp, in.conn[0].conn, in.block, MESSAGE);
	return 1;
}

static unsigned inner_run(struct worker_sessions *s, struct instant now)
{
	uint32_t order = atomic_load_explicit(&orders->order, memory_order_acquire);

	if (order != in.order) {
		in.order = order;
		begin(s, now);
	}
	switch (in.kind) {
	case INSIDE_SINK:
		return serve(s, 0, false);
	case INSIDE_STREAM:
		return stream(s);
	case INSIDE_CONNECTS:
		return connects(s);
	case INSIDE_PING:
		return ping(s);
	default:
		return 0;
	}
}

unsigned __wrap_app_run(struct worker_sessions *s, struct instant now)
{
	unsigned done = __real_app_run(s, now);

	return orders ? done + inner_run(s, now) : done;
}
