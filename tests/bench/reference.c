/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel as reference: two processes in two namespaces wait for work; streams are iperf3's where it is installed. */
#include "tcp.h"
#include "veth.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct order {
	uint32_t which;
	bool offloads, iperf3;
	double seconds;
};

struct answer {
	bool ok;
	char why[80];
	struct tcp_figures f;
};

struct reference {
	pid_t near;
	int ask, answer;
	bool iperf3;
	char why[80];
};

static bool installed(const char *program)
{
	const char *path = getenv("PATH");
	char name[512];

	while (path && *path) {
		size_t n = strcspn(path, ":");

		snprintf(name, sizeof(name), "%.*s/%s", (int)n, path, program);
		if (access(name, X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

static void quiet(void)
{
	(void)!freopen("/dev/null", "w", stdout);
	(void)!freopen("/dev/null", "w", stderr);
}

/* A child that does one job and is gone within the time, whatever happens. */
static void bounded(double seconds, unsigned cpu)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGALRM, SIG_DFL);
	alarm((unsigned)seconds + 8);
	bench_pin(cpu);
	bench_priority(false);
}

/* ---- the far end: serves ---- */

static bool iperf3_listens(void)
{
	char line[256];
	FILE *f = fopen("/proc/net/tcp", "r");
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, ":1451 00000000:0000 0A") != NULL;
	if (f)
		fclose(f);
	f = fopen("/proc/net/tcp6", "r");
	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, ":1451 ") != NULL && strstr(line, " 0A ") != NULL;
	if (f)
		fclose(f);
	return found;
}

static void serve_one(const struct order *o, int ready)
{
	pid_t pid = fork();

	if (pid == 0) {
		bounded(o->seconds, 0);
		if (!o->iperf3)
			_exit(kernel_server((enum tcp_case)o->which, o->seconds, ready) ? 0 : 1);
		quiet();
		execlp("iperf3", "iperf3", "-s", "-1", (char *)NULL);
		_exit(127);
	}
	if (!o->iperf3)
		return;
	for (int i = 0; i < 300 && !iperf3_listens(); i++)
		sleep_ns(10000000);
	(void)!write(ready, "+", 1);
}

static void far_main(int ask, int answer, unsigned mtu)
{
	struct order o;
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	c = netns_enter() == 0 ? '+' : '-';
	if (write(answer, &c, 1) != 1 || read(ask, &c, 1) != 1)
		_exit(1);
	c = veth_up(VETH_FAR, KERNEL_SERVER, mtu) == 0 ? '+' : '-';
	(void)!write(answer, &c, 1);
	while (read(ask, &o, sizeof(o)) == sizeof(o)) {
		struct rusage before, after;
		double cpu;

		(void)veth_offloads(VETH_FAR, o.offloads);
		getrusage(RUSAGE_CHILDREN, &before);
		serve_one(&o, answer);
		while (wait(NULL) > 0)
			;
		getrusage(RUSAGE_CHILDREN, &after);
		cpu = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec +
		               after.ru_stime.tv_sec - before.ru_stime.tv_sec) +
		      (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec +
		               after.ru_stime.tv_usec - before.ru_stime.tv_usec) /
		              1e6;
		(void)!write(answer, &cpu, sizeof(cpu));
	}
	_exit(0);
}

/* ---- the near end: connects, and knows the far one ---- */

/* The last bits_per_second under "sum_received". */
static bool iperf3_read(int fd, struct tcp_figures *f)
{
	static char text[1 << 20];
	size_t n = 0;
	ssize_t k;
	char *at;

	while (n < sizeof(text) - 1 && (k = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)k;
	text[n] = '\0';
	at = strstr(text, "\"sum_received\"");
	at = at ? strstr(at, "\"bits_per_second\":") : NULL;
	if (!at)
		return false;
	f->gbit_s = strtod(at + strlen("\"bits_per_second\":"), NULL) / 1e9;
	return f->gbit_s > 0;
}

static bool iperf3_client(double seconds, struct tcp_figures *f)
{
	int out[2];
	char time[16];
	pid_t pid;
	bool ok;

	if (pipe(out))
		return false;
	snprintf(time, sizeof(time), "%u", seconds < 1 ? 1 : (unsigned)seconds);
	pid = fork();
	if (pid == 0) {
		bounded(seconds, 1);
		dup2(out[1], 1);
		close(out[0]);
		close(out[1]);
		execlp("iperf3", "iperf3", "-c", KERNEL_SERVER, "-C", "cubic", "-t", time, "-J",
		       (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	ok = iperf3_read(out[0], f);
	close(out[0]);
	waitpid(pid, NULL, 0);
	return ok;
}

static bool own_client(const struct order *o, struct tcp_figures *f)
{
	struct tcp_figures got = {0};
	int back[2];
	bool ok;
	pid_t pid;

	if (pipe(back))
		return false;
	pid = fork();
	if (pid == 0) {
		bounded(o->seconds, 1);
		ok = kernel_client((enum tcp_case)o->which, o->seconds, &got);
		_exit(ok && write(back[1], &got, sizeof(got)) == sizeof(got) ? 0 : 1);
	}
	close(back[1]);
	ok = read(back[0], &got, sizeof(got)) == sizeof(got);
	close(back[0]);
	waitpid(pid, NULL, 0);
	*f = got;
	return ok;
}

static void work(const struct order *o, int far_ask, int far_answer, struct answer *a)
{
	double server_cpu;
	char c;

	memset(a, 0, sizeof(*a));
	(void)veth_offloads(VETH_NEAR, o->offloads);
	if (write(far_ask, o, sizeof(*o)) != sizeof(*o) || read(far_answer, &c, 1) != 1) {
		snprintf(a->why, sizeof(a->why), "the far namespace is gone");
		return;
	}
	a->ok = o->iperf3 ? iperf3_client(o->seconds, &a->f) : own_client(o, &a->f);
	if (!a->ok)
		snprintf(a->why, sizeof(a->why), "no answer from the kernel's side");
	if (read(far_answer, &server_cpu, sizeof(server_cpu)) != sizeof(server_cpu)) {
		a->ok = false;
		return;
	}
	snprintf(a->f.by, sizeof(a->f.by), "%s", o->iperf3 ? "iperf3" : "sockets");
	if (o->which == TCP_CONNECT && a->ok) {
		double per_conn = a->f.conn_s_core + server_cpu / (a->f.conn_s * o->seconds);

		a->f.conn_s_core = 1 / per_conn;
	}
}

static int near_set_up(int *far_ask, int *far_answer, unsigned mtu, char *why, size_t cap)
{
	int ask[2], answer[2], rc = netns_enter();
	char c = 0;
	pid_t far;

	if (rc) {
		snprintf(why, cap, "no network namespace: %s", strerror(-rc));
		return rc;
	}
	if (pipe(ask) || pipe(answer))
		return -errno;
	far = fork();
	if (far == 0) {
		close(ask[1]);
		close(answer[0]);
		far_main(ask[0], answer[1], mtu);
	}
	close(ask[0]);
	close(answer[1]);
	*far_ask = ask[1];
	*far_answer = answer[0];
	rc = read(answer[0], &c, 1) == 1 && c == '+' ? veth_make(far) : -EPERM;
	rc = rc ? rc : veth_up(VETH_NEAR, KERNEL_CLIENT, mtu);
	if (!rc && (write(ask[1], "+", 1) != 1 || read(answer[0], &c, 1) != 1 || c != '+'))
		rc = -EPROTO;
	if (rc)
		snprintf(why, cap, "no veth pair: %s", strerror(-rc));
	return rc;
}

static void near_main(int ask, int answer, unsigned mtu)
{
	int far_ask = -1, far_answer = -1;
	struct answer a = {0};
	struct order o;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	a.ok = near_set_up(&far_ask, &far_answer, mtu, a.why, sizeof(a.why)) == 0;
	if (write(answer, &a, sizeof(a)) != sizeof(a) || !a.ok)
		_exit(1);
	while (read(ask, &o, sizeof(o)) == sizeof(o)) {
		work(&o, far_ask, far_answer, &a);
		if (write(answer, &a, sizeof(a)) != sizeof(a))
			break;
	}
	_exit(0);
}

/* ---- the caller's side ---- */

static bool take(struct reference *r, struct answer *a, int ms)
{
	struct pollfd f = {.fd = r->answer, .events = POLLIN};

	return poll(&f, 1, ms) == 1 && read(r->answer, a, sizeof(*a)) == sizeof(*a);
}

struct reference *reference_new(unsigned mtu, const char **why)
{
	struct reference *r = calloc(1, sizeof(*r));
	static struct answer a;
	int ask[2], answer[2];

	*why = "no pipes";
	if (!r || pipe(ask) || pipe(answer)) {
		free(r);
		return NULL;
	}
	r->iperf3 = installed("iperf3");
	r->near = fork();
	if (r->near == 0) {
		close(ask[1]);
		close(answer[0]);
		near_main(ask[0], answer[1], mtu);
	}
	close(ask[0]);
	close(answer[1]);
	r->ask = ask[1];
	r->answer = answer[0];
	memset(&a, 0, sizeof(a));
	if (!take(r, &a, 10000) || !a.ok) {
		*why = a.why[0] ? a.why : "the namespaces do not come up";
		reference_free(r);
		return NULL;
	}
	return r;
}

void reference_free(struct reference *r)
{
	if (!r)
		return;
	close(r->ask); /* its end ends both processes, and with them the namespaces */
	close(r->answer);
	kill(r->near, SIGKILL);
	waitpid(r->near, NULL, 0);
	free(r);
}

bool reference_measure(struct reference *r, enum tcp_case which, bool offloads, double seconds,
                       struct tcp_figures *out, const char **why)
{
	static struct answer a;
	struct order o = {.which = which,
	                  .offloads = offloads,
	                  .iperf3 = which == TCP_STREAM && r->iperf3,
	                  .seconds = seconds};

	memset(out, 0, sizeof(*out));
	memset(&a, 0, sizeof(a));
	if (write(r->ask, &o, sizeof(o)) != sizeof(o) ||
	    !take(r, &a, (int)(seconds * 1000) + 20000)) {
		*why = "the kernel's side does not answer";
		return false;
	}
	*out = a.f;
	*why = a.why;
	return a.ok;
}
