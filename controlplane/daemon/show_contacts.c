/* SPDX-License-Identifier: BSD-3-Clause */
/* `show contacts`: the table of contacts in order of their ids. */
#include "daemon/daemon.h"
#include "daemon/show_value.h"
#include "daemon/show_views.h"

bool show_contacts_row(struct daemon *d, struct show_walk *w, struct json *j)
{
	struct node_contact_view v;
	bool path;

	if (!node_view_contact(d->node, &w->cursor, d->now, &v))
		return false;
	path = v.finger_label != LABEL_NONE;
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
	return true;
}
