/* SPDX-License-Identifier: BSD-3-Clause */
/* getsockopt() and setsockopt() on descriptors of the network: what the family AF_UNIX has is the kernel's own business, what it lacks is
 * remembered and told as TCP would, within the ranges that TCP has. */
#include "libcoyo/preload/forward.h"
#include "libcoyo/preload/shim.h"
#include "libcoyo/preload/stream.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#define MSS 1220 /* what a path of 1 280 bytes carries, nearly */

/* Options of integers: what they are before they are set, and the range. least > most: they can only be read. */
static const struct option_row {
	int level, name, first, least, most;
} rows[] = {
        {IPPROTO_TCP, TCP_NODELAY, 0, INT32_MIN, INT32_MAX},
        {IPPROTO_TCP, TCP_CORK, 0, INT32_MIN, INT32_MAX},
        {IPPROTO_TCP, TCP_QUICKACK, 1, INT32_MIN, INT32_MAX},
        {IPPROTO_TCP, TCP_MAXSEG, MSS, 88, 32767},
        {IPPROTO_TCP, TCP_KEEPIDLE, 7200, 1, 32767},
        {IPPROTO_TCP, TCP_KEEPINTVL, 75, 1, 32767},
        {IPPROTO_TCP, TCP_KEEPCNT, 9, 1, 127},
        {IPPROTO_TCP, TCP_SYNCNT, 6, 1, 127},
        {IPPROTO_TCP, TCP_LINGER2, 60, INT32_MIN, INT32_MAX},
        {IPPROTO_TCP, TCP_DEFER_ACCEPT, 0, INT32_MIN, INT32_MAX},
        {IPPROTO_TCP, TCP_WINDOW_CLAMP, 0, INT32_MIN, INT32_MAX},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, 0, 0, INT32_MAX},
        {IPPROTO_TCP, TCP_FASTOPEN, 0, 0, INT32_MAX},
        {IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 0, 0, 1},
        {IPPROTO_TCP, TCP_NOTSENT_LOWAT, -1, INT32_MIN, INT32_MAX},
        {SOL_SOCKET, SO_REUSEPORT, 0, INT32_MIN, INT32_MAX},
        {SOL_SOCKET, SO_PROTOCOL, IPPROTO_TCP, 1, 0},
        {IPPROTO_IPV6, IPV6_V6ONLY, 0, 0, 1},
        {IPPROTO_IPV6, IPV6_TCLASS, 0, -1, 255},
        {IPPROTO_IPV6, IPV6_UNICAST_HOPS, 64, -1, 255},
        {IPPROTO_IPV6, IPV6_RECVPKTINFO, 0, 0, 1},
        {IPPROTO_IPV6, IPV6_MTU_DISCOVER, 1, 0, 5},
        {IPPROTO_IP, IP_TOS, 0, 0, 255},
        {IPPROTO_IP, IP_TTL, 64, 1, 255},
        {IPPROTO_IP, IP_MTU_DISCOVER, 1, 0, 5},
        {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 0, 0, 1},
        {IPPROTO_IPV6, IPV6_RECVERR, 0, 0, 1},
        {IPPROTO_IP, IP_RECVERR, 0, 0, 1},
};

/* The congestion control of the network's TCP, under the name that the kernel gives it. */
static const char congestion[] = "cubic";

static int fail(int err)
{
	errno = err;
	return -1;
}

static const struct option_row *row_of(int level, int name)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].level == level && rows[i].name == name)
			return &rows[i];
	return NULL;
}

/* Writes n bytes of a value as the kernel does: cut off where the program's buffer is shorter. */
static int give(void *value, socklen_t *len, const void *from, size_t n)
{
	if ((int)*len < 0)
		return fail(EINVAL);
	if (n > *len)
		n = *len;
	memcpy(value, from, n);
	*len = (socklen_t)n;
	return 0;
}

static int give_info(enum fd_kind kind, void *value, socklen_t *len)
{
	struct tcp_info info = {.tcpi_state = TCP_ESTABLISHED,
	                        .tcpi_snd_mss = MSS,
	                        .tcpi_rcv_mss = MSS,
	                        .tcpi_advmss = MSS,
	                        .tcpi_pmtu = 1280,
	                        .tcpi_snd_cwnd = 10};

	if (kind >= FD_LISTENER)
		info = (struct tcp_info){.tcpi_state = TCP_LISTEN};
	else if (kind == FD_CONNECTING)
		info = (struct tcp_info){.tcpi_state = TCP_SYN_SENT};
	else if (kind == FD_FAILED)
		info = (struct tcp_info){.tcpi_state = TCP_CLOSE};
	return give(value, len, &info, sizeof(info));
}

static int get_socket(int fd, struct fd_slot *s, enum fd_kind kind, int name, void *value,
                      socklen_t *len)
{
	int number = 0;

	switch (name) {
	case SO_ERROR:
		if (kind == FD_CONNECTING)
			(void)stream_connected(fd, s, &kind);
		if (kind == FD_STREAM)
			break;
		number = kind == FD_FAILED ? s->err : 0;
		s->err = 0;
		return give(value, len, &number, sizeof(number));
	case SO_DOMAIN:
		number = s->end.family;
		return give(value, len, &number, sizeof(number));
	case SO_TYPE:
		number = SOCK_STREAM;
		return give(value, len, &number, sizeof(number));
	case SO_ACCEPTCONN:
		number = kind >= FD_LISTENER;
		return give(value, len, &number, sizeof(number));
	case SO_PEERCRED:
	case SO_PEERSEC:
		/* They would tell of the daemon. */
		return fail(ENOPROTOOPT);
	default:
		break;
	}
	return NEXT(getsockopt)(fd, SOL_SOCKET, name, value, len);
}

static int get_ours(int fd, struct fd_slot *s, int level, int name, void *value, socklen_t *len)
{
	enum fd_kind kind = fds_kind(fd);
	const struct option_row *row = row_of(level, name);
	int number;

	if (row) {
		number = row->first;
		(void)fds_option(s, level, name, &number);
		return give(value, len, &number, sizeof(number));
	}
	if (level == SOL_SOCKET)
		return get_socket(fd, s, kind, name, value, len);
	if (level == IPPROTO_TCP && name == TCP_INFO)
		return give_info(kind, value, len);
	if (level == IPPROTO_TCP && name == TCP_CONGESTION)
		return give(value, len, congestion, sizeof(congestion));
	return fail(level == IPPROTO_TCP || level == IPPROTO_IPV6 || level == IPPROTO_IP
	                    ? ENOPROTOOPT
	                    : EOPNOTSUPP);
}

static int set_ours(int fd, struct fd_slot *s, int level, int name, const void *value,
                    socklen_t len)
{
	const struct option_row *row = row_of(level, name);
	int number;

	if (row && row->least > row->most)
		return fail(ENOPROTOOPT);
	if (row) {
		if (len < sizeof(number))
			return fail(EINVAL);
		memcpy(&number, value, sizeof(number));
		if (number < row->least || number > row->most)
			return fail(EINVAL);
		if (row->most == INT32_MAX && row->least == INT32_MIN && row->first >= 0 &&
		    row->first <= 1)
			number = number != 0;
		fds_set_option(s, level, name, number);
		return 0;
	}
	if (level == SOL_SOCKET)
		return NEXT(setsockopt)(fd, level, name, value, len);
	if (level == IPPROTO_TCP && name == TCP_CONGESTION)
		return len >= sizeof(congestion) - 1 &&
		                       memcmp(value, congestion, sizeof(congestion) - 1) == 0
		               ? 0
		               : fail(ENOENT);
	return fail(ENOPROTOOPT);
}

/* The slot of a descriptor on which only the shim can answer: a hint that is right, or a call that the kernel refused for the family. */
static struct fd_slot *of_hint(int fd)
{
	return fds_kind(fd) > FD_BOUND ? fds_ours(fd) : NULL;
}

static struct fd_slot *of_refused(int fd)
{
	return fds_kind(fd) == FD_OTHER && (errno == EOPNOTSUPP || errno == ENOPROTOOPT)
	               ? fds_recover(fd)
	               : NULL;
}

SHIM(getsockopt) int shim_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	struct fd_slot *s = of_hint(fd);
	int r;

	if (s)
		return get_ours(fd, s, level, name, value, len);
	r = NEXT(getsockopt)(fd, level, name, value, len);
	if (unlikely_(r < 0))
		s = of_refused(fd);
	else if (unlikely_(level == SOL_SOCKET && name == SO_DOMAIN && *(int *)value == AF_UNIX))
		s = fds_recover(fd);
	return s ? get_ours(fd, s, level, name, value, len) : r;
}

SHIM(setsockopt) int shim_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	struct fd_slot *s = of_hint(fd);
	int r;

	if (s)
		return set_ours(fd, s, level, name, value, len);
	r = NEXT(setsockopt)(fd, level, name, value, len);
	if (unlikely_(r < 0))
		s = of_refused(fd);
	return s ? set_ours(fd, s, level, name, value, len) : r;
}
