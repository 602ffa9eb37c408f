/* SPDX-License-Identifier: BSD-3-Clause */
/* What every part of one node's control plane shares: configuration, time, timers, outputs, tickets, counters.
 *
 * Each part hangs its own state on one pointer here; only that part looks inside. Calls go down (node -> endpoint -> lsp -> peer);
 * what a lower part has to report goes up through `news`. */
#pragma once
#include "base/assert.h"
#include "base/bucket.h"
#include "base/cc.h"
#include "base/timer.h"
#include "core/cfg.h"
#include "core/mem.h"
#include "core/news.h"
#include "core/out.h"
#include "core/ticket.h"
#include "crypto/identity.h"

#include <sys/queue.h>

#define LINK_NONE UINT16_MAX

enum counter {
#define COUNTER(id, name, text) id,
#include "core/counters.def"
#undef COUNTER
	CTR_COUNT
};

/* The parts that have timers. A timer's kind holds the part that it wakes in the high byte and a number of that part's own in the low
 * one; its owner is an object of the part (NULL: the part itself). */
enum part { PART_PEER, PART_ANCHOR, PART_KAD, PART_LSP, PART_SESSION, PART_REQUEST, PARTS };

#define TIMERS_OF(part) ((part) << 8)

/* The part that a timer wakes. */
static inline unsigned timer_part(const struct timer *t)
{
	return t->kind >> 8;
}

/* Outputs are queued one behind the other in blocks. A queue that is drained after each event needs one block only, and keeps it. */
#define OUT_BLOCK 4096

struct out_block {
	STAILQ_ENTRY(out_block) next;
	uint32_t read, written; /* bytes of data */
	_Alignas(16) uint8_t data[OUT_BLOCK];
};

struct outputs {
	STAILQ_HEAD(, out_block) block; /* all but the last are full */
};

struct node {
	struct node_cfg cfg;
	const struct node_crypto_ops *ops;
	const struct news *news; /* what parts report through; never NULL */
	struct instant now;      /* time of the event being handled */
	struct timers timers;
	struct outputs out;
	struct tickets tickets;
	uint64_t counters[CTR_COUNT];
	struct mem mem; /* of all parts, through ctx_alloc() */
	bool draining;  /* REQ_DRAIN: no new tunnels or sessions */
	struct bucket log_bucket;

	struct peers *peers;
	struct anchor *anchor;
	struct contacts *contacts;
	struct lsp_ends *ends;
	struct kad *kad;
	struct lsps *lsps;
	struct sessions *sessions;
	struct requests *requests;
};

/* A node without any part, with copies of cfg and of the pointer news. NULL when the allocator refuses. */
struct node *ctx_new(const struct node_cfg *cfg, const struct news *news, struct instant now);
/* Frees n, after every part has been freed; outputs still queued are thrown away. */
void ctx_destroy(struct node *n);

/* Zeroed memory, or NULL, which is counted. Release with ctx_free(). */
static inline void *ctx_alloc(struct node *n, size_t size)
{
	return mem_alloc(&n->mem, size);
}

/* p: from ctx_alloc() of the same node, or NULL. */
static inline void ctx_free(struct node *n, void *p)
{
	mem_free(&n->mem, p);
}

/* Adds one to a counter. */
static inline void count(struct node *n, enum counter c)
{
	n->counters[c]++;
}

/* ---- outputs (core/out.c): copied into the queue; one that finds no memory is dropped and counted ---- */
/* Queues a command to one worker (or CPDP_ALL_WORKERS); the sequence number is set here. */
void out_command(struct node *n, uint8_t worker, struct cp_cmd *c);
/* Queues a labelled packet for a link, sent by worker 0, since any worker may send on any link. Longer than CPDP_PACKET_MAX: nothing. */
void out_packet(struct node *n, uint16_t link, const void *data, size_t len);
/* Queues an answer to a request. */
void out_answer(struct node *n, const struct node_answer *a);
/* Queues ANS_FAILED with err, a positive errno, and text, one sentence of cause and remedy, cut to fit. out_done() is to follow. */
void out_failed(struct node *n, uint32_t cookie, int err, const char *text);
/* Queues ANS_DONE, the last answer to a request. */
void out_done(struct node *n, uint32_t cookie);
/* Queues the report that the neighbour `id` on a link came up or went down. why: cut to fit. */
void out_link_state(struct node *n, uint16_t link, bool up, const struct node_id *id,
                    const char *why);
/* Queues the report that all workers have forgotten a deleted link. */
void out_link_gone(struct node *n, uint16_t link);
/* Queues the report that a listener has made a link. */
void out_link_new(struct node *n, const struct node_link_new *new);
/* Queues the report that the contacts are worth saving. */
void out_snapshot(struct node *n);
/* Queues a line for the operator, of a level of base/log.h, unless there were too many in the last second. */
void out_log(struct node *n, uint8_t level, const char *fmt, ...) COYO_PRINTF(3, 4);

/* ---- timers ---- */
/* t wakes its part in so many ns (0 or less: at once), of this kind and for this owner; an armed one is set anew. t stays where it is until
 * it has fired or is disarmed. Without memory it is not armed, which is counted. */
static inline void arm(struct node *n, struct timer *t, uint16_t kind, void *owner, int64_t in_ns)
{
	COYO_ASSERT(kind >> 8 < PARTS);
	t->kind = kind;
	t->owner = owner;
	if (timer_arm(&n->timers, t, instant_add(n->now, in_ns)) != 0)
		count(n, CTR_NO_MEMORY);
}

/* t does not fire. Nothing if it is not armed. */
static inline void disarm(struct node *n, struct timer *t)
{
	timer_disarm(&n->timers, t);
}
