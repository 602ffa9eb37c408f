/* SPDX-License-Identifier: BSD-3-Clause */
/* `show tunnels`: tunnels that begin, end or pass here, in order of their numbers. */
#include "daemon/daemon.h"
#include "daemon/show_value.h"
#include "daemon/show_views.h"

bool show_tunnels_row(struct daemon *d, struct show_walk *w, struct json *j)
{
	struct node_tunnel_view v;

	if (!node_view_tunnel(d->node, &w->cursor, d->now, &v))
		return false;
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
	show_hops(j, "first_hops", v.first_hops);
	show_hops(j, "hops", v.hops);
	show_ms(j, "setup_ms", v.setup_ns > 0 ? v.setup_ns : -1);
	show_s(j, "idle_s", v.idle_ns);
	show_s(j, "age_s", v.age_ns);
	json_uint(j, "punted_packets", v.punted);
	json_uint(j, "mtu", v.mtu);
	json_object_end(j);
	return true;
}
