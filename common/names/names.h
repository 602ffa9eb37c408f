/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of nodes: what may be one, and a table from name to id and back. [names] of coyod, a user's own names, the library and the name service
 * all go by it.
 *
 * A name is written like a host name: labels of letters, digits and hyphens with dots between (RFC 952, RFC 1123), in lower case here. */
#pragma once
#include "base/cc.h"
#include "wire/id.h"

#define NAMES_NAME_MAX  120 /* characters of a name, without the .coyo that may follow it */
#define NAMES_LABEL_MAX 63  /* of one label (RFC 1035, section 2.3.4) */
#define NAMES_MAX       16384
#define NAMES_WHY_MAX   200 /* one sentence with its NUL */

struct names_row {
	char name[NAMES_NAME_MAX + 1];
	struct node_id id;
};

/* Zeroed, it is empty. */
struct names {
	struct names_row *rows;    /* in the order in which they were added; owned */
	uint32_t *by_name, *by_id; /* their numbers, sorted; of one id's in the order of rows */
	uint32_t n, cap;
};

enum names_kind { NAMES_IS_ID = 1, NAMES_IS_NAME };

/* What stands for a node: an id in any text form (NAMES_IS_ID, it is in *id), or a name (NAMES_IS_NAME, it is in name: lower case, without
 * .coyo). Either may end in `.coyo` or `.coyo.`. -EINVAL: neither, and one sentence in why says so; *id and name are then undefined. What has
 * as many characters as an id is read as one, and is never a name. */
int names_read(const char *text, size_t len, char name[NAMES_NAME_MAX + 1], struct node_id *id,
               char why[NAMES_WHY_MAX]) COYO_NODISCARD;

/* Adds a name as names_read() wrote it. -EALREADY: it means this id already; -EEXIST: it means another; -ENOSPC: there are NAMES_MAX;
 * -ENOMEM. Nothing has changed then. */
int names_add(struct names *t, const char *name, const struct node_id *id) COYO_NODISCARD;

/* Adds what a line of a file of names says, `ID NAME...` as in hosts(5), where # begins a comment; a blank line says nothing. -EINVAL,
 * -EEXIST, -ENOSPC, -ENOMEM: one sentence is in why, and names before the one at fault have been added. */
int names_add_line(struct names *t, const char *line, size_t len,
                   char why[NAMES_WHY_MAX]) COYO_NODISCARD;

/* The row of a name as names_read() wrote it, or NULL. Rows hold until the next names_add(). */
const struct names_row *names_find(const struct names *t, const char *name);
/* The row that was added first of those with this id, or NULL. */
const struct names_row *names_of(const struct names *t, const struct node_id *id);
/* The same for an id of which only the first 120 bits are known. */
const struct names_row *names_of_start(const struct names *t, const uint8_t start[15]);
/* The row after this name in alphabetical order, which need not be there itself; "": the first. NULL: there is none. */
const struct names_row *names_after(const struct names *t, const char *name);

/* Another table with the same rows, for names_discard(). NULL: out of memory. */
struct names *names_clone(const struct names *from);
/* Frees what names_clone() made, or NULL. */
void names_discard(struct names *t);
/* Frees the rows; the table is empty afterwards. */
void names_free(struct names *t);
