/* SPDX-License-Identifier: BSD-3-Clause */
/* A set of node ids, sorted. */
#pragma once
#include "core/ctx.h"
#include "wire/id.h"

/* Zeroed: empty. */
struct idset {
	struct node_id *v;
	uint32_t count, cap;
};

/* Whether id is in s. */
bool idset_has(const struct idset *s, const struct node_id *id);
/* Puts id in; one that is there already is left alone. -ENOMEM. */
int idset_add(struct node *n, struct idset *s, const struct node_id *id) COYO_NODISCARD;
/* Takes id out, if it is in. */
void idset_remove(struct idset *s, const struct node_id *id);
/* Empties s and gives its memory back. */
void idset_free(struct node *n, struct idset *s);
