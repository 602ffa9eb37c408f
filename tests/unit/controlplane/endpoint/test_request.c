/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests: each is answered to its end once, whatever becomes of its session, and answers to nobody's question change nothing. */
#include "bed.h"

#include "endpoint/build.h"
#include "endpoint/end.h"
#include "endpoint/request.h"
#include "kad/kad.h"

#include <errno.h>
#include <string.h>

struct asked {
	struct bed b;
	struct news news; /* the bed's, and requests hear of sessions as in a whole node */
};

static void lookup_done(struct node *n, enum lookup_purpose purpose, uint32_t ref,
                        const struct node_id *target, bool exact,
                        const struct contact_info *closest)
{
	if (purpose == LOOKUP_REQUEST)
		request_lookup_done(n, ref, target, exact, closest);
}

static void asked_open(struct asked *a, uint64_t seed)
{
	bed_open(&a->b, seed);
	assert_int_equal(requests_new(a->b.n), 0);
	a->news = *a->b.n->news;
	a->news.session_ready = request_session_ready;
	a->news.session_failed = request_session_failed;
	a->news.lookup_done = lookup_done;
	a->b.n->news = &a->news;
}

static void asked_close(struct asked *a)
{
	requests_free(a->b.n);
	bed_close(&a->b);
}

/* What was answered to cookie since the last call, in order: C connected, P ping, H hop, L lookup, F failed, D done. */
static const char *answers(struct node *n, uint32_t cookie, struct node_answer *last)
{
	static const char letter[] = {
	        [ANS_LOOKUP] = 'L',    [ANS_PING] = 'P',   [ANS_TRACE_HOP] = 'H',
	        [ANS_CONNECTED] = 'C', [ANS_FAILED] = 'F', [ANS_DONE] = 'D'};
	static struct node_output out;
	static char text[64];
	unsigned k = 0;

	while (node_output(n, &out)) {
		if (out.type != OUT_ANSWER || out.u.answer.cookie != cookie)
			continue;
		if (out.u.answer.type != ANS_DONE && last)
			*last = out.u.answer;
		assert_true(k + 1 < sizeof(text));
		text[k++] = letter[out.u.answer.type];
	}
	text[k] = '\0';
	return text;
}

static struct session *up(struct asked *a)
{
	struct session *s = bed_session(&a->b, true, SESSION_PATHLESS);

	s->path = bed_tunnel(&a->b, s, 7, LSP_INGRESS);
	session_enter(s, SESSION_UP);
	return s;
}

static void ask(struct asked *a, uint32_t type, uint32_t cookie, const struct node_id *id,
                uint32_t count)
{
	struct node_request q = {
	        .type = type, .cookie = cookie, .id = *id, .count = count, .interval_ms = 200};

	request_begin(a->b.n, &q);
}

static struct request *only(struct asked *a)
{
	struct request *r = TAILQ_FIRST(&a->b.n->requests->list);

	assert_non_null(r);
	assert_null(TAILQ_NEXT(r, next));
	return r;
}

/* The request's timer has fired. */
static void fire(struct asked *a)
{
	struct request *r = only(a);

	assert_true(timer_armed(&r->timer));
	a->b.n->now = r->timer.at;
	disarm(a->b.n, &r->timer);
	request_timer(a->b.n, &r->timer);
}

static void answer_ping(struct asked *a, const struct session *s, uint32_t cookie, uint16_t seq)
{
	struct oam m = {.type = OAM_ECHO_REPLY,
	                .id = cookie,
	                .sequence = seq,
	                .time = (uint64_t)a->b.n->now.ns - 5000};

	request_ping_answered(a->b.n, s, &m);
}

/* Several wait for one session: each runs once it is ready, those for another id do not. */
static void test_wait(void **state)
{
	struct node_answer last;
	struct session *s, *t;
	struct node_id other;
	struct asked a;

	asked_open(&a, 1);
	s = bed_session(&a.b, true, SESSION_CLOSED);
	rng_fill(&a.b.g.rng, other.b, ID_BYTES);
	ask(&a, REQ_CONNECT, 1, &s->remote, 0);
	ask(&a, REQ_CONNECT, 2, &other, 0);
	ask(&a, REQ_CONNECT, 3, &s->remote, 0);
	assert_int_equal(s->state, SESSION_CONNECTING);
	t = session_find(a.b.n, &other);
	assert_int_equal(a.b.n->requests->count, 3);
	a.b.n->now.ns += 70 * NS_PER_MS;
	session_enter(s, SESSION_REPAIRING);
	s->path = bed_tunnel(&a.b, s, 7, LSP_INGRESS);
	session_enter(s, SESSION_UP);
	request_session_ready(a.b.n, s);
	assert_int_equal(a.b.n->requests->count, 1);
	assert_int_equal(only(&a)->q.cookie, 2);
	assert_string_equal(answers(a.b.n, 1, &last), "CD");
	assert_int_equal(last.setup_ns, 70 * NS_PER_MS);
	assert_int_equal(last.hops, 4);
	end_give_up(a.b.n, t, EHOSTUNREACH);
	assert_string_equal(answers(a.b.n, 2, &last), "FD");
	assert_int_equal(last.err, EHOSTUNREACH);
	assert_true(strlen(last.text) > 20);
	assert_int_equal(a.b.n->requests->count, 0);
	/* It stands: at once. */
	ask(&a, REQ_CONNECT, 4, &s->remote, 0);
	assert_string_equal(answers(a.b.n, 4, &last), "CD");
	asked_close(&a);
}

/* A session that ends takes its requests with it, running or not, and no others; each hears of it once. */
static void test_session_ends(void **state)
{
	struct session *s, *t;
	struct node_answer last;
	struct asked a;

	asked_open(&a, 2);
	s = up(&a);
	t = bed_session(&a.b, true, SESSION_CLOSED);
	ask(&a, REQ_PING, 1, &s->remote, 9);
	ask(&a, REQ_PING, 2, &t->remote, 9);
	ask(&a, REQ_TRACE, 3, &s->remote, 0);
	end_session(a.b.n, s);
	assert_int_equal(only(&a)->q.cookie, 2);
	assert_string_equal(answers(a.b.n, 1, &last), "FD");
	assert_int_equal(last.err, EHOSTUNREACH);
	/* The whole table goes: nobody listens any more, or somebody still does. */
	sessions_free(a.b.n);
	assert_int_equal(a.b.n->requests->count, 0);
	assert_string_equal(answers(a.b.n, 2, &last), "FD");
	assert_int_equal(sessions_new(a.b.n), 0);
	asked_close(&a);
}

/* Pings go at their interval; what was never sent, is from another id or from the future is no answer. */
static void test_ping(void **state)
{
	struct node_answer last;
	struct session *s, *t;
	struct cp_cmd c;
	struct asked a;

	asked_open(&a, 3);
	s = up(&a);
	t = bed_session(&a.b, true, SESSION_CLOSED);
	ask(&a, REQ_PING, 5, &s->remote, 2);
	assert_true(bed_command(&a.b, CMD_SEND_SESSION, &c));
	assert_int_equal(instant_sub(only(&a)->timer.at, a.b.n->now), 200 * NS_PER_MS);
	answer_ping(&a, s, 5, 2);
	answer_ping(&a, s, 6, 1);
	answer_ping(&a, t, 5, 1);
	request_ping_answered(a.b.n, s, &(struct oam){.id = 5, .sequence = 1, .time = UINT64_MAX});
	assert_string_equal(answers(a.b.n, 5, &last), "");
	answer_ping(&a, s, 5, 1);
	assert_string_equal(answers(a.b.n, 5, &last), "P");
	assert_int_equal(last.rtt_ns, 5000);
	assert_int_equal(last.seq, 1);
	fire(&a);
	assert_int_equal(only(&a)->seq, 2);
	/* The last one is waited for longer than the interval. */
	assert_int_equal(instant_sub(only(&a)->timer.at, a.b.n->now), NS_PER_S);
	fire(&a);
	assert_string_equal(answers(a.b.n, 5, &last), "D");
	/* One that nothing answers has failed. */
	ask(&a, REQ_PING, 6, &s->remote, 0);
	fire(&a);
	assert_string_equal(answers(a.b.n, 6, &last), "FD");
	assert_int_equal(last.err, ETIMEDOUT);
	assert_int_equal(a.b.n->requests->count, 0);
	answer_ping(&a, s, 6, 1);
	assert_string_equal(answers(a.b.n, 6, &last), "");
	asked_close(&a);
}

/* The tunnel is lost while a ping runs: it waits for the next one, but not for ever. */
static void test_ping_without_tunnel(void **state)
{
	for (unsigned heals = 0; heals < 2; heals++) {
		struct node_answer last;
		struct session *s;
		struct lsp *l;
		struct asked a;
		unsigned waits = 0;

		asked_open(&a, 4);
		s = up(&a);
		l = s->path;
		ask(&a, REQ_PING, 5, &s->remote, 3);
		s->path = NULL;
		session_enter(s, SESSION_PATHLESS);
		while (a.b.n->requests->count && waits < 100) {
			if (heals && waits == 3) {
				s->path = l;
				session_enter(s, SESSION_UP);
				/* It runs already: that the session is ready again starts no second one. */
				request_session_ready(a.b.n, s);
				assert_int_equal(only(&a)->seq, 1);
				fire(&a);
				assert_int_equal(only(&a)->seq, 2);
				break;
			}
			fire(&a);
			waits++;
		}
		assert_int_equal(waits, heals ? 3 : 11);
		assert_string_equal(answers(a.b.n, 5, &last), heals ? "" : "FD");
		asked_close(&a);
	}
}

/* A trace goes hop by hop, passes over hops that are silent, and ends at the far end or a little behind it. */
static void test_trace(void **state)
{
	struct oam m = {.type = OAM_TTL_EXCEEDED, .in_label = 16, .out_label = 17};
	struct node_answer last;
	struct session *s, *t;
	struct asked a;

	asked_open(&a, 5);
	s = up(&a);
	t = bed_session(&a.b, true, SESSION_CLOSED);
	request_hop_answered(a.b.n, s, &m, false); /* nobody has asked */
	ask(&a, REQ_TRACE, 5, &s->remote, 0);
	request_hop_answered(a.b.n, t, &m, true);
	assert_string_equal(answers(a.b.n, 5, &last), "");
	request_hop_answered(a.b.n, s, &m, false);
	assert_string_equal(answers(a.b.n, 5, &last), "H");
	assert_int_equal(last.seq, 1);
	assert_int_equal(last.in_label, 16);
	assert_int_equal(last.out_label, 17);
	assert_int_equal(only(&a)->seq, 2);
	/* The second hop is silent: it is asked twice, then left out. */
	fire(&a);
	assert_int_equal(only(&a)->seq, 2);
	fire(&a);
	assert_int_equal(only(&a)->seq, 3);
	request_hop_answered(a.b.n, s, &m, true);
	assert_string_equal(answers(a.b.n, 5, &last), "HD");
	assert_int_equal(last.seq, 3);
	/* All are silent: 4 hops are known of, 6 are asked. */
	ask(&a, REQ_TRACE, 6, &s->remote, 0);
	for (unsigned i = 1; i < 12; i++)
		fire(&a);
	assert_int_equal(only(&a)->seq, 6);
	fire(&a);
	assert_string_equal(answers(a.b.n, 6, &last), "D");
	/* Answers that never name the far end: no more than a TTL can count. */
	ask(&a, REQ_TRACE, 7, &s->remote, 0);
	for (unsigned i = 0; i < 300; i++) {
		request_hop_answered(a.b.n, s, &m, false);
		assert_true(strlen(answers(a.b.n, 7, &last)) <= 2);
	}
	assert_int_equal(last.seq, 255);
	assert_int_equal(a.b.n->requests->count, 0);
	asked_close(&a);
}

/* What cannot begin is answered at once: this node itself, a node that drains, one request too many. */
static void test_refused(void **state)
{
	struct node_answer last;
	struct node_id id;
	struct asked a;

	asked_open(&a, 6);
	ask(&a, REQ_CONNECT, 1, &a.b.g.identity.id, 0);
	assert_string_equal(answers(a.b.n, 1, &last), "FD");
	assert_int_equal(last.err, EINVAL);
	assert_int_equal(a.b.n->requests->count, 0);
	rng_fill(&a.b.g.rng, id.b, ID_BYTES);
	for (uint32_t i = 0; i < REQUESTS_MAX; i++)
		ask(&a, REQ_CONNECT, 100 + i, &id, 0);
	assert_string_equal(answers(a.b.n, 99 + REQUESTS_MAX, &last), "");
	ask(&a, REQ_CONNECT, 2, &id, 0);
	assert_string_equal(answers(a.b.n, 2, &last), "FD");
	assert_int_equal(last.err, EBUSY);
	assert_int_equal(a.b.n->requests->count, REQUESTS_MAX);
	end_give_up(a.b.n, session_find(a.b.n, &id), EHOSTUNREACH);
	assert_int_equal(a.b.n->requests->count, 0);
	a.b.n->draining = true;
	ask(&a, REQ_CONNECT, 3, &id, 0);
	assert_string_equal(answers(a.b.n, 3, &last), "FD");
	assert_int_equal(last.err, ESHUTDOWN);
	asked_close(&a);
}

/* A lookup needs no session: this node is its own answer, and without anybody to ask it says so. */
static void test_lookup(void **state)
{
	struct node_answer last;
	struct contact_info c = {.seq = 1};
	struct node_id id;
	struct asked a;

	asked_open(&a, 7);
	ask(&a, REQ_LOOKUP, 1, &a.b.g.identity.id, 0);
	assert_string_equal(answers(a.b.n, 1, &last), "LD");
	assert_true(last.exact && id_eq(&last.id, &a.b.g.identity.id));
	rng_fill(&a.b.g.rng, id.b, ID_BYTES);
	ask(&a, REQ_LOOKUP, 2, &id, 0);
	assert_string_equal(answers(a.b.n, 2, &last), "FD");
	assert_int_equal(last.err, EHOSTUNREACH);
	assert_null(session_find(a.b.n, &id));
	c.id = id;
	request_lookup_done(a.b.n, 3, &id, false, &c);
	assert_string_equal(answers(a.b.n, 3, &last), "LD");
	assert_true(!last.exact && id_eq(&last.id, &id));
	asked_close(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_wait),   cmocka_unit_test(test_session_ends),
	        cmocka_unit_test(test_ping),   cmocka_unit_test(test_ping_without_tunnel),
	        cmocka_unit_test(test_trace),  cmocka_unit_test(test_refused),
	        cmocka_unit_test(test_lookup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
