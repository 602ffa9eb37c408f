/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's tables beside its twin's. */
#include "ring_twin.h"

#include "fwd/priv.h"
#include "io/priv.h"
#include "session/priv.h"
#include "worker/loop.h"

#include <string.h>

static void same_key(const struct aead_key *k, uint64_t counter, uint32_t index, struct twin_key *t)
{
	require((k != NULL) == t->there, "has a key too many or too few");
	if (!k)
		return;
	require(k->alg == t->alg && memcmp(k->key, t->key, sizeof(t->key)) == 0,
	        "uses another key than it was given");
	require(index == t->index, "sends under another index or phase than it was told");
	require(counter >= t->counter, "uses a nonce again");
	t->counter = counter;
}

static void same_labels(const struct link *l, const struct twin_link *t)
{
	uint32_t entries = 0;

	for (unsigned i = 0; i < TWIN_LABELS; i++) {
		const struct ilm_entry *e = ilm_get(&l->ilm, twin_labels[i]);
		const struct twin_label *x = &t->label[i];

		entries += x->op != 0;
		require((e != NULL) == (x->op != 0), "has a label too many or too few");
		require(!e || (e->op == x->op && e->out == x->out && e->packets == x->packets &&
		               (x->op != ILM_SWAP || e->out_link == x->out_link)),
		        "does something else with a label than it was told");
	}
	require(l->ilm.entries == entries, "miscounts its labels");
}

static void same_link(struct twin *t, const struct link *l, uint16_t number, struct twin_link *x)
{
	unsigned lanes = 0;

	require((l != NULL) == x->there, "has a link too many or too few");
	if (!l)
		return;
	require(l->number == number && l->cfg.type == x->cfg.type &&
	                l->cfg.sealed == x->cfg.sealed && l->cfg.mtu == x->cfg.mtu &&
	                l->cfg.owner == x->cfg.owner && l->cfg.fd == x->cfg.fd &&
	                l->cfg.port == x->cfg.port && l->cfg.vlan == x->cfg.vlan &&
	                l->open == x->open,
	        "has set up a link otherwise than it was told");
	require(l->cfg.family == x->cfg.family && l->cfg.remote_port == x->cfg.remote_port &&
	                memcmp(l->cfg.remote_addr, x->cfg.remote_addr, 16) == 0,
	        "sends to another address than it was told");
	require(l->nout == 0 && !l->queued, "keeps packets for a link after its turn");
	same_key(l->tx ? &l->tx->key : NULL, l->tx ? l->tx->counter : 0, l->tx ? l->tx->index : 0,
	         &x->tx);
	for (const struct rx_lane *r = l->rx; r; r = r->next)
		lanes++;
	for (unsigned i = 0; i < TWIN_INDEX; i++)
		lanes -= t->rx[i].there && t->rx[i].link == number;
	require(lanes == 0, "has a link's receiving keys in disorder");
	same_labels(l, x);
}

static void same_indices(struct twin *t, const struct fwd *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < TWIN_INDEX; i++) {
		const struct rx_lane *r = u32map_get(&f->rx_index, twin_index[i]);
		const struct twin_rx *x = &t->rx[i];

		n += x->there;
		require((r != NULL) == x->there, "accepts an index too many or too few");
		require(!r || (r->link == x->link && r->index == twin_index[i] &&
		               r->key.alg == x->alg && memcmp(r->key.key, x->key, 32) == 0),
		        "opens an index's packets as another's");
	}
	require(f->rx_index.n == n, "miscounts its receiver indices");
}

/* A socket is used as long as a link stands on it. */
static void same_sockets(struct twin *t, const struct io *io)
{
	unsigned refs[RING_SOCKETS] = {0}, here = 0;

	for (unsigned i = 0; i < TWIN_LINKS; i++)
		for (unsigned k = 0; k < RING_SOCKETS; k++)
			refs[k] += t->link[i].there && t->link[i].cfg.type == LINK_UDP_SOCKET &&
			           t->link[i].cfg.owner == t->worker &&
			           t->link[i].cfg.fd == t->world->socket[k];
	for (const struct io_sock *s = io->socks; s; s = s->next)
		for (unsigned k = 0; k < RING_SOCKETS; k++)
			if (s->fd == t->world->socket[k]) {
				require(s->refs == refs[k], "miscounts the links on a socket");
				require(io->of_link[s->link] == s,
				        "gives strangers' frames to a link that left the socket");
				here++;
			}
	for (unsigned k = 0; k < RING_SOCKETS; k++)
		here -= refs[k] > 0;
	require(here == 0, "has a socket too many or too few");
}

static void same_session(const struct worker_sessions *s, uint32_t index, struct twin_session *x)
{
	const struct tunnel_end *e = s->table[index];

	require((e != NULL) == x->there, "has a session too many or too few");
	if (!e)
		return;
	require(e->index == index && e->out_label == x->cfg.out_label &&
	                e->out_link == x->cfg.out_link && e->hops == x->cfg.hops,
	        "has set up a session otherwise than it was told");
	require(s->remotes[e->remote].used && id_eq(&s->remotes[e->remote].id, &x->cfg.remote),
	        "has given a session's far end to somebody else");
	same_key(e->tx ? &e->tx->aead : NULL, e->tx ? e->tx->counter : 0, e->tx ? e->tx->phase : 0,
	         &x->tx);
	same_key(e->staged ? &e->staged->aead : NULL, e->staged ? e->staged->counter : 0,
	         e->staged ? e->staged->phase : 0, &x->staged);
	for (unsigned p = 0; p < SESS_PHASES; p++)
		same_key(e->rx[p] ? &e->rx[p]->aead : NULL, 0, p, &x->rx[p]);
}

void twin_compare(struct twin *t)
{
	const struct loop *l = t->world->loop[t->worker];

	for (unsigned i = 0; i < TWIN_LINKS; i++)
		same_link(t, l->w.link[twin_links[i]], twin_links[i], &t->link[i]);
	same_indices(t, l->fwd);
	same_sockets(t, l->io);
	for (uint32_t i = 0; i < RING_SESSIONS; i++)
		same_session(l->sess, i, &t->session[i]);
	require(l->w.drops[DROP_BAD_COMMAND] == t->refused,
	        "counts a command as bad that is not, or the reverse");
}
