/* SPDX-License-Identifier: BSD-3-Clause */
/* getsockopt() and setsockopt(): each call is made on a socket here and on a TCP socket of the kernel, and ends alike; and what TCP tells. */
#include "pair.h"

#include <limits.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/time.h>

#define NOT_HERE ENOPROTOOPT

/* ---- beside the kernel ---- */

static int kernel_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return fd;
}

/* name: of the row; here: the errno of this library where it is another on purpose, else 0. */
struct set_row {
	const char *name;
	int level, option;
	const void *value;
	socklen_t len;
	int here;
};

#define INT(n)                  &(const int){n}, sizeof(int)
#define SET(level, option, ...) {#option " " #__VA_ARGS__, level, option, __VA_ARGS__}

static const struct set_row set_rows[] = {
        SET(SOL_SOCKET, SO_KEEPALIVE, INT(1), 0),
        SET(SOL_SOCKET, SO_KEEPALIVE, INT(-5), 0),
        SET(SOL_SOCKET, SO_KEEPALIVE, &(const int){1}, 3, 0),
        SET(SOL_SOCKET, SO_KEEPALIVE, &(const int[2]){1, 1}, 8, 0),
        SET(SOL_SOCKET, SO_REUSEADDR, INT(1), 0),
        SET(SOL_SOCKET, SO_REUSEADDR, INT(1) - 1, 0),
        SET(SOL_SOCKET, SO_REUSEPORT, INT(1), 0),
        SET(SOL_SOCKET, SO_REUSEPORT, &(const char){1}, 1, 0),
        SET(SOL_SOCKET, SO_SNDBUF, INT(65536), 0),
        SET(SOL_SOCKET, SO_SNDBUF, INT(0), 0),
        SET(SOL_SOCKET, SO_SNDBUF, INT(-1), 0),
        SET(SOL_SOCKET, SO_RCVBUF, INT(INT_MAX), 0),
        SET(SOL_SOCKET, SO_RCVBUF, INT(INT_MIN), 0),
        SET(SOL_SOCKET, SO_RCVLOWAT, INT(4), 0),
        SET(SOL_SOCKET, SO_RCVLOWAT, INT(-1), 0),
        SET(SOL_SOCKET, SO_RCVLOWAT, INT(0), 0),
        SET(SOL_SOCKET, SO_SNDLOWAT, INT(1), 0),
        SET(SOL_SOCKET, SO_ERROR, INT(1), 0),
        SET(SOL_SOCKET, SO_TYPE, INT(1), 0),
        SET(SOL_SOCKET, SO_DOMAIN, INT(1), 0),
        SET(SOL_SOCKET, SO_PROTOCOL, INT(1), 0),
        SET(SOL_SOCKET, SO_ACCEPTCONN, INT(1), 0),
        SET(SOL_SOCKET, SO_PEERCRED, INT(1), 0),
        SET(SOL_SOCKET, 9999, INT(1), 0),
        SET(SOL_SOCKET, 9999, &(const int){1}, 1, 0),
        SET(SOL_SOCKET, SO_LINGER, (&(const struct linger){1, 5}), sizeof(struct linger), 0),
        SET(SOL_SOCKET, SO_LINGER, (&(const struct linger){0, -5}), sizeof(struct linger), 0),
        SET(SOL_SOCKET, SO_LINGER, INT(1), 0),
        SET(SOL_SOCKET, SO_RCVTIMEO, (&(const struct timeval){1, 999999}), sizeof(struct timeval),
            0),
        SET(SOL_SOCKET, SO_RCVTIMEO, (&(const struct timeval){1, 1000000}), sizeof(struct timeval),
            0),
        SET(SOL_SOCKET, SO_RCVTIMEO, (&(const struct timeval){0, -1}), sizeof(struct timeval), 0),
        SET(SOL_SOCKET, SO_SNDTIMEO, (&(const struct timeval){-1, 0}), sizeof(struct timeval), 0),
        SET(SOL_SOCKET, SO_SNDTIMEO, INT(1), 0),
        SET(IPPROTO_TCP, TCP_NODELAY, INT(1), 0),
        SET(IPPROTO_TCP, TCP_NODELAY, INT(-7), 0),
        SET(IPPROTO_TCP, TCP_NODELAY, &(const char){1}, 1, 0),
        SET(IPPROTO_TCP, TCP_CORK, INT(1), 0),
        SET(IPPROTO_TCP, TCP_CORK, INT(0), 0),
        SET(IPPROTO_TCP, TCP_QUICKACK, INT(1), 0),
        SET(IPPROTO_TCP, TCP_MAXSEG, INT(0), 0),
        SET(IPPROTO_TCP, TCP_MAXSEG, INT(87), 0),
        SET(IPPROTO_TCP, TCP_MAXSEG, INT(88), 0),
        SET(IPPROTO_TCP, TCP_MAXSEG, INT(32767), 0),
        SET(IPPROTO_TCP, TCP_MAXSEG, INT(32768), 0),
        SET(IPPROTO_TCP, TCP_MAXSEG, INT(-1), 0),
        SET(IPPROTO_TCP, TCP_KEEPIDLE, INT(0), 0),
        SET(IPPROTO_TCP, TCP_KEEPIDLE, INT(32767), 0),
        SET(IPPROTO_TCP, TCP_KEEPIDLE, INT(32768), 0),
        SET(IPPROTO_TCP, TCP_KEEPINTVL, INT(0), 0),
        SET(IPPROTO_TCP, TCP_KEEPINTVL, INT(1), 0),
        SET(IPPROTO_TCP, TCP_KEEPINTVL, INT(32768), 0),
        SET(IPPROTO_TCP, TCP_KEEPCNT, INT(0), 0),
        SET(IPPROTO_TCP, TCP_KEEPCNT, INT(127), 0),
        SET(IPPROTO_TCP, TCP_KEEPCNT, INT(128), 0),
        SET(IPPROTO_TCP, TCP_USER_TIMEOUT, INT(0), 0),
        SET(IPPROTO_TCP, TCP_USER_TIMEOUT, INT(INT_MAX), 0),
        SET(IPPROTO_TCP, TCP_USER_TIMEOUT, INT(-1), 0),
        SET(IPPROTO_TCP, TCP_CONGESTION, "reno", 4, 0),
        SET(IPPROTO_TCP, TCP_CONGESTION, "reno\0x", 6, 0),
        SET(IPPROTO_TCP, TCP_CONGESTION, "nothing of the sort", 19, 0),
        SET(IPPROTO_TCP, TCP_CONGESTION, "", 0, 0),
        SET(IPPROTO_TCP, TCP_INFO, INT(1), 0),
        SET(IPPROTO_TCP, 9999, INT(1), 0),
        SET(IPPROTO_TCP, 9999, INT(1) - 1, 0),
        SET(9999, 1, INT(1), 0),
        /* What the kernel has and this has not is refused, and not taken in silence. */
        SET(IPPROTO_TCP, TCP_DEFER_ACCEPT, INT(1), NOT_HERE),
        SET(IPPROTO_TCP, TCP_SYNCNT, INT(1), NOT_HERE),
        SET(IPPROTO_TCP, TCP_NOTSENT_LOWAT, INT(1), 0),
        SET(IPPROTO_TCP, TCP_NOTSENT_LOWAT, INT(-1), 0),
        SET(IPPROTO_TCP, TCP_NOTSENT_LOWAT, INT(0), 0),
        SET(IPPROTO_TCP, TCP_NOTSENT_LOWAT, INT(1) - 1, 0),
        SET(IPPROTO_TCP, TCP_WINDOW_CLAMP, INT(100000), NOT_HERE),
        SET(SOL_SOCKET, SO_OOBINLINE, INT(1), NOT_HERE),
        SET(SOL_SOCKET, SO_PRIORITY, INT(1), NOT_HERE),
        SET(IPPROTO_IP, IP_TOS, INT(1), NOT_HERE),
};

static void set_as_the_kernel_does(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(set_rows) / sizeof(set_rows[0]); i++) {
		const struct set_row *r = &set_rows[i];
		int fd = kernel_socket(), h = coyo_socket(AF_COYO, SOCK_STREAM, 0), kernel, here;

		kernel = setsockopt(fd, r->level, r->option, r->value, r->len) < 0 ? errno : 0;
		here = coyo_setsockopt(h, r->level, r->option, r->value, r->len) < 0 ? errno : 0;
		if (here != (r->here ? r->here : kernel)) {
			print_message("%s: %s here, %s there\n", r->name, strerrorname_np(here),
			              strerrorname_np(kernel));
			wrong++;
		}
		close(fd);
		coyo_close(h);
	}
	assert_int_equal(wrong, 0);
}

/* same: the value is the kernel's, too. */
static const struct get_row {
	const char *name;
	int level, option;
	socklen_t len;
	bool same;
	int here;
} get_rows[] = {
#define GET(level, option, ...) {#option " " #__VA_ARGS__, level, option, __VA_ARGS__}
        GET(SOL_SOCKET, SO_ERROR, 4, true, 0),
        GET(SOL_SOCKET, SO_TYPE, 4, true, 0),
        GET(SOL_SOCKET, SO_TYPE, 2, true, 0),
        GET(SOL_SOCKET, SO_TYPE, 0, true, 0),
        GET(SOL_SOCKET, SO_TYPE, 100, true, 0),
        GET(SOL_SOCKET, SO_TYPE, (socklen_t)-1, true, 0),
        GET(SOL_SOCKET, SO_DOMAIN, 4, false, 0),
        GET(SOL_SOCKET, SO_PROTOCOL, 4, true, 0),
        GET(SOL_SOCKET, SO_ACCEPTCONN, 4, true, 0),
        GET(SOL_SOCKET, SO_KEEPALIVE, 4, true, 0),
        GET(SOL_SOCKET, SO_REUSEADDR, 4, true, 0),
        GET(SOL_SOCKET, SO_REUSEPORT, 4, true, 0),
        GET(SOL_SOCKET, SO_RCVLOWAT, 4, true, 0),
        GET(SOL_SOCKET, SO_SNDLOWAT, 4, true, 0),
        GET(SOL_SOCKET, SO_SNDBUF, 4, false, 0),
        GET(SOL_SOCKET, SO_RCVBUF, 4, false, 0),
        GET(SOL_SOCKET, SO_LINGER, 8, true, 0),
        GET(SOL_SOCKET, SO_LINGER, 4, true, 0),
        GET(SOL_SOCKET, SO_RCVTIMEO, 16, true, 0),
        GET(SOL_SOCKET, SO_SNDTIMEO, 16, true, 0),
        GET(SOL_SOCKET, SO_PEERCRED, 12, true, 0),
        GET(SOL_SOCKET, 9999, 4, true, 0),
        GET(IPPROTO_TCP, TCP_NODELAY, 4, true, 0),
        GET(IPPROTO_TCP, TCP_NODELAY, 1, true, 0),
        GET(IPPROTO_TCP, TCP_CORK, 4, true, 0),
        GET(IPPROTO_TCP, TCP_QUICKACK, 4, false, 0),
        GET(IPPROTO_TCP, TCP_MAXSEG, 4, true, 0),
        GET(IPPROTO_TCP, TCP_KEEPIDLE, 4, false, 0),
        GET(IPPROTO_TCP, TCP_KEEPINTVL, 4, false, 0),
        GET(IPPROTO_TCP, TCP_KEEPCNT, 4, false, 0),
        GET(IPPROTO_TCP, TCP_USER_TIMEOUT, 4, true, 0),
        GET(IPPROTO_TCP, TCP_CONGESTION, 16, false, 0),
        GET(IPPROTO_TCP, TCP_CONGESTION, 100, false, 0),
        GET(IPPROTO_TCP, TCP_CONGESTION, 3, false, 0),
        GET(IPPROTO_TCP, TCP_INFO, 104, false, 0),
        GET(IPPROTO_TCP, TCP_INFO, 1, true, 0),
        GET(IPPROTO_TCP, TCP_INFO, 0, true, 0),
        GET(IPPROTO_TCP, 9999, 4, true, 0),
        GET(9999, 1, 4, false, NOT_HERE), /* kernels differ */
        GET(IPPROTO_TCP, TCP_DEFER_ACCEPT, 4, false, NOT_HERE),
        GET(IPPROTO_TCP, TCP_NOTSENT_LOWAT, 4, true, 0),
};

static void got_as_from_the_kernel(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(get_rows) / sizeof(get_rows[0]); i++) {
		const struct get_row *r = &get_rows[i];
		int fd = kernel_socket(), h = coyo_socket(AF_COYO, SOCK_STREAM, 0), kernel, here;
		uint8_t a[512] = {0}, b[512] = {0};
		socklen_t na = r->len, nb = r->len;

		kernel = getsockopt(fd, r->level, r->option, a, &na) < 0 ? errno : 0;
		here = coyo_getsockopt(h, r->level, r->option, b, &nb) < 0 ? errno : 0;
		if (here != (r->here ? r->here : kernel) || (!r->here && na != nb) ||
		    (r->same && !r->here && memcmp(a, b, sizeof(a)) != 0)) {
			print_message("%s: %s and %u here, %s and %u there\n", r->name,
			              strerrorname_np(here), nb, strerrorname_np(kernel), na);
			wrong++;
		}
		close(fd);
		coyo_close(h);
	}
	assert_int_equal(wrong, 0);
}

/* ---- values ---- */

static int get(int h, int level, int option)
{
	int v = -1;
	socklen_t len = sizeof(v);

	assert_int_equal(coyo_getsockopt(h, level, option, &v, &len), 0);
	return v;
}

static void set(int h, int level, int option, int v)
{
	assert_int_equal(coyo_setsockopt(h, level, option, &v, sizeof(v)), 0);
}

/* Of a socket that was not connected: what was set, else what the daemon is configured for. */
static void before_and_after_connect(void **state)
{
	struct pair *p = *state;
	struct sockaddr_coyo to = pair_address(PAIR_PORT);
	int h = coyo_socket(AF_COYO, SOCK_STREAM, 0);
	char name[16];
	socklen_t len = sizeof(name);

	assert_int_equal(get(h, SOL_SOCKET, SO_SNDBUF), otherside_defaults[APP_OPT_SNDBUF_MAX]);
	assert_int_equal(get(h, SOL_SOCKET, SO_RCVBUF), otherside_defaults[APP_OPT_RCVBUF_MAX]);
	assert_int_equal(get(h, IPPROTO_TCP, TCP_KEEPINTVL), 75);
	assert_int_equal(get(h, IPPROTO_TCP, TCP_KEEPCNT), 9);
	assert_int_equal(get(h, IPPROTO_TCP, TCP_MAXSEG), 536);
	set(h, SOL_SOCKET, SO_SNDBUF, 5);
	assert_int_equal(get(h, SOL_SOCKET, SO_SNDBUF), 2048);
	set(h, SOL_SOCKET, SO_SNDBUF, 70000);
	set(h, IPPROTO_TCP, TCP_KEEPINTVL, 12);
	assert_int_equal(coyo_setsockopt(h, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
	assert_int_equal(coyo_connect(h, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(get(h, SOL_SOCKET, SO_SNDBUF), 70000);
	assert_int_equal(get(h, IPPROTO_TCP, TCP_KEEPINTVL), 12);
	set(h, IPPROTO_TCP, TCP_NODELAY, -3);
	assert_int_equal(get(h, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(coyo_getsockopt(h, IPPROTO_TCP, TCP_CONGESTION, name, &len), 0);
	assert_string_equal(name, "reno");
	coyo_close(h);
	(void)p;
}

static void what_tcp_tells(void **state)
{
	struct pair *p = *state;
	const struct appinfo *say = &otherside_info;
	struct tcp_info i;
	socklen_t len = sizeof(i);
	uint8_t big[PAIR_RING] = {0};
	int h;

	assert_int_equal(coyo_getsockopt(p->a, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	assert_int_equal(len, sizeof(i));
	assert_int_equal(i.tcpi_state, 1);
	assert_int_equal(i.tcpi_ca_state, TCP_CA_Recovery);
	assert_int_equal(i.tcpi_options, TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK);
	assert_int_equal(i.tcpi_backoff, 3);
	assert_int_equal(i.tcpi_snd_wscale, 7);
	assert_true(i.tcpi_rto == say->rto && i.tcpi_rtt == 1500 && i.tcpi_rttvar == 300 &&
	            i.tcpi_min_rtt == 900);
	assert_true(i.tcpi_snd_mss == 1000 && i.tcpi_unacked == 3 && i.tcpi_lost == 1 &&
	            i.tcpi_snd_cwnd == 12);
	assert_int_equal(i.tcpi_snd_ssthresh, 0x7fffffff);
	assert_int_equal(i.tcpi_total_retrans, 2);
	assert_true(i.tcpi_bytes_received == 5000000000 && i.tcpi_bytes_acked == 6000);
	assert_int_equal(i.tcpi_delivered, 8);
	assert_int_equal(i.tcpi_notsent_bytes, 77);
	/* What lies in the ring is not sent either. */
	coyo_set_nonblock(p->a, 1);
	pair_await(coyo_send(p->a, big, sizeof(big), 0) < 0);
	assert_int_equal(coyo_getsockopt(p->a, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	assert_int_equal(i.tcpi_notsent_bytes, 77 + PAIR_RING);
	h = coyo_socket(AF_COYO, SOCK_STREAM, 0);
	assert_int_equal(coyo_getsockopt(h, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	assert_int_equal(i.tcpi_state, 7);
	coyo_close(h);
	assert_int_equal(coyo_getsockopt(p->listener, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	assert_true(i.tcpi_state == 10 && i.tcpi_unacked == 0 && i.tcpi_sacked == 16);
}

/* What is not read piles up in a ring that SO_SNDBUF bounds, of a socket that connects and of one that was accepted. */
static void the_ring_is_bounded(void **state)
{
	struct pair *p = *state;
	struct sockaddr_coyo to = pair_address(PAIR_PORT);
	int h = coyo_socket(AF_COYO, SOCK_STREAM, 0), accepted, of[2];
	uint8_t big[PAIR_RING] = {0};

	set(h, SOL_SOCKET, SO_SNDBUF, 3000);
	set(p->listener, SOL_SOCKET, SO_SNDBUF, 4096);
	assert_int_equal(coyo_connect(h, (struct sockaddr *)&to, sizeof(to)), 0);
	accepted = coyo_accept(p->listener, NULL, NULL);
	assert_true(accepted >= 0);
	of[0] = h;
	of[1] = accepted;
	for (unsigned i = 0; i < 2; i++) {
		size_t room = 0;
		ssize_t n;

		coyo_set_nonblock(of[i], 1);
		/* The other side takes the first ones, so that the ring grows as far as it may. */
		for (unsigned turns = 0; turns < 200; turns++) {
			otherside_hold(p->o, true);
			for (room = 0; (n = coyo_send(of[i], big, sizeof(big), 0)) > 0;)
				room += (size_t)n;
			assert_true(room <= 4096);
			otherside_hold(p->o, false);
			while (coyo_recv(of[!i], big, sizeof(big), MSG_DONTWAIT) > 0)
				;
			usleep(200);
		}
	}
	coyo_close(h);
	coyo_close(accepted);
}

/* There is room while less than so many bytes are not sent, for poll() and for a send, and again when they are. */
static void send_low_water(void **state)
{
	struct pair *p = *state;
	struct pollfd f = {.fd = p->a, .events = POLLOUT};
	struct epoll_event e = {.events = EPOLLOUT}, got;
	uint8_t big[8192] = {0};
	int set_of = coyo_epoll_create1(0);
	int64_t value;

	assert_int_equal(get(p->a, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 0);
	set(p->a, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 1000);
	assert_int_equal(otherside_option(p->o, &value), APPLANE_OPT_NOTSENT);
	assert_int_equal(value, 1000);
	assert_int_equal(coyo_epoll_ctl(set_of, EPOLL_CTL_ADD, p->a, &e), 0);
	coyo_set_nonblock(p->a, 1);
	otherside_hold(p->o, true);
	assert_int_equal(coyo_poll(&f, 1, 0), 1);
	assert_int_equal(coyo_send(p->a, big, sizeof(big), 0), 500);
	assert_int_equal(coyo_send(p->a, big, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(coyo_poll(&f, 1, 20), 0);
	assert_int_equal(coyo_epoll_wait(set_of, &got, 1, 0), 0);
	otherside_hold(p->o, false);
	assert_int_equal(coyo_poll(&f, 1, 10000), 1);
	assert_int_equal(coyo_epoll_wait(set_of, &got, 1, 10000), 1);
	/* The least there is: one byte at a time. */
	set(p->a, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 1);
	otherside_hold(p->o, true);
	assert_int_equal(coyo_send(p->a, big, 100, 0), 1);
	assert_int_equal(coyo_send(p->a, big, 100, 0), -1);
	otherside_hold(p->o, false);
	/* As many as fit, as before. */
	set(p->a, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0);
	pair_await(coyo_send(p->a, big, 1000, 0) == 1000);
	coyo_close(set_of);
}

/* The path is chosen before connect, goes to the daemon with it, and is told afterwards. */
static void the_path(void **state)
{
	struct pair *p = *state;
	struct sockaddr_coyo to = pair_address(PAIR_PORT);
	int h = coyo_socket(AF_COYO, SOCK_STREAM, 0), v = COYO_PATH_DIRECT;

	assert_int_equal(get(h, SOL_COYO, COYO_PATH), COYO_PATH_ANY);
	assert_int_equal(get(h, SOL_COYO, COYO_HOPS), 0);
	assert_int_equal(coyo_connect(h, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(otherside_count(p->o)->directs, 0);
	assert_int_equal(get(h, SOL_COYO, COYO_HOPS), 3);
	assert_int_equal(coyo_setsockopt(h, SOL_COYO, COYO_PATH, &v, sizeof(v)), -1);
	assert_int_equal(errno, EISCONN);
	coyo_close(h);
	h = coyo_socket(AF_COYO, SOCK_STREAM, 0);
	set(h, SOL_COYO, COYO_PATH, COYO_PATH_DIRECT);
	assert_int_equal(get(h, SOL_COYO, COYO_PATH), COYO_PATH_DIRECT);
	assert_int_equal(coyo_listen(h, 1), -1);
	assert_int_equal(errno, EOPNOTSUPP);
	assert_int_equal(coyo_connect(h, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(otherside_count(p->o)->directs, 1);
	assert_int_equal(coyo_setsockopt(h, SOL_COYO, COYO_HOPS, &v, sizeof(v)), -1);
	assert_int_equal(errno, ENOPROTOOPT);
	coyo_close(h);
	h = coyo_socket(AF_COYO, SOCK_STREAM, 0);
	v = 2;
	assert_int_equal(coyo_setsockopt(h, SOL_COYO, COYO_PATH, &v, sizeof(v)), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(coyo_setsockopt(h, SOL_COYO, COYO_PATH, &v, 3), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(get(h, SOL_COYO, COYO_PATH), COYO_PATH_ANY);
	coyo_close(h);
	h = coyo_socket(AF_COYO, SOCK_DGRAM, 0);
	assert_int_equal(coyo_setsockopt(h, SOL_COYO, COYO_PATH, &v, sizeof(v)), -1);
	assert_int_equal(errno, ENOPROTOOPT);
	coyo_close(h);
}

/* A receive waits for so many bytes, and so does poll(); an end or a full ring is always told. */
static void receive_low_water(void **state)
{
	struct pair *p = *state;
	struct pollfd f = {.fd = p->a, .events = POLLIN};
	uint8_t got[PAIR_RING];

	set(p->a, SOL_SOCKET, SO_RCVLOWAT, 10);
	assert_int_equal(get(p->a, SOL_SOCKET, SO_RCVLOWAT), 10);
	coyo_send(p->b, "12345", 5, 0);
	assert_int_equal(coyo_poll(&f, 1, 30), 0);
	pair_await(coyo_recv(p->a, got, 20, MSG_DONTWAIT | MSG_PEEK) == 5);
	coyo_send(p->b, "67890", 5, 0);
	assert_int_equal(coyo_poll(&f, 1, 10000), 1);
	assert_int_equal(coyo_recv(p->a, got, 20, 0), 10);
	coyo_send(p->b, "123", 3, 0);
	assert_int_equal(coyo_recv(p->a, got, 3, 0), 3);
	/* More than the ring begins with, which grows. */
	set(p->a, SOL_SOCKET, SO_RCVLOWAT, 3000);
	for (int i = 1; i < 3; i++) {
		coyo_send(p->b, got, 1000, 0);
		pair_await(coyo_recv(p->a, got, sizeof(got), MSG_DONTWAIT | MSG_PEEK) == i * 1000);
		assert_int_equal(coyo_poll(&f, 1, 30), 0);
	}
	coyo_send(p->b, got, 1000, 0);
	assert_int_equal(coyo_poll(&f, 1, 10000), 1);
	assert_int_equal(coyo_recv(p->a, got, sizeof(got), 0), 3000);
	set(p->a, SOL_SOCKET, SO_RCVLOWAT, INT_MAX);
	coyo_send(p->b, got, sizeof(got), 0);
	assert_int_equal(coyo_poll(&f, 1, 10000), 1);
	coyo_shutdown(p->b, SHUT_WR);
	assert_int_equal(coyo_recv(p->a, got, sizeof(got), 0), sizeof(got));
	assert_int_equal(coyo_poll(&f, 1, 10000), 1);
	assert_int_equal(coyo_recv(p->a, got, 1, 0), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(set_as_the_kernel_does),
	        TEST(got_as_from_the_kernel),
	        TEST(before_and_after_connect),
	        TEST(what_tcp_tells),
	        TEST(the_path),
	        TEST(receive_low_water),
	        TEST(send_low_water),
	        TEST(the_ring_is_bounded),
	};
	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
