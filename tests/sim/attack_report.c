/* SPDX-License-Identifier: BSD-3-Clause */
/* An attack's figures. */
#include "attack_report.h"

#include <stdio.h>

static void put(struct json *j, const char *key, double v)
{
	if (v < 0)
		json_null(j, key);
	else
		json_double(j, key, v);
}

void attack_json(struct json *j, const struct attack_cfg *cfg, const struct attack_result *r)
{
	json_str(j, "attack", attack_ways[cfg->kind].name);
	json_double(j, "attack_s", cfg->seconds);
	json_uint(j, "attackers", r->attackers);
	json_uint(j, "lies", r->lies);
	put(j, "delivered_min", r->delivered_min);
	put(j, "delivered_mean", r->delivered_mean);
	put(j, "delivered_fresh_mean", r->fresh_mean);
	put(j, "delivered_standing_mean", r->standing_mean);
	put(j, "followed", r->followed);
	put(j, "roots", r->roots);
	put(j, "admitted", r->admitted);
	put(j, "control_bytes_s_per_honest_node", r->bytes_s);
	put(j, "control_bytes_ratio", r->bytes_ratio);
	put(j, "calm_s", r->calm_s);
	put(j, "without_delivered_mean", r->base_delivered_mean);
	put(j, "without_control_bytes_s_per_node", r->base_bytes_s);
	json_array(j, "over_time");
	for (uint32_t i = 0; i < r->nwindows; i++) {
		json_object(j, NULL);
		json_double(j, "at_s", r->window[i].at_s);
		put(j, "delivered", r->window[i].delivered);
		put(j, "followed", r->window[i].followed);
		put(j, "roots", r->window[i].roots);
		json_object_end(j);
	}
	json_array_end(j);
}

static void row(const char *what, double v, const char *unit)
{
	if (v < 0)
		printf("%-34s never\n", what);
	else
		printf("%-34s %.6g %s\n", what, v, unit);
}

void attack_text(const struct attack_cfg *cfg, const struct attack_result *r)
{
	printf("%s for %g s by %u nodes: %s\n", attack_ways[cfg->kind].name, cfg->seconds,
	       r->attackers, attack_ways[cfg->kind].what);
	row("lies told, frames swallowed", (double)r->lies, "");
	row("delivered in the worst 10 s", r->delivered_min * 100, "%");
	row("delivered, mean", r->delivered_mean * 100, "%");
	row("  of fresh pairs", r->fresh_mean * 100, "%");
	row("  of standing pairs", r->standing_mean * 100, "%");
	row("  without the attacker", r->base_delivered_mean * 100, "%");
	row("under a root that nobody is, at most", r->followed * 100, "% of honest nodes");
	row("roots of one tree, at most", r->roots, "");
	if (r->admitted >= 0)
		row("dead contacts admitted", r->admitted, "");
	row("control per honest node", r->bytes_s, "bytes/s");
	row("  without the attacker", r->base_bytes_s, "bytes/s");
	row("  ratio", r->bytes_ratio, "");
	row("calm after its end", r->calm_s, "s");
}

/* bound: one word, by which scripts tell which one it was. */
static unsigned beyond(bool yes, const char *bound, double got, double limit)
{
	if (yes)
		fprintf(stderr, "coyosim: bound %s: %g, not %g\n", bound, got, limit);
	return yes;
}

unsigned attack_beyond(const struct attack_cfg *cfg, const struct scenario_result *r)
{
	const struct attack_result *x = &r->attack;
	unsigned n = 0;

	if (cfg->min_delivered < 0 && cfg->max_bytes_ratio < 0 && cfg->max_calm_s < 0)
		return 0;
	n += beyond(x->lies == 0, "lies", 0, 1);
	n += beyond(x->delivered_mean < cfg->min_delivered, "delivered", x->delivered_mean,
	            cfg->min_delivered);
	n += beyond(cfg->max_bytes_ratio >= 0 && x->bytes_ratio > cfg->max_bytes_ratio, "bytes",
	            x->bytes_ratio, cfg->max_bytes_ratio);
	n += beyond(cfg->max_calm_s >= 0 && (x->calm_s < 0 || x->calm_s > cfg->max_calm_s), "calm",
	            x->calm_s, cfg->max_calm_s);
	n += beyond(x->admitted > 0, "admitted", x->admitted, 0);
	n += beyond(r->misdelivered > 0, "misdelivered", (double)r->misdelivered, 0);
	n += beyond(r->labels_leaked > 0, "labels", r->labels_leaked, 0);
	n += beyond(r->leaked_allocations > 0, "allocations", (double)r->leaked_allocations, 0);
	return n;
}
