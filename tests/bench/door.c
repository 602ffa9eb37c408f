/* SPDX-License-Identifier: BSD-3-Clause */
/* coyobench door: what a worker pays for one first message of a stranger, by what the door says to it, beside one Diffie-Hellman, of which an
 * answer by the control plane takes four. */
#include "base/time.h"
#include "bench.h"
#include "seal/door.h"
#include "wire/hsmsg.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define FRAME    (LINK_HEADER_BYTES + HS1_ENVELOPE)
#define MAC1     (FRAME - HS_MACS_BYTES)
#define SOURCES  1024
#define RUNS_MAX 15

struct bed {
	struct door d;
	struct door_link l;
	uint8_t f[SOURCES][FRAME];
	struct door_source from[SOURCES];
};

enum kind { NOISE, NO_MAC2, BAD_MAC2, GOOD_MAC2 };

static const struct node_id me = {{1}};
static const struct instant began = {.ns = 1000 * NS_PER_S};

/* A first message for each source, and its mac2. */
static void fill(struct bed *b, enum kind kind)
{
	const uint8_t key[32] = {1};
	uint8_t name[COOKIE_SOURCE_BYTES], cookie[COOKIE_BYTES];
	struct link_header h = {.type = LINK_HS1, .length = HS1_ENVELOPE};

	memset(b, 0, sizeof(*b));
	door_init(&b->d, key, &me, 0);
	door_link_init(&b->l);
	for (unsigned i = 0; i < SOURCES; i++) {
		struct door_source *s = &b->from[i];
		uint8_t *f = b->f[i];

		*s = (struct door_source){.family = 4, .port = 7};
		be32_store(s->addr, i << 8);
		link_header_put(f, &h);
		if (kind != NOISE)
			cookie_mac1(&me, f, MAC1, f + MAC1);
		if (kind == BAD_MAC2)
			f[FRAME - 1] = 1;
		if (kind != GOOD_MAC2)
			continue;
		cookie_source(s->link, s->addr, s->port, s->mac, name);
		cookie_make(&b->d.jar, began, name, sizeof(name), cookie);
		cookie_mac2(cookie, f, MAC1 + COOKIE_MAC_BYTES, f + MAC1 + COOKIE_MAC_BYTES);
	}
}

/* Judges frames, 10 000 of them in a second of its own time, and answers those that get a cookie. ns for each. */
static double judged(struct bed *b, double seconds)
{
	int64_t since = cpu_ns(), most = (int64_t)(seconds * 1e9);
	struct instant now = began;
	unsigned n = 0;

	do {
		for (unsigned k = 0; k < SOURCES; k++, n++) {
			uint8_t out[DOOR_ANSWER_BYTES];
			struct link_header h;
			enum door_verdict v;

			if (!link_header_get(b->f[k], FRAME, &h))
				abort();
			v = door_judge(&b->d, &b->l, now, &b->from[k], b->f[k], &h);
			if (v == DOOR_COOKIE || v == DOOR_MAC2)
				door_answer(&b->d, now, &b->from[k], b->f[k], &h, out);
			now.ns += NS_PER_S / 10000;
			if (now.ns >= began.ns + 100 * NS_PER_S) /* in the secret's time */
				now = began;
		}
	} while (cpu_ns() - since < most);
	return (double)(cpu_ns() - since) / n;
}

static double reference(double seconds)
{
	int64_t since = cpu_ns(), most = (int64_t)(seconds * 1e9);
	uint8_t secret[32] = {9}, point[32];
	unsigned n = 0;

	if (crypto_scalarmult_base(point, secret) != 0)
		abort();
	do {
		if (crypto_scalarmult(point, secret, point) != 0)
			abort();
		n++;
	} while (cpu_ns() - since < most);
	return (double)(cpu_ns() - since) / n;
}

int mode_door(const struct bench_opts *o, struct report *r)
{
	static const char *const names[] = {"noise", "no_mac2", "bad_mac2", "good_mac2"};
	struct bed *b = malloc(sizeof(*b));

	if (!b || sodium_init() < 0)
		bench_die("out of memory");
	for (unsigned kind = NOISE; kind <= GOOD_MAC2; kind++) {
		double ns[RUNS_MAX], dh[RUNS_MAX];
		struct row *row;

		if (!bench_wanted(o, names[kind]))
			continue;
		for (unsigned i = 0; i < o->runs; i++) {
			fill(b, (enum kind)kind);
			ns[i] = judged(b, o->seconds / 2);
			dh[i] = reference(o->seconds / 2);
		}
		row = report_row(r, names[kind]);
		row_number(row, "ns", median(ns, o->runs));
		row_number(row, "dh_ns", median(dh, o->runs));
	}
	free(b);
	return 0;
}
