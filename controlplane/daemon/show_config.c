/* SPDX-License-Identifier: BSD-3-Clause */
/* `show config`: the sections in force and the names, each kind in order of its names. */
#include "daemon/daemon.h"
#include "daemon/show_value.h"
#include "daemon/show_views.h"

#include <stdio.h>
#include <string.h>

void show_config_head(struct daemon *d, struct json *j)
{
	json_str(j, "file", d->conf.file);
}

static void section(enum conf_section s, const struct conf_head *h, struct json *j)
{
	const struct conf_section_info *info = &conf_sections[s];
	char value[CONF_LINE_MAX + 1];

	json_object(j, NULL);
	json_str(j, "section", info->name);
	show_text(j, "name", *h->name ? h->name : NULL);
	json_object(j, "options");
	for (uint32_t i = 0; i < info->noptions; i++) {
		const struct conf_option *o = &info->options[i];

		if (o->def && !*o->def && !(h->given >> i & 1))
			continue;
		conf_value_format(o, h, value, sizeof(value));
		json_str(j, o->key, value);
	}
	json_object_end(j);
	json_object_end(j);
}

/* The entry with the first name behind `last`, or NULL. Each begins with its name. The array may be another one after every
 * reload, in another order: by name the walk finds its place again. */
static const void *next_by_name(const void *array, uint32_t n, size_t size, const char *last)
{
	const char *entry = array, *best = NULL;

	for (uint32_t i = 0; i < n; i++, entry += size)
		if (strcmp(entry, last) > 0 && (!best || strcmp(entry, best) < 0))
			best = entry;
	return best;
}

bool show_config_row(struct daemon *d, struct show_walk *w, struct json *j)
{
	const struct conf *c = &d->conf;
	const struct {
		enum conf_section s;
		const void *array;
		uint32_t n;
		size_t size;
	} kinds[] = {
	        {CONF_SEC_NODE, &c->node, 1, 0},
	        {CONF_SEC_WORKER, &c->worker, 1, 0},
	        {CONF_SEC_API, &c->api, 1, 0},
	        {CONF_SEC_TUN, &c->tun, c->tun.head.line ? 1 : 0, 0},
	        {CONF_SEC_PORT, c->ports, c->nports, sizeof(c->ports[0])},
	        {CONF_SEC_LINK, c->links, c->nlinks, sizeof(c->links[0])},
	        {CONF_SEC_LISTEN, c->listens, c->nlistens, sizeof(c->listens[0])},
	        {CONF_SEC_LSP, c->lsps, c->nlsps, sizeof(c->lsps[0])},
	        {CONF_SEC_FORWARD, c->forwards, c->nforwards, sizeof(c->forwards[0])},
	};
	const struct conf_head *h = NULL;

	_Static_assert(offsetof(struct conf_head, name) == 0, "next_by_name()");
	while (w->at < ARRAY_LEN(kinds)) {
		/* A section of which there is one has no name. */
		if (!conf_sections[kinds[w->at].s].named)
			h = kinds[w->at].n ? kinds[w->at].array : NULL;
		else
			h = next_by_name(kinds[w->at].array, kinds[w->at].n, kinds[w->at].size,
			                 w->name);
		if (h)
			break;
		w->at++;
		*w->name = '\0';
	}
	if (!h)
		return false;
	section(kinds[w->at].s, h, j);
	if (conf_sections[kinds[w->at].s].named)
		snprintf(w->name, sizeof(w->name), "%s", h->name);
	else
		w->at++;
	return true;
}

bool show_names_row(struct daemon *d, struct show_walk *w, struct json *j)
{
	const struct names_row *n = names_after(&d->conf.names, w->name);

	_Static_assert(sizeof(n->name) <= sizeof(w->name), "a name fits the walk");
	if (!n)
		return false;
	show_id(j, n->name, &n->id);
	snprintf(w->name, sizeof(w->name), "%s", n->name);
	return true;
}
