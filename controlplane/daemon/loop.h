/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop that drives node and workers, and what an epoll event belongs to, packed into its 64 bits. */
#pragma once
#include <stdint.h>

enum loop_kind { LOOP_WAKE = 1, LOOP_TIMER, LOOP_SIGNAL, LOOP_LISTEN, LOOP_CLIENT, LOOP_STOP };

/* index < 2^16, generation wraps at 2^32: a client's slot may be taken again within one batch of events. */
#define LOOP_TAG(kind, index, generation) \
	((uint64_t)(kind) | (uint64_t)(index) << 8 | (uint64_t)(uint32_t)(generation) << 32)
#define LOOP_TAG_KIND(tag)       ((enum loop_kind)((tag) & 0xff))
#define LOOP_TAG_INDEX(tag)      ((uint32_t)((tag) >> 8 & 0xffff))
#define LOOP_TAG_GENERATION(tag) ((uint32_t)((tag) >> 32))

struct daemon;
/* Opens epoll and timer descriptors, and that of signals where d->takes_signals: main has blocked them before any thread starts. 0, or -errno. */
int loop_open(struct daemon *d);
/* Closes them; also those of a loop_open() that failed. */
void loop_close(struct daemon *d);
/* Reads the clock into d->now. The loop does so once per turn. */
void loop_clock(struct daemon *d);
/* Carries what the node wants done to where it belongs: workers, links, clients, the log. */
void loop_outputs(struct daemon *d);
/* Runs until a signal, d->stop_fd, or a worker that takes no commands, ends it. Returns the exit status. */
int loop_run(struct daemon *d);
