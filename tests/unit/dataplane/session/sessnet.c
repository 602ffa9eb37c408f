/* SPDX-License-Identifier: BSD-3-Clause */
/* The stand-ins, the wire and the clock. */
#include "sessnet.h"
#include "core/event.h"
#include "core/mbuf.h"
#include "crypto/aead.h"
#include "fwd/fwd.h"
#include "wire/lse.h"
#include "core/packet.h"
#include "worker/eal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sessnet_no_memory;
const struct dp_tun_cfg *sessnet_tun[2];

/* Names that the linker gives (--wrap): what the code under test calls, and what that was. */
void *__real_calloc(size_t n, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return sessnet_no_memory ? NULL : __real_calloc(n, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	return sessnet_no_memory ? NULL : __real_aligned_alloc(align, size);
}

static struct rte_mempool *pool;
static struct eal *eal;

static void stop_eal(void)
{
	rte_mempool_free(pool);
	eal_stop(eal);
}

void sessnet_global(void)
{
	static const struct dp_cfg cfg = {.name = "sessnet", .workers = 1, .no_huge = true};
	char err[256] = "";

	eal = eal_start(&cfg, 96, err, sizeof(err));
	if (!eal) {
		fprintf(stderr, "eal_start: %s\n", err);
		abort();
	}
	pool = rte_pktmbuf_pool_create("sessnet", 16384, 0, 64, WORKER_HEADROOM + WORKER_ROOM,
	                               SOCKET_ID_ANY);
	if (!pool || !aead_available(AEAD_CHACHA20_POLY1305))
		abort();
	atexit(stop_eal);
}

/* ---- what the sessions call ---- */

void fwd_send(struct fwd *f, uint16_t link, struct rte_mbuf *m)
{
	struct sessnet *n = f->side->net;
	struct side *to = f->side->other;
	struct rng rng = rng_from_seeded(&n->rng);
	uint32_t lse = be32_load(rte_pktmbuf_mtod(m, uint8_t *));

	if (link != SESSNET_LINK || lse_label(lse) != to->in_label || !lse_bottom(lse) || n->cut ||
	    rng_below(&rng, 1000000) < n->loss_ppm || to->tail - to->head == SESSNET_QUEUE) {
		rte_pktmbuf_free(m);
		return;
	}
	rte_pktmbuf_adj(m, LSE_BYTES);
	m->hash.usr = lse_tc(lse);
	to->inbox[to->tail++ % SESSNET_QUEUE] =
	        (struct sent){.m = m, .at = instant_add(n->now, n->delay_ns)};
}

bool worker_event(struct worker *w, const struct dp_event *ev)
{
	struct side *s = CONTAINER_OF(w, struct side, w);

	if (s->events_full) {
		drop_count(w, DROP_PUNT_FULL, 1);
		return false;
	}
	memcpy(&s->events[s->nevents++ % SESSNET_EVENTS], ev, dp_event_size(ev));
	return true;
}

/* ---- beginning and end ---- */

static void start_side(struct sessnet *n, unsigned side)
{
	struct side *s = &n->side[side];
	struct dp_cfg *c = &n->cfg[side];
	char err[256] = "";

	s->net = n;
	s->other = &n->side[1 - side];
	s->events = calloc(SESSNET_EVENTS, sizeof(*s->events));
	s->inbox = calloc(SESSNET_QUEUE, sizeof(*s->inbox));
	*c = (struct dp_cfg){
	        .name = "sessnet", .workers = 1, .sessions_max = 64, .connections_max = 4096};
	c->tun = sessnet_tun[side];
	memset(c->id.b, 0x11 + 0x22 * (int)side, ID_BYTES);
	memset(c->seed, 5 + (int)side, sizeof(c->seed));
	s->in_session = side + 1;
	s->in_label = 1000 + side;
	s->fwd.side = s;
	s->w.workers = 1;
	s->w.cfg = c;
	s->w.pool = pool;
	s->sess = sess_new(&s->w, &s->fwd, err, sizeof(err));
	if (!s->sess) {
		fprintf(stderr, "sess_new: %s\n", err);
		abort();
	}
}

void sessnet_start(struct sessnet *n, uint64_t seed)
{
	memset(n, 0, sizeof(*n));
	n->delay_ns = 5 * NS_PER_MS;
	n->now.ns = NS_PER_S;
	rng_seeded_init(&n->rng, seed);
	start_side(n, 0);
	start_side(n, 1);
}

void sessnet_stop(struct sessnet *n)
{
	sessnet_no_memory = false;
	for (unsigned i = 0; i < 2; i++) {
		struct side *s = &n->side[i];

		while (s->head != s->tail)
			rte_pktmbuf_free(s->inbox[s->head++ % SESSNET_QUEUE].m);
		rte_pktmbuf_free(s->last);
		sess_free(s->sess);
		free(s->inbox);
		free(s->events);
	}
	/* A leak of packet buffers shows here. */
	if (rte_mempool_avail_count(pool) != pool->size) {
		fprintf(stderr, "%u packet buffers leaked\n",
		        pool->size - rte_mempool_avail_count(pool));
		abort();
	}
}

/* ---- commands ---- */

void sessnet_command(struct sessnet *n, unsigned side, const struct cp_cmd *c)
{
	if (sess_command(n->side[side].sess, c, n->now))
		drop_count(&n->side[side].w, DROP_BAD_COMMAND, 1);
}

void sessnet_session(struct sessnet *n, unsigned side, uint32_t index, uint32_t label)
{
	struct cp_cmd c = {.type = CMD_SESSION_SET};

	c.u.session.session = index;
	c.u.session.out_link = SESSNET_LINK;
	c.u.session.path_mtu = 1280;
	c.u.session.out_label = label;
	c.u.session.remote = n->cfg[1 - side].id;
	sessnet_command(n, side, &c);
}

static void key(struct sessnet *n, unsigned side, uint32_t type, uint32_t index, unsigned phase,
                unsigned direction, uint32_t incarnation)
{
	struct cp_cmd c = {.type = type};

	c.u.key.session = index;
	c.u.key.index = phase;
	c.u.key.incarnation = incarnation;
	c.u.key.alg = AEAD_CHACHA20_POLY1305;
	memset(c.u.key.key, (int)(16 * phase + direction), 32);
	sessnet_command(n, side, &c);
}

void sessnet_tx_key(struct sessnet *n, unsigned side, uint32_t index, unsigned phase)
{
	key(n, side, CMD_SESSION_TX_KEY, index, phase, side, 0);
}

void sessnet_rx_key(struct sessnet *n, unsigned side, uint32_t index, unsigned phase)
{
	sessnet_rx_key_of(n, side, index, phase, 0);
}

void sessnet_rx_key_of(struct sessnet *n, unsigned side, uint32_t index, unsigned phase,
                       uint32_t incarnation)
{
	key(n, side, CMD_SESSION_RX_KEY, index, phase, 1 - side, incarnation);
}

void sessnet_up(struct sessnet *n)
{
	for (unsigned side = 0; side < 2; side++) {
		uint32_t index = side + 1;

		sessnet_session(n, side, index, n->side[1 - side].in_label);
		sessnet_rx_key(n, side, index, 0);
		sessnet_tx_key(n, side, index, 0);
	}
}

/* ---- time ---- */

static void remember(struct side *s, struct rte_mbuf *m)
{
	rte_pktmbuf_free(s->last);
	s->last = worker_mbuf(&s->w);
	memcpy(rte_pktmbuf_append(s->last, m->data_len), rte_pktmbuf_mtod(m, void *), m->data_len);
}

/* As the label switch hands it on. */
static void receive(struct sessnet *n, struct side *s, struct rte_mbuf *m, uint8_t tc)
{
	*packet_of(m) = (struct packet){
	        .link = SESSNET_LINK, .session = s->in_session, .label = s->in_label, .tc = tc};
	sess_rx(s->sess, &m, 1, n->now);
}

static void arrive(struct sessnet *n, struct side *s)
{
	while (s->head != s->tail &&
	       instant_reached(s->inbox[s->head % SESSNET_QUEUE].at, n->now)) {
		struct rte_mbuf *m = s->inbox[s->head++ % SESSNET_QUEUE].m;

		remember(s, m);
		receive(n, s, m, (uint8_t)m->hash.usr);
	}
}

void sessnet_step(struct sessnet *n, int64_t max_ns)
{
	struct instant next = instant_add(n->now, max_ns);
	unsigned work = 0;

	for (unsigned i = 0; i < 2; i++) {
		arrive(n, &n->side[i]);
		work += sess_poll(n->side[i].sess, n->now);
	}
	if (work)
		next = n->now;
	for (unsigned i = 0; i < 2; i++) {
		struct side *s = &n->side[i];

		next = instant_min(next, sess_deadline(s->sess));
		if (s->head != s->tail)
			next = instant_min(next, s->inbox[s->head % SESSNET_QUEUE].at);
	}
	/* Time always goes on, if by little: what could be done now has been done. */
	if (!work && next.ns <= n->now.ns)
		next = instant_add(n->now, NS_PER_US);
	if (next.ns > n->now.ns)
		n->now = next;
}

void sessnet_run(struct sessnet *n, int64_t t)
{
	struct instant end = instant_add(n->now, t);

	while (instant_before(n->now, end))
		sessnet_step(n, instant_sub(end, n->now));
}

void sessnet_inject(struct sessnet *n, unsigned side, const void *p, size_t len)
{
	struct side *s = &n->side[side];
	struct rte_mbuf *m = worker_mbuf(&s->w);

	memcpy(rte_pktmbuf_append(m, (uint16_t)len), p, len);
	receive(n, s, m, 0);
	sess_poll(s->sess, n->now);
}

unsigned sessnet_events(const struct side *s, uint32_t type, struct dp_event *last)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < s->nevents && i < SESSNET_EVENTS; i++)
		if (s->events[i].type == type) {
			count++;
			if (last)
				memcpy(last, &s->events[i], dp_event_size(&s->events[i]));
		}
	return count;
}
