/* SPDX-License-Identifier: BSD-3-Clause */
/* [names], which is read before everything else. */
#pragma once
#include "conf.h"

/* Adds what the section [names] of a text says, wherever it stands, and what the file that it names says. */
void conf_names_read(struct conf *c, const char *text, size_t len, conf_names_fn *names_file,
                     struct conf_errors *e);
/* Adds the lines of a file of names; errors name `file`. */
void conf_names_lines(struct conf *c, const char *file, const char *text, size_t len,
                      struct conf_errors *e);
/* Writes a value in which ids stand, with blanks between, as one in which ids stand in place of names of [names]; any other word stays.
 * -ENOSPC: it does not fit. */
int conf_names_replace(const struct conf *c, const char *value,
                       char out[CONF_LINE_MAX]) COYO_NODISCARD;
