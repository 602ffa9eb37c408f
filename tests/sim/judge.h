/* SPDX-License-Identifier: BSD-3-Clause */
/* The judge: asks for tunnels, sends probes through them and decides from outside what was delivered where. */
#pragma once
#include "net.h"

enum pair_state {
	PAIR_NEW,
	PAIR_ASKED,   /* REQ_CONNECT is out */
	PAIR_PROBING, /* a probe is on its way there or back */
	PAIR_DONE,    /* delivered there and back */
	PAIR_FAILED,  /* this attempt failed */
};

/* One source and destination. */
struct pair {
	uint32_t a, b;
	uint8_t state;     /* enum pair_state */
	bool too_far;      /* shortest path above 255 hops: the right answer is "too far" */
	uint32_t distance; /* shortest path when asked, hops */
	uint32_t first;    /* hops of the set-up */
	uint32_t hops;     /* hops the probe took, counted by the judge */
	int64_t setup_ns;  /* as the node tells it */
	int64_t tried_at;  /* virtual time of the last request or probe */
	int64_t done_at;   /* virtual time of the probe's return */
	uint32_t tries;
	uint32_t resent;  /* probes lost in this attempt */
	uint32_t stopped; /* node at which the last probe was lost */
	int32_t err;      /* last failure: positive errno, 0: the probe was lost */
	uint32_t probe;   /* outstanding, or FRAME_NO_PROBE */
};

/* One probe, there or back. Numbers are not reused. */
struct probe {
	uint32_t pair;
	uint32_t from,
	        to; /* nodes: the pair's place may have gone to another pair before the probe ends */
	bool back;
	bool live;
	uint32_t hops;
	uint32_t *trail; /* nodes passed, from the sender on; freed once it has ended */
};

struct judge {
	struct net *net;
	struct pair *pair;
	uint32_t npairs, cappairs;
	struct probe *probe;
	uint32_t nprobes, capprobes;
	uint32_t shun; /* never drawn as a source: it misbehaves */
	uint32_t open; /* pairs asked or probing */
	uint32_t answered, asked;
	uint64_t misdelivered;
	uint64_t why[MW_DROPS]; /* where probes ended that were not delivered */
	uint32_t *dist;         /* scratch */
	bool repeat;            /* failed pairs are tried again after retry_ns */
	bool probe_only;        /* repair: retries send a probe in the existing session first */
	uint32_t resend;        /* probes that may be lost before an attempt counts as failed */
	int64_t retry_ns;
	int64_t probe_timeout_ns;
	uint32_t trail[257], trail_n; /* of the last probe that arrived at its destination */
	/* lookups */
	uint32_t lookups, lookups_exact, lookups_done;
	bool explain; /* probes that went astray on stderr */
	bool dead;    /* calls that are left in the queue do nothing */
};

/* Takes over the net's hooks. Pairs are added with judge_pair() or judge_sample(). */
void judge_init(struct judge *j, struct net *net);
void judge_free(struct judge *j);

void judge_pair(struct judge *j, uint32_t a, uint32_t b);
/* `count` random ordered pairs of live nodes with a path between them; all ordered pairs when that is fewer. cross: of different
 * halves of the node numbers only. */
void judge_sample(struct judge *j, uint32_t count, bool cross);

/* Starts every pair from `from` on, `gap_ns` apart, and runs the net until all have ended or the deadline has come.
 * Returns how many pairs are delivered. */
uint32_t judge_run(struct judge *j, uint32_t from, int64_t gap_ns, int64_t deadline_ns);

/* One pair now: ask for the tunnel, then probe it. / Only probe the session that stands. */
void judge_ask(struct judge *j, uint32_t pair);
void judge_probe(struct judge *j, uint32_t pair);
/* A probe where a session stands, a new request where it is gone. */
void judge_again(struct judge *j, uint32_t pair);

/* Pairs from .. on have no more to say to each other: both ends are told that the session is idle. */
void judge_release(struct judge *j, uint32_t from);

/* A lookup of node b's id at node a. */
void judge_lookup(struct judge *j, uint32_t a, uint32_t b);
