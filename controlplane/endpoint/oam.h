/* SPDX-License-Identifier: BSD-3-Clause */
/* OAM messages inside tunnels: echo, trace, keepalive, commit; and packets whose TTL ran out here. */
#pragma once
#include "endpoint/session.h"

/* An OAM message at a tunnel's end. Anything but a transit's answer to a trace must be authenticated. */
void oam_rx(struct node *n, const struct dp_packet *pk);
/* A labelled packet whose TTL ran out here: answered on the entry's twin, at a limited rate. */
void oam_ttl_rx(struct node *n, const struct dp_packet *pk);
