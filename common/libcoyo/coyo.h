/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams to 512-bit ids for any program: ask the local daemon, get an ordinary connected descriptor.
 *
 * The descriptors are stream sockets of the AF_UNIX family: read, write, poll, epoll, shutdown, fork and sendfile work untouched, and a
 * stream ends as one of the kernel's TCP does: a close sends what was written, then FIN, or a reset where received bytes lie unread. The
 * family shows three things differently: SO_LINGER has no effect; after a reset write() says EPIPE at once and leaves ECONNRESET to read();
 * a reset that comes after the peer's end of stream is POLLHUP without POLLERR. After shutdown(SHUT_RD) what comes is thrown away.
 * Thread-safe: no state but the descriptors. Functions return a descriptor or 0 on success, a negative errno on failure. */
#pragma once
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COYO_VERSION  "0.1.0"
#define AF_COYO       0x4359 /* no kernel has it: such an address never reaches the kernel */
#define COYO_ID_BYTES 64
#define COYO_WHY_MAX  320 /* a sentence for a person, with its NUL */

struct sockaddr_coyo {
	sa_family_t scoyo_family; /* AF_COYO */
	in_port_t scoyo_port;     /* network byte order */
	uint32_t scoyo_pad;       /* 0 */
	uint8_t scoyo_id[COYO_ID_BYTES];
};

/* Where the daemon listens: socket if not NULL, else $COYO_SOCKET (not looked at by a program that runs with more rights than its user has),
 * else the built-in path. Never NULL. */
const char *coyo_socket_path(const char *socket);

/* Opens a stream. local (may be NULL) gets this node's id and the port used. On failure one sentence with cause and remedy in why
 * (may be NULL). -ECONNREFUSED, -EHOSTUNREACH, -ENETUNREACH, -ETIMEDOUT ... from the network; -ENOENT, -EACCES and others from
 * reaching the daemon. Blocks until established or failed. */
int coyo_client_connect(const char *socket, const struct sockaddr_coyo *to,
                        struct sockaddr_coyo *local, char why[COYO_WHY_MAX]);

/* Listens on port (host byte order); backlog 0: the default. The descriptor becomes readable when a stream waits; closing it ends the
 * listener. -EADDRINUSE. */
int coyo_client_listen(const char *socket, uint16_t port, unsigned backlog, char why[COYO_WHY_MAX]);

/* Takes the next stream of a listener; peer may be NULL. Blocks. -ECONNABORTED: the daemon ended. */
int coyo_client_accept(int listener, struct sockaddr_coyo *peer, char why[COYO_WHY_MAX]);

/* Parses an id in any text form. -EINVAL and one sentence in why. */
int coyo_parse_id(const char *text, uint8_t id[COYO_ID_BYTES], char why[COYO_WHY_MAX]);

/* The id that a name means: any text form of an id, with or without `.coyo`, for which nobody is asked; else a name, in upper or
 * lower case, with or without `.coyo`: the user's own (`coyo names`), else one that the local daemon knows. socket as for coyo_socket_path().
 * -EINVAL: neither a name nor an id; -ENOENT: nobody is called so; -ENOTCONN: no daemon answers; -ETIMEDOUT: none within 5 s; -EPERM: the file
 * of own names is not private; others from reading it or reaching the daemon. One sentence in why (may be NULL). */
int coyo_resolve(const char *socket, const char *name, uint8_t id[COYO_ID_BYTES],
                 char why[COYO_WHY_MAX]);

#ifdef __cplusplus
}
#endif
