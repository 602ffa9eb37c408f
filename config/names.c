/* SPDX-License-Identifier: BSD-3-Clause */
/* [names]: read before everything else, so that a name may stand for its id anywhere in the file. */
#include "names.h"
#include "ini.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void add(struct conf *c, const struct ini *ini, struct conf_errors *e)
{
	char name[NAMES_NAME_MAX + 1], why[NAMES_WHY_MAX];
	struct node_id id, unused;
	int kind = names_read(ini->key, strlen(ini->key), name, &unused, why);
	enum id_parse_result parsed = id_parse(ini->value, strlen(ini->value), &id);

	if (kind != NAMES_IS_NAME) {
		conf_error(e, ini->line, "%.40s: %s", ini->key,
		           kind < 0 ? why : "an id stands where a name is expected: NAME = ID");
		return;
	}
	if (parsed != ID_PARSE_OK) {
		conf_error(e, ini->line, "%s: %s", name, id_parse_error(parsed));
		return;
	}
	switch (names_add(&c->names, name, &id)) {
	case 0:
		break;
	case -ENOSPC:
		conf_error(e, ini->line, "there are too many names: %d are possible", NAMES_MAX);
		break;
	case -ENOMEM:
		conf_error(e, ini->line, "out of memory for the names");
		break;
	default:
		conf_error(e, ini->line, "duplicate name `%s` in [names]", name);
		break;
	}
}

/* `file = PATH`, once. Returns its line where it is to be read, else 0. */
static uint32_t set_file(struct conf *c, const struct ini *ini, struct conf_errors *e)
{
	if (*c->names_file) {
		conf_error(e, ini->line, "duplicate option `file` in [names]");
		return 0;
	}
	if (!*ini->value || strlen(ini->value) >= sizeof(c->names_file)) {
		conf_error(e, ini->line, "file: a path of 1..%zu characters is expected",
		           sizeof(c->names_file) - 1);
		return 0;
	}
	memcpy(c->names_file, ini->value, strlen(ini->value) + 1);
	return ini->line;
}

void conf_names_read(struct conf *c, const char *text, size_t len, conf_names_fn *names_file,
                     struct conf_errors *e)
{
	const char *name = conf_sections[CONF_SEC_NAMES].name;
	bool inside = false, seen = false;
	uint32_t file_line = 0;
	struct ini ini;

	ini_init(&ini, text, len);
	while (ini_next(&ini) != INI_END) {
		/* What else is wrong is told by who reads the other sections. */
		if (ini.kind == INI_SECTION) {
			inside = strcmp(ini.key, name) == 0 && !*ini.value && !seen;
			seen |= inside;
		} else if (ini.kind == INI_PAIR && inside && strcmp(ini.key, "file") == 0) {
			file_line = set_file(c, &ini, e);
		} else if (ini.kind == INI_PAIR && inside) {
			add(c, &ini, e);
		}
	}
	if (file_line && names_file)
		names_file(c, file_line, e);
}

void conf_names_lines(struct conf *c, const char *file, const char *text, size_t len,
                      struct conf_errors *e)
{
	const char *own = e->file;
	char why[NAMES_WHY_MAX];
	uint32_t line = 0;

	e->file = file;
	for (size_t at = 0; at < len;) {
		const char *nl = memchr(text + at, '\n', len - at);
		size_t n = nl ? (size_t)(nl - text) - at : len - at;

		line++;
		if (names_add_line(&c->names, text + at, n, why) != 0)
			conf_error(e, line, "%s", why);
		at += n + 1;
	}
	e->file = own;
}

/* One word as it is written into the value. */
static const char *word_for(const struct conf *c, const char *word, size_t n,
                            char text[ID_TEXT_LEN + 1])
{
	char name[NAMES_NAME_MAX + 1], why[NAMES_WHY_MAX];
	const struct names_row *row = NULL;
	struct node_id id;

	if (names_read(word, n, name, &id, why) == NAMES_IS_NAME)
		row = names_find(&c->names, name);
	if (!row)
		return NULL;
	id_to_text(&row->id, text);
	return text;
}

int conf_names_replace(const struct conf *c, const char *value, const char *after,
                       char out[CONF_LINE_MAX])
{
	static const char between[] = " \t,";
	char text[ID_TEXT_LEN + 1];
	bool wanted = !after;
	size_t len = 0;

	for (const char *p = value; *p;) {
		size_t gap = strspn(p, between), n = strcspn(p + gap, between);
		const char *word = wanted ? word_for(c, p + gap, n, text) : NULL;
		size_t wide = word ? strlen(word) : n;

		if (len + gap + wide >= CONF_LINE_MAX)
			return -ENOSPC;
		memcpy(out + len, p, gap);
		memcpy(out + len + gap, word ? word : p + gap, wide);
		len += gap + wide;
		if (after)
			wanted = strlen(after) == n && memcmp(p + gap, after, n) == 0;
		p += gap + n;
	}
	out[len] = '\0';
	return 0;
}
