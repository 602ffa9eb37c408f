/* SPDX-License-Identifier: BSD-3-Clause */
/* Whom a client has sent datagrams to, so that an answer carries the name that was asked, and nobody is heard who was not. Pure. */
#pragma once
#include "libcoyo/proxy/datagram.h"
#include "wire/id.h"

#define ASKED_MAX 64 /* of one association; the one that was used longest ago gives way */

struct asked {
	uint64_t used; /* 0: never; the larger, the later */
	struct node_id id;
	uint16_t port;
	size_t address_n;
	uint8_t address[PROXY_ADDRESS_MAX];
};

/* All zeros is an empty list. */
struct asked_list {
	uint64_t clock;
	struct asked at[ASKED_MAX];
};

/* The one that was written so; NULL: none. */
struct asked *asked_find(struct asked_list *l, const uint8_t *address, size_t n);
/* The one with that id and port that was used last; NULL: none. */
struct asked *asked_of(struct asked_list *l, const struct node_id *id, uint16_t port);
/* Puts it into the list. */
struct asked *asked_add(struct asked_list *l, const struct proxy_head *h, const struct node_id *id);
/* It is used now. */
void asked_touch(struct asked_list *l, struct asked *a);
