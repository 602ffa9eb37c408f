/* SPDX-License-Identifier: BSD-3-Clause */
/* Forwards of the gateway; internal to dataplane/app. */
#pragma once
#include "app/gw.h"

/* A [forward NAME]. Made by the control thread, the gateway's once it was posted. */
struct gw_forward {
	struct gw_node node;
	struct dp_forward cfg; /* its `allow` is not used */
	struct node_id *allow;
	int fd; /* not reverse: listens; -1: the one before it of this name does, whose it takes over */
	struct gw_client client; /* reverse: who listens */
	bool paused;             /* out of descriptors: connections wait */
	bool removes;            /* posted to end the one of this name */
	/* What was posted before it. */
	struct gw_forward *posted;
	TAILQ_ENTRY(gw_forward) link;
};

/* Takes what control has posted, and tries again what could not listen. */
void gw_forwards_round(struct gateway *g);
/* Connections wait at a local address. */
void gw_forward_event(struct gateway *g, struct gw_forward *f);
/* Descriptors are free again: forwards that paused go on. */
void gw_forwards_resume(struct gateway *g);
/* Its listener is ready (err 0), or cannot be: positive errno. */
void gw_forward_listening(struct gateway *g, struct gw_forward *f, int err);
/* A stream has come for its listener l; it is let go of where it may not enter. NULL: out of memory, and nothing has changed. */
struct gw_stream *gw_forward_accepted(struct gateway *g, unsigned worker, struct gw_listener *l,
                                      const struct bridge_msg *m);
/* The stream of a connection that came in is connected. */
void gw_forward_connected(struct gateway *g, struct gw_stream *s);
/* Frees those that ended in this round. */
void gw_forwards_bury(struct gateway *g);
/* Closes and frees them all. */
void gw_forwards_free(struct gateway *g);
