/* SPDX-License-Identifier: BSD-3-Clause */
/* The names of the configuration, for applications: those of the start go with struct dp_cfg, others by this. */
#pragma once

struct daemon;

/* Hands the data plane a copy of the names in force, which applications may ask for. Without memory they keep the names that they had, and the
 * log says so. */
void daemon_names_share(struct daemon *d);
