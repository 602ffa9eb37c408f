/* SPDX-License-Identifier: BSD-3-Clause */
/* The views of `coyoctl show`. */
#include "daemon/show.h"
#include "daemon/daemon.h"
#include "daemon/links.h"

#include <stdio.h>
#include <string.h>

/* ---- pieces ---- */

void show_id(struct json *j, const char *key, const struct node_id *id)
{
	char text[ID_TEXT_LEN + 1];

	if (id_is_zero(id)) {
		json_null(j, key);
		return;
	}
	id_to_text(id, text);
	json_str(j, key, text);
}

static void str_or_null(struct json *j, const char *key, const char *s)
{
	if (s)
		json_str(j, key, s);
	else
		json_null(j, key);
}

void show_id_name(struct daemon *d, struct json *j, const char *key, const struct node_id *id)
{
	str_or_null(j, key, id_eq(id, &d->me.id) ? d->conf.node.name : conf_id_name(&d->conf, id));
}

void show_label(struct json *j, const char *key, uint32_t label)
{
	if (label == LABEL_NONE)
		json_null(j, key);
	else
		json_uint(j, key, label);
}

static void show_scaled(struct json *j, const char *key, int64_t ns, int64_t unit)
{
	if (ns < 0)
		json_null(j, key);
	else
		json_double(j, key, (double)ns / (double)unit);
}

void show_us(struct json *j, const char *key, int64_t ns)
{
	show_scaled(j, key, ns, NS_PER_US);
}

static void show_s(struct json *j, const char *key, int64_t ns)
{
	show_scaled(j, key, ns, NS_PER_S);
}

static void show_link(struct daemon *d, struct json *j, const char *key, uint32_t link)
{
	str_or_null(j, key, links_name(d, link));
}

/* 16 hexadecimal digits: JSON numbers are doubles to many readers. 0 is "none". */
static void show_nonce(struct json *j, const char *key, uint64_t nonce)
{
	char text[20];

	if (!nonce) {
		json_null(j, key);
		return;
	}
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)nonce);
	json_str(j, key, text);
}

static void hops_or_null(struct json *j, const char *key, uint32_t hops)
{
	if (hops)
		json_uint(j, key, hops);
	else
		json_null(j, key);
}

/* ---- views ---- */

static void show_node_counts(struct daemon *d, struct json *j)
{
	struct node_stats s;

	memset(&s, 0, sizeof(s));
	node_stats(d->node, &s);
	json_uint(j, "contacts", s.contacts);
	json_uint(j, "contacts_stale", s.contacts_stale);
	json_uint(j, "fingers", s.fingers);
	json_uint(j, "labels_live", s.labels_live);
	json_uint(j, "labels_out", s.labels_out);
	json_uint(j, "pending_setups", s.pending_setups);
	json_uint(j, "pending_queries", s.pending_queries);
	json_uint(j, "state_bytes", s.state_bytes);
	json_uint(j, "command_packets_lost", d->pump.packets_lost);
	json_array(j, "roots");
	for (unsigned t = 0; t < 2; t++) {
		if (id_is_zero(&s.root[t]))
			continue;
		json_object(j, NULL);
		json_uint(j, "tree", t);
		show_id(j, "root", &s.root[t]);
		json_uint(j, "depth", s.depth[t]);
		json_object_end(j);
	}
	json_array_end(j);
}

static void show_node(struct daemon *d, uint32_t limit, struct json *j)
{
	char host[ID_HOST_LEN + 1], transit[16];
	const struct conf_option *o =
	        &conf_sections[CONF_SEC_NODE].options[conf_option_index(CONF_SEC_NODE, "transit")];
	uint32_t up = 0, all = 0;

	(void)limit;
	for (uint32_t i = 0; i < d->nlinks; i++) {
		all += *d->links[i].name != '\0';
		up += d->links[i].up;
	}
	id_to_host(&d->me.id, host);
	conf_value_format(o, &d->conf.node, transit, sizeof(transit));
	json_str(j, "name", d->conf.node.name);
	show_id(j, "id", &d->me.id);
	json_str(j, "host", host);
	json_str(j, "version", COYOD_VERSION);
	json_uint(j, "network", d->conf.node.network);
	json_str(j, "transit", transit);
	json_bool(j, "draining", d->draining || d->stop != RUNNING);
	show_s(j, "uptime_s", instant_sub(d->now, d->started));
	json_uint(j, "workers", d->workers);
	json_uint(j, "links", all);
	json_uint(j, "links_up", up);
	json_str(j, "memory", dp_memory_text(d->dp));
	show_node_counts(d, j);
}

static void link_row(struct daemon *d, const struct node_link_view *v, uint32_t held,
                     struct json *j)
{
	static const char *const types[] = {"?", "ethernet", "udp", "udp-socket"};
	struct dp_link_counters c = {0};

	(void)dp_link_counters(d->dp, v->link, &c);
	json_object(j, NULL);
	json_str(j, "name", v->name);
	json_str(j, "state", v->state);
	json_bool(j, "up", v->up);
	json_str(j, "type", types[v->type < ARRAY_LEN(types) ? v->type : 0]);
	json_bool(j, "sealed", v->sealed);
	json_bool(j, "control", true);
	show_id(j, "peer", &v->id);
	show_id_name(d, j, "peer_name", &v->id);
	show_us(j, "rtt_us", v->rtt_ns);
	show_s(j, "up_s", v->up_ns);
	json_uint(j, "mtu", v->mtu);
	json_uint(j, "flaps", v->flaps);
	json_uint(j, "rekeys", v->rekeys);
	json_uint(j, "labels_granted", v->labels_granted);
	json_uint(j, "labels_held", held);
	json_uint(j, "rx_packets", c.rx_packets);
	json_uint(j, "rx_bytes", c.rx_bytes);
	json_uint(j, "tx_packets", c.tx_packets);
	json_uint(j, "tx_bytes", c.tx_bytes);
	json_object_end(j);
}

/* Links without a control plane have no view in the node. */
static void static_link_row(struct daemon *d, uint32_t link, struct json *j)
{
	const struct daemon_link *k = &d->links[link];
	struct node_link_view v = {
	        .link = (uint16_t)link,
	        .type = k->io.type,
	        .sealed = k->io.sealed,
	        .up = true,
	        .state = "static",
	        .rtt_ns = -1,
	        .up_ns = -1,
	        .mtu = k->io.mtu,
	};

	snprintf(v.name, sizeof(v.name), "%s", k->name);
	link_row(d, &v, 0, j);
}

/* Counts a row against the limit; false when it is used up. */
static bool room(uint32_t *rows, uint32_t limit, bool *truncated)
{
	if (*rows == limit) {
		*truncated = true;
		return false;
	}
	++*rows;
	return true;
}

/* Labels that neighbours granted to this node, by link: one walk over the tunnels, whatever the number of links. */
static void count_held(struct daemon *d, uint32_t held[CPDP_LINKS_MAX])
{
	struct node_cursor it = {0};
	struct node_tunnel_view v;

	while (node_view_tunnel(d->node, &it, d->now, &v)) {
		if (v.rev_out_link < CPDP_LINKS_MAX && v.rev_out_label != LABEL_NONE)
			held[v.rev_out_link]++;
		if (v.fwd_out_link < CPDP_LINKS_MAX && v.fwd_out_label != LABEL_NONE)
			held[v.fwd_out_link]++;
	}
}

static void show_links(struct daemon *d, uint32_t limit, struct json *j)
{
	struct node_link_view v;
	struct node_cursor it = {0};
	uint32_t rows = 0;
	uint32_t held[CPDP_LINKS_MAX] = {0};
	bool truncated = false;

	count_held(d, held);
	json_array(j, "links");
	while (node_view_link(d->node, &it, d->now, &v) && room(&rows, limit, &truncated))
		link_row(d, &v, held[v.link], j);
	for (uint32_t i = 0; i < d->nlinks; i++)
		if (*d->links[i].name && !d->links[i].control && room(&rows, limit, &truncated))
			static_link_row(d, i, j);
	json_array_end(j);
	json_bool(j, "truncated", truncated);
}

static void show_contacts(struct daemon *d, uint32_t limit, struct json *j)
{
	struct node_contact_view v;
	struct node_cursor it = {0};
	uint32_t rows = 0;
	bool truncated = false;

	json_array(j, "contacts");
	while (node_view_contact(d->node, &it, d->now, &v) && room(&rows, limit, &truncated)) {
		bool path = v.finger_label != LABEL_NONE;

		json_object(j, NULL);
		show_id(j, "id", &v.id);
		show_id_name(d, j, "name", &v.id);
		json_uint(j, "bucket", v.bucket);
		json_bool(j, "neighbour", v.neighbour);
		json_bool(j, "verified", v.verified);
		show_link(d, j, "finger_link", path ? v.finger_link : UINT16_MAX);
		show_label(j, "finger_label", v.finger_label);
		json_uint(j, "tree_distance", v.tree_distance);
		show_us(j, "rtt_us", v.rtt_ns);
		show_s(j, "seen_s", v.seen_ns);
		json_uint(j, "fails", v.fails);
		json_object_end(j);
	}
	json_array_end(j);
	json_bool(j, "truncated", truncated);
}

static void show_tunnels(struct daemon *d, uint32_t limit, struct json *j)
{
	struct node_tunnel_view v;
	struct node_cursor it = {0};
	uint32_t rows = 0;
	bool truncated = false;

	json_array(j, "tunnels");
	while (node_view_tunnel(d->node, &it, d->now, &v) && room(&rows, limit, &truncated)) {
		json_object(j, NULL);
		show_nonce(j, "nonce", v.nonce);
		json_str(j, "role", v.role);
		json_str(j, "state", v.state);
		show_id(j, "a", &v.a);
		show_id_name(d, j, "a_name", &v.a);
		show_id(j, "b", &v.b);
		show_id_name(d, j, "b_name", &v.b);
		show_link(d, j, "fwd_in_link", v.fwd_in_link);
		show_label(j, "fwd_in_label", v.fwd_in_label);
		show_link(d, j, "fwd_out_link", v.fwd_out_link);
		show_label(j, "fwd_out_label", v.fwd_out_label);
		show_link(d, j, "rev_in_link", v.rev_in_link);
		show_label(j, "rev_in_label", v.rev_in_label);
		show_link(d, j, "rev_out_link", v.rev_out_link);
		show_label(j, "rev_out_label", v.rev_out_label);
		hops_or_null(j, "first_hops", v.first_hops);
		hops_or_null(j, "hops", v.hops);
		show_scaled(j, "setup_ms", v.setup_ns > 0 ? v.setup_ns : -1, NS_PER_MS);
		show_s(j, "idle_s", v.idle_ns);
		show_s(j, "age_s", v.age_ns);
		json_uint(j, "punted_packets", v.punted);
		json_uint(j, "mtu", v.mtu);
		json_object_end(j);
	}
	json_array_end(j);
	json_bool(j, "truncated", truncated);
}

static void show_sessions(struct daemon *d, uint32_t limit, struct json *j)
{
	struct node_session_view v;
	struct node_cursor it = {0};
	uint32_t rows = 0;
	bool truncated = false;

	json_array(j, "sessions");
	while (node_view_session(d->node, &it, d->now, &v) && room(&rows, limit, &truncated)) {
		json_object(j, NULL);
		json_uint(j, "session", v.session);
		show_id(j, "remote", &v.remote);
		show_id_name(d, j, "remote_name", &v.remote);
		json_str(j, "state", v.state);
		show_nonce(j, "nonce", v.nonce);
		json_uint(j, "worker", v.worker);
		json_uint(j, "alg", v.alg);
		json_uint(j, "phase", v.phase);
		json_uint(j, "path_mtu", v.path_mtu);
		show_s(j, "key_age_s", v.key_age_ns);
		json_uint(j, "rekeys", v.rekeys);
		json_uint(j, "rebuilds", v.rebuilds);
		json_object_end(j);
	}
	json_array_end(j);
	json_bool(j, "truncated", truncated);
}

void show_connection(struct daemon *d, unsigned worker, const struct dp_connection *c,
                     struct json *j)
{
	char state[sizeof(c->state_name) + 1];

	snprintf(state, sizeof(state), "%.*s", (int)sizeof(c->state_name), c->state_name);
	json_object(j, NULL);
	show_id(j, "remote", &c->remote);
	show_id_name(d, j, "remote_name", &c->remote);
	json_uint(j, "local_port", c->local_port);
	json_uint(j, "remote_port", c->remote_port);
	json_str(j, "state", state);
	json_uint(j, "worker", worker);
	json_uint(j, "cwnd_bytes", c->cwnd);
	json_uint(j, "srtt_us", c->srtt_us);
	json_uint(j, "bytes_in", c->bytes_in);
	json_uint(j, "bytes_out", c->bytes_out);
	json_uint(j, "retransmits", c->retransmits);
	json_object_end(j);
}

static void label_row(struct daemon *d, const struct node_label_view *v, struct json *j)
{
	json_object(j, NULL);
	show_link(d, j, "link", v->link);
	show_label(j, "label", v->label);
	json_str(j, "state", v->state);
	json_str(j, "op", v->op);
	show_link(d, j, "out_link", v->out_label == LABEL_NONE ? UINT16_MAX : v->out_link);
	show_label(j, "out_label", v->out_label);
	json_object_end(j);
}

static void show_labels(struct daemon *d, uint32_t limit, struct json *j)
{
	struct node_label_view v;
	struct node_cursor it = {0};
	uint32_t rows = 0;
	bool truncated = false;

	json_array(j, "labels");
	while (node_view_label(d->node, &it, d->now, &v) && room(&rows, limit, &truncated))
		label_row(d, &v, j);
	for (uint32_t i = 0; i < d->conf.nlsps && !truncated; i++) {
		const struct conf_lsp *l = &d->conf.lsps[i];

		for (uint32_t n = 0; n <= l->in_label.last - l->in_label.first; n++) {
			if (!room(&rows, limit, &truncated))
				break;
			v = (struct node_label_view){
			        .link = (uint16_t)links_find(d, l->in_link),
			        .label = l->in_label.first + n,
			        .state = "static",
			        .op = "swap",
			        .out_link = (uint16_t)links_find(d, l->out_link),
			        .out_label = l->out_label.first + n,
			};
			label_row(d, &v, j);
		}
	}
	json_array_end(j);
	json_bool(j, "truncated", truncated);
}

/* Workers' drops by reason, and beside them what the control plane counted: drops and ordinary messages alike. */
static void show_drops(struct daemon *d, uint32_t limit, struct json *j)
{
	const char *name, *text;
	uint64_t count;

	(void)limit;
	json_array(j, "drops");
	for (uint32_t i = 0; dp_drop(d->dp, i, &name, &text, &count); i++) {
		json_object(j, NULL);
		json_str(j, "reason", name);
		json_uint(j, "count", count);
		json_str(j, "text", text);
		json_object_end(j);
	}
	json_array_end(j);
	json_array(j, "control");
	for (uint32_t i = 0; node_view_counter(d->node, i, &name, &count); i++) {
		json_object(j, NULL);
		json_str(j, "counter", name);
		json_uint(j, "count", count);
		json_object_end(j);
	}
	json_array_end(j);
}

static void show_workers(struct daemon *d, uint32_t limit, struct json *j)
{
	(void)limit;
	json_array(j, "workers");
	for (unsigned i = 0; i < d->workers; i++) {
		struct dp_worker_counters c = {0};

		dp_worker_counters(d->dp, i, &c);
		json_object(j, NULL);
		json_uint(j, "worker", i);
		json_uint(j, "rx_packets", c.rx_packets);
		json_uint(j, "rx_bytes", c.rx_bytes);
		json_uint(j, "tx_packets", c.tx_packets);
		json_uint(j, "tx_bytes", c.tx_bytes);
		json_uint(j, "switched_packets", c.switched_packets);
		json_uint(j, "switched_bytes", c.switched_bytes);
		json_uint(j, "punted_packets", c.punted_packets);
		json_uint(j, "punted_setup_packets", c.punted_setup_packets);
		json_uint(j, "session_in_packets", c.session_in);
		json_uint(j, "session_out_packets", c.session_out);
		json_uint(j, "loops", c.loops);
		json_uint(j, "busy_loops", c.busy_loops);
		json_uint(j, "sleeps", c.sleeps);
		json_uint(j, "commands", c.commands);
		json_uint(j, "commands_waiting", d->pump.w[i].seq - d->pump.w[i].acked);
		json_double(j, "busy_s", (double)c.busy_ns / (double)NS_PER_S);
		json_object_end(j);
	}
	json_array_end(j);
}

static void section_row(enum conf_section s, const struct conf_head *h, struct json *j)
{
	const struct conf_section_info *info = &conf_sections[s];
	char value[300];

	json_object(j, NULL);
	json_str(j, "section", info->name);
	str_or_null(j, "name", *h->name ? h->name : NULL);
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

static void show_config(struct daemon *d, uint32_t limit, struct json *j)
{
	const struct conf *c = &d->conf;

	(void)limit;
	json_str(j, "file", c->file);
	json_array(j, "config");
	section_row(CONF_SEC_NODE, &c->node.head, j);
	section_row(CONF_SEC_WORKER, &c->worker.head, j);
	section_row(CONF_SEC_API, &c->api.head, j);
	for (uint32_t i = 0; i < c->nports; i++)
		section_row(CONF_SEC_PORT, &c->ports[i].head, j);
	for (uint32_t i = 0; i < c->nlinks; i++)
		section_row(CONF_SEC_LINK, &c->links[i].head, j);
	for (uint32_t i = 0; i < c->nlsps; i++)
		section_row(CONF_SEC_LSP, &c->lsps[i].head, j);
	json_array_end(j);
	json_object(j, "names");
	for (uint32_t i = 0; i < c->nnames; i++)
		show_id(j, c->names[i].name, &c->names[i].id);
	json_object_end(j);
}

void show_view(struct daemon *d, enum ctl_view view, uint32_t limit, struct json *j)
{
	static void (*const views[CTL_VIEWS])(struct daemon *, uint32_t, struct json *) = {
	        [CTL_VIEW_NODE] = show_node,         [CTL_VIEW_LINKS] = show_links,
	        [CTL_VIEW_CONTACTS] = show_contacts, [CTL_VIEW_TUNNELS] = show_tunnels,
	        [CTL_VIEW_SESSIONS] = show_sessions, [CTL_VIEW_LABELS] = show_labels,
	        [CTL_VIEW_DROPS] = show_drops,       [CTL_VIEW_WORKERS] = show_workers,
	        [CTL_VIEW_CONFIG] = show_config,
	};

	json_object(j, NULL);
	if (views[view])
		views[view](d, limit, j);
	json_object_end(j);
}
