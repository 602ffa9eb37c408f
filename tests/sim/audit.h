/* SPDX-License-Identifier: BSD-3-Clause */
/* What is left over: labels no tunnel reaches, labels that can never be granted again, queries that never end, contacts that are dead. */
#pragma once
#include "net.h"

/* Labels granted or switched that no end's tunnel leads through, as (node << 32 | link, label); sorted. */
struct audit {
	uint64_t (*label)[2];
	uint32_t n, cap;
};

/* Takes stock now. Free with audit_free(). */
void audit_take(struct audit *a, struct net *net);
void audit_free(struct audit *a);
/* How many are in both: still unreached after the time between. */
uint32_t audit_both(const struct audit *a, const struct audit *b);
/* One line per label in both, on stderr. */
void audit_print(const struct audit *a, const struct audit *b, struct net *net);

struct audit_sums {
	double state_bytes; /* mean per live node */
	uint64_t contacts, contacts_dead;
	uint64_t pending_setups, pending_queries;
	uint64_t labels_live, labels_max; /* sum, busiest node */
	uint64_t labels_unreachable;      /* that no link of theirs can ever grant again */
	/* Fingers that no contact of their builder uses, attempts counted that do not run, contacts wrongly called neighbours or not. */
	uint64_t contradictions;
	uint32_t roots; /* tree 0: 1 when all live nodes agree on its root */
};
void audit_sums(struct net *net, struct audit_sums *s);
