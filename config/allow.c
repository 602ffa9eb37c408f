/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may send to this node's [tun]: `tcp/22, tcp/8000-8010 from ID, icmp from any`. */
#include "addr.h"
#include "allow.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct protocol {
	const char *name;
	uint8_t number; /* IPv6 next header; 0: any */
	bool ports;
};

static const struct protocol protocols[] = {
        {"tcp", 6, true}, {"udp", 17, true}, {"icmp", 58, false}, {"any", 0, false}};

struct reading {
	struct conf_allow_rule *v; /* NULL: only looked at */
	unsigned n, max;
	unsigned open; /* the first of those whose `from` has not come */
	char *why;
	size_t cap;
};

/* The next word, which ends before a blank or a comma; a comma is a word of its own. 0: none. */
static size_t word(const char **p, const char **w)
{
	while (**p == ' ' || **p == '\t')
		(*p)++;
	*w = *p;
	if (**p == ',')
		(*p)++;
	else
		*p += strcspn(*p, " \t,");
	return (size_t)(*p - *w);
}

static bool is(const char *w, size_t len, const char *text)
{
	return strlen(text) == len && memcmp(w, text, len) == 0;
}

/* FIRST or FIRST-LAST. */
static bool ports(const char *w, size_t len, struct conf_allow_rule *r)
{
	char text[24], *dash;
	uint64_t first, last;

	if (len == 0 || len >= sizeof(text))
		return false;
	memcpy(text, w, len);
	text[len] = '\0';
	dash = strchr(text, '-');
	if (dash)
		*dash = '\0';
	if (conf_number(text, 10, 65535, &first) || first == 0)
		return false;
	last = first;
	if (dash && (conf_number(dash + 1, 10, 65535, &last) || last < first))
		return false;
	r->first = (uint16_t)first;
	r->last = (uint16_t)last;
	return true;
}

static int rule(struct reading *s, const char *w, size_t len)
{
	struct conf_allow_rule r = {.last = 65535, .any = true};
	size_t name = 0;

	while (name < len && w[name] != '/')
		name++;
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (!is(w, name, protocols[i].name))
			continue;
		r.protocol = protocols[i].number;
		if (name < len && (!protocols[i].ports || !ports(w + name + 1, len - name - 1, &r)))
			break;
		if (s->n == s->max) {
			snprintf(s->why, s->cap, "at most %u rules", s->max);
			return -EINVAL;
		}
		if (s->v)
			s->v[s->n] = r;
		s->n++;
		return 0;
	}
	snprintf(s->why, s->cap,
	         "none, or rules like tcp/22, udp/5000-5010, icmp, any; `%.*s` is none",
	         (int)(len < 40 ? len : 40), w);
	return -EINVAL;
}

/* Whom all rules since the last `from` are for. */
static int from(struct reading *s, const char *w, size_t len)
{
	struct node_id id = {0};
	bool any = is(w, len, "any");
	enum id_parse_result p = any ? ID_PARSE_OK : id_parse(w, len, &id);

	if (p != ID_PARSE_OK || s->open == s->n) {
		snprintf(s->why, s->cap, "from any, or from an id, behind a rule: %s",
		         p == ID_PARSE_OK ? "no rule stands before it" : id_parse_error(p));
		return -EINVAL;
	}
	for (; s->open < s->n; s->open++)
		if (s->v) {
			s->v[s->open].any = any;
			s->v[s->open].from = id;
		}
	return 0;
}

int conf_allow_parse(const char *text, struct conf_allow_rule *v, unsigned max, unsigned *n,
                     char *why, size_t cap)
{
	struct reading s = {.v = v, .max = max, .why = why, .cap = cap};
	const char *w;
	size_t len;
	int rc = 0;

	*n = 0;
	if (strlen(text) >= sizeof(conf_allow_t)) {
		snprintf(why, cap, "at most %zu characters", sizeof(conf_allow_t) - 1);
		return -EINVAL;
	}
	if (strcmp(text, "none") == 0)
		return 0;
	do {
		len = word(&text, &w);
		rc = rule(&s, w, len);
		len = word(&text, &w);
		if (rc == 0 && is(w, len, "from")) {
			len = word(&text, &w);
			rc = from(&s, w, len);
			len = word(&text, &w);
		}
		if (rc == 0 && len && !is(w, len, ",")) {
			snprintf(why, cap, "a comma between rules, or `from`, in place of `%.*s`",
			         (int)(len < 40 ? len : 40), w);
			rc = -EINVAL;
		}
	} while (rc == 0 && len);
	*n = s.n;
	return rc;
}
