/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's log, handed to cfg->log instead of being written by whichever thread DPDK logs from. */
#pragma once
#include "dataplane.h"

#include <stdio.h>

/* From here on DPDK's messages go to cfg->log, a line at a time. NULL: cfg->log is NULL, or no memory; DPDK then logs in its own way.
 * cfg stays the caller's and must stay until eal_log_close(). */
FILE *eal_log_open(const struct dp_cfg *cfg);
/* DPDK logs in its own way again. Nothing for NULL. */
void eal_log_close(FILE *f);
