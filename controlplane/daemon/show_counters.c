/* SPDX-License-Identifier: BSD-3-Clause */
/* `show drops` and `show workers`: counters of the workers and of the control plane. */
#include "daemon/daemon.h"
#include "daemon/show_views.h"

/* What workers dropped, by reason. */
bool show_drops_row(struct daemon *d, struct show_walk *w, struct json *j)
{
	const char *name, *text;
	uint64_t count;

	if (!dp_drop(d->dp, w->at, &name, &text, &count))
		return false;
	w->at++;
	json_object(j, NULL);
	json_str(j, "reason", name);
	json_uint(j, "count", count);
	json_str(j, "text", text);
	json_object_end(j);
	return true;
}

/* What the control plane counted: drops and ordinary messages alike. */
bool show_control_row(struct daemon *d, struct show_walk *w, struct json *j)
{
	const char *name;
	uint64_t count;

	if (!node_view_counter(d->node, w->at, &name, &count))
		return false;
	w->at++;
	json_object(j, NULL);
	json_str(j, "counter", name);
	json_uint(j, "count", count);
	json_object_end(j);
	return true;
}

bool show_workers_row(struct daemon *d, struct show_walk *w, struct json *j)
{
	struct dp_worker_counters c = {0};
	unsigned i = w->at;

	if (i >= d->workers)
		return false;
	w->at++;
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
	return true;
}
