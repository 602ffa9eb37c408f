/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames that are not data: what the door lets in goes to control, a stranger without a cookie gets one, the rest is dropped. */
#include "fwd/priv.h"
#include "wire/link.h"

static const enum drop_reason reasons[] = {
        [DOOR_SHORT] = DROP_RUNT,       [DOOR_INDEX] = DROP_DOOR_INDEX,
        [DOOR_MAC1] = DROP_DOOR_MAC1,   [DOOR_COOKIE] = DROP_DOOR_COOKIE,
        [DOOR_MAC2] = DROP_DOOR_MAC2,   [DOOR_NO_COOKIE] = DROP_DOOR_NO_COOKIE,
        [DOOR_SHARE] = DROP_DOOR_SHARE, [DOOR_FULL] = DROP_PUNT_RATE,
};

static struct door_source source_of(const struct packet *p)
{
	struct door_source s = {.link = p->link, .port = p->port, .family = p->family};

	memcpy(s.mac, p->mac, sizeof(s.mac));
	if (p->family)
		memcpy(s.addr, p->addr, p->family == 4 ? 4 : 16);
	return s;
}

/* Turns a first message into the cookie that answers it, and sends it to where it came from. */
static void give_cookie(struct fwd *f, struct link *l, const struct door_source *from,
                        const struct link_header *h, struct rte_mbuf *m)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	door_answer(&f->door, f->w->now, from, p, h, p);
	rte_pktmbuf_trim(m, (uint16_t)(m->data_len - DOOR_ANSWER_BYTES));
	count_add(&f->w->count.cookies, 1);
	fwd_tx_raw(f, l, m);
}

void handshake_frame(struct fwd *f, struct link *l, const struct link_header *h, struct rte_mbuf *m)
{
	struct door_source from = source_of(packet_of(m));
	struct worker *w = f->w;
	enum door_verdict v =
	        door_judge(&f->door, &l->door, w->now, &from, rte_pktmbuf_mtod(m, uint8_t *), h);

	if (v != DOOR_PASS)
		drop_count(w, reasons[v], 1);
	if (v == DOOR_COOKIE || v == DOOR_MAC2) {
		give_cookie(f, l, &from, h, m);
		return;
	}
	if (v == DOOR_PASS) {
		/* Cut Ethernet's padding: the header tells the length of what follows it. */
		rte_pktmbuf_trim(m, (uint16_t)(m->data_len - LINK_HEADER_BYTES - h->length));
		punt(w, PUNT_HANDSHAKE, false, m);
	}
	rte_pktmbuf_free(m);
}
