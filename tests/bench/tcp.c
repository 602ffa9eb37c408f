/* SPDX-License-Identifier: BSD-3-Clause */
/* coyobench tcp: our cases and the kernel's in alternation, medians and ratios. */
#include "tcp.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUNS_MAX 15

/* One of our cases and the kernel's counterpart. */
struct contest {
	const char *name;
	enum tcp_case which;
	bool sealed, offloads;
	/* Row name of the counterpart; contests that name the same one share its runs. */
	const char *kernel;
};

static const struct contest contests[] = {
        {"stream_sealed", TCP_STREAM, true, false, "kernel_stream_offloads_off"},
        {"stream_clear", TCP_STREAM, false, false, "kernel_stream_offloads_off"},
        {"stream_sealed_vs_offloads_on", TCP_STREAM, true, true, "kernel_stream_offloads_on"},
        {"pingpong_sealed", TCP_PINGPONG, true, false, "kernel_pingpong_busy_poll"},
        {"connect_sealed", TCP_CONNECT, true, false, "kernel_connect"},
};
#define CONTESTS (sizeof(contests) / sizeof(contests[0]))

/* Figures of all runs of one row. */
struct runs {
	struct tcp_figures f[RUNS_MAX];
	unsigned n;
};

static double mid(const struct runs *r, size_t offset)
{
	double v[RUNS_MAX];

	for (unsigned i = 0; i < r->n; i++)
		memcpy(&v[i], (const char *)&r->f[i] + offset, sizeof(double));
	return median(v, r->n);
}
#define MID(r, field) mid(r, offsetof(struct tcp_figures, field))

/* ---- a child for each measurement: DPDK starts once in a process ---- */

typedef void (*measure_fn)(const void *what, const struct bench_opts *o, void *out);

static bool in_child(measure_fn fn, const void *what, const struct bench_opts *o, void *out,
                     size_t size, double limit_s)
{
	struct pollfd f = {.events = POLLIN};
	int back[2];
	bool ok;
	pid_t pid;

	if (pipe(back))
		return false;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fn(what, o, out);
		_exit(write(back[1], out, size) == (ssize_t)size ? 0 : 1);
	}
	close(back[1]);
	f.fd = back[0];
	ok = poll(&f, 1, (int)(limit_s * 1000)) == 1 && read(back[0], out, size) == (ssize_t)size;
	close(back[0]);
	if (!ok)
		kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return ok;
}

static void measure_pair(const void *what, const struct bench_opts *o, void *out)
{
	const struct contest *c = what;

	pair_measure(c->which, c->sealed, o, out);
}

/* ---- rows ---- */

static void figures(struct row *row, enum tcp_case which, const struct runs *r)
{
	if (which == TCP_STREAM) {
		row_number(row, "gbit_s", MID(r, gbit_s));
	} else if (which == TCP_PINGPONG) {
		row_number(row, "p50_us", MID(r, p50_us));
		row_number(row, "p99_us", MID(r, p99_us));
	} else {
		row_number(row, "conn_s", MID(r, conn_s));
		row_number(row, "conn_s_core", MID(r, conn_s_core));
	}
}

/* The figure that counts. */
static double figure(enum tcp_case which, const struct runs *r)
{
	return which == TCP_STREAM     ? MID(r, gbit_s)
	       : which == TCP_PINGPONG ? MID(r, p50_us)
	                               : MID(r, conn_s_core);
}

static void contest_row(struct report *rep, const struct contest *c, struct runs *ours,
                        const struct runs *kernel)
{
	struct row *row = report_row(rep, c->name);

	figures(row, c->which, ours);
	if (kernel->n && figure(c->which, kernel) > 0)
		row_number(row, "ratio_to_kernel",
		           figure(c->which, ours) / figure(c->which, kernel));
	else
		row_null(row, "ratio_to_kernel");
	row_text(row, "aead", ours->f[0].by);
	if (c->which == TCP_STREAM) {
		row_number(row, "segment_bytes", MID(ours, mss));
		row_number(row, "sender_ns_segment", MID(ours, ns_sent));
		row_number(row, "receiver_ns_segment", MID(ours, ns_received));
		row_number(row, "retransmits", MID(ours, retransmits));
		row_number(row, "timeouts", MID(ours, timeouts));
	}
	row_number(row, "drops", MID(ours, drops));
	row_number(row, "on_cpu_share", MID(ours, on_cpu_share));
	row_number(row, "core_to_core_ns", MID(ours, core_to_core_ns));
	row_bool(row, "noisy", MID(ours, on_cpu_share) < 0.9);
	row_number(row, "runs", ours->n);
}

static void kernel_row(struct report *rep, const struct contest *c, const struct runs *kernel)
{
	struct row *row = report_row(rep, c->kernel);

	figures(row, c->which, kernel);
	row_number(row, "ratio_to_kernel", 1);
	row_text(row, "by", kernel->f[0].by);
	row_number(row, "runs", kernel->n);
}

/* ---- alternation ---- */

static void run_ours(const struct contest *c, const struct bench_opts *o, struct runs *r)
{
	if (in_child(measure_pair, c, o, &r->f[r->n], sizeof(r->f[0]), o->seconds * 2 + 20))
		r->n++;
	else
		fprintf(stderr, "coyobench: %s: a run gave no figure\n", c->name);
}

static void run_kernel(struct reference *ref, const struct contest *c, const struct bench_opts *o,
                       struct runs *r)
{
	const char *why;

	if (reference_measure(ref, c->which, c->offloads, o->seconds, &r->f[r->n], &why))
		r->n++;
	else
		fprintf(stderr, "coyobench: %s: %s\n", c->kernel, why);
}

/* The first contest with the same counterpart keeps its runs. */
static unsigned keeper(unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (strcmp(contests[k].kernel, contests[i].kernel) == 0)
			return k;
	return i;
}

static bool contest(const struct bench_opts *o, struct report *rep)
{
	static struct runs ours[CONTESTS], kernel[CONTESTS];
	struct reference *ref = NULL;
	const char *why = "";
	bool ok = true;

	if (o->kernel)
		ref = reference_new(o->mtu, &why);
	if (o->kernel && !ref)
		fprintf(stderr, "coyobench: no kernel figures: %s\n", why);
	for (unsigned run = 0; run < o->runs && run < RUNS_MAX; run++)
		for (unsigned i = 0; i < CONTESTS; i++) {
			if (!bench_wanted(o, contests[i].name))
				continue;
			if (ref && kernel[keeper(i)].n == run)
				run_kernel(ref, &contests[i], o, &kernel[keeper(i)]);
			run_ours(&contests[i], o, &ours[i]);
		}
	reference_free(ref);
	for (unsigned i = 0; i < CONTESTS; i++) {
		if (!bench_wanted(o, contests[i].name))
			continue;
		ok = ok && figure(contests[i].which, &ours[i]) > 0;
		if (ours[i].n == 0)
			continue;
		if (keeper(i) == i && kernel[i].n)
			kernel_row(rep, &contests[i], &kernel[i]);
		contest_row(rep, &contests[i], &ours[i], &kernel[keeper(i)]);
	}
	return ok;
}

/* ---- scale ---- */

static void measure_scale(const void *what, const struct bench_opts *o, void *out)
{
	(void)what;
	scale_measure(o, out);
}

static bool scale(const struct bench_opts *o, struct report *rep)
{
	struct scale_figures f;
	struct row *row;

	if (!in_child(measure_scale, NULL, o, &f, sizeof(f), 120))
		return false;
	row = report_row(rep, "idle_connections");
	row_number(row, "connections", o->conns);
	row_number(row, "state_bytes", f.state_bytes);
	row = report_row(rep, "one_active");
	row_number(row, "connections", o->conns);
	row_number(row, "ns_alone", f.alone_ns);
	row_number(row, "ns", f.one_ns);
	row_number(row, "cycles", f.one_cycles);
	row_number(row, "ratio_to_alone", f.one_ratio);
	row = report_row(rep, "all_active_random");
	row_number(row, "connections", o->conns);
	row_number(row, "ns_alone", f.alone_ns);
	row_number(row, "ns", f.all_ns);
	row_number(row, "cycles", f.all_cycles);
	row_number(row, "ratio_to_alone", f.all_ratio);
	row_number(row, "huge_mb", f.huge_mb);
	return true;
}

int mode_tcp(const struct bench_opts *o, struct report *rep)
{
	bool ok = contest(o, rep);

	if (bench_wanted(o, "scale"))
		ok = scale(o, rep) && ok;
	return ok ? 0 : 1;
}
