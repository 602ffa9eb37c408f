/* SPDX-License-Identifier: BSD-3-Clause */
/* Many honest nodes behind one link, each with a session of its own to one daemon; when that starts anew all of them come again. It is no
 * attack, but what a daemon with many sessions meets after a restart. */
#include "attack.h"
#include "neighbour.h"

#include "base/be.h"
#include "crypto/puzzle.h"
#include "wire/hsmsg.h"
#include "wire/lspmsg.h"
#include "wire/routed.h"
#include "wire/tunnel.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENVELOPE    192 /* of a session's first message, padding included */
#define LABEL_FIRST 16
#define AGAIN_S     0.5  /* a set-up or third message is not answered */
#define SILENCE_S   1.0  /* of the daemon: then the link is down */
#define HELLO_S     0.25 /* between hellos */
/* Each node has a processor of its own in life, and solves in milliseconds; here they share one. Whose puzzle has no place asks again later, in
 * the hope of an answer without one: some of them, so that asking does not take the time for solving. */
#define SOLVING_MAX 64
#define ASK_RATE    2000 /* set-ups/s */
#define LOOK        256  /* nodes that one turn looks at */
#define SLICE       1024 /* hashes */

enum far_state { FAR_IDLE, FAR_ASKED, FAR_SOLVING, FAR_THIRD, FAR_UP };

/* One node, at the far end of a session. */
struct far {
	struct identity me;
	struct noise noise;
	enum far_state state;
	uint64_t nonce;
	double at; /* the last message */
	uint32_t label;
	uint8_t phase;
	/* The third packet: the first message again, for who answered it has kept nothing, and the third. */
	uint8_t third[2 + 2 * NOISE_MESSAGE_MAX];
	uint16_t third_len;
	uint8_t secret[32]; /* of what the daemon seals */
	/* Asked for by the daemon, for the same first message again. */
	struct puzzle puzzle;
	uint8_t seed[32];
	uint64_t solution; /* or the next one to be tried */
};

struct crowd {
	struct attack *a;
	struct neighbour n;
	struct neighbour_world world;
	struct batch batch;
	struct far *far;
	uint64_t in[FAR_UP + 1]; /* how many are in each state */
	uint64_t asked, busy, puzzles, solved, restarts;
	unsigned next;
	struct pace asks;
	struct far *solving[SOLVING_MAX]; /* in[FAR_SOLVING] of them, from `head` on */
	unsigned head;
	double down_at, all_up_s; /* how long it took until all were back, from the first silence */
};

static void put(struct neighbour *n, const uint8_t *f, size_t len)
{
	struct crowd *c = n->world->owner;

	(void)!sendto(n->fd, f, len, 0, (struct sockaddr *)&c->a->o.to, sizeof(c->a->o.to));
}

static void enter(struct crowd *c, struct far *f, enum far_state state, double t)
{
	c->in[f->state]--;
	c->in[state]++;
	f->state = state;
	f->at = t;
}

static void send_packet(struct crowd *c, const uint8_t *p, size_t len)
{
	batch_add(&c->batch, neighbour_seal(&c->n, p, len, batch_frame(&c->batch)), &c->a->o.to,
	          NULL);
}

/* The first message of XX. */
static bool first(struct crowd *c, struct far *f)
{
	struct hs_payload p = {.tx_lanes = 1, .caps = HS_CAP_CHACHA | HS_CAP_TRANSIT, .mtu = 1100};
	uint8_t prologue[HS_PROLOGUE_MAX], payload[HS_PAYLOAD_MAX], msg[NOISE_MESSAGE_MAX];
	size_t len =
	        hs_prologue(c->a->o.network, HS_CONTEXT_SESSION, &f->me.id, &c->a->o.dst, prologue);

	if (noise_init(&f->noise, NOISE_XX, true, prologue, len, f->me.x_secret, f->me.x_public,
	               NULL, &c->a->rng) != 0)
		return false;
	len = hs_payload_write(&p, payload, sizeof(payload));
	if (noise_write(&f->noise, payload, len, msg, sizeof(msg), &len) != 0)
		return false;
	be16_store(f->third, (uint16_t)len);
	memcpy(f->third + 2, msg, len);
	f->third_len = (uint16_t)(2 + len);
	return true;
}

/* It as the envelope of a set-up, with the solution of a puzzle where one was asked for. */
static void envelope(const struct crowd *c, const struct far *f, uint8_t env[ENVELOPE])
{
	uint8_t *mac1 = env + ENVELOPE - HS_MACS_BYTES, *mac2 = mac1 + COOKIE_MAC_BYTES;

	if (!hs_envelope_write(f->third + 2, be16_load(f->third), ENVELOPE, env, ENVELOPE))
		abort();
	cookie_mac1(&c->a->o.dst, env, ENVELOPE - HS_MACS_BYTES, mac1);
	if (f->state != FAR_SOLVING)
		return;
	mac2[0] = f->puzzle.bits;
	memcpy(mac2 + 1, f->puzzle.nonce, PUZZLE_NONCE_BYTES);
	be64_store(mac2 + 8, f->solution);
}

/* The set-up with f->nonce. */
static void send_setup(struct crowd *c, struct far *f, double t)
{
	uint32_t i = (uint32_t)(f - c->far);
	uint8_t env[ENVELOPE], p[CONTROL_PACKET_MAX];
	struct setup_msg s = {.mtu = 1200,
	                      .reverse_label = LABEL_FIRST + i,
	                      .envelope = env,
	                      .envelope_len = ENVELOPE};

	envelope(c, f, env);
	s.nonce = f->nonce;
	send_packet(c, p, attack_setup(c->a, &f->me.id, &s, p, sizeof(p)));
	c->asked++;
	enter(c, f, FAR_ASKED, t);
}

static uint64_t setup_nonce(struct crowd *c, const struct far *f)
{
	return rng_u64(&c->a->rng) << 32 | (uint32_t)(f - c->far);
}

static void ask(struct crowd *c, struct far *f, double t)
{
	enter(c, f, FAR_IDLE, t);
	if (!first(c, f))
		return;
	f->nonce = setup_nonce(c, f);
	send_setup(c, f, t);
}

/* PROTOCOL.md 3.5. */
static void puzzle(struct crowd *c, struct far *f, const struct linkmsg_error *e, double t)
{
	uint8_t word[8], name[2 * ID_BYTES + 8];

	be32_store(word, e->tag_from);
	be32_store(word + 4, e->tag_to);
	c->puzzles++;
	if (word[0] == 0 || word[0] > PUZZLE_BITS_MAX || c->in[FAR_SOLVING] == SOLVING_MAX) {
		enter(c, f, FAR_IDLE, t);
		return;
	}
	f->puzzle.bits = word[0];
	memcpy(f->puzzle.nonce, word + 1, PUZZLE_NONCE_BYTES);
	f->nonce = setup_nonce(c, f); /* of the next set-up, which the solution is good for */
	memcpy(name, f->me.id.b, ID_BYTES);
	memcpy(name + ID_BYTES, c->a->o.dst.b, ID_BYTES);
	be64_store(name + 2 * ID_BYTES, f->nonce);
	puzzle_seed(&f->puzzle, name, sizeof(name), f->seed);
	f->solution = 0;
	c->solving[(c->head + c->in[FAR_SOLVING]) % SOLVING_MAX] = f;
	enter(c, f, FAR_SOLVING, t);
}

/* The next slice of the oldest puzzle. */
static void solve(struct crowd *c, double t)
{
	struct far *f = c->solving[c->head];

	if (c->in[FAR_SOLVING] == 0 || !puzzle_search(f->seed, f->puzzle.bits, &f->solution, SLICE))
		return;
	c->head = (c->head + 1) % SOLVING_MAX;
	c->solved++;
	send_setup(c, f, t);
}

static void send_third(struct crowd *c, struct far *f, double t)
{
	struct tunnel_header h = {.type = TUNNEL_HANDSHAKE, .counter = 3};
	uint8_t p[LSE_BYTES + TUNNEL_HEADER_BYTES + sizeof(f->third)];

	be32_store(p, lse_make(f->label, TC_CONTROL, true, TTL_START));
	tunnel_header_put(p + LSE_BYTES, &h, TUNNEL_HEADER_BYTES + f->third_len);
	memcpy(p + LSE_BYTES + TUNNEL_HEADER_BYTES, f->third, f->third_len);
	send_packet(c, p, LSE_BYTES + TUNNEL_HEADER_BYTES + f->third_len);
	enter(c, f, FAR_THIRD, t);
}

/* The second message: keys exist, and the third is to be sent. */
static bool second(struct crowd *c, struct far *f, const struct reply_msg *m)
{
	struct hs_payload p = {.tx_lanes = 1, .caps = HS_CAP_CHACHA | HS_CAP_TRANSIT, .mtu = 1100},
	                  remote;
	uint8_t payload[NOISE_MESSAGE_MAX], mine[HS_PAYLOAD_MAX], tx[32];
	struct hs_envelope e;
	size_t len;

	if (!hs_envelope_read(m->envelope, m->envelope_len, &e) || e.noise_len > sizeof(payload) ||
	    noise_read(&f->noise, e.noise, e.noise_len, payload, &len) != 0 ||
	    !hs_payload_read(payload, len, &remote))
		return false;
	memcpy(p.key, f->me.ed_public, sizeof(p.key));
	p.epoch = HS_EPOCH(1, 0);
	len = hs_payload_write(&p, mine, sizeof(mine));
	if (noise_write(&f->noise, mine, len, f->third + f->third_len, NOISE_MESSAGE_MAX, &len) !=
	    0)
		return false;
	f->third_len = (uint16_t)(f->third_len + len);
	noise_split(&f->noise, tx, f->secret);
	f->phase = HS_PHASE(remote.epoch);
	f->label = m->forward_label;
	return true;
}

static void reply(struct crowd *c, struct rd *r, double t)
{
	struct reply_msg m;
	struct far *f;

	if (!reply_read(r, &m) || (uint32_t)m.nonce >= c->a->o.count)
		return;
	f = &c->far[(uint32_t)m.nonce];
	if (f->state == FAR_ASKED && f->nonce == m.nonce && second(c, f, &m))
		send_third(c, f, t);
}

/* What the daemon seals shows that it holds the keys. */
static void sealed(struct crowd *c, const uint8_t *p, size_t len, double t)
{
	uint8_t lane[32], out[NEIGHBOUR_FRAME_MAX];
	struct tunnel_header h;
	struct aead_op op;
	struct aead_key key;
	uint32_t i = lse_label(be32_load(p)) - LABEL_FIRST;
	size_t total;

	if (i >= c->a->o.count || c->far[i].state != FAR_THIRD ||
	    !tunnel_header_get(p + LSE_BYTES, len - LSE_BYTES, &h, &total) ||
	    h.type != TUNNEL_OAM || h.phase != c->far[i].phase ||
	    total < TUNNEL_HEADER_BYTES + AEAD_TAG_BYTES)
		return;
	noise_lane_key(c->far[i].secret, 0, lane);
	if (aead_key_init(&key, AEAD_CHACHA20_POLY1305, lane) != 0)
		abort();
	op = (struct aead_op){.in = p + LSE_BYTES + TUNNEL_HEADER_BYTES,
	                      .out = out,
	                      .aad = p + LSE_BYTES,
	                      .counter = h.counter,
	                      .len = (uint32_t)(total - TUNNEL_HEADER_BYTES),
	                      .aad_len = TUNNEL_HEADER_BYTES};
	aead_open_burst(&key, &op, 1);
	if (op.ok)
		enter(c, &c->far[i], FAR_UP, t);
}

static void message(struct neighbour *n, const struct linkmsg_head *h, struct rd *body)
{
	struct crowd *c = n->world->owner;
	struct linkmsg_error e;
	struct far *f;

	if (h->type != LINKMSG_ERROR || !linkmsg_error_read(body, &e) ||
	    (uint32_t)e.nonce >= c->a->o.count)
		return;
	f = &c->far[(uint32_t)e.nonce];
	if (f->state != FAR_ASKED || f->nonce != e.nonce)
		return;
	if (e.code == SETUP_PUZZLE)
		puzzle(c, f, &e, attack_now());
	else
		c->busy++;
}

static void packet(struct neighbour *n, const uint8_t *p, size_t len)
{
	struct crowd *c = n->world->owner;
	struct rd r = rd_init(p, len);
	struct routed_header h;
	uint32_t label;
	uint8_t ttl;

	if (!control_stack_read(&r, &label, &ttl)) {
		if (len > LSE_BYTES)
			sealed(c, p, len, attack_now());
	} else if (ach_read(&r) == ACH_ROUTED && routed_header_read(&r, &h) &&
	           h.next == NEXT_REPLY) {
		reply(c, &r, attack_now());
	}
}

static void report(struct crowd *c, double t)
{
	printf("{\"t\":%.1f,\"link\":%d,\"up\":%llu,\"asked\":%llu,\"busy\":%llu,\"puzzles\":%llu,"
	       "\"solved\":%llu,"
	       "\"restarts\":%llu,"
	       "\"all_up_s\":%.2f,\"cpu_s\":%.2f}\n",
	       t - c->a->since, c->n.up, (unsigned long long)c->in[FAR_UP],
	       (unsigned long long)c->asked, (unsigned long long)c->busy,
	       (unsigned long long)c->puzzles, (unsigned long long)c->solved,
	       (unsigned long long)c->restarts, c->all_up_s, attack_cpu());
	fflush(stdout);
}

/* Each that waits for an answer repeats; others ask, as many at once as the window allows. */
static void step(struct crowd *c, double t)
{
	struct pollfd p = {.fd = c->n.fd, .events = POLLIN};
	unsigned due = pace_due(&c->asks, t);

	for (unsigned k = 0; k < LOOK; k++) {
		struct far *f = &c->far[c->next];
		bool late = t - f->at > AGAIN_S;

		c->next = (c->next + 1) % c->a->o.count;
		if (f->state == FAR_THIRD && late) {
			send_third(c, f, t);
		} else if (due > 0 && ((f->state == FAR_ASKED && late) ||
		                       (f->state == FAR_IDLE &&
		                        c->in[FAR_ASKED] + c->in[FAR_THIRD] < c->a->o.window))) {
			ask(c, f, t);
			due--;
		} else {
			continue;
		}
		if (poll(&p, 1, 0) > 0) /* answers first */
			break;
	}
	c->asks.owed += due;
	solve(c, t);
	batch_flush(&c->batch);
	if (c->in[FAR_UP] == c->a->o.count && c->down_at > 0) {
		c->all_up_s = t - c->down_at;
		c->down_at = 0;
	}
}

/* The daemon is gone, and all sessions with it. */
static void lost(struct crowd *c, double t)
{
	c->n.up = false;
	c->n.again_at = t;
	c->down_at = c->n.heard_at;
	c->restarts++;
	for (unsigned i = 0; i < c->a->o.count; i++)
		enter(c, &c->far[i], FAR_IDLE, t);
}

static void receive(struct crowd *c, double t)
{
	struct pollfd p = {.fd = c->n.fd, .events = POLLIN};
	uint8_t f[NEIGHBOUR_FRAME_MAX];
	ssize_t len;

	if (poll(&p, 1, c->in[FAR_SOLVING] == 0) <= 0)
		return;
	for (unsigned i = 0; i < 64 && (len = recv(c->n.fd, f, sizeof(f), MSG_DONTWAIT)) > 0; i++)
		neighbour_receive(&c->n, f, (size_t)len, t);
}

void attack_sessions(struct attack *a)
{
	static struct crowd c;
	double t = attack_now(), told = t, talk = t;

	c.a = a;
	c.world = (struct neighbour_world){.rng = &a->rng,
	                                   .network = a->o.network,
	                                   .owner = &c,
	                                   .put = put,
	                                   .message = message,
	                                   .packet = packet};
	c.batch.fd = attack_socket(&a->o.from, false);
	c.far = calloc(a->o.count, sizeof(*c.far));
	if (!c.far || neighbour_init(&c.n, &c.world, c.batch.fd) != 0)
		abort();
	for (unsigned i = 0; i < a->o.count; i++)
		if (identity_generate(&c.far[i].me, &a->rng) != 0)
			abort();
	c.in[FAR_IDLE] = a->o.count;
	pace_begin(&c.asks, ASK_RATE, t);
	c.down_at = t;
	while (!attack_stop && t - a->since < a->o.seconds) {
		receive(&c, t);
		t = attack_now();
		if (c.n.up && t - c.n.heard_at > SILENCE_S)
			lost(&c, t);
		if (!c.n.up && t >= c.n.again_at) {
			neighbour_begin(&c.n, t);
			c.n.again_at = t + HELLO_S;
		}
		if (c.n.up)
			step(&c, t);
		if (c.n.up && t - talk > HELLO_S) {
			neighbour_hello(&c.n, true, t);
			talk = t;
		}
		if (t - told >= 0.2) {
			report(&c, t);
			told = t;
		}
	}
	report(&c, t);
}
