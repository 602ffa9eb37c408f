/* SPDX-License-Identifier: BSD-3-Clause */
/* Places that nodes had in a tree until lately. When a link or a root dies, many nodes get other places at once, and for a second or more
 * the records and datagrams of others still name the old ones. Most of the links that led there stand, so the old places go on
 * leading where the present ones do not. */
#pragma once
#include "peer/announced.h"

struct anchor;
struct node;
struct peer;
struct peers;
struct tree;

/* This node is about to leave its place in a tree. */
void former_left(struct node *n, struct tree *t);
/* p announces m, and its last announcement, if any, still stands in p->ann: its former places follow. Without memory none is kept. */
void former_announced(struct node *n, struct peer *p, const struct linkmsg_ann *m);
/* Frees the former places of p that are kept no more. */
void former_expire(struct node *n, struct peer *p);

/* As anchor_own_distance(), by the place that this node had before. */
unsigned former_own_distance(const struct anchor *a, struct instant now, unsigned tree,
                             uint64_t root, const struct coords *to);
/* As anchor_hop(), by the places that the neighbours had before. */
struct peer *former_hop(const struct peers *peers, struct instant now, unsigned tree, uint64_t root,
                        const struct coords *to, unsigned limit,
                        bool (*usable)(const struct peer *p, const void *arg), const void *arg,
                        unsigned *distance);
