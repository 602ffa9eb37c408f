/* SPDX-License-Identifier: BSD-3-Clause */
/* The TCP cases one by one, and the kernel's beside them. */
#pragma once
#include "bench.h"

/* What one measurement of any case gives; unused figures are 0. */
struct tcp_figures {
	double gbit_s, p50_us, p99_us, conn_s, conn_s_core;
	double ns_sent, ns_received; /* busy time per segment at each end, stream only */
	double on_cpu_share;         /* the lesser of the two threads' */
	double drops, retransmits, timeouts;
	double core_to_core_ns;
	double mss;
	char by[24]; /* what sealed, or what measured the kernel */
};

enum tcp_case { TCP_STREAM, TCP_PINGPONG, TCP_CONNECT };

/* One measurement over a pair of workers; runs DPDK in this process, so call it in a child. */
void pair_measure(enum tcp_case which, bool sealed, const struct bench_opts *o,
                  struct tcp_figures *out);

/* ---- engine alone, at scale (tcp_scale.c) ---- */

struct scale_figures {
	double state_bytes;              /* engine memory per idle connection, chunks not counted */
	double alone_ns, one_ns, all_ns; /* per request and response */
	double alone_cycles, one_cycles, all_cycles;
	double one_ratio, all_ratio; /* to one alone, window by window */
	double huge_mb;
};
void scale_measure(const struct bench_opts *o, struct scale_figures *out);

/* ---- the kernel (reference.c, kernel.c) ---- */

struct reference;

/* Two network namespaces of their own, joined by veth, each with a process that waits for work. NULL: *why (static text). */
struct reference *reference_new(unsigned mtu, const char **why);
void reference_free(struct reference *r);
/* False: *why. offloads: TSO, GSO and GRO of the veth pair on. */
bool reference_measure(struct reference *r, enum tcp_case which, bool offloads, double seconds,
                       struct tcp_figures *out, const char **why);

/* What the two processes do; called by reference.c in its children. fd: connected to nobody yet, addresses are fixed. */
bool kernel_server(enum tcp_case which, double seconds, int ready_fd);
bool kernel_client(enum tcp_case which, double seconds, struct tcp_figures *out);

#define KERNEL_PORT   7001
#define KERNEL_SERVER "10.77.0.1"
#define KERNEL_CLIENT "10.77.0.2"
