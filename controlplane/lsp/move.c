/* SPDX-License-Identifier: BSD-3-Clause */
/* A link on a tunnel's way is about to be removed: both ends are told, hop by hop, so that they build another tunnel first. */
#include "lsp/lsp.h"

/* Tells the end that does not lie behind `from`, which is here or further on. */
static void tell(struct node *n, struct lsp *l, const struct peer *from, uint32_t tag_from,
                 uint32_t tag_to)
{
	bool down = l->up == from;
	struct peer *p = down ? l->down : l->up;
	struct linkmsg_move m = {.nonce = l->nonce,
	                         .yours = down ? l->fwd_out : l->rev_out,
	                         .mine = down ? l->rev_in : l->fwd_in,
	                         .tag_from = tag_from,
	                         .tag_to = tag_to};
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	if (l->role != LSP_TRANSIT) {
		if (!l->finger)
			n->news->lsp_leaves(n, l, tag_from, tag_to);
		return;
	}
	if (!p || !peer_up(p))
		return;
	linkmsg_move_write(&w, &m);
	peer_send_local(n, p, buf, wr_len(&w));
}

void lsp_move_rx(struct node *n, struct peer *from, const struct linkmsg_move *m)
{
	struct lsp *l = lsp_of_labels(n, from, m->nonce, m->yours);

	if (!l || l->state != LSP_UP)
		return;
	l->punted++;
	tell(n, l, from, m->tag_from, m->tag_to);
}

void lsp_peer_leaves(struct node *n, struct peer *p)
{
	struct lsp *l = lsp_of_link(n, p, NULL);

	while (l) {
		const struct lsp_name name = {l->nonce, l->src};

		if (l->state == LSP_UP)
			tell(n, l, p, id_tag(&n->cfg.identity->id), id_tag(&p->id));
		l = lsp_of_link(n, p, &name);
	}
}
