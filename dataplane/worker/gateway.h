/* SPDX-License-Identifier: BSD-3-Clause */
/* The gateway thread as dp_start() starts it: between application sockets and the sessions of every worker. */
#pragma once
#include "dataplane.h"

#include <stddef.h>

struct gateway;
struct sessions;

/* After every worker's sessions exist and before their threads run; sess[i] is worker i's. NULL: one sentence is in err. */
struct gateway *gateway_start(struct sessions *const *sess, unsigned workers,
                              const struct dp_cfg *cfg, char *err, size_t errcap);

/* Ends the thread and frees what it held; the workers have stopped, their sessions still exist. */
void gateway_stop(struct gateway *g);
