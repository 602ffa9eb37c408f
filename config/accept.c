/* SPDX-License-Identifier: BSD-3-Clause */
/* Whom a listener accepts: `any`, `none`, ids, or a file with an id a line. Names in place of ids have been replaced by then. */
#include "conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (16u << 20)

enum conf_accept_mode conf_accept_mode(const char *text)
{
	if (strcmp(text, "any") == 0)
		return CONF_ACCEPT_ANY;
	if (strcmp(text, "none") == 0)
		return CONF_ACCEPT_NONE;
	return strchr(text, '/') ? CONF_ACCEPT_FILE : CONF_ACCEPT_IDS;
}

/* A growing list. */
struct ids {
	struct node_id *v;
	uint32_t n;
};

static int put(struct ids *s, const struct node_id *id)
{
	if ((s->n & (s->n - 1)) == 0) {
		struct node_id *v = realloc(s->v, (s->n ? 2 * s->n : 1) * sizeof(*v));

		if (!v)
			return -ENOMEM;
		s->v = v;
	}
	s->v[s->n++] = *id;
	return 0;
}

/* The next word of *p, which then stands behind it; NULL: none. */
static const char *word(const char **p, const char *end, size_t *len)
{
	const char *from;

	while (*p < end && strchr(" \t\r", **p))
		(*p)++;
	from = *p;
	while (*p < end && !strchr(" \t\r", **p))
		(*p)++;
	*len = (size_t)(*p - from);
	return *len ? from : NULL;
}

static int words(const char *text, struct ids *s, char *why, size_t cap)
{
	const char *end = text + strlen(text), *w;
	struct node_id id;
	size_t len;

	while ((w = word(&text, end, &len))) {
		enum id_parse_result r = id_parse(w, len, &id);

		if (r != ID_PARSE_OK) {
			snprintf(why, cap,
			         "any, none, ids, names of [names], or a path with a /: %s",
			         id_parse_error(r));
			return -EINVAL;
		}
		if (s && put(s, &id) != 0) {
			snprintf(why, cap, "out of memory");
			return -ENOMEM;
		}
	}
	return 0;
}

int conf_accept_parse(const char *text, char *why, size_t cap)
{
	enum conf_accept_mode mode = conf_accept_mode(text);

	if (!*text || strlen(text) >= sizeof(conf_accept_t)) {
		snprintf(why, cap, "any, none, ids, names of [names], or a path with a /");
		return -EINVAL;
	}
	if (mode == CONF_ACCEPT_FILE && strchr(text, ' ')) {
		snprintf(why, cap, "one path without blanks, or ids alone");
		return -EINVAL;
	}
	return mode == CONF_ACCEPT_IDS ? words(text, NULL, why, cap) : 0;
}

/* ---- the file ---- */

/* syscalls: fopen fread fclose */
static char *read_file(const char *path, char *why, size_t cap)
{
	FILE *f = fopen(path, "re");
	char *text = f ? malloc(FILE_MAX + 1) : NULL;
	size_t n;

	if (!text) {
		snprintf(why, cap, "cannot read %s: %s", path, strerror(errno));
		if (f)
			fclose(f);
		return NULL;
	}
	n = fread(text, 1, FILE_MAX + 1, f);
	if (ferror(f) || n > FILE_MAX || memchr(text, '\0', n)) {
		snprintf(why, cap, "cannot read %s: it is no text of at most %u MiB", path,
		         FILE_MAX >> 20);
		free(text);
		text = NULL;
	} else {
		text[n] = '\0';
	}
	fclose(f);
	return text;
}

/* The id of one line, which a # comment may follow. 1: there is one; 0: a blank or comment; -EINVAL. */
static int line_id(const char *line, size_t len, struct node_id *id)
{
	const char *hash = memchr(line, '#', len), *end = hash ? hash : line + len, *w;
	size_t n;

	w = word(&line, end, &n);
	if (!w)
		return 0;
	if (id_parse(w, n, id) != ID_PARSE_OK || word(&line, end, &n))
		return -EINVAL;
	return 1;
}

static int lines(const char *path, const char *text, struct ids *s, char *why, size_t cap)
{
	unsigned number = 1;

	for (const char *p = text; *p; number++) {
		size_t len = strcspn(p, "\n");
		struct node_id id;
		int r = line_id(p, len, &id);

		if (r < 0) {
			snprintf(why, cap, "%s:%u: not a node id; one a line, # begins a comment",
			         path, number);
			return -EINVAL;
		}
		if (r > 0 && put(s, &id) != 0) {
			snprintf(why, cap, "out of memory for the ids of %s", path);
			return -ENOMEM;
		}
		p += len + (p[len] == '\n');
	}
	return 0;
}

int conf_accept_ids(const char *accept, struct node_id **v, uint32_t *n, char *why, size_t cap)
{
	struct ids s = {NULL, 0};
	char *text;
	int rc = 0;

	switch (conf_accept_mode(accept)) {
	case CONF_ACCEPT_IDS:
		rc = words(accept, &s, why, cap);
		break;
	case CONF_ACCEPT_FILE:
		text = read_file(accept, why, cap);
		rc = text ? lines(accept, text, &s, why, cap) : -EINVAL;
		free(text);
		break;
	default:
		break;
	}
	if (rc) {
		free(s.v);
		s = (struct ids){NULL, 0};
	}
	*v = s.v;
	*n = s.n;
	return rc;
}

/* Writes text without the lines of id and, if add, with one for it at the end.
 * syscalls: fflush fdatasync */
static bool write_changed(FILE *f, const char *text, const struct node_id *id, bool add)
{
	char name[ID_TEXT_LEN + 1];

	for (const char *p = text; *p;) {
		size_t len = strcspn(p, "\n");
		struct node_id at;

		if (line_id(p, len, &at) <= 0 || !id_eq(&at, id))
			fprintf(f, "%.*s\n", (int)len, p);
		p += len + (p[len] == '\n');
	}
	id_to_text(id, name);
	if (add)
		fprintf(f, "%s\n", name);
	return fflush(f) == 0 && fdatasync(fileno(f)) == 0;
}

/* syscalls: fopen fclose rename unlink */
int conf_accept_change(const char *path, const struct node_id *id, bool add, char *why, size_t cap)
{
	char fresh[sizeof(conf_accept_t) + 8];
	char *text = read_file(path, why, cap);
	FILE *f;
	bool good;

	if (!text)
		return -EINVAL;
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	f = fopen(fresh, "we");
	good = f && write_changed(f, text, id, add);
	if (f && fclose(f) != 0)
		good = false;
	free(text);
	if (good && rename(fresh, path) == 0)
		return 0;
	snprintf(
	        why, cap,
	        "cannot write %s: %s; the file is replaced as a whole, for which the daemon's user "
	        "must be able to write to its folder",
	        fresh, strerror(errno));
	(void)unlink(fresh);
	return -EINVAL;
}

/* Reads the file that one option of a section names, if it does. */
static int check_file(const char *accept, const struct conf_head *h, enum conf_section s,
                      const char *key, struct conf_errors *e)
{
	struct node_id *v;
	char why[400];
	uint32_t n;

	if (conf_accept_mode(accept) != CONF_ACCEPT_FILE)
		return 0;
	if (conf_accept_ids(accept, &v, &n, why, sizeof(why)) != 0) {
		conf_error(e, h->lines[conf_option_index(s, key)], "%s: %s", key, why);
		return -EINVAL;
	}
	free(v);
	return 0;
}

int conf_accept_check(const struct conf *c, struct conf_errors *e)
{
	int rc = 0;

	for (uint32_t k = 0; k < c->nlistens; k++)
		rc |= check_file(c->listens[k].accept, &c->listens[k].head, CONF_SEC_LISTEN,
		                 "accept", e);
	for (uint32_t k = 0; k < c->nforwards; k++)
		rc |= check_file(c->forwards[k].allow, &c->forwards[k].head, CONF_SEC_FORWARD,
		                 "allow", e);
	return rc ? -EINVAL : 0;
}
