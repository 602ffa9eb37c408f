/* SPDX-License-Identifier: BSD-3-Clause */
/* How the verbs of the coyo tool complain, and what they read alike. */
#include "libcoyo/tool/verbs.h"
#include "program/program.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

bool verb_address(const char *text, struct sockaddr_storage *at)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)at;
	struct sockaddr_in *four = (struct sockaddr_in *)at;
	const char *colon = strrchr(text, ':');
	char host[64];
	size_t n = colon ? (size_t)(colon - text) : 0;
	uint16_t port = 0;

	if (n == 0 || n >= sizeof(host) ||
	    (strcmp(colon + 1, "0") != 0 && !verb_port(colon + 1, &port)))
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	*at = (struct sockaddr_storage){.ss_family = AF_INET};
	four->sin_port = htons(port);
	if (inet_pton(AF_INET, host, &four->sin_addr) == 1)
		return true;
	if (host[0] != '[' || host[n - 1] != ']')
		return false;
	host[n - 1] = '\0';
	*at = (struct sockaddr_storage){.ss_family = AF_INET6};
	six->sin6_port = htons(port);
	return inet_pton(AF_INET6, host + 1, &six->sin6_addr) == 1;
}

bool verb_is_loopback(const struct sockaddr_storage *at)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)at;
	const struct sockaddr_in *four = (const struct sockaddr_in *)at;

	if (at->ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
	return ntohl(four->sin_addr.s_addr) >> 24 == 127;
}

bool verb_prefix(const char *text, uint8_t *prefix)
{
	char *end;
	unsigned long v = strtoul(text, &end, 16);

	*prefix = (uint8_t)v;
	return *text && strlen(text) <= 2 && !*end && v > 0 && v < 0xff;
}
