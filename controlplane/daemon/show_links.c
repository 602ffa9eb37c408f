/* SPDX-License-Identifier: BSD-3-Clause */
/* `show links`: links with a neighbour in order of their numbers, then those that carry static cross-connects only. */
#include "daemon/daemon.h"
#include "daemon/show_value.h"
#include "daemon/show_views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool show_links_count(struct daemon *d, struct show_walk *w, struct json *j)
{
	struct node_tunnel_view v;

	if (!w->held)
		w->held = calloc(CPDP_LINKS_MAX, sizeof(w->held[0]));
	if (!w->held)
		j->failed = true;
	if (!w->held || !node_view_tunnel(d->node, &w->cursor, d->now, &v))
		return false;
	if (v.rev_out_link < CPDP_LINKS_MAX && v.rev_out_label != LABEL_NONE)
		w->held[v.rev_out_link]++;
	if (v.fwd_out_link < CPDP_LINKS_MAX && v.fwd_out_label != LABEL_NONE)
		w->held[v.fwd_out_link]++;
	return true;
}

/* Why the link is not up, as far as it is known: NULL: it is not. */
static const char *reason(const struct daemon *d, const struct node_link_view *v)
{
	const struct daemon_link *k = v->link < d->nlinks ? &d->links[v->link] : NULL;

	if (*v->reason)
		return v->reason;
	return k && k->io.type == LINK_ETHERNET && !v->up ? ports_fault(d, k->port) : NULL;
}

static bool same_address(const struct node_addr *a, const struct node_addr *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->addr, b->addr, a->family == 4 ? 4 : 16) == 0;
}

/* What is configured, as one text, and why packets go where they do: that address is the n-th configured one, or where the neighbour was seen. */
static void show_remotes(const struct node_link_view *v, struct json *j)
{
	char all[LINK_ENDS_MAX * SHOW_ADDR_MAX] = "", why[64] = "";
	bool learnt = same_address(&v->learnt, &v->remote);
	unsigned at = 0;
	size_t len = 0;

	for (unsigned i = 0; i < v->configured.n; i++) {
		const struct node_addr *a = &v->configured.v[i];
		char text[SHOW_ADDR_MAX];

		show_addr_text(a->family, a->addr, a->port, text);
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s", i ? ", " : "", text);
		if (same_address(a, &v->remote))
			at = i + 1;
	}
	show_text(j, "configured", v->configured.n ? all : NULL);
	if (v->up && learnt && !at)
		snprintf(why, sizeof(why), "the neighbour answered from there");
	else if (v->up && at)
		snprintf(why, sizeof(why), "configured, %u of %u, and answers", at,
		         v->configured.n);
	else if (v->up && v->remote.family)
		snprintf(why, sizeof(why), "it was configured, and answers");
	else if (at)
		snprintf(why, sizeof(why), "tried: configured, %u of %u", at, v->configured.n);
	else if (v->remote.family)
		snprintf(why, sizeof(why), "tried: the neighbour was there");
	show_text(j, "remote_why", *why ? why : NULL);
}

static void row(struct daemon *d, const struct node_link_view *v, uint32_t held, struct json *j)
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
	show_text(j, "runs", v->runs);
	json_uint(j, "flaps", v->flaps);
	json_uint(j, "rekeys", v->rekeys);
	json_uint(j, "tunnels", v->tunnels);
	json_uint(j, "labels_granted", v->labels_granted);
	json_uint(j, "labels_held", held);
	show_text(j, "reason", reason(d, v));
	show_link(d, j, "listener", v->listener);
	if (v->listener == UINT16_MAX)
		json_null(j, "allowed");
	else
		json_bool(j, "allowed", v->allowed);
	show_addr(j, "local", v->local.family, v->local.addr, v->local.port);
	show_addr(j, "remote", v->remote.family, v->remote.addr, v->remote.port);
	show_remotes(v, j);
	show_link_counters(&c, j);
	json_object_end(j);
}

/* Links without a control plane have no view in the node. */
static void static_row(struct daemon *d, uint32_t link, struct json *j)
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
	        .listener = UINT16_MAX,
	};

	snprintf(v.name, sizeof(v.name), "%s", k->name);
	row(d, &v, 0, j);
}

bool show_links_row(struct daemon *d, struct show_walk *w, struct json *j)
{
	struct node_link_view v;

	if (w->at == 0 && node_view_link(d->node, &w->cursor, d->now, &v)) {
		row(d, &v, w->held && v.link < CPDP_LINKS_MAX ? w->held[v.link] : 0, j);
		return true;
	}
	while (w->at < d->nlinks) {
		uint32_t link = w->at++;

		if (*d->links[link].name && !d->links[link].control) {
			static_row(d, link, j);
			return true;
		}
	}
	return false;
}
