/* SPDX-License-Identifier: BSD-3-Clause */
/* `allow` of [tun]: who may send to this node without having been asked. */
#pragma once
#include "wire/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One rule of `allow` of [tun]. */
struct conf_allow_rule {
	uint8_t protocol;     /* IPv6 next header; 0: any */
	uint16_t first, last; /* ports; 0 .. 65535: any */
	bool any;             /* from anybody, else: */
	struct node_id from;
};
#define CONF_ALLOW_MAX 64 /* rules */
/* Reads the rules into v, which has room for max of them (NULL: only looks at them), and counts them in *n. 0, or -EINVAL with what would have
 * been right in why. */
int conf_allow_parse(const char *text, struct conf_allow_rule *v, unsigned max, unsigned *n,
                     char *why, size_t cap);
