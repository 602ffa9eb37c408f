/* SPDX-License-Identifier: BSD-3-Clause */
/* Names: what ends in `.coyo`, ids as text, and names without a dot that the daemon knows have one IPv6 address each, which is made from the
 * id and remembered. All other names go on as they came. */
#include "libcoyo/coyo.h"
#include "libcoyo/preload/forward.h"
#include "libcoyo/preload/shim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char suffix[] = ".coyo";

/* Whether a name can only be ours. Its length without a dot at the end is in *n. */
static bool must_be_ours(const char *name, size_t *n)
{
	size_t tail = sizeof(suffix) - 1;

	*n = strlen(name);
	if (*n > 0 && name[*n - 1] == '.')
		(*n)--;
	if (*n > tail && strncasecmp(name + *n - tail, suffix, tail) == 0)
		return true;
	return *n == ID_TEXT_LEN && !memchr(name, '.', *n) && !memchr(name, ':', *n);
}

/* A name of one word, which the daemon may know. */
static bool may_be_ours(const char *name, size_t n)
{
	struct in_addr in;

	return n > 0 && n < 64 && !strpbrk(name, ".:%/") && strcasecmp(name, "localhost") != 0 &&
	       inet_aton(name, &in) == 0;
}

/* 1: *address stands for the name. 0: it is none of ours. Else an EAI_ number. errno stays. */
static int resolve(const char *name, struct in6_addr *address)
{
	int saved = errno, r;
	char copy[256];
	struct node_id id;
	size_t n;
	bool must;

	if (!name)
		return 0;
	must = must_be_ours(name, &n);
	if ((!must && !may_be_ours(name, n)) || n >= sizeof(copy))
		return 0;
	memcpy(copy, name, n);
	copy[n] = '\0';
	r = coyo_resolve(NULL, copy, id.b, NULL);
	errno = saved;
	if (r == 0) {
		if (!shim_table())
			return EAI_MEMORY;
		table_learn(shim_table(), &id);
		ip6_of_id(&id, shim_prefix(), address->s6_addr);
		return 1;
	}
	if (!must)
		return 0;
	return r == -EINVAL || r == -ENOENT ? EAI_NONAME : EAI_AGAIN;
}

/* The C library makes the list, from the address as text, so that freeaddrinfo() and every hint work as ever. */
SHIM(getaddrinfo)
int shim_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                     struct addrinfo **out)
{
	struct addrinfo mine = hints ? *hints : (struct addrinfo){.ai_family = AF_UNSPEC};
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;
	int r;

	if (mine.ai_flags & AI_NUMERICHOST)
		return NEXT(getaddrinfo)(name, service, hints, out);
	r = resolve(name, &address);
	if (r == 0)
		return NEXT(getaddrinfo)(name, service, hints, out);
	if (r != 1)
		return r;
	if (mine.ai_family != AF_UNSPEC && mine.ai_family != AF_INET6)
		return EAI_ADDRFAMILY;
	/* An id can be reached whatever addresses this machine has. */
	mine.ai_flags = (mine.ai_flags & ~(AI_ADDRCONFIG | AI_V4MAPPED | AI_ALL)) | AI_NUMERICHOST;
	mine.ai_family = AF_INET6;
	inet_ntop(AF_INET6, &address, text, sizeof(text));
	r = NEXT(getaddrinfo)(text, service, &mine, out);
	if (r == 0 && (mine.ai_flags & AI_CANONNAME) && *out && (*out)->ai_canonname) {
		char *copy = strdup(name);

		if (copy) {
			free((*out)->ai_canonname);
			(*out)->ai_canonname = copy;
		}
	}
	return r;
}

/* What a hostent of ours points to, in the caller's buffer. */
struct host_room {
	char *aliases[1];
	char *addresses[2];
	struct in6_addr address;
	char name[];
};

/* 0, or ERANGE: the buffer is too short. */
static int fill(struct hostent *h, char *buffer, size_t size, const char *name,
                const struct in6_addr *address)
{
	size_t pad = (size_t)(-(uintptr_t)buffer) % _Alignof(struct host_room),
	       n = strlen(name) + 1;
	struct host_room *room = (struct host_room *)(buffer + pad);

	if (size < pad + sizeof(*room) + n)
		return ERANGE;
	memcpy(room->name, name, n);
	room->address = *address;
	room->aliases[0] = room->addresses[1] = NULL;
	room->addresses[0] = (char *)&room->address;
	*h = (struct hostent){.h_name = room->name,
	                      .h_aliases = room->aliases,
	                      .h_addrtype = AF_INET6,
	                      .h_length = sizeof(*address),
	                      .h_addr_list = room->addresses};
	return 0;
}

/* One answer for the four: 0 and *result, or an errno, with *h_err where the name has none of that family. */
static int look(const char *name, int family, const struct in6_addr *address, int r,
                struct hostent *h, char *buffer, size_t size, struct hostent **result, int *h_err)
{
	*result = NULL;
	if (r != 1) {
		*h_err = r == EAI_NONAME ? HOST_NOT_FOUND : TRY_AGAIN;
		return 0;
	}
	/* An id has no IPv4 address. */
	if (family != AF_INET6) {
		*h_err = NO_DATA;
		return 0;
	}
	r = fill(h, buffer, size, name, address);
	if (r) {
		*h_err = NETDB_INTERNAL;
		return r;
	}
	*result = h;
	return 0;
}

SHIM(gethostbyname2_r)
int shim_gethostbyname2_r(const char *name, int family, struct hostent *h, char *buffer,
                          size_t size, struct hostent **result, int *h_err)
{
	struct in6_addr address;
	int r = resolve(name, &address);

	if (r == 0)
		return NEXT(gethostbyname2_r)(name, family, h, buffer, size, result, h_err);
	return look(name, family, &address, r, h, buffer, size, result, h_err);
}

SHIM(gethostbyname_r)
int shim_gethostbyname_r(const char *name, struct hostent *h, char *buffer, size_t size,
                         struct hostent **result, int *h_err)
{
	struct in6_addr address;
	int r = resolve(name, &address);

	if (r == 0)
		return NEXT(gethostbyname_r)(name, h, buffer, size, result, h_err);
	return look(name, AF_INET, &address, r, h, buffer, size, result, h_err);
}

SHIM(gethostbyname2) struct hostent *shim_gethostbyname2(const char *name, int family)
{
	static char buffer[1024];
	static struct hostent host;
	struct hostent *result;
	struct in6_addr address;
	int r = resolve(name, &address);

	if (r == 0)
		return NEXT(gethostbyname2)(name, family);
	(void)look(name, family, &address, r, &host, buffer, sizeof(buffer), &result, &h_errno);
	return result;
}

SHIM(gethostbyname) struct hostent *shim_gethostbyname(const char *name)
{
	struct hostent host, *result;
	struct in6_addr address;
	int r = resolve(name, &address);

	if (r == 0)
		return NEXT(gethostbyname)(name);
	(void)look(name, AF_INET, &address, r, &host, NULL, 0, &result, &h_errno);
	return result;
}

/* The name of an address that stands for an id is the id in its host-name form. */
SHIM(getnameinfo)
int shim_getnameinfo(const struct sockaddr *sa, socklen_t len, char *host, socklen_t host_size,
                     char *service, socklen_t service_size, int flags)
{
	char text[ID_HOST_LEN + 1];
	struct node_id id;

	if ((flags & NI_NUMERICHOST) || !host || host_size == 0 || !shim_is_ours(sa, len, &id))
		return NEXT(getnameinfo)(sa, len, host, host_size, service, service_size, flags);
	id_to_host(&id, text);
	if (host_size < sizeof(text))
		return EAI_OVERFLOW;
	memcpy(host, text, sizeof(text));
	if (!service || service_size == 0)
		return 0;
	return NEXT(getnameinfo)(sa, len, NULL, 0, service, service_size, flags & ~NI_NAMEREQD);
}
