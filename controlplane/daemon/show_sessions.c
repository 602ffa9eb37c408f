/* SPDX-License-Identifier: BSD-3-Clause */
/* `show sessions` in order of their indices, and the rows of `show connections`, which workers send. */
#include "daemon/daemon.h"
#include "daemon/show_value.h"
#include "daemon/show_views.h"

#include <stdio.h>

bool show_sessions_row(struct daemon *d, struct show_walk *w, struct json *j)
{
	struct node_session_view v;

	if (!node_view_session(d->node, &w->cursor, d->now, &v))
		return false;
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
	return true;
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

void show_socket(struct daemon *d, unsigned worker, const struct dp_connection *c, struct json *j)
{
	bool listens = c->remote_port == 0 /* no connection has that port */;
	char state[sizeof(c->state_name) + 1];

	snprintf(state, sizeof(state), "%.*s", (int)sizeof(c->state_name), c->state_name);
	json_object(j, NULL);
	json_uint(j, "local_port", c->local_port);
	json_str(j, "state", state);
	json_uint(j, "pid", c->pid);
	json_uint(j, "uid", c->uid);
	if (listens)
		json_null(j, "remote");
	else
		show_id(j, "remote", &c->remote);
	if (listens)
		json_null(j, "remote_name");
	else
		show_id_name(d, j, "remote_name", &c->remote);
	json_uint(j, "remote_port", c->remote_port);
	json_uint(j, "worker", worker);
	json_uint(j, "unread_bytes", c->ring_in);
	json_uint(j, "unsent_bytes", c->ring_out);
	json_object_end(j);
}
