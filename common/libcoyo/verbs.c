/* SPDX-License-Identifier: BSD-3-Clause */
/* How the verbs of the coyo tool complain, and what they read alike. */
#include "libcoyo/verbs.h"
#include "program/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int verb_complain(int status, const char *why)
{
	fprintf(stderr, "coyo: %s\n", why);
	return status;
}

int verb_misuse(const char *what)
{
	fprintf(stderr, "coyo: %s\nTry `coyo --help`.\n", what);
	return PROGRAM_USAGE;
}

int verb_complain_of(int err, const char *why)
{
	bool unreached = err == -ENOENT || err == -ENOTCONN || err == -EACCES || err == -EPERM ||
	                 err == -ENAMETOOLONG;

	return verb_complain(unreached ? PROGRAM_UNREACHED : PROGRAM_FAILED, why);
}

int verb_complain_of_name(int err, const char *why)
{
	if (err == -EINVAL || err == -ENOENT)
		return verb_complain(PROGRAM_USAGE, why);
	/* The user's own names are not private: the daemon was not asked. */
	return err == -EPERM ? verb_complain(PROGRAM_FAILED, why) : verb_complain_of(err, why);
}

bool verb_number(const char *text, unsigned long most, unsigned long *v)
{
	char *end;

	errno = 0;
	*v = strtoul(text, &end, 10);
	return !errno && end != text && !*end && *text >= '0' && *text <= '9' && *v <= most;
}

bool verb_port(const char *text, uint16_t *port)
{
	unsigned long v;

	if (!verb_number(text, UINT16_MAX, &v) || v == 0)
		return false;
	*port = (uint16_t)v;
	return true;
}
