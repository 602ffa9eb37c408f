/* SPDX-License-Identifier: BSD-3-Clause */
/* What all processes of one `coyo run` know together, in memory that they share: which id an IPv6 address was made from, and what the
 * network says of a descriptor that a process has got from another (exec, SCM_RIGHTS, dup behind our back).
 *
 * Both are caches of a fixed size without a lock: a writer that is killed leaves one place unused, and no reader ever waits. Addresses prove
 * themselves: whoever wrote an entry, it counts only where the address begins as its id does. */
#pragma once
#include "names/ipv6.h"
#include "wire/id.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#define TABLE_ENV     "COYO_RUN_TABLE" /* FD:INODE of the memory, which `coyo run` has made */
#define TABLE_VERSION 2
#define TABLE_SETS    512u
#define TABLE_WAYS    8u
#define TABLE_MOST    (TABLE_SETS * TABLE_WAYS) /* addresses, and descriptors, that are remembered */

/* What is known of a descriptor that belongs to the network. */
struct table_end {
	uint64_t inode;
	uint8_t kind;   /* enum fd_kind: a stream or a listener */
	uint8_t family; /* AF_INET or AF_INET6: what the program asked for */
	uint16_t local_port, peer_port;
	struct node_id local, peer; /* zero: not known */
	/* A listener: the address that bind() was given, which a program that gets the descriptor from another compares with its own. */
	uint8_t bound_len; /* 0: none */
	uint8_t bound[sizeof(struct sockaddr_in6)];
};

struct table_way {
	_Atomic uint32_t seq;  /* odd: being written */
	_Atomic uint32_t used; /* the larger, the later */
	union {
		struct node_id id;
		struct table_end end;
	};
};

/* The memory. All zeros is an empty table. */
struct table {
	_Atomic uint32_t version; /* 0 or TABLE_VERSION */
	_Atomic uint32_t clock;
	struct table_way addresses[TABLE_SETS][TABLE_WAYS];
	struct table_way ends[TABLE_SETS][TABLE_WAYS];
};

/* Remembers which id the address made from it means. The oldest of the same set gives way. Async-signal-safe. */
void table_learn(struct table *t, const struct node_id *id);
/* The id that an address was made from. False: none that is remembered. Async-signal-safe. */
bool table_id_of(struct table *t, const struct in6_addr *address, struct node_id *id);
/* Remembers a descriptor's end by its inode, in place of what was known of that. Async-signal-safe. */
void table_end_learn(struct table *t, const struct table_end *end);
/* What is remembered of an inode. */
bool table_end_find(struct table *t, uint64_t inode, struct table_end *end);
