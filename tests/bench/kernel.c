/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's TCP doing what the workers' does: one stream, busy-poll ping-pong, connect + 64 bytes each way + close. */
#include "tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define SMALL    64
#define BULK     (128 * 1024)
#define PARALLEL 32
#define SAMPLES  (1u << 20)

static int socket_new(bool nonblocking)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), 0);
	int on = 1;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* A namespace may default to another controller and refuse to change it as a whole. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
	return fd;
}

static struct sockaddr_in server_address(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(KERNEL_PORT)};

	inet_pton(AF_INET, KERNEL_SERVER, &a.sin_addr);
	return a;
}

static int listening(bool nonblocking)
{
	struct sockaddr_in a = server_address();
	int fd = socket_new(nonblocking);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 1024))
		return -1;
	return fd;
}

static int connected(bool nonblocking)
{
	struct sockaddr_in a = server_address();
	int fd = socket_new(nonblocking);

	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

/* ---- stream ---- */

static bool sink(int fd)
{
	char *buf = malloc(BULK);

	while (buf && recv(fd, buf, BULK, 0) > 0)
		;
	free(buf);
	return true;
}

static bool source(int fd, double seconds, struct tcp_figures *out)
{
	int64_t began = wall_ns(), end = began + (int64_t)(seconds * 1e9), now = began;
	char *buf = calloc(1, BULK);
	double bytes = 0;

	while (buf && now < end) {
		ssize_t n = send(fd, buf, BULK, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		bytes += (double)n;
		now = wall_ns();
	}
	free(buf);
	out->gbit_s = bytes * 8 / (double)(now - began);
	return now >= end;
}

/* ---- ping-pong ---- */

/* Exactly n bytes, without ever sleeping. False: the other side is gone. */
static bool spin_recv(int fd, char *buf, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t k = recv(fd, buf + got, n - got, MSG_DONTWAIT);

		if (k > 0)
			got += (size_t)k;
		else if (k == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
			return false;
	}
	return true;
}

static bool pong(int fd)
{
	char buf[SMALL];

	while (spin_recv(fd, buf, SMALL))
		if (send(fd, buf, SMALL, MSG_NOSIGNAL) != SMALL)
			break;
	return true;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static bool ping(int fd, double seconds, struct tcp_figures *out)
{
	int64_t end = wall_ns() + (int64_t)(seconds * 1e9), at = 0;
	uint32_t *rtt = malloc(SAMPLES * sizeof(*rtt)), n = 0;
	char buf[SMALL] = {0};

	while (rtt && n < SAMPLES && at < end) {
		int64_t sent = wall_ns();

		if (send(fd, buf, SMALL, MSG_NOSIGNAL) != SMALL || !spin_recv(fd, buf, SMALL))
			break;
		at = wall_ns();
		rtt[n++] = (uint32_t)(at - sent);
	}
	if (n > 100) {
		qsort(rtt + n / 10, n - n / 10, sizeof(*rtt), by_value); /* without the beginning */
		out->p50_us = rtt[n / 10 + (n - n / 10) / 2] / 1e3;
		out->p99_us = rtt[n / 10 + (uint64_t)(n - n / 10) * 99 / 100] / 1e3;
	}
	free(rtt);
	return n > 100;
}

/* ---- connections ---- */

static double process_cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void answer(int fd)
{
	char buf[SMALL];

	if (recv(fd, buf, SMALL, MSG_DONTWAIT) == SMALL)
		(void)!send(fd, buf, SMALL, MSG_NOSIGNAL);
	close(fd);
}

/* Serves until nothing has come for a while. */
static bool serve_connections(int listener, double seconds)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), n;
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = listener}, got[64];
	int64_t end = wall_ns() + (int64_t)((seconds + 2) * 1e9);

	epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev);
	while (wall_ns() < end && (n = epoll_wait(ep, got, 64, 700)) > 0) {
		for (int i = 0; i < n; i++) {
			int fd;

			if (got[i].data.fd != listener) {
				answer(got[i].data.fd);
				continue;
			}
			while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
				ev = (struct epoll_event){.events = EPOLLIN, .data.fd = fd};
				epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
			}
		}
	}
	close(ep);
	return true;
}

/* True: this connection has ended. */
static bool advance(int ep, struct epoll_event *e)
{
	char buf[SMALL] = {0};
	int fd = e->data.fd;
	ssize_t n;

	if (e->events & EPOLLOUT) {
		struct epoll_event in = {.events = EPOLLIN, .data.fd = fd};

		if (send(fd, buf, SMALL, MSG_NOSIGNAL) != SMALL)
			return true;
		epoll_ctl(ep, EPOLL_CTL_MOD, fd, &in);
		return false;
	}
	do
		n = recv(fd, buf, SMALL, 0);
	while (n > 0);
	return n == 0 || errno != EAGAIN;
}

static bool open_connections(double seconds, struct tcp_figures *out)
{
	int64_t began = wall_ns(), end = began + (int64_t)(seconds * 1e9), now = began;
	int ep = epoll_create1(EPOLL_CLOEXEC), open = 0;
	double cpu = process_cpu_s(), count = 0;

	while (now < end) {
		struct epoll_event got[64], ev = {.events = EPOLLOUT};
		int n;

		while (open < PARALLEL && (ev.data.fd = connected(true)) >= 0) {
			epoll_ctl(ep, EPOLL_CTL_ADD, ev.data.fd, &ev);
			open++;
		}
		n = epoll_wait(ep, got, 64, 1000);
		if (n <= 0)
			break;
		for (int i = 0; i < n; i++)
			if (advance(ep, &got[i])) {
				close(got[i].data.fd);
				open--;
				count++;
			}
		now = wall_ns();
	}
	close(ep);
	out->conn_s = count / ((double)(now - began) / 1e9);
	/* Its own share; the server's is added by who asked for both. */
	out->conn_s_core = (process_cpu_s() - cpu) / count;
	return count > 0;
}

/* ---- both sides ---- */

bool kernel_server(enum tcp_case which, double seconds, int ready_fd)
{
	int l = listening(which == TCP_CONNECT), fd;
	bool ok;

	if (l < 0 || write(ready_fd, "+", 1) != 1)
		return false;
	if (which == TCP_CONNECT) {
		ok = serve_connections(l, seconds);
		close(l);
		return ok;
	}
	fd = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	close(l);
	if (fd < 0)
		return false;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	ok = which == TCP_STREAM ? sink(fd) : pong(fd);
	close(fd);
	return ok;
}

bool kernel_client(enum tcp_case which, double seconds, struct tcp_figures *out)
{
	int fd;
	bool ok;

	if (which == TCP_CONNECT)
		return open_connections(seconds, out);
	fd = connected(false);
	if (fd < 0)
		return false;
	ok = which == TCP_STREAM ? source(fd, seconds, out) : ping(fd, seconds, out);
	close(fd);
	return ok;
}
