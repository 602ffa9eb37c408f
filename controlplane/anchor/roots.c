/* SPDX-License-Identifier: BSD-3-Clause */
/* The best roots of one tree and their newest signed sequence messages. */
#include "anchor/roots.h"

#include "base/assert.h"
#include <string.h>

struct root *roots_find(struct roots *r, const struct node_id *id)
{
	for (unsigned i = 0; i < r->n; i++)
		if (id_eq(&r->root[i].id, id))
			return &r->root[i];
	return NULL;
}

static bool same_message(const struct linkmsg_seq *a, const struct linkmsg_seq *b)
{
	return a->tree == b->tree && a->seq == b->seq &&
	       memcmp(a->key, b->key, sizeof(a->key)) == 0 &&
	       memcmp(a->sig, b->sig, sizeof(a->sig)) == 0;
}

/* The root that gives way to a better one. */
static unsigned last(const struct roots *r, const struct node_id *keep)
{
	return ROOTS_MAX - 1 - (keep && id_eq(&r->root[ROOTS_MAX - 1].id, keep));
}

enum roots_word roots_judge(const struct roots *r, const struct node_id *id, uint64_t rank,
                            const struct linkmsg_seq *m, const struct node_id *keep)
{
	if (m->seq > ROOT_SEQ_MAX)
		return ROOTS_USELESS;
	for (unsigned i = 0; i < r->n; i++) {
		const struct linkmsg_seq *have = &r->root[i].seq;

		if (!id_eq(&r->root[i].id, id))
			continue;
		if (m->seq != have->seq)
			return m->seq > have->seq ? ROOTS_NEWER : ROOTS_OLDER;
		return same_message(m, have) ? ROOTS_SAME : ROOTS_TWO;
	}
	if (r->n == ROOTS_MAX && rank >= r->root[last(r, keep)].rank && !(keep && id_eq(id, keep)))
		return ROOTS_USELESS;
	return ROOTS_NEWER;
}

struct root *roots_put(struct roots *r, const struct node_id *id, uint64_t rank,
                       const struct linkmsg_seq *m, const struct node_id *keep, struct instant now)
{
	struct root *e = roots_find(r, id);
	unsigned at;

	if (!e) {
		at = r->n < ROOTS_MAX ? r->n++ : last(r, keep);
		for (; at > 0 && rank < r->root[at - 1].rank; at--)
			r->root[at] = r->root[at - 1];
		e = &r->root[at];
		*e = (struct root){.id = *id, .rank = rank};
	}
	e->seq = *m;
	e->seq_at = now;
	e->silent = false;
	return e;
}
