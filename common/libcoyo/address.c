/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses: of the two ends of a socket, and of names. */
#include "libcoyo/call.h"
#include "libcoyo/coyo.h"
#include "libcoyo/dgram.h"
#include "libcoyo/state.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct sockaddr_coyo address(const struct node_id *id, uint16_t port)
{
	struct sockaddr_coyo a = {.scoyo_family = AF_COYO, .scoyo_port = htons(port)};

	memcpy(a.scoyo_id, id->b, ID_BYTES);
	return a;
}

static int give(const struct sockaddr_coyo *a, struct sockaddr *out, socklen_t *len)
{
	memcpy(out, a, min_u64(*len, sizeof(*a)));
	*len = sizeof(*a);
	return 0;
}

COYO_EXPORT int coyo_getsockname(int handle, struct sockaddr *addr, socklen_t *len)
{
	static const struct node_id any;
	struct sockaddr_coyo a;
	struct ref r;
	int err = sock_find(handle, &r);

	if (err < 0)
		return (int)call_end(err);
	a = address(state_settle(&r) == SOCK_NEW ? &any : &r.a->region->local, r.s->bound_port);
	return give(&a, addr, len);
}

COYO_EXPORT int coyo_getpeername(int handle, struct sockaddr *addr, socklen_t *len)
{
	struct sockaddr_coyo a;
	struct ref r;
	int err = sock_find(handle, &r);

	if (err == 0 && dgram_is(&r))
		err = sock_flags(&r) & SOCK_F_CONNECTED ? 0 : -ENOTCONN;
	else if (err == 0 && state_settle(&r) != SOCK_UP)
		err = -ENOTCONN;
	if (err < 0)
		return (int)call_end(err);
	a = address(&r.s->peer, r.s->peer_port);
	return give(&a, addr, len);
}

/* ---- names ---- */

/* An addrinfo and what it points to, in one piece of memory. */
struct info {
	struct addrinfo ai;
	struct sockaddr_coyo addr;
	char name[];
};

static int read_service(const char *service, int flags, bool datagrams, uint16_t *port)
{
	struct servent *found;
	char *end;
	unsigned long v;

	*port = 0;
	if (!service || !*service)
		return 0;
	v = strtoul(service, &end, 10);
	if (!*end && *service >= '0' && *service <= '9') {
		*port = (uint16_t)v;
		return v <= UINT16_MAX ? 0 : EAI_SERVICE;
	}
	if (flags & AI_NUMERICSERV)
		return EAI_NONAME;
	{
		struct servent entry;
		char text[1024];

		if (getservbyname_r(service, datagrams ? "udp" : "tcp", &entry, text, sizeof(text),
		                    &found) != 0 ||
		    !found)
			return EAI_SERVICE;
		*port = ntohs((uint16_t)entry.s_port);
	}
	return 0;
}

/* Where neither is asked for, it is a stream. */
static bool for_datagrams(const struct addrinfo *hints)
{
	return hints && (hints->ai_socktype == SOCK_DGRAM ||
	                 (hints->ai_socktype == 0 && hints->ai_protocol == IPPROTO_UDP));
}

static int read_hints(const struct addrinfo *hints)
{
	if (!hints)
		return 0;
	if (hints->ai_family != AF_UNSPEC && hints->ai_family != AF_COYO)
		return EAI_FAMILY;
	if (hints->ai_socktype != 0 && hints->ai_socktype != SOCK_STREAM &&
	    hints->ai_socktype != SOCK_DGRAM)
		return EAI_SOCKTYPE;
	if (hints->ai_protocol != 0 &&
	    hints->ai_protocol != (for_datagrams(hints) ? IPPROTO_UDP : IPPROTO_TCP))
		return EAI_SERVICE;
	return hints->ai_flags & ~(AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_NUMERICSERV |
	                           AI_ADDRCONFIG)
	               ? EAI_BADFLAGS
	               : 0;
}

/* The id that node means; NULL: any (AI_PASSIVE), or this node. EAI_... */
static int read_node(const char *node, int flags, uint8_t id[COYO_ID_BYTES])
{
	int r;

	memset(id, 0, COYO_ID_BYTES);
	if (!node)
		return flags & AI_PASSIVE ? 0 : coyo_local_id(id) < 0 ? EAI_AGAIN : 0;
	r = flags & AI_NUMERICHOST ? coyo_parse_id(node, id, NULL)
	                           : coyo_resolve(NULL, node, id, NULL);
	if (r == 0)
		return 0;
	return r == -EINVAL || r == -ENOENT ? EAI_NONAME : r == -ENOMEM ? EAI_MEMORY : EAI_AGAIN;
}

COYO_EXPORT int coyo_getaddrinfo(const char *node, const char *service,
                                 const struct addrinfo *hints, struct addrinfo **out)
{
	int flags = hints ? hints->ai_flags : 0, r = read_hints(hints);
	bool datagrams = for_datagrams(hints), named = node && (flags & AI_CANONNAME);
	uint8_t id[COYO_ID_BYTES];
	struct info *info;
	uint16_t port;

	if (r == 0 && !node && !service)
		r = EAI_NONAME;
	if (r == 0)
		r = read_service(service, flags, datagrams, &port);
	if (r == 0)
		r = read_node(node, flags, id);
	if (r != 0)
		return r;
	info = calloc(1, sizeof(*info) + (named ? strlen(node) + 1 : 0));
	if (!info)
		return EAI_MEMORY;
	info->addr.scoyo_family = AF_COYO;
	info->addr.scoyo_port = htons(port);
	memcpy(info->addr.scoyo_id, id, COYO_ID_BYTES);
	info->ai = (struct addrinfo){.ai_flags = flags,
	                             .ai_family = AF_COYO,
	                             .ai_socktype = datagrams ? SOCK_DGRAM : SOCK_STREAM,
	                             .ai_protocol = datagrams ? IPPROTO_UDP : IPPROTO_TCP,
	                             .ai_addrlen = sizeof(info->addr),
	                             .ai_addr = (struct sockaddr *)&info->addr};
	if (named) {
		strcpy(info->name, node);
		info->ai.ai_canonname = info->name;
	}
	*out = &info->ai;
	return 0;
}

COYO_EXPORT void coyo_freeaddrinfo(struct addrinfo *list)
{
	free(list);
}
