/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of the shim share: what `coyo run` has told this process, and the memory of the run. */
#pragma once
#include "libcoyo/preload/fds.h"
#include "libcoyo/preload/table.h"

#define SHIM_LISTEN_ENV "COYO_LISTEN" /* PORT,PORT... or `all` */
#define SHIM_PREFIX_ENV \
	"COYO_PREFIX" /* two hexadecimal digits: the first byte of every address that stands for an id */

/* The memory of the run; of this process and its children alone where no `coyo run` has made one. NULL: none could be had. */
struct table *shim_table(void);
/* Its descriptor; -1: the memory has none. */
int shim_table_fd(void);
/* The first byte of addresses that stand for ids. */
uint8_t shim_prefix(void);
/* Whether bind() to this port of an address is the network's. loopback: the address is this machine's own; where all ports are the
 * network's, these are not. */
bool shim_listens(uint16_t port, bool loopback);
/* Writes the address that stands for an id and a port into a program's buffer of *len bytes, as the kernel does: what does not fit is cut
 * off, and *len says how long it is. family AF_INET: for a program that listens by IPv4 and would take no other for its peer's, an address of
 * the reserved block 240.0.0.0/4 with 28 bits of the id, which nobody trusts and nobody can connect to. */
void shim_address(int family, const struct node_id *id, uint16_t port, struct sockaddr *out,
                  socklen_t *len);
/* Whether a socket address is one that stands for an id. */
bool shim_is_ours(const struct sockaddr *sa, socklen_t len, struct node_id *id);
/* connect(), as the program calls it: connect.c. */
COYO_EXPORT int shim_connect(int fd, const struct sockaddr *sa, socklen_t len);
