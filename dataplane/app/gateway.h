/* SPDX-License-Identifier: BSD-3-Clause */
/* The gateway thread: serves the application socket, and moves bytes between applications' descriptors and the workers' rings. */
#pragma once
#include "session/bridge.h"
#include "dataplane.h"

#include <stddef.h>

struct gateway;
struct names;

/* Makes cfg->app_socket and starts the thread. bridges: one for each worker (sess_bridge()), alive until gateway_free(). The workers'
 * threads may run already. NULL: one sentence with cause and remedy is in err, nothing is left behind. Raises the soft limit of open
 * files to the hard one. */
struct gateway *gateway_start(const struct dp_cfg *cfg, struct bridge *const *bridges, unsigned n,
                              char *err, size_t errcap);

/* The names that applications may ask for from now on, made by names_clone(), which the gateway frees. May be called by one other thread than the gateway's while
 * that runs: it takes them over with the next question. */
void gateway_set_names(struct gateway *g, struct names *names);

/* Stops the thread, removes the socket and closes every descriptor. Workers may still touch their streams. */
void gateway_stop(struct gateway *g);

/* Frees it all. Call after the workers' threads have ended, and before sess_free(). */
void gateway_free(struct gateway *g);
