/* SPDX-License-Identifier: BSD-3-Clause */
/* Probes of how large a packet a link carries: sent, answered, followed. */
#pragma once
#include "wire/linkmsg.h"

#include <stdbool.h>
#include <stdint.h>

struct node;
struct peer; /* peer/peer.h */

/* The link has come up: the search begins. */
void peer_probe_start(struct node *n, struct peer *p);
/* The link is down or being deleted. */
void peer_probe_stop(struct node *n, struct peer *p);
/* The link was too narrow when it was up last: it stays down until a packet of MTU_BASE bytes has crossed it both ways. */
void peer_probe_first(struct node *n, struct peer *p);
/* The link is in use: asks whether packets of the present size still pass. */
void peer_probe_check(struct node *n, struct peer *p);
/* TIMER_PEER_PROBE: the probe under way is lost, or it is time to look for more. */
void peer_probe_tick(struct node *n, struct peer *p);
/* The link does not carry MTU_BASE, as our probes or the neighbour say: it goes down, and is tried again later. */
void peer_probe_narrow(struct node *n, struct peer *p);
/* A probe from p, or its answer to one of ours. */
void peer_probe_rx(struct node *n, struct peer *p, const struct linkmsg_probe *m);
/* The kernel refused a packet of so many bytes, label stack included, as too long for this link. */
void peer_too_big(struct node *n, struct peer *p, uint16_t size);
/* The neighbour's bound, as the handshake or hello says it, together with ours. */
void peer_probe_bound(struct node *n, struct peer *p, uint16_t remote_mtu);
