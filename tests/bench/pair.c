/* SPDX-License-Identifier: BSD-3-Clause */
/* The pair: the product's workers, sessions, label map and port code; only the wire and the application are this program's. */
#include "pair.h"
#include "crypto/aead.h"
#include "core/mbuf.h"
#include "core/ring.h"
#include "io/priv.h"
#include "seal/seal.h"
#include "wire/lse.h"
#include "worker/eal.h"
#include "worker/root.h"
#include "session/priv.h"

#include <pthread.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <stdlib.h>
#include <string.h>

/* Link and port 0 lead from end 0 to end 1, link and port 1 back. */
#define LINKS   2
#define SESSION 1
#define MBUFS   28671 /* what the product would have */

struct pair {
	struct dataplane dp;
	struct pair_cfg cfg;
	struct eal *eal;
	struct pair_end end[2];
	_Atomic bool stop;
};

/* Set while a pair without crypto exists; the linker sends the workers' calls here (see meson.build). */
static bool in_clear;

void __real_seal_burst(const struct aead_key *k, struct aead_op *ops, unsigned n);
void __real_open_burst(const struct aead_key *k, struct aead_op *ops, unsigned n);
void __wrap_seal_burst(const struct aead_key *k, struct aead_op *ops, unsigned n);
void __wrap_open_burst(const struct aead_key *k, struct aead_op *ops, unsigned n);

static void untouched(struct aead_op *ops, unsigned n, unsigned taken)
{
	for (unsigned i = 0; i < n; i++) {
		if (ops[i].in != ops[i].out)
			memcpy(ops[i].out, ops[i].in, ops[i].len - taken);
		ops[i].ok = true;
	}
}

void __wrap_seal_burst(const struct aead_key *k, struct aead_op *ops, unsigned n)
{
	if (likely_(!in_clear))
		__real_seal_burst(k, ops, n);
	else
		untouched(ops, n, 0);
}

void __wrap_open_burst(const struct aead_key *k, struct aead_op *ops, unsigned n)
{
	if (likely_(!in_clear))
		__real_open_burst(k, ops, n);
	else
		untouched(ops, n, AEAD_TAG_BYTES);
}

/* ---- making ---- */

static void command(struct loop *l, struct cp_cmd *c)
{
	void *slot = ring_put_begin(l->w.commands, sizeof(*c));

	if (!slot)
		bench_die("command ring full");
	memcpy(slot, c, cp_cmd_size(c));
	ring_put_end(l->w.commands);
	command_run(l, 64);
}

/* The label that names the session at an end also names its worker. */
static uint32_t label_of(unsigned side)
{
	return 1000 + side;
}

static unsigned path_mtu(const struct pair *p)
{
	return p->cfg.mtu - LSE_BYTES - TUNNEL_HEADER_BYTES - TUNNEL_INNER_BYTES - TUNNEL_TAG_BYTES;
}

static void links(struct pair *p, unsigned side)
{
	struct loop *loop = p->end[side].l;
	struct cp_cmd c;

	for (uint16_t l = 0; l < LINKS; l++) {
		c = (struct cp_cmd){.type = CMD_LINK_SET};
		c.u.link = (struct cp_link){.link = l,
		                            .type = LINK_ETHERNET,
		                            .mtu = (uint16_t)p->cfg.mtu,
		                            .port = p->dp.port_id[l],
		                            .peer_mac = {2, 0, 0, 0, 0, 1}};
		command(loop, &c);
		c = (struct cp_cmd){.type = CMD_LINK_OPEN};
		c.u.open.link = l;
		c.u.open.on = 1;
		command(loop, &c);
		/* A ring port gives back what is sent into it: each end sends into one and reads the other. */
		loop->io->port[p->dp.port_id[l]].queue = 0;
		loop->io->port[p->dp.port_id[l]].poll = l != side;
	}
}

static void session(struct pair *p, unsigned side)
{
	struct loop *l = p->end[side].l;
	struct cp_cmd c = {.type = CMD_SESSION_SET};

	c.u.session.session = SESSION;
	c.u.session.out_link = (uint16_t)side;
	c.u.session.path_mtu = (uint16_t)path_mtu(p);
	c.u.session.out_label = label_of(!side);
	memset(c.u.session.remote.b, 0x77, ID_BYTES);
	command(l, &c);
	p->end[side].peer = remote_find(l->sess, &c.u.session.remote);
	for (unsigned tx = 0; tx < 2; tx++) {
		c = (struct cp_cmd){.type = tx ? CMD_SESSION_TX_KEY : CMD_SESSION_RX_KEY};
		c.u.key.session = SESSION;
		c.u.key.alg =
		        aead_available(AEAD_AES256_GCM) ? AEAD_AES256_GCM : AEAD_CHACHA20_POLY1305;
		memset(c.u.key.key, (int)(tx ? side + 1 : !side + 1u), sizeof(c.u.key.key));
		command(l, &c);
	}
	c = (struct cp_cmd){.type = CMD_ILM_SET};
	c.u.ilm = (struct cp_ilm){.in_link = (uint16_t)!side,
	                          .op = ILM_SESSION,
	                          .in_label = label_of(side),
	                          .session = SESSION,
	                          .twin_label = LABEL_NONE};
	command(l, &c);
}

static void plane(struct pair *p)
{
	static struct dp_port_cfg ports[LINKS] = {{.name = "there", .device = "net_ring0"},
	                                          {.name = "back", .device = "net_ring1"}};
	char err[512];
	struct dp_cfg *c = &p->dp.cfg;

	*c = (struct dp_cfg){.name = "coyobench",
	                     .workers = 2,
	                     .idle = DP_IDLE_BUSY,
	                     .no_huge = true,
	                     .sessions_max = 16,
	                     .connections_max = p->cfg.conns,
	                     .tcp_sndbuf = p->cfg.buf,
	                     .tcp_rcvbuf = p->cfg.buf,
	                     .punt_rate = 1000,
	                     .ports = ports,
	                     .nports = LINKS};
	p->dp.all.cfg = c;
	memset(c->id.b, 0x33, ID_BYTES);
	memset(c->seed, 7, sizeof(c->seed));
	p->dp.all.wake_fd = -1;
	(void)aead_available(AEAD_AES256_GCM);
	p->eal = eal_start(c, 160, err, sizeof(err));
	if (!p->eal)
		bench_die("%s", err);
	seal_start();
	p->dp.all.pool = rte_pktmbuf_pool_create_by_ops("packets", MBUFS, 256, PACKET_BYTES,
	                                                MBUF_DATA, SOCKET_ID_ANY, "stack");
	if (!p->dp.all.pool || ports_start(c, p->dp.all.pool, p->dp.port_id, err, sizeof(err)))
		bench_die("no ports: %s", p->dp.all.pool ? err : "no memory for packet buffers");
	for (unsigned i = 0; i < 2; i++) {
		p->dp.loop[i] = loop_new(&p->dp.all, i, err, sizeof(err));
		if (!p->dp.loop[i])
			bench_die("%s", err);
		p->dp.all.worker[i] = &p->dp.loop[i]->w;
	}
}

struct pair *pair_new(const struct pair_cfg *cfg)
{
	struct pair *p = aligned_alloc(64, (sizeof(*p) + 63) & ~(size_t)63);
	unsigned lcore, i = 0;

	if (!p)
		bench_die("out of memory");
	memset(p, 0, sizeof(*p));
	p->cfg = *cfg;
	plane(p);
	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		if (i < 2)
			p->dp.loop[i++]->lcore = lcore;
	}
	for (unsigned side = 0; side < 2; side++) {
		struct pair_end *e = &p->end[side];

		e->pair = p;
		e->side = side;
		e->l = p->dp.loop[side];
		e->w = &e->l->w;
		e->tcp = e->l->sess->tcp;
		links(p, side);
		session(p, side);
	}
	in_clear = !cfg->sealed;
	return p;
}

void pair_free(struct pair *p)
{
	for (unsigned i = 0; i < 2; i++)
		loop_free(p->dp.loop[i]);
	ports_stop();
	rte_mempool_free(p->dp.all.pool);
	seal_stop();
	eal_stop(p->eal);
	in_clear = false;
	free(p);
}

struct pair_end *pair_end(struct pair *p, unsigned side)
{
	return &p->end[side];
}

/* ---- running ---- */

/* One turn as worker/loop.c makes it, with the application where the applications' rings have their turn. */
static unsigned turn(struct pair_end *e)
{
	struct loop *l = e->l;
	unsigned work;

	work = command_run(l, 64);
	work += turn_receive(l);
	rx_flush(l->sess, l->w.now);
	work += e->app(e, l->w.now);
	work += sess_poll(l->sess, l->w.now);
	fwd_flush(l->fwd);
	return work;
}

static void add(_Atomic uint64_t *word, uint64_t n)
{
	atomic_store_explicit(word, atomic_load_explicit(word, memory_order_relaxed) + n,
	                      memory_order_relaxed);
}

static int thread(void *arg)
{
	struct pair_end *e = arg;
	bool worked = false;

	bench_priority(false);
	pthread_getcpuclockid(pthread_self(), &e->cpu_clock);
	e->w->now.ns = wall_ns();
	atomic_store(&e->running, true);
	while (!atomic_load_explicit(&e->pair->stop, memory_order_relaxed)) {
		int64_t before = e->w->now.ns;

		e->w->now.ns = wall_ns();
		add(&e->turns, 1);
		if (worked) {
			add(&e->busy_turns, 1);
			add(&e->busy_ns, (uint64_t)(e->w->now.ns - before));
		}
		worked = turn(e) != 0;
	}
	atomic_store(&e->running, false);
	return 0;
}

void pair_start(struct pair *p)
{
	atomic_store(&p->stop, false);
	for (unsigned i = 0; i < 2; i++)
		if (rte_eal_remote_launch(thread, &p->end[i], p->end[i].l->lcore))
			bench_die("a worker thread does not start");
	for (unsigned i = 0; i < 2; i++)
		while (!atomic_load(&p->end[i].running))
			sleep_ns(100000);
}

void pair_stop(struct pair *p)
{
	atomic_store(&p->stop, true);
	/* EAL's own waiting spins, which a thread of higher priority must not. */
	for (unsigned i = 0; i < 2; i++)
		while (atomic_load(&p->end[i].running))
			sleep_ns(100000);
	rte_eal_mp_wait_lcore();
}

/* ---- looking ---- */

unsigned pair_mss(const struct pair *p)
{
	return path_mtu(p) - 20 - 12; /* TCP's header, timestamps */
}

uint64_t pair_drops(const struct pair *p)
{
	uint64_t n = 0;

	for (unsigned w = 0; w < 2; w++)
		for (unsigned i = 0; i < DROP_REASONS; i++)
			n += count_read(&p->dp.all.worker[w]->drops[i]);
	return n;
}

const char *pair_seal(const struct pair *p)
{
	if (!p->cfg.sealed)
		return "none";
	return seal_backend(aead_available(AEAD_AES256_GCM) ? AEAD_AES256_GCM
	                                                    : AEAD_CHACHA20_POLY1305);
}

void pair_look(struct pair *p, struct pair_look *l)
{
	l->wall = wall_ns();
	for (unsigned i = 0; i < 2; i++) {
		struct pair_end *e = &p->end[i];

		l->cpu[i] = clock_ns(e->cpu_clock);
		l->done[i] = atomic_load_explicit(&e->done, memory_order_relaxed);
		l->busy_ns[i] = atomic_load_explicit(&e->busy_ns, memory_order_relaxed);
	}
}
