/* SPDX-License-Identifier: BSD-3-Clause */
/* The one writer of sentences that say why something failed. */
#include "base/why.h"

#include <stdarg.h>
#include <stdio.h>

int why_say(char *why, size_t cap, int err, const char *format, ...)
{
	va_list ap;

	if (!why)
		return -err;
	va_start(ap, format);
	vsnprintf(why, cap, format, ap);
	va_end(ap);
	for (char *c = why; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return -err;
}
