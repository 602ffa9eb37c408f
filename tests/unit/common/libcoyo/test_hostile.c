/* SPDX-License-Identifier: BSD-3-Clause */
/* A daemon that lies, is of another kind, or has gone: calls end with an error, none hangs and none is misled out of its memory. */
#include "pair.h"

#include <pthread.h>
#include <sys/time.h>
#include <sys/wait.h>

/* ---- what cannot be attached to ---- */

static void attach_fails(const struct otherside_cfg *cfg, int err)
{
	struct otherside *o = otherside_start(cfg);

	assert_fails(coyo_socket(AF_COYO, SOCK_STREAM, 0), err);
	otherside_stop(o);
}

static void no_daemon(void **state)
{
	setenv("COYO_SOCKET", "/tmp/there/is/none", 1);
	assert_fails(coyo_socket(AF_COYO, SOCK_STREAM, 0), ENOENT);
}

static void a_segment_that_could_shrink(void **state)
{
	attach_fails(
	        &(struct otherside_cfg){
	                .workers = 1, .slots = 4, .ring_bytes = 4096, .no_seals = true},
	        EPROTO);
}

static void a_segment_smaller_than_its_numbers(void **state)
{
	attach_fails(
	        &(struct otherside_cfg){
	                .workers = 1, .slots = 4, .ring_bytes = 4096, .short_memory = true},
	        EPROTO);
}

static void numbers_out_of_bounds(void **state)
{
	attach_fails(&(struct otherside_cfg){.workers = 1, .slots = 4, .ring_bytes = 5000}, EPROTO);
}

/* ---- what lies ---- */

/* The words of the stream that p->a uses: it was connected first, from the worker that has all. */
static struct appseg_slot *words_of(struct pair *p, bool b)
{
	struct appseg_layout l;
	uint8_t *segment = otherside_segment(p->o, &l);
	struct sockaddr_coyo own, peer;
	socklen_t len = sizeof(own);

	coyo_getsockname(p->a, (struct sockaddr *)&own, &len);
	coyo_getpeername(p->a, (struct sockaddr *)&peer, &len);
	for (uint32_t i = 0; i < l.slots; i++) {
		struct appseg_slot *w = (struct appseg_slot *)(segment + appseg_words_at(&l, i));

		if ((atomic_load(&w->stream.told) & APPSEG_UP) &&
		    w->local_port == ntohs(b ? peer.scoyo_port : own.scoyo_port))
			return w;
	}
	fail();
	return NULL;
}

static void a_head_that_lies(void **state)
{
	struct pair *p = *state;
	struct appseg_slot *w = words_of(p, false);
	char got;
	int err;
	socklen_t len = sizeof(err);

	otherside_hold(p->o, true);
	atomic_store(&w->stream.in.head, UINT64_MAX / 2);
	assert_fails(coyo_recv(p->a, &got, 1, 0), EPROTO);
	assert_int_equal(coyo_recv(p->a, &got, 1, 0), 0);
	assert_fails(coyo_send(p->a, &got, 1, 0), EPIPE);
	assert_int_equal(coyo_getsockopt(p->a, SOL_SOCKET, SO_ERROR, &err, &len), 0);
	assert_int_equal(err, 0);
	otherside_hold(p->o, false);
	coyo_close(p->a);
	assert_fails(coyo_recv(p->b, &got, 1, 0), ECONNRESET);
	pair_again(p);
}

static void a_tail_that_lies(void **state)
{
	struct pair *p = *state;
	struct appseg_slot *w = words_of(p, false);
	char got;

	otherside_hold(p->o, true);
	atomic_store(&w->stream.out.tail, 12345);
	assert_fails(coyo_send(p->a, "x", 1, 0), EPROTO);
	assert_fails(coyo_send(p->a, "x", 1, 0), EPIPE);
	assert_int_equal(coyo_recv(p->a, &got, 1, 0), 0);
	otherside_hold(p->o, false);
}

static void an_error_that_is_none(void **state)
{
	struct pair *p = *state;
	struct appseg_slot *w = words_of(p, false);
	char got;

	atomic_store(&w->stream.err, -7);
	atomic_fetch_or(&w->stream.told, STREAM_ERROR);
	assert_fails(coyo_recv(p->a, &got, 1, 0), EPROTO);
	assert_int_equal(coyo_recv(p->a, &got, 1, 0), 0);
}

static void bits_at_odd_times(void **state)
{
	struct pair *p = *state;
	struct appseg_slot *w = words_of(p, false);
	char got;

	/* Free while it is in use, up again, and bits that nobody knows: the stream is what it was. */
	atomic_fetch_or(&w->stream.told, APPSEG_FREE | APPSEG_UP | 0xffff0000u);
	assert_int_equal(coyo_send(p->b, "x", 1, 0), 1);
	assert_int_equal(coyo_recv(p->a, &got, 1, 0), 1);
	/* The end of the stream and bytes after it. */
	atomic_fetch_or(&w->stream.told, STREAM_EOF);
	assert_int_equal(coyo_recv(p->a, &got, 1, 0), 0);
	assert_int_equal(coyo_send(p->b, "y", 1, 0), 1);
	pair_await(coyo_recv(p->a, &got, 1, 0) == 1);
	/* Words that only this side sets. */
	atomic_store(&w->in_waits, UINT32_MAX);
	atomic_store(&w->out_waits, UINT32_MAX);
	atomic_store(&w->stream.worker_kicked, 0);
	assert_int_equal(coyo_send(p->a, "z", 1, 0), 1);
	assert_int_equal(coyo_recv(p->b, &got, 1, 0), 1);
}

/* ---- lanes ---- */

static void put_event(struct pair *p, const struct applane_msg *m)
{
	struct appseg_layout l;
	struct applane *lane = (struct applane *)(otherside_segment(p->o, &l) + appseg_lane_at(1));
	uint64_t head = atomic_load(&lane->to_app.head);

	memcpy((uint8_t *)applane_events(lane) + head % (APPLANE_MSGS * sizeof(struct applane_msg)),
	       m, sizeof(*m));
	atomic_store(&lane->to_app.head, head + sizeof(*m));
}

static void connections_that_nobody_asked_for(void **state)
{
	struct pair *p = *state;
	struct pollfd f = {.fd = p->listener, .events = POLLIN};

	/* A slot that does not exist, each slot that does, and messages of no kind. Worker 1 has none of ours but posted ones, with other tokens. */
	put_event(p,
	          &(struct applane_msg){.type = APPLANE_ACCEPTED, .slot = UINT32_MAX, .token = 1});
	for (uint32_t i = 0; i < PAIR_SLOTS; i++)
		put_event(p,
		          &(struct applane_msg){.type = APPLANE_ACCEPTED, .slot = i, .token = 99});
	for (unsigned type = 0; type < 256; type += 15)
		put_event(p, &(struct applane_msg){.type = (uint8_t)type, .slot = 3});
	assert_int_equal(coyo_poll(&f, 1, 0), 0);
	coyo_close(p->a);
	coyo_close(p->b);
	pair_again(p);
}

static void a_lane_that_lies(void **state)
{
	struct pair *p = *state;
	struct appseg_layout l;
	struct applane *lane = (struct applane *)(otherside_segment(p->o, &l) + appseg_lane_at(1));
	char got;

	atomic_store(&lane->to_app.head, UINT64_MAX / 3);
	assert_fails(coyo_accept(p->listener, NULL, NULL), ENETDOWN);
	assert_fails(coyo_recv(p->a, &got, 1, 0), ECONNRESET);
	/* The next socket attaches anew. */
	coyo_close(p->listener);
	p->listener = pair_listen(PAIR_PORT, 4);
}

static void a_listener_that_the_daemon_ends(void **state)
{
	struct pair *p = *state;

	put_event(p, &(struct applane_msg){.type = APPLANE_LISTENER_GONE, .token = 1});
	assert_fails(coyo_accept(p->listener, NULL, NULL), ENETDOWN);
	coyo_close(p->listener);
}

static int mute_setup(void **state)
{
	return pair_setup_cfg(state, &(struct otherside_cfg){.workers = 1,
	                                                     .slots = PAIR_SLOTS,
	                                                     .ring_bytes = 4096,
	                                                     .mute_options = true});
}

static void an_option_is_not_answered(void **state)
{
	struct pair *p = *state;
	int one = 1;

	assert_fails(coyo_setsockopt(p->a, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)), EIO);
}

/* A worker that takes nothing: what does not wait returns, what waits has its time limit. */
static void a_worker_that_stands_still(void **state)
{
	struct pair *p = *state;
	struct timeval t = {0, 50000};
	char got;
	int h;

	otherside_hold(p->o, true);
	coyo_setsockopt(p->a, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	assert_fails(coyo_recv(p->a, &got, 1, 0), EAGAIN);
	assert_int_equal(coyo_send(p->a, "x", 1, 0), 1);
	h = coyo_socket(AF_COYO, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_true(h > 0);
	coyo_close(h);
	otherside_hold(p->o, false);
	assert_int_equal(coyo_recv(p->b, &got, 1, 0), 1);
}

/* What says that a kick is on its way was set by a process that was killed before it sent one: whoever waits sends another. */
static void a_kick_that_was_lost(void **state)
{
	struct pair *p = *state;
	struct appseg_slot *w = words_of(p, false);
	struct timeval t = {0, 600000};
	char got;

	atomic_store(&w->stream.worker_kicked, 1);
	coyo_setsockopt(p->a, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	assert_fails(coyo_recv(p->a, &got, 1, 0), EAGAIN);
	assert_int_equal(atomic_load(&w->stream.worker_kicked), 0);
}

/* ---- a daemon that is stopped ---- */

static void *make_socket(void *arg)
{
	int h = coyo_socket(AF_COYO, SOCK_STREAM, 0);

	*(int *)arg = h < 0 ? errno : 0;
	return NULL;
}

/* One thread attaches, which another that forks has to wait for: both are through after five seconds. */
static void nobody_answers_who_attaches(void **state)
{
	struct otherside *o = otherside_start(
	        &(struct otherside_cfg){.workers = 1, .slots = 4, .ring_bytes = 4096});
	pthread_t t;
	pid_t child;
	int err = 0;

	otherside_mute(o, true);
	pthread_create(&t, NULL, make_socket, &err);
	usleep(50000);
	child = fork();
	if (child == 0)
		_exit(0);
	assert_true(child > 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	pthread_join(t, NULL);
	assert_int_equal(err, ETIMEDOUT);
	otherside_stop(o);
}

/* The answer to a listen that was given up comes all the same: the port is free again, and the next request has its own answer. */
static void an_answer_that_comes_late(void **state)
{
	struct pair *p = *state;
	struct sockaddr_coyo to = pair_address(7100);
	int h = coyo_socket(AF_COYO, SOCK_STREAM, 0);

	assert_int_equal(coyo_bind(h, (struct sockaddr *)&to, sizeof(to)), 0);
	otherside_mute(p->o, true);
	assert_fails(coyo_listen(h, 4), ETIMEDOUT);
	otherside_mute(p->o, false);
	assert_int_equal(coyo_listen(h, 4), 0);
	coyo_close(pair_connect(7100));
	coyo_close(h);
}

/* ---- the daemon's end ---- */

struct call {
	int h;
	int what;
	int err;
};

static void *wait_in_call(void *arg)
{
	static uint8_t big[64 * PAIR_RING];
	struct call *c = arg;
	ssize_t r = c->what == 0   ? coyo_recv(c->h, &r, 1, 0)
	            : c->what == 1 ? coyo_send(c->h, big, sizeof(big), 0)
	                           : coyo_accept(c->h, NULL, NULL);

	c->err = r < 0 ? errno : 0;
	return NULL;
}

/* Every thread that waits is woken; streams end in a reset, told once; the next socket attaches to the daemon that comes after. */
static void the_daemon_is_killed(void **state)
{
	struct pair *p = *state;
	struct call c[3] = {{p->a, 0, -1}, {p->b, 1, -1}, {p->listener, 2, -1}};
	pthread_t t[3];
	char got;
	int old;

	for (unsigned i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, wait_in_call, &c[i]);
	usleep(30000);
	otherside_stop(p->o);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	/* a was read by the thread until nothing was left; b has sent some of its bytes. */
	assert_int_equal(c[2].err, ENETDOWN);
	assert_true(c[1].err == 0 || c[1].err == ECONNRESET);
	while (coyo_recv(p->a, &got, 1, 0) > 0)
		;
	assert_fails(coyo_send(p->a, &got, 1, 0), EPIPE);
	assert_fails(coyo_listen(p->a, 1), EINVAL);
	old = p->listener;
	p->o = otherside_start(&(struct otherside_cfg){
	        .workers = 3, .slots = PAIR_SLOTS, .ring_bytes = PAIR_RING});
	p->listener = pair_listen(PAIR_PORT, 4);
	coyo_close(old);
	coyo_close(p->a);
	coyo_close(p->b);
	pair_again(p);
	assert_int_equal(coyo_send(p->a, "x", 1, 0), 1);
	assert_int_equal(coyo_recv(p->b, &got, 1, 0), 1);
}

static void restarts_without_end(void **state)
{
	for (unsigned i = 0; i < 50; i++) {
		void *one = NULL;

		pair_setup(&one);
		pair_teardown(&one);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(no_daemon),
	        cmocka_unit_test(a_segment_that_could_shrink),
	        cmocka_unit_test(a_segment_smaller_than_its_numbers),
	        cmocka_unit_test(numbers_out_of_bounds),
	        TEST(a_head_that_lies),
	        TEST(a_tail_that_lies),
	        TEST(an_error_that_is_none),
	        TEST(bits_at_odd_times),
	        TEST(connections_that_nobody_asked_for),
	        TEST(a_lane_that_lies),
	        TEST(a_listener_that_the_daemon_ends),
	        cmocka_unit_test_setup_teardown(an_option_is_not_answered, mute_setup,
	                                        pair_teardown),
	        TEST(a_worker_that_stands_still),
	        TEST(a_kick_that_was_lost),
	        cmocka_unit_test(nobody_answers_who_attaches),
	        TEST(an_answer_that_comes_late),
	        TEST(the_daemon_is_killed),
	        cmocka_unit_test(restarts_without_end),
	};
	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
