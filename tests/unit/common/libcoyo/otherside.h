/* SPDX-License-Identifier: BSD-3-Clause */
/* The daemon's side of libcoyo's rings for tests, without a daemon: a thread that gives a segment to whoever attaches and serves its lanes. What an
 * application connects to is a port that an application of the same side listens on; bytes are copied from slot to slot. */
#pragma once
#include "ipc/applane.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct otherside;

/* What it did, for tests that count. */
struct otherside_count {
	_Atomic uint64_t messages, futex_wakes, app_wakes, turns_asleep;
	_Atomic uint64_t directs;     /* connects over a neighbour's link or not at all */
	_Atomic uint64_t after_close; /* kicks of slots that were closed before */
};

/* Numbers of the segments that it gives; ring_bytes a power of two. */
struct otherside_cfg {
	uint32_t workers, slots, ring_bytes;
	bool no_seals;     /* the segment could be shrunk */
	bool short_memory; /* the segment is smaller than its numbers say */
	bool mute_options; /* OPTION is never answered */
};

/* Starts it on a socket of its own, which $COYO_SOCKET then names. */
struct otherside *otherside_start(const struct otherside_cfg *cfg);
/* Ends it as a killed daemon ends: connections are closed, nothing is told. */
void otherside_stop(struct otherside *o);

/* Its counters. */
struct otherside_count *otherside_count(struct otherside *o);
/* While it is held it takes no message and moves no byte. */
void otherside_hold(struct otherside *o, bool held);
/* While it is mute it takes no line, so that none is answered. */
void otherside_mute(struct otherside *o, bool mute);
/* The segment of the application that attached last, for a test that writes there what no daemon would; NULL: none has attached. */
uint8_t *otherside_segment(struct otherside *o, struct appseg_layout *layout);
/* Slots that the application has given it and that it has not given back. */
unsigned otherside_slots(struct otherside *o);
/* The last OPTION that came: its number and value. */
uint32_t otherside_option(struct otherside *o, int64_t *value);
/* The id that it says is this node's. */
extern const struct node_id otherside_id;
/* What it says of each connection, the options apart, and what options begin with. */
extern const struct appinfo otherside_info;
extern const uint32_t otherside_defaults[APP_OPTIONS];
