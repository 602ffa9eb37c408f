/* SPDX-License-Identifier: BSD-3-Clause */
/* `show node`: the node in one object. */
#include "daemon/daemon.h"
#include "daemon/show_value.h"
#include "daemon/show_views.h"

#include <string.h>

static void counts(struct daemon *d, struct json *j)
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
	json_uint(j, "transit_tunnels", node_transit_tunnels(d->node));
	json_uint(j, "state_bytes", s.state_bytes);
	json_uint(j, "command_packets_lost", d->pump.packets_lost);
	show_s(j, "twin_key", s.twin_at.ns ? instant_sub(d->now, s.twin_at) : -1);
	json_uint(j, "log_lines_lost", log_lost(&d->log));
	json_array(j, "roots");
	for (unsigned t = 0; t < ARRAY_LEN(s.root); t++) {
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

void show_node_head(struct daemon *d, struct json *j)
{
	char host[ID_HOST_LEN + 1], transit[16];
	const struct conf_option *o =
	        &conf_sections[CONF_SEC_NODE].options[conf_option_index(CONF_SEC_NODE, "transit")];
	uint32_t up = 0, all = 0;

	for (uint32_t i = 0; i < d->nlinks; i++) {
		all += *d->links[i].name != '\0' && !d->links[i].listener;
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
	counts(d, j);
}
