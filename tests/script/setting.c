/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine's configuration under a script: what scripts start from, `set`, and times written with its names. */
#include "drive.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum kind { K_U16, K_U32, K_U64, K_BOOL, K_NS, K_CC, K_ECN, K_COOKIES };

/* Every row of the engine's own table. */
static const struct {
	const char *name;
	enum kind kind;
	size_t at;
} settings[] = {
#define ROW(kind, field, dflt, least, most, what) \
	{#field, K_##kind, offsetof(struct tcp_cfg, field)},
        TCP_SETTINGS(ROW)
#undef ROW
};
#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

/* Plain RFC 9293: every later mechanism is turned on by the scripts that are about it. Figures are named here so that a new
 * default of the engine does not change what scripts mean. */
void setting_defaults(struct drive *d)
{
	struct tcp_cfg *c = &d->cfg;

	tcp_cfg_default(c);
	c->max_conns = 64;
	c->max_peers = DRIVE_PEERS;
	c->chunk_bytes = 2048;
	c->chunks = 1024;
	c->reply_queue = 64;
	c->sndbuf = c->sndbuf_max = 65536;
	c->rcvbuf = c->rcvbuf_max = 65535;
	c->window_scale = c->timestamps = c->sack = c->tail_loss_probe = false;
	c->hystart = c->eifel = c->frto = c->limited_transmit = c->pacing = false;
	c->ecn = TCP_ECN_OFF;
	c->fin_again = c->paws_late = false;
	c->syn_cookies = TCP_COOKIES_NEVER;
	c->cc = TCP_CC_NEWRENO;
	c->rack = c->idle_restart = true;
	c->initial_window = 10;
	c->mss_min = 64;
	c->delack_segments = 2;
	c->dup_threshold = 3;
	c->slow_start_segments = 8;
	c->rto_syn_lost_ns = 3 * NS_PER_S;
	c->challenge_per_s = 100;
	c->ts_clock_ns = NS_PER_MS;
	c->rto_initial_ns = NS_PER_S;
	c->rto_min_ns = c->persist_min_ns = c->tlp_delack_ns = 200 * NS_PER_MS;
	c->rto_max_ns = c->persist_max_ns = c->connect_timeout_ns = c->fin_wait2_ns = 60 * NS_PER_S;
	c->rto_clock_ns = NS_PER_MS;
	c->tlp_min_ns = 2 * NS_PER_MS;
	c->delack_ns = 40 * NS_PER_MS;
	c->oow_ack_ns = 500 * NS_PER_MS;
	c->msl_ns = c->keepalive_intvl_ns = 15 * NS_PER_S;
	c->user_timeout_ns = c->keepalive_idle_ns = 0;
	c->keepalive_probes = c->syn_retries = 6;
	c->synack_retries = 5;
	c->data_retries = 15;
	c->warn_retries = 0;
	for (int i = 0; i < 32; i++)
		c->secret[i] = (uint8_t)(7 * i + 3);
	d->mss = 1000;
}

/* Scripts leave the _ns of times out. */
static int find(const char *name)
{
	for (size_t i = 0; i < SETTINGS; i++) {
		size_t n = strlen(settings[i].name) - (settings[i].kind == K_NS ? 3 : 0);

		if (strlen(name) == n && memcmp(settings[i].name, name, n) == 0)
			return (int)i;
	}
	return -1;
}

static bool unit_ns(const char *unit, double *ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"", 1e9},  {"ns", 1},     {"us", 1e3},   {"ms", 1e6},
	             {"s", 1e9}, {"min", 6e10}, {"h", 3.6e12}, {"d", 8.64e13}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(units[i].name, unit) != 0)
			continue;
		*ns = units[i].ns;
		return true;
	}
	return false;
}

/* NUMBER, NUMBER UNIT, NAME or NUMBER NAME, without white space within. */
static bool term(const struct drive *d, struct scan *s, double *ns)
{
	double number = 1.0, unit;
	bool has_number = isdigit((unsigned char)*s->p);
	char word[32];
	int i;

	if (has_number) {
		char *end;

		number = strtod(s->p, &end);
		s->p = end;
	}
	scan_name(s, word, sizeof(word));
	if (has_number && unit_ns(word, &unit)) {
		*ns = number * unit;
		return true;
	}
	i = find(word);
	if (i < 0 || settings[i].kind != K_NS)
		return false;
	*ns = number *
	      (double)*(const int64_t *)(const void *)((const char *)&d->cfg + settings[i].at);
	return true;
}

bool setting_time(const struct drive *d, struct scan *s, int64_t *ns)
{
	double sum = 0, one;
	int sign = 1;

	for (;;) {
		if (!term(d, s, &one))
			return false;
		sum += sign * one;
		if (*s->p != '+' && *s->p != '-')
			break;
		sign = *s->p++ == '-' ? -1 : 1;
	}
	*ns = (int64_t)(sum + (sum < 0 ? -0.5 : 0.5));
	return true;
}

/* The place of the next word among these; false: it is none of them. */
static bool choice(struct scan *s, const char *const *words, unsigned *out)
{
	for (*out = 0; words[*out]; ++*out)
		if (scan_is(s, words[*out]))
			return true;
	return false;
}

static bool set_field(struct drive *d, int i, struct scan *s)
{
	static const char *const no_yes[] = {"no", "yes", NULL},
	                         *const cc[] = {"newreno", "cubic", NULL},
	                         *const ecn[] = {"off", "on", "passive", NULL},
	                         *const cookies[] = {"never", "full", "always", NULL};
	void *at = (char *)&d->cfg + settings[i].at;
	unsigned which;
	uint64_t v;
	bool ok;

	switch (settings[i].kind) {
	case K_NS:
		scan_end(s);
		return setting_time(d, s, at);
	case K_BOOL:
		ok = choice(s, no_yes, &which);
		*(bool *)at = which == 1;
		return ok;
	case K_CC:
		ok = choice(s, cc, &which);
		*(enum tcp_cc *)at = which ? TCP_CC_CUBIC : TCP_CC_NEWRENO;
		return ok;
	case K_ECN:
	case K_COOKIES:
		ok = choice(s, settings[i].kind == K_ECN ? ecn : cookies, &which);
		*(uint8_t *)at = (uint8_t)which;
		return ok;
	default:
		ok = scan_u64(s, &v);
	}
	if (settings[i].kind == K_U64)
		*(uint64_t *)at = v;
	else if (settings[i].kind == K_U32)
		*(uint32_t *)at = (uint32_t)v;
	else
		*(uint16_t *)at = (uint16_t)v;
	return ok;
}

bool setting_set(struct drive *d, struct scan *s)
{
	char name[32];
	uint32_t v;
	int i;

	if (!scan_word(s, name, sizeof(name)))
		return false;
	if (strcmp(name, "mss") == 0) {
		if (!scan_u32(s, &v) || v > 9000)
			return false;
		d->mss = (uint16_t)v;
		return scan_end(s);
	}
	if (strcmp(name, "start") == 0) {
		scan_end(s);
		if (!setting_time(d, s, &d->start))
			return false;
		d->now = d->start;
		return scan_end(s);
	}
	i = find(name);
	return i >= 0 && set_field(d, i, s) && scan_end(s);
}

bool setting_value(const struct drive *d, struct scan *s, int64_t *out)
{
	static const char *const ca_states[] = {"open", "cwr", "recovery", "loss"};
	struct scan t;
	char word[32];
	uint64_t v;

	scan_end(s);
	t = *s;
	if (scan_u64(&t, &v) && (!*t.p || isspace((unsigned char)*t.p) || *t.p == '~')) {
		*s = t;
		*out = (int64_t)v;
		return true;
	}
	t = *s;
	if (setting_time(d, &t, out) && (!*t.p || isspace((unsigned char)*t.p) || *t.p == '~')) {
		*s = t;
		return true;
	}
	t = *s;
	if (!scan_word(&t, word, sizeof(word)))
		return false;
	*s = t;
	if (strcmp(word, "yes") == 0 || strcmp(word, "no") == 0) {
		*out = word[0] == 'y';
		return true;
	}
	if (strcmp(word, "none") == 0) {
		*out = -1; /* UINT64_MAX: never set */
		return true;
	}
	for (int i = 0; i < TCP_STATES; i++)
		if (strcmp(word, tcp_state_name((enum tcp_state)i)) == 0) {
			*out = i;
			return true;
		}
	for (int i = 0; i < 4; i++)
		if (strcmp(word, ca_states[i]) == 0) {
			*out = i;
			return true;
		}
	*out = errno_value(word);
	return *out != 0;
}
