/* SPDX-License-Identifier: BSD-3-Clause */
/* `show connections` and `show sockets`: the rows come from the workers, one slice of one worker at a time, so that any number of connections is shown to a
 * reader of any speed in a bounded buffer. */
#pragma once
#include "ipc/ctl.h"

#include <stdbool.h>

struct ctl_client;
struct daemon;
struct dp_event;

/* Whether the rows of the view come from the workers. */
bool connections_view(enum ctl_view view);
/* Whether c shows connections and must wait, since a worker is at a slice for it or for another client. */
bool connections_wait(const struct daemon *d, const struct ctl_client *c);
/* Asks for the next slice. connections_wait() must be false. */
void connections_slice(struct daemon *d, struct ctl_client *c);
/* A worker sends a row of the slice, or its end. */
void connections_row(struct daemon *d, struct ctl_client *c, const struct dp_event *e);
/* The worker has not answered in time: the answer ends there, and says so. */
void connections_cut(struct daemon *d, struct ctl_client *c);
