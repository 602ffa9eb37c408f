/* SPDX-License-Identifier: BSD-3-Clause */
/* Listeners of the daemon: their sockets, whom they accept, and the links that the node makes for them. */
#pragma once
#include "conf.h"

#include <stdbool.h>
#include <stdint.h>

struct daemon;
struct node_output;

/* Reserves a slot among the links and opens the socket, which the slot owns. Returns the link number, or -errno with one sentence in err. */
int listeners_open(struct daemon *d, const struct conf_listen *l, char *err, size_t errcap);
/* Tells the node of the listener in a slot, or of what has changed in whom and how many it accepts. -errno: one sentence is in err. */
int listeners_set(struct daemon *d, uint32_t link, const struct conf_listen *l, char *err,
                  size_t errcap);
/* The node has made a link for a neighbour that called (OUT_LINK_NEW): its slot. */
void listeners_made(struct daemon *d, const struct node_output *out);
/* Lets an id in at a listener, or turns it away: at once, and in its file if it has one. -errno: one sentence is in err, nothing has
 * changed. *kept: the file has it; else it holds until the daemon ends. */
int listeners_allow(struct daemon *d, const struct conf_listen *l, const struct node_id *id,
                    bool allow, bool *kept, char *err, size_t errcap);
