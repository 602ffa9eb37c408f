/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose word counts: the keys that this node has in common with others, the rate at which it computes new ones, and tokens that prove a
 * place. */
#include "kad/kad.h"

#include "base/assert.h"
#include "peer/peer.h"

#include <sodium.h>
#include <string.h>

/* A second, for all neighbours together: 5 % of a core. */
#define KEYS_RATE 500

void trust_init(struct trust *t, const struct rng *rng)
{
	uint8_t key[32];

	fair_init(&t->rate, KEYS_RATE);
	rng_fill(rng, key, sizeof(key));
	cookie_jar_init(&t->jar, key);
	sodium_memzero(key, sizeof(key));
}

void trust_wipe(struct trust *t)
{
	sodium_memzero(t, sizeof(*t));
}

bool trust_afford(struct node *n, struct peer *from)
{
	if (fair_take(&n->kad->trust.rate, &from->key_share, n->now))
		return true;
	count(n, CTR_KAD_DH_RATE);
	return false;
}

static struct stranger *stranger_find(struct trust *t, const struct node_id *id)
{
	for (unsigned i = 0; i < STRANGERS; i++)
		if (t->stranger[i].known && id_eq(&t->stranger[i].id, id))
			return &t->stranger[i];
	return NULL;
}

const uint8_t *trust_known(struct node *n, const struct node_id *id)
{
	struct contact *c = contact_find(n->contacts, id);
	struct stranger *s;

	if (c && c->paired)
		return c->pair;
	s = stranger_find(&n->kad->trust, id);
	return s ? s->pair : NULL;
}

void trust_keep(struct node *n, struct contact *c)
{
	struct stranger *s = stranger_find(&n->kad->trust, &c->id);

	if (!s)
		return;
	if (!c->paired)
		memcpy(c->pair, s->pair, sizeof(c->pair));
	c->paired = true;
	sodium_memzero(s, sizeof(*s));
}

const uint8_t *trust_key(struct node *n, struct peer *from, const struct node_id *id,
                         const uint8_t ed[32])
{
	const uint8_t *known = trust_known(n, id);
	struct trust *t = &n->kad->trust;
	struct contact *c;
	struct stranger *s;
	uint8_t key[32];

	if (known)
		return known;
	if (!trust_afford(n, from))
		return NULL;
	count(n, CTR_KAD_DH);
	if (n->ops->pair_key(n->cfg.identity, ed, key) != 0)
		return NULL;
	c = contact_find(n->contacts, id);
	if (c) {
		memcpy(c->pair, key, sizeof(c->pair));
		c->paired = true;
		sodium_memzero(key, sizeof(key));
		return c->pair;
	}
	/* The oldest stranger's gives way. */
	s = &t->stranger[t->next];
	t->next = (t->next + 1) % STRANGERS;
	s->known = true;
	s->id = *id;
	memcpy(s->pair, key, sizeof(s->pair));
	sodium_memzero(key, sizeof(key));
	return s->pair;
}

bool trust_mac_holds(const struct node *n, const uint8_t *key, const struct node_id *from,
                     const struct kad_msg *m)
{
	uint8_t want[KAD_MAC_BYTES];

	n->ops->pair_mac(key, from, &n->cfg.identity->id, m->body, m->body_len, want);
	return sodium_memcmp(want, m->mac, sizeof(want)) == 0;
}

/* ---- tokens: {be32 ms, cookie 16}. The time, of this node's own clock, is part of what the cookie covers ---- */
struct source {
	uint8_t b[4 + ID_BYTES + RECORD_MAX];
	size_t len;
};

/* What a token is bound to: its time, the asker, and the place that answers go to. */
static void token_source(struct source *s, uint32_t ms, const struct node_id *asker,
                         const struct record *r)
{
	struct wr w = wr_init(s->b, sizeof(s->b));

	wr_be32(&w, ms);
	wr_copy(&w, asker->b, ID_BYTES);
	for (unsigned i = 0; i < r->ntrees; i++) {
		wr_be64(&w, r->place[i].root);
		coords_write(&w, &r->place[i].coords);
	}
	COYO_ASSERT(wr_ok(&w));
	s->len = wr_len(&w);
}

static uint32_t ms_of(struct instant t)
{
	return (uint32_t)(t.ns / NS_PER_MS);
}

void token_make(struct node *n, const struct node_id *asker, const struct record *r,
                uint8_t token[KAD_TOKEN_BYTES])
{
	struct source s;

	token_source(&s, ms_of(n->now), asker, r);
	memcpy(token, s.b, 4);
	cookie_make(&n->kad->trust.jar, n->now, s.b, s.len, token + 4);
}

int64_t token_age(struct node *n, const struct node_id *asker, const struct kad_msg *m)
{
	struct source s;

	if (!(m->flags & KAD_FLAG_TOKEN))
		return -1;
	token_source(&s, be32_load(m->token), asker, &m->self);
	if (!cookie_known(&n->kad->trust.jar, n->now, s.b, s.len, m->token + 4))
		return -1;
	return (uint32_t)(ms_of(n->now) - be32_load(m->token)) * NS_PER_MS;
}
