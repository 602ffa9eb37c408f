/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients of the process that the stack runs in, and of its children: their connections come as descriptors. */
#pragma once
#include "app/gw.h"

/* Descriptors of new clients lie in the door, or nobody is at its other end any more. */
void gw_door_serve(struct gateway *g);
/* gw_client.c: a new client, or one that is told that there are too many, or that its user has all of its share: takes its descriptor. own: it is of the
 * process that the stack runs in, which shares with nobody, and may stay silent. */
void gw_client_new(struct gateway *g, int fd, bool own);
