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
/* A forward begins, or the one of this name changes where it leads and whom it lets in, while what stands goes on. Its socket is opened here,
 * unless the one of before stays in use: socket_stays. Control only; what *f names is copied. -errno: one sentence is in err. */
int gateway_forward_set(struct gateway *g, const struct dp_forward *f, bool socket_stays, char *err,
                        size_t errcap);
/* The forward of this name ends; streams that stand go on. Control only. -ENOMEM: one sentence is in err. */
int gateway_forward_remove(struct gateway *g, const char *name, char *err, size_t errcap);

/* Stops the thread, removes the socket and closes every descriptor. Workers may still touch their streams. */
void gateway_stop(struct gateway *g);

/* Frees it all. Call after the workers' threads have ended, and before sess_free(). */
void gateway_free(struct gateway *g);
