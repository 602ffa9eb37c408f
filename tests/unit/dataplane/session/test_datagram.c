/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams of applications with a segment: whole or not at all, refused where nobody is, held for a session, never waited for. */
#include "dgramapp.h"

/* ---- between two nodes ---- */

/* Every length goes through whole, and the rings wrap at every place. */
static void test_boundaries_hold(void **state)
{
	struct lanes *w = *state;
	uint32_t number = 0;

	both_bound(w);
	for (uint32_t len = 0; len <= 1272; len += len < 40 || len > 1240 ? 1 : 13) {
		assert_true(put(&w->a, 0, id_of(w, 1), PORT_B, number, len));
		assert_true(put(&w->a, 0, id_of(w, 1), PORT_B, number + 1, 1272 - len));
		lanes_for(w, ARRIVES);
		expect(&w->b, 0, id_of(w, 0), PORT_A, number, len);
		expect(&w->b, 0, id_of(w, 0), PORT_A, number + 1, 1272 - len);
		assert_true(put(&w->b, 0, id_of(w, 0), PORT_A, number, len));
		lanes_for(w, ARRIVES);
		expect(&w->a, 0, id_of(w, 1), PORT_B, number, len);
		number += 2;
	}
	expect_none(&w->b, 0);
	assert_int_equal(lanes_count(w, 0)->datagrams_out, number);
	assert_int_equal(lanes_count(w, 1)->datagrams_in, number);
	assert_true(w->a.slot[0].side.out.mine > 3 * RING);
	assert_int_equal(lanes_count(w, 0)->app_nonsense + lanes_count(w, 1)->app_nonsense, 0);
}

/* Loss is loss: what comes is whole, and nobody sends it again. */
static void test_loss(void **state)
{
	struct lanes *w = *state;
	uint8_t payload[APPDGRAM_MOST];
	unsigned came = 0;
	struct appdgram h;

	both_bound(w);
	w->n.loss_ppm = 300000;
	for (uint32_t i = 0; i < 300; i++) {
		assert_true(put(&w->a, 0, id_of(w, 1), PORT_B, i, 500));
		lanes_for(w, ARRIVES);
		while (get(&w->b, 0, &h, payload) >= 0) {
			assert_int_equal(h.len, 500);
			came++;
		}
	}
	assert_in_range(came, 1, 299);
	assert_int_equal(lanes_count(w, 0)->datagrams_out, 300);
	assert_int_equal(lanes_count(w, 1)->datagrams_in, came);
}

/* ---- how long ---- */

static void path_mtu(struct lanes *w, unsigned side, uint16_t mtu)
{
	struct cp_cmd c = {.type = CMD_SESSION_SET};

	c.u.session = (struct cp_session){.session = side + 1,
	                                  .out_link = SESSNET_LINK,
	                                  .path_mtu = mtu,
	                                  .out_label = w->n.side[1 - side].in_label,
	                                  .remote = w->n.cfg[1 - side].id};
	sessnet_command(&w->n, side, &c);
}

/* Whoever has sent to an id is told how long one may be, and told again when the path changes; the one that is too long is told to who named the
 * peer. */
static void test_longer_than_the_path(void **state)
{
	struct lanes *w = *state;

	both_bound(w);
	assert_int_equal(path_of(&w->a, 0, id_of(w, 1)), 0);
	assert_true(put(&w->a, 0, id_of(w, 1), PORT_B, 1, 1273));
	lanes_for(w, ARRIVES);
	assert_int_equal(path_of(&w->a, 0, id_of(w, 1)), 1272);
	assert_int_equal(dropped(w, 0, DROP_TOO_BIG), 1);
	assert_int_equal(take_error(&w->a, 0), 0);
	peer(&w->a, 0, id_of(w, 1), PORT_B);
	assert_true(put(&w->a, 0, id_of(w, 1), PORT_B, 2, 1273));
	lanes_for(w, ARRIVES);
	assert_int_equal(take_error(&w->a, 0), EMSGSIZE);
	path_mtu(w, 0, 1000);
	assert_int_equal(path_of(&w->a, 0, id_of(w, 1)), 992);
	path_mtu(w, 0, 5000);
	assert_int_equal(path_of(&w->a, 0, id_of(w, 1)), APPDGRAM_MOST);
	assert_true(put(&w->a, 0, id_of(w, 1), PORT_B, 3, APPDGRAM_MOST));
	lanes_for(w, ARRIVES);
	expect(&w->b, 0, id_of(w, 0), PORT_A, 3, APPDGRAM_MOST);
	expect_none(&w->b, 0);
	/* Without a session nothing is known. */
	end_free(w->n.side[0].sess, w->n.side[0].sess->table[1], w->n.now);
	assert_int_equal(path_of(&w->a, 0, id_of(w, 1)), 0);
}

/* ---- nobody there ---- */

static void test_unknown_port(void **state)
{
	struct lanes *w = *state;

	both_bound(w);
	peer(&w->a, 0, id_of(w, 1), 9);
	assert_true(put(&w->a, 0, id_of(w, 1), 9, 0, 10));
	lanes_for(w, ANSWERED);
	assert_int_equal(dropped(w, 1, DROP_UDP_PORT), 1);
	assert_int_equal(take_error(&w->a, 0), ECONNREFUSED);
	assert_int_equal(take_error(&w->a, 0), 0);
	/* Of another port, and of who has not said whom it talks to, nobody is told. */
	assert_true(put(&w->a, 0, id_of(w, 1), 10, 0, 10));
	lanes_for(w, ANSWERED);
	assert_int_equal(take_error(&w->a, 0), 0);
	peer(&w->a, 0, id_of(w, 1), 0);
	assert_true(put(&w->a, 0, id_of(w, 1), 9, 0, 10));
	lanes_for(w, ANSWERED);
	assert_int_equal(take_error(&w->a, 0), 0);
	assert_int_equal(dropped(w, 1, DROP_UDP_PORT), 3);
}

/* A flood to ports that nobody has is answered at a bounded rate. */
static void test_refusals_are_bounded(void **state)
{
	struct lanes *w = *state;
	uint64_t before;

	both_bound(w);
	before = lanes_count(w, 1)->session_out;
	for (uint32_t i = 0; i < 1000; i++) {
		assert_true(put(&w->a, 0, id_of(w, 1), 9, i, 0));
		lanes_for(w, NS_PER_MS / 4);
	}
	lanes_for(w, ANSWERED);
	assert_int_equal(dropped(w, 1, DROP_UDP_PORT), 1000);
	assert_in_range(lanes_count(w, 1)->session_out - before, 1, 2 * SESS_NOBODY_RATE);
}

/* Whoever has named its peer hears that one alone; the others are refused. */
static void test_hears_its_peer_alone(void **state)
{
	struct lanes *w = *state;

	both_bound(w);
	peer(&w->b, 0, id_of(w, 0), PORT_A + 1);
	peer(&w->a, 0, id_of(w, 1), PORT_B);
	assert_true(put(&w->a, 0, id_of(w, 1), PORT_B, 0, 5));
	lanes_for(w, ANSWERED);
	expect_none(&w->b, 0);
	assert_int_equal(take_error(&w->a, 0), ECONNREFUSED);
	peer(&w->b, 0, id_of(w, 0), PORT_A);
	assert_true(put(&w->a, 0, id_of(w, 1), PORT_B, 1, 5));
	lanes_for(w, ANSWERED);
	expect(&w->b, 0, id_of(w, 0), PORT_A, 1, 5);
	assert_int_equal(take_error(&w->a, 0), 0);
}

/* ---- full ---- */

/* A ring that nobody reads takes what it has room for: the rest is counted, and the worker waits for nobody. */
static void test_full_ring(void **state)
{
	struct lanes *w = *state;
	const uint32_t fits = RING / appdgram_bytes(1000), all = 3 * fits;
	uint32_t sent = 0;

	both_bound(w);
	while (sent < all) {
		while (sent < all && put(&w->a, 0, id_of(w, 1), PORT_B, sent, 1000))
			sent++;
		lanes_for(w, ARRIVES);
	}
	lanes_for(w, ANSWERED);
	assert_int_equal(lanes_count(w, 1)->datagrams_in, fits);
	assert_int_equal(dropped(w, 1, DROP_UDP_FULL), all - fits);
	for (uint32_t i = 0; i < fits; i++)
		expect(&w->b, 0, id_of(w, 0), PORT_A, i, 1000);
	expect_none(&w->b, 0);
}

static void test_less_room_was_asked_for(void **state)
{
	struct lanes *w = *state;
	struct applane_msg m = {.type = APPLANE_OPTION, .option = APPLANE_OPT_IN_MOST};

	both_bound(w);
	m.value = 3000;
	m.seq = 7;
	assert_true(lapp_say(&w->b, m));
	lanes_for(w, NS_PER_MS);
	assert_int_equal(atomic_load(&w->b.slot[0].words->option_seq), 7);
	assert_int_equal(w->b.slot[0].words->option_err, 0);
	for (uint32_t i = 0; i < 10; i++)
		assert_true(put(&w->a, 0, id_of(w, 1), PORT_B, i, 1000));
	lanes_for(w, ANSWERED);
	assert_int_equal(lanes_count(w, 1)->datagrams_in, 3);
	assert_int_equal(dropped(w, 1, DROP_UDP_FULL), 7);
	m.value = 0;
	m.seq = 8;
	assert_true(lapp_say(&w->b, m));
	m.value = 1;
	m.option = 3;
	m.seq = 9;
	lanes_for(w, NS_PER_MS);
	assert_int_equal(w->b.slot[0].words->option_err, EINVAL);
	assert_true(lapp_say(&w->b, m));
	lanes_for(w, NS_PER_MS);
	assert_int_equal(w->b.slot[0].words->option_err, EINVAL);
}

/* Who waits for room is woken when half of the ring is free. */
static void test_room_is_told(void **state)
{
	struct lanes *w = *state;
	uint32_t n = 0;

	both_bound(w);
	while (put(&w->a, 0, id_of(w, 1), PORT_B, n, 1000))
		n++;
	atomic_fetch_or(&w->a.slot[0].words->out_waits, APPWAIT_EVENT);
	atomic_exchange(&w->a.slot[0].words->stream.out_full, 1);
	assert_true(LANES_UNTIL(w, w->a.ready > 0, NS_PER_S));
	assert_true(bytering_room(&w->a.slot[0].side.out) >= RING / 2);
}

/* ---- no session yet ---- */

static struct node_id stranger(uint8_t b)
{
	struct node_id id;

	memset(id.b, b, sizeof(id.b));
	return id;
}

/* The first to an id ask for a session and wait for it, a few of them; they are given up when control says that there is none. */
static void test_first_ones_wait_for_a_session(void **state)
{
	struct lanes *w = *state;
	const struct node_id id = stranger(0x77);
	struct cp_cmd c = {.type = CMD_UNREACHABLE,
	                   .u.unreachable = {.remote = id, .err = EHOSTUNREACH}};
	struct dp_event ev;

	both_bound(w);
	peer(&w->a, 0, &id, 9);
	for (uint32_t i = 0; i < 20; i++)
		assert_true(put(&w->a, 0, &id, 9, i, 100));
	lanes_for(w, ARRIVES);
	assert_int_equal(sessnet_events(&w->n.side[0], EVT_WANT, &ev), 1);
	assert_true(id_eq(&ev.u.want.remote, &id));
	assert_int_equal(w->n.side[0].sess->datagrams->nheld, DATAGRAM_HELD_REMOTE);
	assert_int_equal(dropped(w, 0, DROP_UDP_HELD), 20 - DATAGRAM_HELD_REMOTE);
	sessnet_command(&w->n, 0, &c);
	assert_int_equal(w->n.side[0].sess->datagrams->nheld, 0);
	assert_int_equal(dropped(w, 0, DROP_UDP_HELD), 20);
	assert_int_equal(take_error(&w->a, 0), EHOSTUNREACH);
	/* Nobody says anything: they are given up all the same. */
	assert_true(put(&w->a, 0, &id, 9, 0, 100));
	lanes_for(w, 12 * NS_PER_S);
	assert_int_equal(dropped(w, 0, DROP_UDP_HELD), 21);
	assert_int_equal(take_error(&w->a, 0), EHOSTUNREACH);
	/* And the remote does not stay. */
	lanes_for(w, 20 * NS_PER_S);
	assert_int_equal(remote_find(w->n.side[0].sess, &id), SESS_NONE);
}

static void test_they_leave_with_the_session(void **state)
{
	struct lanes *w = *state;
	struct worker_sessions *s = w->n.side[0].sess;

	both_bound(w);
	end_free(s, s->table[1], w->n.now);
	for (uint32_t i = 0; i < 5; i++)
		assert_true(put(&w->a, 0, id_of(w, 1), PORT_B, i, 100 + i));
	lanes_for(w, ANSWERED);
	expect_none(&w->b, 0);
	assert_int_equal(s->datagrams->nheld, 5);
	sessnet_up(&w->n);
	lanes_for(w, ANSWERED);
	for (uint32_t i = 0; i < 5; i++)
		expect(&w->b, 0, id_of(w, 0), PORT_A, i, 100 + i);
	assert_int_equal(s->datagrams->nheld, 0);
}

/* Ids that the worker has not heard of cost the application from its share: it cannot fill the table of remotes. */
static void test_many_strangers(void **state)
{
	struct lanes *w = *state;
	struct worker_sessions *s = w->n.side[0].sess;
	unsigned remotes = 0;

	both_bound(w);
	for (uint32_t i = 0; i < 2 * s->nremotes; i++) {
		struct node_id id = stranger((uint8_t)i);

		memcpy(id.b + 8, &i, sizeof(i));
		memcpy(id.b + 32, &i, sizeof(i));
		while (!put(&w->a, 0, &id, 9, i, 1))
			lanes_for(w, NS_PER_MS / 10);
	}
	lanes_for(w, ARRIVES);
	for (uint32_t i = 0; i < s->fresh; i++)
		remotes += s->remotes[i].used;
	assert_in_range(remotes, 2, s->nremotes / 2);
	assert_in_range(s->datagrams->nheld, 1, DATAGRAM_HELD_MAX);
}

/* ---- to itself ---- */

static void test_to_itself(void **state)
{
	struct lanes *w = *state;

	both_bound(w);
	peer(&w->a, 0, id_of(w, 0), PORT_A);
	for (uint32_t i = 0; i < 200; i++) {
		assert_true(put(&w->a, 0, id_of(w, 0), PORT_A, i, i * 9));
		lanes_for(w, NS_PER_MS);
		expect(&w->a, 0, id_of(w, 0), PORT_A, i, i * 9);
	}
	assert_int_equal(path_of(&w->a, 0, id_of(w, 0)), APPDGRAM_MOST);
	peer(&w->a, 0, id_of(w, 0), 9);
	assert_true(put(&w->a, 0, id_of(w, 0), 9, 0, 1));
	lanes_for(w, NS_PER_MS);
	assert_int_equal(take_error(&w->a, 0), ECONNREFUSED);
}

/* ---- ends ---- */

/* What was written before the close goes out, and the slot is free afterwards; the port with it, or later. */
static void test_close_sends_the_rest(void **state)
{
	struct lanes *w = *state;

	both_bound(w);
	for (uint32_t i = 0; i < 300; i++)
		assert_true(put(&w->a, 0, id_of(w, 1), PORT_B, i, 20));
	lapp_close(&w->a, 0, false);
	lapp_unlisten(&w->a);
	assert_true(LANES_UNTIL(w, w->a.unlistened && has(&w->a, 0, APPSEG_FREE), NS_PER_S));
	lanes_for(w, ANSWERED);
	for (uint32_t i = 0; i < 300; i++)
		expect(&w->b, 0, id_of(w, 0), PORT_A, i, 20);
	assert_true(w->a.listener_gone);
	assert_int_equal(w->n.side[0].sess->datagrams->nports, 0);
	/* The port can be had anew. */
	w->a.listening = w->a.unlistened = w->a.listener_gone = false;
	bind_port(w, &w->a, 3, PORT_A);
}

/* The end of a port comes by way of the gateway, and may overtake what the application has said of it: all of that is heard first. */
static void test_end_overtakes_the_rest(void **state)
{
	struct lanes *w = *state;

	bind_port(w, &w->b, 0, PORT_B);
	lapp_bridge(&w->a, (struct bridge_msg){.type = BRIDGE_DATAGRAMS,
	                                       .listener = &w->a.l,
	                                       .app = w->a.port,
	                                       .token = w->a.token,
	                                       .port = PORT_A});
	assert_true(LANES_UNTIL(w, w->a.listening, NS_PER_S));
	lapp_post(&w->a, 0, 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_true(put(&w->a, 0, id_of(w, 1), PORT_B, i, 20));
	lapp_unlisten(&w->a);
	assert_true(LANES_UNTIL(w, w->a.unlistened && has(&w->a, 0, APPSEG_FREE), NS_PER_S));
	lanes_for(w, ANSWERED);
	for (uint32_t i = 0; i < 3; i++)
		expect(&w->b, 0, id_of(w, 0), PORT_A, i, 20);
	assert_int_equal(lanes_count(w, 0)->app_nonsense, 0);
}

/* The other way round, and without a slot at all. */
static void test_port_ends_before_its_slot(void **state)
{
	struct lanes *w = *state;

	both_bound(w);
	for (uint32_t i = 0; i < 300; i++)
		assert_true(put(&w->a, 0, id_of(w, 1), PORT_B, i, 20));
	lapp_kick(&w->a, 0);
	lapp_unlisten(&w->a);
	assert_true(LANES_UNTIL(w, w->a.unlistened && has(&w->a, 0, APPSEG_FREE), NS_PER_S));
	w->a.listening = w->a.unlistened = w->a.listener_gone = false;
	lapp_bridge(&w->a, (struct bridge_msg){.type = BRIDGE_DATAGRAMS,
	                                       .listener = &w->a.l,
	                                       .app = w->a.port,
	                                       .token = w->a.token,
	                                       .port = PORT_A});
	lapp_unlisten(&w->a);
	assert_true(LANES_UNTIL(w, w->a.unlistened, NS_PER_S));
	/* A slot for a port that is gone comes back. */
	lapp_post(&w->a, 1, 1);
	assert_true(LANES_UNTIL(w, has(&w->a, 1, APPSEG_FREE), NS_PER_S));
}

/* An application that ends with datagrams unsent: they go, and all of it is given back. */
static void test_application_ends(void **state)
{
	struct lanes *w = *state;

	both_bound(w);
	for (uint32_t i = 0; i < 500; i++)
		assert_true(put(&w->a, 0, id_of(w, 1), PORT_B, i, 20));
	lapp_bridge(&w->a, (struct bridge_msg){.type = BRIDGE_APP_LEAVE, .app = w->a.port});
	lapp_unlisten(&w->a);
	assert_true(LANES_UNTIL(w, w->a.gone && w->a.unlistened, NS_PER_S));
	lanes_for(w, ANSWERED);
	for (uint32_t i = 0; i < 500; i++)
		expect(&w->b, 0, id_of(w, 0), PORT_A, i, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        T(test_boundaries_hold),
	        T(test_loss),
	        T(test_longer_than_the_path),
	        T(test_unknown_port),
	        T(test_refusals_are_bounded),
	        T(test_hears_its_peer_alone),
	        T(test_full_ring),
	        T(test_less_room_was_asked_for),
	        T(test_room_is_told),
	        T(test_first_ones_wait_for_a_session),
	        T(test_they_leave_with_the_session),
	        T(test_many_strangers),
	        T(test_to_itself),
	        T(test_close_sends_the_rest),
	        T(test_end_overtakes_the_rest),
	        T(test_port_ends_before_its_slot),
	        T(test_application_ends),
	};

	sessnet_global();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
