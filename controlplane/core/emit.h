/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames a control packet for the neighbour on a link, and queues it. */
#pragma once
#include "core/ctx.h"
#include "wire/routed.h"

/* A message to the neighbour itself and no further: body is one or more of wire/linkmsg.h. One that does not fit is counted and
 * dropped. */
void emit_local(struct node *n, uint16_t link, const void *body, size_t len);

/* A routed datagram, one step on. tunnel_label: of the tunnel that it goes along, LABEL_NONE: to the neighbour itself. e: the route
 * extension, NULL: none, then h->next stands as it is. h->length is set here. -EMSGSIZE: does not fit, counted. */
int emit_routed(struct node *n, uint16_t link, uint32_t tunnel_label, const struct routed_header *h,
                const struct route_ext *e, const void *body, size_t len);
