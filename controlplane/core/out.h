/* SPDX-License-Identifier: BSD-3-Clause */
/* What a node wants its caller to do: commands for workers, answers to requests, reports for the operator. */
#pragma once
#include "core/request.h"
#include "ipc/cpdp.h"

#include <stdbool.h>
#include <stdint.h>

struct node;

enum node_output_type {
	OUT_COMMAND = 1, /* for a worker's ring, in the order of output */
	OUT_ANSWER,      /* to a request */
	OUT_LINK_STATE,  /* a neighbour came up or went down (for logs and sd_notify) */
	OUT_LOG,         /* one line worth an operator's eye, already rate-limited */
	OUT_LINK_GONE,   /* every worker has forgotten the link: the daemon may close its socket */
	OUT_LINK_NEW,    /* a listener has made a link, about which nothing was said before */
	OUT_SNAPSHOT, /* the contact table changed enough to be worth saving: call node_snapshot() */
};

/* A link that a listener made for a neighbour. It ends with OUT_LINK_GONE; its socket is the listener's. */
struct node_link_new {
	uint16_t listener; /* link number of the listener */
	struct cp_link io;
	struct node_id id;
	char name[32];
};

struct node_output {
	uint32_t type; /* enum node_output_type */
	union {
		struct {
			uint8_t worker; /* or CPDP_ALL_WORKERS */
			struct cp_cmd cmd;
		} command;
		struct node_answer answer;
		struct {
			uint16_t link;
			bool up;
			struct node_id id;
			char why[64];
		} link;
		struct node_link_new made; /* OUT_LINK_NEW */
		struct {
			uint8_t level; /* base/log.h */
			char line[240];
		} log;
	} u;
};

/* Takes the oldest output out of the queue into *out; false when there is none. */
bool node_output(struct node *n, struct node_output *out);

/* The node numbers its commands itself: cmd.seq is set, per worker, 1, 2, 3 ... in the order of output (a command to all
 * workers takes the next number of EACH worker, given in seq[] order by this call for the last output drained). */
uint64_t node_command_seq(const struct node *n, uint8_t worker);
