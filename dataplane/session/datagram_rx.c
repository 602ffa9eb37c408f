/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams inward: out of sealed packets into the ring of whoever holds their port. */
#include "session/datagram.h"
#include "session/ip.h"
#include "session/news.h"
#include "session/tx.h"

#include <errno.h>

/* Room for one more. False: there is none, or the application's index is a lie, which costs it the slot. */
static bool has_room(struct worker_sessions *s, struct app_listener *l, struct app_stream *st,
                     uint32_t bytes)
{
	struct bytering *r = &st->side.in;
	uint32_t room = bytering_room(r);

	if (unlikely_(r->broken)) {
		datagram_break(s, st);
		return false;
	}
	return room >= bytes && r->cap - room < l->in_most;
}

bool datagram_deliver(struct worker_sessions *s, uint32_t remote, const struct udp_header *h,
                      const uint8_t *payload, uint32_t len)
{
	const struct appdgram head = {.len = len, .port = h->from, .id = s->remotes[remote].id};
	struct app_listener *l = datagram_holder(s, remote, h);
	struct app_stream *st = l ? TAILQ_FIRST(&l->posted) : NULL;
	static const uint8_t zeroes[APPDGRAM_ALIGN];
	uint32_t bytes = appdgram_bytes(len), at = sizeof(head) + len;
	struct bytering *r;

	if (!l)
		return false;
	if (!st || st->closing || len > APPDGRAM_MOST || !has_room(s, l, st, bytes)) {
		drop_count(s->w, DROP_UDP_FULL, 1);
		return true;
	}
	r = &st->side.in;
	appdgram_put(r, 0, &head, sizeof(head));
	appdgram_put(r, sizeof(head), payload, len);
	appdgram_put(r, at, zeroes, bytes - at);
	bytering_commit(r, bytes);
	count_add(&s->w->count.datagrams_in, 1);
	news_in(s, st);
	return true;
}

/* The other end is told, so that a program that waits for an answer need not. */
static void tell_nobody(struct worker_sessions *s, struct tunnel_end *e, const struct udp_header *h,
                        struct instant now)
{
	const struct oam m = {.type = OAM_PORT_UNREACHABLE, .id = (uint32_t)h->from << 16 | h->to};
	uint8_t body[OAM_BYTES];
	struct wr w = wr_init(body, sizeof(body));

	drop_count(s->w, DROP_UDP_PORT, 1);
	if (!sess_may_send(e) || !bucket_take(&e->nobodies, now))
		return;
	oam_write(&w, &m);
	tx_oam(s, e, body, sizeof(body), 0);
}

void datagram_rx(struct worker_sessions *s, struct tunnel_end *e, const uint8_t *p, uint32_t len,
                 struct instant now)
{
	struct udp_header h;

	if (!udp_header_get(p, len, &h)) {
		drop_count(s->w, DROP_UDP, 1);
		return;
	}
	if (datagram_deliver(s, e->remote, &h, p + UDP_HEADER_BYTES, len - UDP_HEADER_BYTES))
		ip_use(s, e->remote, now);
	else
		tell_nobody(s, e, &h, now);
}

void datagram_nobody(struct worker_sessions *s, const struct tunnel_end *e, const uint8_t *body,
                     uint32_t len)
{
	struct rd r = rd_init(body, len);
	struct oam m;

	if (!oam_read(&r, &m)) {
		drop_count(s->w, DROP_SESSION_OAM, 1);
		return;
	}
	datagram_failed(s, e->remote, (uint16_t)(m.id >> 16), (uint16_t)m.id, ECONNREFUSED);
}
