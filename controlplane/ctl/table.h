/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers for people: rows as aligned columns, numbers with units, ids by name or short form. */
#pragma once
#include "ctl/jsonread.h"
#include "ipc/ctl.h"

#include <stdio.h>

enum cell {
	CELL_TEXT = 1,
	CELL_NUMBER, /* as it stands, right-aligned */
	CELL_COUNT,  /* 12.3 k, 4.56 M */
	CELL_BYTES,  /* 12.3 KiB */
	CELL_US,     /* a time given in us */
	CELL_MS,     /* ... in ms */
	CELL_S,      /* ... in s */
	CELL_YES,    /* yes, or nothing */
	CELL_ID,     /* the name beside it when there is one, else the first 8 characters */
};

struct column {
	const char *title;
	const char *key;
	enum cell cell;
	const char *name_key; /* CELL_ID: where a name may stand */
};

#define TABLE_COLUMNS_MAX 24

/* One value as text. `-` for what is missing or null. */
void table_cell(const struct column *col, const struct jvalue *row, char *out, size_t cap);
/* Rows under their titles; `none` when there are no rows. */
void table_print(FILE *f, const struct column *cols, unsigned ncols, const struct jvalue *rows,
                 const char *none);

/* A whole `show` answer. False: it has not the shape expected. */
bool view_print(FILE *f, enum ctl_view view, const struct jvalue *doc);
