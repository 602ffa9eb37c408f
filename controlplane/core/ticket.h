/* SPDX-License-Identifier: BSD-3-Clause */
/* Program, acknowledge, announce: a continuation that runs when every worker has executed all commands queued before it. */
#pragma once
#include "ipc/cpdp.h"

#include <stdbool.h>
#include <sys/queue.h>

struct node;

/* Embedded in whoever waits; one wait at a time. */
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

/* Numbers only grow, so that the queue's head is always the first to be ready. A ticket already waiting waits anew. */
void ticket_wait(struct node *n, struct ticket *t, void (*then)(struct node *n, void *owner),
                 void *owner);
void ticket_cancel(struct node *n, struct ticket *t);
/* A worker's number moved: runs what became ready. */
void tickets_ack(struct node *n, uint8_t worker, uint64_t seq);
