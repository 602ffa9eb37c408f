/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands that run, in an array: it is walked once for each stream, which costs a process anyway. */
#include "libcoyo/tool/children.h"
#include "base/assert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int children_init(struct children *c, unsigned cap)
{
	*c = (struct children){.at = calloc(cap, sizeof(*c->at)), .cap = cap};
	return c->at ? 0 : -ENOMEM;
}

void children_free(struct children *c)
{
	free(c->at);
	*c = (struct children){0};
}

void children_add(struct children *c, const struct child *one)
{
	COYO_ASSERT(c->n < c->cap);
	c->at[c->n++] = *one;
}

bool children_take(struct children *c, pid_t pid, struct child *out)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (c->at[i].pid != pid)
			continue;
		*out = c->at[i];
		c->at[i] = c->at[--c->n];
		return true;
	}
	return false;
}

unsigned children_of(const struct children *c, const uint8_t peer[COYO_ID_BYTES])
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n; i++)
		n += memcmp(c->at[i].peer, peer, COYO_ID_BYTES) == 0;
	return n;
}
