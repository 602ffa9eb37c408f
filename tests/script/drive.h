/* SPDX-License-Identifier: BSD-3-Clause */
/* One engine under a script: virtual time, what came out of it, the connections by name, the trace, the first failure. */
#pragma once
#include "../sim/tcpcheck.h"
#include "seg.h"
#include "tcp/tcp.h"

#include <setjmp.h>
#include <stdio.h>

#define DRIVE_CONNS 80u
#define DRIVE_QUEUE 4096u
#define DRIVE_PEERS 8u

/* A connection (or listener) as the script names it. */
struct drive_conn {
	char name[16];
	uint32_t peer, handle;
	struct seg_base base;
	bool iss_known, ts_known, ts_on, listener;
	uint16_t win;     /* of injected segments that say none */
	uint32_t ts_echo; /* relative value of the engine's last timestamp */
	uint32_t ts_peer; /* the other side's first timestamp, at ts_since */
	int64_t ts_since;
	uint64_t sent, taken; /* bytes of the two streams that crossed the API */
	uint32_t events;      /* edges not yet expected */
	int event_error;
};

/* A segment that came out. */
struct drive_out {
	int64_t at;
	struct tcp_out meta;
	uint8_t *bytes;
};

struct drive {
	struct tcp_cfg cfg;
	uint16_t mss;
	struct tcp_stack *stack; /* NULL until the first statement that needs it */
	void *mem;
	struct tcpcheck check;
	int64_t start, now; /* ns */
	struct drive_conn conns[DRIVE_CONNS];
	unsigned nconns;
	struct drive_out queue[DRIVE_QUEUE];
	unsigned q_head, q_tail;
	bool in_burst;
	struct tcp_in burst[64];
	unsigned n_burst;
	/* The engine's, the other sides' (the first byte is the peer's number). */
	uint8_t ids[2][64];
	int fail_at;         /* enum tcp_alloc where memory runs out, -1: nowhere */
	unsigned fail_after; /* ... after so many more */
	unsigned steps;
	FILE *open[8]; /* the script and what it includes */
	unsigned nopen;
	uint32_t again; /* times a repeated part is still to run */
	long again_at;
	unsigned again_line;
	const char *file; /* where we are */
	unsigned line;
	char *trace;
	size_t trace_len, trace_cap;
	char why[1024];
	jmp_buf fail;
};

/* Ends the script: what was expected and what came. */
void drive_fail(struct drive *d, const char *fmt, ...)
        __attribute__((noreturn, format(printf, 2, 3)));
void drive_trace(struct drive *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void drive_init(struct drive *d);
void drive_free(struct drive *d);
/* The engine exists from here on. */
void drive_begin(struct drive *d);

/* The connection of this name, made with defaults when it is new. */
struct drive_conn *drive_conn(struct drive *d, const char *name);
/* Sets back what is known of the connection: another one between the same ports follows. */
void drive_conn_renew(struct drive *d, struct drive_conn *c);

/* After every call into the engine: takes what it sends and tells, checks the invariants. */
void drive_settle(struct drive *d);
/* Lets virtual time pass, timers firing on the way. until_out: stops when something came out. */
void drive_pass(struct drive *d, int64_t to, bool until_out);

/* The oldest segment that came out and has left by now; NULL: none. */
struct drive_out *drive_peek(struct drive *d);
void drive_drop(struct drive *d);
/* Reads it; learns initial numbers from the first. Returns whose it is. */
struct drive_conn *drive_read(struct drive *d, const struct drive_out *o, struct seg_text *t);

/* Injects. */
void drive_inject(struct drive *d, struct drive_conn *c, struct seg_text *t);
void drive_inject_raw(struct drive *d, struct drive_conn *c, const uint8_t *p, uint32_t len,
                      const struct seg_text *t);
void drive_burst_end(struct drive *d);

/* statement.c: one line of a script. */
void statement(struct drive *d, const char *line);
/* call.c: the application's calls; false: not one of them. */
bool call_statement(struct drive *d, struct drive_conn *c, const char *verb, struct scan *s);
/* expect.c */
void expect_statement(struct drive *d, struct drive_conn *c, struct scan *s);
void expect_segment(struct drive *d, struct drive_conn *c, const struct seg_text *want, int64_t at,
                    int64_t early, int64_t late);
/* setting.c: `set NAME VALUE` and the sums of times that scripts write; false: malformed. */
bool setting_set(struct drive *d, struct scan *s);
bool setting_time(const struct drive *d, struct scan *s, int64_t *ns);
void setting_defaults(struct drive *d);
/* A number, a time or one of the value's names. */
bool setting_value(const struct drive *d, struct scan *s, int64_t *out);
