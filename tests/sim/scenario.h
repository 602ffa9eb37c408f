/* SPDX-License-Identifier: BSD-3-Clause */
/* The scenarios of coyosim: what is done to a network and what is measured while it is done. */
#pragma once
#include "attack.h"
#include "judge.h"

enum scenario {
	SCN_CONVERGE,
	SCN_LOOKUP,
	SCN_FAIL,
	SCN_CUT,
	SCN_MERGE,
	SCN_CHURN,
	SCN_FLOOD,
	SCN_ATTACK,
	SCN_KINDS
};

struct scenario_cfg {
	struct net_cfg net;
	enum scenario scenario;
	enum topo_kind topology;
	uint32_t nodes, pairs;
	double kill;     /* fail: share of nodes that die */
	double churn_s;  /* churn: mean life of a node, s */
	double again_s;  /* merge: the bridge is cut again for so long, s; 0: it is not */
	int64_t warm_ns; /* quiet time before pairs are judged; 0: by topology */
	bool expiry; /* wait until every tunnel has expired and audit what is left (on by default) */
	bool explain; /* failed pairs and leaked labels on stderr */
	struct attack_cfg attack;
	bool attack_given; /* any of it was set by the caller */
};

/* Members are NOT_MEASURED where a scenario does not measure them. */
struct scenario_result {
	uint32_t nodes, pairs;
	double too_far_fraction, delivered_fraction;
	double too_far_answered; /* share of the pairs too far apart that were told so */
	double hops_mean, hops_p99, first_stretch_mean, stretch_mean, stretch_p99;
	double setup_ms_mean, setup_ms_p99;
	double recover_s; /* until every pair is delivered (again) */
	double return_s; /* cut: until the path is as short as before, merge again: until every pair is delivered, once the edge is back */
	bool moved;      /* cut: the probe's path avoided the edge and came back to it */
	double messages_per_lookup, state_bytes_per_node;
	double maintenance_bytes_s_per_node, hello_bytes_s_per_node;
	double cold_bytes_per_node; /* from the start to the end of the warm-up, without hellos */
	double stale_contact_share;
	double labels_leaked, stuck_queries, half_built;
	double labels_live, labels_live_max, labels_unreachable;
	double contradictions; /* of tables of one node */
	uint64_t misdelivered;
	uint64_t trace_hash;
	uint64_t leaked_allocations; /* what node_free() left behind */
	uint64_t events;
	double virtual_s;
	struct attack_result attack; /* attack alone */
};

void scenario_cfg_default(struct scenario_cfg *cfg);
const char *scenario_name(unsigned s);
/* The scenario, or -1. */
int scenario_find(const char *name);

/* Runs it from cold start to the end; an attack also without its attacker, for comparison. 0, or -EINVAL when topology and scenario do not fit or
 * no attack is named. Free with scenario_result_free(). */
int scenario_run(const struct scenario_cfg *cfg, struct scenario_result *r);
void scenario_result_free(struct scenario_result *r);
