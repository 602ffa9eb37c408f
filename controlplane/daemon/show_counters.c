/* SPDX-License-Identifier: BSD-3-Clause */
/* `show drops`, `show workers`, and the counters of links: all that the tables of counters and drop reasons name. */
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

/* What the daemon itself counted, after the node's rows. */
static bool daemon_counter(struct daemon *d, uint32_t index, const char **name, const char **text,
                           uint64_t *count)
{
	if (index > 0)
		return false;
	*name = "log_lines_lost";
	*text = "lines of the log that its reader did not take in time";
	*count = log_lost(&d->log);
	return true;
}

/* What the control plane counted: drops and ordinary messages alike. */
bool show_control_row(struct daemon *d, struct show_walk *w, struct json *j)
{
	const char *name, *text;
	uint64_t count;

	if (node_view_counter(d->node, w->at, &name, &text, &count))
		w->offset = w->at + 1;
	else if (!daemon_counter(d, w->at - w->offset, &name, &text, &count))
		return false;
	w->at++;
	json_object(j, NULL);
	json_str(j, "counter", name);
	json_uint(j, "count", count);
	json_str(j, "text", text);
	json_object_end(j);
	return true;
}

struct counter_row {
	const char *name;
	enum dp_unit unit;
	const char *text;
};

#define ROW(field, name, unit, text) {name, unit, text},
static const struct counter_row worker_counters[] = {DP_WORKER_COUNTERS(ROW)};
static const struct counter_row link_counters[] = {DP_LINK_COUNTERS(ROW)};
#undef ROW

_Static_assert(sizeof(struct dp_worker_counters) == ARRAY_LEN(worker_counters) * sizeof(uint64_t),
               "a word per row");
_Static_assert(sizeof(struct dp_link_counters) == ARRAY_LEN(link_counters) * sizeof(uint64_t),
               "a word per row");

static void values(const struct counter_row *rows, size_t n, const void *counters, struct json *j)
{
	const uint64_t *v = counters;

	for (size_t i = 0; i < n; i++)
		if (rows[i].unit == DP_NS)
			json_double(j, rows[i].name, (double)v[i] / (double)NS_PER_S);
		else
			json_uint(j, rows[i].name, v[i]);
}

static bool meaning(const struct counter_row *rows, size_t n, struct show_walk *w, struct json *j)
{
	if (w->at >= n)
		return false;
	json_object(j, NULL);
	json_str(j, "counter", rows[w->at].name);
	json_str(j, "text", rows[w->at].text);
	json_object_end(j);
	w->at++;
	return true;
}

bool show_worker_counters_row(struct daemon *d, struct show_walk *w, struct json *j)
{
	(void)d;
	return meaning(worker_counters, ARRAY_LEN(worker_counters), w, j);
}

bool show_link_counters_row(struct daemon *d, struct show_walk *w, struct json *j)
{
	(void)d;
	return meaning(link_counters, ARRAY_LEN(link_counters), w, j);
}

void show_link_counters(const struct dp_link_counters *c, struct json *j)
{
	values(link_counters, ARRAY_LEN(link_counters), c, j);
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
	json_uint(j, "commands_waiting", d->pump.w[i].seq - d->pump.w[i].acked);
	values(worker_counters, ARRAY_LEN(worker_counters), &c, j);
	json_object_end(j);
	return true;
}
