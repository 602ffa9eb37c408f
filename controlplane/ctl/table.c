/* SPDX-License-Identifier: BSD-3-Clause */
/* Cells and columns. */
#include "ctl/table.h"

#include <stdlib.h>
#include <string.h>

#define CELL_MAX 160

/* Three digits that matter. */
static void scaled(double v, double step, const char *const *units, unsigned n, char *out,
                   size_t cap)
{
	unsigned i = 0;

	while (v >= step * 0.9995 && i + 1 < n) {
		v /= step;
		i++;
	}
	if (i == 0 && v == (double)(long long)v)
		snprintf(out, cap, "%.0f%s", v, units[0]);
	else
		snprintf(out, cap,
		         v < 9.995   ? "%.2f%s"
		         : v < 99.95 ? "%.1f%s"
		                     : "%.0f%s",
		         v, units[i]);
}

static void duration(double us, char *out, size_t cap)
{
	static const char *const units[] = {" us", " ms", " s"};
	double s = us / 1e6;

	if (s < 120)
		scaled(us, 1000, units, 3, out, cap);
	else if (s < 7200)
		snprintf(out, cap, "%.0f min", s / 60);
	else if (s < 172800)
		snprintf(out, cap, "%.1f h", s / 3600);
	else
		snprintf(out, cap, "%.1f d", s / 86400);
}

static void id_cell(const struct column *col, const struct jvalue *row, const char *text, char *out,
                    size_t cap)
{
	const char *name = col->name_key ? jvalue_text(row, col->name_key) : NULL;

	if (name)
		snprintf(out, cap, "%.63s", name);
	else
		snprintf(out, cap, "%.8s", text);
}

static void number_cell(enum cell cell, const struct jvalue *v, char *out, size_t cap)
{
	static const char *const counts[] = {"", " k", " M", " G", " T"};
	static const char *const bytes[] = {" B", " KiB", " MiB", " GiB", " TiB"};

	switch (cell) {
	case CELL_COUNT:
		scaled(v->number, 1000, counts, 5, out, cap);
		break;
	case CELL_BYTES:
		scaled(v->number, 1024, bytes, 5, out, cap);
		break;
	case CELL_US:
		duration(v->number, out, cap);
		break;
	case CELL_MS:
		duration(v->number * 1e3, out, cap);
		break;
	case CELL_S:
		duration(v->number * 1e6, out, cap);
		break;
	default:
		snprintf(out, cap, "%s", v->text);
		break;
	}
}

void table_cell(const struct column *col, const struct jvalue *row, char *out, size_t cap)
{
	const struct jvalue *v = jvalue_get(row, col->key);

	snprintf(out, cap, "-");
	if (!v)
		return;
	switch (v->type) {
	case J_BOOL:
		snprintf(out, cap, "%s", v->truth ? "yes" : col->cell == CELL_YES ? "" : "no");
		break;
	case J_NUMBER:
		number_cell(col->cell, v, out, cap);
		break;
	case J_STRING:
		if (col->cell == CELL_ID)
			id_cell(col, row, v->text, out, cap);
		else
			snprintf(out, cap, "%s", v->text);
		break;
	default:
		break;
	}
	/* What other nodes choose must not steer the terminal. */
	for (char *c = out; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
}

static bool right_aligned(enum cell c)
{
	return c != CELL_TEXT && c != CELL_ID && c != CELL_YES;
}

static void row_print(FILE *f, const struct column *cols, unsigned ncols, char (*cells)[CELL_MAX],
                      const size_t *width)
{
	size_t blanks = 0;

	for (unsigned i = 0; i < ncols; i++) {
		size_t n = strlen(cells[i]), pad = width[i] > n ? width[i] - n : 0;

		if (right_aligned(cols[i].cell)) {
			fprintf(f, "%*s%s", (int)(blanks + pad), "", cells[i]);
			blanks = 2;
		} else {
			/* Nothing trails a line. */
			fprintf(f, "%*s%s", n ? (int)blanks : 0, "", cells[i]);
			blanks = n ? pad + 2 : blanks + pad + 2;
		}
	}
	fputc('\n', f);
}

void table_print(FILE *f, const struct column *cols, unsigned ncols, const struct jvalue *rows,
                 const char *none)
{
	size_t width[TABLE_COLUMNS_MAX];
	char cells[TABLE_COLUMNS_MAX][CELL_MAX];

	if (!rows || !rows->first) {
		fprintf(f, "%s\n", none);
		return;
	}
	if (ncols > TABLE_COLUMNS_MAX)
		ncols = TABLE_COLUMNS_MAX;
	for (unsigned i = 0; i < ncols; i++)
		width[i] = strlen(cols[i].title);
	for (const struct jvalue *r = rows->first; r; r = r->next)
		for (unsigned i = 0; i < ncols; i++) {
			table_cell(&cols[i], r, cells[0], CELL_MAX);
			if (strlen(cells[0]) > width[i])
				width[i] = strlen(cells[0]);
		}
	for (unsigned i = 0; i < ncols; i++)
		snprintf(cells[i], CELL_MAX, "%s", cols[i].title);
	row_print(f, cols, ncols, cells, width);
	for (const struct jvalue *r = rows->first; r; r = r->next) {
		for (unsigned i = 0; i < ncols; i++)
			table_cell(&cols[i], r, cells[i], CELL_MAX);
		row_print(f, cols, ncols, cells, width);
	}
}
