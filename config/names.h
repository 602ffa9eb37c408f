/* SPDX-License-Identifier: BSD-3-Clause */
/* The section [names]: read first, then put in place where other sections take ids. */
#pragma once
#include "conf.h"

/* Adds what the section [names] of a text says, wherever it stands, and what the file that it names says. */
void conf_names_read(struct conf *c, const char *text, size_t len, conf_names_fn *names_file,
                     struct conf_errors *e);
/* Adds the lines of a file of names; errors name `file`. */
void conf_names_lines(struct conf *c, const char *file, const char *text, size_t len,
                      struct conf_errors *e);
/* Writes a value with ids in place of names of [names]: of every word, or, where `after` is not NULL, of each word that follows that one. Blanks and
 * commas stand between words, and any other word stays. -ENOSPC: it does not fit. */
int conf_names_replace(const struct conf *c, const char *value, const char *after,
                       char out[CONF_LINE_MAX]) COYO_NODISCARD;
