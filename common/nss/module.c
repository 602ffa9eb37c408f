/* SPDX-License-Identifier: BSD-3-Clause */
/* libnss_coyo: names and ids of this network as IPv6 addresses, for programs that ask libc. */
#include "nss/module.h"
#include "base/cc.h"
#include "names/ipv6.h"
#include "resolve/resolve.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#define SUFFIX     ".coyo"
#define SUFFIX_LEN 5
/* The name that is answered: a name with its suffix, or an id's host-name form. */
#define CANON_MAX (NAMES_NAME_MAX + SUFFIX_LEN + 1)

_Static_assert(ID_HOST_LEN < CANON_MAX, "an id's name fits");

/* What a hostent points to. It is made at the start of the caller's buffer, behind what alignment takes. */
struct host_room {
	char *aliases[1];
	char *addresses[2];
	uint8_t address[16];
	char canon[CANON_MAX];
};

/* The same of a tuple. */
struct tuple_room {
	struct gaih_addrtuple tuple;
	char canon[CANON_MAX];
};

/* Room in the caller's buffer, or NULL: it is too small, and that is told. */
static void *room(char *buffer, size_t buflen, size_t size, size_t align, int *errnop,
                  int *h_errnop)
{
	size_t skip = (align - (uintptr_t)buffer % align) % align;

	if (buflen >= size && buflen - size >= skip)
		return buffer + skip;
	*errnop = ERANGE;
	*h_errnop = NETDB_INTERNAL;
	return NULL;
}

static enum nss_status not_ours(int *errnop, int *h_errnop)
{
	*errnop = ENOENT;
	*h_errnop = HOST_NOT_FOUND;
	return NSS_STATUS_UNAVAIL;
}

/* A question of ours that has no answer. err: a negative errno. */
static enum nss_status no_answer(int err, int *errnop, int *h_errnop)
{
	bool full = err == -ENOMEM || err == -EMFILE || err == -ENFILE || err == -ENOBUFS;

	*errnop = full ? -err : ENOENT;
	*h_errnop = full ? TRY_AGAIN : HOST_NOT_FOUND;
	return full ? NSS_STATUS_TRYAGAIN : NSS_STATUS_NOTFOUND;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Whether a name is this network's business: it ends in .coyo, or is as long as an id. A name of DNS may be as long, but then it has more than
 * one dot, because no top-level domain is that long. */
static bool ours(const char *name)
{
	size_t len = strlen(name), dots = 0;

	if (len > 0 && name[len - 1] == '.')
		len--;
	for (size_t i = 0; i < len; i++)
		dots += name[i] == '.';
	if (len - dots == ID_TEXT_LEN && dots <= 1)
		return true;
	if (len < SUFFIX_LEN)
		return false;
	for (size_t i = 0; i < SUFFIX_LEN; i++)
		if (lower(name[len - SUFFIX_LEN + i]) != SUFFIX[i])
			return false;
	return true;
}

/* Address and canonical name of a name of ours. */
static enum nss_status look_up(const char *name, uint8_t address[16], char canon[CANON_MAX],
                               int *errnop, int *h_errnop)
{
	char why[RESOLVE_WHY_MAX], bare[NAMES_NAME_MAX + 1];
	struct node_id id;
	int kind = names_read(name, strlen(name), bare, &id, why);
	int r = kind < 0 ? kind : resolve_name(NULL, name, NSS_WAIT_MS, &id, why);

	if (r < 0)
		return no_answer(r, errnop, h_errnop);
	ip6_of_id(&id, NAMES_IPV6_PREFIX, address);
	if (kind == NAMES_IS_ID) {
		id_to_host(&id, canon);
	} else {
		memcpy(canon, bare, strlen(bare) + 1);
		strcat(canon, SUFFIX);
	}
	return NSS_STATUS_SUCCESS;
}

COYO_EXPORT enum nss_status _nss_coyo_gethostbyname4_r(const char *name,
                                                       struct gaih_addrtuple **pat, char *buffer,
                                                       size_t buflen, int *errnop, int *h_errnop,
                                                       int32_t *ttlp)
{
	struct gaih_addrtuple *tuple;
	struct tuple_room *r;
	enum nss_status status;
	uint8_t address[16];

	if (!ours(name))
		return not_ours(errnop, h_errnop);
	/* Before anybody is asked: libc comes again with a larger one. */
	r = room(buffer, buflen, sizeof(*r), _Alignof(struct tuple_room), errnop, h_errnop);
	if (!r)
		return NSS_STATUS_TRYAGAIN;
	status = look_up(name, address, r->canon, errnop, h_errnop);
	if (status != NSS_STATUS_SUCCESS)
		return status;
	tuple = *pat ? *pat : &r->tuple;
	*tuple = (struct gaih_addrtuple){.name = r->canon, .family = AF_INET6};
	memcpy(tuple->addr, address, sizeof(address));
	*pat = tuple;
	if (ttlp)
		*ttlp = 0;
	return status;
}

/* A hostent that points into its room. */
static void fill_host(struct hostent *result, struct host_room *r)
{
	r->aliases[0] = NULL;
	r->addresses[0] = (char *)r->address;
	r->addresses[1] = NULL;
	*result = (struct hostent){.h_name = r->canon,
	                           .h_aliases = r->aliases,
	                           .h_addrtype = AF_INET6,
	                           .h_length = sizeof(r->address),
	                           .h_addr_list = r->addresses};
}

COYO_EXPORT enum nss_status _nss_coyo_gethostbyname3_r(const char *name, int family,
                                                       struct hostent *result, char *buffer,
                                                       size_t buflen, int *errnop, int *h_errnop,
                                                       int32_t *ttlp, char **canonp)
{
	struct host_room *r;
	enum nss_status status;

	if (!ours(name))
		return not_ours(errnop, h_errnop);
	if (family != AF_INET6) {
		*errnop = ENOENT;
		*h_errnop = NO_DATA; /* it may be there, but not in this family */
		return NSS_STATUS_NOTFOUND;
	}
	r = room(buffer, buflen, sizeof(*r), _Alignof(struct host_room), errnop, h_errnop);
	if (!r)
		return NSS_STATUS_TRYAGAIN;
	status = look_up(name, r->address, r->canon, errnop, h_errnop);
	if (status != NSS_STATUS_SUCCESS)
		return status;
	fill_host(result, r);
	if (ttlp)
		*ttlp = 0;
	if (canonp)
		*canonp = r->canon;
	return status;
}

COYO_EXPORT enum nss_status _nss_coyo_gethostbyname2_r(const char *name, int family,
                                                       struct hostent *result, char *buffer,
                                                       size_t buflen, int *errnop, int *h_errnop)
{
	return _nss_coyo_gethostbyname3_r(name, family, result, buffer, buflen, errnop, h_errnop,
	                                  NULL, NULL);
}

COYO_EXPORT enum nss_status _nss_coyo_gethostbyname_r(const char *name, struct hostent *result,
                                                      char *buffer, size_t buflen, int *errnop,
                                                      int *h_errnop)
{
	return _nss_coyo_gethostbyname3_r(name, AF_INET, result, buffer, buflen, errnop, h_errnop,
	                                  NULL, NULL);
}

COYO_EXPORT enum nss_status _nss_coyo_gethostbyaddr2_r(const void *address, socklen_t len,
                                                       int family, struct hostent *result,
                                                       char *buffer, size_t buflen, int *errnop,
                                                       int *h_errnop, int32_t *ttlp)
{
	const uint8_t *bytes = address;
	char why[RESOLVE_WHY_MAX], name[NAMES_NAME_MAX + 1];
	struct host_room *r;
	struct node_id id;
	int rc;

	if (family != AF_INET6 || len != sizeof(r->address) || bytes[0] != NAMES_IPV6_PREFIX)
		return not_ours(errnop, h_errnop);
	r = room(buffer, buflen, sizeof(*r), _Alignof(struct host_room), errnop, h_errnop);
	if (!r)
		return NSS_STATUS_TRYAGAIN;
	rc = resolve_start(NULL, bytes + 1, NSS_WAIT_MS, &id, name, why);
	/* An address with this prefix may be another network's: whoever comes behind is asked. */
	if (rc < 0)
		return not_ours(errnop, h_errnop);
	memcpy(r->address, address, sizeof(r->address));
	memcpy(r->canon, name, strlen(name) + 1);
	strcat(r->canon, SUFFIX);
	fill_host(result, r);
	if (ttlp)
		*ttlp = 0;
	return NSS_STATUS_SUCCESS;
}

COYO_EXPORT enum nss_status _nss_coyo_gethostbyaddr_r(const void *address, socklen_t len,
                                                      int family, struct hostent *result,
                                                      char *buffer, size_t buflen, int *errnop,
                                                      int *h_errnop)
{
	return _nss_coyo_gethostbyaddr2_r(address, len, family, result, buffer, buflen, errnop,
	                                  h_errnop, NULL);
}
