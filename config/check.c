/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks across options: contradictions, names that name nothing, addresses and labels used twice. */
#include "addr.h"

#include <string.h>

/* The line that gives an option, or that of its section where the file does not give the option. */
static uint32_t line_of(const struct conf_head *h, enum conf_section s, const char *key)
{
	int i = conf_option_index(s, key);

	return i >= 0 && (h->given >> i & 1) ? h->lines[i] : h->line;
}

static void check_node(const struct conf *c, struct conf_errors *e)
{
	const struct conf_node *n = &c->node;

	if (n->key_reject_s <= n->rekey_s)
		conf_error(e, line_of(&n->head, CONF_SEC_NODE, "key-reject-s"),
		           "key-reject-s = %u must be above rekey-s = %u",
		           (unsigned)n->key_reject_s, (unsigned)n->rekey_s);
	if (n->tunnel_forget_s <= n->tunnel_idle_s)
		conf_error(e, line_of(&n->head, CONF_SEC_NODE, "tunnel-forget-s"),
		           "tunnel-forget-s = %u must be above tunnel-idle-s = %u",
		           (unsigned)n->tunnel_forget_s, (unsigned)n->tunnel_idle_s);
	if (n->hello_idle_ms < n->hello_active_ms)
		conf_error(e, line_of(&n->head, CONF_SEC_NODE, "hello-idle-ms"),
		           "hello-idle-ms = %u must not be below hello-active-ms = %u",
		           (unsigned)n->hello_idle_ms, (unsigned)n->hello_active_ms);
	if (*c->api.socket && strcmp(c->api.socket, n->control) == 0)
		conf_error(e, line_of(&c->api.head, CONF_SEC_API, "socket"),
		           "socket is the same path as control of [node]; they need two");
}

/* 2000::/3 is what the Internet's addresses are from. */
static void check_tun(const struct conf *c, struct conf_errors *e)
{
	const struct conf_tun *t = &c->tun;

	if (t->prefix >= 0x20 && t->prefix <= 0x3f)
		conf_error(
		        e, line_of(&t->head, CONF_SEC_TUN, "prefix"),
		        "prefix = %02x would take addresses of the Internet; fd is for private use",
		        t->prefix);
}

static const struct conf_port *find_port(const struct conf *c, const char *name)
{
	for (uint32_t i = 0; i < c->nports; i++)
		if (strcmp(c->ports[i].head.name, name) == 0)
			return &c->ports[i];
	return NULL;
}

/* Options of one type of link that do nothing on the other. */
static void check_belongs(const struct conf_link *l, const char *const *keys, const char *other,
                          struct conf_errors *e)
{
	for (; *keys; keys++)
		if (conf_given(&l->head, CONF_SEC_LINK, *keys))
			conf_error(e, line_of(&l->head, CONF_SEC_LINK, *keys),
			           "`%s` belongs to links of type %s", *keys, other);
}

static void check_ethernet(const struct conf *c, const struct conf_link *l, struct conf_errors *e)
{
	static const char *const udp_only[] = {"local", "remote", "trusted", NULL};
	const struct conf_head *h = &l->head;

	check_belongs(l, udp_only, "udp-socket", e);
	if (!*l->port)
		conf_error(e, h->line, "[link %s] of type ethernet needs `port = NAME`", h->name);
	else if (!find_port(c, l->port))
		conf_error(e, line_of(h, CONF_SEC_LINK, "port"), "there is no [port %s]", l->port);
	if (l->check_mac && !conf_given(h, CONF_SEC_LINK, "mac"))
		conf_error(e, line_of(h, CONF_SEC_LINK, "check-mac"),
		           "check-mac = yes needs `mac = ...`");
}

/* The neighbour's addresses beside the socket, which sends to both families only from [::], and beside plain links. */
static void check_remotes(const struct conf_link *l, struct conf_errors *e)
{
	static const uint8_t any[16];
	const conf_addr_t *local = &l->local;
	uint32_t line = line_of(&l->head, CONF_SEC_LINK, "remote");
	bool both = local->family == 6 && memcmp(local->addr, any, sizeof(any)) == 0;

	for (unsigned i = 0; i < l->remote.n && local->family && !both; i++)
		if (l->remote.v[i].family != local->family) {
			conf_error(e, line,
			           "local is IPv%u and remote is IPv%u; both must be the same, or "
			           "local [::]:PORT",
			           local->family, l->remote.v[i].family);
			break;
		}
	if (!l->seal && l->remote.n > 1)
		conf_error(e, line,
		           "seal = no allows one remote only: on a plain link nothing shows which "
		           "of several answers");
}

static void check_udp(const struct conf_link *l, struct conf_errors *e)
{
	static const char *const ethernet_only[] = {"port", "vlan", "mac", "check-mac", NULL};
	const struct conf_head *h = &l->head;
	bool local = conf_given(h, CONF_SEC_LINK, "local");
	bool remote = conf_given(h, CONF_SEC_LINK, "remote");

	check_belongs(l, ethernet_only, "ethernet", e);
	if (!local && !remote)
		conf_error(e, h->line,
		           "[link %s] needs `local = ADDRESS:PORT`, `remote = ...`, or both",
		           h->name);
	check_remotes(l, e);
	if (local && !remote && l->local.family && l->local.port == 0)
		conf_error(e, line_of(h, CONF_SEC_LINK, "local"),
		           "a link that waits to be called needs a port other than 0");
	if (!l->seal && !l->trusted)
		conf_error(e, line_of(h, CONF_SEC_LINK, "seal"),
		           "seal = no over IP lets anybody on the way read and forge packets; "
		           "say `trusted = yes` if the wire is your own");
	if (!l->seal && !remote)
		conf_error(e, h->line, "[link %s] with seal = no needs `remote = ADDRESS:PORT`",
		           h->name);
}

static void check_link(const struct conf *c, const struct conf_link *l, struct conf_errors *e)
{
	const struct conf_head *h = &l->head;

	if (conf_given(h, CONF_SEC_LINK, "type")) {
		if (l->type == CONF_TYPE_ETHERNET)
			check_ethernet(c, l, e);
		else
			check_udp(l, e);
	}
	if (!l->control && l->seal)
		conf_error(e, line_of(h, CONF_SEC_LINK, "control"),
		           "control = no needs seal = no: keys come from the control plane");
	if (!l->control && conf_given(h, CONF_SEC_LINK, "peer"))
		conf_error(e, line_of(h, CONF_SEC_LINK, "peer"),
		           "peer has no meaning with control = no");
}

static bool same_wire(const struct conf_link *a, const struct conf_link *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == CONF_TYPE_ETHERNET)
		return strcmp(a->port, b->port) == 0 && a->vlan == b->vlan;
	return a->local.family && a->local.port && a->local.family == b->local.family &&
	       a->local.port == b->local.port &&
	       memcmp(a->local.addr, b->local.addr, sizeof(a->local.addr)) == 0;
}

/* Quadratic, yet 8 M comparisons at most (CONF_LINKS_MAX). */
static void check_wires(const struct conf *c, struct conf_errors *e)
{
	for (uint32_t i = 1; i < c->nlinks; i++)
		for (uint32_t j = 0; j < i; j++) {
			const struct conf_link *l = &c->links[i];

			if (!same_wire(l, &c->links[j]))
				continue;
			conf_error(
			        e,
			        line_of(&l->head, CONF_SEC_LINK,
			                l->type == CONF_TYPE_ETHERNET ? "port" : "local"),
			        "[link %s] uses the same %s as [link %s] in line %u", l->head.name,
			        l->type == CONF_TYPE_ETHERNET ? "port and VLAN" : "local address",
			        c->links[j].head.name, c->links[j].head.line);
			break;
		}
}

static bool same_address(const conf_addr_t *a, const conf_addr_t *b)
{
	return a->family && a->port && a->family == b->family && a->port == b->port &&
	       memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

/* A listener beside all links and the listeners before it: names and addresses belong to one section. */
static void check_listen(const struct conf *c, uint32_t at, struct conf_errors *e)
{
	const struct conf_listen *l = &c->listens[at];
	uint32_t line = line_of(&l->head, CONF_SEC_LISTEN, "local");

	for (uint32_t i = 0; i < c->nlinks + at; i++) {
		bool link = i < c->nlinks;
		const struct conf_head *h =
		        link ? &c->links[i].head : &c->listens[i - c->nlinks].head;
		const conf_addr_t *a = link ? &c->links[i].local : &c->listens[i - c->nlinks].local;

		if (strcmp(h->name, l->head.name) == 0)
			conf_error(e, l->head.line,
			           "[listen %s] has the name of [link %s] in line %u; links and "
			           "listeners need different ones",
			           l->head.name, h->name, h->line);
		if (link && c->links[i].type != CONF_TYPE_UDP_SOCKET)
			continue;
		if (same_address(a, &l->local))
			conf_error(e, line,
			           "[listen %s] uses the same local address as [%s %s] in line %u",
			           l->head.name, link ? "link" : "listen", h->name, h->line);
	}
}

static const struct conf_link *find_link(const struct conf *c, const char *name)
{
	for (uint32_t i = 0; i < c->nlinks; i++)
		if (strcmp(c->links[i].head.name, name) == 0)
			return &c->links[i];
	return NULL;
}

static void check_lsp_link(const struct conf *c, const struct conf_lsp *l, const char *key,
                           const char *name, struct conf_errors *e)
{
	const struct conf_link *link = find_link(c, name);
	uint32_t line = line_of(&l->head, CONF_SEC_LSP, key);

	if (!*name)
		return; /* reported as missing */
	if (!link)
		conf_error(e, line, "there is no [link %s]", name);
	else if (link->control)
		conf_error(e, line,
		           "[link %s] is run by the control plane, which owns its labels; say "
		           "`control = no` there",
		           name);
}

static void check_lsps(const struct conf *c, struct conf_errors *e)
{
	for (uint32_t i = 0; i < c->nlsps; i++) {
		const struct conf_lsp *l = &c->lsps[i];
		uint32_t n = l->in_label.last - l->in_label.first;

		check_lsp_link(c, l, "in-link", l->in_link, e);
		check_lsp_link(c, l, "out-link", l->out_link, e);
		if (l->in_label.first && l->out_label.first &&
		    l->out_label.last - l->out_label.first != n)
			conf_error(e, line_of(&l->head, CONF_SEC_LSP, "out-label"),
			           "out-label has %u labels and in-label %u; they must be as many",
			           l->out_label.last - l->out_label.first + 1, n + 1);
		for (uint32_t j = 0; j < i; j++) {
			const struct conf_lsp *o = &c->lsps[j];

			if (strcmp(l->in_link, o->in_link) == 0 &&
			    l->in_label.first <= o->in_label.last &&
			    o->in_label.first <= l->in_label.last && l->in_label.first) {
				conf_error(e, line_of(&l->head, CONF_SEC_LSP, "in-label"),
				           "labels overlap those of [lsp %s] in line %u",
				           o->head.name, o->head.line);
				break;
			}
		}
	}
}

void conf_check(const struct conf *c, struct conf_errors *e)
{
	check_node(c, e);
	check_tun(c, e);
	for (uint32_t i = 0; i < c->nlinks; i++)
		check_link(c, &c->links[i], e);
	check_wires(c, e);
	for (uint32_t i = 0; i < c->nlistens; i++)
		check_listen(c, i, e);
	check_lsps(c, e);
	conf_check_forwards(c, e);
}
