/* SPDX-License-Identifier: BSD-3-Clause */
/* Whoever uses a stream may write anything at any time into what it shares with the worker: an honest stream of the same worker loses no
 * byte by that, and the worker lets go of the scribbled one as of any other. */
#include "sessapp.h"

#define STREAMS 100u
#define STEPS   50u
#define TOTAL   (UINT64_C(8) << 20)

/* One word of the stream, or some bytes of its rings, become something else: noise, or near to what stood there. */
static void scribble(struct app *a, struct rng_seeded *r)
{
	struct appseg_stream *s = a->side.shared;
	_Atomic uint64_t *index[] = {&s->out.head, &s->out.tail, &s->in.head, &s->in.tail};
	_Atomic uint32_t *word[] = {&s->asked,   &s->told,          &s->out_full,
	                            &s->in_full, &s->worker_kicked, &s->app_kicked};
	struct rng g = rng_from_seeded(r);
	uint32_t what = (uint32_t)rng_below(&g, 12), at;

	switch (what) {
	case 0:
	case 1:
	case 2:
	case 3:
		atomic_store(index[what], rng_below(&g, 2)
		                                  ? rng_u64(&g)
		                                  : atomic_load(index[what]) +
		                                            rng_below(&g, 1u << 20) - (1u << 19));
		break;
	case 4:
		atomic_store(&s->err, (int32_t)rng_u64(&g));
		break;
	case 5:
		at = (uint32_t)rng_below(&g, BRIDGE_STREAM_BYTES - 64);
		rng_fill(&g, a->side.out.data + at, 64);
		rng_fill(&g, a->side.in.data + at, 64);
		break;
	default:
		/* None of them ends the stream for good at once, so that much is tried before it ends. */
		atomic_store(word[what - 6],
		             rng_below(&g, 8) ? (uint32_t)rng_u64(&g) & ~STREAM_SHUT : 0);
		break;
	}
	if (rng_below(&g, 4) == 0)
		app_put(a, (struct bridge_msg){.type = BRIDGE_KICK, .stream = a->st});
}

/* The other end of the scribbled stream only takes it. */
static void take_far(struct app *b, struct app *far)
{
	const struct bridge_msg *m;

	while ((m = bridge_peek(&b->b->to_gateway_rx))) {
		if (m->type == BRIDGE_ACCEPT) {
			far->st = stream_new(&far->side);
			assert_non_null(far->st);
			app_put(b, (struct bridge_msg){.type = BRIDGE_ATTACH,
			                               .stream = far->st,
			                               .conn = m->conn});
		} else if (m->type == BRIDGE_KICK) {
			atomic_exchange(&m->stream->side.shared->app_kicked, 0);
		}
		bridge_done(&b->b->to_gateway_rx);
	}
}

/* The honest stream goes on for one step. */
static void step(struct pair *p, struct app *far, uint64_t *sent, uint64_t *got)
{
	const struct bridge_msg *m;

	app_write(&p->a, sent, TOTAL);
	sessnet_step(&p->n, 100 * NS_PER_US);
	take_far(&p->b, far);
	app_read(&p->b, got);
	while ((m = bridge_peek(&p->a.b->to_gateway_rx))) {
		p->c.gone |= m->type == BRIDGE_GONE && m->stream == p->c.st;
		bridge_done(&p->a.b->to_gateway_rx);
	}
	atomic_store(&p->a.side.shared->app_kicked, 0);
}

/* A stream is opened, scribbled over and left. */
static void scribbled_stream(struct pair *p, struct rng_seeded *r, uint64_t *sent, uint64_t *got)
{
	struct app far = {.st = NULL};

	app_connect(&p->n, &p->c, 0);
	p->c.gone = false;
	for (unsigned i = 0; i < 10 || !far.st; i++) {
		assert_true(i < 1000);
		step(p, &far, sent, got);
	}
	for (unsigned i = 0; i < STEPS; i++) {
		scribble(&p->c, r);
		step(p, &far, sent, got);
	}
	app_let_go(&p->c, true);
	app_put(&p->b, (struct bridge_msg){.type = BRIDGE_LET_GO, .stream = far.st, .abort = true});
	app_put(&p->b, (struct bridge_msg){.type = BRIDGE_TAKEN, .listener = &p->b.l, .credit = 1});
	for (unsigned i = 0; i < 100; i++)
		step(p, &far, sent, got);
	assert_true(p->c.gone);
	stream_free(p->c.st);
	stream_free(far.st);
	p->c.st = NULL;
}

static void beside_an_honest_stream(struct pair *p, uint64_t seed)
{
	uint64_t sent = 0, got = 0;
	struct rng_seeded r;

	rng_seeded_init(&r, seed);
	sessnet_up(&p->n);
	connected(p);
	for (unsigned i = 0; i < STREAMS; i++)
		scribbled_stream(p, &r, &sent, &got);
	assert_int_equal(got, TOTAL);
}

static void test_words_of_a_stream(void **state)
{
	beside_an_honest_stream(*state, 1);
}

static void test_words_of_a_stream_again(void **state)
{
	beside_an_honest_stream(*state, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_words_of_a_stream, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_words_of_a_stream_again, setup, teardown),
	};

	sessnet_global();
	return cmocka_run_group_tests_name("scribble", tests, NULL, NULL);
}
