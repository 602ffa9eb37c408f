/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK in a process that is somebody else's: initialised with the first stack and used by one stack after another until the process ends. */
#pragma once
#include "dataplane.h"

#include <stddef.h>

/* A stack takes DPDK, and what DPDK logs goes to cfg->log from here on. *is_first: it is still to be initialised. -EALREADY: another stack has it;
 * -ENOTSUP, -ENOMEM: it was initialised otherwise than this one needs; with a sentence in err. */
int kept_take(const struct dp_cfg *cfg, unsigned memory_mb, bool *is_first, char *err,
              size_t errcap);
/* It is initialised, with so much memory. */
void kept_began(const struct dp_cfg *cfg, unsigned memory_mb);
/* The stack lets go of it. is_there: it is initialised, and memory that is not used any more goes back to the system. */
void kept_give(bool is_there);
