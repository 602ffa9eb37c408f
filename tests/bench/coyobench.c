/* SPDX-License-Identifier: BSD-3-Clause */
/* coyobench: figures of the data plane, each beside a reference measured in the same minute. */
#include "bench.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
        "usage: coyobench MODE [OPTION...]\n"
        "\n"
        "Modes:\n"
        "  tcp      one stream, ping-pong, connections per second over two workers and their "
        "session "
        "AEAD,\n"
        "           beside the kernel's TCP over veth between two namespaces; the engine with many "
        "connections\n"
        "  door     a worker's verdict on a stranger's first message, beside a Diffie-Hellman\n"
        "  switch   the worker's loop by number of labels, beside a bare table swap, and the cost "
        "of "
        "an install\n"
        "  seal     sealing and opening in bursts by size and number of keys\n"
        "  aead     every AEAD back end by size\n"
        "\n"
        "Options:\n"
        "  --case NAME    only cases whose names begin so\n"
        "  --seconds S    length of one measurement [1]\n"
        "  --runs N       measurements of each case, the median is reported [3]\n"
        "  --no-kernel    tcp: leave the kernel's figures out\n"
        "  --conns N      tcp: open connections in the scale cases [100000]\n"
        "  --mtu N        tcp: of the Ethernet wire, ours and the kernel's [1500]\n"
        "  --smoke        tiny sizes: shows that it runs, measures nothing\n"
        "  --json         one JSON document\n"
        "  --help         this text\n"
        "\n"
        "Runs as any user; as root its threads take real-time priority for the time of a run.\n";

enum option_id {
	OPT_CASE = 256,
	OPT_SECONDS,
	OPT_RUNS,
	OPT_KERNEL,
	OPT_CONNS,
	OPT_MTU,
	OPT_SMOKE,
	OPT_JSON
};

static const struct option options[] = {
        {"case", required_argument, NULL, OPT_CASE},
        {"seconds", required_argument, NULL, OPT_SECONDS},
        {"runs", required_argument, NULL, OPT_RUNS},
        {"no-kernel", no_argument, NULL, OPT_KERNEL},
        {"conns", required_argument, NULL, OPT_CONNS},
        {"mtu", required_argument, NULL, OPT_MTU},
        {"smoke", no_argument, NULL, OPT_SMOKE},
        {"json", no_argument, NULL, OPT_JSON},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
};

static const struct {
	const char *name;
	int (*run)(const struct bench_opts *o, struct report *r);
} modes[] = {
        {"tcp", mode_tcp},
        {"door", mode_door},
        {"switch", mode_switch},
};

static double number(const char *what, const char *text, double low, double high)
{
	char *end;
	double v;

	errno = 0;
	v = strtod(text, &end);
	if (end == text || *end || errno || !(v >= low && v <= high))
		bench_die("--%s must be %g to %g, not %s", what, low, high, text);
	return v;
}

static bool take(int option, struct bench_opts *o)
{
	switch (option) {
	case OPT_CASE:
		o->only = optarg;
		return true;
	case OPT_SECONDS:
		o->seconds = number("seconds", optarg, 0.05, 60);
		return true;
	case OPT_RUNS:
		o->runs = (unsigned)number("runs", optarg, 1, 15);
		return true;
	case OPT_KERNEL:
		o->kernel = false;
		return true;
	case OPT_CONNS:
		o->conns = (unsigned)number("conns", optarg, 64, 1000000);
		return true;
	case OPT_MTU:
		o->mtu = (unsigned)number("mtu", optarg, 576, 1900);
		return true;
	case OPT_SMOKE:
		o->smoke = true;
		o->seconds = 0.1;
		o->runs = 1;
		o->conns = 500;
		bench_modest();
		return true;
	case OPT_JSON:
		o->json = true;
		return true;
	case 'h':
		fputs(help, stdout);
		exit(0);
	default:
		return false;
	}
}

bool bench_wanted(const struct bench_opts *o, const char *name)
{
	return !o->only || strncmp(o->only, name, strlen(o->only)) == 0;
}

static char *joined(int argc, char **argv)
{
	static char text[512] = "coyobench";

	for (int i = 1; i < argc; i++) {
		size_t n = strlen(text);

		snprintf(text + n, sizeof(text) - n, " %s", argv[i]);
	}
	return text;
}

int main(int argc, char **argv)
{
	struct bench_opts o = {
	        .kernel = true, .seconds = 1, .runs = 3, .conns = 100000, .mtu = 1500};
	static struct report report;
	int option, rc;

	report.command = joined(argc, argv);
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
		if (!take(option, &o)) {
			fputs("try coyobench --help\n", stderr);
			return 2;
		}
	for (unsigned i = 0; optind + 1 == argc && i < ARRAY_LEN(modes); i++) {
		if (strcmp(argv[optind], modes[i].name) != 0)
			continue;
		rc = modes[i].run(&o, &report);
		report_print(&report, o.json);
		return rc;
	}
	fputs(help, stderr);
	return 2;
}
