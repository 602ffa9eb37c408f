/* SPDX-License-Identifier: BSD-3-Clause */
/* Forwards of the configuration, as the data plane is told of them. */
#pragma once
#include "conf.h"

#include <stdbool.h>

struct daemon;

/* Begins a forward, or changes the one of this name; socket_stays: where it listens has not changed. -errno: one sentence is in err. */
int forwards_set(struct daemon *d, const struct conf_forward *f, bool socket_stays, char *err,
                 size_t errcap);
/* Begins all of them. */
int forwards_start(struct daemon *d, char *err, size_t errcap);
