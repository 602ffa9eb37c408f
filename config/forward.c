/* SPDX-License-Identifier: BSD-3-Clause */
/* [forward NAME]: where one end of a forward is, text to field and back, and what fits together. */
#include "addr.h"
#include "names.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char here[] = "coyo:";

/* What stands before a colon: an id, or a name that [names] does not have (conf_where_names()). */
static int parse_node(const char *text, size_t n, conf_where_t *out, char *why, size_t whycap)
{
	enum id_parse_result r = id_parse(text, n, &out->id);

	out->kind = CONF_WHERE_ID;
	if (r == ID_PARSE_OK)
		return 0;
	if (n > 63) {
		snprintf(why, whycap, "%s", id_parse_error(r));
		return -EINVAL;
	}
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("-_.", text[i]))
			return -EINVAL;
	out->kind = CONF_WHERE_NAME;
	memcpy(out->name, text, n);
	out->name[n] = '\0';
	return n ? 0 : -EINVAL;
}

int conf_where_parse(const struct conf_option *o, const char *text, conf_where_t *out, char *why,
                     size_t whycap)
{
	const char *colon = strrchr(text, ':');
	conf_where_t w = {0};
	uint64_t port;
	int rc = 0;

	*out = w;
	snprintf(why, whycap,
	         "`%.80s` is not allowed; expected IPV4:PORT, [IPV6]:PORT, coyo:PORT, ID:PORT or "
	         "NAME:PORT",
	         text);
	if (!colon || conf_number(colon + 1, 10, 65535, &port) || port == 0)
		return -EINVAL;
	w.port = (uint16_t)port;
	if (conf_addr_parse(o, text, &w.addr) == 0)
		w.kind = CONF_WHERE_ADDRESS;
	else if (strncmp(text, here, sizeof(here) - 1) == 0 && colon == text + sizeof(here) - 2)
		w.kind = CONF_WHERE_HERE;
	else
		rc = parse_node(text, (size_t)(colon - text), &w, why, whycap);
	if (rc == 0)
		*out = w;
	return rc;
}

int conf_where_names(const struct conf *c, const char *value, char out[CONF_LINE_MAX])
{
	const struct conf_option any = {.hi = 65535};
	const char *colon = strrchr(value, ':');
	size_t n = colon ? (size_t)(colon - value) : 0;
	char node[CONF_LINE_MAX];
	conf_addr_t addr;

	if (n == 0 || n >= sizeof(node) || strncmp(value, here, sizeof(here) - 1) == 0 ||
	    conf_addr_parse(&any, value, &addr) == 0) {
		snprintf(out, CONF_LINE_MAX, "%s", value);
		return 0;
	}
	memcpy(node, value, n);
	node[n] = '\0';
	if (conf_names_replace(c, node, NULL, out) != 0 ||
	    strlen(out) + strlen(colon) >= CONF_LINE_MAX)
		return -ENOSPC;
	strcat(out, colon);
	return 0;
}

void conf_where_format(const conf_where_t *w, char *out, size_t cap)
{
	char id[ID_TEXT_LEN + 1];

	switch (w->kind) {
	case CONF_WHERE_ADDRESS:
		conf_addr_format(&w->addr, out, cap);
		break;
	case CONF_WHERE_HERE:
		snprintf(out, cap, "%s%u", here, w->port);
		break;
	case CONF_WHERE_ID:
		id_to_text(&w->id, id);
		snprintf(out, cap, "%s:%u", id, w->port);
		break;
	case CONF_WHERE_NAME:
		snprintf(out, cap, "%s:%u", w->name, w->port);
		break;
	default:
		snprintf(out, cap, "%s", "");
		break;
	}
}

/* Whether both stand for one thing to listen on. */
static bool same(const conf_where_t *a, const conf_where_t *b)
{
	if (a->kind != b->kind || a->port != b->port)
		return false;
	return a->kind == CONF_WHERE_HERE ||
	       (a->kind == CONF_WHERE_ADDRESS && a->addr.family == b->addr.family &&
	        memcmp(a->addr.addr, b->addr.addr, sizeof(a->addr.addr)) == 0);
}

static uint32_t line_of(const struct conf_forward *f, const char *key)
{
	int i = conf_option_index(CONF_SEC_FORWARD, key);

	return i >= 0 && f->head.lines[i] ? f->head.lines[i] : f->head.line;
}

/* From a local address to another node. */
static void check_out(const struct conf_forward *f, struct conf_errors *e)
{
	if (f->to.kind == CONF_WHERE_ADDRESS || f->to.kind == CONF_WHERE_HERE)
		conf_error(
		        e, line_of(f, "to"),
		        "[forward %s] listens on an address of this machine, so `to` takes ID:PORT "
		        "or NAME:PORT",
		        f->head.name);
	if (f->to.kind == CONF_WHERE_NAME)
		conf_error(e, line_of(f, "to"), "[names] has no `%s`", f->to.name);
	if (conf_given(&f->head, CONF_SEC_FORWARD, "allow"))
		conf_error(e, line_of(f, "allow"),
		           "`allow` belongs to forwards with `listen = coyo:PORT`");
}

/* From a port of this node to a local address. */
static void check_in(const struct conf_forward *f, struct conf_errors *e)
{
	if (f->to.kind != CONF_WHERE_NONE && f->to.kind != CONF_WHERE_ADDRESS)
		conf_error(
		        e, line_of(f, "to"),
		        "[forward %s] listens on a port of this node, so `to` takes IPV4:PORT or "
		        "[IPV6]:PORT",
		        f->head.name);
	if (!*f->allow)
		conf_error(
		        e, f->head.line,
		        "[forward %s] needs `allow = ID ...`, or any if every node that exists may "
		        "reach %s",
		        f->head.name, "that address");
}

void conf_check_forwards(const struct conf *c, struct conf_errors *e)
{
	for (uint32_t i = 0; i < c->nforwards; i++) {
		const struct conf_forward *f = &c->forwards[i];

		if (f->listen.kind == CONF_WHERE_HERE)
			check_in(f, e);
		else if (f->listen.kind == CONF_WHERE_ADDRESS)
			check_out(f, e);
		else if (f->listen.kind != CONF_WHERE_NONE)
			conf_error(e, line_of(f, "listen"),
			           "[forward %s] listens on IPV4:PORT, [IPV6]:PORT or coyo:PORT",
			           f->head.name);
		if (!*c->api.socket)
			conf_error(e, f->head.line,
			           "[forward %s] needs `socket = ...` in [api]: who serves "
			           "applications serves forwards",
			           f->head.name);
		for (uint32_t j = 0; j < i; j++)
			if (same(&f->listen, &c->forwards[j].listen)) {
				conf_error(
				        e, line_of(f, "listen"),
				        "[forward %s] listens where [forward %s] in line %u does",
				        f->head.name, c->forwards[j].head.name,
				        c->forwards[j].head.line);
				break;
			}
	}
}
