/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames a control packet for the neighbour on a link, and queues it. */
#pragma once
#include "core/ctx.h"
#include "wire/routed.h"

/* A message to the neighbour itself and no further: body is one or more of wire/linkmsg.h. One that does not fit is counted and
 * dropped. */
void emit_local(struct node *n, uint16_t link, const void *body, size_t len);

/* Where a message to the neighbour goes. to.family 0: to the link's remote. local_addr, local_if: as in cp_send. worker: whose ring it takes. */
struct emit_at {
	struct node_addr to;
	uint8_t local_addr[16];
	uint32_t local_if;
	uint8_t worker;
};
/* As emit_local(), to an address that may be another than the link's, of up to `most` bytes with its label stack (<= CPDP_PACKET_MAX). */
void emit_local_at(struct node *n, uint16_t link, const struct emit_at *at, size_t most,
                   const void *body, size_t len);

/* A routed datagram, one step on. tunnel_label: of the tunnel that it goes along, LABEL_NONE: to the neighbour itself. e: the route
 * extension, NULL: none, then h->next stands as it is. h->length is set here. -EMSGSIZE: does not fit, counted. */
int emit_routed(struct node *n, uint16_t link, uint32_t tunnel_label, const struct routed_header *h,
                const struct route_ext *e, const void *body, size_t len);
