/* SPDX-License-Identifier: BSD-3-Clause */
/* Samples of datagrams that left in runs: taken, asked about, judged. */
#include "peer/peer.h"

#include "core/emit.h"

#define OPEN_NS   (50 * NS_PER_MS) /* of traffic that one sample covers */
#define ARRIVE_NS (50 * NS_PER_MS)
#define TAKE_NS   (500 * NS_PER_MS) /* a worker whose ring was full has not answered by then */
#define ASK_LEAST (125 * NS_PER_MS)
#define ASK_TRIES 3
#define REST_NS   (250 * NS_PER_MS) /* between two samples while all is well */
#define SOON_NS   (20 * NS_PER_MS)  /* and else */

static void go(struct node *n, struct peer *p, enum sampling_step step, int64_t in_ns)
{
	p->sampling.step = step;
	arm(n, &p->sampling.timer, TIMER_PEER_SAMPLE, p, in_ns);
}

/* The worker is told how datagrams are to leave, and may begin the next sample. */
static void again(struct node *n, struct peer *p)
{
	struct cp_cmd c = {.type = CMD_LINK_RUNS};

	c.u.runs = (struct cp_link_runs){.link = p->link, .mode = runs_mode(&p->sampling.runs)};
	out_command(n, p->cfg.io.owner, &c);
	p->sampling.step = SAMPLING_WAITED;
	disarm(n, &p->sampling.timer);
	if (p->sampling.runs.state == RUNS_TRIAL)
		arm(n, &p->sampling.timer, TIMER_PEER_SAMPLE, p,
		    instant_sub(p->sampling.runs.until, n->now));
}

static void rest(struct node *n, struct peer *p)
{
	const struct runs *r = &p->sampling.runs;

	if (r->state == RUNS_OFF)
		go(n, p, SAMPLING_RESTS, instant_sub(r->until, n->now));
	else if (r->state == RUNS_ON && !r->together.lost)
		go(n, p, SAMPLING_RESTS, REST_NS);
	else
		go(n, p, SAMPLING_RESTS, SOON_NS);
}

static unsigned ones(const uint64_t words[CPDP_SAMPLE_WORDS])
{
	unsigned k = 0;

	for (unsigned i = 0; i < CPDP_SAMPLE_WORDS; i++)
		k += (unsigned)__builtin_popcountll(words[i]);
	return k;
}

/* p->sampling.runs has changed its state. */
static void changed(struct node *n, struct peer *p, enum runs_state was)
{
	const char *name = p->cfg.name;

	switch (p->sampling.runs.state) {
	case RUNS_OFF:
		out_log(n, 4,
		        "link %s: datagrams that leave in runs (UDP GSO) are lost on their way, %u "
		        "of %u, and single ones are not: they go singly now, runs are tried again "
		        "in %u s",
		        name, p->sampling.runs.convicted.lost, p->sampling.runs.convicted.sent,
		        (unsigned)(p->sampling.runs.pause / NS_PER_S));
		count(n, CTR_RUNS_OFF);
		break;
	case RUNS_ON:
		if (was == RUNS_RETRY)
			out_log(n, 6, "link %s: datagrams that leave in runs arrive again", name);
		break;
	default:
		break;
	}
}

static void judge(struct node *n, struct peer *p, const uint64_t seen[CPDP_SAMPLE_WORDS],
                  unsigned unknown)
{
	const struct dp_link_sample *s = &p->sampling.sample;
	uint64_t members[CPDP_SAMPLE_WORDS], lost[CPDP_SAMPLE_WORDS];
	enum runs_state was = p->sampling.runs.state;

	for (unsigned i = 0; i < CPDP_SAMPLE_WORDS; i++) {
		unsigned passed = unknown > 64 * i ? unknown - 64 * i : 0;
		uint64_t known = passed >= 64 ? 0 : ~UINT64_C(0) << passed;

		members[i] = s->member[i] & s->sent[i] & known;
		lost[i] = members[i] & ~seen[i];
	}
	if (!runs_judge(&p->sampling.runs, ones(members), ones(lost), n->now)) {
		rest(n, p);
		return;
	}
	changed(n, p, was);
	if (p->sampling.runs.state == RUNS_OFF)
		rest(n, p); /* they are off already, or but for a sample's first */
	else
		again(n, p);
}

static void ask(struct node *n, struct peer *p, int64_t wait)
{
	const struct dp_link_sample *s = &p->sampling.sample;
	struct linkmsg_seen m = {.index = s->index, .first = s->first};
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	linkmsg_seen_write(&w, &m);
	emit_local(n, p->link, buf, wr_len(&w));
	p->sampling.tries++;
	go(n, p, SAMPLING_ASKED, wait > ASK_LEAST ? wait : ASK_LEAST);
}

void sampling_tick(struct node *n, struct peer *p, int64_t answer_wait)
{
	struct cp_cmd c = {.type = CMD_LINK_SAMPLE};
	enum runs_state was = p->sampling.runs.state;

	if (runs_tick(&p->sampling.runs, n->now))
		changed(n, p, was);
	switch (p->sampling.step) {
	case SAMPLING_OPEN:
		c.u.runs.link = p->link;
		out_command(n, p->cfg.io.owner, &c);
		go(n, p, SAMPLING_TAKEN, TAKE_NS);
		break;
	case SAMPLING_ARRIVES:
	case SAMPLING_ASKED:
		if (peer_up(p) && p->sampling.tries < ASK_TRIES)
			ask(n, p, answer_wait);
		else
			rest(n, p); /* nobody answers: that says nothing about runs */
		break;
	default:
		again(n, p);
		break;
	}
}

static void taken(struct node *n, struct peer *p, const struct dp_link_sample *s)
{
	if (p->sampling.step != SAMPLING_TAKEN)
		return;
	p->sampling.sample = *s;
	p->sampling.tries = 0;
	if (ones(s->member))
		go(n, p, SAMPLING_ARRIVES, ARRIVE_NS);
	else
		rest(n, p);
}

/* A worker knows what the neighbour has asked for. */
static void answer(struct node *n, struct peer *p, const struct dp_lane_seen *s)
{
	struct linkmsg_seen m = {
	        .answer = true, .unknown = s->unknown, .index = s->index, .first = s->first};
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	for (unsigned i = 0; i < CPDP_SAMPLE_FRAMES; i++)
		m.bits[i / 8] |= (uint8_t)((s->seen[i / 64] >> i % 64 & 1) << i % 8);
	linkmsg_seen_write(&w, &m);
	if (peer_up(p))
		emit_local(n, p->link, buf, wr_len(&w));
}

void sampling_event(struct node *n, struct peer *p, const struct dp_event *ev)
{
	if (p->state == PEER_GONE)
		return;
	if (ev->type == EVT_LANE_SEEN)
		answer(n, p, &ev->u.lane_seen);
	else if (ev->type == EVT_LINK_SAMPLE)
		taken(n, p, &ev->u.sample);
	else if (p->sampling.step == SAMPLING_WAITED)
		go(n, p, SAMPLING_OPEN, OPEN_NS);
}

_Static_assert(LINKMSG_SEEN_COUNTERS == CPDP_SAMPLE_FRAMES, "one sample, one question");

void sampling_rx(struct node *n, struct peer *p, const struct linkmsg_seen *m)
{
	const struct dp_link_sample *s = &p->sampling.sample;
	uint64_t seen[CPDP_SAMPLE_WORDS] = {0};
	struct cp_cmd c = {.type = CMD_LANE_SEEN};

	if (!m->answer) {
		c.u.lane_seen = (struct cp_lane_seen){
		        .link = p->link, .index = m->index, .first = m->first};
		out_command(n, cp_index_worker(m->index, n->cfg.workers), &c);
		return;
	}
	if (p->sampling.step != SAMPLING_ASKED || m->index != s->index || m->first != s->first)
		return;
	for (unsigned i = 0; i < CPDP_SAMPLE_FRAMES; i++)
		seen[i / 64] |= (uint64_t)(m->bits[i / 8] >> i % 8 & 1) << i % 64;
	judge(n, p, seen, m->unknown);
}

void sampling_stop(struct node *n, struct peer *p)
{
	disarm(n, &p->sampling.timer);
	p->sampling.step = SAMPLING_WAITED;
}
