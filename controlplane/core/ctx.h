/* SPDX-License-Identifier: BSD-3-Clause */
/* What every part of one node's control plane shares: configuration, time, timers, outputs, tickets, counters.
 *
 * Each part hangs its own state on one pointer here; only that part looks inside. Calls go down (node -> endpoint -> lsp -> peer);
 * what a lower part has to report goes up through `news`. */
#pragma once
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

/* Who has timers. A timer's kind is the part that it wakes in the high byte and the part's own number in the low one; its owner is
 * the part's object (NULL: the part itself). */
enum part { PART_PEER, PART_ANCHOR, PART_KAD, PART_LSP, PART_SESSION, PART_REQUEST, PARTS };

#define TIMERS_OF(part) ((part) << 8)

static inline unsigned timer_part(const struct timer *t)
{
	return t->kind >> 8;
}

/* Outputs stand one behind the other in blocks: a queue that is drained after each event needs one block, and keeps it. */
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
	const struct news *news; /* whom parts report to; never NULL */
	struct instant now;      /* of the event in hand */
	struct timers timers;
	struct outputs out;
	struct tickets tickets;
	uint64_t counters[CTR_COUNT];
	struct mem mem; /* of all parts, through ctx_alloc() */
	bool draining;
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
/* After every part has been freed: what is still queued as output is thrown away. */
void ctx_destroy(struct node *n);

/* Zeroed memory or NULL; counts. Release with ctx_free(). */
static inline void *ctx_alloc(struct node *n, size_t size)
{
	return mem_alloc(&n->mem, size);
}

static inline void ctx_free(struct node *n, void *p)
{
	mem_free(&n->mem, p);
}

static inline void count(struct node *n, enum counter c)
{
	n->counters[c]++;
}

/* ---- outputs (core/out.c) ---- */
/* Queues a command to one worker (or CPDP_ALL_WORKERS); the sequence number is set here. */
void out_command(struct node *n, uint8_t worker, struct cp_cmd *c);
/* Queues a labelled packet for a link. via: the worker that should send it (CMD_SEND goes to worker 0 by rule: any may send). */
void out_packet(struct node *n, uint16_t link, const void *data, size_t len);
void out_answer(struct node *n, const struct node_answer *a);
void out_failed(struct node *n, uint32_t cookie, int err, const char *text);
void out_done(struct node *n, uint32_t cookie);
void out_link_state(struct node *n, uint16_t link, bool up, const struct node_id *id,
                    const char *why);
void out_link_gone(struct node *n, uint16_t link);
void out_snapshot(struct node *n);
void out_log(struct node *n, uint8_t level, const char *fmt, ...) COYO_PRINTF(3, 4);

/* ---- timers ---- */
static inline void arm(struct node *n, struct timer *t, uint16_t kind, void *owner, int64_t in_ns)
{
	t->kind = kind;
	t->owner = owner;
	if (timer_arm(&n->timers, t, instant_add(n->now, in_ns)) != 0)
		count(n, CTR_NO_MEMORY);
}

static inline void disarm(struct node *n, struct timer *t)
{
	timer_disarm(&n->timers, t);
}
