/* SPDX-License-Identifier: BSD-3-Clause */
/* How the attacker lies about roots of trees. */
#include "attacker.h"

#include "anchor/anchor.h"
#include "base/assert.h"

#include <string.h>

#define STALL_LIVES_S 20 /* a stalling root shows that it is alive for so long ... */
#define STALL_EVERY_S 45 /* ... and falls silent for the rest of this */
#define FLAP_S        3
#define SEQ_EVERY_S   5
#define TURN_S        5 /* root-number: each lie is told for so long */

/* What c's own code last said on a link, as the lie's frame; false: nothing yet. */
static bool ann_of(const struct captive *c, uint16_t link, struct linkmsg_ann *m)
{
	*m = c->ann[link];
	return m->ntrees > 0;
}

/* c stands right below root, which stands behind it. */
static void below(struct ann_tree *t, const struct node_id *root)
{
	bool fits;

	t->root = *root;
	t->is_parent = false;
	if (t->port == 0)
		t->port = 1;
	coords_clear(&t->coords);
	fits = coords_push(&t->coords, 1);
	COYO_ASSERT(fits);
}

/* Calls one for every link of every captured node that has spoken on it. */
static void each(struct attacker *a, void (*one)(struct attacker *a, struct captive *c,
                                                 uint16_t link, struct linkmsg_ann *m))
{
	struct linkmsg_ann m;

	for (uint32_t i = 0; i < a->ncaptives; i++)
		for (uint16_t l = 0; l < a->net->node[a->captive[i].node].nlinks; l++)
			if (ann_of(&a->captive[i], l, &m))
				one(a, &a->captive[i], l, &m);
}

/* A number in the name of another node, whose key it does not have. */
static void forge(struct attacker *a, struct captive *c, uint16_t link, uint32_t node,
                  uint64_t number)
{
	struct linkmsg_seq m = {.seq = number};

	memcpy(m.key, a->net->node[node].identity.ed_public, sizeof(m.key));
	rng_fill(&a->rng, m.sig, sizeof(m.sig));
	attacker_say_seq(a, c, link, &m);
}

/* The highest number there is, numbers a little and far ahead, in forged messages of the root, and of another node that is none and is announced. */
static void number_one(struct attacker *a, struct captive *c, uint16_t link, struct linkmsg_ann *m)
{
	const uint64_t raised[] = {UINT64_MAX, a->seq + 1000 * (uint64_t)NS_PER_S, UINT64_MAX / 2,
	                           UINT64_MAX};
	unsigned turn = (unsigned)attacker_s(a) / TURN_S % 4;
	uint32_t other = (a->first + 1) % a->net->n;

	for (unsigned t = 0; t < m->ntrees; t++) {
		m->tree[t].is_parent = false;
		if (turn == 3)
			below(&m->tree[t], &a->net->node[other].identity.id);
	}
	attacker_say_ann(a, c, link, m);
	forge(a, c, link, turn == 3 ? other : a->first, raised[turn]);
}

void roots_number(struct attacker *a)
{
	each(a, number_one);
}

/* The mined roots with one number, the number's message behind the announcement. */
static void mined_one(struct attacker *a, struct captive *c, uint16_t link, struct linkmsg_ann *m,
                      uint64_t number, bool signs)
{
	for (unsigned t = 0; t < m->ntrees && t < a->trees; t++)
		below(&m->tree[t], &a->mined[t].identity.id);
	attacker_say_ann(a, c, link, m);
	for (unsigned t = 0; signs && t < m->ntrees && t < a->trees; t++) {
		struct linkmsg_seq s = {.tree = (uint8_t)t, .seq = number};

		attacker_sign_seq(a, &a->mined[t], &s);
		attacker_say_seq(a, c, link, &s);
	}
}

static void newest_one(struct attacker *a, struct captive *c, uint16_t link, struct linkmsg_ann *m)
{
	mined_one(a, c, link, m, a->seq, true);
}

/* Announced without a message. */
static void silent_one(struct attacker *a, struct captive *c, uint16_t link, struct linkmsg_ann *m)
{
	mined_one(a, c, link, m, a->seq, false);
}

static uint64_t next_number(struct attacker *a)
{
	return a->seq = a->seq + 1 > (uint64_t)a->net->now.ns ? a->seq + 1
	                                                      : (uint64_t)a->net->now.ns;
}

/* Every other phantom can sign; the rest are mere names. */
void roots_phantom(struct attacker *a)
{
	for (unsigned t = 0; t < a->trees; t++)
		attacker_mine(a, t, a->turns % 2 == 0, &a->mined[t]);
	next_number(a);
	each(a, newest_one);
}

void roots_stall(struct attacker *a)
{
	unsigned at = (unsigned)attacker_s(a) % STALL_EVERY_S;

	if (at < STALL_LIVES_S && at % SEQ_EVERY_S == 0) {
		next_number(a);
		each(a, newest_one);
	} else {
		each(a, silent_one);
	}
}

static bool flap_here(const struct attacker *a)
{
	return (unsigned)attacker_s(a) / FLAP_S % 2 == 0;
}

static void honest_one(struct attacker *a, struct captive *c, uint16_t link, struct linkmsg_ann *m)
{
	attacker_say_ann(a, c, link, m);
}

void roots_flap(struct attacker *a)
{
	if (!flap_here(a)) {
		each(a, honest_one);
		return;
	}
	next_number(a);
	each(a, newest_one);
}

bool roots_flap_holds(const struct attacker *a)
{
	return flap_here(a);
}

/* Each link another number, far apart; which one has the highest changes. In every third turn one link in two hears of no such root. */
static void equivocate_one(struct attacker *a, struct captive *c, uint16_t link,
                           struct linkmsg_ann *m)
{
	unsigned turn = (unsigned)attacker_s(a) / TURN_S;
	uint64_t ahead = ((link + turn) % 4) * UINT64_C(1000000000000);

	if (turn % 3 == 2 && link % 2)
		attacker_say_ann(a, c, link, m);
	else
		mined_one(a, c, link, m, a->seq + ahead, true);
}

void roots_equivocate(struct attacker *a)
{
	next_number(a);
	each(a, equivocate_one);
}

/* The root that is gone, with its recorded numbers in their order, again and again. */
static void old_one(struct attacker *a, struct captive *c, uint16_t link, struct linkmsg_ann *m)
{
	const struct linkmsg_seq *old = &a->old[a->turns % a->nold];

	below(&m->tree[0], &a->net->node[a->first].identity.id);
	attacker_say_ann(a, c, link, m);
	attacker_say_seq(a, c, link, old);
}

void roots_old(struct attacker *a)
{
	if (a->nold)
		each(a, old_one);
}
