/* SPDX-License-Identifier: BSD-3-Clause */
/* The judge of an attack: what honest nodes got done while it ran, what it cost them, how long they took to be calm after its end. */
#pragma once
#include "attacker.h"
#include "judge.h"

#define NOT_MEASURED (-1.0)

struct attack_cfg {
	enum attack_kind kind;
	bool lies;        /* false: the same run without the attacker, to compare with */
	double seconds;   /* from the attack's beginning to its end */
	double after_s;   /* how long the network is watched afterwards */
	double colluders; /* share of nodes that are captured; one at least */
	double rate;      /* as in attacker_init() */
	/* Bounds that make the run a failure, < 0: none. */
	double min_delivered, max_bytes_ratio, max_calm_s;
};

/* One stretch of time, and the pairs that were judged in it. */
struct attack_window {
	double at_s; /* since the attack's beginning */
	double delivered, followed, roots;
};

/* Members are NOT_MEASURED where they are not. */
struct attack_result {
	uint32_t attackers;
	uint64_t lies; /* messages the attacker wrote, frames it swallowed */
	double delivered_min,
	        delivered_mean;           /* share of honest pairs: the worst window, all of them */
	double fresh_mean, standing_mean; /* of these: new pairs, pairs with a session */
	double followed; /* greatest share of honest nodes under a root that no live node is */
	double roots;    /* most roots of one tree that honest nodes had at a time */
	double admitted; /* contacts that became verified after their death */
	double bytes_s; /* control bytes per second and honest node, without hellos and MTU probes */
	double bytes_ratio; /* to the same of the run without attacker */
	double calm_s; /* from the attack's end until all pairs are delivered, all honest nodes have one root and no place changes any more */
	double base_delivered_mean, base_bytes_s; /* of the run without attacker */
	struct attack_window *window;             /* freed with attack_result_free() */
	uint32_t nwindows;
};

void attack_cfg_default(struct attack_cfg *cfg);
/* Runs the attack on a network that is warm, with the attacker that was made before it booted. */
void attack_run(struct net *net, struct judge *j, struct attacker *a, const struct attack_cfg *cfg,
                struct attack_result *r);
/* Puts the figures of the run without attacker beside r's. */
void attack_compare(struct attack_result *r, const struct attack_result *base);
void attack_result_free(struct attack_result *r);
