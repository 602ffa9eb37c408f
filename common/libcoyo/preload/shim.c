/* SPDX-License-Identifier: BSD-3-Clause */
/* Start of the library in a process: what the environment says, and the memory of the run. */
#include "libcoyo/preload/shim.h"
#include "base/be.h"
#include "libcoyo/preload/forward.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static struct table *_Atomic table;
static int table_fd = -1;
static uint8_t prefix = NAMES_IPV6_PREFIX;
static bool listens_all;
static uint8_t listens[65536 / 8];

/* The memory that `coyo run` made, as the environment names it; NULL: there is none, or the descriptor has become another. */
static struct table *inherited(void)
{
	const char *text = getenv(TABLE_ENV);
	unsigned long long inode;
	char *end = NULL;
	struct stat st;
	void *p;
	long fd;

	if (!text)
		return NULL;
	fd = strtol(text, &end, 10);
	if (fd < 0 || fd >= (long)FDS_MAX || *end != ':')
		return NULL;
	inode = strtoull(end + 1, &end, 10);
	if (*end || fstat((int)fd, &st) < 0 || st.st_ino != inode ||
	    st.st_size < (off_t)sizeof(struct table))
		return NULL;
	p = mmap(NULL, sizeof(struct table), PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
	if (p == MAP_FAILED)
		return NULL;
	atomic_store(&fds_kinds[fd], FD_TABLE);
	table_fd = (int)fd;
	return p;
}

static struct table *made(void)
{
	void *p = mmap(NULL, sizeof(struct table), PROT_READ | PROT_WRITE,
	               MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

struct table *shim_table(void)
{
	struct table *t = atomic_load_explicit(&table, memory_order_acquire), *none = NULL;
	uint32_t version = 0;

	if (likely_(t != NULL))
		return t;
	t = inherited();
	/* A memory of another version of this library is left alone. */
	if (t && !atomic_compare_exchange_strong(&t->version, &version, TABLE_VERSION) &&
	    version != TABLE_VERSION)
		t = NULL;
	if (!t)
		t = made();
	if (t && !atomic_compare_exchange_strong(&table, &none, t))
		return none;
	return t;
}

int shim_table_fd(void)
{
	return table_fd;
}

uint8_t shim_prefix(void)
{
	return prefix;
}

static void read_ports(const char *text)
{
	listens_all = strcmp(text, "all") == 0;
	while (*text && !listens_all) {
		char *end;
		unsigned long port = strtoul(text, &end, 10);

		if (end == text)
			return;
		if (port > 0 && port < 65536)
			listens[port / 8] |= (uint8_t)(1u << port % 8);
		text = *end == ',' ? end + 1 : end;
	}
}

static void __attribute__((constructor)) start(void)
{
	const char *ports = getenv(SHIM_LISTEN_ENV), *byte = getenv(SHIM_PREFIX_ENV);
	int saved = errno;

	forward_resolve();
	if (ports)
		read_ports(ports);
	if (byte && *byte)
		prefix = (uint8_t)strtoul(byte, NULL, 16);
	(void)shim_table();
	errno = saved;
}

bool shim_listens(uint16_t port, bool loopback)
{
	if (port == 0)
		return false;
	return listens_all ? !loopback : listens[port / 8] & 1u << port % 8;
}

static void address4(const struct node_id *id, uint16_t port, struct sockaddr *out, socklen_t *len)
{
	uint32_t start = be32_load(id->b) >> 4;
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};

	/* The last of the block is the broadcast address. */
	if (!id_is_zero(id))
		sin.sin_addr.s_addr = htonl(0xf0000000u | (start == 0x0fffffffu ? 1 : start));
	memcpy(out, &sin, min_u64(*len, sizeof(sin)));
	*len = sizeof(sin);
}

void shim_address(int family, const struct node_id *id, uint16_t port, struct sockaddr *out,
                  socklen_t *len)
{
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	if (family == AF_INET) {
		address4(id, port, out, len);
		return;
	}
	/* Who is not known has the address that means nobody. */
	if (!id_is_zero(id))
		ip6_of_id(id, prefix, sin6.sin6_addr.s6_addr);
	memcpy(out, &sin6, min_u64(*len, sizeof(sin6)));
	*len = sizeof(sin6);
}

bool shim_is_ours(const struct sockaddr *sa, socklen_t len, struct node_id *id)
{
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)sa;

	return sa && len >= sizeof(*sin6) && sa->sa_family == AF_INET6 &&
	       sin6->sin6_addr.s6_addr[0] == prefix && shim_table() &&
	       table_id_of(shim_table(), &sin6->sin6_addr, id);
}
