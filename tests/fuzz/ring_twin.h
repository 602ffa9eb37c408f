/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker's tables must hold after each command, told by the comments of ipc/cpdp.h alone: small arrays that are searched from the start. */
#pragma once
#include "ring_world.h"

#define TWIN_LINKS  6
#define TWIN_LABELS 12
#define TWIN_INDEX  8
#define TWIN_PHASES 4

/* The numbers that commands name; the last ones of each are none that a worker may take. */
extern const uint16_t twin_links[TWIN_LINKS + 2];
extern const uint32_t twin_labels[TWIN_LABELS];
extern const uint32_t twin_index[TWIN_INDEX];

struct twin_key {
	bool there;
	uint8_t alg, key[32];
	uint32_t index;   /* receiver index, or phase */
	uint64_t counter; /* at the last look: it never falls as long as the key stays */
};

struct twin_rx {
	bool there;
	uint16_t link;
	uint8_t alg, key[32];
};

struct twin_label {
	uint8_t op; /* 0: not granted */
	uint16_t out_link;
	uint32_t out;
	uint64_t packets;
};

struct twin_link {
	bool there, open;
	struct cp_link cfg;
	struct twin_key tx;
	struct twin_label label[TWIN_LABELS];
};

struct twin_session {
	bool there;
	struct cp_session cfg;
	struct twin_key tx, staged, rx[TWIN_PHASES];
};

struct twin {
	unsigned worker;
	const struct ring_world *world;
	struct twin_link link[TWIN_LINKS];
	struct twin_rx rx[TWIN_INDEX];
	struct twin_session session[RING_SESSIONS];
	uint64_t refused; /* commands that made no sense */
};

/* The command's effect. False: it makes no sense, and changes nothing. */
bool twin_command(struct twin *t, const struct cp_cmd *c);
/* A labelled packet comes: the entry that it uses, or NULL. */
struct twin_label *twin_packet(struct twin *t, uint16_t link, uint32_t label);
struct twin_link *twin_link(struct twin *t, uint32_t number);
/* Ends the process where the worker's tables say something else. */
void twin_compare(struct twin *t);
