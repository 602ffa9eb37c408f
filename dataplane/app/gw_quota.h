/* SPDX-License-Identifier: BSD-3-Clause */
/* What each user's applications hold together, and what the log tells of those that were refused. */
#pragma once
#include "app/gw_attach.h"

#define GW_MUTE_NS (5 * NS_PER_S)

/* How long the gateway's thread may sleep before memory is measured again: or a silent client is closed: ms,
 * -1: there is nothing of either. */
int gw_quota_due(const struct gateway *g);
/* gw_client.c: when the next client is closed that has asked for nothing within GW_MUTE_NS of its coming; INT64_MAX: none is. */
int64_t gw_mute_due(const struct gateway *g);
/* Closes those whose time has come, after one line that says so. */
void gw_mute_close(struct gateway *g, int64_t now);
/* Once a second: how much of each segment is memory, what was refused is logged, and an application that has taken twice of what its user may
 * have is detached: memory is taken by writing, which nobody can refuse. */
void gw_quota_round(struct gateway *g);
