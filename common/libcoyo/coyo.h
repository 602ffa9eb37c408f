/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams and datagrams to 512-bit ids for any program, streams in two ways.
 *
 * Sockets (coyo_socket() and all below it) are BSD's calls over rings of bytes in memory that the program shares with the daemon's workers: no
 * system call for what is sent and received while both sides are busy. Their handles are numbers of this library, from 1 << 20 up, never the
 * kernel's: they go to the calls here, coyo_poll() takes them together with ordinary descriptors. Calls return -1 and set errno as Linux does
 * for a TCP or UDP socket; SIGPIPE is never raised. Any thread may use any of them. A child of fork() has its parent's sockets, another program after
 * exec has none. man 7 coyo, man 3 coyo_socket.
 *
 * coyo_client_*() ask the daemon for an ordinary connected descriptor. These are stream sockets of the AF_UNIX family: read, write, poll, epoll, shutdown, fork and sendfile work untouched, and a
 * stream ends as one of the kernel's TCP does: a close sends what was written, then FIN, or a reset where received bytes lie unread. The
 * family shows three things differently: SO_LINGER has no effect; after a reset write() says EPIPE at once and leaves ECONNRESET to read();
 * a reset that comes after the peer's end of stream is POLLHUP without POLLERR. After shutdown(SHUT_RD) what comes is thrown away.
 * Thread-safe: no state but the descriptors. These functions return a descriptor or 0 on success, a negative errno on failure. */
#pragma once
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COYO_VERSION  "0.1.0"
#define AF_COYO       0x4359 /* no kernel has it: such an address never reaches the kernel */
#define COYO_ID_BYTES 64

/* Options of sockets for streams that no other network has, at level SOL_COYO. */
#define SOL_COYO         AF_COYO
#define COYO_PATH        1 /* int: COYO_PATH_ANY, or COYO_PATH_DIRECT, before connect */
#define COYO_PATH_ANY    0
#define COYO_PATH_DIRECT 1 /* over the link to a neighbour, or not at all */
#define COYO_HOPS \
	2 /* int, to read: links that the path crosses; 0: none now, or the peer is this node */

#define COYO_WHY_MAX  320 /* a sentence for a person, with its NUL */
#define COYO_TEXT_MAX 109 /* an id in text form, with its NUL */

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

/* The same in two calls, neither of which blocks. The first returns a control descriptor, which is the caller's to close: it becomes readable
 * when the second has a result, and closing it before gives the attempt up. -EAGAIN: the daemon has not taken earlier callers yet; try again
 * in some milliseconds. Other errors as above, where they are known at once. */
int coyo_client_connect_start(const char *socket, const struct sockaddr_coyo *to,
                              char why[COYO_WHY_MAX]);

/* The stream of an attempt, which blocks until O_NONBLOCK is set on it. -EAGAIN: not yet, poll the control descriptor; other errors as above.
 * After either the control descriptor has done its duty. */
int coyo_client_connect_finish(int control, struct sockaddr_coyo *local, char why[COYO_WHY_MAX]);

/* Listens on port (host byte order); backlog 0: the default. The descriptor becomes readable when a stream waits; closing it ends the
 * listener. -EADDRINUSE. */
int coyo_client_listen(const char *socket, uint16_t port, unsigned backlog, char why[COYO_WHY_MAX]);

/* Takes the next stream of a listener; peer may be NULL. Blocks. -ECONNABORTED: the daemon ended. */
int coyo_client_accept(int listener, struct sockaddr_coyo *peer, char why[COYO_WHY_MAX]);

/* Whether a daemon answers there. 0, or a negative errno with one sentence in why. */
int coyo_client_check(const char *socket, char why[COYO_WHY_MAX]);

/* Parses an id in any text form. -EINVAL and one sentence in why. */
int coyo_parse_id(const char *text, uint8_t id[COYO_ID_BYTES], char why[COYO_WHY_MAX]);

/* Writes the text form of an id: 108 characters with a checksum, which every program here takes. */
void coyo_format_id(const uint8_t id[COYO_ID_BYTES], char text[COYO_TEXT_MAX]);

/* The id that a name means: any text form of an id, with or without `.coyo`, for which nobody is asked; else a name, in upper or
 * lower case, with or without `.coyo`: the user's own (`coyo names`), else NAME.CONTACT that a contact of the user's vouches for, else one
 * that the local daemon knows. socket as for coyo_socket_path(). -EINVAL: neither a name nor an id; -ENOENT: nobody is called so; -ESTALE: the contact's list has expired; -ENOTCONN: no daemon answers; -ETIMEDOUT: none within 5 s; -EPERM: the file
 * of own names is not private; others from reading it or reaching the daemon. One sentence in why (may be NULL). */
int coyo_resolve(const char *socket, const char *name, uint8_t id[COYO_ID_BYTES],
                 char why[COYO_WHY_MAX]);

/* ---- sockets ---- */

/* A new socket. domain AF_COYO, type SOCK_STREAM or SOCK_DGRAM, with SOCK_NONBLOCK or not, protocol 0, IPPROTO_TCP or IPPROTO_UDP. The first one attaches to the daemon
 * ($COYO_SOCKET or the built-in path). ENOENT, ENOTCONN, EACCES: no daemon, or none that may be reached; ETIMEDOUT: it does not answer within 5 s;
 * EMFILE: no more sockets. */
int coyo_socket(int domain, int type, int protocol);

/* The port to listen on; 0: any that is free. The id is this node's or all zeros. A bound socket of a stream does not connect: EADDRNOTAVAIL.
 * For datagrams the daemon is asked at once, with the errors of coyo_listen(); a socket that sends or receives without has any free port. */
int coyo_bind(int handle, const struct sockaddr *addr, socklen_t len);

/* Listens. EADDRINUSE, EACCES (a port below 1024) are told here, where the daemon is asked, and ETIMEDOUT, where it does not answer within 5 s.
 * Without a bind: any free port. EOPNOTSUPP: its path is COYO_PATH_DIRECT, which only a socket that connects can have. */
int coyo_listen(int handle, int backlog);

/* The next connection of a listener, as a socket of its own; addr (may be NULL) gets its peer. ENETDOWN: the daemon has ended. */
int coyo_accept(int listener, struct sockaddr *addr, socklen_t *len);
/* The same; flags: SOCK_NONBLOCK, SOCK_CLOEXEC (always so). */
int coyo_accept4(int listener, struct sockaddr *addr, socklen_t *len, int flags);

/* Connects to a struct sockaddr_coyo. EINPROGRESS where the socket does not block: it is writable when it is done, and SO_ERROR says how.
 * ECONNREFUSED, EHOSTUNREACH (also: its path is COYO_PATH_DIRECT and the id no neighbour), ENETUNREACH, ETIMEDOUT ...; ENOBUFS: no more streams, or memory; ENFILE: of this user; EAGAIN: too
 * many in this second. The socket may try again.
 * For datagrams: the peer that coyo_send() sends to, and the only one that is heard, until another one is named, or none by AF_UNSPEC. What becomes
 * of those sent to it is the error of a later call, once: ECONNREFUSED: nobody has that port; EHOSTUNREACH ... */
int coyo_connect(int handle, const struct sockaddr *addr, socklen_t len);

/* Sends: all n bytes where the socket blocks. flags: MSG_DONTWAIT, MSG_NOSIGNAL (always so), MSG_MORE (of streams; has no effect); others,
 * MSG_OOB too, EOPNOTSUPP. The bytes are the library's when this returns.
 * Of datagrams n bytes, 0 too, are one of them. EMSGSIZE: longer than the path to that id carries, as it is known from those sent there before; the
 * first that is too long, while it is not known, is lost and counted by the daemon. EDESTADDRREQ: to nobody. */
ssize_t coyo_send(int handle, const void *bytes, size_t n, int flags);
/* Receives up to n bytes; 0: the peer's end of stream. flags: MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL (not with MSG_PEEK), else EOPNOTSUPP.
 * Of datagrams one, of which is lost what n bytes have no room for. flags: MSG_DONTWAIT, MSG_PEEK, MSG_TRUNC (returns its own length). */
ssize_t coyo_recv(int handle, void *bytes, size_t n, int flags);
/* coyo_send() to an address, of datagrams; a stream does not look at it. */
ssize_t coyo_sendto(int handle, const void *bytes, size_t n, int flags, const struct sockaddr *addr,
                    socklen_t len);
/* coyo_recv() that tells the sender of a datagram in addr (may be NULL); of a stream *len becomes 0. */
ssize_t coyo_recvfrom(int handle, void *bytes, size_t n, int flags, struct sockaddr *addr,
                      socklen_t *len);
/* coyo_send() without flags. */
ssize_t coyo_write(int handle, const void *bytes, size_t n);
/* coyo_recv() without flags. */
ssize_t coyo_read(int handle, void *bytes, size_t n);
/* Sends what lies in several pieces, at most IOV_MAX. */
ssize_t coyo_writev(int handle, const struct iovec *iov, int pieces);
/* Receives into several pieces. */
ssize_t coyo_readv(int handle, const struct iovec *iov, int pieces);
/* Sends pieces, with flags. A stream does not look at the address; control data are EOPNOTSUPP. */
ssize_t coyo_sendmsg(int handle, const struct msghdr *m, int flags);
/* Receives into pieces, with flags. No control data come; the address is a datagram's sender, and MSG_TRUNC in msg_flags says that it was longer. */
ssize_t coyo_recvmsg(int handle, struct msghdr *m, int flags);

/* Received bytes in place: *bytes gets the first of up to as many as this returns, 0 at the end of the stream. Waits as coyo_recv() does; flags:
 * MSG_DONTWAIT. They stay where they are until coyo_release(); until then nothing else is received from this socket (EBUSY). */
ssize_t coyo_borrow(int handle, const void **bytes, int flags);
/* The first n borrowed bytes are done with; the rest come again. EINVAL: more than were borrowed. */
int coyo_release(int handle, size_t n);

/* Room to write in place: *room gets it, and this returns its bytes, at least 1. Waits as coyo_send() does; flags: MSG_DONTWAIT. Until
 * coyo_commit() nothing else is sent by this socket (EBUSY). */
ssize_t coyo_reserve(int handle, void **room, int flags);
/* The first n bytes of the room are sent; 0: none are. They must not be written to any more. EINVAL: more than were reserved. */
int coyo_commit(int handle, size_t n);

/* SHUT_WR: FIN follows what was sent. SHUT_RD: what has come may still be read, then 0. */
int coyo_shutdown(int handle, int how);
/* Closes. What was sent goes out, then FIN; or a reset where bytes lie unread. With others that hold the socket after fork(): the last one does
 * that. SO_LINGER is as with sockets. */
int coyo_close(int handle);

/* What is set has an effect; what this does not know is ENOPROTOOPT; lengths and values are checked as Linux checks them. SOL_SOCKET: SO_RCVTIMEO,
 * SO_SNDTIMEO, SO_LINGER, SO_KEEPALIVE, SO_SNDBUF, SO_RCVBUF (at least 2048, at most what the daemon allows), SO_RCVLOWAT, SO_REUSEADDR (always so),
 * SO_REUSEPORT (before listen()). SOL_COYO: COYO_PATH, EISCONN once it connects.
 * IPPROTO_TCP: TCP_NODELAY, TCP_CORK, TCP_QUICKACK, TCP_MAXSEG, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_USER_TIMEOUT, TCP_NOTSENT_LOWAT, TCP_CONGESTION ("reno",
 * "cubic"). For datagrams: SO_RCVTIMEO, SO_SNDTIMEO, SO_REUSEADDR, and SO_SNDBUF, SO_RCVBUF: bytes that may wait with their headers, up
 * to what the ring holds. */
int coyo_setsockopt(int handle, int level, int name, const void *value, socklen_t len);
/* The same, as the connection has them now, or as one would begin with them; and SO_ERROR, SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ACCEPTCONN,
 * SO_SNDLOWAT, SO_PEERCRED (nobody), COYO_HOPS, and TCP_INFO: the kernel's struct tcp_info (<linux/tcp.h>), of which coyo_socket(3) says what is filled in. */
int coyo_getsockopt(int handle, int level, int name, void *value, socklen_t *len);
/* This end's address: the id is all zeros as long as the socket is neither connected nor listening. */
int coyo_getsockname(int handle, struct sockaddr *addr, socklen_t *len);
/* The other end's. */
int coyo_getpeername(int handle, struct sockaddr *addr, socklen_t *len);

/* F_GETFL, F_SETFL (O_NONBLOCK), F_GETFD. */
int coyo_fcntl(int handle, int cmd, ...);
/* Calls on the socket return EAGAIN instead of waiting, or no longer do. */
int coyo_set_nonblock(int handle, int on);

/* poll() over handles and ordinary descriptors together. Signals end it with EINTR. */
int coyo_poll(struct pollfd *fds, nfds_t n, int timeout_ms);

/* An epoll set of handles and ordinary descriptors, as epoll(7) has them, for the three calls below and coyo_close(). Its number is the library's, and
 * no descriptor. A wait costs what is ready and not what is watched. flags: 0 or EPOLL_CLOEXEC (always so). EMFILE: 1024 are open. */
int coyo_epoll_create1(int flags);
/* EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL of a handle, or a descriptor, for EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE
 * (threads may be woken all the same); EPOLLERR and EPOLLHUP always. A closed handle leaves its sets; other errors as epoll_ctl(). EPERM: an
 * epoll set of this library cannot be in one. */
int coyo_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
/* Up to `most` that are ready, in turn where there are more; 0 after timeout_ms. EINTR, EINVAL; EBADF also where another thread closes the set. */
int coyo_epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms);
/* The same with these signals blocked while it sleeps; NULL: as they are. */
int coyo_epoll_pwait(int epoll, struct epoll_event *events, int most, int timeout_ms,
                     const sigset_t *mask);

/* A descriptor for a loop of the caller's own (select, epoll, an event library): wait until it is readable, and never read it. One for the whole
 * process; a child asks anew. It means something only after coyo_watch(). */
int coyo_fd(void);
/* Says at once which handles have what of their events (POLLIN, POLLOUT ...; ordinary descriptors are passed over), how many, as coyo_poll()
 * with time 0 does. Where it says 0, coyo_fd()'s descriptor will be readable when one of them has; then ask again. EINVAL: before coyo_fd(). */
int coyo_watch(struct pollfd *fds, nfds_t n);

/* In strict ISO C <netdb.h> keeps it to itself. */
struct addrinfo;

/* getaddrinfo() of this network: node is what coyo_resolve() takes, or NULL for this node (with AI_PASSIVE: any); service a port or a name of
 * /etc/services. One entry. 0 or EAI_..., which gai_strerror() has sentences for. coyo_freeaddrinfo() is due. */
int coyo_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                     struct addrinfo **out);
/* Frees what coyo_getaddrinfo() gave. */
void coyo_freeaddrinfo(struct addrinfo *list);

/* This node's id. -1 and errno as coyo_socket(). */
int coyo_local_id(uint8_t id[COYO_ID_BYTES]);

#ifdef __cplusplus
}
#endif
