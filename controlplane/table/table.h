/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables that decisions read: they belong to nobody above, so that whoever decides needs no other part. */
#pragma once
#include "table/contact.h"
#include "table/ends.h"
#include "table/tunnel.h"

struct node;

/* Makes n->contacts, n->ends and n->lsps, empty; after the anchor. -ENOMEM. */
int tables_new(struct node *n);
/* After every part that holds what stands in them. */
void tables_free(struct node *n);
