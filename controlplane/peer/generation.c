/* SPDX-License-Identifier: BSD-3-Clause */
/* Which neighbour a first message by IK comes from: the message names a static key, and the rest of it is read under what is kept of that one. */
#include "peer/peer.h"

#include <errno.h>
#include <string.h>

static int order(struct peer *a, struct peer *b)
{
	int d = memcmp(a->generations.x_key, b->generations.x_key, NOISE_DH);

	return d ? d : (a->number > b->number) - (a->number < b->number);
}

RB_GENERATE_INTERNAL(peer_keys, peer, of_key, order, static __attribute__((unused)))

static bool indexed(const struct peer *p)
{
	return p->generations.g[0].valid;
}

void peer_generations_wipe(struct node *n, struct peer *p)
{
	if (indexed(p))
		RB_REMOVE(peer_keys, &n->peers->by_key, p);
	explicit_bzero(&p->generations, sizeof(p->generations));
}

void peer_generation_add(struct node *n, struct peer *p, const uint8_t x_key[NOISE_DH],
                         const uint8_t secret[NOISE_PSK])
{
	if (!generations_with(&p->generations, x_key))
		peer_generations_wipe(n, p);
	else
		RB_REMOVE(peer_keys, &n->peers->by_key, p);
	generation_add_secret(&p->generations, x_key, secret);
	RB_INSERT(peer_keys, &n->peers->by_key, p);
}

/* The listener's link with this static key, or NULL. */
static struct peer *find(struct node *n, const struct listener *l, const uint8_t x_key[NOISE_DH])
{
	struct peer *p = RB_ROOT(&n->peers->by_key), *first = NULL;

	while (p) {
		int d = memcmp(x_key, p->generations.x_key, NOISE_DH);

		if (d == 0)
			first = p;
		p = d <= 0 ? RB_LEFT(p, of_key) : RB_RIGHT(p, of_key);
	}
	for (p = first; p && memcmp(x_key, p->generations.x_key, NOISE_DH) == 0;
	     p = peer_keys_RB_NEXT(p))
		if (p->listener == l)
			return p;
	return NULL;
}

int peer_generation_read(struct node *n, struct handshake *hs, const uint8_t *msg, size_t len)
{
	struct peer *p;

	if (noise_read_static(&hs->noise, msg, len) != 0)
		return -EBADMSG;
	p = hs->peer ? hs->peer : find(n, hs->listener, hs->noise.rs);
	return p ? generation_read(&p->generations, &hs->noise, msg, len, &hs->remote) : -ESTALE;
}
