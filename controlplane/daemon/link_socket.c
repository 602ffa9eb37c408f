/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's UDP socket of one link or listener. */
#include "daemon/link_socket.h"
#include "daemon/daemon.h"
#include "daemon/links.h"
#include "addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKET_BUFFER (4 << 20)

static socklen_t sockaddr_of(uint8_t family, uint16_t port, const uint8_t *addr,
                             struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (family == 6) {
		struct sockaddr_in6 *s = (struct sockaddr_in6 *)out;

		s->sin6_family = AF_INET6;
		s->sin6_port = htons(port);
		memcpy(&s->sin6_addr, addr, 16);
		return sizeof(*s);
	}
	struct sockaddr_in *s = (struct sockaddr_in *)out;

	s->sin_family = AF_INET;
	s->sin_port = htons(port);
	memcpy(&s->sin_addr, addr, 4);
	return sizeof(*s);
}

/* Never fragmented: the link's MTU is what is configured. Larger buffers are wished for, not needed. any: datagrams tell the own address that they
 * came to; those that come before this do not tell by which interface.
 * syscalls: setsockopt */
static void socket_tune(int fd, bool v6, bool v4, bool any)
{
	int size = SOCKET_BUFFER, on = 1, pmtu;

	if (any && v6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	else if (any)
		(void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	if (v6) {
		pmtu = IPV6_PMTUDISC_PROBE;
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &pmtu, sizeof(pmtu));
	}
	if (v4) {
		pmtu = IP_PMTUDISC_PROBE;
		(void)setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &pmtu, sizeof(pmtu));
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static const char *bind_remedy(int err)
{
	switch (err) {
	case EADDRINUSE:
		return "another process (or link) has this port; choose another or stop it";
	case EADDRNOTAVAIL:
		return "this machine has no such address; `ip address` lists those it has";
	case EACCES:
		return "ports below 1024 need CAP_NET_BIND_SERVICE; choose a higher one";
	default:
		return "see bind(2)";
	}
}

/* The socket of a link that is being removed and stood at this address: a new link at the same address goes on with it, since the workers
 * still hold it and the kernel gives the address to nobody else meanwhile. The old link goes at once then, since what arrives is for the new one.
 * A descriptor of its own, or -1: there is none.
 * syscalls: getsockname fcntl */
static int socket_inherit(struct daemon *d, const struct daemon_link *as,
                          const struct sockaddr_storage *at, socklen_t len)
{
	for (uint32_t i = 0; i < d->nlinks; i++) {
		const struct daemon_link *k = &d->links[i];
		struct sockaddr_storage has;
		socklen_t n = sizeof(has);

		memset(&has, 0, sizeof(has));
		if (k->leaving && k->fd >= 0 && k->v4 == as->v4 && k->v6 == as->v6 &&
		    getsockname(k->fd, (struct sockaddr *)&has, &n) == 0 && n == len &&
		    memcmp(&has, at, len) == 0) {
			struct node_event now = {.type = NODE_LINK_DEL};

			now.u.link.link = (uint16_t)i;
			node_input(d->node, &now, d->now);
			return fcntl(k->fd, F_DUPFD_CLOEXEC, 0);
		}
	}
	return -1;
}

void link_socket_families(const struct conf_link *l, bool *v4, bool *v6)
{
	*v4 = l->local.family == 4;
	*v6 = l->local.family == 6;
	for (unsigned i = 0; i < l->remote.n; i++) {
		*v4 |= l->remote.v[i].family == 4;
		*v6 |= l->remote.v[i].family == 6;
	}
}

/* A socket of these families; where IPv6 is not to be had, one of IPv4 serves what it can. -errno with a sentence in err.
 * syscalls: socket setsockopt */
static int make(const struct conf_link *l, struct daemon_link *k, char *err, size_t errcap)
{
	static const uint8_t any[sizeof(l->local.addr)];
	int kind = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, only = !k->v4, rc;
	int fd = socket(k->v6 ? AF_INET6 : AF_INET, kind, 0);

	if (fd < 0 && errno == EAFNOSUPPORT && k->v4 && k->v6 && !l->local.family) {
		k->v6 = false;
		fd = socket(AF_INET, kind, 0);
	}
	if (fd < 0) {
		unsigned family = k->v6 ? 6 : 4;

		rc = -errno;
		snprintf(err, errcap,
		         "link %s: cannot open an IPv%u socket: %s; is IPv%u enabled here, and is "
		         "the limit of open files (ulimit -n) high enough?",
		         l->head.name, family, strerror(-rc), family);
		return rc;
	}
	if (k->v6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
	socket_tune(fd, k->v6, k->v4, memcmp(l->local.addr, any, sizeof(any)) == 0);
	return fd;
}

/* syscalls: bind getsockname close */
int link_socket_open(struct daemon *d, const struct conf_link *l, struct daemon_link *k, char *err,
                     size_t errcap)
{
	struct sockaddr_storage at;
	socklen_t len;
	int rc, fd;

	link_socket_families(l, &k->v4, &k->v6);
	len = sockaddr_of(k->v6 ? 6 : 4, l->local.port, l->local.addr, &at);
	fd = l->local.port ? socket_inherit(d, k, &at, len) : -1;
	if (fd >= 0) {
		k->io.local_port = l->local.port;
		return fd;
	}
	fd = make(l, k, err, errcap);
	if (fd < 0)
		return fd;
	len = sockaddr_of(k->v6 ? 6 : 4, l->local.port, l->local.addr, &at);
	if (bind(fd, (struct sockaddr *)&at, len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) < 0) {
		char addr[80];

		rc = -errno;
		conf_addr_format(&l->local, addr, sizeof(addr));
		snprintf(err, errcap, "link %s: cannot use local = %s: %s; %s", l->head.name, addr,
		         strerror(-rc), bind_remedy(-rc));
		close(fd);
		return rc;
	}
	k->io.local_port = ntohs(k->v6 ? ((struct sockaddr_in6 *)&at)->sin6_port
	                               : ((struct sockaddr_in *)&at)->sin_port);
	return fd;
}
