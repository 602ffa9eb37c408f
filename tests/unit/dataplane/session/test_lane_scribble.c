/* SPDX-License-Identifier: BSD-3-Clause */
/* An application may write anything at any time into all of its segment. Whatever it writes, the worker lives, an honest application of the same
 * worker loses no byte, and what the hostile one held is let go of when it leaves. */
#include "laneapp.h"

#include <pthread.h>
#include <stdio.h>

#define SLOTS     8u
#define RING      4096u
#define EACH_LIFE 2000u /* scribbles of one hostile application before it leaves */
#define HONEST    (UINT64_C(16) << 20)

static uint64_t scribbles = 100000;

struct world {
	struct lanes w;        /* a sends to b, both honest */
	struct lapp evil, far; /* evil shares a's worker, far takes its connections on b's */
	struct rng_seeded r;
	uint64_t done;
	bool sink[SLOTS]; /* far's slots: posted */
	_Atomic bool stop;
};

/* ---- the honest ones ---- */

static void far_post(struct world *x, uint32_t slot)
{
	lapp_post(&x->far, slot, SLOTS - 1);
	x->sink[slot] = true;
}

/* Throws away what comes, and closes what has ended. */
static void far_step(struct world *x)
{
	for (uint32_t i = 0; i < SLOTS - 1; i++) {
		struct lslot *s = &x->far.slot[i];
		uint32_t told = lapp_told(&x->far, i), n;
		const void *piece;

		if (told & APPSEG_FREE) {
			far_post(x, i);
			continue;
		}
		while ((n = bytering_peek(&s->side.in, &piece)) > 0)
			bytering_consume(&s->side.in, n);
		if (atomic_exchange(&s->words->stream.in_full, 0))
			lapp_kick(&x->far, i);
		if (x->sink[i] && (told & (STREAM_EOF | STREAM_ERROR))) {
			x->sink[i] = false;
			lapp_close(&x->far, i, false);
		}
	}
}

static void step(struct world *x)
{
	uint64_t *sent = &x->w.a.slot[0].sent;

	lapp_write(&x->w.a, 0, min_u64(*sent + 1000, HONEST));
	lanes_for(&x->w, 300 * NS_PER_US);
	lapp_poll(&x->far);
	far_step(x);
	lapp_read(&x->w.b, 0, UINT64_MAX);
	/* Bytes go round and round until the scribbler is done. */
	if (x->w.b.slot[0].got == HONEST)
		x->w.a.slot[0].sent = x->w.b.slot[0].got = 0;
}

static void start(struct world *x)
{
	sessnet_start(&x->w.n, 42);
	lapp_start(&x->w.n, &x->w.a, 0, 4, 64 * 1024);
	lapp_start(&x->w.n, &x->w.b, 1, 4, 64 * 1024);
	lapp_start(&x->w.n, &x->far, 1, SLOTS, RING);
	x->far.token = TOKEN + 0x10000;
	x->far.listens_on = PORT + 1;
	x->w.a.beside = &x->evil;
	x->w.b.beside = &x->far;
	sessnet_up(&x->w.n);
	lapp_listen(&x->w.b);
	lapp_listen(&x->far);
	assert_true(LANES_UNTIL(&x->w, x->w.b.listening && x->far.listening, NS_PER_S));
	lapp_post(&x->w.b, 0, 3);
	lapp_connect(&x->w.a, 0, &x->w.n.cfg[1].id, PORT);
	assert_true(LANES_UNTIL(&x->w, x->w.b.accepted == 1, NS_PER_S));
	for (uint32_t i = 0; i < SLOTS - 1; i++)
		far_post(x, i);
}

static void end(struct world *x)
{
	assert_true(LANES_UNTIL(
	        &x->w,
	        (lapp_read(&x->w.b, 0, UINT64_MAX), x->w.b.slot[0].got == x->w.a.slot[0].sent),
	        10 * NS_PER_S));
	assert_int_equal(lapp_told(&x->w.a, 0), APPSEG_UP);
	assert_int_equal(lapp_told(&x->w.b, 0), APPSEG_UP);
	assert_int_equal(lanes_count(&x->w, 1)->app_nonsense, 0);
	sessnet_stop(&x->w.n);
	lapp_free(&x->w.a);
	lapp_free(&x->w.b);
	lapp_free(&x->far);
}

/* ---- the hostile one ---- */

static uint64_t drawn(const struct rng *g)
{
	static const uint64_t kinds[] = {0, 1, 2, 64, 128, RING, RING * 2, UINT32_MAX};

	switch (rng_below(g, 3)) {
	case 0:
		return kinds[rng_below(g, ARRAY_LEN(kinds))];
	case 1:
		return rng_below(g, SLOTS * 2);
	default:
		return rng_u64(g);
	}
}

static void say(struct world *x, const struct rng *g)
{
	struct applane_msg m;

	rng_fill(g, &m, sizeof(m));
	m.type = (uint8_t)(rng_below(g, 20)  ? 1 + rng_below(g, APPLANE_OPTION)
	                   : rng_below(g, 3) ? APPLANE_INFO
	                                     : rng_u64(g));
	m.slot = (uint32_t)drawn(g);
	m.token = rng_below(g, 4) ? TOKEN : (uint32_t)drawn(g);
	m.option = (uint32_t)drawn(g);
	m.value = (int64_t)drawn(g);
	if (rng_below(g, 2)) {
		m.port = PORT + 1;
		m.id = x->w.n.cfg[1].id;
	} else if (rng_below(g, 8) == 0) {
		m.id = x->w.n.cfg[0].id;
	}
	if (m.type == APPLANE_CONNECT || m.type == APPLANE_ACCEPT_INTO) {
		if (m.slot < SLOTS && rng_below(g, 4))
			lapp_fresh(&x->evil, m.slot);
	}
	lapp_say(&x->evil, m);
}

/* A word of the slots or of the lane, or bytes anywhere. */
static void scribble(struct world *x, const struct rng *g)
{
	struct lapp *a = &x->evil;
	const struct appseg_layout *l = &a->seg.layout;
	struct applane *lane = a->port->lane;
	_Atomic uint64_t *index[] = {&lane->to_worker.head, &lane->to_worker.tail,
	                             &lane->to_app.head, &lane->to_app.tail};
	uint32_t slot = (uint32_t)rng_below(g, l->slots);
	struct appseg_slot *words = (struct appseg_slot *)(a->seg.at + appseg_words_at(l, slot));
	size_t at;

	switch (rng_below(g, 8)) {
	case 0: /* rarely: the first that cannot be is the last that is believed */
		if (rng_below(g, 200) == 0)
			atomic_fetch_add(index[rng_below(g, ARRAY_LEN(index))], drawn(g));
		atomic_store(rng_below(g, 2) ? &lane->worker_asleep : &lane->app_asleep,
		             (uint32_t)drawn(g));
		break;
	case 1:
		at = rng_below(g, appseg_bytes(l) - sizeof(at));
		if (at >= sizeof(*lane))
			rng_fill(g, a->seg.at + at, 8);
		break;
	case 2: /* bytes that may well be there */
		atomic_fetch_add(&words->stream.out.head, rng_below(g, 64));
		if (rng_below(g, 2))
			atomic_store(&words->stream.out.shape, rng_u64(g) << 8 | rng_below(g, 10));
		break;
	case 3: /* an index, near to what it was: its stream does not outlive that for long */
		at = rng_below(g, 2 * sizeof(struct bytering_shared) / 8) * 8;
		if (rng_below(g, 20) == 0)
			atomic_fetch_add((_Atomic uint64_t *)((uint8_t *)words + at), drawn(g));
		break;
	default:
		at = offsetof(struct appseg_slot, stream.asked);
		at += rng_below(g, (sizeof(*words) - at) / 4) * 4;
		atomic_store((_Atomic uint32_t *)((uint8_t *)words + at), (uint32_t)drawn(g));
		break;
	}
}

static void evil_comes(struct world *x)
{
	lapp_start(&x->w.n, &x->evil, 0, SLOTS, RING);
	x->evil.deaf = true;
	for (uint32_t i = 0; i < SLOTS; i++)
		lapp_fresh(&x->evil, i);
	for (unsigned i = 0; i < 100 && !x->evil.attached; i++)
		step(x);
	assert_true(x->evil.attached);
	lapp_listen(&x->evil);
	/* Half of its slots are connected before the first scribble. */
	for (uint32_t i = 0; i < SLOTS / 2; i++) {
		lapp_connect(&x->evil, i, &x->w.n.cfg[1].id, PORT + 1);
		lapp_write(&x->evil, i, 3000);
	}
	for (unsigned i = 0; i < 60; i++)
		step(x);
}

/* It leaves, and all that it held is let go of in the time that a stream takes to end. */
static void evil_goes(struct world *x)
{
	struct instant limit = instant_add(x->w.n.now, 60 * NS_PER_S);

	lapp_unlisten(&x->evil);
	lapp_bridge(&x->evil, (struct bridge_msg){.type = BRIDGE_APP_LEAVE, .app = x->evil.port});
	while (!(x->evil.gone && x->evil.unlistened) && instant_before(x->w.n.now, limit))
		step(x);
	assert_true(x->evil.gone && x->evil.unlistened);
	for (uint32_t i = 0; i < SLOTS; i++)
		assert_int_equal(atomic_load(&x->evil.seg.holder[i]), 0);
	lapp_free(&x->evil);
	x->evil.port = NULL;
}

static void one_life(struct world *x, const struct rng *g)
{
	evil_comes(x);
	for (unsigned i = 0; i < EACH_LIFE; i++) {
		scribble(x, g);
		if (rng_below(g, 16) == 0)
			say(x, g);
		if (rng_below(g, 4) == 0)
			step(x);
	}
	x->done += EACH_LIFE;
	evil_goes(x);
}

static struct world *world_new(uint64_t seed)
{
	struct world *x = aligned_alloc(64, (sizeof(*x) + 63) / 64 * 64);

	memset((void *)x, 0, sizeof(*x));
	rng_seeded_init(&x->r, seed);
	start(x);
	return x;
}

static void test_beside_an_honest_application(void **state)
{
	struct world *x = world_new(1);
	struct rng g = rng_from_seeded(&x->r);

	while (x->done < scribbles)
		one_life(x, &g);
	assert_true(lanes_count(&x->w, 0)->app_nonsense > 100);
	assert_true(x->far.accepted > scribbles / EACH_LIFE * SLOTS / 3);
	end(x);
	free(x);
}

/* The same from a thread of its own, while the worker is at work: what was checked may be something else a moment later. */
static void *scribbler(void *arg)
{
	struct world *x = arg;
	struct rng_seeded r;
	struct rng g;

	rng_seeded_init(&r, x->done + 7);
	g = rng_from_seeded(&r);
	while (!atomic_load(&x->stop))
		for (unsigned i = 0; i < 100; i++)
			scribble(x, &g);
	return NULL;
}

static void test_while_the_worker_looks(void **state)
{
	struct world *x = world_new(2);
	struct rng g = rng_from_seeded(&x->r);

	while (x->done < scribbles) {
		pthread_t thread;

		evil_comes(x);
		atomic_store(&x->stop, false);
		assert_int_equal(pthread_create(&thread, NULL, scribbler, x), 0);
		for (unsigned i = 0; i < EACH_LIFE / 8; i++) {
			say(x, &g);
			step(x);
		}
		x->done += EACH_LIFE;
		/* It is still at it when it has left. */
		lapp_unlisten(&x->evil);
		for (unsigned i = 0; i < 50; i++)
			step(x);
		atomic_store(&x->stop, true);
		pthread_join(thread, NULL);
		x->evil.unlistened = false;
		lapp_bridge(&x->evil,
		            (struct bridge_msg){.type = BRIDGE_APP_LEAVE, .app = x->evil.port});
		for (unsigned i = 0; i < 3000000 && !x->evil.gone; i++)
			step(x);
		assert_true(x->evil.gone);
		lapp_free(&x->evil);
		x->evil.port = NULL;
	}
	end(x);
	free(x);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_beside_an_honest_application),
	        cmocka_unit_test(test_while_the_worker_looks),
	};

	if (argc > 1 && strcmp(argv[1], "long") == 0)
		scribbles = 10000000;
	sessnet_global();
	return cmocka_run_group_tests_name("lane_scribble", tests, NULL, NULL);
}
