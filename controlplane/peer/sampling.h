/* SPDX-License-Identifier: BSD-3-Clause */
/* Samples of datagrams that left in runs: the neighbour is asked which of them have come, and runs are turned off where their members do
 * not. Links on kernel sockets alone have runs, sealed ones alone have numbers. */
#pragma once
#include "base/timer.h"
#include "ipc/cpdp.h"
#include "peer/runs.h"
#include "wire/linkmsg.h"

struct node;
struct peer; /* peer/peer.h */

enum sampling_step {
	SAMPLING_WAITED = 0, /* the next run that leaves begins a sample */
	SAMPLING_OPEN,       /* a sample is under way */
	SAMPLING_TAKEN,      /* the worker has been asked for it */
	SAMPLING_ARRIVES,    /* what is under way may still arrive, also out of order */
	SAMPLING_ASKED,      /* the neighbour has been asked */
	SAMPLING_RESTS,      /* until the next one */
};

/* Of each peer; zeroed: no run has left yet. */
struct sampling {
	uint8_t step;     /* enum sampling_step */
	uint8_t tries;    /* questions about this sample */
	struct runs runs; /* how datagrams leave, and why */
	struct timer timer;
	struct dp_link_sample sample;
};

/* EVT_LINK_RUN, EVT_LINK_SAMPLE and EVT_LANE_SEEN of p's link. */
void sampling_event(struct node *n, struct peer *p, const struct dp_event *ev);
/* SEEN from p, which is up: a question, or an answer to ours. */
void sampling_rx(struct node *n, struct peer *p, const struct linkmsg_seen *m);
/* TIMER_PEER_SAMPLE. answer_wait: how long the neighbour may take to answer, ns: peer_answer_wait(). */
void sampling_tick(struct node *n, struct peer *p, int64_t answer_wait);
/* The link is being deleted. */
void sampling_stop(struct node *n, struct peer *p);
