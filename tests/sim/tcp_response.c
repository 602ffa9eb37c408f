/* SPDX-License-Identifier: BSD-3-Clause */
/* CUBIC's response function: every 1/p-th packet lost, the average window against RFC 9438's tables 1 and 2. */
#include "golden.h"
#include "tcpnet.h"
#include "tcpnet_require.h"

#include <stdio.h>
#include <string.h>

struct cell {
	int64_t rtt_ms;
	double p, rfc;
	unsigned epochs; /* losses counted */
	bool in_long;
};

/* RFC 9438 section 5.1, tables 1 and 2: segments; at 10 ms the last column of the table is Reno-friendly all along. */
static const struct cell cells[] = {
        {100, 1e-2, 12, 400, false},  {100, 1e-3, 38, 200, false}, {100, 1e-4, 187, 60, false},
        {100, 1e-5, 1054, 24, false}, {10, 1e-2, 12, 400, false},  {10, 1e-3, 38, 200, false},
        {10, 1e-4, 120, 60, false},   {10, 1e-5, 379, 24, false},  {100, 1e-6, 5926, 30, true},
        {10, 1e-6, 1200, 24, true},
};

#define WARM_UP 6 /* losses before the first that counts */

struct losses {
	struct tcpnet *n;
	uint64_t packets, every, lost, first;
	int64_t from, to; /* times of the first and the last loss counted */
	uint64_t packets_from, packets_to, stop;
};

/* Loses each every-th data packet; the very first loss ends slow start near where the curve will be. */
static bool lose(void *arg, unsigned from, uint64_t nth, const struct tcp_out *out,
                 const uint8_t *seg)
{
	struct losses *l = arg;

	(void)nth;
	(void)seg;
	if (from || !out->payload)
		return false;
	l->packets++;
	if (l->lost ? (l->packets - l->first) % l->every : l->packets < l->first)
		return false;
	l->lost++;
	if (l->lost == WARM_UP) {
		l->from = l->n->now;
		l->packets_from = l->packets;
	} else if (l->lost == l->stop) {
		l->to = l->n->now;
		l->packets_to = l->packets;
	}
	return true;
}

static void run_cell(const struct cell *c)
{
	struct tcpnet n;
	struct tcp_cfg cfg;
	struct losses l = {.n = &n, .every = (uint64_t)(1 / c->p + 0.5)};
	struct tcpnet_flow f = {.src = 0, .dst = 1, .total = UINT64_MAX};
	struct tcpnet_path p = {.bit_s = 10e9, .delay_ns = c->rtt_ms * NS_PER_MS / 2};
	char row[96];
	double window;

	/* Twice the room of the largest window to come. */
	tcpnet_cfg_wide(&cfg, (uint32_t)(c->rfc * 1460 * 4) + 200000);
	cfg.cc = TCP_CC_CUBIC;
	tcpnet_init(&n, 1, &cfg, &cfg);
	tcpnet_both(&n, &p);
	l.first = (uint64_t)(2 * c->rfc) < l.every ? (uint64_t)(2 * c->rfc) : l.every;
	l.stop = WARM_UP + c->epochs;
	n.filter = lose;
	n.filter_arg = &l;
	while (!l.to)
		tcpnet_flows(&n, &f, 1, n.now + NS_PER_S);
	/* The losses are regular, so what was sent in the time is what the windows allowed. */
	window = (double)(l.packets_to - l.packets_from) * (1 - c->p) /
	         ((double)(l.to - l.from) / 1e9) * ((double)c->rtt_ms / 1e3);
	snprintf(row, sizeof(row), "cubic, RTT %d ms, loss %g: average window", (int)c->rtt_ms,
	         c->p);
	golden(row, window, "segments", 0.85 * c->rfc, 1.15 * c->rfc, 1);
	snprintf(row, sizeof(row), "cubic, RTT %d ms, loss %g: timeouts", (int)c->rtt_ms, c->p);
	golden(row, (double)tcpnet_info(&n, &f).rtos, "timeouts", 0, 0, 0);
	snprintf(row, sizeof(row), "cubic, RTT %d ms, loss %g: sent again for each loss",
	         (int)c->rtt_ms, c->p);
	golden(row, (double)n.retransmits[0] / (double)l.lost, "segments", 0.9, 1.1, 1);
	tcpnet_free(&n);
}

/* Loss that nobody regulated: what a controller that takes each for congestion can use of 1 Gbit/s x 100 ms. */
static void random_loss(double p, double lo, double hi)
{
	struct tcpnet n;
	struct tcp_cfg cfg;
	struct tcpnet_flow f = {.src = 0, .dst = 1, .total = UINT64_MAX};
	struct tcpnet_path there = {.bit_s = 1e9, .delay_ns = 50 * NS_PER_MS, .loss = p};
	struct tcpnet_path back = {.bit_s = 1e9, .delay_ns = 50 * NS_PER_MS};
	char row[96];
	uint64_t got;
	const double seconds = 600;

	tcpnet_cfg_wide(&cfg, 4u << 20);
	cfg.cc = TCP_CC_CUBIC;
	tcpnet_init(&n, 17, &cfg, &cfg);
	n.path[0] = there;
	n.path[1] = back;
	tcpnet_flows(&n, &f, 1, n.now + 30 * NS_PER_S);
	got = f.got;
	tcpnet_flows(&n, &f, 1, n.now + (int64_t)seconds * NS_PER_S);
	snprintf(row, sizeof(row), "cubic, 1 Gbit/s x 100 ms, random loss %g %%: link used",
	         100 * p);
	golden(row, 100 * (double)(f.got - got) * 8 / seconds / 1e9, "%", lo, hi, 2);
	tcpnet_free(&n);
}

int main(int argc, char **argv)
{
	bool in_long = argc > 1 && strcmp(argv[1], "long") == 0;

	golden_open(in_long ? "tcp_response_long" : "tcp_response");
	for (unsigned i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
		if (cells[i].in_long == in_long)
			run_cell(&cells[i]);
	if (!in_long) {
		golden_note(
		        "38 and 12 segments a round trip (RFC 9438 table 1) are 0.44 % and "
		        "0.14 % of this pipe: who takes each loss for congestion can hardly use "
		        "more (random losses leave longer times between them than regular ones).");
		random_loss(1e-3, 0.35, 0.55);
		random_loss(1e-2, 0.11, 0.17);
	}
	return golden_close();
}
