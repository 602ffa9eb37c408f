/* SPDX-License-Identifier: BSD-3-Clause */
/* Reader of tests/vectors. */
#include "tests/lib/vectors.h"

#include "tests/lib/hex.h"

#include <stdlib.h>
#include <string.h>

bool vectors_open(struct vectors *v, const char *path)
{
	v->f = fopen(path, "r");
	v->line = 0;
	return v->f != NULL;
}

void vectors_close(struct vectors *v)
{
	fclose(v->f);
	v->f = NULL;
}

void vector_free(struct vector *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		free(b->name[i]);
		free(b->value[i]);
	}
	b->n = 0;
}

static void field(struct vector *b, char *text)
{
	char *sp = strchr(text, ' ');

	if (b->n == VECTOR_FIELDS_MAX)
		abort();
	b->value[b->n] = strdup(sp ? sp + 1 : "");
	if (sp)
		*sp = '\0';
	b->name[b->n] = strdup(text);
	b->n++;
}

bool vectors_next(struct vectors *v, struct vector *out)
{
	char text[VECTOR_LINE_MAX];

	*out = (struct vector){0};
	while (fgets(text, sizeof(text), v->f)) {
		v->line++;
		text[strcspn(text, "\r\n")] = '\0';
		if (text[0] == '#')
			continue;
		if (text[0] == '\0') {
			if (out->n)
				return true;
			continue;
		}
		if (!out->n)
			out->line = v->line;
		field(out, text);
	}
	return out->n > 0;
}

const char *vector_text(const struct vector *b, const char *name)
{
	for (unsigned i = 0; i < b->n; i++)
		if (strcmp(b->name[i], name) == 0)
			return b->value[i];
	return NULL;
}

long vector_hex(const struct vector *b, const char *name, uint8_t *out, size_t cap)
{
	const char *t = vector_text(b, name);

	return t ? hex_read(t, out, cap) : -1;
}
