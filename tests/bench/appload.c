/* SPDX-License-Identifier: BSD-3-Clause */
/* appload: an application to be measured. Through libcoyo, or with --plain by the kernel's calls, which `coyo run` takes over. Says what it did as
 * one JSON document, with how many system calls the library made meanwhile: it counts them by standing in front of the C library. */
#include "base/cc.h"
#include <coyo.h>

#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLOCK   (256 * 1024)
#define MESSAGE 64
#define THREADS 64

static const char help[] =
        "usage: appload [--plain] WHAT ...\n"
        "  sink PORT THREADS              reads what comes until it is killed\n"
        "  stream NODE PORT BYTES         sends bytes, until the other side has closed\n"
        "  ping NODE PORT COUNT SECONDS   64 bytes to a listener of its own and back; so many, or "
        "so long\n"
        "  connects NODE PORT COUNT THREADS   connect, 64 bytes, close\n";

/* ---- the calls of either way ---- */

struct calls {
	int (*socket)(int, int, int);
	int (*bind)(int, const struct sockaddr *, socklen_t);
	int (*listen)(int, int);
	int (*accept)(int, struct sockaddr *, socklen_t *);
	int (*connect)(int, const struct sockaddr *, socklen_t);
	ssize_t (*send)(int, const void *, size_t, int);
	ssize_t (*recv)(int, void *, size_t, int);
	int (*setsockopt)(int, int, int, const void *, socklen_t);
	int (*shutdown)(int, int);
	int (*close)(int);
	int (*getaddrinfo)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
};

static int plain_accept(int s, struct sockaddr *a, socklen_t *len)
{
	return accept(s, a, len);
}
static int plain_connect(int s, const struct sockaddr *a, socklen_t len)
{
	return connect(s, a, len);
}
static int plain_bind(int s, const struct sockaddr *a, socklen_t len)
{
	return bind(s, a, len);
}

static const struct calls coyo = {coyo_socket,   coyo_bind,  coyo_listen,     coyo_accept,
                                  coyo_connect,  coyo_send,  coyo_recv,       coyo_setsockopt,
                                  coyo_shutdown, coyo_close, coyo_getaddrinfo},
                          kernel = {socket, plain_bind, listen,   plain_accept, plain_connect, send,
                                    recv,   setsockopt, shutdown, close,        getaddrinfo};
static const struct calls *call = &coyo;

/* ---- system calls of the library ---- */

static _Atomic uint64_t futexes, writes;

/* The C library's own. The first use is before any thread. */
static void *next(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (!f)
		errx(1, "no %s", name);
	return f;
}

/* The C library's, in front of which this stands: what the shared library calls comes here. */
COYO_EXPORT long syscall(long number, ...)
{
	static long (*real)(long, ...);
	va_list v;
	long a[6];

	if (!real)
		*(void **)&real = next("syscall");
	va_start(v, number);
	for (unsigned i = 0; i < 6; i++)
		a[i] = va_arg(v, long);
	va_end(v);
	atomic_fetch_add_explicit(&futexes, 1, memory_order_relaxed);
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

COYO_EXPORT ssize_t write(int fd, const void *bytes, size_t n)
{
	static ssize_t (*real)(int, const void *, size_t);

	if (!real)
		*(void **)&real = next("write");
	atomic_fetch_add_explicit(&writes, 1, memory_order_relaxed);
	return real(fd, bytes, n);
}

/* ---- clocks and the report ---- */

static uint64_t clock_of(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

struct start {
	uint64_t wall, cpu, futexes, writes;
};

static struct start start_now(void)
{
	return (struct start){clock_of(CLOCK_MONOTONIC), clock_of(CLOCK_PROCESS_CPUTIME_ID),
	                      atomic_load(&futexes), atomic_load(&writes)};
}

static void report(const struct start *b, const char *more)
{
	struct start e = start_now();

	printf("{\"seconds\":%.6f,\"cpu_s\":%.6f,\"futex_calls\":%llu,\"eventfd_writes\":%llu%s}\n",
	       (double)(e.wall - b->wall) / 1e9, (double)(e.cpu - b->cpu) / 1e9,
	       (unsigned long long)(e.futexes - b->futexes),
	       (unsigned long long)(e.writes - b->writes), more);
	fflush(stdout);
}

/* ---- what it does ---- */

static int open_to(const char *node, const char *port)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *to;
	int h, r = call->getaddrinfo(node, port, &hints, &to);

	if (r != 0)
		errx(1, "%s, port %s: %s", node, port, gai_strerror(r));
	h = call->socket(to->ai_family, to->ai_socktype, to->ai_protocol);
	if (h < 0 || call->connect(h, to->ai_addr, to->ai_addrlen) < 0)
		err(1, "%s, port %s", node, port);
	(call == &coyo ? coyo_freeaddrinfo : freeaddrinfo)(to);
	return h;
}

static int listen_on(const char *port)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
	                               .ai_flags = AI_PASSIVE,
	                               .ai_family = call == &coyo ? 0 : AF_INET6};
	struct addrinfo *at;
	int h, r = call->getaddrinfo(NULL, port, &hints, &at);

	if (r != 0)
		errx(1, "port %s: %s", port, gai_strerror(r));
	h = call->socket(at->ai_family, at->ai_socktype, at->ai_protocol);
	if (h < 0 || call->bind(h, at->ai_addr, at->ai_addrlen) < 0 || call->listen(h, 128) < 0)
		err(1, "port %s", port);
	(call == &coyo ? coyo_freeaddrinfo : freeaddrinfo)(at);
	return h;
}

static void send_all(int h, const uint8_t *bytes, size_t n)
{
	while (n > 0) {
		ssize_t k = call->send(h, bytes, n, MSG_NOSIGNAL);

		if (k < 0)
			err(1, "send");
		bytes += k;
		n -= (size_t)k;
	}
}

static int listener;

/* One stream after another. */
static void *serve(void *unused)
{
	uint8_t *block = malloc(BLOCK);

	(void)unused;
	for (;;) {
		int h = call->accept(listener, NULL, NULL);
		struct start began = start_now();
		unsigned long long all = 0;
		char more[64];
		ssize_t n;

		if (h < 0 || !block)
			err(1, "accept");
		while ((n = call->recv(h, block, BLOCK, 0)) > 0)
			all += (unsigned long long)n;
		snprintf(more, sizeof(more), ",\"bytes\":%llu", all);
		if (all > MESSAGE)
			report(&began, more);
		call->close(h);
	}
	return NULL;
}

static void server(const char *port, unsigned threads)
{
	pthread_t t;

	listener = listen_on(port);
	puts("listening");
	fflush(stdout);
	for (unsigned i = 1; i < threads; i++)
		if (pthread_create(&t, NULL, serve, NULL))
			errx(1, "no thread");
	serve(NULL);
}

static void stream(const char *node, const char *port, uint64_t bytes)
{
	uint8_t *block = calloc(1, BLOCK);
	int h = open_to(node, port);
	struct start began = start_now();

	if (!block)
		err(1, "memory");
	for (uint64_t left = bytes; left > 0;) {
		size_t n = left < BLOCK ? (size_t)left : BLOCK;

		send_all(h, block, n);
		left -= n;
	}
	call->shutdown(h, SHUT_WR);
	if (call->recv(h, block, 1, 0) != 0)
		err(1, "the end of the stream");
	report(&began, "");
	call->close(h);
	free(block);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void pass(int from, int to)
{
	uint8_t message[MESSAGE] = {0};

	send_all(from, message, MESSAGE);
	if (call->recv(to, message, MESSAGE, MSG_WAITALL) != MESSAGE)
		err(1, "receive");
}

/* Both ends are this thread's, so that a processor beside the worker's is enough. */
static void ping(const char *node, const char *port, uint64_t count, unsigned seconds)
{
	uint32_t *ns = calloc(count, sizeof(*ns));
	int l = listen_on(port), h = open_to(node, port), back = call->accept(l, NULL, NULL),
	    one = 1;
	struct start began = start_now();
	uint64_t done = 0;
	char more[128];

	if (!ns || back < 0)
		err(1, "ping");
	call->setsockopt(h, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	call->setsockopt(back, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	while (done < count) {
		uint64_t at = clock_of(CLOCK_MONOTONIC);

		if (done > 0 && at - began.wall > seconds * UINT64_C(1000000000))
			break;
		pass(h, back);
		pass(back, h);
		ns[done++] = (uint32_t)(clock_of(CLOCK_MONOTONIC) - at);
	}
	qsort(ns, done, sizeof(*ns), compare);
	snprintf(more, sizeof(more),
	         ",\"count\":%llu,\"p10_us\":%.2f,\"p50_us\":%.2f,\"p99_us\":%.2f",
	         (unsigned long long)done, ns[done / 10] / 1e3, ns[done / 2] / 1e3,
	         ns[done * 99 / 100] / 1e3);
	report(&began, more);
	call->close(h);
	call->close(back);
	call->close(l);
	free(ns);
}

static const char *to_node, *to_port;
static _Atomic int64_t left;

static void *connector(void *unused)
{
	uint8_t message[MESSAGE] = {0};

	(void)unused;
	while (atomic_fetch_sub(&left, 1) > 0) {
		int h = open_to(to_node, to_port);

		send_all(h, message, MESSAGE);
		call->close(h);
	}
	return NULL;
}

static void connects(uint64_t count, unsigned threads)
{
	struct start began = start_now();
	pthread_t t[THREADS];

	left = (int64_t)count;
	if (threads < 1 || threads > THREADS)
		errx(2, "1 to %d threads", THREADS);
	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&t[i], NULL, connector, NULL))
			errx(1, "no thread");
	for (unsigned i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	report(&began, "");
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--plain") == 0) {
		call = &kernel;
		argc--;
		argv++;
	}
	if (argc == 4 && strcmp(argv[1], "sink") == 0) {
		server(argv[2], (unsigned)atoi(argv[3]));
	} else if (argc == 5 && strcmp(argv[1], "stream") == 0) {
		stream(argv[2], argv[3], strtoull(argv[4], NULL, 10));
	} else if (argc == 6 && strcmp(argv[1], "ping") == 0) {
		ping(argv[2], argv[3], strtoull(argv[4], NULL, 10), (unsigned)atoi(argv[5]));
	} else if (argc == 6 && strcmp(argv[1], "connects") == 0) {
		to_node = argv[2];
		to_port = argv[3];
		connects(strtoull(argv[4], NULL, 10), (unsigned)atoi(argv[5]));
	} else {
		fputs(help, stderr);
		return 2;
	}
	return 0;
}
