/* SPDX-License-Identifier: BSD-3-Clause */
/* The workers' ground: DPDK without huge pages, one port that swallows everything, sockets on loopback. */
#include "ring_world.h"

#include "core/handover.h"
#include "core/mbuf.h"
#include "core/worker.h"
#include "fwd/priv.h"
#include "seal/seal.h"
#include "io/priv.h"
#include "session/tx.h"
#include "session/priv.h"
#include "worker/eal.h"
#include "worker/loop.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFERS 2047

static struct workers all;
static struct eal *eal;

void require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "a worker: %s\n", what);
	abort();
}

static int loopback(uint16_t *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	require(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
	                getsockname(fd, (struct sockaddr *)&at, &len) == 0,
	        "has no loopback to stand on");
	*port = ntohs(at.sin_port);
	return fd;
}

static void make_loops(struct ring_world *w)
{
	char err[512] = "";

	for (unsigned i = 0; i < RING_WORKERS; i++) {
		w->loop[i] = loop_new(&all, i, err, sizeof(err));
		require(w->loop[i], err);
		all.worker[i] = &w->loop[i]->w;
		w->seq[i] = 0;
	}
}

static void stop(void)
{
	eal_stop(eal);
}

static struct ring_world *make(void)
{
	static struct dp_port_cfg swallow = {.name = "swallow", .device = "net_null0,no-rx=1"};
	static struct ring_world w;
	uint16_t id[DP_PORTS_MAX], port;
	char err[512] = "";

	w.cfg = (struct dp_cfg){.name = "fuzzring",
	                        .workers = RING_WORKERS,
	                        .no_huge = true,
	                        .ports = &swallow,
	                        .nports = 1,
	                        .sessions_max = RING_SESSIONS,
	                        .connections_max = 16,
	                        .punt_rate = 1000};
	(void)aead_available(AEAD_AES256_GCM);
	eal = eal_start(&w.cfg, 64, err, sizeof(err));
	require(eal != NULL, err);
	(void)atexit(stop);
	all.cfg = &w.cfg;
	all.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	all.pool = rte_pktmbuf_pool_create("packets", BUFFERS, 0, PACKET_BYTES, MBUF_DATA,
	                                   SOCKET_ID_ANY);
	require(all.pool && ports_start(&w.cfg, all.pool, id, err, sizeof(err)) == 0, err);
	w.port = id[0];
	for (unsigned i = 0; i < RING_SOCKETS; i++)
		w.socket[i] = loopback(&port);
	w.sink = loopback(&w.sink_port);
	w.no_datagrams = open("/dev/null", O_RDWR | O_CLOEXEC);
	w.now.ns = NS_PER_S;
	make_loops(&w);
	return &w;
}

struct ring_world *ring_world_fresh(void)
{
	static struct ring_world *w;

	if (!w)
		w = make();
	w->now = instant_add(w->now, 60 * NS_PER_S); /* rates are as at the start */
	for (unsigned i = 0; i < RING_WORKERS; i++) {
		w->loop[i]->w.now = w->now;
		memset(w->loop[i]->w.drops, 0, sizeof(w->loop[i]->w.drops));
	}
	return w;
}

void ring_turn(struct ring_world *w, unsigned worker)
{
	struct loop *l = w->loop[worker];

	l->w.now = w->now;
	(void)turn_receive(l);
	(void)sess_poll(l->sess, w->now);
	fwd_flush(l->fwd);
	handover_wake(&l->w);
}

void ring_packet(struct ring_world *w, unsigned worker, uint16_t link, const void *data,
                 unsigned len)
{
	struct loop *l = w->loop[worker];
	struct rte_mbuf *m = worker_mbuf(&l->w);

	require(m != NULL, "has no packet buffers left");
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), data, len);
	*packet_of(m) = (struct packet){.link = link, .label = LABEL_NONE};
	l->burst.labelled[l->burst.nlabelled++] = m;
	fwd_labelled(l->fwd, &l->burst);
	sess_rx(l->sess, l->burst.local, l->burst.nlocal, w->now);
	l->burst.nlocal = 0;
	ring_turn(w, worker);
	ring_turn(w, 1 - worker);
}

/* The bytes that a worker's tables may keep: those of the map of receiver indices, which never shrinks. */
static size_t kept(const struct loop *l)
{
	const struct u32map *m = &l->fwd->rx_index;

	return m->slot ? ((size_t)m->mask + 1) * sizeof(*m->slot) : 0;
}

static void nothing_held(const struct loop *l)
{
	const struct worker_sessions *s = l->sess;

	require((size_t)l->w.arena.bytes == kept(l), "keeps memory of links that are gone");
	require(l->fwd->rx_index.n == 0, "keeps receiver indices of links that are gone");
	require(l->io->socks == NULL && l->io->ports == 0, "keeps sockets or ports that are gone");
	require(s->waiting == 0, "counts packets that wait for sessions that are gone");
	for (uint32_t i = 0; i < s->fresh; i++)
		require(!s->remotes[i].used, "keeps an id whose sessions are gone");
}

void ring_world_end(struct ring_world *w, bool drained)
{
	uint8_t rest[2048];

	w->now = instant_add(w->now, 60 * NS_PER_S); /* nothing waits so long */
	for (unsigned turn = 0; turn < 3; turn++)
		for (unsigned i = 0; i < RING_WORKERS; i++)
			ring_turn(w, i);
	for (unsigned i = 0; i < RING_WORKERS; i++)
		nothing_held(w->loop[i]);
	for (unsigned i = 0; i < RING_SOCKETS; i++)
		require(fcntl(w->socket[i], F_GETFD) >= 0, "has closed a socket of control's");
	while (recv(w->sink, rest, sizeof(rest), MSG_DONTWAIT) >= 0)
		;
	for (unsigned i = 0; i < RING_WORKERS; i++)
		tx_free(w->loop[i]->sess);
	require(rte_mempool_avail_count(all.pool) == BUFFERS, "has lost packet buffers");
	if (!drained)
		return;
	for (unsigned i = 0; i < RING_WORKERS; i++)
		loop_free(w->loop[i]);
	make_loops(w);
}
