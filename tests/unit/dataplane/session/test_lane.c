/* SPDX-License-Identifier: BSD-3-Clause */
/* What applications with a segment ask for: connect and accept, bytes both ways, every order of ends, options, and what cannot be. */
#include "lanepair.h"
#include "tcp/tcp.h"

/* ---- streams ---- */

static void test_both_directions(void **state)
{
	struct lanes *w = *state;
	struct appseg_slot *words;

	listens(w);
	joined(w, 0, 1);
	words = w->b.slot[1].words;
	assert_true(id_eq(&words->peer, &w->n.cfg[0].id));
	assert_int_equal(words->local_port, PORT);
	assert_int_equal(words->peer_port, w->a.slot[0].words->local_port);
	w->n.loss_ppm = 5000;
	assert_true(transfer(w, &w->a, 0, &w->b, 1, 8u << 20));
	assert_true(transfer(w, &w->b, 1, &w->a, 0, 3u << 20));
	w->n.loss_ppm = 0;
	lapp_close(&w->a, 0, false);
	assert_true(LANES_UNTIL(w, has(&w->b, 1, STREAM_EOF), 10 * NS_PER_S));
	lapp_close(&w->b, 1, false);
	assert_true(both_free(w, 0, 1));
	assert_false(held(&w->a, 0) || held(&w->b, 1));
	assert_int_equal(lanes_count(w, 0)->app_nonsense, 0);
	assert_int_equal(lanes_count(w, 1)->app_nonsense, 0);
}

/* Bytes that were written before the connection stood go when it stands, and the end behind them. */
static void test_written_before_it_is_connected(void **state)
{
	struct lanes *w = *state;

	listens(w);
	lapp_post(&w->b, 5, SLOTS - 1);
	lapp_connect(&w->a, 4, &w->n.cfg[1].id, PORT);
	lapp_write(&w->a, 4, 1000);
	lapp_shut(&w->a, 4);
	assert_true(LANES_UNTIL(w, has(&w->b, 5, STREAM_EOF), 5 * NS_PER_S));
	lapp_read(&w->b, 5, UINT64_MAX);
	assert_int_equal(w->b.slot[5].got, 1000);
}

static void test_half_close(void **state)
{
	struct lanes *w = *state;

	listens(w);
	joined(w, 0, 0);
	lapp_write(&w->a, 0, 5000);
	lapp_shut(&w->a, 0);
	assert_true(LANES_UNTIL(w, has(&w->b, 0, STREAM_EOF), 10 * NS_PER_S));
	lapp_read(&w->b, 0, UINT64_MAX);
	assert_int_equal(w->b.slot[0].got, 5000);
	assert_true(transfer(w, &w->b, 0, &w->a, 0, 1u << 20));
	lapp_close(&w->b, 0, false);
	assert_true(LANES_UNTIL(w, has(&w->a, 0, STREAM_EOF), 10 * NS_PER_S));
	lapp_close(&w->a, 0, false);
	assert_true(both_free(w, 0, 0));
	assert_int_equal(lapp_told(&w->a, 0) & STREAM_ERROR, 0);
}

/* What was written goes before the reset, which the other end is told. */
static void test_abort(void **state)
{
	struct lanes *w = *state;

	listens(w);
	joined(w, 0, 0);
	lapp_write(&w->a, 0, 20000);
	lapp_close(&w->a, 0, true);
	assert_true(LANES_UNTIL(w, w->b.slot[0].side.in.shared && has(&w->b, 0, STREAM_ERROR),
	                        10 * NS_PER_S));
	lapp_read(&w->b, 0, UINT64_MAX);
	assert_int_equal(w->b.slot[0].got, 20000);
	assert_int_equal(lapp_err(&w->b, 0), ECONNRESET);
	assert_true(has(&w->a, 0, APPSEG_FREE));
	assert_false(has(&w->b, 0, APPSEG_FREE));
	lapp_close(&w->b, 0, false);
	assert_true(both_free(w, 0, 0));
}

/* An end that leaves bytes unread resets the connection, though it was closed in order. */
static void test_closed_with_bytes_unread(void **state)
{
	struct lanes *w = *state;

	listens(w);
	joined(w, 0, 0);
	lapp_write(&w->a, 0, 3000);
	lanes_for(w, NS_PER_S);
	lapp_close(&w->b, 0, false);
	assert_true(LANES_UNTIL(w, has(&w->a, 0, STREAM_ERROR), 10 * NS_PER_S));
	assert_int_equal(lapp_err(&w->a, 0), ECONNRESET);
	lapp_close(&w->a, 0, false);
	assert_true(both_free(w, 0, 0));
}

static void test_refused(void **state)
{
	struct lanes *w = *state;

	lapp_connect(&w->a, 0, &w->n.cfg[1].id, PORT + 1);
	assert_true(LANES_UNTIL(w, has(&w->a, 0, STREAM_ERROR), 5 * NS_PER_S));
	assert_int_equal(lapp_err(&w->a, 0), ECONNREFUSED);
	assert_int_equal(lapp_told(&w->a, 0) & (APPSEG_UP | APPSEG_FREE), 0);
	lapp_close(&w->a, 0, false);
	assert_true(LANES_UNTIL(w, has(&w->a, 0, APPSEG_FREE), NS_PER_S));
}

/* A stream to one's own node: both of its ends are here, no packet leaves, and no session is asked for. */
static void test_within_the_node(void **state)
{
	struct lanes *w = *state;
	uint64_t out = lanes_count(w, 0)->session_out;
	unsigned wants = sessnet_events(&w->n.side[0], EVT_WANT, NULL);

	lapp_listen(&w->a);
	assert_true(LANES_UNTIL(w, w->a.listening, NS_PER_S));
	lapp_post(&w->a, 1, SLOTS - 1);
	lapp_connect(&w->a, 0, &w->n.cfg[0].id, PORT);
	assert_true(LANES_UNTIL(w, has(&w->a, 0, APPSEG_UP) && has(&w->a, 1, APPSEG_UP), NS_PER_S));
	assert_true(id_eq(&w->a.slot[1].words->peer, &w->n.cfg[0].id));
	assert_true(transfer(w, &w->a, 0, &w->a, 1, 2u << 20));
	assert_true(transfer(w, &w->a, 1, &w->a, 0, 1u << 20));
	lapp_close(&w->a, 0, false);
	assert_true(LANES_UNTIL(w, has(&w->a, 1, STREAM_EOF), NS_PER_S));
	lapp_close(&w->a, 1, false);
	assert_true(LANES_UNTIL(w, has(&w->a, 0, APPSEG_FREE) && has(&w->a, 1, APPSEG_FREE),
	                        10 * NS_PER_S));
	lapp_connect(&w->a, 2, &w->n.cfg[0].id, PORT + 1);
	assert_true(LANES_UNTIL(w, has(&w->a, 2, STREAM_ERROR), NS_PER_S));
	assert_int_equal(lapp_err(&w->a, 2), ECONNREFUSED);
	assert_int_equal(lanes_count(w, 0)->session_out, out);
	assert_int_equal(sessnet_events(&w->n.side[0], EVT_WANT, NULL), wants);
	lanes_for(w, 10 * NS_PER_S);
}

/* One application asks for one unknown id after another: ids that are known, and other applications, still have room. */
static void test_ids_that_nobody_knows(void **state)
{
	struct lanes *w = *state;
	struct node_id id = {{1}};
	uint32_t n = 0;

	listens(w);
	joined(w, 0, 0);
	do {
		id.b[5] = (uint8_t)(++n & 0xff);
		id.b[6] = (uint8_t)(n >> 8);
		lapp_connect(&w->a, n, &id, PORT);
		sess_poll(w->n.side[0].sess, w->n.now);
	} while (n < SLOTS - 10 && !has(&w->a, n, STREAM_ERROR));
	assert_true(has(&w->a, n, STREAM_ERROR));
	assert_int_equal(lapp_err(&w->a, n), ENOBUFS);
	joined(w, SLOTS - 2, 1);
	/* Another one's share is its own. */
	w->a.port->ids.debt_ns = 0;
	id.b[7] = 1;
	lapp_connect(&w->a, SLOTS - 3, &id, PORT);
	lanes_for(w, NS_PER_MS);
	assert_false(has(&w->a, SLOTS - 3, STREAM_ERROR));
}

/* A connect that is taken back before it is answered. */
static void test_closed_while_connecting(void **state)
{
	struct lanes *w = *state;

	lapp_connect(&w->a, 0, &w->n.cfg[1].id, PORT);
	lapp_close(&w->a, 0, false);
	assert_true(LANES_UNTIL(w, has(&w->a, 0, APPSEG_FREE), 5 * NS_PER_S));
	assert_false(held(&w->a, 0));
}

/* One slot for one connection after another; ends of either kind leave nothing behind. */
static void test_a_slot_is_used_again_and_again(void **state)
{
	struct lanes *w = *state;

	listens(w);
	for (unsigned i = 0; i < 60; i++) {
		joined(w, 7, 9);
		assert_true(transfer(w, &w->a, 7, &w->b, 9, 10000 + i));
		assert_true(transfer(w, &w->b, 9, &w->a, 7, 500));
		lapp_close(i & 1 ? &w->a : &w->b, i & 1 ? 7 : 9, i & 2);
		assert_true(LANES_UNTIL(w,
		                        i & 1 ? has(&w->b, 9, i & 2 ? STREAM_ERROR : STREAM_EOF)
		                              : has(&w->a, 7, i & 2 ? STREAM_ERROR : STREAM_EOF),
		                        10 * NS_PER_S));
		lapp_close(i & 1 ? &w->b : &w->a, i & 1 ? 9 : 7, false);
		assert_true(both_free(w, 7, 9));
	}
	assert_int_equal(w->a.port->held + w->b.port->held, 0);
	assert_int_equal(lanes_count(w, 0)->app_nonsense + lanes_count(w, 1)->app_nonsense, 0);
}

static void test_options(void **state)
{
	struct lanes *w = *state;
	struct applane_msg m = {.type = APPLANE_OPTION, .option = TCP_OPT_NODELAY, .value = 1};
	struct appseg_slot *words;

	listens(w);
	joined(w, 0, 0);
	words = w->a.slot[0].words;
	m.seq = 5;
	assert_true(lapp_say(&w->a, m));
	assert_true(LANES_UNTIL(w, atomic_load(&words->option_seq) == 5, NS_PER_S));
	assert_int_equal(words->option_err, 0);
	m.seq = 6;
	m.option = 0x7fffffff;
	assert_true(lapp_say(&w->a, m));
	assert_true(LANES_UNTIL(w, atomic_load(&words->option_seq) == 6, NS_PER_S));
	assert_int_equal(words->option_err, EINVAL);
	m.seq = 7;
	m.option = TCP_OPT_NODELAY;
	m.value = -1;
	assert_true(lapp_say(&w->a, m));
	assert_true(LANES_UNTIL(w, atomic_load(&words->option_seq) == 7, NS_PER_S));
	assert_int_equal(words->option_err, EINVAL);
	assert_int_equal(lapp_told(&w->a, 0) & STREAM_ERROR, 0);
}

/* What TCP has, read by the application; settings that it has not made stand in its lane. */
static void test_info(void **state)
{
	struct lanes *w = *state;
	struct applane_msg m = {.type = APPLANE_INFO, .seq = 9};
	struct appseg_slot *words;

	listens(w);
	joined(w, 0, 0);
	assert_true(transfer(w, &w->a, 0, &w->b, 0, 50000));
	words = w->a.slot[0].words;
	assert_true(lapp_say(&w->a, m));
	assert_true(LANES_UNTIL(w, atomic_load(&words->option_seq) == 9, NS_PER_S));
	assert_int_equal(words->option_err, 0);
	assert_int_equal(words->info.state, TCP_ESTABLISHED);
	assert_true(words->info.mss > 500 && words->info.cwnd >= words->info.mss);
	assert_true(words->info.bytes_out + words->info.outstanding + words->info.unsent >= 50000);
	assert_true(words->info.segs_out > 0 && words->info.srtt > 0 &&
	            words->info.rto >= words->info.srtt);
	assert_int_equal(words->info.option[APP_OPT_MSS], words->info.mss);
	assert_true(words->info.option[APP_OPT_SNDBUF_MAX] > 0);
	assert_int_equal(words->info.option[APP_OPT_SNDBUF_MAX],
	                 applane_defaults(w->a.port->lane)[APP_OPT_SNDBUF_MAX]);
	assert_int_equal(applane_defaults(w->a.port->lane)[APP_OPT_LINGER_MS], TCP_LINGER_OFF);
	/* Of a connection that has ended there is nothing left. */
	lapp_close(&w->b, 0, true);
	assert_true(LANES_UNTIL(w, has(&w->a, 0, STREAM_ERROR), 10 * NS_PER_S));
	m.seq = 10;
	assert_true(lapp_say(&w->a, m));
	assert_true(LANES_UNTIL(w, atomic_load(&words->option_seq) == 10, NS_PER_S));
	assert_true(words->info.state == TCP_CLOSED && words->option_err == 0);
	assert_int_equal(lanes_count(w, 0)->app_nonsense, 0);
}

/* ---- listeners ---- */

/* Connections wait until slots are given, and take them in the order in which they were given. */
static void test_slots_are_credit(void **state)
{
	struct lanes *w = *state;

	listens(w);
	for (uint32_t i = 0; i < 3; i++)
		lapp_connect(&w->a, i, &w->n.cfg[1].id, PORT);
	assert_true(LANES_UNTIL(w, has(&w->a, 2, APPSEG_UP), 5 * NS_PER_S));
	lanes_for(w, NS_PER_S);
	assert_int_equal(w->b.accepted, 0);
	lapp_post(&w->b, 30, SLOTS - 1);
	lapp_post(&w->b, 20, SLOTS - 1);
	lapp_post(&w->b, 10, SLOTS - 1);
	/* One of them is taken back in time. */
	lapp_close(&w->b, 20, false);
	assert_true(LANES_UNTIL(w, w->b.accepted == 2, NS_PER_S));
	assert_true(has(&w->b, 30, APPSEG_UP) && has(&w->b, 10, APPSEG_UP));
	assert_int_equal(lapp_told(&w->b, 20), APPSEG_FREE);
	lapp_post(&w->b, 20, SLOTS - 1);
	assert_true(LANES_UNTIL(w, w->b.accepted == 3, NS_PER_S));
	assert_int_equal(w->b.slot[30].words->peer_port, w->a.slot[0].words->local_port);
	assert_int_equal(w->b.slot[20].words->peer_port, w->a.slot[2].words->local_port);
	assert_int_equal(lanes_count(w, 1)->app_nonsense, 0);
}

/* What an application does not read fills a ring as large as SO_RCVBUF says, and no larger. */
static void test_the_in_ring_is_bounded(void **state)
{
	struct lanes *w = *state;

	listens(w);
	joined(w, 0, 0);
	joined(w, 1, 1);
	assert_true(lapp_say(&w->b, (struct applane_msg){.type = APPLANE_OPTION,
	                                                 .slot = 0,
	                                                 .option = APP_OPT_RCVBUF_MAX,
	                                                 .value = 3000,
	                                                 .seq = 1}));
	assert_true(LANES_UNTIL(w, w->b.slot[0].words->option_seq == 1, NS_PER_S));
	for (uint64_t end = 500; end < 200000; end += end / 2) {
		lapp_write(&w->a, 0, end);
		lapp_write(&w->a, 1, end);
		lanes_for(w, 10 * NS_PER_MS);
		/* A few bytes now and then, so that the ring may grow. */
		lapp_read(&w->b, 0, 100);
		lapp_read(&w->b, 1, 100);
		lapp_kick(&w->b, 0);
		lapp_kick(&w->b, 1);
	}
	assert_true(w->b.seg.slots[0].side.in.cap <= 4096);
	assert_true(w->b.seg.slots[1].side.in.cap > 4096);
	assert_true(transfer(w, &w->a, 0, &w->b, 0, 300000));
}

/* The slots that it was given are free again, connections live on, and a slot that comes too late is given back. */
static void test_a_listener_ends(void **state)
{
	struct lanes *w = *state;

	listens(w);
	joined(w, 0, 0);
	for (uint32_t i = 1; i < 4; i++)
		lapp_post(&w->b, i, SLOTS - 1);
	lanes_for(w, NS_PER_MS);
	lapp_unlisten(&w->b);
	lapp_fresh(&w->b, SLOTS - 1);
	assert_true(LANES_UNTIL(w, w->b.unlistened && w->b.listener_gone, NS_PER_S));
	for (uint32_t i = 1; i < 4; i++)
		assert_int_equal(lapp_told(&w->b, i), APPSEG_FREE);
	lapp_post(&w->b, 1, SLOTS - 1);
	assert_true(LANES_UNTIL(w, has(&w->b, 1, APPSEG_FREE), NS_PER_S));
	assert_true(transfer(w, &w->a, 0, &w->b, 0, 100000));
	lapp_connect(&w->a, 1, &w->n.cfg[1].id, PORT);
	assert_true(LANES_UNTIL(w, has(&w->a, 1, STREAM_ERROR), 5 * NS_PER_S));
	assert_int_equal(lapp_err(&w->a, 1), ECONNREFUSED);
	assert_int_equal(lanes_count(w, 1)->app_nonsense, 0);
}

/* More news than the ring has room for: it waits, the rest goes on, and nothing is lost. */
static void test_event_ring_is_full(void **state)
{
	struct lanes *w = *state;
	unsigned n = APPLANE_MSGS + 80, up = 0;

	listens(w);
	w->b.deaf = true;
	for (uint32_t i = 0; i < n; i++) {
		if (i % 50 == 0)
			lanes_for(w, 10 * NS_PER_MS);
		lapp_post(&w->b, i, SLOTS - 1);
		lapp_connect(&w->a, i, &w->n.cfg[1].id, PORT);
	}
	assert_true(LANES_UNTIL(w, has(&w->a, n - 1, APPSEG_UP), 10 * NS_PER_S));
	lanes_for(w, NS_PER_S);
	for (uint32_t i = 0; i < n; i++)
		up += has(&w->b, i, APPSEG_UP);
	assert_int_equal(up, APPLANE_MSGS);
	/* Streams that stand are not held up by it. */
	assert_true(transfer(w, &w->a, 0, &w->b, 0, 300000));
	/* Nor does the worker turn round and round: it may sleep. */
	lanes_for(w, NS_PER_S);
	assert_true(sess_sleep_ok(w->n.side[1].sess));
	/* A listener's end waits as well. */
	lapp_unlisten(&w->b);
	lanes_for(w, 200 * NS_PER_MS);
	assert_false(w->b.unlistened);
	w->b.deaf = false;
	assert_true(LANES_UNTIL(w, w->b.listener_gone && w->b.unlistened, NS_PER_S));
	assert_int_equal(w->b.accepted, APPLANE_MSGS);
	for (uint32_t i = 0; i < n; i++)
		assert_true(has(&w->b, i, APPSEG_UP) || has(&w->b, i, APPSEG_FREE));
}

/* ---- what cannot be ---- */

/* Each is counted, and costs the slot that it names its connection and nobody else anything. */
static void test_nonsense(void **state)
{
	struct lanes *w = *state;
	const struct node_id there = w->n.cfg[1].id;
	const struct {
		struct applane_msg m;
		bool resets; /* slot 1, which is connected */
	} rows[] = {
	        {{.type = 0}, false},
	        {{.type = 255, .slot = 1}, false},
	        {{.type = APPLANE_ACCEPTED, .slot = 1}, false},
	        {{.type = APPLANE_KICK, .slot = SLOTS}, false},
	        {{.type = APPLANE_KICK, .slot = UINT32_MAX}, false},
	        {{.type = APPLANE_KICK, .slot = 77}, false}, /* nobody's */
	        {{.type = APPLANE_CLOSE, .slot = 77}, false},
	        {{.type = APPLANE_OPTION, .slot = 77}, false},
	        {{.type = APPLANE_KICK, .slot = 78}, false}, /* another worker's */
	        {{.type = APPLANE_CONNECT, .slot = 78, .port = 1, .id = there}, false},
	        {{.type = APPLANE_ACCEPT_INTO, .slot = 78, .token = TOKEN}, false},
	        {{.type = APPLANE_CONNECT, .slot = SLOTS, .port = 1, .id = there}, false},
	        {{.type = APPLANE_ACCEPT_INTO, .slot = SLOTS, .token = TOKEN}, false},
	        {{.type = APPLANE_CONNECT, .slot = 1, .port = 1, .id = there}, true},
	        {{.type = APPLANE_ACCEPT_INTO, .slot = 1, .token = TOKEN}, true},
	};

	listens(w);
	joined(w, 0, 0);
	atomic_store(&w->a.seg.holder[78], 9);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t before = lanes_count(w, 0)->app_nonsense;

		joined(w, 1, 1);
		assert_true(lapp_say(&w->a, rows[i].m));
		lanes_for(w, 50 * NS_PER_MS);
		assert_int_equal(lanes_count(w, 0)->app_nonsense, before + 1);
		assert_int_equal(has(&w->a, 1, STREAM_ERROR), rows[i].resets);
		if (rows[i].resets)
			assert_int_equal(lapp_err(&w->a, 1), EPROTO);
		lapp_close(&w->a, 1, true);
		lanes_for(w, 50 * NS_PER_MS);
		lapp_close(&w->b, 1, true);
		assert_true(both_free(w, 1, 1));
	}
	assert_int_equal(atomic_load(&w->a.seg.holder[78]), 9);
	assert_true(transfer(w, &w->a, 0, &w->b, 0, 100000));
}

/* The same for slots that wait, are connecting, or were closed already; port 0. */
static void test_nonsense_in_other_states(void **state)
{
	struct lanes *w = *state;
	uint64_t *count = &lanes_count(w, 1)->app_nonsense;

	listens(w);
	lapp_post(&w->b, 1, SLOTS - 1);
	assert_true(lapp_say(&w->b, (struct applane_msg){.type = APPLANE_KICK, .slot = 1}));
	lanes_for(w, NS_PER_MS);
	assert_int_equal(*count, 1);
	assert_int_equal(lapp_err(&w->b, 1), EPROTO);
	lapp_close(&w->b, 1, false);
	lapp_post(&w->b, 2, SLOTS - 1);
	lapp_post(&w->b, 3, SLOTS - 1);
	assert_true(lapp_say(
	        &w->b,
	        (struct applane_msg){.type = APPLANE_ACCEPT_INTO, .slot = 2, .token = TOKEN}));
	lapp_connect(&w->a, 0, &w->n.cfg[1].id, PORT);
	assert_true(LANES_UNTIL(w, w->b.accepted == 1, 5 * NS_PER_S));
	assert_int_equal(w->b.last_accepted, 3);
	assert_int_equal(*count, 2);
	assert_true(has(&w->b, 1, APPSEG_FREE));
	/* Two closes of one stream whose bytes cannot go. */
	lapp_write(&w->b, 3, 1000);
	w->n.cut = true;
	lapp_close(&w->b, 3, false);
	lanes_for(w, 10 * NS_PER_MS);
	assert_false(has(&w->b, 3, APPSEG_FREE));
	lapp_close(&w->b, 3, false);
	lanes_for(w, 10 * NS_PER_MS);
	assert_int_equal(*count, 3);
	assert_true(has(&w->b, 3, APPSEG_FREE));
	lapp_connect(&w->b, 4, &w->n.cfg[0].id, 0);
	lanes_for(w, 10 * NS_PER_MS);
	assert_int_equal(*count, 4);
	assert_int_equal(lapp_err(&w->b, 4), EPROTO);
	assert_true(has(&w->b, 4, STREAM_ERROR));
	/* The id's sessions are another worker's. */
	w->n.side[1].w.workers = 2;
	w->n.side[1].w.number = !cp_session_worker(&w->n.cfg[0].id, 2);
	lapp_connect(&w->b, 5, &w->n.cfg[0].id, PORT);
	lanes_for(w, 10 * NS_PER_MS);
	assert_int_equal(*count, 5);
	assert_int_equal(lapp_err(&w->b, 5), EPROTO);
}

/* An index of a ring that cannot be: the connection is reset. One of a lane: its application is not heard any more. */
static void test_impossible_indices(void **state)
{
	struct lanes *w = *state;
	uint64_t *count = &lanes_count(w, 0)->app_nonsense;

	listens(w);
	joined(w, 0, 0);
	atomic_fetch_add(&w->a.slot[0].words->stream.out.head, RING + 1);
	lapp_kick(&w->a, 0);
	assert_true(LANES_UNTIL(w, has(&w->b, 0, STREAM_ERROR), NS_PER_S));
	assert_int_equal(lapp_err(&w->a, 0), EPROTO);
	assert_int_equal(lapp_err(&w->b, 0), ECONNRESET);
	assert_int_equal(*count, 1);
	joined(w, 1, 1);
	atomic_fetch_sub(&w->a.slot[1].words->stream.in.tail, 1);
	lapp_write(&w->b, 1, 10);
	assert_true(LANES_UNTIL(w, has(&w->b, 1, STREAM_ERROR), NS_PER_S));
	assert_int_equal(*count, 2);
	lapp_close(&w->a, 0, false);
	lapp_close(&w->a, 1, false);
	assert_true(LANES_UNTIL(w, has(&w->a, 1, APPSEG_FREE), NS_PER_S));
	atomic_fetch_sub(&w->a.port->lane->to_worker.head, 128);
	lanes_for(w, NS_PER_S);
	assert_int_equal(*count, 3);
	lapp_bridge(&w->a, (struct bridge_msg){.type = BRIDGE_APP_LEAVE, .app = w->a.port});
	assert_true(LANES_UNTIL(w, w->a.gone, NS_PER_S));
}

/* Slots become free however full the ring is that their application does not read. */
static void test_a_slot_becomes_free_without_room(void **state)
{
	struct lanes *w = *state;
	uint64_t sent = 0;

	listens(w);
	joined(w, 0, 0);
	joined(w, 1, 1);
	w->b.deaf = true;
	/* READY after READY, until no more fits. */
	while (bytering_used(&w->b.rx) < w->b.rx.cap) {
		assert_true(sent < 2 * APPLANE_MSGS);
		atomic_store(&w->b.slot[0].words->in_waits, APPWAIT_EVENT);
		lapp_write(&w->a, 0, ++sent);
		assert_true(LANES_UNTIL(w, !atomic_load(&w->b.slot[0].words->in_waits), NS_PER_S));
		lanes_step(w, NS_PER_MS);
	}
	/* One is owed for slot 0, which is asked for again. */
	atomic_store(&w->b.slot[0].words->in_waits, APPWAIT_EVENT);
	lapp_write(&w->a, 0, ++sent);
	lanes_for(w, 100 * NS_PER_MS);
	atomic_store(&w->b.port->lane->app_asleep, 1);
	atomic_store(&w->b.slot[1].words->in_waits, APPWAIT_EVENT);
	lapp_close(&w->b, 1, true);
	lapp_close(&w->b, 0, true);
	assert_true(
	        LANES_UNTIL(w, has(&w->b, 0, APPSEG_FREE) && has(&w->b, 1, APPSEG_FREE), NS_PER_S));
	assert_false(held(&w->b, 0) || held(&w->b, 1));
	assert_int_equal(w->b.port->held, 0);
	/* And who sleeps on its descriptor is woken, though no message says so. */
	assert_int_equal(atomic_load(&w->b.port->lane->app_asleep), 0);
	assert_int_equal(atomic_load(&w->b.port->lane->frees_missed), 1);
	w->b.deaf = false;
	joined(w, 2, 1);
	assert_true(transfer(w, &w->a, 2, &w->b, 1, 100000));
}

/* A kick that found the lane full is not lost: the worker finds the slot. */
static void test_a_kick_without_room(void **state)
{
	struct lanes *w = *state;
	struct applane_msg nothing = {.type = APPLANE_KICK, .slot = 0};
	void *piece;
	uint32_t n;

	listens(w);
	joined(w, 0, 0);
	joined(w, SLOTS - 2, 1);
	while (lapp_say(&w->a, nothing))
		;
	/* As lapp_write() would, had it room for its kick. */
	n = bytering_reserve(&w->a.slot[SLOTS - 2].side.out, &piece);
	assert_true(n >= 100);
	for (unsigned i = 0; i < 100; i++)
		((uint8_t *)piece)[i] = byte_at(i);
	bytering_commit(&w->a.slot[SLOTS - 2].side.out, 100);
	atomic_store(&w->a.slot[SLOTS - 2].words->stream.worker_kicked, 1);
	atomic_store(&w->a.port->lane->kicks_missed, 1);
	lanes_for(w, 100 * NS_PER_MS);
	lapp_read(&w->b, 1, UINT64_MAX);
	assert_int_equal(w->b.slot[1].got, 100);
	assert_int_equal(atomic_load(&w->a.slot[SLOTS - 2].words->stream.worker_kicked), 0);
	assert_int_equal(atomic_load(&w->a.port->lane->kicks_missed), 0);
	/* Set by nobody who had anything to say: it keeps the worker from sleep once. */
	lanes_for(w, 10 * NS_PER_MS);
	atomic_store(&w->a.port->lane->kicks_missed, 1);
	assert_false(lanes_sleep_ok(w->n.side[0].sess));
	lanes_for(w, 10 * NS_PER_MS);
	assert_true(lanes_sleep_ok(w->n.side[0].sess));
	lanes_for(w, NS_PER_MS);
}

/* What is under way over a long link lies in TCP's buffers, which grow, and not in the rings: 64 KiB of ring carry many times that in each round
 * trip. */
static void test_the_way_is_longer_than_the_ring(void **state)
{
	const int64_t rtt = 100 * NS_PER_MS;
	struct lanes *w = *state;
	struct instant end;
	uint64_t before;

	w->n.delay_ns = rtt / 2;
	listens(w);
	joined(w, 0, 0);
	for (unsigned i = 0; i < 4; i++) {
		before = w->b.slot[0].got;
		end = instant_add(w->n.now, 2 * NS_PER_S);
		while (instant_before(w->n.now, end)) {
			lapp_write(&w->a, 0, UINT64_MAX);
			lanes_step(w, NS_PER_MS);
			lapp_read(&w->b, 0, UINT64_MAX);
		}
	}
	assert_true(w->b.slot[0].got - before > 8 * (uint64_t)RING * (2 * NS_PER_S / rtt));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        T(test_both_directions),
	        T(test_written_before_it_is_connected),
	        T(test_half_close),
	        T(test_abort),
	        T(test_closed_with_bytes_unread),
	        T(test_refused),
	        T(test_within_the_node),
	        T(test_ids_that_nobody_knows),
	        T(test_closed_while_connecting),
	        T(test_a_slot_is_used_again_and_again),
	        T(test_options),
	        T(test_info),
	        T(test_slots_are_credit),
	        T(test_the_in_ring_is_bounded),
	        T(test_a_listener_ends),
	        T(test_event_ring_is_full),
	        T(test_nonsense),
	        T(test_nonsense_in_other_states),
	        T(test_impossible_indices),
	        T(test_a_slot_becomes_free_without_room),
	        T(test_a_kick_without_room),
	        T(test_the_way_is_longer_than_the_ring),
	};

	sessnet_global();
	return cmocka_run_group_tests_name("lane", tests, NULL, NULL);
}
