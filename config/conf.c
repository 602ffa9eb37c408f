/* SPDX-License-Identifier: BSD-3-Clause */
/* From text to struct conf: sections, keys, duplicates, defaults; errors are collected, not fatal one by one. */
#include "addr.h"
#include "names.h"
#include "ini.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- "did you mean" ---- */

/* Edits between two words, bounded: words longer than 31 are never near. */
static unsigned edits(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned row[32];

	if (n > 31 || m > 31)
		return 99;
	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned best = diagonal + (tolower((unsigned char)a[i - 1]) != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[m];
}

struct nearest {
	const char *word;
	unsigned edits;
};

static void nearer(struct nearest *best, const char *typed, const char *candidate)
{
	unsigned d;
	char dashed[32];
	size_t i;

	for (i = 0; i + 1 < sizeof(dashed) && typed[i]; i++)
		dashed[i] = typed[i] == '_' ? '-' : typed[i];
	dashed[i] = '\0';
	d = edits(dashed, candidate);
	if (d < best->edits && d <= 1 + strlen(candidate) / 3) {
		best->edits = d;
		best->word = candidate;
	}
}

static void unknown_key(enum conf_section s, const char *key, uint32_t line, struct conf_errors *e)
{
	const struct conf_section_info *info = &conf_sections[s];
	struct nearest best = {NULL, 99};

	for (uint32_t i = 0; i < info->noptions; i++)
		nearer(&best, key, info->options[i].key);
	if (best.word) {
		conf_error(e, line, "unknown option `%.40s` in [%s]; did you mean `%s`?", key,
		           info->name, best.word);
		return;
	}
	for (unsigned t = 0; t < CONF_SECTIONS; t++)
		if (t != s && conf_option_index(t, key) >= 0) {
			conf_error(e, line, "unknown option `%.40s` in [%s]; it belongs in [%s]",
			           key, info->name, conf_sections[t].name);
			return;
		}
	conf_error(e, line, "unknown option `%.40s` in [%s]; coyod.conf(5) lists them all", key,
	           info->name);
}

static void unknown_section(const char *name, uint32_t line, struct conf_errors *e)
{
	struct nearest best = {NULL, 99};

	for (unsigned t = 0; t < CONF_SECTIONS; t++)
		nearer(&best, name, conf_sections[t].name);
	if (best.word)
		conf_error(e, line, "unknown section [%.40s]; did you mean [%s]?", name, best.word);
	else
		conf_error(e, line,
		           "unknown section [%.40s]; there are [node], [worker], [api], [tun], "
		           "[port NAME], [link NAME], [listen NAME], [lsp NAME], "
		           "[forward NAME] and [names]",
		           name);
}

/* ---- sections ---- */

static void defaults(enum conf_section s, void *base)
{
	const struct conf_section_info *info = &conf_sections[s];
	char why[160];

	for (uint32_t i = 0; i < info->noptions; i++) {
		const char *def = info->options[i].def;

		if (def && *def && conf_value_parse(&info->options[i], def, base, why, sizeof(why)))
			abort(); /* a default outside its own range: the unit test walks every row */
	}
}

static bool name_ok(const char *s, size_t max)
{
	size_t n = strlen(s);

	if (n == 0 || n > max)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("-_.", *s))
			return false;
	return true;
}

/* Room for one more element in a growing array; NULL at the limit. */
static void *grow(void **array, uint32_t *n, size_t size, uint32_t max)
{
	char *a = *array;

	if (*n >= max)
		return NULL;
	if ((*n & (*n - 1)) == 0) {
		a = realloc(a, size * (*n ? *n * 2 : 1));
		if (!a)
			return NULL;
		*array = a;
	}
	memset(a + size * *n, 0, size);
	return a + size * (*n)++;
}

struct reading {
	struct conf *c;
	struct conf_errors *e;
	enum conf_section section;
	struct conf_head *head; /* NULL: keys of an unknown section are skipped */
};

/* The sections of one kind that have names. */
struct named {
	void **array;
	uint32_t *n;
	size_t size;
	uint32_t max;
};

static struct named named_of(struct conf *c, enum conf_section s)
{
	switch (s) {
	case CONF_SEC_PORT:
		return (struct named){(void **)&c->ports, &c->nports, sizeof(*c->ports),
		                      CONF_PORTS_MAX};
	case CONF_SEC_LINK:
		return (struct named){(void **)&c->links, &c->nlinks, sizeof(*c->links),
		                      CONF_LINKS_MAX};
	case CONF_SEC_LISTEN:
		return (struct named){(void **)&c->listens, &c->nlistens, sizeof(*c->listens),
		                      CONF_LISTENS_MAX};
	case CONF_SEC_FORWARD:
		return (struct named){(void **)&c->forwards, &c->nforwards, sizeof(*c->forwards),
		                      CONF_FORWARDS_MAX};
	default:
		return (struct named){(void **)&c->lsps, &c->nlsps, sizeof(*c->lsps),
		                      CONF_LSPS_MAX};
	}
}

static struct conf_head *find_named(const struct named *k, const char *name)
{
	char *base = *k->array;

	for (uint32_t i = 0; i < *k->n; i++, base += k->size)
		if (strcmp(((struct conf_head *)(void *)base)->name, name) == 0)
			return (void *)base;
	return NULL;
}

static void open_named(struct reading *r, enum conf_section s, const char *name, uint32_t line)
{
	struct named k = named_of(r->c, s);
	const struct conf_head *old;
	struct conf_head *h;

	if (!name_ok(name, 31)) {
		conf_error(r->e, line,
		           "[%s NAME] needs a name of 1..31 letters, digits, dots, - or _",
		           conf_sections[s].name);
		return;
	}
	old = find_named(&k, name);
	if (old) {
		conf_error(r->e, line, "duplicate section [%s %s]; the first is in line %u",
		           conf_sections[s].name, name, old->line);
		return;
	}
	h = grow(k.array, k.n, k.size, k.max);
	if (!h) {
		conf_error(r->e, line, "there are too many sections [%s NAME]: %u are possible",
		           conf_sections[s].name, k.max);
		return;
	}
	defaults(s, h);
	snprintf(h->name, sizeof(h->name), "%.31s", name);
	h->line = line;
	r->head = h;
}

static void open_section(struct reading *r, const struct ini *ini)
{
	struct conf *c = r->c;
	struct conf_head *single[] = {&c->node.head, &c->worker.head, &c->api.head, &c->tun.head};
	uint32_t *line;
	unsigned s;

	r->head = NULL;
	for (s = 0; s < CONF_SECTIONS; s++)
		if (strcmp(ini->key, conf_sections[s].name) == 0)
			break;
	if (s == CONF_SECTIONS) {
		unknown_section(ini->key, ini->line, r->e);
		return;
	}
	r->section = s;
	if (conf_sections[s].named) {
		open_named(r, s, ini->value, ini->line);
		return;
	}
	if (*ini->value) {
		conf_error(r->e, ini->line, "[%s] takes no name: there is one such section only",
		           ini->key);
		return;
	}
	line = s == CONF_SEC_NAMES ? &c->names_line : &single[s]->line;
	if (*line) {
		conf_error(r->e, ini->line, "duplicate section [%s]; the first is in line %u",
		           ini->key, *line);
		return;
	}
	*line = ini->line;
	r->head = s == CONF_SEC_NAMES ? NULL : single[s];
}

/* Options that take ids take names of [names] in their place. */
static bool takes_names(const struct conf_option *o, const char *value)
{
	return o->kind == CONF_id || o->kind == CONF_where || o->kind == CONF_allow ||
	       (o->kind == CONF_accept && conf_accept_mode(value) == CONF_ACCEPT_IDS);
}

static void take_pair(struct reading *r, const struct ini *ini, bool any_section)
{
	const struct conf_option *o;
	char why[200], ids[CONF_LINE_MAX];
	const char *value;
	int i;

	if (!any_section) {
		conf_error(r->e, ini->line, "`%.40s` stands before the first section", ini->key);
		return;
	}
	if (!r->head)
		return; /* of [names], which was read before, or of no section there is */
	i = conf_option_index(r->section, ini->key);
	if (i < 0) {
		unknown_key(r->section, ini->key, ini->line, r->e);
		return;
	}
	if (r->head->given >> i & 1) {
		bool several = conf_sections[r->section].options[i].kind == CONF_ends;

		conf_error(r->e, ini->line, "duplicate option `%s`; the first is in line %u%s",
		           ini->key, r->head->lines[i],
		           several ? "; several addresses stand in one line, with commas between"
		                   : "");
		return;
	}
	r->head->given |= UINT32_C(1) << i;
	r->head->lines[i] = ini->line;
	o = &conf_sections[r->section].options[i];
	value = ini->value;
	if (takes_names(o, value)) {
		int rc = o->kind == CONF_where
		                 ? conf_where_names(r->c, value, ids)
		                 : conf_names_replace(r->c, value,
		                                      o->kind == CONF_allow ? "from" : NULL, ids);

		if (rc != 0) {
			conf_error(r->e, ini->line,
			           "%s: the ids of these names do not fit into a line%s", o->key,
			           o->kind == CONF_accept ? "; name a file with an id a line" : "");
			return;
		}
		value = ids;
	}
	if (conf_value_parse(o, value, r->head, why, sizeof(why)) == 0)
		return;
	if (o->kind == CONF_id || o->kind == CONF_ends || o->kind == CONF_where)
		conf_error(r->e, ini->line, "%s: %s", o->key, why);
	else
		conf_error(r->e, ini->line, "%s: `%.80s` is not allowed; expected %s", o->key,
		           ini->value, why);
	/* A refused text leaves the default, so that checks across options read defined values. */
	if (o->def && *o->def && conf_value_parse(o, o->def, r->head, why, sizeof(why)))
		abort();
}

static void check_required(const struct conf_head *h, enum conf_section s, struct conf_errors *e)
{
	const struct conf_section_info *info = &conf_sections[s];

	for (uint32_t i = 0; i < info->noptions; i++) {
		if (info->options[i].def || (h->given >> i & 1))
			continue;
		if (h->line == 0)
			conf_error(e, 0, "[%s] with `%s = ...` is missing (%s)", info->name,
			           info->options[i].key, info->options[i].help);
		else
			conf_error(e, h->line, "[%s%s%s] needs `%s = ...` (%s)", info->name,
			           *h->name ? " " : "", h->name, info->options[i].key,
			           info->options[i].help);
	}
}

int conf_parse(struct conf *c, const char *file, const char *text, size_t len,
               conf_names_fn *names_file, struct conf_errors *e)
{
	struct reading r = {.c = c, .e = e};
	struct ini ini;
	bool any = false;
	uint32_t before = e->count;

	*c = (struct conf){0};
	snprintf(c->file, sizeof(c->file), "%s", file);
	e->file = file;
	defaults(CONF_SEC_NODE, &c->node);
	defaults(CONF_SEC_WORKER, &c->worker);
	defaults(CONF_SEC_API, &c->api);
	defaults(CONF_SEC_TUN, &c->tun);
	conf_names_read(c, text, len, names_file, e);
	ini_init(&ini, text, len);
	while (ini_next(&ini) != INI_END) {
		if (ini.kind == INI_BAD) {
			conf_error(e, ini.line, "%s", ini.error);
			continue;
		}
		if (ini.kind == INI_SECTION) {
			any = true;
			open_section(&r, &ini);
		} else {
			take_pair(&r, &ini, any);
		}
	}
	check_required(&c->node.head, CONF_SEC_NODE, e);
	for (uint32_t i = 0; i < c->nports; i++)
		check_required(&c->ports[i].head, CONF_SEC_PORT, e);
	for (uint32_t i = 0; i < c->nlinks; i++)
		check_required(&c->links[i].head, CONF_SEC_LINK, e);
	for (uint32_t i = 0; i < c->nlistens; i++)
		check_required(&c->listens[i].head, CONF_SEC_LISTEN, e);
	for (uint32_t i = 0; i < c->nlsps; i++)
		check_required(&c->lsps[i].head, CONF_SEC_LSP, e);
	for (uint32_t i = 0; i < c->nforwards; i++)
		check_required(&c->forwards[i].head, CONF_SEC_FORWARD, e);
	conf_check(c, e);
	if (e->count > CONF_ERRORS_MAX && before <= CONF_ERRORS_MAX) {
		uint32_t more = e->count - CONF_ERRORS_MAX;

		e->count = CONF_ERRORS_MAX - 1;
		conf_error(e, 0, "and %u more errors", more);
		e->count = CONF_ERRORS_MAX + more;
	}
	return e->count == before ? 0 : -EINVAL;
}

void conf_free(struct conf *c)
{
	free(c->ports);
	free(c->links);
	free(c->listens);
	free(c->lsps);
	names_free(&c->names);
	free(c->forwards);
	*c = (struct conf){0};
}
