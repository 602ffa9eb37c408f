/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's sessions are made and freed: tables, TCP and its memory, the bridge to applications. */
#include "session/datagram.h"
#include "session/ip.h"
#include "session/tx.h"
#include "session/wait.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_CONNS 16384 /* from so many connections on TCP's memory asks for huge pages */

/* Buffer memory is address space until it is used: the pool is sized for many busy connections, idle ones take none of it. */
static void tcp_configure(struct tcp_cfg *t, const struct worker_sessions *s,
                          const struct dp_cfg *cfg)
{
	uint64_t chunks;

	tcp_cfg_default(t);
	t->max_conns = cfg->connections_max ? cfg->connections_max : t->max_conns;
	t->max_peers = s->nremotes;
	if (cfg->tcp_sndbuf) {
		t->sndbuf_max = cfg->tcp_sndbuf;
		t->sndbuf = t->sndbuf < t->sndbuf_max ? t->sndbuf : t->sndbuf_max;
	}
	if (cfg->tcp_rcvbuf) {
		t->rcvbuf_max = cfg->tcp_rcvbuf;
		t->rcvbuf = t->rcvbuf < t->rcvbuf_max ? t->rcvbuf : t->rcvbuf_max;
	}
	chunks = (uint64_t)t->max_conns * 64 * 1024 / t->chunk_bytes;
	chunks = max_u64(chunks, 4 * ((uint64_t)t->sndbuf_max + t->rcvbuf_max) / t->chunk_bytes);
	t->chunks = (uint32_t)min_u64(chunks, (UINT64_C(1) << 30) / t->chunk_bytes);
	/* One Ethernet frame of room to spare: the path's own MSS comes with CMD_SESSION_SET. */
	t->mss_default = 1200;
	/* AEAD protects every segment in a session; the sum is right on the wire but need not be checked again. */
	t->checksum_always = false;
	memcpy(t->secret, cfg->seed, sizeof(t->secret));
	t->secret[0] ^= (uint8_t)(s->w->number + 1);
}

/* syscalls at the start: mmap madvise */
static int start_tcp(struct worker_sessions *s, const struct dp_cfg *cfg, char *err, size_t errcap)
{
	struct instant zero = {0};
	struct tcp_cfg t;
	const char *why;

	tcp_configure(&t, s, cfg);
	if (tcp_cfg_check(&t, &why) < 0) {
		snprintf(err, errcap, "TCP configuration: %s", why);
		return -1;
	}
	s->tcp_bytes = tcp_stack_size(&t);
	s->tcp_memory = mmap(NULL, s->tcp_bytes, PROT_READ | PROT_WRITE,
	                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->tcp_memory == MAP_FAILED) {
		s->tcp_memory = NULL;
		snprintf(err, errcap,
		         "out of memory for TCP (%zu MiB of address space): lower the number of "
		         "connections or the buffer limits",
		         s->tcp_bytes >> 20);
		return -1;
	}
	/* A small node need not hold whole huge pages for its few connections. */
	if (t.max_conns >= HUGE_CONNS)
		(void)madvise(s->tcp_memory, s->tcp_bytes, MADV_HUGEPAGE);
	s->tcp = tcp_stack_init(s->tcp_memory, s->tcp_bytes, &t, zero);
	if (!s->tcp) {
		snprintf(err, errcap, "TCP refuses its configuration");
		return -1;
	}
	return 0;
}

struct worker_sessions *sess_new(struct worker *w, struct fwd *fwd, char *err, size_t errcap)
{
	const struct dp_cfg *cfg = w->cfg;
	struct worker_sessions *s = calloc(1, sizeof(*s));
	uint32_t n = cfg->sessions_max ? cfg->sessions_max : 1;
	int r;

	if (!s) {
		snprintf(err, errcap, "out of memory for sessions");
		return NULL;
	}
	s->w = w;
	s->fwd = fwd;
	s->id = cfg->id;
	s->bridge.worker_fd = -1;
	TAILQ_INIT(&s->watched);
	TAILQ_INIT(&s->announce);
	TAILQ_INIT(&s->direct);
	TAILQ_INIT(&s->lowat);
	TAILQ_INIT(&s->held);
	s->watch = s->ports_retry = INSTANT_NEVER;
	s->table_size = n;
	s->table = calloc(n, sizeof(*s->table));
	/* As many again for ids that are only being asked for. */
	r = s->table ? remotes_init(s, n + n / 4 + 64, cfg->seed) : -ENOMEM;
	if (r == 0)
		r = bridge_init(&s->bridge);
	if (r == 0)
		r = ip_start(s);
	if (r == 0)
		r = datagram_start(s);
	if (r < 0) {
		snprintf(err, errcap, "cannot set up sessions: %s", strerror(-r));
		sess_free(s);
		return NULL;
	}
	if (start_tcp(s, cfg, err, errcap) < 0) {
		sess_free(s);
		return NULL;
	}
	return s;
}

/* syscalls: munmap */
void sess_free(struct worker_sessions *s)
{
	struct instant zero = {0};

	for (unsigned i = 0; i < s->nrx; i++)
		rte_pktmbuf_free(s->rx[i].m);
	s->nrx = 0;
	wait_drop_unproven(s);
	ip_free(s);
	datagram_stop(s);
	tx_free(s);
	for (uint32_t i = 0; s->tcp && i < s->table_size; i++)
		if (s->table[i])
			end_free(s, s->table[i], zero);
	free(s->datagrams);
	bridge_free(&s->bridge);
	if (s->tcp_memory)
		munmap(s->tcp_memory, s->tcp_bytes);
	remotes_free(s);
	free(s->table);
	free(s);
}
