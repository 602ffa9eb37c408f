/* SPDX-License-Identifier: BSD-3-Clause */
/* The file of one contact's list; internal to common/resolve. */
#pragma once
#include "resolve/contacts.h"
#include "resolve/private.h"

struct contactfile {
	char path[PATH_MAX];
	char *text; /* NULL: there is no such file */
	size_t len;
	struct vouched list;
};

/* Reads the file of a signer. 0: text is NULL where there is none. -errno with a sentence; then there is nothing to free. */
int contactfile_load(struct contactfile *f, const struct node_id *signer,
                     char why[PETNAMES_WHY_MAX]) COYO_NODISCARD;
/* Frees what was read. */
void contactfile_free(struct contactfile *f);
