/* SPDX-License-Identifier: BSD-3-Clause */
/* Links appear and go, names change; whatever else differs waits for a restart. */
#include "daemon/reload.h"
#include "daemon/daemon.h"
#include "daemon/forwards.h"
#include "daemon/links.h"
#include "daemon/listeners.h"
#include "daemon/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGES_MAX 256 /* named one by one */
#define NOTE_MAX    128
#define AGAIN_MIN   NS_PER_S /* what could not be added is tried again after so long, doubling */
#define AGAIN_MAX   (60 * NS_PER_S)

struct changes {
	char applied[CHANGES_MAX][NOTE_MAX];
	char restart[CHANGES_MAX][NOTE_MAX];
	char failed[CHANGES_MAX][NOTE_MAX];
	unsigned napplied, nrestart, nfailed;
};

static void note(char list[][NOTE_MAX], unsigned *n, const char *what, const char *name,
                 const char *how)
{
	if (*n < CHANGES_MAX)
		snprintf(list[(*n)++], NOTE_MAX, "[%s%s%.31s] %.63s", what, *name ? " " : "", name,
		         how);
}

/* Options of two instances of a section, compared as text. Calls the difference by its keys. */
static bool differs(enum conf_section s, const void *a, const void *b, char *keys, size_t cap)
{
	const struct conf_section_info *info = &conf_sections[s];
	char x[CONF_LINE_MAX + 1], y[CONF_LINE_MAX + 1];
	size_t n = 0;

	keys[0] = '\0';
	for (uint32_t i = 0; i < info->noptions; i++) {
		conf_value_format(&info->options[i], a, x, sizeof(x));
		conf_value_format(&info->options[i], b, y, sizeof(y));
		if (strcmp(x, y) != 0 && n < cap)
			n += (size_t)snprintf(keys + n, cap - n, "%s%s", n ? ", " : "",
			                      info->options[i].key);
	}
	return n > 0;
}

static void compare_single(struct changes *ch, enum conf_section s, const void *a, const void *b)
{
	char keys[64];

	if (differs(s, a, b, keys, sizeof(keys)))
		note(ch->restart, &ch->nrestart, conf_sections[s].name, "", keys);
}

static const struct conf_link *link_of(const struct conf *c, const char *name)
{
	for (uint32_t i = 0; i < c->nlinks; i++)
		if (strcmp(c->links[i].head.name, name) == 0)
			return &c->links[i];
	return NULL;
}

/* Links carrying static cross-connects stay: their labels were programmed once, at the start. */
static void remove_links(struct daemon *d, const struct conf *fresh, struct changes *ch)
{
	for (uint32_t i = 0; i < d->conf.nlinks; i++) {
		const char *name = d->conf.links[i].head.name;
		int link = links_find(d, name);

		if (link_of(fresh, name) || link < 0 || d->links[link].leaving)
			continue;
		if (!d->conf.links[i].control) {
			note(ch->restart, &ch->nrestart, "link", name, "removed");
			continue;
		}
		links_remove(d, (uint32_t)link);
		note(ch->applied, &ch->napplied, "link", name, "removed");
	}
}

/* Whether the link of this name runs. One that is being removed does not. */
static bool runs(const struct daemon *d, const char *name)
{
	int link = links_find(d, name);

	return link >= 0 && !d->links[link].leaving;
}

static void add_link(struct daemon *d, const struct conf_link *l, struct changes *ch)
{
	char err[256];
	int link = links_find(d, l->head.name);

	if (link >= 0) {
		note(ch->failed, &ch->nfailed, "link", l->head.name,
		     "another link of this name is still being removed");
		return;
	}
	link = links_open(d, l, err, sizeof(err));
	if (link >= 0 && links_start(d, (uint32_t)link, l, err, sizeof(err)) != 0) {
		links_gone(d, (uint32_t)link);
		link = -1;
	}
	if (link < 0) {
		daemon_log(d, LOG_LEVEL_ERROR, "%s", err);
		note(ch->failed, &ch->nfailed, "link", l->head.name, "could not be added");
		return;
	}
	note(ch->applied, &ch->napplied, "link", l->head.name, "added");
}

/* A link that runs: its neighbour's addresses change at once where its socket serves them; for all else it is to be started anew. */
static void change_link(struct daemon *d, const struct conf_link *old, const struct conf_link *l,
                        struct changes *ch)
{
	int link = links_find(d, l->head.name);
	struct conf_link moved = *old;
	char keys[64];

	if (links_serve(d, (uint32_t)link, l)) {
		moved.remote = l->remote;
		if (differs(CONF_SEC_LINK, old, &moved, keys, sizeof(keys))) {
			links_set_remotes(d, (uint32_t)link, l);
			note(ch->applied, &ch->napplied, "link", l->head.name, keys);
		}
	}
	if (differs(CONF_SEC_LINK, &moved, l, keys, sizeof(keys)))
		note(ch->restart, &ch->nrestart, "link", l->head.name, keys);
}

static void compare_links(struct daemon *d, const struct conf *fresh, struct changes *ch)
{
	remove_links(d, fresh, ch);
	for (uint32_t i = 0; i < fresh->nlinks; i++) {
		const struct conf_link *l = &fresh->links[i];
		const struct conf_link *old = link_of(&d->conf, l->head.name);

		if (!old || !runs(d, l->head.name))
			add_link(d, l, ch);
		else
			change_link(d, old, l, ch);
	}
}

static const struct conf_listen *listen_of(const struct conf *c, const char *name)
{
	for (uint32_t i = 0; i < c->nlistens; i++)
		if (strcmp(c->listens[i].head.name, name) == 0)
			return &c->listens[i];
	return NULL;
}

/* A new listener, or one whose address stays: whom and how many it accepts. A file of ids may have changed without the option. */
static void set_listener(struct daemon *d, const struct conf_listen *l,
                         const struct conf_listen *old, struct changes *ch)
{
	int link = links_find(d, l->head.name);
	char err[400], keys[64] = "added";
	bool file = conf_accept_mode(l->accept) == CONF_ACCEPT_FILE, fresh = link < 0;

	if (old && link >= 0 && !differs(CONF_SEC_LISTEN, old, l, keys, sizeof(keys))) {
		if (!file)
			return;
		snprintf(keys, sizeof(keys), "accept");
	}
	if (link >= 0 && (!old || d->links[link].leaving)) {
		note(ch->failed, &ch->nfailed, "listen", l->head.name,
		     "another of this name is still being removed");
		return;
	}
	if (fresh)
		link = listeners_open(d, l, err, sizeof(err));
	if (link < 0 || listeners_set(d, (uint32_t)link, l, err, sizeof(err)) != 0) {
		if (fresh && link >= 0)
			links_gone(d, (uint32_t)link);
		daemon_log(d, LOG_LEVEL_ERROR, "%s", err);
		note(ch->failed, &ch->nfailed, "listen", l->head.name,
		     old ? "could not be changed" : "could not be added");
		return;
	}
	note(ch->applied, &ch->napplied, "listen", l->head.name, keys);
}

static bool address_changed(const struct conf_listen *a, const struct conf_listen *b)
{
	return a->local.family != b->local.family || a->local.port != b->local.port ||
	       memcmp(a->local.addr, b->local.addr, sizeof(a->local.addr)) != 0 || a->mtu != b->mtu;
}

static void compare_listeners(struct daemon *d, const struct conf *fresh, struct changes *ch)
{
	for (uint32_t i = 0; i < d->conf.nlistens; i++) {
		const char *name = d->conf.listens[i].head.name;
		int link = links_find(d, name);

		if (listen_of(fresh, name) || link < 0 || d->links[link].leaving)
			continue;
		links_remove(d, (uint32_t)link);
		note(ch->applied, &ch->napplied, "listen", name, "removed");
	}
	for (uint32_t i = 0; i < fresh->nlistens; i++) {
		const struct conf_listen *l = &fresh->listens[i], *old;

		old = listen_of(&d->conf, l->head.name);
		if (old && runs(d, l->head.name) && address_changed(old, l))
			note(ch->restart, &ch->nrestart, "listen", l->head.name, "local or mtu");
		else
			set_listener(d, l, old, ch);
	}
}

static const struct conf_forward *forward_of(const struct conf *c, const char *name)
{
	for (uint32_t i = 0; i < c->nforwards; i++)
		if (strcmp(c->forwards[i].head.name, name) == 0)
			return &c->forwards[i];
	return NULL;
}

static bool listens_as(const struct conf_forward *a, const struct conf_forward *b)
{
	char x[CONF_LINE_MAX], y[CONF_LINE_MAX];

	conf_where_format(&a->listen, x, sizeof(x));
	conf_where_format(&b->listen, y, sizeof(y));
	return strcmp(x, y) == 0;
}

/* Whether a forward leads elsewhere or lets others in. A file of ids may have changed without the option. */
static bool forward_differs(const struct conf_forward *old, const struct conf_forward *f,
                            char *keys, size_t cap)
{
	if (differs(CONF_SEC_FORWARD, old, f, keys, cap))
		return true;
	snprintf(keys, cap, "%s", "allow");
	return *f->allow && conf_accept_mode(f->allow) == CONF_ACCEPT_FILE;
}

/* Begins or changes one forward. False: it could not be, and is tried again. */
static bool set_forward(struct daemon *d, struct conf_forward *f, bool socket_stays,
                        const char *what, struct changes *ch)
{
	char err[400];

	f->failed = forwards_set(d, f, socket_stays, err, sizeof(err)) != 0;
	if (f->failed) {
		daemon_log(d, LOG_LEVEL_ERROR, "%s", err);
		note(ch->failed, &ch->nfailed, "forward", f->head.name, "could not be added");
	} else {
		note(ch->applied, &ch->napplied, "forward", f->head.name, what);
	}
	return !f->failed;
}

/* What goes or listens elsewhere ends first, so that others may have its place. Streams that stand go on. */
static void compare_forwards(struct daemon *d, const struct conf *fresh, struct changes *ch)
{
	char err[400], keys[64];

	for (uint32_t i = 0; i < d->conf.nforwards; i++) {
		const struct conf_forward *old = &d->conf.forwards[i];
		const struct conf_forward *f = forward_of(fresh, old->head.name);

		if (f && listens_as(old, f))
			continue;
		if (dp_forward_remove(d->dp, old->head.name, err, sizeof(err)) != 0)
			daemon_log(d, LOG_LEVEL_ERROR, "%s", err);
		else if (!f)
			note(ch->applied, &ch->napplied, "forward", old->head.name, "removed");
	}
	for (uint32_t i = 0; i < fresh->nforwards; i++) {
		struct conf_forward *f = &fresh->forwards[i];
		const struct conf_forward *old = forward_of(&d->conf, f->head.name);
		bool stays = old && !old->failed && listens_as(old, f);

		if (!stays)
			set_forward(d, f, false, old ? "listen" : "added", ch);
		else if (forward_differs(old, f, keys, sizeof(keys)))
			set_forward(d, f, true, keys, ch);
	}
}

static void compare_rest(const struct conf *old, const struct conf *fresh, struct changes *ch)
{
	char keys[64];

	compare_single(ch, CONF_SEC_NODE, &old->node, &fresh->node);
	compare_single(ch, CONF_SEC_WORKER, &old->worker, &fresh->worker);
	compare_single(ch, CONF_SEC_API, &old->api, &fresh->api);
	if (!old->tun.head.line != !fresh->tun.head.line)
		note(ch->restart, &ch->nrestart, "tun", "", "added or removed");
	else
		compare_single(ch, CONF_SEC_TUN, &old->tun, &fresh->tun);
	if (old->nports != fresh->nports)
		note(ch->restart, &ch->nrestart, "port", "", "added or removed");
	for (uint32_t i = 0; i < old->nports && old->nports == fresh->nports; i++)
		if (strcmp(old->ports[i].head.name, fresh->ports[i].head.name) != 0 ||
		    differs(CONF_SEC_PORT, &old->ports[i], &fresh->ports[i], keys, sizeof(keys)))
			note(ch->restart, &ch->nrestart, "port", fresh->ports[i].head.name,
			     "changed");
	if (old->nlsps != fresh->nlsps)
		note(ch->restart, &ch->nrestart, "lsp", "", "added or removed");
	for (uint32_t i = 0; i < old->nlsps && old->nlsps == fresh->nlsps; i++)
		if (differs(CONF_SEC_LSP, &old->lsps[i], &fresh->lsps[i], keys, sizeof(keys)))
			note(ch->restart, &ch->nrestart, "lsp", fresh->lsps[i].head.name, keys);
}

/* In another order they differ, too: of several names for one id the first is told. */
static bool names_differ(const struct names *a, const struct names *b)
{
	if (a->n != b->n)
		return true;
	for (uint32_t i = 0; i < a->n; i++)
		if (strcmp(a->rows[i].name, b->rows[i].name) != 0 ||
		    !id_eq(&a->rows[i].id, &b->rows[i].id))
			return true;
	return false;
}

/* As with links; what a listener accepts is new, its address and MTU are those it was started with. */
static void adopt_listeners(struct daemon *d, struct conf *fresh)
{
	struct conf *c = &d->conf;
	struct conf_listen *old = c->listens;
	uint32_t nold = c->nlistens;

	for (uint32_t i = 0; i < fresh->nlistens; i++) {
		const struct conf_listen *was = listen_of(c, fresh->listens[i].head.name);

		if (was && runs(d, was->head.name) && address_changed(was, &fresh->listens[i]))
			fresh->listens[i] = *was;
	}
	c->listens = fresh->listens;
	c->nlistens = fresh->nlistens;
	fresh->listens = old;
	fresh->nlistens = nold;
}

/* A link that runs: as it was started, but for its neighbour's addresses. */
static void keep_link(struct daemon *d, const struct conf_link *was, struct conf_link *l)
{
	uint32_t bit = UINT32_C(1) << conf_option_index(CONF_SEC_LINK, "remote");
	int link = links_find(d, was->head.name);
	const struct conf_link fresh = *l;

	*l = *was;
	if (!links_serve(d, (uint32_t)link, &fresh))
		return;
	l->remote = fresh.remote;
	l->head.given = (was->head.given & ~bit) | (fresh.head.given & bit);
}

/* What runs keeps its old section; names and links become the new ones, so that the next reload compares with them. */
static void adopt(struct daemon *d, struct conf *fresh)
{
	struct conf *c = &d->conf;
	struct conf old = *c;

	c->names = fresh->names;
	fresh->names = old.names;
	memcpy(c->names_file, fresh->names_file, sizeof(c->names_file));
	for (uint32_t i = 0; i < fresh->nlinks; i++) {
		const struct conf_link *was = link_of(c, fresh->links[i].head.name);

		/* One that could not be added stays in the list: reload_again() tries it. */
		if (was && runs(d, was->head.name))
			keep_link(d, was, &fresh->links[i]);
	}
	adopt_listeners(d, fresh);
	/* Links that stay although the file has dropped them are named again at the next reload by their absence only. */
	c->links = fresh->links;
	c->nlinks = fresh->nlinks;
	fresh->links = old.links;
	fresh->nlinks = old.nlinks;
	c->forwards = fresh->forwards;
	c->nforwards = fresh->nforwards;
	fresh->forwards = old.forwards;
	fresh->nforwards = old.nforwards;
}

static void list(struct json *j, const char *key, const char (*notes)[NOTE_MAX], unsigned n)
{
	json_array(j, key);
	for (unsigned i = 0; i < n; i++)
		json_str(j, NULL, notes[i]);
	json_array_end(j);
}

static void report(struct daemon *d, const struct changes *ch, struct json *j)
{
	for (unsigned i = 0; i < ch->napplied; i++)
		daemon_log(d, LOG_LEVEL_INFO, "reload: %s", ch->applied[i]);
	for (unsigned i = 0; i < ch->nrestart; i++)
		daemon_log(d, LOG_LEVEL_WARN, "reload: %s: needs a restart", ch->restart[i]);
	for (unsigned i = 0; i < ch->nfailed; i++)
		daemon_log(d, LOG_LEVEL_WARN, "reload: %s: it is tried again", ch->failed[i]);
	if (!ch->napplied && !ch->nrestart && !ch->nfailed)
		daemon_log(d, LOG_LEVEL_INFO, "reload: nothing has changed");
	if (!j)
		return;
	list(j, "applied", ch->applied, ch->napplied);
	list(j, "needs_restart", ch->restart, ch->nrestart);
	list(j, "failed", ch->failed, ch->nfailed);
}

int reload(struct daemon *d, struct json *j)
{
	struct changes *ch;
	struct conf fresh;
	struct conf_errors e = {.file = d->conf.file};
	char file[sizeof(d->conf.file)];
	bool names;

	snprintf(file, sizeof(file), "%s", d->conf.file);
	if (conf_load(&fresh, file, &e) != 0 || conf_accept_check(&fresh, &e) != 0) {
		char *save = NULL;

		for (char *l = e.text ? strtok_r(e.text, "\n", &save) : NULL; l;
		     l = strtok_r(NULL, "\n", &save))
			daemon_log(d, LOG_LEVEL_ERROR, "reload: %s", l);
		conf_errors_free(&e);
		conf_free(&fresh);
		return -EINVAL;
	}
	ch = calloc(1, sizeof(*ch));
	if (!ch) {
		conf_free(&fresh);
		return -ENOMEM;
	}
	compare_rest(&d->conf, &fresh, ch);
	names = names_differ(&d->conf.names, &fresh.names);
	if (names)
		note(ch->applied, &ch->napplied, "names", "", "replaced");
	compare_links(d, &fresh, ch);
	compare_listeners(d, &fresh, ch);
	compare_forwards(d, &fresh, ch);
	adopt(d, &fresh);
	if (names)
		daemon_names_share(d);
	d->again_ns = AGAIN_MIN;
	d->again_at = ch->nfailed ? instant_add(d->now, d->again_ns) : INSTANT_NEVER;
	report(d, ch, j);
	free(ch);
	conf_free(&fresh);
	return 0;
}

void reload_again(struct daemon *d)
{
	struct changes *ch;
	bool missing = false;

	if (!instant_reached(d->again_at, d->now))
		return;
	ch = calloc(1, sizeof(*ch));
	for (uint32_t i = 0; ch && i < d->conf.nlinks; i++)
		if (!runs(d, d->conf.links[i].head.name)) {
			add_link(d, &d->conf.links[i], ch);
			missing |= !runs(d, d->conf.links[i].head.name);
		}
	for (uint32_t i = 0; ch && i < d->conf.nlistens; i++)
		if (!runs(d, d->conf.listens[i].head.name)) {
			set_listener(d, &d->conf.listens[i], NULL, ch);
			missing |= !runs(d, d->conf.listens[i].head.name);
		}
	for (uint32_t i = 0; ch && i < d->conf.nforwards; i++)
		if (d->conf.forwards[i].failed)
			missing |= !set_forward(d, &d->conf.forwards[i], false, "added", ch);
	for (unsigned i = 0; ch && i < ch->napplied; i++)
		daemon_log(d, LOG_LEVEL_INFO, "reload: %s", ch->applied[i]);
	d->again_ns = 2 * d->again_ns < AGAIN_MAX ? 2 * d->again_ns : AGAIN_MAX;
	d->again_at = missing || !ch ? instant_add(d->now, d->again_ns) : INSTANT_NEVER;
	free(ch);
}
