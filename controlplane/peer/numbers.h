/* SPDX-License-Identifier: BSD-3-Clause */
/* Links by number and by name, and the numbers that are free: found without walking over the links. */
#pragma once
#include "peer/peer.h"

struct listener;

/* Room for this link number. -ENOMEM: nothing has changed. */
int numbers_room(struct node *n, uint16_t link) COYO_NODISCARD;
/* p is a link now, by its number and name; it gets the lowest number in coords that none has. There is room for its number. */
void numbers_take(struct node *n, struct peer *p);
/* It is one no more. */
void numbers_release(struct node *n, struct peer *p);
/* The listener of a number for which there is room; NULL: none any more. */
void numbers_listener(struct node *n, uint16_t link, struct listener *l);
/* The highest link number that neither a link nor a listener has, not below `least`; LINK_NONE: there is none. */
uint16_t numbers_highest_free(const struct node *n, uint16_t least);
/* Whether a link has this name. */
bool numbers_name_taken(const struct node *n, const char *name);
/* Frees what the others have made for `all`, in which there is no link any more. */
void numbers_free(struct node *n, struct peers *all);
