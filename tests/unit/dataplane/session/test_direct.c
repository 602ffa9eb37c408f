/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams over the link to a neighbour or not at all: they wait for that path, connect over it alone, and end where it would lead over others. */
#include "lanepair.h"
#include "session/priv.h"

/* Control says how many links the path of the first side's session crosses; 0: it has no path. */
static void path(struct lanes *w, uint8_t hops)
{
	struct cp_cmd c = {.type = CMD_SESSION_SET};

	c.u.session.session = 1;
	c.u.session.out_link = SESSNET_LINK;
	c.u.session.path_mtu = 1280;
	c.u.session.out_label = hops ? w->n.side[1].in_label : LABEL_NONE;
	c.u.session.hops = hops;
	c.u.session.remote = w->n.cfg[1].id;
	sessnet_command(&w->n, 0, &c);
}

static void no_neighbour(struct lanes *w, const struct node_id *id)
{
	struct cp_cmd c = {.type = CMD_UNREACHABLE};

	c.u.unreachable.err = EHOSTUNREACH;
	c.u.unreachable.direct = true;
	c.u.unreachable.remote = *id;
	sessnet_command(&w->n, 0, &c);
}

static void direct(struct lanes *w, uint32_t slot, const struct node_id *id)
{
	lapp_fresh(&w->a, slot);
	assert_true(lapp_say(&w->a, (struct applane_msg){.type = APPLANE_CONNECT,
	                                                 .slot = slot,
	                                                 .port = PORT,
	                                                 .option = APPLANE_DIRECT,
	                                                 .id = *id}));
}

static void failed_with(struct lanes *w, uint32_t slot, int err)
{
	assert_true(LANES_UNTIL(w, has(&w->a, slot, STREAM_ERROR), NS_PER_MS));
	assert_int_equal(lapp_err(&w->a, slot), err);
	lapp_close(&w->a, slot, false);
	assert_true(LANES_UNTIL(w, has(&w->a, slot, APPSEG_FREE), NS_PER_S));
}

/* How often control was asked for a direct path, or (false) for any. */
static unsigned wants(struct lanes *w, bool directly)
{
	const struct side *s = &w->n.side[0];
	unsigned n = 0;

	for (uint32_t i = 0; i < s->nevents && i < SESSNET_EVENTS; i++)
		n += s->events[i].type == EVT_WANT && s->events[i].u.want.direct == directly;
	return n;
}

static void test_over_the_link(void **state)
{
	struct lanes *w = *state;

	listens(w);
	path(w, 1);
	lapp_post(&w->b, 0, SLOTS - 1);
	direct(w, 0, &w->n.cfg[1].id);
	assert_true(LANES_UNTIL(w, has(&w->a, 0, APPSEG_UP), NS_PER_S));
	assert_int_equal(wants(w, true), 0);
	assert_true(transfer(w, &w->a, 0, &w->b, 0, 300000));
}

/* Nothing leaves before the path is the link, and what was set meanwhile counts. */
static void test_it_waits_for_the_link(void **state)
{
	struct lanes *w = *state;
	uint64_t out;

	listens(w);
	path(w, 3);
	out = lanes_count(w, 0)->session_out;
	lapp_post(&w->b, 0, SLOTS - 1);
	direct(w, 0, &w->n.cfg[1].id);
	assert_true(lapp_say(&w->a, (struct applane_msg){.type = APPLANE_OPTION,
	                                                 .slot = 0,
	                                                 .option = APP_OPT_USER_TIMEOUT_MS,
	                                                 .value = 4321,
	                                                 .seq = 7}));
	lanes_for(w, 3 * NS_PER_S);
	assert_int_equal(lapp_told(&w->a, 0), 0);
	assert_int_equal(w->a.slot[0].words->option_seq, 7);
	assert_int_equal(w->a.slot[0].words->option_err, 0);
	assert_int_equal(lanes_count(w, 0)->session_out, out);
	/* Control is asked again and again. */
	assert_in_range(wants(w, true), 3, 5);
	path(w, 2);
	lanes_for(w, NS_PER_MS);
	assert_int_equal(lanes_count(w, 0)->session_out, out);
	path(w, 1);
	assert_true(LANES_UNTIL(w, has(&w->a, 0, APPSEG_UP), NS_PER_S));
	assert_true(
	        lapp_say(&w->a, (struct applane_msg){.type = APPLANE_INFO, .slot = 0, .seq = 8}));
	assert_true(LANES_UNTIL(w, w->a.slot[0].words->option_seq == 8, NS_PER_S));
	assert_int_equal(w->a.slot[0].words->info.option[APP_OPT_USER_TIMEOUT_MS], 4321);
	assert_int_equal(w->a.slot[0].words->info.hops, 1);
}

static void test_who_is_no_neighbour(void **state)
{
	struct lanes *w = *state;
	struct node_id stranger = {{9}};
	struct worker_sessions *s = w->n.side[0].sess;

	direct(w, 0, &stranger);
	lanes_for(w, NS_PER_MS);
	assert_int_equal(wants(w, true), 1);
	/* A session is not asked for, and nothing else of that id ends. */
	assert_int_equal(wants(w, false), 0);
	lapp_connect(&w->a, 1, &stranger, PORT);
	lanes_for(w, NS_PER_MS);
	no_neighbour(w, &stranger);
	failed_with(w, 0, EHOSTUNREACH);
	assert_int_equal(lapp_told(&w->a, 1), 0);
	lapp_close(&w->a, 1, true);
	lanes_for(w, 3 * NS_PER_S);
	assert_int_equal(remote_find(s, &stranger), SESS_NONE);
	/* Of one that nobody else uses nothing stays, either. */
	direct(w, 0, &stranger);
	lanes_for(w, NS_PER_MS);
	no_neighbour(w, &stranger);
	failed_with(w, 0, EHOSTUNREACH);
	assert_int_equal(remote_find(s, &stranger), SESS_NONE);
	assert_true(TAILQ_EMPTY(&s->direct));
}

static void test_it_waits_for_so_long(void **state)
{
	struct lanes *w = *state;

	path(w, 2);
	direct(w, 0, &w->n.cfg[1].id);
	lanes_for(w, 9 * NS_PER_S);
	assert_int_equal(lapp_told(&w->a, 0), 0);
	lanes_for(w, 2 * NS_PER_S);
	failed_with(w, 0, EHOSTUNREACH);
	/* Its user may give it up before. */
	direct(w, 1, &w->n.cfg[1].id);
	lanes_for(w, NS_PER_S);
	lapp_close(&w->a, 1, false);
	assert_true(LANES_UNTIL(w, has(&w->a, 1, APPSEG_FREE), NS_PER_S));
	path(w, 1);
	lanes_for(w, NS_PER_S);
	assert_true(TAILQ_EMPTY(&w->n.side[0].sess->direct));
}

/* Without a path it is held, as all are; a longer one ends it, and no byte takes that path. */
static void test_the_link_is_lost(void **state)
{
	struct lanes *w = *state;
	uint64_t got;

	listens(w);
	path(w, 1);
	lapp_post(&w->b, 0, SLOTS - 1);
	direct(w, 0, &w->n.cfg[1].id);
	assert_true(LANES_UNTIL(w, has(&w->a, 0, APPSEG_UP) && w->b.accepted == 1, NS_PER_S));
	joined(w, 1, 1);
	path(w, 0);
	lapp_write(&w->a, 0, 1000);
	lanes_for(w, NS_PER_S);
	assert_false(has(&w->a, 0, STREAM_ERROR));
	path(w, 1);
	assert_true(transfer(w, &w->a, 0, &w->b, 0, 1000));
	path(w, 0);
	lapp_write(&w->a, 0, 5000);
	lanes_for(w, NS_PER_S);
	path(w, 4);
	failed_with(w, 0, EHOSTUNREACH);
	assert_true(LANES_UNTIL(w, has(&w->b, 0, STREAM_ERROR), NS_PER_S));
	got = w->b.slot[0].got;
	lapp_read(&w->b, 0, UINT64_MAX);
	assert_int_equal(w->b.slot[0].got, got);
	/* One that has not asked goes on. */
	assert_true(transfer(w, &w->a, 1, &w->b, 1, 100000));
}

static void test_to_the_own_node(void **state)
{
	struct lanes *w = *state;

	lapp_listen(&w->a);
	assert_true(LANES_UNTIL(w, w->a.listening, NS_PER_S));
	lapp_post(&w->a, 1, SLOTS - 1);
	direct(w, 0, &w->n.cfg[0].id);
	assert_true(LANES_UNTIL(w, has(&w->a, 0, APPSEG_UP), NS_PER_S));
}

/* A wish that there is none of is nonsense. */
static void test_other_wishes(void **state)
{
	struct lanes *w = *state;

	lapp_fresh(&w->a, 0);
	assert_true(lapp_say(&w->a, (struct applane_msg){.type = APPLANE_CONNECT,
	                                                 .slot = 0,
	                                                 .port = PORT,
	                                                 .option = APPLANE_DIRECT + 1,
	                                                 .id = w->n.cfg[1].id}));
	assert_true(LANES_UNTIL(w, has(&w->a, 0, STREAM_ERROR), NS_PER_S));
	assert_int_equal(lapp_err(&w->a, 0), EPROTO);
	assert_int_equal(lanes_count(w, 0)->app_nonsense, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        T(test_over_the_link),       T(test_it_waits_for_the_link),
	        T(test_who_is_no_neighbour), T(test_it_waits_for_so_long),
	        T(test_the_link_is_lost),    T(test_to_the_own_node),
	        T(test_other_wishes),
	};

	sessnet_global();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
