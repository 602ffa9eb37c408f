/* SPDX-License-Identifier: BSD-3-Clause */
/* How long a node shows a cookie that it was given: less than its giver accepts it for. The test is the neighbour. */
#include "ground.h"

#include "peer/peer.h"
#include "wire/hsmsg.h"
#include "wire/link.h"

#include <string.h>

/* A giver renews its secret after 120 s and accepts the one before it: any cookie is good for 120 s. */
#define SHOWN_FOR (100 * NS_PER_S)

static const struct news nobody;

struct dialer {
	struct ground g;
	struct node *n;
	struct peer *p;
	struct node_id there;
	struct cookie_jar jar; /* of the neighbour */
};

static void dialer_open(struct dialer *d, uint64_t seed)
{
	struct node_link_cfg cfg = {
	        .io = {.mtu = 1400, .sealed = 1}, .name = "n", .initiate = true, .expect_id = true};

	*d = (struct dialer){.jar.period = -1};
	ground_open(&d->g, seed);
	d->n = ground_node(&d->g, &nobody);
	assert_int_equal(peers_new(d->n), 0);
	rng_fill(&d->g.rng, d->there.b, ID_BYTES);
	cfg.id = d->there;
	assert_int_equal(peer_add(d->n, &cfg), 0);
	d->p = peer_by_link(d->n, 0);
}

static void dialer_close(struct dialer *d)
{
	peers_free(d->n);
	ctx_destroy(d->n);
	ground_close(&d->g);
}

/* The next output that sends a handshake frame. False: there is none. */
static bool next_frame(struct dialer *d, struct node_output *o)
{
	while (node_output(d->n, o))
		if (o->type == OUT_COMMAND && o->u.command.cmd.type == CMD_SEND &&
		    o->u.command.cmd.u.send.raw)
			return true;
	return false;
}

/* The first message of a new handshake, which must be sent, and where its macs stand. */
static void first_message(struct dialer *d, struct dp_packet *pk, size_t *mac1_at)
{
	struct node_output o;
	struct hs_envelope env;

	peer_handshake_start(d->n, d->p);
	*pk = (struct dp_packet){.len = 0};
	while (next_frame(d, &o)) {
		const struct cp_send *c = &o.u.command.cmd.u.send;

		*pk = (struct dp_packet){.link = 0, .len = c->len};
		memcpy(pk->data, c->data, pk->len);
	}
	assert_true(pk->len > LINK_HEADER_BYTES);
	assert_true(
	        hs_envelope_read(pk->data + LINK_HEADER_BYTES, pk->len - LINK_HEADER_BYTES, &env));
	*mac1_at = LINK_HEADER_BYTES + env.mac1_at;
}

/* Whether a first message of now shows a cookie, which the neighbour must take for one of its own. */
static bool shows_cookie(struct dialer *d)
{
	static const uint8_t none[COOKIE_MAC_BYTES];
	struct dp_packet pk;
	size_t at;

	first_message(d, &pk, &at);
	at += COOKIE_MAC_BYTES;
	if (cookie_mac_equal(pk.data + at, none))
		return false;
	assert_true(cookie_check(&d->jar, d->n->now, "here", 4, pk.data, at, pk.data + at));
	return true;
}

/* The neighbour answers a first message by a cookie. */
static void give_cookie(struct dialer *d)
{
	uint8_t cookie[COOKIE_BYTES];
	struct dp_packet first, answer = {.len = LINK_HEADER_BYTES + COOKIE_REPLY_BYTES};
	struct link_header asked = {.counter = 0},
	                   h = {.type = LINK_COOKIE, .length = COOKIE_REPLY_BYTES};
	size_t at;

	first_message(d, &first, &at);
	assert_true(link_header_get(first.data, first.len, &asked));
	h.receiver = (uint32_t)asked.counter;
	link_header_put(answer.data, &h);
	cookie_make(&d->jar, d->n->now, "here", 4, cookie);
	cookie_seal(&d->there, &d->g.rng, first.data + at, cookie, answer.data + LINK_HEADER_BYTES);
	peer_handshake_rx(d->n, d->p, &answer);
}

static void test_shown_for_100_s(void **state)
{
	struct dialer d;

	dialer_open(&d, 1);
	assert_false(shows_cookie(&d));
	for (unsigned round = 0; round < 2; round++) {
		give_cookie(&d);
		assert_true(shows_cookie(&d));
		d.n->now.ns += SHOWN_FOR - 1;
		assert_true(shows_cookie(&d));
		d.n->now.ns++;
		assert_false(shows_cookie(&d));
	}
	dialer_close(&d);
}

/* How many handshake frames wait to be sent. */
static unsigned frames(struct dialer *d)
{
	struct node_output o;
	unsigned k = 0;

	while (next_frame(d, &o))
		k++;
	return k;
}

/* The first cookie is shown at once; somebody on the way who makes more of them does not make this node send at his pace. */
static void test_first_is_shown_at_once(void **state)
{
	struct dialer d;

	dialer_open(&d, 2);
	give_cookie(&d);
	assert_int_equal(frames(&d), 1);
	for (unsigned i = 0; i < 5; i++) {
		give_cookie(&d);
		assert_int_equal(frames(&d), 0);
	}
	d.n->now.ns += SHOWN_FOR;
	give_cookie(&d);
	assert_int_equal(frames(&d), 1);
	dialer_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_shown_for_100_s),
	        cmocka_unit_test(test_first_is_shown_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
