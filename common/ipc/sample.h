/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages between control and workers about datagrams that leave in runs: how they are to leave, what has left, what has come. */
#pragma once
#include <stdint.h>

/* How datagrams of a udp-socket link leave. A run is a train of equal datagrams that the kernel, or the NIC, takes apart (UDP GSO). */
enum link_runs {
	LINK_RUNS_ALL = 0, /* in runs wherever they can */
	LINK_RUNS_NONE,    /* singly */
	LINK_RUNS_ONE,     /* singly but for the run that begins a sample */
};
struct cp_link_runs {
	uint16_t link;
	uint8_t mode; /* enum link_runs */
};

/* Frames of one lane whose counters follow each other, a bit each: bit i % 64 of word i / 64 for the counter first + i. */
#define CPDP_SAMPLE_FRAMES 256
#define CPDP_SAMPLE_WORDS  (CPDP_SAMPLE_FRAMES / 64)

/* Which of them have come, by the window against replays? */
struct cp_lane_seen {
	uint16_t link;
	uint32_t index; /* receiver index */
	uint64_t first;
};

/* What has left on one lane since EVT_LINK_RUN. Nothing is sent: no sample had begun. */
struct dp_link_sample {
	uint16_t link;
	uint32_t index; /* receiver index: the lane */
	uint64_t first; /* counter */
	uint64_t sent[CPDP_SAMPLE_WORDS];
	/* Those of them that were members of runs; LINK_RUNS_NONE: that would have been. */
	uint64_t member[CPDP_SAMPLE_WORDS];
};

struct dp_lane_seen {
	uint16_t link;
	uint16_t unknown; /* the window has passed so many of the first */
	uint32_t index;
	uint64_t first;
	uint64_t seen[CPDP_SAMPLE_WORDS];
};
