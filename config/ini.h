/* SPDX-License-Identifier: BSD-3-Clause */
/* The INI reader: lines, nothing else. */
#pragma once
#include "conf.h"

enum ini_kind { INI_END = 0, INI_SECTION, INI_PAIR, INI_BAD };
struct ini {
	const char *p, *end;
	uint32_t line;
	enum ini_kind kind;
	char *key;         /* INI_SECTION: first word; INI_PAIR: the key */
	char *value;       /* INI_SECTION: the rest of the words; INI_PAIR: the value */
	const char *error; /* INI_BAD: static text */
	char buf[CONF_LINE_MAX + 1];
};
/* Begins at the first line. text is read in place and must stay until the last ini_next(). */
void ini_init(struct ini *r, const char *text, size_t len);
/* The next line that is neither blank nor a comment. key and value point into r and hold until the next call. */
enum ini_kind ini_next(struct ini *r);
