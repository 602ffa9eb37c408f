/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames that are no data, from workers: read as far as their type and handed to the side of a handshake that waits for them. */
#include "peer/listen.h"
#include "peer/peer.h"

/* What answers a first message of p. */
static void own_rx(struct node *n, struct peer *p, const struct dp_packet *pk,
                   const struct link_header *h, const struct hs_envelope *env)
{
	if (h->type == LINK_COOKIE)
		handshake_cookie_rx(n, p, pk, h);
	else if (h->type == LINK_REFUSED)
		handshake_refused_rx(n, p, pk, h);
	else
		handshake_second_rx(n, p, h, env);
}

/* False: malformed, which is counted. env is read of the types that have one. */
static bool read_frame(struct node *n, const struct dp_packet *pk, struct link_header *h,
                       struct hs_envelope *env)
{
	bool good = link_header_get(pk->data, pk->len, h) && h->type != LINK_DATA;

	if (good && h->type <= LINK_HS3)
		good = hs_envelope_read(pk->data + LINK_HEADER_BYTES, h->length, env);
	if (!good)
		count(n, CTR_HS_MALFORMED);
	return good;
}

void peer_handshake_rx(struct node *n, struct peer *p, const struct dp_packet *pk)
{
	struct link_header h;
	struct hs_envelope env;

	if (p->state == PEER_GONE || p->leave_told || !p->cfg.io.sealed)
		return;
	/* Where its listener's link has gone first, the workers name another link of the socket. */
	if (p->listener) {
		listener_handshake_rx(n, p->listener, pk);
		return;
	}
	if (!read_frame(n, pk, &h, &env))
		return;
	if (h.type == LINK_HS1)
		answer_first_rx(n, p, NULL, pk, &h, &env);
	else if (h.type == LINK_HS3)
		answer_third_rx(n, p, NULL, &h, &env);
	else
		own_rx(n, p, pk, &h, &env);
}

void listener_handshake_rx(struct node *n, struct listener *l, const struct dp_packet *pk)
{
	struct link_header h;
	struct hs_envelope env;
	struct peer *p;

	if (l->gone || l->leaving || !read_frame(n, pk, &h, &env))
		return;
	if (h.type == LINK_HS1) {
		answer_first_rx(n, NULL, l, pk, &h, &env);
		return;
	}
	if (h.type == LINK_HS3) {
		answer_third_rx(n, NULL, l, &h, &env);
		return;
	}
	p = peer_by_link(n, (uint16_t)(h.receiver % CPDP_LINKS_MAX));
	if (p && p->listener == l && p->state != PEER_GONE)
		own_rx(n, p, pk, &h, &env);
	else
		count(n, CTR_HS_STALE);
}
