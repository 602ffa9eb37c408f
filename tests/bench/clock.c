/* SPDX-License-Identifier: BSD-3-Clause */
/* Clocks, medians, CPUs and priorities for measurements on a machine that does other things too. */
#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

int64_t clock_ns(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t))
		return 0;
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t wall_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double median(double *v, unsigned n)
{
	if (n == 0)
		return 0;
	qsort(v, n, sizeof(*v), compare);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

void sleep_ns(int64_t ns)
{
	struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	while (nanosleep(&t, &t))
		;
}

static bool modest;

void bench_modest(void)
{
	modest = true;
}

bool bench_priority(bool watcher)
{
	struct sched_param p = {.sched_priority = watcher ? 20 : 10};

	return !modest && sched_setscheduler(0, SCHED_RR, &p) == 0;
}

unsigned bench_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

void bench_pin(unsigned n)
{
	cpu_set_t may, one;
	unsigned k;

	if (sched_getaffinity(0, sizeof(may), &may) || CPU_COUNT(&may) == 0)
		return;
	k = n % (unsigned)CPU_COUNT(&may);
	CPU_ZERO(&one);
	for (int c = 0; c < CPU_SETSIZE; c++)
		if (CPU_ISSET(c, &may) && k-- == 0) {
			CPU_SET(c, &one);
			break;
		}
	(void)sched_setaffinity(0, sizeof(one), &one);
}

#define ROUNDS 20000

static _Atomic int ball COYO_ALIGNED(128);

static void *return_ball(void *arg)
{
	bench_pin(1);
	bench_priority(false);
	for (int i = 0; i < ROUNDS; i++) {
		while (atomic_load_explicit(&ball, memory_order_acquire) != 1)
			;
		atomic_store_explicit(&ball, 0, memory_order_release);
	}
	return arg;
}

static void *throw_ball(void *arg)
{
	double *ns = arg;
	int64_t began = 0;

	bench_pin(0);
	bench_priority(false);
	for (int i = -ROUNDS / 4; i < ROUNDS * 3 / 4; i++) {
		if (i == 0)
			began = wall_ns();
		atomic_store_explicit(&ball, 1, memory_order_release);
		while (atomic_load_explicit(&ball, memory_order_acquire) != 0)
			;
	}
	*ns = (double)(wall_ns() - began) / (ROUNDS * 3 / 4) / 2;
	return NULL;
}

double bench_core_to_core_ns(void)
{
	pthread_t a, b;
	double ns = 0;

	if (bench_cpus() < 2 || pthread_create(&a, NULL, return_ball, NULL))
		return 0;
	if (pthread_create(&b, NULL, throw_ball, &ns))
		bench_die("no thread");
	pthread_join(b, NULL);
	pthread_join(a, NULL);
	return ns;
}

void bench_die(const char *format, ...)
{
	va_list ap;

	fputs("coyobench: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}
