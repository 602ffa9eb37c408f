/* SPDX-License-Identifier: BSD-3-Clause */
/* Links of the daemon: sockets, numbers and names, and the counters that tell the node a link is alive. */
#pragma once
#include "base/time.h"
#include "conf.h"

#include <stdbool.h>
#include <stdint.h>

struct daemon;
struct node_output;

/* Reserves a slot for the link and opens its socket, which the slot owns. Returns the link number, or -errno with one sentence in
 * err. d->links may move. */
int links_open(struct daemon *d, const struct conf_link *l, char *err, size_t errcap);
/* Fills in what only a started data plane knows, and hands the link to the node (or, control = no, to the workers). 0, or -errno
 * with one sentence in err: the slot is then still taken, links_gone() frees it. */
int links_start(struct daemon *d, uint32_t link, const struct conf_link *l, char *err,
                size_t errcap);
/* Whether the socket of a link that runs serves all addresses of l, so that they can be changed while it runs. */
bool links_serve(const struct daemon *d, uint32_t link, const struct conf_link *l);
/* The neighbour's addresses are those of l from now on, as far as the link's socket serves them. */
void links_set_remotes(struct daemon *d, uint32_t link, const struct conf_link *l);
/* Asks the node to give the link up; its slot is freed when every worker has. */
void links_remove(struct daemon *d, uint32_t link);
/* No worker knows the link any more (OUT_LINK_GONE): closes its socket and frees the slot. */
void links_gone(struct daemon *d, uint32_t link);
/* A neighbour came or went (OUT_LINK_STATE): for the log and the service manager. */
void links_state(struct daemon *d, const struct node_output *out);
/* Closes every socket and frees the slots; after dp_stop(), because workers use the sockets. */
void links_close(struct daemon *d);

/* Number of a name, or -1. Looks at every link. */
int links_find(const struct daemon *d, const char *name);
/* Name of a number, or NULL (0xffff, free slots). */
const char *links_name(const struct daemon *d, uint32_t link);

/* Looks at the counters: received packets count as a hello, sent data says the link is in use. */
void links_poll(struct daemon *d);
/* When to look next: soon while data moves, seldom otherwise, never without links. */
struct instant links_poll_next(const struct daemon *d);
