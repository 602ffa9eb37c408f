/* SPDX-License-Identifier: BSD-3-Clause */
/* The ends of all tunnels at this node, by id: a crit-bit tree, in which a descent along the target's bits ends at the closest id. */
#include "table/ends.h"

#include "base/assert.h"

struct inner {
	void *child[2];
	uint16_t bit;
};

static struct inner *inner_of(void *p)
{
	return (uintptr_t)p & 1 ? (struct inner *)((uintptr_t)p - 1) : NULL;
}

static void *tagged(struct inner *x)
{
	return (void *)((uintptr_t)x + 1);
}

static unsigned bit_of(const struct node_id *id, unsigned bit)
{
	return id->b[bit / 8] >> (7 - bit % 8) & 1;
}

void ends_init(struct lsp_ends *t, struct mem *mem)
{
	*t = (struct lsp_ends){.mem = mem};
}

/* The end where a descent along the bits of id ends: none shares more leading bits with it. The tree is not empty. */
static struct lsp_end *nearest(const struct lsp_ends *t, const struct node_id *id)
{
	void *p = t->root;
	struct inner *x;

	while ((x = inner_of(p)))
		p = x->child[bit_of(id, x->bit)];
	return p;
}

void ends_add(struct lsp_ends *t, struct lsp_end *e)
{
	const struct node_id *id = e->id;
	struct lsp_end *old;
	struct inner *x, *y;
	void **at = &t->root;
	unsigned bit;

	if (e->in)
		return;
	e->same = e->before = NULL;
	if (t->root) {
		old = nearest(t, id);
		bit = id_common_prefix(old->id, id);
		if (bit == ID_BITS) {
			e->same = old->same;
			e->before = old;
			if (e->same)
				e->same->before = e;
			old->same = e;
			e->in = true;
			t->count++;
			return;
		}
		x = mem_alloc(t->mem, sizeof(*x));
		if (!x)
			return;
		while ((y = inner_of(*at)) && y->bit < bit)
			at = &y->child[bit_of(id, y->bit)];
		x->bit = (uint16_t)bit;
		x->child[bit_of(id, bit)] = e;
		x->child[!bit_of(id, bit)] = *at;
		*at = tagged(x);
	} else {
		t->root = e;
	}
	e->in = true;
	t->count++;
}

/* Takes e, to whose id the tree leads, out of the tree: the next tunnel to the same id is in its place from then on, or none. */
static void tree_remove(struct lsp_ends *t, struct lsp_end *e)
{
	void **at = &t->root, **above = NULL;
	struct inner *x, *last = NULL;
	unsigned side = 0;

	while ((x = inner_of(*at))) {
		above = at;
		last = x;
		side = bit_of(e->id, x->bit);
		at = &x->child[side];
	}
	COYO_ASSERT(*at == e);
	if (e->same) {
		*at = e->same;
	} else if (above) {
		*above = last->child[!side];
		mem_free(t->mem, last);
	} else {
		t->root = NULL;
	}
}

void ends_remove(struct lsp_ends *t, struct lsp_end *e)
{
	if (!e->in)
		return;
	COYO_ASSERT(t->count > 0 && t->root);
	e->in = false;
	t->count--;
	if (e->before)
		e->before->same = e->same;
	else
		tree_remove(t, e);
	if (e->same)
		e->same->before = e->before;
}

struct walk {
	const struct node_id *target;
	bool (*visit)(void *arg, const struct lsp_end *e);
	void *arg;
};

/* Depth: at most the bits of an id. */
static bool walk(const struct walk *w, void *p)
{
	struct inner *x = inner_of(p);

	if (x) {
		unsigned side = bit_of(w->target, x->bit);

		return walk(w, x->child[side]) || walk(w, x->child[!side]);
	}
	for (const struct lsp_end *e = p; e; e = e->same)
		if (w->visit(w->arg, e))
			return true;
	return false;
}

void ends_closest(const struct lsp_ends *t, const struct node_id *target,
                  bool (*visit)(void *arg, const struct lsp_end *e), void *arg)
{
	const struct walk w = {target, visit, arg};

	if (t->root)
		walk(&w, t->root);
}
