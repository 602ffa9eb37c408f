/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that are here before their key or their session: they wait, bounded in number and time, and are not lost. */
#include "sessapp.h"
#include "core/link.h"
#include "wire/tunnel.h"

#include <errno.h>

static void test_packets_wait_for_their_key(void **state)
{
	struct pair *p = *state;
	uint64_t drops;

	sessnet_up(&p->n);
	connected(p);
	sessnet_tx_key(&p->n, 0, 1, 2);
	app_shut(&p->a);
	run(p, 100 * NS_PER_MS);
	assert_false(told(&p->b, STREAM_EOF));
	drops = p->n.side[1].w.drops[DROP_SESSION_WAIT];
	assert_int_equal(drops, 0);
	/* What waited is delivered the moment its key comes, without a retransmission. */
	sessnet_rx_key(&p->n, 1, 2, 2);
	run(p, NS_PER_MS);
	assert_true(told(&p->b, STREAM_EOF));
}

/* The first data comes by a tunnel whose session is not known yet, as that of a responder until the third message. */
static void test_packets_wait_for_their_session(void **state)
{
	struct pair *p = *state;
	struct side *b = &p->n.side[1];
	uint8_t hs[40] = {0};
	struct cp_cmd c = {.type = CMD_SESSION_SET};
	struct tunnel_header h = {.type = TUNNEL_HANDSHAKE, .counter = 3};
	static struct link link;
	struct dp_event ev;

	b->w.link[SESSNET_LINK] = &link;
	bucket_init(&link.unproven, 2, 2);
	b->in_session = CP_SESSION_NONE;
	sessnet_session(&p->n, 0, 1, b->in_label);
	sessnet_rx_key(&p->n, 0, 1, 0);
	sessnet_tx_key(&p->n, 0, 1, 0);
	app_listen(&p->b);
	app_connect(&p->n, &p->a, 0);
	run(p, 20 * NS_PER_MS);
	/* A handshake goes to control, so many of a link; what is neither goes nowhere. */
	for (unsigned i = 0; i < 3; i++) {
		tunnel_header_put(hs, &h, sizeof(hs));
		sessnet_inject(&p->n, 1, hs, sizeof(hs));
	}
	assert_int_equal(sessnet_events(b, EVT_PACKET, &ev), 2);
	assert_int_equal(ev.u.packet.reason, PUNT_SESSION_HS);
	assert_int_equal(ev.u.packet.session, CP_SESSION_NONE);
	assert_int_equal(ev.u.packet.in_label, b->in_label);
	assert_int_equal(ev.u.packet.number, 3);
	assert_int_equal(b->w.drops[DROP_PUNT_RATE], 1);
	h.type = TUNNEL_OAM_CLEAR;
	tunnel_header_put(hs, &h, sizeof(hs));
	sessnet_inject(&p->n, 1, hs, sizeof(hs));
	assert_int_equal(b->w.drops[DROP_NO_SESSION], 1);
	/* Another label's session is not this one's. */
	c.u.session = (struct cp_session){.session = 2,
	                                  .out_link = SESSNET_LINK,
	                                  .path_mtu = 1280,
	                                  .out_label = p->n.side[0].in_label,
	                                  .in_link = SESSNET_LINK,
	                                  .in_label = b->in_label + 1,
	                                  .remote = p->n.cfg[0].id};
	sessnet_command(&p->n, 1, &c);
	sessnet_rx_key(&p->n, 1, 2, 0);
	sessnet_tx_key(&p->n, 1, 2, 0);
	assert_int_equal(sessnet_events(b, EVT_SESSION_USED, NULL), 0);
	c.u.session.in_label = b->in_label;
	sessnet_command(&p->n, 1, &c);
	b->in_session = 2;
	sessnet_rx_key(&p->n, 1, 2, 1);
	/* A way there and back, not a retransmission timeout. */
	run(p, 11 * NS_PER_MS);
	assert_true(p->a.connected);
	b->w.link[SESSNET_LINK] = NULL;
}

static void *zeroed(void *arg, size_t n)
{
	void *p = aligned_alloc(64, n);

	return p ? memset(p, 0, n) : NULL;
}

static void released(void *arg, void *p, size_t n)
{
	free(p);
}

static const struct table_mem heap = {.alloc = zeroed, .free = released};

/* B's label means this session from now on, in the map of its worker. */
static void bind_label(struct side *b, struct link *link, uint32_t session)
{
	struct cp_ilm c = {.in_link = SESSNET_LINK,
	                   .in_label = b->in_label,
	                   .op = ILM_SESSION,
	                   .out_label = LABEL_NONE,
	                   .twin_label = LABEL_NONE,
	                   .session = session};

	assert_int_equal(ilm_set(&link->ilm, &heap, &c), 0);
	b->w.link[SESSNET_LINK] = link;
}

static void unbind_labels(struct side *b, struct link *link)
{
	ilm_clear(&link->ilm, &heap);
	b->w.link[SESSNET_LINK] = NULL;
}

/* A is the first to have its session, and calls; B's comes with set_b(). */
static void called_by_a(struct pair *p, uint32_t in_session)
{
	p->n.side[1].in_session = in_session;
	sessnet_session(&p->n, 0, 1, p->n.side[1].in_label);
	sessnet_rx_key(&p->n, 0, 1, 0);
	sessnet_tx_key(&p->n, 0, 1, 0);
	app_listen(&p->b);
	app_connect(&p->n, &p->a, 0);
}

static void set_b(struct pair *p)
{
	struct cp_cmd c = {.type = CMD_SESSION_SET};

	c.u.session = (struct cp_session){.session = 2,
	                                  .out_link = SESSNET_LINK,
	                                  .path_mtu = 1280,
	                                  .out_label = p->n.side[0].in_label,
	                                  .in_link = SESSNET_LINK,
	                                  .in_label = p->n.side[1].in_label,
	                                  .remote = p->n.cfg[0].id};
	sessnet_command(&p->n, 1, &c);
	sessnet_rx_key(&p->n, 1, 2, 0);
	sessnet_tx_key(&p->n, 1, 2, 0);
}

/* The label is bound by one command and the session made by the next: what comes between them is not lost. */
static void test_label_is_bound_before_its_session_is_here(void **state)
{
	struct pair *p = *state;
	struct side *b = &p->n.side[1];
	static struct link link;

	bind_label(b, &link, 2);
	called_by_a(p, 2);
	run(p, 20 * NS_PER_MS);
	assert_int_equal(b->w.drops[DROP_NO_SESSION], 0);
	set_b(p);
	run(p, 11 * NS_PER_MS);
	assert_true(p->a.connected);
	unbind_labels(b, &link);
}

/* A packet that another worker read before the label was bound arrives after the session is here. */
static void test_label_was_read_before_it_was_bound(void **state)
{
	struct pair *p = *state;
	struct side *b = &p->n.side[1];
	static struct link link;

	bind_label(b, &link, 2);
	set_b(p);
	called_by_a(p, CP_SESSION_NONE);
	run(p, 21 * NS_PER_MS);
	assert_true(p->a.connected);
	unbind_labels(b, &link);
}

/* A session's number under a label that is no session's, or no label any more. */
static void test_session_that_is_gone(void **state)
{
	struct pair *p = *state;
	struct side *b = &p->n.side[1];
	static struct link link;

	called_by_a(p, 2);
	run(p, 20 * NS_PER_MS);
	assert_int_equal(b->w.drops[DROP_NO_SESSION], 1);
	bind_label(b, &link, 2);
	ilm_get(&link.ilm, b->in_label)->op = ILM_SINK;
	run(p, NS_PER_S);
	assert_int_equal(b->w.drops[DROP_NO_SESSION], 2);
	unbind_labels(b, &link);
}

/* Nobody fills the places of all others with data for a session that never comes, and what waits is let go of. */
static void test_waiting_for_a_session_is_bounded_and_ends(void **state)
{
	struct pair *p = *state;
	struct side *b = &p->n.side[1];
	uint8_t packet[100] = {0};
	struct tunnel_header h = {.type = TUNNEL_DATA};

	sessnet_up(&p->n);
	b->in_session = CP_SESSION_NONE;
	tunnel_header_put(packet, &h, sizeof(packet));
	for (unsigned i = 0; i < 80; i++)
		sessnet_inject(&p->n, 1, packet, sizeof(packet));
	assert_int_equal(b->w.drops[DROP_SESSION_WAIT], 80 - 32);
	run(p, 10 * NS_PER_S);
	assert_int_equal(b->w.drops[DROP_NO_SESSION], 32);
	sessnet_inject(&p->n, 1, packet, sizeof(packet));
}

static void test_waiting_is_bounded_and_ends(void **state)
{
	struct pair *p = *state;
	uint8_t packet[100] = {0};
	struct tunnel_header h = {.type = TUNNEL_DATA, .phase = 3};

	sessnet_up(&p->n);
	for (unsigned i = 0; i < 40; i++) {
		h.counter = i;
		tunnel_header_put(packet, &h, sizeof(packet));
		sessnet_inject(&p->n, 1, packet, sizeof(packet));
	}
	assert_int_equal(p->n.side[1].w.drops[DROP_SESSION_WAIT], 24);
	run(p, 10 * NS_PER_S);
	assert_int_equal(p->n.side[1].w.drops[DROP_SESSION_NO_KEY], 16);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	        T(test_packets_wait_for_their_key),
	        T(test_packets_wait_for_their_session),
	        T(test_label_is_bound_before_its_session_is_here),
	        T(test_label_was_read_before_it_was_bound),
	        T(test_session_that_is_gone),
	        T(test_waiting_for_a_session_is_bounded_and_ends),
	        T(test_waiting_is_bounded_and_ends),
	};

	sessnet_global();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
