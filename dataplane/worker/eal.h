/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's environment of this process: once per process. */
#pragma once
#include "dataplane.h"

#include <stddef.h>

struct eal;

/* The caller's thread becomes the main lcore; cfg->workers more lcores wait for work. NULL: err tells cause and remedy. */
struct eal *eal_start(const struct dp_cfg *cfg, unsigned memory_mb, char *err, size_t errcap);

/* Gives EAL's folder, and the folders made for it, to a user. */
void eal_give(const struct eal *e, uint32_t uid, uint32_t gid);

/* Frees everything and removes every file EAL made. */
void eal_stop(struct eal *e);
