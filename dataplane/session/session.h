/* SPDX-License-Identifier: BSD-3-Clause */
/* End-to-end sessions of one worker: keys, connections and what the applications write and read. */
#pragma once
#include "base/time.h"
#include "ipc/cpdp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fwd;
struct worker;
struct worker_sessions;
struct rte_mbuf;

/* The sessions of worker w, which send through its label switch; both outlive them. NULL: one sentence is in err. */
struct worker_sessions *sess_new(struct worker *w, struct fwd *fwd, char *err, size_t errcap);
/* Wipes every key and frees it all; the worker's and the gateway's threads have ended. */
void sess_free(struct worker_sessions *s);

/* CMD_SESSION_*, CMD_UNREACHABLE, CMD_SEND_SESSION, CMD_DUMP_CONNECTIONS, CMD_DRAIN. 0, or -errno: the command makes no sense or
 * memory is short, and what it sets is not set. */
int sess_command(struct worker_sessions *s, const struct cp_cmd *c, struct instant now);

/* n packets whose labels name sessions: each starts at its tunnel control word, and packet.session, link, label and tc are set. Takes the
 * mbufs; opens them by sess_poll() at the latest. */
void sess_rx(struct worker_sessions *s, struct rte_mbuf *const *m, unsigned n, struct instant now);

/* Opens what sess_rx() took, does what applications and timers ask for, and sends segments through the label switch; once in a turn.
 * Returns how much was done (0: nothing). */
unsigned sess_poll(struct worker_sessions *s, struct instant now);

/* When sess_poll() must run next even if nothing arrives. */
struct instant sess_deadline(const struct worker_sessions *s);

/* eventfd that the application side writes; -1: none. */
int sess_wake_fd(const struct worker_sessions *s);

/* The last look before sleep, which the worker has announced (a full fence has passed). False: there is work, do not sleep. */
bool sess_sleep_ok(struct worker_sessions *s);

/* Where the gateway thread meets this worker (app/gateway.h); lives until sess_free(). */
struct bridge;
struct bridge *sess_bridge(struct worker_sessions *s);

struct tunring;
/* Where the thread of a queue of the TUN meets this worker, NULL: the configuration has none; lives until sess_free(). */
struct tunring *sess_tunring(struct worker_sessions *s, unsigned queue);
