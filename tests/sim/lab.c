/* SPDX-License-Identifier: BSD-3-Clause */
/* One watched flow. */
#include "lab.h"
#include "tcpnet_require.h"
#include "base/be.h"
#include "tcp/stack.h"

#include <string.h>

const struct tcpnet_path lab_path = {
        .bit_s = 100e6, .delay_ns = 20 * NS_PER_MS, .queue_bytes = 1000000};

static unsigned sent_before(struct lab *l, uint64_t at)
{
	for (unsigned i = 0; i < l->nseen; i++)
		if (l->seen[i].at == at)
			return l->seen[i].times++;
	REQUIRE(l->nseen < sizeof(l->seen) / sizeof(l->seen[0]));
	l->seen[l->nseen].at = at;
	l->seen[l->nseen++].times = 1;
	return 0;
}

static bool lose(void *arg, unsigned from, uint64_t nth, const struct tcp_out *out,
                 const uint8_t *seg)
{
	struct lab *l = arg;
	const struct conn *c;
	uint64_t at;

	(void)nth;
	if (from || !out->payload)
		return false;
	c = conn_of(l->n.stack[0], l->f.tx);
	if (!c)
		return false;
	at = be32_load(seg + 4) - (c->iss + 1); /* these streams are shorter than 4 GB */
	for (unsigned i = 0; i < l->nnamed; i++) {
		struct lab_named *k = &l->named[i];

		if (at < k->from || at >= k->to)
			continue;
		if (k->lost_at && !k->again_at && out->retransmit)
			k->again_at = l->n.now;
		if (sent_before(l, at) >= k->times)
			return false;
		if (!k->lost_at)
			k->lost_at = l->n.now;
		k->lost++;
		return true;
	}
	return false;
}

void lab_open(struct lab *l, uint64_t seed, const struct tcpnet_path *p, const struct tcp_cfg *cfg,
              uint64_t total)
{
	struct tcp_cfg wide;

	memset(l, 0, sizeof(*l));
	tcpnet_cfg_wide(&wide, 4u << 20);
	tcpnet_init(&l->n, seed, cfg ? cfg : &wide, cfg ? cfg : &wide);
	tcpnet_both(&l->n, p);
	l->n.filter = lose;
	l->n.filter_arg = l;
	l->f = (struct tcpnet_flow){.src = 0, .dst = 1, .total = total};
}

void lab_close(struct lab *l)
{
	tcpnet_free(&l->n);
}

struct lab_named *lab_lose(struct lab *l, uint64_t from, uint64_t to, unsigned times)
{
	struct lab_named *k = &l->named[l->nnamed++];

	REQUIRE(l->nnamed <= LAB_NAMED);
	*k = (struct lab_named){.from = from, .to = to, .times = times};
	return k;
}

static void watch(struct lab *l)
{
	struct tcp_info i;

	if (!l->f.open)
		return;
	i = tcpnet_info(&l->n, &l->f);
	if (i.in_recovery && !l->in_recovery) {
		l->recoveries++;
		l->recovery_from = l->n.now;
	}
	if (!i.in_recovery && l->in_recovery) {
		l->recovery_ns = l->n.now - l->recovery_from;
		l->ssthresh_after = i.ssthresh;
		l->cwnd_after = i.cwnd;
	}
	if (!i.in_recovery)
		l->cwnd_before = i.cwnd;
	l->in_recovery = i.in_recovery;
}

bool lab_run(struct lab *l, int64_t d)
{
	int64_t until = l->n.now + d;

	while (l->n.now < until && !l->f.done_at) {
		tcpnet_flows_step(&l->n, &l->f, 1, until);
		watch(l);
	}
	return l->f.done_at != 0;
}

void lab_until(struct lab *l, uint64_t bytes)
{
	while (l->f.got < bytes) {
		tcpnet_flows_step(&l->n, &l->f, 1, l->n.now + NS_PER_S);
		watch(l);
	}
}
