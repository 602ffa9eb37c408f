/* SPDX-License-Identifier: BSD-3-Clause */
/* One worker thread as the sessions that run on it see it: sending, events, counters. Call from that worker only. */
#pragma once
#include "dataplane.h"
#include "base/time.h"
#include "core/mbuf.h"
#include "ipc/cpdp.h"
#include "table/drop.h"

#include <stdbool.h>
#include <stdint.h>

struct worker;

/* Takes m, which starts with its label stack, in one segment; queues it into this burst's output of the link, where it is
 * sealed and transmitted, by another worker when that one owns the link. Failures are counted drops. */
void worker_send(struct worker *w, uint16_t link, struct rte_mbuf *m);

/* Copies dp_event_size(ev) bytes to control; ev->worker is filled in. False: ring full (counted as punt_full). */
bool worker_event(struct worker *w, const struct dp_event *ev);

/* Counts one drop; the packet stays the caller's to free. */
void worker_drop(struct worker *w, enum drop_reason r);

/* This worker's number, 0 .. cfg.workers - 1. */
unsigned worker_number(const struct worker *w);

/* This worker's counters; only it writes them. */
struct dp_worker_counters *worker_counters(struct worker *w);

/* cp_link.mtu of the link, or 0 when there is no such link. */
uint16_t worker_link_mtu(const struct worker *w, uint16_t link);
