/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulator: packets under way, stacks on both sides of one link, one clock. */
#include "tcpnet.h"
#include "tcpnet_require.h"
#include "base/be.h"
#include "tcp/opt.h"

#include <stdlib.h>
#include <string.h>

/* ---- packets under way --------------------------------------------------------------------------------------------- */

static uint8_t *buf_take(struct tcpnet *n)
{
	uint8_t *b = n->nspare ? n->spare[--n->nspare] : malloc(n->buf_bytes);

	REQUIRE(b);
	return b;
}

static void buf_give(struct tcpnet *n, uint8_t *b)
{
	if (n->nspare == n->capspare) {
		n->capspare = n->capspare ? 2 * n->capspare : 256;
		n->spare = realloc(n->spare, n->capspare * sizeof(*n->spare));
		REQUIRE(n->spare);
	}
	n->spare[n->nspare++] = b;
}

static bool earlier(const struct tcpnet_packet *a, const struct tcpnet_packet *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void heap_push(struct tcpnet *n, const struct tcpnet_packet *p)
{
	unsigned i;

	if (n->nheap == n->capheap) {
		n->capheap = n->capheap ? 2 * n->capheap : 256;
		n->heap = realloc(n->heap, n->capheap * sizeof(*n->heap));
		REQUIRE(n->heap);
	}
	for (i = n->nheap++; i && earlier(p, &n->heap[(i - 1) / 2]); i = (i - 1) / 2)
		n->heap[i] = n->heap[(i - 1) / 2];
	n->heap[i] = *p;
}

static struct tcpnet_packet heap_pop(struct tcpnet *n)
{
	struct tcpnet_packet top = n->heap[0], last = n->heap[--n->nheap];
	unsigned i = 0, kid;

	while ((kid = 2 * i + 1) < n->nheap) {
		if (kid + 1 < n->nheap && earlier(&n->heap[kid + 1], &n->heap[kid]))
			kid++;
		if (!earlier(&n->heap[kid], &last))
			break;
		n->heap[i] = n->heap[kid];
		i = kid;
	}
	if (n->nheap)
		n->heap[i] = last;
	return top;
}

static struct tcpnet_packet *ring_last(const struct tcpnet_ring *r)
{
	return &r->at[(r->head + r->n - 1) & (r->cap - 1)];
}

static void ring_push(struct tcpnet_ring *r, const struct tcpnet_packet *p)
{
	if (r->n == r->cap) {
		uint32_t cap = r->cap ? 2 * r->cap : 64;
		struct tcpnet_packet *at = malloc(cap * sizeof(*at));

		REQUIRE(at);
		for (uint32_t i = 0; i < r->n; i++)
			at[i] = r->at[(r->head + i) & (r->cap - 1)];
		free(r->at);
		*r = (struct tcpnet_ring){.at = at, .n = r->n, .cap = cap};
	}
	r->at[(r->head + r->n++) & (r->cap - 1)] = *p;
}

static struct tcpnet_packet ring_take(struct tcpnet_ring *r)
{
	struct tcpnet_packet p = r->at[r->head];

	r->head = (r->head + 1) & (r->cap - 1);
	r->n--;
	return p;
}

/* ---- setting up ---------------------------------------------------------------------------------------------------- */

void tcpnet_cfg(struct tcp_cfg *cfg)
{
	tcp_cfg_default(cfg);
	cfg->max_conns = 64;
	cfg->max_peers = TCPNET_PEER + TCPNET_HOSTS;
	cfg->chunks = 4096;
	memset(cfg->secret, 7, sizeof(cfg->secret));
}

void tcpnet_cfg_wide(struct tcp_cfg *cfg, uint32_t bytes)
{
	tcpnet_cfg(cfg);
	cfg->max_conns = 16;
	cfg->chunk_bytes = 16384;
	cfg->mss_default = 1460;
	cfg->sndbuf_max = cfg->rcvbuf_max = bytes;
	cfg->sndbuf = cfg->rcvbuf = bytes < 1u << 20 ? bytes : 1u << 20;
	/* Both rings full, records of the outstanding segments, and a margin so that no buffer stays small for the pool's sake. */
	cfg->chunks = 256 + (uint32_t)((uint64_t)bytes * 3 / cfg->chunk_bytes);
}

/* Memory for a host, kept from an earlier use where it suffices. */
static void host_memory(struct tcpnet *n, unsigned h, size_t size)
{
	if (n->mem_bytes[h] < size) {
		free(n->mem[h]);
		n->mem_bytes[h] = (size + 63) & ~(size_t)63;
		n->mem[h] = aligned_alloc(64, n->mem_bytes[h]);
	}
	REQUIRE(n->mem[h]);
}

static void host_init(struct tcpnet *n, unsigned h, const struct tcp_cfg *given,
                      const uint16_t *sum)
{
	struct tcp_cfg c = *given;
	size_t size = tcp_stack_size(&c);
	unsigned first = tcpnet_side(n, h) ? 0 : n->left;
	unsigned last = tcpnet_side(n, h) ? n->left : n->hosts;

	REQUIRE(size);
	rng_fill(&n->rng, c.secret, sizeof(c.secret));
	host_memory(n, h, size);
	n->stack[h] = tcp_stack_init(n->mem[h], size, &c, (struct instant){n->now});
	REQUIRE(n->stack[h] && tcpcheck_init(&n->check[h], n->stack[h]) == 0);
	for (unsigned p = first; p < last; p++)
		REQUIRE(tcp_peer_set(n->stack[h], TCPNET_PEER + p - first, sum[h], sum[p], 0) == 0);
}

/* What init does besides allocating what is kept. */
static void start(struct tcpnet *n, uint64_t seed, const struct tcp_cfg *const cfg[])
{
	uint16_t sum[TCPNET_HOSTS];
	uint8_t id[64];

	n->now = NS_PER_S;
	rng_seeded_init(&n->seed, seed);
	n->rng = rng_from_seeded(&n->seed);
	for (unsigned h = 0; h < n->hosts; h++) {
		rng_fill(&n->rng, id, sizeof(id));
		sum[h] = tcp_id_sum(id);
		REQUIRE(cfg[h]->mss_default + 128u <= n->buf_bytes);
	}
	for (unsigned h = 0; h < n->hosts; h++)
		host_init(n, h, cfg[h], sum);
}

void tcpnet_init_hosts(struct tcpnet *n, uint64_t seed, unsigned left, unsigned right,
                       const struct tcp_cfg *const cfg[])
{
	memset(n, 0, sizeof(*n));
	REQUIRE(left && right && left + right <= TCPNET_HOSTS);
	n->hosts = left + right;
	n->left = left;
	n->buf_bytes = 8192 + 128; /* the fuzzer sets a path's MSS up to 8 191 */
	for (unsigned h = 0; h < n->hosts; h++)
		if (n->buf_bytes < cfg[h]->mss_default + 128u)
			n->buf_bytes = cfg[h]->mss_default + 128u;
	start(n, seed, cfg);
}

void tcpnet_again(struct tcpnet *n, uint64_t seed, const struct tcp_cfg *a, const struct tcp_cfg *b)
{
	const struct tcp_cfg *cfg[2] = {a, b};
	struct tcpnet old = *n;

	if (!old.hosts) {
		tcpnet_init_hosts(n, seed, 1, 1, cfg);
		return;
	}
	REQUIRE(old.hosts == 2);
	while (n->nheap)
		buf_give(n, n->heap[--n->nheap].bytes);
	for (unsigned h = 0; h < 2; h++)
		while (n->ring[h].n)
			buf_give(n, ring_take(&n->ring[h]).bytes);
	old = *n;
	memset(n, 0, sizeof(*n));
	n->hosts = 2;
	n->left = 1;
	n->buf_bytes = old.buf_bytes;
	n->heap = old.heap;
	n->capheap = old.capheap;
	n->spare = old.spare;
	n->nspare = old.nspare;
	n->capspare = old.capspare;
	for (unsigned h = 0; h < 2; h++) {
		n->ring[h] = (struct tcpnet_ring){.at = old.ring[h].at, .cap = old.ring[h].cap};
		n->mem[h] = old.mem[h];
		n->mem_bytes[h] = old.mem_bytes[h];
		n->check[h] = old.check[h];
	}
	start(n, seed, cfg);
}

void tcpnet_init(struct tcpnet *n, uint64_t seed, const struct tcp_cfg *a, const struct tcp_cfg *b)
{
	const struct tcp_cfg *cfg[2] = {a, b};

	tcpnet_init_hosts(n, seed, 1, 1, cfg);
}

void tcpnet_free(struct tcpnet *n)
{
	for (unsigned i = 0; i < n->nheap; i++)
		free(n->heap[i].bytes);
	free(n->heap);
	for (unsigned h = 0; h < n->hosts; h++) {
		struct tcpnet_ring *r = &n->ring[h];

		for (uint32_t i = 0; i < r->n; i++)
			free(r->at[(r->head + i) & (r->cap - 1)].bytes);
		free(r->at);
		free(n->mem[h]);
		tcpcheck_free(&n->check[h]);
	}
	for (uint32_t i = 0; i < n->nspare; i++)
		free(n->spare[i]);
	free(n->spare);
}

void tcpnet_both(struct tcpnet *n, const struct tcpnet_path *p)
{
	n->path[0] = n->path[1] = *p;
}

/* ---- the link's order ---------------------------------------------------------------------------------------------- */

/* Most packets of a host arrive in the order they were sent: only the others need the heap. */
static void enqueue(struct tcpnet *n, struct tcpnet_packet *p)
{
	struct tcpnet_ring *r = &n->ring[p->from];

	p->order = n->order++;
	if (p->sent && (!r->n || ring_last(r)->at <= p->at))
		ring_push(r, p);
	else
		heap_push(n, p);
}

/* The packet that is due first; *ring: where it waits (NULL: on the heap). */
static const struct tcpnet_packet *first_due(struct tcpnet *n, struct tcpnet_ring **ring)
{
	const struct tcpnet_packet *best = n->nheap ? &n->heap[0] : NULL;

	*ring = NULL;
	for (unsigned h = 0; h < n->hosts; h++) {
		struct tcpnet_ring *r = &n->ring[h];

		if (r->n && (!best || earlier(&r->at[r->head], best))) {
			best = &r->at[r->head];
			*ring = r;
		}
	}
	return best;
}

static struct tcpnet_packet take(struct tcpnet *n, struct tcpnet_ring *r)
{
	return r ? ring_take(r) : heap_pop(n);
}

/* ---- the link ------------------------------------------------------------------------------------------------------- */

static bool chance(struct tcpnet *n, double p)
{
	return p > 0 && (double)(rng_u64(&n->rng) >> 11) / 9007199254740992.0 < p;
}

static void trace(const struct tcpnet *n, const struct tcpnet_packet *p, const char *fate)
{
	const uint8_t *b = p->bytes;

	if (n->trace)
		fprintf(stderr, "%12.6f %c> %s%s%s%s seq %u ack %u len %u wnd %u opt %u %s\n",
		        (double)n->now / 1e9, 'A' + p->from, b[13] & TCP_SYN ? "S" : "",
		        b[13] & TCP_FIN ? "F" : "", b[13] & TCP_RST ? "R" : "",
		        b[13] & TCP_ACK ? "." : "", be32_load(b + 4), be32_load(b + 8),
		        p->len - (uint32_t)(b[12] >> 4) * 4, be16_load(b + 14),
		        (uint32_t)(b[12] >> 4) * 4 - TCP_HDR_BYTES, fate);
}

static void damage(struct tcpnet *n, struct tcpnet_packet *p)
{
	if (!chance(n, n->path[tcpnet_side(n, p->from)].corrupt))
		return;
	p->bytes[rng_below(&n->rng, p->len)] ^= (uint8_t)(1 + rng_below(&n->rng, 255));
	p->damaged = true;
}

static void twin(struct tcpnet *n, const struct tcpnet_packet *p, int64_t later)
{
	struct tcpnet_packet d = *p;

	d.bytes = buf_take(n);
	memcpy(d.bytes, p->bytes, p->len);
	d.at += later;
	damage(n, &d);
	enqueue(n, &d);
}

/* Why the link loses a packet; NULL: it does not. *wait, *tx: time in the queue and on the wire. */
static const char *refused(struct tcpnet *n, struct tcpnet_packet *p, int64_t *wait, int64_t *tx)
{
	unsigned side = tcpnet_side(n, p->from);
	const struct tcpnet_path *l = &n->path[side];
	uint64_t nth = n->sent[side]++;
	double backlog;

	*wait = *tx = 0;
	if ((n->filter && n->filter(n->filter_arg, p->from, nth, &p->out, p->bytes)) || l->down ||
	    (l->mtu && p->len > l->mtu) || chance(n, l->loss))
		return "LOST";
	if (l->bit_s <= 0)
		return NULL;
	*wait = n->free_at[side] > n->now ? n->free_at[side] - n->now : 0;
	*tx = (int64_t)((double)p->len * 8e9 / l->bit_s);
	backlog = (double)*wait * l->bit_s / 8e9;
	if (l->queue_bytes && backlog + p->len > l->queue_bytes)
		return "OVERFLOW";
	if (n->peak_bytes[side] < (uint64_t)backlog + p->len)
		n->peak_bytes[side] = (uint64_t)backlog + p->len;
	if (l->ecn_bytes && p->ecn != TCP_NOT_ECT && backlog + p->len > l->ecn_bytes) {
		p->ecn = TCP_CE;
		n->marked[side]++;
	}
	return NULL;
}

/* A packet leaves its host. */
static void depart(struct tcpnet *n, struct tcpnet_packet *p)
{
	unsigned side = tcpnet_side(n, p->from);
	const struct tcpnet_path *l = &n->path[side];
	const char *why;
	int64_t wait, tx;

	if (n->tap)
		n->tap(n->tap_arg, p->from, &p->out, p->bytes);
	n->bytes[side] += p->len;
	n->retransmits[side] += p->out.retransmit;
	why = refused(n, p, &wait, &tx);
	trace(n, p, why ? why : p->ecn == TCP_CE ? "MARKED" : "");
	if (why) {
		n->lost[side]++;
		buf_give(n, p->bytes);
		return;
	}
	n->free_at[side] = n->now + wait + tx;
	p->sent = true;
	p->at = n->now + wait + tx + l->delay_ns + n->extra_ns[p->from] + n->extra_ns[p->to];
	if (l->jitter_ns)
		p->at += (int64_t)rng_below(&n->rng, (uint64_t)l->jitter_ns);
	if (p->at < n->last_at[p->from] && l->jitter_ns)
		p->at = n->last_at[p->from];
	n->last_at[p->from] = p->at;
	if (chance(n, l->reorder) && l->reorder_ns)
		p->at += (int64_t)rng_below(&n->rng, (uint64_t)l->reorder_ns);
	if (chance(n, l->duplicate))
		twin(n, p, l->delay_ns / 8);
	damage(n, p);
	enqueue(n, p);
}

/* ---- running -------------------------------------------------------------------------------------------------------- */

static bool bare_ack(const uint8_t *seg, uint32_t len)
{
	return len == (uint32_t)(seg[12] >> 4) * 4 && !(seg[13] & (TCP_SYN | TCP_FIN | TCP_RST));
}

/* Takes out what a host has ready. cause: the bare ACKs in a row that led here. */
static void flush(struct tcpnet *n, unsigned h, unsigned cause)
{
	struct tcpnet_packet p = {.from = (uint8_t)h};
	unsigned guard = 0, first = tcpnet_side(n, h) ? 0 : n->left;

	while (tcp_output_pending(n->stack[h])) {
		uint8_t *b = buf_take(n);

		if (!tcp_output(n->stack[h], (struct instant){n->now}, b, n->buf_bytes, &p.out)) {
			buf_give(n, b);
			return;
		}
		REQUIRE(p.out.peer >= TCPNET_PEER && ++guard < 1000000);
		p.to = (uint8_t)(first + p.out.peer - TCPNET_PEER);
		p.bytes = b;
		p.len = p.out.len;
		p.forged = n->forged;
		p.ecn = p.out.ecn;
		p.chain = (uint16_t)(bare_ack(b, p.len) ? cause : 0);
		/* An acknowledgement that answers one that answers one ... never ends. */
		REQUIRE(p.chain < 16);
		p.sent = false;
		p.damaged = false;
		if (p.out.departure.ns > n->now) {
			p.at = p.out.departure.ns;
			enqueue(n, &p);
		} else {
			depart(n, &p);
		}
	}
}

static void arrive(struct tcpnet *n, struct tcpnet_packet *p)
{
	unsigned first = tcpnet_side(n, p->to) ? 0 : n->left;
	struct tcp_in in = {.seg = p->bytes,
	                    .len = p->len,
	                    .peer = TCPNET_PEER + p->from - first,
	                    .ecn = p->ecn,
	                    .csum_ok = !p->damaged};
	unsigned cause = !bare_ack(p->bytes, p->len) ? 0
	                 : p->forged == n->forged    ? p->chain + 1u
	                                             : 1;

	if (n->heard)
		n->heard(n->tap_arg, p->to, p->bytes, p->len);
	tcp_input(n->stack[p->to], &in, (struct instant){n->now});
	buf_give(n, p->bytes);
	/* Answers go out between arrivals, as they would. */
	flush(n, p->to, cause);
}

bool tcpnet_step(struct tcpnet *n, int64_t until)
{
	const struct tcpnet_packet *first;
	struct tcpnet_ring *ring;
	int64_t next = INT64_MAX, due[TCPNET_HOSTS];

	for (unsigned h = 0; h < n->hosts; h++)
		flush(n, h, 0);
	first = first_due(n, &ring);
	if (first)
		next = first->at;
	for (unsigned h = 0; h < n->hosts; h++) {
		due[h] = tcp_next_deadline(n->stack[h]).ns;
		next = due[h] < next ? due[h] : next;
	}
	if (next > until) {
		n->now = until > n->now ? until : n->now;
		tcpnet_check_event(n);
		return false;
	}
	if (next > n->now)
		n->now = next;
	n->events++;
	for (unsigned h = 0; h < n->hosts; h++) {
		if (due[h] > n->now)
			continue;
		tcp_advance(n->stack[h], (struct instant){n->now});
		flush(n, h, 0);
	}
	while ((first = first_due(n, &ring)) && first->at <= n->now) {
		struct tcpnet_packet p = take(n, ring);

		if (p.sent)
			arrive(n, &p);
		else
			depart(n, &p);
	}
	tcpnet_check_event(n);
	return true;
}

void tcpnet_run(struct tcpnet *n, int64_t d)
{
	int64_t until = n->now + d;

	while (tcpnet_step(n, until))
		;
}
