/* SPDX-License-Identifier: BSD-3-Clause */
/* Program, acknowledge, announce: a continuation that runs when every worker has executed all commands queued before it. */
#pragma once
#include "ipc/cpdp.h"

#include <stdbool.h>
#include <sys/queue.h>

struct node;

/* Part of the object that waits; one wait at a time. */
struct ticket {
	TAILQ_ENTRY(ticket) next;
	uint64_t need[CPDP_WORKERS_MAX];
	void (*then)(struct node *n, void *owner);
	void *owner;
	bool waiting;
};

struct tickets {
	uint64_t sent[CPDP_WORKERS_MAX];  /* last number given to a command, per worker */
	uint64_t acked[CPDP_WORKERS_MAX]; /* last number the worker has published */
	TAILQ_HEAD(, ticket) queue;
};

/* Runs then(n, owner) when every worker has acknowledged all commands queued until now; never within this call. A ticket already waiting
 * waits anew. Commands' numbers only grow, so that the head of the queue is always the first to be ready. */
void ticket_wait(struct node *n, struct ticket *t, void (*then)(struct node *n, void *owner),
                 void *owner);
/* t->then does not run. Nothing if t does not wait. To be called before the object that holds t is freed. */
void ticket_cancel(struct node *n, struct ticket *t);
/* A worker has executed its commands up to number seq: runs the tickets that became ready. A seq never sent, or an old one, is ignored. */
void tickets_ack(struct node *n, uint8_t worker, uint64_t seq);
