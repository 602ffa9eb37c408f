/* SPDX-License-Identifier: BSD-3-Clause */
/* What the modes of coyobench share: options, rows of figures, clocks, medians, pinning. */
#pragma once
#include "base/cc.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* What the command line says; every mode takes what concerns it. */
struct bench_opts {
	bool json, kernel, smoke;
	double seconds;   /* of one measurement */
	unsigned runs;    /* of each case; medians are reported */
	const char *only; /* cases whose names begin so; NULL: all */
	unsigned conns;   /* open connections of the scale cases */
	unsigned mtu;
};

/* ---- rows ---- */

#define ROW_FIELDS 16

struct row_field {
	const char *key; /* static text */
	double value;
	const char *text; /* static; NULL: value counts */
	bool null, truth; /* truth: value is 0 or 1 */
};

struct row {
	char name[48];
	struct row_field field[ROW_FIELDS];
	unsigned n;
};

#define REPORT_ROWS 256

struct report {
	struct row row[REPORT_ROWS];
	unsigned n;
	const char *command; /* as given */
};

struct row *report_row(struct report *r, const char *name);
void row_number(struct row *r, const char *key, double value);
void row_text(struct row *r, const char *key, const char *value);
void row_bool(struct row *r, const char *key, bool value);
void row_null(struct row *r, const char *key);
/* Everything as one JSON document or as a table. */
void report_print(const struct report *r, bool json);

/* ---- modes: 0 or an exit code ---- */

int mode_tcp(const struct bench_opts *o, struct report *r);
int mode_switch(const struct bench_opts *o, struct report *r);
int mode_seal(const struct bench_opts *o, struct report *r);
int mode_door(const struct bench_opts *o, struct report *r);
int mode_aead(const struct bench_opts *o, struct report *r);

/* True when --only allows the case. */
bool bench_wanted(const struct bench_opts *o, const char *name);

/* ---- clocks and medians ---- */

int64_t wall_ns(void);
/* On-CPU time of the calling thread. */
int64_t cpu_ns(void);
/* ... of a thread by its clock (pthread_getcpuclockid). */
int64_t clock_ns(clockid_t id);
double median(double *v, unsigned n); /* sorts v */
void sleep_ns(int64_t ns);

/* Real-time priority for the calling thread where permitted: other work on the machine then disturbs less. Who looks on (watcher) must be
 * above those who spin, or it reads its clocks when they let it. */
bool bench_priority(bool watcher);
/* From now on bench_priority() does nothing: tests must not hold up others. */
void bench_modest(void);
/* Binds the calling thread to the n-th CPU it may use (modulo their number). */
void bench_pin(unsigned n);
unsigned bench_cpus(void);
/* Time for one cache line to get from the first CPU to the second: on virtual machines it changes by the minute, between cores that share
 * a cache and cores that do not, and with it everything that crosses. 0: there is one CPU. */
double bench_core_to_core_ns(void);

/* Ends the program with a message. */
void bench_die(const char *format, ...) COYO_PRINTF(1, 2) __attribute__((noreturn));
