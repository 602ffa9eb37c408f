/* SPDX-License-Identifier: BSD-3-Clause */
/* The attacker: captured nodes whose links are in one hand, which sees the whole topology and keeps to no limit.
 *
 * A captured node's own code goes on running behind the attacker, which sits between its worker and its links: it joins links and relays what
 * it is let through. What the attacker lies about never comes from that code: its messages are held back, and the attacker writes its own. */
#pragma once
#include "net.h"
#include "wire/linkmsg.h"

enum attack_kind {
	ATTACK_NONE,
	ATTACK_ROOT_NUMBER,
	ATTACK_ROOT_PHANTOM,
	ATTACK_ROOT_STALL,
	ATTACK_ROOT_FLAP,
	ATTACK_ROOT_EQUIVOCATE,
	ATTACK_ROOT_OLD,
	ATTACK_SINKHOLE,
	ATTACK_SWALLOW,
	ATTACK_RECORD_REPLAY,
	ATTACK_KINDS
};

#define ATTACKER_SEQS_MAX 64

/* A key pair whose id ranks before that of every honest node in one tree. */
struct mined {
	struct identity identity;
	bool keyed; /* false: an id that nobody can sign for */
};

/* A captured node. */
struct captive {
	uint32_t node;
	uint64_t ann_seq;        /* highest said to any neighbour */
	struct linkmsg_ann *ann; /* by link: what its own code last had to say, ntrees 0 before */
};

struct attacker {
	struct net *net;
	enum attack_kind kind;
	double rate; /* lies per second of a captured node where nothing else sets their pace */
	struct rng_seeded rng_state;
	struct rng rng;
	struct captive *captive;
	uint32_t ncaptives;
	bool *captured; /* by node */
	bool on;        /* the attack runs */
	bool saying;    /* what leaves a worker now is the attacker's own */
	struct instant began;
	uint64_t lies;  /* messages written, frames swallowed */
	uint64_t seq;   /* the last number said in the mined root's name */
	uint32_t turns; /* steps so far */
	unsigned trees;
	uint64_t best[RECORD_TREES_MAX]; /* the rank of the best honest id */
	struct mined mined[RECORD_TREES_MAX];
	/* The best honest node of tree 0, and its numbers as they were signed: what root-old replays once it is gone. */
	uint32_t first;
	struct linkmsg_seq old[ATTACKER_SEQS_MAX];
	unsigned nold;
	struct record *record; /* by node, as last seen before the attack */
};

/* One way to attack. */
struct attack_way {
	const char *name, *what;
	int64_t every_ns; /* between steps; 0: as often as the attacker's rate says */
	bool kills_first; /* the best honest node dies as the attack begins */
	bool kills_some;  /* one honest node in ten dies as the attack begins */
	bool restarts;    /* a neighbour of the attacker forgets everything in the middle */
	/* NULL: nothing. step: once per interval. holds: whether announcements and numbers of a captured node's own code are held back now.
	 * frame: as net_tap's, of captured nodes only and after the attacker has looked at announcements. */
	void (*step)(struct attacker *a);
	bool (*holds)(const struct attacker *a);
	struct frame *(*frame)(struct attacker *a, struct captive *c, uint16_t link,
	                       struct frame *f, bool out);
};

/* By kind; the row of ATTACK_NONE does nothing. */
extern const struct attack_way attack_ways[ATTACK_KINDS];
/* The kind, ATTACK_NONE for "none", or -1. */
int attack_kind(const char *name);

/* Captures max(1, share * nodes) nodes: the best connected ones without which the others are still connected and of which none is the best
 * honest root. Takes the net's tap. Before the first node boots. */
void attacker_init(struct attacker *a, struct net *net, enum attack_kind kind, double share,
                   double rate);
void attacker_free(struct attacker *a);
/* Takes down the records of all live nodes. */
void attacker_look(struct attacker *a);
/* From now on it lies. / From now on it lets everything pass. */
void attacker_begin(struct attacker *a);
void attacker_end(struct attacker *a);

/* For the ways. */
/* A new id that ranks first in tree t; keyed: one that it can sign for. */
void attacker_mine(struct attacker *a, unsigned t, bool keyed, struct mined *m);
struct captive *attacker_captive(struct attacker *a, uint32_t node);
/* Seconds since the attack began. */
double attacker_s(const struct attacker *a);
/* Sends an announcement in place of the captured node's own; its seq is set here. */
void attacker_say_ann(struct attacker *a, struct captive *c, uint16_t link, struct linkmsg_ann *m);
/* Sends a root's number; the signature as it stands in m. */
void attacker_say_seq(struct attacker *a, struct captive *c, uint16_t link,
                      const struct linkmsg_seq *m);
/* Signs a root's number with a mined key. */
void attacker_sign_seq(const struct attacker *a, const struct mined *by, struct linkmsg_seq *m);
/* Sends bytes, label stack first. */
void attacker_say(struct attacker *a, struct captive *c, uint16_t link, const void *data,
                  size_t len);

/* attacker_roots.c */
void roots_number(struct attacker *a);
void roots_phantom(struct attacker *a);
void roots_stall(struct attacker *a);
void roots_flap(struct attacker *a);
bool roots_flap_holds(const struct attacker *a);
void roots_equivocate(struct attacker *a);
void roots_old(struct attacker *a);
/* attacker_paths.c */
void paths_sinkhole(struct attacker *a);
struct frame *paths_sink(struct attacker *a, struct captive *c, uint16_t link, struct frame *f,
                         bool out);
struct frame *paths_swallow(struct attacker *a, struct captive *c, uint16_t link, struct frame *f,
                            bool out);
struct frame *paths_replay(struct attacker *a, struct captive *c, uint16_t link, struct frame *f,
                           bool out);
