/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables that decisions read: made and freed. */
#include "table/table.h"

#include "core/ctx.h"

#include <errno.h>

int tables_new(struct node *n)
{
	n->contacts = ctx_alloc(n, sizeof(*n->contacts));
	n->ends = ctx_alloc(n, sizeof(*n->ends));
	if (!n->contacts || !n->ends)
		return -ENOMEM;
	ends_init(n->ends, &n->mem);
	contacts_init(n->contacts, &n->cfg.identity->id, n->cfg.kad_k, n->anchor, &n->mem);
	return lsps_new(n);
}

void tables_free(struct node *n)
{
	lsps_free(n);
	if (n->contacts && n->contacts->mem)
		contacts_clear(n->contacts);
	ctx_free(n, n->contacts);
	ctx_free(n, n->ends);
	n->contacts = NULL;
	n->ends = NULL;
}
