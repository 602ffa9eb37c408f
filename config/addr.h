/* SPDX-License-Identifier: BSD-3-Clause */
/* Where something is: addresses over IP, one or several, and the ends of forwards; text to field and back. */
#pragma once
#include "conf.h"

/* Decimal digits, or those of another base up to 10, only: no sign, no blank. -EINVAL: something else, or above max. */
int conf_number(const char *s, int base, uint64_t max, uint64_t *out) COYO_NODISCARD;
/* One address, whose port the option bounds. -EINVAL: *out is not to be read. */
int conf_addr_parse(const struct conf_option *o, const char *text, conf_addr_t *out) COYO_NODISCARD;
/* An address as it would stand in the file; an empty text where there is none. */
void conf_addr_format(const conf_addr_t *a, char *out, size_t cap);
/* Addresses with commas between. -EINVAL: *out is empty, and why says what is wrong. */
int conf_ends_parse(const struct conf_option *o, const char *text, conf_ends_t *out, char *why,
                    size_t whycap) COYO_NODISCARD;
/* Addresses as they would stand in the file. Always NUL-terminated; cut off at cap. */
void conf_ends_format(const conf_ends_t *e, char *out, size_t cap);
/* One end of a forward. -EINVAL: *out is empty; why says what is wrong. */
int conf_where_parse(const struct conf_option *o, const char *text, conf_where_t *out, char *why,
                     size_t whycap) COYO_NODISCARD;
/* Writes one end of a forward with the id of a name of [names] in place of the name. -ENOSPC: it does not fit. */
int conf_where_names(const struct conf *c, const char *value,
                     char out[CONF_LINE_MAX]) COYO_NODISCARD;
/* What no single value of a forward shows. */
void conf_check_forwards(const struct conf *c, struct conf_errors *e);
