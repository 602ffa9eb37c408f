/* SPDX-License-Identifier: BSD-3-Clause */
/* Links by number and by name, and the numbers that are free. */
#include "peer/numbers.h"

#include "peer/listen.h"

#include "base/assert.h"
#include <errno.h>
#include <string.h>

#define ROOM_LEAST 8

static int by_name(struct peer *a, struct peer *b)
{
	int d = strcmp(a->cfg.name, b->cfg.name);

	return d ? d : a->number < b->number ? -1 : a->number > b->number;
}

RB_GENERATE_INTERNAL(peer_names, peer, of_name, by_name, static __attribute__((unused)))

struct peer *peer_by_link(struct node *n, uint16_t link)
{
	return link < n->peers->links ? n->peers->by_link[link] : NULL;
}

struct listener *listener_by_link(struct node *n, uint16_t link)
{
	return link < n->peers->links ? n->peers->listener_by_link[link] : NULL;
}

static uint32_t words(uint32_t links)
{
	return (links + 63) / 64;
}

static bool has(const uint64_t *bits, uint32_t i)
{
	return bits[i / 64] >> i % 64 & 1;
}

static void set(uint64_t *bits, uint32_t i, bool on)
{
	COYO_ASSERT(has(bits, i) != on);
	bits[i / 64] ^= UINT64_C(1) << i % 64;
}

/* A larger copy of something that grows. NULL: no memory. */
static void *grown(struct node *n, const void *old, size_t had, size_t bytes)
{
	void *v = ctx_alloc(n, bytes);

	if (v && had)
		memcpy(v, old, had);
	return v;
}

int numbers_room(struct node *n, uint16_t link)
{
	struct peers *all = n->peers, new = {.links = all->links ? all->links : ROOM_LEAST};
	uint32_t had = all->links;

	if (link < had)
		return 0;
	while (new.links <= link)
		new.links *= 2;
	new.by_link = grown(n, all->by_link, had * sizeof(*new.by_link),
	                    new.links * sizeof(*new.by_link));
	new.listener_by_link = grown(n, all->listener_by_link, had * sizeof(*new.by_link),
	                             new.links * sizeof(*new.by_link));
	new.taken = grown(n, all->taken, words(had) * 8, words(new.links) * 8);
	new.ports = grown(n, all->ports, words(had) * 8, words(new.links) * 8);
	if (!new.by_link || !new.listener_by_link || !new.taken || !new.ports) {
		numbers_free(n, &new);
		return -ENOMEM;
	}
	numbers_free(n, all);
	all->by_link = new.by_link;
	all->listener_by_link = new.listener_by_link;
	all->taken = new.taken;
	all->ports = new.ports;
	all->links = new.links;
	return 0;
}

/* Numbers in coords begin at 1; bit 0 is number 1. There is one for each link that there may be. */
static uint16_t port_take(struct peers *all)
{
	unsigned word = 0, bit;

	while (all->ports[word] == UINT64_MAX)
		word++;
	bit = 64 * word + (unsigned)__builtin_ctzll(~all->ports[word]);
	COYO_ASSERT(bit < all->links);
	set(all->ports, bit, true);
	return (uint16_t)(bit + 1);
}

void numbers_take(struct node *n, struct peer *p)
{
	struct peers *all = n->peers;

	COYO_ASSERT(p->link < all->links && !all->by_link[p->link]);
	p->port = port_take(all);
	all->by_link[p->link] = p;
	set(all->taken, p->link, true);
	RB_INSERT(peer_names, &all->by_name, p);
}

void numbers_release(struct node *n, struct peer *p)
{
	struct peers *all = n->peers;

	COYO_ASSERT(all->by_link[p->link] == p);
	all->by_link[p->link] = NULL;
	set(all->taken, p->link, false);
	set(all->ports, p->port - 1u, false);
	RB_REMOVE(peer_names, &all->by_name, p);
}

void numbers_listener(struct node *n, uint16_t link, struct listener *l)
{
	COYO_ASSERT(link < n->peers->links);
	n->peers->listener_by_link[link] = l;
	set(n->peers->taken, link, l != NULL);
}

uint16_t numbers_highest_free(const struct node *n, uint16_t least)
{
	const struct peers *all = n->peers;

	if (all->links < CPDP_LINKS_MAX)
		return CPDP_LINKS_MAX - 1;
	for (uint32_t word = CPDP_LINKS_MAX / 64; word-- > least / 64u;)
		if (all->taken[word] != UINT64_MAX) {
			uint32_t link =
			        64 * word + 63 - (uint32_t)__builtin_clzll(~all->taken[word]);

			return link < least ? LINK_NONE : (uint16_t)link;
		}
	return LINK_NONE;
}

bool numbers_name_taken(const struct node *n, const char *name)
{
	const struct peer *p = RB_ROOT(&n->peers->by_name);

	while (p) {
		int d = strcmp(name, p->cfg.name);

		if (d == 0)
			return true;
		p = d < 0 ? RB_LEFT(p, of_name) : RB_RIGHT(p, of_name);
	}
	return false;
}

void numbers_free(struct node *n, struct peers *all)
{
	ctx_free(n, all->by_link);
	ctx_free(n, all->listener_by_link);
	ctx_free(n, all->taken);
	ctx_free(n, all->ports);
}
