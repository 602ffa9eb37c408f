/* SPDX-License-Identifier: BSD-3-Clause */
/* A link on a tunnel's way carries less than before: both ends are told, hop by hop. */
#include "lsp/lsp.h"

#include "peer/mtu.h"

/* yours: the label that p granted us, mine: the one we granted p. */
static void tell(struct node *n, const struct lsp *l, struct peer *p, uint32_t yours, uint32_t mine)
{
	struct linkmsg_mtu m = {.nonce = l->nonce, .yours = yours, .mine = mine, .mtu = l->mtu};
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	if (!p || !peer_up(p))
		return;
	linkmsg_mtu_write(&w, &m);
	peer_send_local(n, p, buf, wr_len(&w));
}

/* l carries no more than mtu: tells the end that does not lie behind `from`, which is here or further on. */
static void lower(struct node *n, struct lsp *l, const struct peer *from, uint16_t mtu)
{
	l->mtu = mtu;
	if (l->role != LSP_TRANSIT)
		n->news->lsp_mtu(n, l);
	else if (l->up == from)
		tell(n, l, l->down, l->fwd_out, l->rev_in);
	else
		tell(n, l, l->up, l->rev_out, l->fwd_in);
}

/* A neighbour's word can lower what a tunnel of its own link carries, which it could as well drop, but not below what every link
 * carries. */
void lsp_mtu_rx(struct node *n, struct peer *from, const struct linkmsg_mtu *m)
{
	struct lsp *l = lsp_of_labels(n, from, m->nonce, m->yours);

	if (!l || l->state >= LSP_CLOSING || m->mtu < MTU_BASE || m->mtu > l->mtu)
		return;
	l->punted++;
	lower(n, l, from, m->mtu);
}

void lsp_peer_mtu(struct node *n, struct peer *p)
{
	struct lsp *l = lsp_of_link(n, p, NULL);

	while (l) {
		const struct lsp_name name = {l->nonce, l->src};

		if (l->state < LSP_CLOSING && l->mtu >= p->mtu)
			lower(n, l, p, p->mtu);
		l = lsp_of_link(n, p, &name);
	}
}

void lsp_too_big(struct node *n, struct peer *p, uint32_t label)
{
	struct lsp *l = lsp_of_link(n, p, NULL);

	while (l) {
		const struct lsp_name name = {l->nonce, l->src};
		bool here = (l->down == p && l->fwd_out == label) ||
		            (l->up == p && l->rev_out == label);

		if (here && l->state == LSP_UP) {
			count(n, CTR_TUNNEL_TOO_BIG);
			l->punted++;
			lower(n, l, p, l->mtu < p->mtu ? l->mtu : p->mtu);
			return;
		}
		l = lsp_of_link(n, p, &name);
	}
}
