/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors of a configuration, collected as text: `FILE:LINE: sentence`. */
#include "conf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void conf_error(struct conf_errors *e, uint32_t line, const char *fmt, ...)
{
	char text[768];
	int n = 0;
	size_t need;
	va_list ap;

	if (++e->count > CONF_ERRORS_MAX)
		return;
	if (line)
		n = snprintf(text, sizeof(text), "%.250s:%u: ", e->file, line);
	else
		n = snprintf(text, sizeof(text), "%.250s: ", e->file);
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	va_end(ap);
	need = strlen(text) + 2;
	if (e->len + need > e->cap) {
		size_t cap = (e->len + need) * 2;
		char *t = realloc(e->text, cap);

		if (!t)
			return;
		e->text = t;
		e->cap = cap;
	}
	e->len += (size_t)snprintf(e->text + e->len, need, "%s\n", text);
}

void conf_errors_free(struct conf_errors *e)
{
	free(e->text);
	*e = (struct conf_errors){.file = e->file};
}
