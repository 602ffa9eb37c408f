/* SPDX-License-Identifier: BSD-3-Clause */
/* `show listeners`: who may call where, how many have, and who was refused. */
#include "daemon/daemon.h"
#include "daemon/show_value.h"
#include "daemon/show_views.h"

bool show_listeners_row(struct daemon *d, struct show_walk *w, struct json *j)
{
	static const char *const reasons[] = {"",     "network", "not_accepted", "full",
	                                      "busy", "use_xx",  "yourself",     "version"};
	struct node_listener_view v;

	_Static_assert(ARRAY_LEN(reasons) == ARRAY_LEN(v.refused), "a name for each reason");
	if (!node_view_listener(d->node, &w->cursor, &v))
		return false;
	json_object(j, NULL);
	json_str(j, "name", v.name);
	show_addr(j, "address", v.local.family, v.local.addr, v.local.port);
	json_uint(j, "links", v.links);
	json_uint(j, "links_allowed", v.links_allowed);
	json_uint(j, "max", v.max);
	json_str(j, "accept", v.open ? "any" : "named");
	json_uint(j, "allowed", v.allowed);
	json_uint(j, "denied", v.denied);
	json_uint(j, "half_open", v.half_open);
	json_object(j, "refused");
	for (unsigned i = 1; i < ARRAY_LEN(reasons); i++)
		json_uint(j, reasons[i], v.refused[i]);
	json_object_end(j);
	json_object_end(j);
	return true;
}
