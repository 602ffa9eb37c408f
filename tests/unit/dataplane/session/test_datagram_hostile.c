/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams of applications and of peers that lie: it costs the liar its slot or its packet, and nobody else anything. */
#include "dgramapp.h"

/* ---- a peer ---- */

static void arrives(struct lanes *w, const uint8_t *p, uint32_t len)
{
	struct worker_sessions *s = w->n.side[1].sess;

	datagram_rx(s, s->table[2], p, len, w->n.now);
}

/* Short headers, wrong lengths, ports 0: counted, and nothing comes of them. */
static void test_peer_lies_about_lengths(void **state)
{
	struct lanes *w = *state;
	const struct udp_header h = {PORT_A, PORT_B};
	uint8_t p[2048] = {0};
	uint64_t bad = 0;

	both_bound(w);
	udp_header_put(p, &h, 100);
	for (uint32_t len = 0; len <= 300; len++) {
		arrives(w, p, len);
		bad += len != 108;
	}
	assert_int_equal(dropped(w, 1, DROP_UDP), bad);
	udp_header_put(p, &(struct udp_header){0, PORT_B}, 100);
	arrives(w, p, 108);
	udp_header_put(p, &(struct udp_header){PORT_A, 0}, 100);
	arrives(w, p, 108);
	be16_store(p + 4, 0);
	arrives(w, p, 108);
	assert_int_equal(dropped(w, 1, DROP_UDP), bad + 3);
	/* Longer than any that an application here could have sent. */
	udp_header_put(p, &h, APPDGRAM_MOST + 1);
	arrives(w, p, UDP_HEADER_BYTES + APPDGRAM_MOST + 1);
	assert_int_equal(dropped(w, 1, DROP_UDP_FULL), 1);
	assert_int_equal(lanes_count(w, 1)->datagrams_in, 1);
}

/* Random bytes, random ports. */
static void test_peer_sends_anything(void **state)
{
	struct lanes *w = *state;
	struct rng_seeded seeded;
	struct rng rng;
	uint8_t p[2048], payload[APPDGRAM_MOST];
	struct appdgram h;

	both_bound(w);
	rng_seeded_init(&seeded, 11);
	rng = rng_from_seeded(&seeded);
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t len = (uint32_t)rng_below(&rng, 64);

		rng_fill(&rng, p, sizeof(p));
		if (i & 1)
			be16_store(p + 4, (uint16_t)len);
		if (i & 2)
			be16_store(p + 2, PORT_B);
		arrives(w, p, len);
		if (i % 100 == 0)
			lanes_for(w, NS_PER_MS);
		while (get(&w->b, 0, &h, payload) >= 0)
			assert_in_range(h.len, 0, 56);
	}
	assert_int_equal(lanes_count(w, 1)->app_nonsense, 0);
}

/* "Nobody there" says something about the peer that says it, and only where it could be so. */
static void test_peer_lies_about_ports(void **state)
{
	struct lanes *w = *state;
	struct worker_sessions *s = w->n.side[1].sess;
	uint8_t body[OAM_BYTES + 8] = {OAM_PORT_UNREACHABLE};
	struct node_id third;

	both_bound(w);
	memset(third.b, 0x55, sizeof(third.b));
	be32_store(body + 4, (uint32_t)PORT_B << 16 | 9);
	datagram_nobody(s, s->table[2], body, OAM_BYTES);
	assert_int_equal(take_error(&w->b, 0), 0);
	peer(&w->b, 0, &third, 9);
	lanes_for(w, NS_PER_MS);
	datagram_nobody(s, s->table[2], body, OAM_BYTES);
	assert_int_equal(take_error(&w->b, 0), 0);
	peer(&w->b, 0, id_of(w, 0), 9);
	lanes_for(w, NS_PER_MS);
	datagram_nobody(s, s->table[2], body, OAM_BYTES + 8);
	assert_int_equal(dropped(w, 1, DROP_SESSION_OAM), 1);
	assert_int_equal(take_error(&w->b, 0), 0);
	for (uint32_t port = 0; port < 65536; port++) {
		be32_store(body + 4, port << 16 | 9);
		if (port != PORT_B)
			datagram_nobody(s, s->table[2], body, OAM_BYTES);
	}
	assert_int_equal(take_error(&w->b, 0), 0);
	be32_store(body + 4, (uint32_t)PORT_B << 16 | 9);
	datagram_nobody(s, s->table[2], body, OAM_BYTES);
	assert_int_equal(take_error(&w->b, 0), ECONNREFUSED);
}

/* ---- an application ---- */

/* Its slot is told EPROTO, and can be given back. */
static void expect_broken(struct lanes *w, uint32_t slot)
{
	assert_true(LANES_UNTIL(w, has(&w->a, slot, STREAM_ERROR), NS_PER_S));
	assert_int_equal(lapp_err(&w->a, slot), EPROTO);
	assert_int_equal(lanes_count(w, 0)->app_nonsense, 1);
	lapp_close(&w->a, slot, false);
	assert_true(LANES_UNTIL(w, has(&w->a, slot, APPSEG_FREE), NS_PER_S));
	lapp_unlisten(&w->a);
	assert_true(LANES_UNTIL(w, w->a.unlistened, NS_PER_S));
}

/* A record of n bytes, of which the header says something else. */
static void put_raw(struct lapp *a, uint32_t slot, const struct appdgram *h, uint32_t n)
{
	struct bytering *r = &a->slot[slot].side.out;

	appdgram_put(r, 0, h, n < sizeof(*h) ? n : sizeof(*h));
	bytering_commit(r, n);
	lapp_kick(a, slot);
}

static void test_record_longer_than_it_is(void **state)
{
	struct lanes *w = *state;
	struct appdgram h = {.len = 100, .port = PORT_B, .id = *id_of(w, 1)};

	both_bound(w);
	put_raw(&w->a, 0, &h, appdgram_bytes(100) - 8);
	expect_broken(w, 0);
}

static void test_record_longer_than_any(void **state)
{
	struct lanes *w = *state;
	struct appdgram h = {.len = UINT32_MAX - 70, .port = PORT_B, .id = *id_of(w, 1)};

	both_bound(w);
	put_raw(&w->a, 0, &h, 4096);
	expect_broken(w, 0);
}

static void test_half_a_header(void **state)
{
	struct lanes *w = *state;
	struct appdgram h = {.len = 0, .port = PORT_B, .id = *id_of(w, 1)};

	both_bound(w);
	put_raw(&w->a, 0, &h, 64);
	expect_broken(w, 0);
}

static void test_port_zero(void **state)
{
	struct lanes *w = *state;
	struct appdgram h = {.len = 0, .port = 0, .id = *id_of(w, 1)};

	both_bound(w);
	put_raw(&w->a, 0, &h, sizeof(h));
	expect_broken(w, 0);
}

/* It says that it has written more than the ring holds, or read what never came. */
static void test_impossible_indices(void **state)
{
	struct lanes *w = *state;

	both_bound(w);
	assert_true(put(&w->b, 0, id_of(w, 0), PORT_A, 0, 10));
	atomic_store(&w->a.slot[0].words->stream.in.tail, 4096);
	expect_broken(w, 0);
}

static void test_impossible_head(void **state)
{
	struct lanes *w = *state;

	both_bound(w);
	atomic_store(&w->a.slot[0].words->stream.out.head, 10 * RING);
	lapp_kick(&w->a, 0);
	expect_broken(w, 0);
}

/* Half a header lies there when the slot is closed. */
static void test_closed_with_garbage(void **state)
{
	struct lanes *w = *state;
	struct appdgram h = {.len = 0, .port = PORT_B, .id = *id_of(w, 1)};

	both_bound(w);
	put_raw(&w->a, 0, &h, 64);
	lapp_close(&w->a, 0, false);
	assert_true(LANES_UNTIL(w, has(&w->a, 0, APPSEG_FREE), NS_PER_S));
	lapp_unlisten(&w->a);
	assert_true(LANES_UNTIL(w, w->a.unlistened, NS_PER_S));
}

/* Messages about slots that make no sense for what they are. */
static void test_messages_that_cannot_be(void **state)
{
	struct lanes *w = *state;
	uint64_t n = 0;

	both_bound(w);
	peer(&w->a, 7, id_of(w, 1), 9); /* not held */
	peer(&w->a, SLOTS + 5, id_of(w, 1), 9);
	n += 2;
	lanes_for(w, NS_PER_MS);
	assert_int_equal(lanes_count(w, 0)->app_nonsense, n);
	/* Of a stream. */
	lapp_connect(&w->a, 4, id_of(w, 1), PORT);
	peer(&w->a, 4, id_of(w, 1), 9);
	lanes_for(w, NS_PER_MS);
	assert_int_equal(lanes_count(w, 0)->app_nonsense, ++n);
	assert_true(has(&w->a, 4, STREAM_ERROR));
	/* A second slot for the same port comes back. */
	lapp_post(&w->a, 5, 5);
	assert_true(LANES_UNTIL(w, has(&w->a, 5, APPSEG_FREE), NS_PER_S));
	/* The first is given twice. */
	assert_true(put(&w->a, 0, id_of(w, 1), PORT_B, 3, 30));
	lanes_for(w, ANSWERED);
	expect(&w->b, 0, id_of(w, 0), PORT_A, 3, 30);
	assert_true(lapp_say(
	        &w->a,
	        (struct applane_msg){.type = APPLANE_ACCEPT_INTO, .slot = 0, .token = w->a.token}));
	lanes_for(w, NS_PER_MS);
	assert_int_equal(lanes_count(w, 0)->app_nonsense, ++n);
	assert_true(has(&w->a, 0, STREAM_ERROR));
	/* What comes to a port that has lost its slot is counted. */
	assert_true(put(&w->b, 0, id_of(w, 0), PORT_A, 0, 10));
	lanes_for(w, ANSWERED);
	assert_int_equal(dropped(w, 0, DROP_UDP_FULL), 1);
}

/* The words and rings of one application are overwritten with anything, again and again, while another one's datagrams go through. */
static void test_scribbler(void **state)
{
	struct lanes *w = *state;
	struct rng_seeded seeded;
	struct rng rng;
	uint32_t rounds = 0, broken = 0;

	bind_port(w, &w->b, 0, PORT_B);
	rng_seeded_init(&seeded, 5);
	rng = rng_from_seeded(&seeded);
	for (unsigned i = 0; i < 300; i++) {
		uint32_t slot = i % SLOTS;
		uint8_t *ring;

		w->a.listening = w->a.unlistened = w->a.listener_gone = false;
		bind_port(w, &w->a, slot, PORT_A);
		peer(&w->a, slot, id_of(w, 1), PORT_B);
		ring = w->a.slot[slot].side.out.data;
		for (unsigned k = 0; k < 30; k++) {
			struct appseg_slot *words = w->a.slot[slot].words;

			assert_true(put(&w->b, 0, id_of(w, 1), PORT_B, rounds, 100));
			put(&w->a, slot, id_of(w, 1), PORT_B + 1, 7,
			    (uint32_t)rng_below(&rng, 200));
			switch (rng_below(&rng, 8)) {
			case 0:
				atomic_store(&words->stream.out.head, rng_u64(&rng));
				break;
			case 1:
				atomic_store(&words->stream.in.tail, rng_u64(&rng));
				break;
			case 2:
				rng_fill(&rng, (uint8_t *)appseg_paths(words),
				         APPDGRAM_PATHS * sizeof(struct appdgram_path));
				break;
			case 3:
				rng_fill(&rng, ring, RING);
				break;
			default:
				rng_fill(&rng, ring + rng_below(&rng, RING - 8), 8);
				break;
			}
			lapp_kick(&w->a, slot);
			lanes_for(w, NS_PER_MS);
			expect(&w->b, 0, id_of(w, 1), PORT_B, rounds++, 100);
		}
		broken += has(&w->a, slot, STREAM_ERROR);
		lapp_close(&w->a, slot, false);
		lapp_unlisten(&w->a);
		assert_true(
		        LANES_UNTIL(w, w->a.unlistened && has(&w->a, slot, APPSEG_FREE), NS_PER_S));
	}
	assert_in_range(broken, 10, 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        T(test_peer_lies_about_lengths),
	        T(test_peer_sends_anything),
	        T(test_peer_lies_about_ports),
	        T(test_record_longer_than_it_is),
	        T(test_record_longer_than_any),
	        T(test_half_a_header),
	        T(test_port_zero),
	        T(test_impossible_indices),
	        T(test_impossible_head),
	        T(test_closed_with_garbage),
	        T(test_messages_that_cannot_be),
	        T(test_scribbler),
	};

	sessnet_global();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
