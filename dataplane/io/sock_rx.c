/* SPDX-License-Identifier: BSD-3-Clause */
/* Kernel UDP sockets, receiving: by recvmmsg, runs of equal datagrams that the kernel coalesced taken apart into buffers. */
#include "core/mbuf.h"
#include "core/state.h"
#include "io/priv.h"
#include "io/udpsock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define SOCK_MSGS   16    /* messages (datagrams or coalesced runs) per recvmmsg */
#define SOCK_BUFFER 65536 /* one coalesced run */
#define EPOLL_BATCH 64

/* What one turn receives: the sockets that have something, and the messages of the one being read. A burst that is full ends in the
 * middle, and the next one goes on from there. */
struct sock_rx {
	bool polled; /* ready[] is this turn's */
	int nready, next;
	struct epoll_event ready[EPOLL_BATCH];
	struct io_sock *sock; /* whose messages these are */
	unsigned nmsg, at;    /* messages; the one being taken apart */
	unsigned offset;      /* bytes of it that are in buffers */
	unsigned segment;     /* its datagrams' size */
	struct packet meta;   /* its datagrams' source and link */
	struct mmsghdr msg[SOCK_MSGS];
	struct iovec iov[SOCK_MSGS];
	struct sockaddr_in6 from[SOCK_MSGS];
	char control[SOCK_MSGS][CMSG_SPACE(sizeof(int)) * 2 +
	                        CMSG_SPACE(sizeof(struct in6_pktinfo))] COYO_ALIGNED(8);
	uint8_t bytes[SOCK_MSGS][SOCK_BUFFER];
};

struct sock_rx *sock_rx_new(void)
{
	struct sock_rx *r = malloc(sizeof(*r));

	if (!r)
		return NULL;
	r->polled = false;
	r->nready = r->next = 0;
	r->nmsg = r->at = 0;
	return r;
}

void sock_rx_free(struct sock_rx *r)
{
	free(r);
}

static void source_of(struct packet *p, const struct sockaddr_in6 *from)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;

	if (from->sin6_family == AF_INET) {
		p->family = 4;
		p->port = ntohs(v4->sin_port);
		memcpy(p->addr, &v4->sin_addr, 4);
	} else if (IN6_IS_ADDR_V4MAPPED(&from->sin6_addr)) {
		p->family = 4;
		p->port = ntohs(from->sin6_port);
		memcpy(p->addr, from->sin6_addr.s6_addr + 12, 4);
	} else {
		p->family = 6;
		p->port = ntohs(from->sin6_port);
		memcpy(p->addr, &from->sin6_addr, 16);
	}
}

/* The own address that a message was sent to, where the socket is bound to any. */
static void local_of(struct packet *p, struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		struct in6_pktinfo i6;
		struct in_pktinfo i4;

		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&i4, CMSG_DATA(c), sizeof(i4));
			memcpy(p->local, &i4.ipi_addr, 4);
			p->local_if = (uint32_t)i4.ipi_ifindex;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&i6, CMSG_DATA(c), sizeof(i6));
			memcpy(p->local, &i6.ipi6_addr, 16);
			p->local_if = i6.ipi6_ifindex;
		}
	}
}

/* The size of each datagram in a message of len bytes: less than len where the kernel has coalesced several. Counts, too, what the
 * kernel dropped because the socket's buffer was full. */
static unsigned segment_of(struct worker *w, struct io_sock *s, struct msghdr *h, unsigned len)
{
	unsigned segment = len;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		uint32_t v;

		memcpy(&v, CMSG_DATA(c), sizeof(v));
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO && v > 0 && v < len) {
			segment = v;
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
			drop_count(w, DROP_SOCKET_FULL, v - s->overruns);
			s->overruns = v;
		}
	}
	return segment;
}

/* Copies one datagram into a buffer. NULL: it is dropped and counted. */
static struct rte_mbuf *take(struct worker *w, const struct packet *meta, const uint8_t *p,
                             unsigned len)
{
	struct rte_mbuf *m;

	if (unlikely_(len > WORKER_ROOM)) {
		drop_count(w, DROP_TOO_BIG, 1);
		return NULL;
	}
	m = worker_mbuf(w);
	if (unlikely_(!m))
		return NULL;
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), p, len);
	*packet_of(m) = *meta;
	count_add(&w->count.rx_packets, 1);
	count_add(&w->count.rx_bytes, len);
	return m;
}

/* syscalls: recvmmsg */
static void receive(struct worker *w, struct sock_rx *r, struct io_sock *s)
{
	int n = -1;

	for (unsigned i = 0; i < SOCK_MSGS; i++) {
		r->iov[i] = (struct iovec){r->bytes[i], SOCK_BUFFER};
		r->msg[i].msg_hdr = (struct msghdr){.msg_name = &r->from[i],
		                                    .msg_namelen = sizeof(r->from[i]),
		                                    .msg_iov = &r->iov[i],
		                                    .msg_iovlen = 1,
		                                    .msg_control = r->control[i],
		                                    .msg_controllen = sizeof(r->control[i])};
	}
	/* An ICMP error about an earlier datagram is reported once, in place of data: try again. */
	for (unsigned tries = 0; tries < 4 && n < 0; tries++) {
		n = recvmmsg(s->fd, r->msg, SOCK_MSGS, MSG_DONTWAIT, NULL);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0 && errno != EINTR)
			drop_count(w, DROP_TX_ERROR, 1);
	}
	r->sock = s;
	r->nmsg = n < 0 ? 0 : (unsigned)n;
	r->at = r->offset = 0;
}

/* Puts datagrams of the message at hand into the burst, as many as it has room for. Returns how many were taken or dropped. */
static unsigned take_apart(struct worker *w, struct sock_rx *r, struct burst *b)
{
	const uint8_t *p = r->bytes[r->at];
	unsigned len = r->msg[r->at].msg_len, packets = 0;
	struct link *plain;

	if (r->offset == 0) {
		r->segment = segment_of(w, r->sock, &r->msg[r->at].msg_hdr, len);
		r->meta = (struct packet){.link = r->sock->link, .label = LABEL_NONE};
		source_of(&r->meta, &r->from[r->at]);
		if (r->sock->any)
			local_of(&r->meta, &r->msg[r->at].msg_hdr);
	}
	/* Links on sockets that were configured without sealing carry labelled packets as they are. */
	plain = link_at(w, r->meta.link);
	if (plain && plain->cfg.sealed)
		plain = NULL;
	for (; r->offset < len && burst_room(b); packets++) {
		unsigned left = len - r->offset, n = left < r->segment ? left : r->segment;
		struct rte_mbuf *m = take(w, &r->meta, p + r->offset, n);

		r->offset += n;
		if (unlikely_(!m))
			continue;
		if (likely_(!plain)) {
			b->sealed[b->nsealed++] = m;
			continue;
		}
		count_add(&plain->count->rx_packets, 1);
		count_add(&plain->count->rx_bytes, n);
		learn_source(w, plain, &r->meta);
		b->labelled[b->nlabelled++] = m;
	}
	COYO_ASSERT(r->offset <= len);
	if (r->offset == len) {
		r->at++;
		r->offset = 0;
	}
	return packets;
}

/* syscalls: epoll_wait */
unsigned socks_rx(struct io *io, struct burst *b)
{
	struct sock_rx *r = io->sock_rx;
	unsigned work = 0;

	if (!io->socks)
		return 0;
	if (!r->polled) {
		r->polled = true;
		r->next = 0;
		r->nready = epoll_wait(io->epoll, r->ready, EPOLL_BATCH, 0);
	}
	while (burst_room(b)) {
		struct io_sock *s;

		if (r->at < r->nmsg) {
			work += take_apart(io->w, r, b);
			continue;
		}
		if (r->next >= r->nready)
			break;
		s = r->ready[r->next++].data.ptr;
		if (!s)
			continue; /* an eventfd of io_watch(): it has woken the worker, nothing is to be received */
		receive(io->w, r, s);
		work += r->nmsg > 0;
	}
	return work;
}

void socks_rx_end(struct sock_rx *r)
{
	r->polled = false;
}
