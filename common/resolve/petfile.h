/* SPDX-License-Identifier: BSD-3-Clause */
/* The file of a user's own names as it was read; internal to common/resolve. */
#pragma once
#include "resolve/private.h"

struct petfile {
	char path
	        [PATH_MAX]; /* FOLDER/coyo/names; as far as it is known, also where there is no such file */
	char *text;         /* NULL: there is none */
	size_t len;
	struct names names;
};

/* Finds out where the file is, which holds nothing yet. -ENOENT: no home is known; -ENAMETOOLONG. */
int petfile_find(struct petfile *f) COYO_NODISCARD;
/* Reads text and names of the file, as petnames_load() says. On failure it holds nothing. */
int petfile_load(struct petfile *f, char why[PETNAMES_WHY_MAX]) COYO_NODISCARD;
/* Frees what was read. */
void petfile_free(struct petfile *f);
/* The length of the line at p, and in *next where the next one begins. */
size_t petfile_line(const struct petfile *f, const char *p, const char **next);
