/* SPDX-License-Identifier: BSD-3-Clause */
/* Two beds, and the messages of a handshake carried between them. */
#include "pair.h"

#include "endpoint/answer.h"
#include "endpoint/initiate.h"

#include <string.h>

#define LINK 1

void pair_open(struct pair *p, uint64_t seed, bool asker_is_lower)
{
	for (;; seed += 2000) {
		const struct node_id *a = &p->asks.g.identity.id, *b = &p->answers.g.identity.id;

		bed_open(&p->asks, seed);
		bed_open(&p->answers, seed + 1000);
		if ((id_cmp(a, b) < 0) == asker_is_lower)
			break;
		bed_close(&p->asks);
		bed_close(&p->answers);
	}
	p->own = session_get(p->asks.n, &p->answers.g.identity.id);
	assert_non_null(p->own);
	session_enter(p->own, SESSION_CONNECTING);
}

void pair_close(struct pair *p)
{
	bed_close(&p->asks);
	bed_close(&p->answers);
}

void pair_known(struct pair *p)
{
	static const uint8_t secret[NOISE_PSK] = "of a handshake from before";
	struct session *s = session_get(p->answers.n, &p->asks.g.identity.id);

	assert_non_null(s);
	p->own->known = true;
	memcpy(p->own->x_key, p->answers.g.identity.x_public, 32);
	if (!generations_with(&p->own->generations, p->own->x_key))
		generation_add_secret(&p->own->generations, p->own->x_key, secret);
	if (!generations_with(&s->generations, p->asks.g.identity.x_public))
		generation_add_secret(&s->generations, p->asks.g.identity.x_public, secret);
}

void pair_first(struct pair *p, bool ik, struct pair_envelope *e)
{
	if (ik)
		pair_known(p);
	assert_int_equal(handshake_begin(p->asks.n, p->own, ik), 0);
	e->len = handshake_envelope(&p->own->remote, &p->own->own, true, e->data);
	assert_true(e->len > 0);
}

struct lsp *pair_offer(struct pair *p, uint64_t nonce, const struct node_id *src, uint8_t flags,
                       const struct pair_envelope *e)
{
	struct node *n = p->answers.n;
	struct setup_msg m = {.flags = flags,
	                      .nonce = nonce,
	                      .envelope = e->data,
	                      .envelope_len = (uint16_t)e->len};
	struct lsp *l = lsp_new(n, nonce, src, &n->cfg.identity->id, LSP_EGRESS);

	assert_non_null(l);
	lsp_set_up(n, l, peer_by_link(n, LINK));
	l->session = SESSION_NONE;
	l->setup_flags = flags;
	l->hops_first = 3;
	p->said.len = 0;
	answer_offer(n, l, &m);
	l = lsp_find(n, nonce, src);
	if (l && l->reply) {
		p->said.len = l->reply->m.envelope_len;
		memcpy(p->said.data, l->reply->envelope, p->said.len);
	}
	return l;
}

struct session *pair_answering(struct pair *p)
{
	return session_find(p->answers.n, &p->asks.g.identity.id);
}

struct lsp *pair_reply(struct pair *p, uint64_t nonce, const struct session *s)
{
	struct lsp *l = bed_tunnel(&p->asks, p->own, nonce, LSP_INGRESS);
	struct pair_envelope e = p->said;
	struct reply_msg m = {.flags = s && s->answer.ik ? SETUP_FLAG_IK : 0, .envelope = e.data};

	if (s)
		e.len = handshake_envelope(&s->remote, &s->answer, false, e.data);
	assert_true(e.len > 0);
	m.envelope_len = (uint16_t)e.len;
	initiate_reply(p->asks.n, p->own, l, &m);
	return l;
}

void pair_third(struct pair *p, uint32_t label, const uint8_t *msg, size_t len)
{
	static struct dp_packet pk;

	pk = (struct dp_packet){
	        .link = LINK, .in_label = label, .number = 3, .session = CP_SESSION_NONE};
	answer_rx_proof(p->answers.n, &pk, msg, len);
}

void pair_rekey(struct pair *p, struct session *s, const uint8_t *msg, size_t len)
{
	static struct dp_packet pk;

	pk = (struct dp_packet){.link = LINK, .number = 1, .session = s->index};
	answer_rx_first(p->answers.n, s, &pk, msg, len);
}
