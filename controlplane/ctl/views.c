/* SPDX-License-Identifier: BSD-3-Clause */
/* Which columns each `show` has. Counters are not named here: the daemon names them. */
#include "ctl/table.h"

#include <string.h>

#define COLUMNS(a) (a), ARRAY_LEN(a)

static const struct column links[] = {
        {"LINK", "name", CELL_TEXT, NULL},
        {"STATE", "state", CELL_TEXT, NULL},
        {"TYPE", "type", CELL_TEXT, NULL},
        {"SEALED", "sealed", CELL_TEXT, NULL},
        {"NEIGHBOUR", "peer", CELL_ID, NULL},
        {"CALLED", "peer_name", CELL_TEXT, NULL},
        {"RTT", "rtt_us", CELL_US, NULL},
        {"UP FOR", "up_s", CELL_S, NULL},
        {"MTU", "mtu", CELL_NUMBER, NULL},
        {"RUNS", "runs", CELL_TEXT, NULL},
        {"FLAPS", "flaps", CELL_NUMBER, NULL},
        {"REKEYS", "rekeys", CELL_NUMBER, NULL},
        {"TUNNELS", "tunnels", CELL_NUMBER, NULL},
        {"GRANTED", "labels_granted", CELL_NUMBER, NULL},
        {"HELD", "labels_held", CELL_NUMBER, NULL},
        {"LISTENER", "listener", CELL_TEXT, NULL},
        {"ALLOWED", "allowed", CELL_TEXT, NULL},
        {"LOCAL", "local", CELL_TEXT, NULL},
        {"REMOTE", "remote", CELL_TEXT, NULL},
        {"WHY THERE", "remote_why", CELL_TEXT, NULL},
        {"CONFIGURED", "configured", CELL_TEXT, NULL},
        {"REASON", "reason", CELL_TEXT, NULL},
};
static const struct column listeners[] = {
        {"LISTENER", "name", CELL_TEXT, NULL},
        {"ADDRESS", "address", CELL_TEXT, NULL},
        {"LINKS", "links", CELL_NUMBER, NULL},
        {"OF THEM ALLOWED", "links_allowed", CELL_NUMBER, NULL},
        {"MAX", "max", CELL_NUMBER, NULL},
        {"ACCEPT", "accept", CELL_TEXT, NULL},
        {"IDS ALLOWED", "allowed", CELL_NUMBER, NULL},
        {"DENIED", "denied", CELL_NUMBER, NULL},
        {"HALF OPEN", "half_open", CELL_NUMBER, NULL},
};
static const struct column contacts[] = {
        {"CONTACT", "id", CELL_ID, NULL},
        {"CALLED", "name", CELL_TEXT, NULL},
        {"BUCKET", "bucket", CELL_NUMBER, NULL},
        {"NEIGHBOUR", "neighbour", CELL_YES, NULL},
        {"VERIFIED", "verified", CELL_YES, NULL},
        {"VIA LINK", "finger_link", CELL_TEXT, NULL},
        {"LABEL", "finger_label", CELL_NUMBER, NULL},
        {"TREE DIST", "tree_distance", CELL_NUMBER, NULL},
        {"RTT", "rtt_us", CELL_US, NULL},
        {"SEEN", "seen_s", CELL_S, NULL},
        {"FAILS", "fails", CELL_NUMBER, NULL},
};
static const struct column tunnels[] = {
        {"FROM", "a", CELL_ID, "a_name"},
        {"TO", "b", CELL_ID, "b_name"},
        {"ROLE", "role", CELL_TEXT, NULL},
        {"STATE", "state", CELL_TEXT, NULL},
        {"IN", "fwd_in_link", CELL_TEXT, NULL},
        {"LABEL", "fwd_in_label", CELL_NUMBER, NULL},
        {"OUT", "fwd_out_link", CELL_TEXT, NULL},
        {"LABEL", "fwd_out_label", CELL_NUMBER, NULL},
        {"BACK IN", "rev_in_label", CELL_NUMBER, NULL},
        {"BACK OUT", "rev_out_label", CELL_NUMBER, NULL},
        {"FIRST HOPS", "first_hops", CELL_NUMBER, NULL},
        {"HOPS", "hops", CELL_NUMBER, NULL},
        {"SET-UP", "setup_ms", CELL_MS, NULL},
        {"PUNTED", "punted_packets", CELL_COUNT, NULL},
        {"IDLE", "idle_s", CELL_S, NULL},
        {"AGE", "age_s", CELL_S, NULL},
};
static const struct column sessions[] = {
        {"REMOTE", "remote", CELL_ID, NULL},         {"CALLED", "remote_name", CELL_TEXT, NULL},
        {"STATE", "state", CELL_TEXT, NULL},         {"TUNNEL", "nonce", CELL_TEXT, NULL},
        {"WORKER", "worker", CELL_NUMBER, NULL},     {"PATH MTU", "path_mtu", CELL_NUMBER, NULL},
        {"KEY AGE", "key_age_s", CELL_S, NULL},      {"REKEYS", "rekeys", CELL_NUMBER, NULL},
        {"REBUILDS", "rebuilds", CELL_NUMBER, NULL},
};
static const struct column connections[] = {
        {"LOCAL PORT", "local_port", CELL_NUMBER, NULL},
        {"REMOTE", "remote", CELL_ID, "remote_name"},
        {"PORT", "remote_port", CELL_NUMBER, NULL},
        {"STATE", "state", CELL_TEXT, NULL},
        {"WORKER", "worker", CELL_NUMBER, NULL},
        {"CWND", "cwnd_bytes", CELL_BYTES, NULL},
        {"SRTT", "srtt_us", CELL_US, NULL},
        {"IN", "bytes_in", CELL_BYTES, NULL},
        {"OUT", "bytes_out", CELL_BYTES, NULL},
        {"RETRANSMITS", "retransmits", CELL_NUMBER, NULL},
};
static const struct column sockets[] = {
        {"LOCAL PORT", "local_port", CELL_NUMBER, NULL},
        {"STATE", "state", CELL_TEXT, NULL},
        {"PID", "pid", CELL_NUMBER, NULL},
        {"UID", "uid", CELL_NUMBER, NULL},
        {"REMOTE", "remote", CELL_ID, "remote_name"},
        {"PORT", "remote_port", CELL_NUMBER, NULL},
        {"WORKER", "worker", CELL_NUMBER, NULL},
        {"UNREAD", "unread_bytes", CELL_BYTES, NULL},
        {"UNSENT", "unsent_bytes", CELL_BYTES, NULL},
};
static const struct column labels[] = {
        {"LINK", "link", CELL_TEXT, NULL},         {"LABEL", "label", CELL_NUMBER, NULL},
        {"STATE", "state", CELL_TEXT, NULL},       {"OP", "op", CELL_TEXT, NULL},
        {"OUT LINK", "out_link", CELL_TEXT, NULL}, {"LABEL", "out_label", CELL_NUMBER, NULL},
};
static const struct column drops[] = {
        {"COUNT", "count", CELL_NUMBER, NULL},
        {"REASON", "reason", CELL_TEXT, NULL},
        {"MEANING", "text", CELL_TEXT, NULL},
};
static const struct column control[] = {
        {"COUNT", "count", CELL_NUMBER, NULL},
        {"CONTROL PLANE", "counter", CELL_TEXT, NULL},
        {"MEANING", "text", CELL_TEXT, NULL},
};
static const struct column node[] = {
        {"name", "name", CELL_TEXT, NULL},
        {"id", "id", CELL_TEXT, NULL},
        {"host name", "host", CELL_TEXT, NULL},
        {"version", "version", CELL_TEXT, NULL},
        {"network", "network", CELL_NUMBER, NULL},
        {"transit", "transit", CELL_TEXT, NULL},
        {"draining", "draining", CELL_TEXT, NULL},
        {"up for", "uptime_s", CELL_S, NULL},
        {"workers", "workers", CELL_NUMBER, NULL},
        {"links", "links", CELL_NUMBER, NULL},
        {"links up", "links_up", CELL_NUMBER, NULL},
        {"contacts", "contacts", CELL_NUMBER, NULL},
        {"stale contacts", "contacts_stale", CELL_NUMBER, NULL},
        {"label paths to contacts", "fingers", CELL_NUMBER, NULL},
        {"labels granted", "labels_live", CELL_NUMBER, NULL},
        {"set-ups under way", "pending_setups", CELL_NUMBER, NULL},
        {"queries under way", "pending_queries", CELL_NUMBER, NULL},
        {"key seen elsewhere", "twin_key", CELL_S, NULL},
        {"control state", "state_bytes", CELL_BYTES, NULL},
        {"memory", "memory", CELL_TEXT, NULL},
};

static const struct {
	const struct column *cols;
	unsigned n;
	const char *none;
} tables[CTL_VIEWS] = {
        [CTL_VIEW_LINKS] = {COLUMNS(links), "no links: the configuration has no [link NAME]"},
        [CTL_VIEW_LISTENERS] = {COLUMNS(listeners),
                                "no listeners: the configuration has no [listen NAME]"},
        [CTL_VIEW_CONTACTS] = {COLUMNS(contacts), "no contacts yet"},
        [CTL_VIEW_TUNNELS] = {COLUMNS(tunnels), "no tunnels"},
        [CTL_VIEW_SESSIONS] = {COLUMNS(sessions), "no sessions"},
        [CTL_VIEW_CONNECTIONS] = {COLUMNS(connections), "no connections"},
        [CTL_VIEW_SOCKETS] = {COLUMNS(sockets), "no sockets: no program is connected or listens"},
        [CTL_VIEW_LABELS] = {COLUMNS(labels), "no labels"},
        [CTL_VIEW_DROPS] = {COLUMNS(drops), "no drops"},
};

static bool node_print(FILE *f, const struct jvalue *doc)
{
	char cell[160];

	for (unsigned i = 0; i < ARRAY_LEN(node); i++) {
		table_cell(&node[i], doc, cell, sizeof(cell));
		fprintf(f, "%-24s %s\n", node[i].title, cell);
	}
	return jvalue_text(doc, "id") != NULL;
}

static bool config_print(FILE *f, const struct jvalue *doc)
{
	const struct jvalue *rows = jvalue_get(doc, "config"), *names = jvalue_get(doc, "names");
	const char *file = jvalue_text(doc, "file");

	if (!rows || !file)
		return false;
	fprintf(f, "# read from %s; options that are not set stand with their defaults\n", file);
	for (const struct jvalue *s = rows->first; s; s = s->next) {
		const char *section = jvalue_text(s, "section"), *name = jvalue_text(s, "name");
		const struct jvalue *options = jvalue_get(s, "options");

		fprintf(f, "[%s%s%s]\n", section ? section : "?", name ? " " : "",
		        name ? name : "");
		for (const struct jvalue *o = options ? options->first : NULL; o; o = o->next)
			fprintf(f, "%s = %s\n", o->key, o->text ? o->text : "");
		fputc('\n', f);
	}
	if (names && names->first)
		fputs("[names]\n", f);
	for (const struct jvalue *n = names ? names->first : NULL; n; n = n->next)
		fprintf(f, "%s = %s\n", n->key, n->text ? n->text : "");
	return true;
}

/* Only what has happened: a hundred rows of zero help nobody. */
static void drop_zeros(struct jvalue *rows)
{
	struct jvalue **at = &rows->first;

	while (*at) {
		const struct jvalue *count = jvalue_get(*at, "count");
		struct jvalue *row = *at;

		if (!count || count->number != 0) {
			at = &row->next;
			continue;
		}
		*at = row->next;
		row->next = NULL;
		jvalue_free(row);
	}
}

static void drops_prepare(const struct jvalue *doc)
{
	for (struct jvalue *v = doc->first; v; v = v->next)
		if (v->type == J_ARRAY)
			drop_zeros(v);
}

/* How a counter is written is in its name; what it means is the daemon's to say. */
static enum cell counter_cell(const char *name)
{
	size_t n = strlen(name);

	if (n > 6 && strcmp(name + n - 6, "_bytes") == 0)
		return CELL_BYTES;
	return n > 2 && strcmp(name + n - 2, "_s") == 0 ? CELL_S : CELL_COUNT;
}

/* Every counter of the links, as a table of its own below the first one. */
static void link_counters_print(FILE *f, const struct jvalue *rows, const struct jvalue *counters)
{
	struct column cols[TABLE_COLUMNS_MAX] = {{"LINK", "name", CELL_TEXT, NULL}};
	unsigned n = 1;

	for (const struct jvalue *c = counters ? counters->first : NULL; c; c = c->next) {
		const char *name = jvalue_text(c, "counter");

		if (name && n < TABLE_COLUMNS_MAX)
			cols[n++] = (struct column){name, name, counter_cell(name), NULL};
	}
	if (n == 1 || !rows->first)
		return;
	fputc('\n', f);
	table_print(f, cols, n, rows, "");
}

static void counter_line(FILE *f, const char *name, const struct jvalue *workers, const char *text)
{
	struct column col = {name, name, counter_cell(name), NULL};
	char cell[32];

	fprintf(f, "%-21s", name);
	for (const struct jvalue *w = workers->first; w; w = w->next) {
		table_cell(&col, w, cell, sizeof(cell));
		fprintf(f, " %9s", cell);
	}
	fprintf(f, "%s%s\n", text ? "  " : "", text ? text : "");
}

/* A line per counter and a column per worker: there are more counters than workers. */
static bool workers_print(FILE *f, const struct jvalue *doc)
{
	const struct jvalue *workers = jvalue_get(doc, "workers");
	const struct jvalue *counters = jvalue_get(doc, "counters");

	if (!workers || workers->type != J_ARRAY || !counters)
		return false;
	counter_line(f, "worker", workers, NULL);
	counter_line(f, "commands_waiting", workers, "commands not carried out yet");
	for (const struct jvalue *c = counters->first; c; c = c->next)
		if (jvalue_text(c, "counter"))
			counter_line(f, jvalue_text(c, "counter"), workers, jvalue_text(c, "text"));
	return true;
}

bool view_print(FILE *f, enum ctl_view view, const struct jvalue *doc)
{
	const struct jvalue *rows = jvalue_get(doc, ctl_view_name(view));
	const struct jvalue *truncated = jvalue_get(doc, "truncated");

	if (view == CTL_VIEW_NODE)
		return node_print(f, doc);
	if (view == CTL_VIEW_CONFIG)
		return config_print(f, doc);
	if (view == CTL_VIEW_WORKERS)
		return workers_print(f, doc);
	if (!rows || rows->type != J_ARRAY)
		return false;
	if (view == CTL_VIEW_DROPS)
		drops_prepare(doc);
	table_print(f, tables[view].cols, tables[view].n, rows, tables[view].none);
	if (view == CTL_VIEW_LINKS)
		link_counters_print(f, rows, jvalue_get(doc, "counters"));
	if (view == CTL_VIEW_DROPS && jvalue_get(doc, "control")) {
		fputc('\n', f);
		table_print(f, COLUMNS(control), jvalue_get(doc, "control"),
		            "nothing counted by the control plane");
	}
	if (truncated && truncated->truth)
		fputs("... more rows were left out\n", f);
	return true;
}
