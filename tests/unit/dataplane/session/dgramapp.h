/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests of datagrams do with the applications of lanepair.h: ports, records into the out ring, records out of the in ring. */
#pragma once
#include "lanepair.h"
#include "core/state.h"
#include "ipc/appdgram.h"
#include "session/datagram.h"

/* By then what was sent has come, or its answer has. */
#define ARRIVES  (6 * NS_PER_MS)
#define ANSWERED (12 * NS_PER_MS)

#define PORT_A 5000
#define PORT_B 6000

/* The application has that port, which its slot holds. */
static inline void bind_port(struct lanes *w, struct lapp *a, uint32_t slot, uint16_t port)
{
	lapp_bridge(a, (struct bridge_msg){.type = BRIDGE_DATAGRAMS,
	                                   .listener = &a->l,
	                                   .app = a->port,
	                                   .token = a->token,
	                                   .port = port});
	assert_true(LANES_UNTIL(w, a->listening, NS_PER_S));
	lapp_post(a, slot, slot);
	lanes_for(w, NS_PER_MS);
	assert_true(held(a, slot) && has(a, slot, APPSEG_BOUND));
}

static inline void peer(struct lapp *a, uint32_t slot, const struct node_id *id, uint16_t port)
{
	assert_true(lapp_say(
	        a,
	        (struct applane_msg){.type = APPLANE_PEER, .slot = slot, .port = port, .id = *id}));
}

/* Byte i of the datagram with this number. */
static inline uint8_t dgram_byte(uint32_t number, uint32_t i)
{
	return (uint8_t)((number * 2654435761u >> 7) + i * 31);
}

/* Writes one into the out ring. False: no room. */
static inline bool put(struct lapp *a, uint32_t slot, const struct node_id *id, uint16_t port,
                       uint32_t number, uint32_t len)
{
	struct bytering *r = &a->slot[slot].side.out;
	struct appdgram h = {.len = len, .port = port, .id = *id};
	uint8_t payload[APPDGRAM_MOST + 8] = {0};

	if (bytering_room(r) < appdgram_bytes(len))
		return false;
	for (uint32_t i = 0; i < len; i++)
		payload[i] = dgram_byte(number, i);
	appdgram_put(r, 0, &h, sizeof(h));
	appdgram_put(r, sizeof(h), payload, appdgram_bytes(len) - (uint32_t)sizeof(h));
	bytering_commit(r, appdgram_bytes(len));
	lapp_kick(a, slot);
	return true;
}

/* Takes one out of the in ring. Its length, or -1: none is there. */
static inline int get(struct lapp *a, uint32_t slot, struct appdgram *h,
                      uint8_t payload[APPDGRAM_MOST])
{
	struct bytering *r = &a->slot[slot].side.in;
	int there = appdgram_first(r, bytering_used(r), h);

	assert_true(there >= 0);
	if (!there)
		return -1;
	appdgram_get(r, sizeof(*h), payload, h->len);
	bytering_consume(r, appdgram_bytes(h->len));
	return (int)h->len;
}

/* The next one is that number, of len bytes, from the port of id. */
static inline void expect(struct lapp *a, uint32_t slot, const struct node_id *id, uint16_t port,
                          uint32_t number, uint32_t len)
{
	uint8_t payload[APPDGRAM_MOST];
	struct appdgram h;

	assert_int_equal(get(a, slot, &h, payload), len);
	assert_int_equal(h.port, port);
	assert_true(id_eq(&h.id, id));
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(payload[i], dgram_byte(number, i));
}

static inline void expect_none(struct lapp *a, uint32_t slot)
{
	uint8_t payload[APPDGRAM_MOST];
	struct appdgram h;

	assert_int_equal(get(a, slot, &h, payload), -1);
}

/* The error that the slot was told, once; 0: none. */
static inline int take_error(struct lapp *a, uint32_t slot)
{
	struct appseg_stream *st = &a->slot[slot].words->stream;
	uint32_t told = atomic_fetch_and(&st->told, ~APPSEG_DATAGRAM_ERROR);

	return told & APPSEG_DATAGRAM_ERROR ? atomic_load(&st->err) : 0;
}

static inline uint32_t path_of(struct lapp *a, uint32_t slot, const struct node_id *id)
{
	return appdgram_path_get(appseg_paths(a->slot[slot].words), id);
}

static inline uint64_t dropped(struct lanes *w, unsigned side, enum drop_reason why)
{
	return w->n.side[side].w.drops[why];
}

static inline struct node_id *id_of(struct lanes *w, unsigned side)
{
	return &w->n.cfg[side].id;
}

/* Both sides have their ports, in slot 0. */
static inline void both_bound(struct lanes *w)
{
	bind_port(w, &w->a, 0, PORT_A);
	bind_port(w, &w->b, 0, PORT_B);
}
