/* SPDX-License-Identifier: BSD-3-Clause */
/* Views for the operator as JSON: one function per `show`, link numbers as names, ids as text, SI units in the keys. */
#pragma once
#include "base/json.h"
#include "ipc/ctl.h"

#include <stdbool.h>

struct daemon;
struct dp_connection;
struct node_id;

/* Writes the whole document of a view. `connections` needs the workers' answers and is put together by request.c. */
void show_view(struct daemon *d, enum ctl_view view, uint32_t limit, struct json *j);

/* One row of `show connections`, without the surrounding document. */
void show_connection(struct daemon *d, unsigned worker, const struct dp_connection *c,
                     struct json *j);

/* Pieces that requests share. An all-zero id becomes null. */
void show_id(struct json *j, const char *key, const struct node_id *id);
void show_id_name(struct daemon *d, struct json *j, const char *key, const struct node_id *id);
void show_label(struct json *j, const char *key, uint32_t label);
/* Nanoseconds as microseconds, negative as null. */
void show_us(struct json *j, const char *key, int64_t ns);
