/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker tells control: events in a bounded ring, acknowledgements of commands, and the wake-up of a control that sleeps. */
#pragma once
#include "ipc/cpdp.h"

#include <stdbool.h>

struct worker;

/* A slot of the event ring, for the caller to fill in place; cookie and worker are filled already. NULL: the ring is full, which is counted as
 * punt_full. event_end() is due next. */
struct dp_event *event_begin(struct worker *w);
/* Hands the slot of event_begin() to control. */
void event_end(struct worker *w);

/* Copies dp_event_size(ev) bytes into the ring to control, and fills in the worker. False: the ring is full, which is counted. */
bool worker_event(struct worker *w, const struct dp_event *ev);

/* Publishes that the command of this number and all before it have been executed. */
void event_acknowledge(struct worker *w, uint64_t seq);

/* Wakes control if events or acknowledgements wait for it and it may sleep. To be called once in a turn, at its end. */
void event_tell(struct worker *w);
