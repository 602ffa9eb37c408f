/* SPDX-License-Identifier: BSD-3-Clause */
/* tcpscript: runs line scripts against the TCP engine in virtual time. */
#include "drive.h"
#include "isolate.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const usage =
        "usage: tcpscript [OPTION...] FILE|DIRECTORY...\n"
        "Runs scripts (files *.tcp) against dataplane/tcp in virtual time; tests/script/README.md "
        "has the language.\n"
        "  --trace     print what happened in every script, not only in those that fail\n"
        "  --isolate   one that fails, crashes or hangs (10 s) does so alone: it is run again in a "
        "process of its own\n"
        "  --results   print a line \"ok NAME\" or \"FAILED NAME\" for each script and nothing "
        "else\n"
        "  --must-fail every script must fail, and in the line whose comment says FAILS\n"
        "  --first     stop after the first that fails\n"
        "  --list      print the scripts' names\n"
        "  --help\n"
        "Returns 0 when every script ran as written, 1 when one did not, 2 when the command line "
        "is wrong.\n";

static struct {
	bool trace, isolate, results, must_fail, first, list;
	unsigned ran, failed;
} opt;

static char *paths[4096];
static unsigned npaths;

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void collect(const char *path)
{
	struct stat st;
	struct dirent *e;
	char sub[1024];
	size_t n = strlen(path);
	DIR *dir;

	if (stat(path, &st) != 0) {
		fprintf(stderr, "tcpscript: %s: %s\n", path, strerror(errno));
		exit(2);
	}
	if (!S_ISDIR(st.st_mode)) {
		if (npaths < sizeof(paths) / sizeof(paths[0]))
			paths[npaths++] = strdup(path);
		return;
	}
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		n = strlen(e->d_name);
		if (e->d_name[0] == '.')
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		if (stat(sub, &st) == 0 &&
		    (S_ISDIR(st.st_mode) || (n > 4 && strcmp(e->d_name + n - 4, ".tcp") == 0)))
			collect(sub);
	}
	if (dir)
		closedir(dir);
}

static void run_file(struct drive *d, const char *path, unsigned depth);

/* include FILE: beside the file that says it. */
static bool include(struct drive *d, const char *path, char *line, unsigned depth)
{
	struct scan s = {line};
	char name[256], full[1024];
	const char *slash = strrchr(path, '/');

	if (!scan_is(&s, "include"))
		return false;
	if (depth > 4)
		drive_fail(d, "includes are too deep");
	if (!scan_word(&s, name, sizeof(name)) || !scan_end(&s))
		drive_fail(d, "include FILE");
	snprintf(full, sizeof(full), "%.*s%s", slash ? (int)(slash - path + 1) : 0, path, name);
	run_file(d, full, depth + 1);
	return true;
}

/* repeat N ... done: the lines between, N times; not nested. */
static bool repeat(struct drive *d, FILE *f, char *line)
{
	struct scan s = {line};

	if (scan_is(&s, "repeat")) {
		if (d->again || !scan_u32(&s, &d->again) || !d->again || !scan_end(&s))
			drive_fail(d, "repeat N, and not within another");
		d->again_at = ftell(f);
		d->again_line = d->line;
		return true;
	}
	if (!scan_is(&s, "done"))
		return false;
	if (!d->again || !scan_end(&s))
		drive_fail(d, "nothing is repeated");
	if (--d->again) {
		fseek(f, d->again_at, SEEK_SET);
		d->line = d->again_line;
	}
	return true;
}

static void run_file(struct drive *d, const char *path, unsigned depth)
{
	const char *outer = d->file;
	unsigned outer_line = d->line;
	char line[1024];
	FILE *f = fopen(path, "r");
	volatile bool rfc = depth > 0;

	if (!f)
		drive_fail(d, "%s: %s", path, strerror(errno));
	d->open[d->nopen++] = f;
	d->file = path;
	d->line = 0;
	while (fgets(line, sizeof(line), f)) {
		d->line++;
		line[strcspn(line, "\n")] = 0;
		if (line[0] == '#' && strstr(line, "RFC"))
			rfc = true;
		if (include(d, path, line, depth) || repeat(d, f, line))
			continue;
		statement(d, line);
	}
	fclose(f);
	d->nopen--;
	if (d->again)
		drive_fail(d, "repeat without done");
	if (!rfc)
		drive_fail(d, "no comment names an RFC");
	if (!depth) {
		drive_begin(d);
		statement(d, "nothing");
	}
	d->file = outer;
	d->line = outer_line;
}

/* The line of the file that should fail; 0: none. */
static unsigned marked_line(const char *path)
{
	char line[1024];
	unsigned n = 0, at = 0;
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof(line), f)) {
		n++;
		if (strstr(line, "# FAILS"))
			at = n;
	}
	if (f)
		fclose(f);
	return at;
}

/* False: it did not go as written. */
static bool run_script(const char *path)
{
	static struct drive d; /* large */
	volatile bool ok = true;

	drive_init(&d);
	if (setjmp(d.fail) == 0)
		run_file(&d, path, 0);
	else
		ok = false;
	if (opt.must_fail) {
		bool right = !ok && d.line == marked_line(path);

		if (!right)
			printf("%s: did not fail where it should, but %s:%u %s\n", path,
			       ok ? "not at all" : d.file, d.line, d.why);
		ok = right;
	} else if (!opt.results && (opt.trace || !ok)) {
		if (!ok)
			printf("%s:%u: %s\n", d.file, d.line, d.why);
		printf("  trace of %s:\n%.*s", path, (int)d.trace_len, d.trace ? d.trace : "");
	}
	drive_free(&d);
	return ok;
}

/* False: that was enough. */
static bool verdict(const char *path, bool ok, int signal)
{
	if (signal && !opt.results)
		printf("%s: ended by signal %d\n", path, signal);
	opt.ran++;
	opt.failed += !ok;
	if (opt.results || !ok)
		printf("%s %s\n", ok ? "ok" : "FAILED", path);
	return ok || !opt.first;
}

static bool option(const char *a)
{
	static const struct {
		const char *name;
		bool *flag;
	} flags[] = {{"--trace", &opt.trace},     {"--isolate", &opt.isolate},
	             {"--results", &opt.results}, {"--must-fail", &opt.must_fail},
	             {"--first", &opt.first},     {"--list", &opt.list}};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (strcmp(flags[i].name, a) == 0)
			return *flags[i].flag = true;
	return false;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			fputs(usage, stdout);
			return 0;
		}
		if (option(argv[i]))
			continue;
		if (argv[i][0] == '-') {
			fprintf(stderr, "tcpscript: unknown option %s\n%s", argv[i], usage);
			return 2;
		}
		collect(argv[i]);
	}
	if (!npaths) {
		fputs(usage, stderr);
		return 2;
	}
	qsort(paths, npaths, sizeof(paths[0]), by_name);
	if (opt.list)
		for (unsigned i = 0; i < npaths; i++)
			puts(paths[i]);
	else if (opt.isolate)
		isolate_run(paths, npaths, run_script, verdict);
	else
		for (unsigned i = 0; i < npaths; i++)
			if (!verdict(paths[i], run_script(paths[i]), 0))
				break;
	for (unsigned i = 0; i < npaths; i++)
		free(paths[i]);
	if (!opt.list && !opt.results)
		printf("%u scripts, %u failed\n", opt.ran, opt.failed);
	return opt.failed ? 1 : 0;
}
