/* SPDX-License-Identifier: BSD-3-Clause */
/* A tunnel's entries in the workers: both directions are programmed, and removed, together. */
#include "lsp/lsp.h"

#include "base/assert.h"
#include "wire/lse.h"

static void entry(struct node *n, const struct lsp *l, bool forward, bool set)
{
	struct cp_cmd c = {.type = set ? CMD_ILM_SET : CMD_ILM_DEL};
	const struct peer *in = forward ? l->up : l->down, *out = forward ? l->down : l->up;
	uint32_t in_label = forward ? l->fwd_in : l->rev_in;

	if (!in || in_label == LABEL_NONE)
		return;
	c.u.ilm.in_link = in->link;
	c.u.ilm.in_label = in_label;
	c.u.ilm.twin_label = LABEL_NONE;
	c.u.ilm.out_label = LABEL_NONE;
	c.u.ilm.op = l->finger ? ILM_SINK : ILM_SESSION;
	c.u.ilm.session = l->session;
	if (out) {
		c.u.ilm.op = ILM_SWAP;
		c.u.ilm.out_link = out->link;
		c.u.ilm.out_label = forward ? l->fwd_out : l->rev_out;
		c.u.ilm.twin_link = out->link;
		c.u.ilm.twin_label = forward ? l->rev_in : l->fwd_in;
	}
	out_command(n, CPDP_ALL_WORKERS, &c);
}

void lsp_program(struct node *n, struct lsp *l, void (*then)(struct node *, void *))
{
	entry(n, l, true, true);
	entry(n, l, false, true);
	COYO_ASSERT(l->state < LSP_UP && !l->programmed);
	l->programmed = true;
	lsp_set_state(n, l, LSP_PROGRAM);
	ticket_wait(n, &l->ticket, then, l);
}

void lsp_bind(struct node *n, struct lsp *l, uint32_t session)
{
	COYO_ASSERT(l->role == LSP_EGRESS && l->state == LSP_UP && !l->finger);
	l->session = session;
	entry(n, l, true, true);
}

void lsp_entry_remove(struct node *n, const struct lsp *l, bool forward)
{
	entry(n, l, forward, false);
}
