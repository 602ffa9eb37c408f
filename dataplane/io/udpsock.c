/* SPDX-License-Identifier: BSD-3-Clause */
/* Kernel UDP sockets: attached to links, transmitting by sendmmsg with runs of equal datagrams coalesced where the kernel can. */
#include "core/event.h"
#include "core/state.h"
#include "io/priv.h"
#include "io/udpsock.h"
#include "wire/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define SOCKET_BUFFER (8 << 20) /* asked for; the kernel's limit may be lower */
#define RUN_BYTES     63000     /* of one coalesced run: below 65535 with every header */
#define RUN_SEGMENTS  64        /* UDP_MAX_SEGMENTS of older kernels */
/* After a run was refused (by a route without checksum offload, for one packet that was too long) packets go singly for so long. */
#define PAUSE_MIN NS_PER_S
#define PAUSE_MAX (300 * NS_PER_S)

/* syscalls: setsockopt */
static void set_buffer(int fd, int forced, int plain)
{
	int v = SOCKET_BUFFER;

	if (setsockopt(fd, SOL_SOCKET, forced, &v, sizeof(v)))
		(void)setsockopt(fd, SOL_SOCKET, plain, &v, sizeof(v));
}

/* The socket's own address: its family, and whether it is any.
 * syscalls: getsockname */
static void own_address(struct io_sock *s)
{
	static const uint8_t zero[16];
	struct sockaddr_storage own = {0};
	const struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&own;
	const struct sockaddr_in *v4 = (struct sockaddr_in *)&own;
	socklen_t len = sizeof(own);

	if (getsockname(s->fd, (struct sockaddr *)&own, &len))
		return;
	s->v6 = own.ss_family == AF_INET6;
	s->any = s->v6 ? memcmp(&v6->sin6_addr, zero, 16) == 0 : v4->sin_addr.s_addr == 0;
}

/* syscalls: setsockopt */
static void set_options(struct io_sock *s)
{
	int on = 1, zero = 0, probe = IP_PMTUDISC_PROBE;

	own_address(s);
	if (s->any && s->v6)
		(void)setsockopt(s->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	else if (s->any)
		(void)setsockopt(s->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	set_buffer(s->fd, SO_RCVBUFFORCE, SO_RCVBUF);
	set_buffer(s->fd, SO_SNDBUFFORCE, SO_SNDBUF);
	(void)setsockopt(s->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	/* DF is set on every datagram: one that is larger than the interface's MTU is refused by sendmmsg(), never fragmented. */
	(void)setsockopt(s->fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(probe));
	(void)setsockopt(s->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe, sizeof(probe));
	s->gro = setsockopt(s->fd, SOL_UDP, UDP_GRO, &on, sizeof(on)) == 0;
	s->gso = setsockopt(s->fd, SOL_UDP, UDP_SEGMENT, &zero, sizeof(zero)) == 0;
}

static struct io_sock *sock_find(struct io *io, int fd)
{
	for (struct io_sock *s = io->socks; s; s = s->next)
		if (s->fd == fd)
			return s;
	return NULL;
}

/* syscalls: getsockopt epoll_ctl */
int sock_attach(struct io *io, struct link *l)
{
	struct io_sock *s = sock_find(io, l->cfg.fd);
	struct epoll_event ev = {.events = EPOLLIN};
	int type = 0;
	socklen_t len = sizeof(type);

	if (l->cfg.fd < 0 || getsockopt(l->cfg.fd, SOL_SOCKET, SO_TYPE, &type, &len) ||
	    type != SOCK_DGRAM)
		return -EINVAL;
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return -ENOMEM;
		s->fd = l->cfg.fd;
		s->link = l->number;
		ev.data.ptr = s;
		if (epoll_ctl(io->epoll, EPOLL_CTL_ADD, s->fd, &ev)) {
			free(s);
			return -EINVAL;
		}
		set_options(s);
		s->next = io->socks;
		io->socks = s;
	}
	s->refs++;
	io->of_link[l->number] = s;
	return 0;
}

/* syscalls: epoll_ctl */
void sock_detach(struct io *io, struct link *l)
{
	struct io_sock *s = io->of_link[l->number], **p = &io->socks;

	io->of_link[l->number] = NULL;
	COYO_ASSERT(!s || s->refs > 0);
	if (!s || --s->refs) {
		/* Frames whose header names no link are another link's of this socket from now on. */
		for (unsigned i = 0; s && s->link == l->number && i < CPDP_LINKS_MAX; i++)
			if (io->of_link[i] == s)
				s->link = (uint16_t)i;
		return;
	}
	(void)epoll_ctl(io->epoll, EPOLL_CTL_DEL, s->fd, NULL);
	while (*p != s)
		p = &(*p)->next;
	*p = s->next;
	free(s);
}

/* ---- transmit --------------------------------------------------------------------------------------------------- */

struct tx_batch {
	struct mmsghdr msg[LINK_BURST];
	struct iovec iov[LINK_BURST];
	char control[LINK_BURST][CMSG_SPACE(sizeof(uint16_t)) +
	                         CMSG_SPACE(sizeof(struct in6_pktinfo))] COYO_ALIGNED(8);
	unsigned first[LINK_BURST + 1]; /* index of each message's first packet */
	unsigned n;                     /* messages */
	/* Packets that are members of runs, or would be on a link whose runs are off. */
	uint64_t member;
};

static socklen_t address(struct sockaddr_storage *to, uint8_t family, const uint8_t *addr,
                         uint16_t port, bool v6_socket)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;

	memset(to, 0, sizeof(*to));
	if (family == 4 && !v6_socket) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, addr, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	if (family == 4) {
		v6->sin6_addr.s6_addr[10] = 0xff;
		v6->sin6_addr.s6_addr[11] = 0xff;
		memcpy(v6->sin6_addr.s6_addr + 12, addr, 4);
	} else {
		memcpy(&v6->sin6_addr, addr, 16);
	}
	return sizeof(*v6);
}

/* How many packets from m[at] on one message can carry: all of one length, except that the last may be shorter. */
static unsigned run_length(struct rte_mbuf **m, unsigned at, unsigned n, bool gso)
{
	unsigned len = m[at]->data_len, bytes = len, k = 1;

	while (gso && at + k < n && k < RUN_SEGMENTS && m[at + k]->data_len <= len &&
	       m[at + k]->data_len > 0 && bytes + m[at + k]->data_len <= RUN_BYTES) {
		bytes += m[at + k]->data_len;
		if (m[at + k++]->data_len < len)
			break;
	}
	return k;
}

/* The bits of k packets from `at` on. */
static uint64_t bits_of(unsigned at, unsigned k)
{
	COYO_ASSERT(k > 0 && at + k <= LINK_BURST);
	return (~UINT64_C(0) >> (64 - k)) << at;
}

/* The packets that would be members of runs, if there were any. */
static uint64_t would_be(struct rte_mbuf **m, unsigned n)
{
	uint64_t member = 0;

	for (unsigned at = 0, k; at < n; at += k) {
		k = run_length(m, at, n, true);
		if (k > 1)
			member |= bits_of(at, k);
	}
	return member;
}

/* Adds one control message behind those that h has. */
static void control(struct msghdr *h, char *buf, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)(buf + h->msg_controllen);

	memset(c, 0, CMSG_SPACE(len));
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	h->msg_control = buf;
	h->msg_controllen += CMSG_SPACE(len);
}

/* Says which of this machine's addresses a message leaves from, and for an address of one interface alone out of which. */
static void leave_from(struct msghdr *h, char *buf, bool v6, const uint8_t *local,
                       uint32_t local_if)
{
	struct in6_pktinfo i6 = {.ipi6_ifindex = 0};
	struct in_pktinfo i4 = {.ipi_ifindex = 0};

	if (!v6) {
		memcpy(&i4.ipi_spec_dst, local, 4);
		control(h, buf, IPPROTO_IP, IP_PKTINFO, &i4, sizeof(i4));
		return;
	}
	memcpy(&i6.ipi6_addr, local, 16);
	if (IN6_IS_ADDR_LINKLOCAL(&i6.ipi6_addr))
		i6.ipi6_ifindex = local_if;
	control(h, buf, IPPROTO_IPV6, IPV6_PKTINFO, &i6, sizeof(i6));
}

/* An own address that packets are to leave from. */
struct origin {
	const uint8_t *local; /* NULL: the kernel chooses */
	uint32_t local_if;
};

static struct origin origin_of(const struct io_sock *s, const uint8_t *local, uint32_t local_if)
{
	static const uint8_t zero[16];

	if (!s->any || memcmp(local, zero, sizeof(zero)) == 0)
		return (struct origin){NULL, 0};
	return (struct origin){local, local_if};
}

/* runs: how many there may be. */
static void compose(struct tx_batch *b, struct rte_mbuf **m, unsigned n, unsigned runs,
                    struct sockaddr_storage *to, socklen_t tolen, const struct origin *from)
{
	unsigned at = 0;

	b->n = 0;
	b->member = 0;
	while (at < n) {
		struct msghdr *h = &b->msg[b->n].msg_hdr;
		unsigned k = run_length(m, at, n, runs > 0);

		*h = (struct msghdr){.msg_name = to,
		                     .msg_namelen = tolen,
		                     .msg_iov = &b->iov[at],
		                     .msg_iovlen = k};
		for (unsigned i = at; i < at + k; i++)
			b->iov[i] = (struct iovec){rte_pktmbuf_mtod(m[i], void *), m[i]->data_len};
		if (k > 1) {
			uint16_t segment = m[at]->data_len;

			runs--;
			b->member |= bits_of(at, k);
			control(h, b->control[b->n], SOL_UDP, UDP_SEGMENT, &segment,
			        sizeof(segment));
		}
		if (from->local)
			leave_from(h, b->control[b->n], to->ss_family == AF_INET6, from->local,
			           from->local_if);
		b->first[b->n++] = at;
		at += k;
	}
	b->first[b->n] = n;
}

/* The kernel knows that the way does not carry a packet as long as this: control is to know it too. */
static void too_big(struct worker *w, struct link *l, unsigned len)
{
	unsigned frame = l->cfg.sealed ? LINK_HEADER_BYTES + AEAD_TAG_BYTES : 0;
	struct dp_event *ev;

	if (len <= frame || !bucket_take(&l->too_big, w->now))
		return;
	ev = event_begin(w);
	if (!ev)
		return;
	ev->type = EVT_LINK_TOO_BIG;
	ev->u.too_big.link = l->number;
	ev->u.too_big.size = (uint16_t)(len - frame);
	event_end(w);
}

/* Sends the messages of b, and drops the packets of those that the kernel refuses. *done: packets sent or dropped. False: the kernel
 * refuses coalesced runs to this address, and the rest is to be sent without.
 * syscalls: sendmmsg */
static bool transmit(struct worker *w, struct io_sock *s, struct link *l, struct tx_batch *b,
                     unsigned *done)
{
	unsigned at = 0;

	while (at < b->n) {
		int rc = sendmmsg(s->fd, b->msg + at, b->n - at, MSG_DONTWAIT | MSG_NOSIGNAL);
		unsigned packets = b->first[at + 1] - b->first[at];

		if (rc > 0) {
			unsigned from = b->first[at];

			at += (unsigned)rc;
			*done = b->first[at];
			if (unlikely_(l->runs.step != RUN_NONE && l->cfg.sealed))
				runs_note(w, l, b->iov + from, *done - from, b->member >> from);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
			drop_count(w, DROP_TX_FULL, b->first[b->n] - b->first[at]);
			*done = b->first[b->n];
			return true;
		}
		if (packets > 1 && (errno == EIO || errno == EINVAL || errno == EMSGSIZE)) {
			*done = b->first[at];
			return false;
		}
		if (errno == EMSGSIZE)
			too_big(w, l, (unsigned)b->iov[b->first[at]].iov_len);
		/* Unreachable, refused or too long: the packets of this message are dropped, the others still go. */
		drop_count(w, DROP_TX_ERROR, packets);
		*done = b->first[++at];
	}
	return true;
}

/* Whether runs are to be tried on this socket now. */
static bool may_coalesce(const struct io_sock *s, struct instant now)
{
	return s->gso && instant_reached(s->gso_at, now);
}

/* How many runs a burst of this link may have now. */
static unsigned runs_allowed(const struct io_sock *s, const struct link *l, struct instant now)
{
	if (!may_coalesce(s, now) || l->runs.mode == LINK_RUNS_NONE)
		return 0;
	return l->runs.mode == LINK_RUNS_ALL ? LINK_BURST : l->runs.step == RUN_WAITED;
}

/* A run was refused. The pause doubles where runs have not worked for as long as the last one took. */
static void pause_runs(struct io_sock *s, struct instant now)
{
	int64_t worked = instant_sub(now, s->gso_at);

	if (!s->gso_pause || worked >= s->gso_pause)
		s->gso_pause = PAUSE_MIN;
	else
		s->gso_pause = 2 * s->gso_pause < PAUSE_MAX ? 2 * s->gso_pause : PAUSE_MAX;
	s->gso_at = instant_add(now, s->gso_pause);
}

static void send_to(struct worker *w, struct io_sock *s, struct link *l, struct rte_mbuf **m,
                    unsigned n, struct sockaddr_storage *to, socklen_t tolen, struct origin from)
{
	struct tx_batch b;
	unsigned done = 0;

	compose(&b, m, n, runs_allowed(s, l, w->now), to, tolen, &from);
	if (l->runs.mode == LINK_RUNS_NONE && l->runs.step != RUN_NONE)
		b.member = would_be(m, n);
	if (!transmit(w, s, l, &b, &done)) {
		unsigned again = 0;

		pause_runs(s, w->now);
		compose(&b, m + done, n - done, 0, to, tolen, &from);
		(void)transmit(w, s, l, &b, &again);
	}
}

void sock_tx(struct io *io, struct link *l, struct rte_mbuf **m, unsigned n, enum packet_kind kind)
{
	struct io_sock *s = io->of_link[l->number];
	struct worker *w = io->w;
	struct sockaddr_storage to;
	socklen_t tolen;

	if (unlikely_(!s)) {
		drop_count(w, DROP_NO_LINK, n);
	} else if (kind == PACKET_TX_RAW && packet_of(m[0])->family) {
		for (unsigned i = 0; i < n; i++) {
			const struct packet *p = packet_of(m[i]);

			tolen = address(&to, p->family, p->addr, p->port, s->v6);
			send_to(w, s, l, m + i, 1, &to, tolen, origin_of(s, p->local, p->local_if));
		}
	} else if (!l->cfg.family) {
		drop_count(w, DROP_NO_REMOTE, n);
	} else {
		tolen = address(&to, l->cfg.family, l->cfg.remote_addr, l->cfg.remote_port, s->v6);
		send_to(w, s, l, m, n, &to, tolen,
		        origin_of(s, l->cfg.local_addr, l->cfg.local_if));
	}
	rte_pktmbuf_free_bulk(m, n);
}
