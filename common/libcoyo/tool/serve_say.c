/* SPDX-License-Identifier: BSD-3-Clause */
/* What the service says about its peers. They decide how often, so it is bounded. */
#include "libcoyo/tool/serve.h"

#include <stdarg.h>
#include <stdio.h>

#define LINES_PER_SECOND 50

void serve_say(struct serve *s, uint64_t now_ms, const char *format, ...)
{
	va_list ap;

	if (now_ms - s->lines_ms >= 1000) {
		if (s->lines_lost)
			fprintf(stderr, "coyo: %u more lines like these\n", s->lines_lost);
		s->lines_ms = now_ms;
		s->lines = s->lines_lost = 0;
	}
	/* With -v the operator wants each of them. */
	if (!s->args->verbose && s->lines >= LINES_PER_SECOND) {
		s->lines_lost++;
		return;
	}
	s->lines++;
	fprintf(stderr, "coyo: ");
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
}
