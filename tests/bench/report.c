/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of figures, printed as one JSON document or as a table with the machine and the commit they belong to. */
#include "base/json.h"
#include "bench.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>

struct row *report_row(struct report *r, const char *name)
{
	struct row *row;

	if (r->n == REPORT_ROWS)
		bench_die("more than %d rows", REPORT_ROWS);
	row = &r->row[r->n++];
	memset(row, 0, sizeof(*row));
	snprintf(row->name, sizeof(row->name), "%s", name);
	return row;
}

static struct row_field *add(struct row *r, const char *key)
{
	if (r->n == ROW_FIELDS)
		bench_die("more than %d fields", ROW_FIELDS);
	r->field[r->n].key = key;
	return &r->field[r->n++];
}

void row_number(struct row *r, const char *key, double value)
{
	add(r, key)->value = value;
}

void row_text(struct row *r, const char *key, const char *value)
{
	add(r, key)->text = value;
}

void row_bool(struct row *r, const char *key, bool value)
{
	struct row_field *f = add(r, key);

	f->truth = true;
	f->value = value;
}

void row_null(struct row *r, const char *key)
{
	add(r, key)->null = true;
}

/* The CPU's name as the kernel tells it. */
static void cpu_name(char *out, size_t cap)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[256];

	snprintf(out, cap, "unknown");
	while (f && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) != 0 || !colon)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(out, cap, "%s", colon + 2);
		break;
	}
	if (f)
		fclose(f);
}

/* Three significant places are what such figures hold. */
static double rounded(double v)
{
	char text[32];

	snprintf(text, sizeof(text), "%.4g", v);
	return strtod(text, NULL);
}

static void print_json(const struct report *r, const char *cpu)
{
	struct json j = {0};

	json_object(&j, NULL);
	json_str(&j, "cpu", cpu);
	json_uint(&j, "cores", bench_cpus());
	json_str(&j, "commit", BENCH_COMMIT);
	json_str(&j, "command", r->command);
	json_array(&j, "rows");
	for (unsigned i = 0; i < r->n; i++) {
		const struct row *row = &r->row[i];

		json_object(&j, NULL);
		json_str(&j, "case", row->name);
		for (unsigned k = 0; k < row->n; k++) {
			const struct row_field *f = &row->field[k];

			if (f->null)
				json_null(&j, f->key);
			else if (f->truth)
				json_bool(&j, f->key, f->value > 0);
			else if (f->text)
				json_str(&j, f->key, f->text);
			else
				json_double(&j, f->key, rounded(f->value));
		}
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
	if (!j.failed)
		puts(j.text);
	json_free(&j);
}

void report_print(const struct report *r, bool json)
{
	char cpu[128];

	cpu_name(cpu, sizeof(cpu));
	if (json) {
		print_json(r, cpu);
		return;
	}
	printf("%s\n%s, %u cores; commit %s\n", r->command, cpu, bench_cpus(), BENCH_COMMIT);
	for (unsigned i = 0; i < r->n; i++) {
		const struct row *row = &r->row[i];

		printf("  %-28s", row->name);
		for (unsigned k = 0; k < row->n; k++) {
			const struct row_field *f = &row->field[k];

			if (f->text)
				printf("  %s %s", f->key, f->text);
			else if (f->truth)
				printf("  %s %s", f->key, f->value > 0 ? "yes" : "no");
			else if (f->null)
				printf("  %s -", f->key);
			else
				printf("  %s %.4g", f->key, f->value);
		}
		putchar('\n');
	}
}
