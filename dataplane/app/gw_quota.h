/* SPDX-License-Identifier: BSD-3-Clause */
/* What each user's applications hold together, and what the log tells of those that were refused. */
#pragma once
#include "app/gw_attach.h"

/* How long the gateway's thread may sleep before memory is measured again: ms, -1: there is no application. */
int gw_quota_due(const struct gateway *g);
/* Once a second: how much of each segment is memory, what was refused is logged, and an application that has taken twice of what its user may
 * have is detached: memory is taken by writing, which nobody can refuse. */
void gw_quota_round(struct gateway *g);
