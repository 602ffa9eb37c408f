/* SPDX-License-Identifier: BSD-3-Clause */
/* How the verbs of the coyo tool complain, and what they read alike. */
#include "libcoyo/tool/verbs.h"
#include "program/program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

void (*verb_sigpipe)(int) = SIG_DFL;

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

int verb_status_of(int err)
{
	bool unreached = err == -ENOENT || err == -ENOTCONN || err == -EACCES || err == -EPERM ||
	                 err == -ENAMETOOLONG;

	return unreached ? PROGRAM_UNREACHED : PROGRAM_FAILED;
}

int verb_complain_of(int err, const char *why)
{
	return verb_complain(verb_status_of(err), why);
}

int verb_status_of_name(int err)
{
	if (err == -EINVAL || err == -ENOENT)
		return PROGRAM_USAGE;
	/* The user's own names are not private: the daemon was not asked. */
	return err == -EPERM ? PROGRAM_FAILED : verb_status_of(err);
}

int verb_complain_of_name(int err, const char *why)
{
	return verb_complain(verb_status_of_name(err), why);
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
