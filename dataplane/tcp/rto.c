/* SPDX-License-Identifier: BSD-3-Clause */
/* Round-trip estimation and the retransmission timeout (RFC 6298 section 2). */
#include "tcp/rto.h"

static int64_t clamp(int64_t v, int64_t lo, int64_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

void rto_least(const struct tcp_cfg *cfg, struct conn *c, int64_t rtt, int64_t now)
{
	if (rtt < 0)
		return;
	/* The least of the last minutes: paths change. */
	if (rtt <= c->min_rtt || now - c->min_rtt_at > cfg->min_rtt_age_ns) {
		c->min_rtt = rtt;
		c->min_rtt_at = now;
	}
}

void rto_sample(const struct tcp_cfg *cfg, struct conn *c, int64_t rtt, uint32_t flight)
{
	uint32_t samples = flight / (2 * c->mss);
	unsigned shift = 0;
	int64_t err, margin;

	if (rtt < 0)
		return;
	if (!c->srtt) {
		c->srtt = rtt ? rtt : 1;
		c->rttvar = rtt / 2;
	} else {
		err = rtt > c->srtt ? rtt - c->srtt : c->srtt - rtt;
		/* RFC 7323 appendix G: many samples in a round trip count for less each. */
		while (samples > 1 && shift < 10) {
			samples /= 2;
			shift++;
		}
		c->rttvar += (err - c->rttvar) >> (2 + shift);
		c->srtt += (rtt - c->srtt) >> (3 + shift);
		if (c->srtt <= 0)
			c->srtt = 1;
	}
	margin = 4 * c->rttvar > cfg->rto_clock_ns ? 4 * c->rttvar : cfg->rto_clock_ns;
	c->rto = clamp(c->srtt + margin, cfg->rto_min_ns, cfg->rto_max_ns);
	COYO_ASSERT(c->srtt > 0 && c->rttvar >= 0);
}

int64_t rto_backed_off(const struct tcp_cfg *cfg, const struct conn *c)
{
	int64_t t = c->rto;

	for (unsigned i = 0; i < c->backoff && t < cfg->rto_max_ns; i++)
		t *= 2;
	return t < cfg->rto_max_ns ? t : cfg->rto_max_ns;
}
