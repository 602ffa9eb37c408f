/* SPDX-License-Identifier: BSD-3-Clause */
/* `coyoctl show`: one JSON document per view, written a slice at a time so that the loop goes on between two slices. */
#pragma once
#include "base/json.h"
#include "node/node.h"
#include "ipc/ctl.h"
#include "names/names.h"

#include <stdbool.h>

struct daemon;

/* Steps of one slice. A step is a row or, before the rows of `links`, one tunnel looked at: some microseconds. */
#define SHOW_SLICE 256

/* One view under way. Places in tables are kept by key or by a number that never moves, so tables may change between slices.
 * Zeroed, it holds nothing. */
struct show_walk {
	enum ctl_view view;
	uint32_t limit;
	uint32_t rows; /* written so far, of those that the limit counts */
	uint32_t part; /* of the document, see show.c */
	bool begun;
	bool truncated;            /* the limit left rows out */
	struct node_cursor cursor; /* in a table of the node */
	uint32_t at, offset;       /* in a table of the daemon; connections: worker, place there */
	char name[NAMES_NAME_MAX + 1]; /* in the configuration: the name written last */
	uint32_t *held;                /* links: labels held, by link number; owned */
};

/* Begins a view of at most `limit` rows. `connections` is put together by connections.c, because its rows come from the workers. */
void show_begin(struct show_walk *w, enum ctl_view view, uint32_t limit);
/* Appends one slice of the document to j. True: the document is complete. Out of memory: j->failed, and true. */
bool show_step(struct daemon *d, struct show_walk *w, struct json *j);
/* Frees what the walk holds, at its end or before. */
void show_end(struct show_walk *w);
