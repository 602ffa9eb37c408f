/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables that decisions read: contacts, tunnels, ends of tunnels. They stand below the parts that change them, so that a
 * decision can read them without those parts. */
#pragma once
#include "table/contact.h"
#include "table/ends.h"
#include "table/tunnel.h"

struct node;

/* Makes n->contacts, n->ends and n->lsps, empty; after the anchor. -ENOMEM. */
int tables_new(struct node *n);
/* Frees all three; parts that hold pointers into them are freed before. */
void tables_free(struct node *n);
