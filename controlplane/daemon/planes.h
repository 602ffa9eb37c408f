/* SPDX-License-Identifier: BSD-3-Clause */
/* What the node and the data plane are told, from the configuration. */
#pragma once
#include "dataplane.h"

struct daemon;
struct node_cfg;

/* What the node is made of. It points into d, which must outlive it; the cookie key is left for the caller, as both planes have the same. */
void node_cfg_of(const struct daemon *d, struct node_cfg *cfg);
/* What the data plane is made of, with fresh secrets, which the caller wipes. It points into d and ports. */
void dp_cfg_of(struct daemon *d, struct dp_port_cfg ports[DP_PORTS_MAX], struct dp_cfg *cfg);
