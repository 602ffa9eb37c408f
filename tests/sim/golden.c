/* SPDX-License-Identifier: BSD-3-Clause */
/* Golden figures: read from the file, compared, or written anew. */
#include "golden.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 256

struct row {
	char name[96], unit[24];
	double value, percent;
	const char *note; /* comment before it, of rows to be written */
	bool seen;
};

static struct {
	char path[512], name[64];
	struct row file[ROWS], now[ROWS];
	unsigned nfile, nnow, bad;
	const char *note;
	bool renew;
} g;

void golden_open(const char *name)
{
	const char *mode = getenv("GOLDEN");
	char line[256];
	FILE *f;

	memset(&g, 0, sizeof(g));
	g.renew = mode && strcmp(mode, "renew") == 0;
	snprintf(g.name, sizeof(g.name), "%s", name);
	snprintf(g.path, sizeof(g.path), "%s/%s.txt", GOLDEN_DIR, name);
	f = fopen(g.path, "r");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f) && g.nfile < ROWS) {
		struct row *r = &g.file[g.nfile];

		if (line[0] != '#' && sscanf(line, "%95[^|]| %lf %23s within %lf", r->name,
		                             &r->value, r->unit, &r->percent) == 4) {
			for (size_t n = strlen(r->name); n && r->name[n - 1] == ' ';)
				r->name[--n] = 0;
			g.nfile++;
		}
	}
	fclose(f);
}

static struct row *in_file(const char *name)
{
	for (unsigned i = 0; i < g.nfile; i++)
		if (strcmp(g.file[i].name, name) == 0)
			return &g.file[i];
	return NULL;
}

void golden(const char *row, double value, const char *unit, double lo, double hi, double percent)
{
	struct row *old = in_file(row), *r = &g.now[g.nnow];
	const char *why = "";

	if (g.nnow < ROWS)
		g.nnow++;
	snprintf(r->name, sizeof(r->name), "%s", row);
	snprintf(r->unit, sizeof(r->unit), "%s", unit);
	r->value = value;
	r->percent = percent;
	r->note = g.note;
	g.note = NULL;
	if (!(value >= lo && value <= hi)) {
		why = "  <-- OUTSIDE THE LIMITS";
		g.bad++;
	} else if (!g.renew && !old) {
		why = "  <-- NOT IN THE FILE (scripts/golden renews it)";
		g.bad++;
	} else if (!g.renew &&
	           fabs(value - old->value) > fabs(old->value) * old->percent / 100 + 1e-6) {
		why = "  <-- NOT AS IN THE FILE (scripts/golden renews it)";
		g.bad++;
	}
	if (old)
		old->seen = true;
	printf("%-58s %12.4f %-10s [%g..%g]", row, value, unit, lo, hi);
	if (old)
		printf(" was %.4f", old->value);
	printf("%s\n", why);
	fflush(stdout);
}

void golden_note(const char *text)
{
	g.note = text;
}

static void write_file(void)
{
	FILE *f = fopen(g.path, "w");

	if (!f) {
		perror(g.path);
		g.bad++;
		return;
	}
	fprintf(f,
	        "# %s: figures of the TCP engine in virtual time. scripts/golden writes this file; "
	        "tests/sim compares with it.\n",
	        g.name);
	for (unsigned i = 0; i < g.nnow; i++) {
		if (g.now[i].note)
			fprintf(f, "# %s\n", g.now[i].note);
		fprintf(f, "%-58s | %14.4f %-10s within %g %%\n", g.now[i].name, g.now[i].value,
		        g.now[i].unit, g.now[i].percent);
	}
	if (fclose(f) != 0)
		g.bad++;
}

int golden_close(void)
{
	if (g.renew)
		write_file();
	for (unsigned i = 0; i < g.nfile && !g.renew; i++) {
		if (g.file[i].seen)
			continue;
		printf("%s: no figure any more\n", g.file[i].name);
		g.bad++;
	}
	printf("%s: %u figures, %u not as they should be\n", g.name, g.nnow, g.bad);
	return g.bad != 0;
}
