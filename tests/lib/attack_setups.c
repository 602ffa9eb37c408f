/* SPDX-License-Identifier: BSD-3-Clause */
/* Attacks by an authenticated neighbour: set-ups that nobody goes on with, and tunnels that nobody uses. */
#include "attack.h"
#include "neighbour.h"

#include "wire/hsmsg.h"
#include "wire/lspmsg.h"
#include "wire/routed.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSION_ENVELOPE \
	224 /* of a session's first message, padding included, at least what the daemon makes */
#define LABEL_FIRST 16
#define GIVE_UP_S   2.0 /* a set-up that is not answered keeps its place in the window so long */

/* The link and what came back over it. */
struct member {
	struct attack *a;
	struct neighbour n;
	struct neighbour_world world;
	struct batch batch;
	uint8_t envelope[ATTACK_POINTS][SESSION_ENVELOPE]; /* first messages of XX */
	uint64_t asked;
	uint64_t replies, errors[SETUP_PUZZLE + 1], tears;
	uint64_t open;    /* asked for and not answered, of the tunnels' window */
	double opened_at; /* when `open` last fell */
};

static void put(struct neighbour *n, const uint8_t *f, size_t len)
{
	struct member *m = n->world->owner;

	(void)!sendto(n->fd, f, len, 0, (struct sockaddr *)&m->a->o.to, sizeof(m->a->o.to));
}

static void settled(struct member *m, double t)
{
	m->open -= m->open > 0;
	m->opened_at = t;
}

static void message(struct neighbour *n, const struct linkmsg_head *h, struct rd *body)
{
	struct member *m = n->world->owner;
	struct linkmsg_error e;

	if (h->type == LINKMSG_ERROR && linkmsg_error_read(body, &e)) {
		m->errors[e.code <= SETUP_PUZZLE ? e.code : 0]++;
		settled(m, attack_now());
	}
	m->tears += h->type == LINKMSG_TEAR; /* never answered */
}

static void packet(struct neighbour *n, const uint8_t *p, size_t len)
{
	struct member *m = n->world->owner;
	struct rd r = rd_init(p, len);
	struct routed_header h;
	uint32_t label;
	uint8_t ttl;

	if (!control_stack_read(&r, &label, &ttl) || ach_read(&r) != ACH_ROUTED ||
	    !routed_header_read(&r, &h) || h.next != NEXT_REPLY)
		return;
	m->replies++;
	settled(m, attack_now());
}

/* First messages are not bound to the claimed id, so that they are made once. */
static void envelopes(struct member *m)
{
	static const struct hs_payload clear = {
	        .tx_lanes = 1, .caps = HS_CAP_CHACHA | HS_CAP_TRANSIT, .mtu = 1200};
	uint8_t msg[32 + HS_PAYLOAD_MAX];
	size_t len = hs_payload_write(&clear, msg + 32, HS_PAYLOAD_MAX);

	for (unsigned i = 0; i < ATTACK_POINTS; i++) {
		uint8_t *e = m->envelope[i];

		memcpy(msg, m->a->point[i], 32);
		if (!hs_envelope_write(msg, 32 + len, SESSION_ENVELOPE, e, SESSION_ENVELOPE))
			abort();
		cookie_mac1(&m->a->o.dst, e, SESSION_ENVELOPE - HS_MACS_BYTES,
		            e + SESSION_ENVELOPE - HS_MACS_BYTES);
	}
}

/* The id that set-up number k claims. */
static void claimed(const struct attack *a, uint64_t k, struct node_id *out)
{
	uint64_t x = a->o.count ? k % a->o.count : k;

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < 4; i++) { /* spread over the id space: SplitMix64 */
		uint64_t z = (x * 4 + i + 1) * UINT64_C(0x9E3779B97F4A7C15);

		z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
		z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
		be64_store(out->b + 8 * i, z ^ z >> 31);
	}
}

static void ask(struct member *m, uint8_t flags)
{
	struct setup_msg s = {.flags = flags,
	                      .mtu = 1200,
	                      .nonce = rng_u64(&m->a->rng),
	                      .reverse_label = LABEL_FIRST + (uint32_t)(m->asked % 1000000)};
	uint8_t p[CONTROL_PACKET_MAX];
	struct node_id src;
	size_t len;

	claimed(m->a, m->asked, &src);
	if (!(flags & SETUP_FLAG_FINGER)) {
		s.envelope = m->envelope[m->asked % ATTACK_POINTS];
		s.envelope_len = SESSION_ENVELOPE;
	}
	m->asked++;
	len = attack_setup(m->a, &src, &s, p, sizeof(p));
	batch_add(&m->batch, neighbour_seal(&m->n, p, len, batch_frame(&m->batch)), &m->a->o.to,
	          NULL);
}

static void report(struct member *m, double t)
{
	printf("{\"t\":%.1f,\"up\":%d,\"asked\":%llu,\"replies\":%llu,\"tears\":%llu,\"rekeys\":%"
	       "llu,\"bad\":%llu,"
	       "\"cpu_s\":%.2f,\"errors\":{\"dead_end\":%llu,\"too_far\":%llu,\"no_label\":%llu,"
	       "\"refused\":%llu,"
	       "\"busy\":%llu,\"no_transit\":%llu,\"puzzle\":%llu}}\n",
	       t - m->a->since, m->n.up, (unsigned long long)m->asked,
	       (unsigned long long)m->replies, (unsigned long long)m->tears,
	       (unsigned long long)m->world.rekeys, (unsigned long long)m->world.bad, attack_cpu(),
	       (unsigned long long)m->errors[1], (unsigned long long)m->errors[2],
	       (unsigned long long)m->errors[3], (unsigned long long)m->errors[4],
	       (unsigned long long)m->errors[5], (unsigned long long)m->errors[6],
	       (unsigned long long)m->errors[SETUP_PUZZLE]);
	fflush(stdout);
}

static void receive(struct member *m, int wait_ms, double t)
{
	struct pollfd p = {.fd = m->n.fd, .events = POLLIN};
	uint8_t f[NEIGHBOUR_FRAME_MAX];
	ssize_t len;

	if (poll(&p, 1, wait_ms) <= 0)
		return;
	for (unsigned i = 0; i < 4096 && (len = recv(m->n.fd, f, sizeof(f), MSG_DONTWAIT)) > 0; i++)
		neighbour_receive(&m->n, f, (size_t)len, t);
}

static void run(struct attack *a, uint8_t flags, uint64_t window)
{
	static struct member m;
	double t = attack_now(), told = t, talk = t;
	bool was_up = false;
	struct pace pace;

	m.a = a;
	m.world = (struct neighbour_world){.rng = &a->rng,
	                                   .network = a->o.network,
	                                   .owner = &m,
	                                   .put = put,
	                                   .message = message,
	                                   .packet = packet};
	m.batch.fd = attack_socket(&a->o.from, false);
	if (neighbour_init(&m.n, &m.world, m.batch.fd) != 0)
		abort();
	envelopes(&m);
	while (!attack_stop && t - a->since < a->o.seconds) {
		receive(&m, 1, t);
		t = attack_now();
		if (!m.n.up && t >= m.n.again_at)
			neighbour_begin(&m.n, t);
		if (m.n.up && !was_up)
			pace_begin(&pace, a->o.rate, t);
		was_up = m.n.up;
		if (window && m.open && t - m.opened_at > GIVE_UP_S) {
			m.open = 0;
			m.opened_at = t;
		}
		for (unsigned due = was_up ? pace_due(&pace, t) : 0; due > 0; due--) {
			if (window && m.open >= window)
				break;
			m.open += window > 0;
			ask(&m, flags);
		}
		batch_flush(&m.batch);
		if (m.n.up && t - talk > 1) {
			neighbour_hello(&m.n, true, t);
			talk = t;
		}
		if (t - told >= 0.5) {
			report(&m, t);
			told = t;
		}
	}
	report(&m, t);
}

void attack_setups(struct attack *a)
{
	run(a, 0, 0);
}

void attack_tunnels(struct attack *a)
{
	run(a, SETUP_FLAG_FINGER, a->o.window);
}
