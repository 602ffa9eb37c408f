/* SPDX-License-Identifier: BSD-3-Clause */
/* What others say: questions and their answers, and records that changed. A question costs this node no more than it can afford, and draws no
 * more bytes than it has itself until a token has come back from the place that the answers go to. */
#include "kad/kad.h"

#include "anchor/anchor.h"
#include "peer/peer.h"

#include <string.h>

/* A token no older than this shows that its sender lives; an older one still shows where it can be reached. */
#define PROOF_AGE (10 * NS_PER_S)

enum word {
	WORD_FORGED, /* not by the node that it names as sender */
	WORD_REPORT, /* perhaps */
	WORD_SIGNED, /* the record is that node's own, sent by whom and when is not known */
	WORD_WHOLE,  /* all of the message is */
};

/* Whose word m is. A MAC is checked where the key is known, a signature where the record would change something. */
static enum word word_of(struct node *n, struct peer *from, const struct node_id *src,
                         const struct kad_msg *m)
{
	const struct contact *c = contact_find(n->contacts, src);
	const uint8_t *key = m->flags & KAD_FLAG_MAC ? trust_known(n, src) : NULL;

	if (key) {
		if (trust_mac_holds(n, key, src, m))
			return WORD_WHOLE;
		count(n, CTR_KAD_BAD_MAC);
		return WORD_FORGED;
	}
	if (!c || m->self.seq <= c->signed_seq || !trust_afford(n, from))
		return WORD_REPORT;
	if (n->ops->verify(m->self.key, RECORD_CONTEXT, m->self_body, m->self_body_len,
	                   m->self.sig) == 0)
		return WORD_SIGNED;
	count(n, CTR_KAD_BAD_SIG);
	return WORD_FORGED;
}

/* Takes over the sender's own record. lives: it has proved just now that it does, so many hops from here; else it may have been recorded long
 * ago, and makes nobody a verified contact. */
static void hear_record(struct node *n, const struct node_id *src, const struct kad_msg *m,
                        enum word word, bool lives, unsigned hops)
{
	struct contact *c = contact_find(n->contacts, src);
	struct contact_info i = {.id = *src, .seq = m->self.seq, .ntrees = m->self.ntrees};
	uint32_t before = n->contacts->gains;

	memcpy(i.place, m->self.place, sizeof(i.place));
	if (lives && !(c && c->verified)) {
		c = contact_learn(n->contacts, n->now, &i, hops);
		if (c)
			trust_keep(n, c);
		n->kad->snapshot_changes++;
		if (n->contacts->gains != before)
			kad_speed_up(n, false);
	} else if (word >= WORD_SIGNED && c) {
		contact_renew(n->contacts, n->now, c, &i);
	} else {
		contact_learn(n->contacts, n->now, &i, 0);
	}
}

/* Whether src would become a contact if it proved itself. */
static bool wanted(const struct node *n, const struct node_id *src, unsigned hops)
{
	const struct contact *c = contact_find(n->contacts, src);

	return c ? !c->verified : contact_wanted(n->contacts, src, hops);
}

/* "Ask again, with this token." Nothing was computed for it, and it is shorter than any question. */
static void reply_retry(struct node *n, const struct node_id *src, const struct kad_msg *q,
                        size_t payload)
{
	struct kad_msg m;

	kad_begin(n, &m, KAD_RETRY, q->nonce);
	m.flags |= KAD_FLAG_TOKEN;
	token_make(n, src, &q->self, m.token);
	count(n, CTR_KAD_RETRY);
	kad_say(n, &m, src, q->self.place, q->self.ntrees, NULL, payload);
}

static void reply(struct node *n, struct peer *from, const struct node_id *src,
                  const struct kad_msg *q, unsigned hops, size_t payload)
{
	const uint8_t *key = trust_key(n, from, src, q->self.key);
	struct kad_msg m;

	if (key) {
		kad_begin(n, &m, q->op + 1, q->nonce);
		m.flags |= KAD_FLAG_TOKEN;
		if (wanted(n, src, hops))
			m.flags |= KAD_FLAG_PROVE;
		token_make(n, src, &q->self, m.token);
		tell_answer(n, &m, src, q);
		if (kad_say(n, &m, src, q->self.place, q->self.ntrees, key, payload)) {
			struct contact *c = contact_find(n->contacts, src);

			if (c)
				c->told = n->now;
			return;
		}
	}
	reply_retry(n, src, q, payload);
}

/* A question or a record: what its sender says of itself. */
static void told(struct node *n, struct peer *from, const struct routed_header *h,
                 const struct kad_msg *m, unsigned hops)
{
	int64_t age = token_age(n, &h->src, m);
	enum word word = word_of(n, from, &h->src, m);
	bool proven = age >= 0;

	if (word == WORD_FORGED)
		return;
	hear_record(n, &h->src, m, word, proven && age <= PROOF_AGE && word == WORD_WHOLE, hops);
	if (m->op == KAD_UPDATE)
		return;
	if (m->op == KAD_EXQ)
		kad_take_list(n, m);
	reply(n, from, &h->src, m, hops, proven ? CONTROL_PACKET_MAX : h->length);
}

void kad_rx(struct node *n, struct peer *from, const struct routed_header *h, struct rd *r)
{
	unsigned hops = h->hop_limit < ROUTED_HOP_LIMIT ? ROUTED_HOP_LIMIT - h->hop_limit : 1;
	struct node_id id;
	struct kad_msg m;

	if (!kad_read(r, &m)) {
		count(n, CTR_MALFORMED);
		return;
	}
	count(n, CTR_KAD_RX);
	if (m.op != KAD_RETRY) {
		identity_id_of_key(m.self.key, &id);
		if (!id_eq(&id, &h->src)) {
			count(n, CTR_KAD_BAD_SIG);
			return;
		}
	}
	if (m.op == KAD_EXQ || m.op == KAD_FIND || m.op == KAD_UPDATE)
		told(n, from, h, &m, hops);
	else
		kad_answer(n, from, &h->src, hops, &m);
}
