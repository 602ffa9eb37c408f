/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks for puzzles when there is load, and checks solutions: nothing is kept of whom was asked, and a solution is good once. */
#include "endpoint/puzzle.h"

#include "base/be.h"
#include "crypto/cookie.h"
#include "endpoint/handshake.h"
#include "endpoint/session.h"

#include <string.h>

#define USED_SLOTS  4096
#define USED_MOST   3072 /* solutions of one generation of the secret; then comes another */
#define BITS_LEAST  12
#define BITS_MOST   18
#define BITS_WINDOW (2 * NS_PER_S)

/* What a puzzle is asked for: this message by this claimed id. */
static void subject_of(const struct lsp *l, const struct setup_msg *m,
                       const struct hs_envelope *env, uint8_t out[COOKIE_MAC_BYTES + ID_BYTES])
{
	/* mac1 is a hash of the message. */
	memcpy(out, m->envelope + env->mac1_at, COOKIE_MAC_BYTES);
	memcpy(out + COOKIE_MAC_BYTES, l->src.b, ID_BYTES);
}

/* The current generation of the puzzles' secret; with a new one the solutions of the one before the last are forgotten. */
static uint32_t generation(struct node *n)
{
	struct puzzles *z = &n->sessions->puzzles;
	uint32_t before = z->secret.generation;
	uint32_t g;

	if (z->nused >= USED_MOST)
		secret_advance(&z->secret, &n->cfg.rng, n->now);
	g = secret_renew(&z->secret, &n->cfg.rng, n->now);
	if (g != before) {
		z->nused = 0;
		if (z->used)
			memset(z->used + (g & 1) * USED_SLOTS, 0, USED_SLOTS * sizeof(z->used[0]));
	}
	return g;
}

/* The slot of a solution in the set of a generation: its own, or a free one (0). */
static uint64_t *slot(const struct puzzles *z, uint32_t g, uint64_t key)
{
	uint64_t *set = z->used + (g & 1) * USED_SLOTS;
	uint32_t at = (uint32_t)key % USED_SLOTS;

	while (set[at] && set[at] != key)
		at = (at + 1) % USED_SLOTS;
	return &set[at];
}

/* Whether the solution with this seed comes for the first time, which is noted. */
static bool first_use(struct node *n, const uint8_t seed[32])
{
	struct puzzles *z = &n->sessions->puzzles;
	uint64_t key = be64_load(seed) | 1;
	uint64_t *mine;

	if (!z->used)
		z->used = ctx_alloc(n, 2 * USED_SLOTS * sizeof(z->used[0]));
	if (!z->used || *slot(z, z->secret.generation - 1, key))
		return false;
	mine = slot(z, z->secret.generation, key);
	if (*mine)
		return false;
	*mine = key;
	z->nused++;
	return true;
}

void puzzle_of_setup(const struct puzzle *p, const struct lsp *l, uint64_t nonce, uint8_t seed[32])
{
	uint8_t name[2 * ID_BYTES + 8];

	memcpy(name, l->src.b, ID_BYTES);
	memcpy(name + ID_BYTES, l->dst.b, ID_BYTES);
	be64_store(name + 2 * ID_BYTES, nonce);
	puzzle_seed(p, name, sizeof(name), seed);
}

static bool right(struct node *n, const struct lsp *l, const struct setup_msg *m,
                  const struct hs_envelope *env, const uint8_t mac2[COOKIE_MAC_BYTES])
{
	uint8_t subject[COOKIE_MAC_BYTES + ID_BYTES], seed[32];
	struct puzzle p = {.bits = mac2[0]};

	memcpy(p.nonce, mac2 + 1, PUZZLE_NONCE_BYTES);
	subject_of(l, m, env, subject);
	if (!puzzle_ours(&n->sessions->puzzles.secret, &p, subject, sizeof(subject)))
		return false;
	puzzle_of_setup(&p, l, l->nonce, seed);
	return puzzle_solved(seed, p.bits, be64_load(mac2 + 8)) && first_use(n, seed);
}

enum puzzle_verdict puzzle_judge(struct node *n, const struct lsp *l, const struct setup_msg *m,
                                 const struct hs_envelope *env)
{
	static const uint8_t none[COOKIE_MAC_BYTES];
	const uint8_t *mac2 = m->envelope + env->mac1_at + COOKIE_MAC_BYTES;
	struct puzzles *z = &n->sessions->puzzles;

	if (memcmp(mac2, none, sizeof(none)) != 0) {
		(void)generation(n);
		if (right(n, l, m, env, mac2)) {
			count(n, CTR_PUZZLE_SOLVED);
			return PUZZLE_RIGHT;
		}
		count(n, CTR_PUZZLE_WRONG);
		return PUZZLE_NEEDED;
	}
	return unproven_of_link(n, l->up->link) < UNPROVEN_MAX / 4 &&
	                       fair_take(&z->free, &l->up->free_share, n->now)
	               ? PUZZLE_FREE
	               : PUZZLE_NEEDED;
}

/* How hard the next puzzle is: a bit more after each window in which solved ones were too many, a bit less after each other. */
static uint8_t bits_now(struct node *n)
{
	struct puzzles *z = &n->sessions->puzzles;
	int64_t since = instant_sub(n->now, z->bits_at);

	if (z->bits == 0 || since >= BITS_WINDOW * (BITS_MOST - BITS_LEAST + 1))
		z->bits = BITS_LEAST;
	else if (since < BITS_WINDOW)
		return z->bits;
	else if (z->pressed && z->bits < BITS_MOST)
		z->bits++;
	else if (!z->pressed && z->bits > BITS_LEAST)
		z->bits--;
	z->bits_at = n->now;
	z->pressed = false;
	return z->bits;
}

void puzzle_pressed(struct node *n)
{
	n->sessions->puzzles.pressed = true;
}

void puzzle_ask(struct node *n, struct lsp *l, const struct setup_msg *m,
                const struct hs_envelope *env)
{
	uint8_t subject[COOKIE_MAC_BYTES + ID_BYTES];
	struct puzzle p;

	subject_of(l, m, env, subject);
	count(n, CTR_PUZZLE_ASKED);
	if (puzzle_make(&n->sessions->puzzles.secret, generation(n), bits_now(n), subject,
	                sizeof(subject), &p) != 0) {
		lsp_refuse(n, l, SETUP_BUSY);
		return;
	}
	lsp_send_error(n, l, SETUP_PUZZLE, (uint32_t)p.bits << 24 | (be32_load(p.nonce) >> 8),
	               be32_load(p.nonce + 3));
	lsp_destroy(n, l);
}
