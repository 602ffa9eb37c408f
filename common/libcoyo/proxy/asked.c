/* SPDX-License-Identifier: BSD-3-Clause */
/* The list is short: it is looked through from end to end. */
#include "libcoyo/proxy/asked.h"

#include <string.h>

struct asked *asked_find(struct asked_list *l, const uint8_t *address, size_t n)
{
	for (unsigned i = 0; i < ASKED_MAX; i++)
		if (l->at[i].used && l->at[i].address_n == n &&
		    memcmp(l->at[i].address, address, n) == 0)
			return &l->at[i];
	return NULL;
}

struct asked *asked_of(struct asked_list *l, const struct node_id *id, uint16_t port)
{
	struct asked *best = NULL;

	for (unsigned i = 0; i < ASKED_MAX; i++) {
		struct asked *a = &l->at[i];

		if (a->used && a->port == port && id_eq(&a->id, id) &&
		    (!best || a->used > best->used))
			best = a;
	}
	return best;
}

void asked_touch(struct asked_list *l, struct asked *a)
{
	a->used = ++l->clock;
}

struct asked *asked_add(struct asked_list *l, const struct proxy_head *h, const struct node_id *id)
{
	struct asked *a = &l->at[0];

	for (unsigned i = 1; i < ASKED_MAX; i++)
		if (l->at[i].used < a->used)
			a = &l->at[i];
	a->id = *id;
	a->port = h->to.port;
	a->address_n = h->asked_n;
	memcpy(a->address, h->asked, h->asked_n);
	asked_touch(l, a);
	return a;
}
