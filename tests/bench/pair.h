/* SPDX-License-Identifier: BSD-3-Clause */
/* Two whole workers in one process, joined by two in-memory ports, with one session between them: the wire of the TCP cases. */
#pragma once
#include "bench.h"
#include "base/time.h"
#include "tcp/tcp.h"

#include <stdatomic.h>
#include <time.h>

struct loop;
struct worker;
struct pair;

/* One end: a worker on a CPU of its own, and an application that runs on it. */
struct pair_end {
	struct pair *pair;
	unsigned side; /* 0: the one that opens connections */
	struct loop *l;
	struct worker *w;
	struct tcp_stack *tcp;
	uint32_t peer; /* TCP's handle of the other end */
	/* The application: called each turn between arrivals and departures; true: it did something. */
	bool (*app)(struct pair_end *e, struct instant now);
	void *state;
	/* Written by the end's thread, read by whoever measures. */
	_Atomic uint64_t done COYO_ALIGNED(64); /* the application's count of what it is about */
	_Atomic uint64_t turns, busy_turns, busy_ns;
	_Atomic bool running;
	clockid_t cpu_clock;
};

struct pair_cfg {
	unsigned mtu;   /* of the Ethernet wire */
	bool sealed;    /* session AEAD really done; false only in this program */
	unsigned conns; /* room in each stack */
	uint32_t buf;   /* upper bound of socket buffers, 0: the product's default */
};

/* Builds both ends; threads are not started. One pair at a time. */
struct pair *pair_new(const struct pair_cfg *cfg);
void pair_free(struct pair *p);
struct pair_end *pair_end(struct pair *p, unsigned side);

/* Starts both threads, lets them run, ends them. */
void pair_start(struct pair *p);
void pair_stop(struct pair *p);

/* Payload bytes of a full segment. */
unsigned pair_mss(const struct pair *p);
/* Packets that the wire or a worker dropped, by any reason. */
uint64_t pair_drops(const struct pair *p);
/* The AEAD that seals, as text. */
const char *pair_seal(const struct pair *p);

/* What a thread did between two looks. */
struct pair_look {
	int64_t wall, cpu[2];
	uint64_t done[2], busy_ns[2];
};
void pair_look(struct pair *p, struct pair_look *l);
