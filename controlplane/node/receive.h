/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets for the control plane, as a worker's event brings them. */
#pragma once
#include "core/ctx.h"

/* Reads one and has every part concerned act on it. What is malformed, not authentic or of an unknown link is counted and dropped. */
void receive(struct node *n, const struct dp_packet *pk);
