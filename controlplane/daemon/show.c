/* SPDX-License-Identifier: BSD-3-Clause */
/* The order of each view's document, and the walk through it slice by slice. */
#include "daemon/show.h"
#include "daemon/show_views.h"

#include <stdlib.h>

#define PARTS_MAX 3

/* SILENT parts write nothing. The request's limit counts ROWS, and the document says whether it left any out. */
enum part_kind { SILENT = 0, ROWS, LIST, OBJECT };

struct part {
	enum part_kind kind;
	const char *key;
	show_row_fn *row; /* NULL: the document ends before this part */
};

struct view {
	void (*head)(struct daemon *d, struct json *j);
	struct part part[PARTS_MAX];
	bool limited;   /* has ROWS */
	unsigned slice; /* steps of one slice where they cost more than elsewhere; 0: SHOW_SLICE */
};

static const struct view views[CTL_VIEWS] = {
        [CTL_VIEW_NODE] = {.head = show_node_head},
        [CTL_VIEW_LINKS] = {.part = {{SILENT, NULL, show_links_count},
                                     {ROWS, "links", show_links_row},
                                     {LIST, "counters", show_link_counters_row}},
                            .limited = true},
        [CTL_VIEW_LISTENERS] = {.part = {{ROWS, "listeners", show_listeners_row}}, .limited = true},
        [CTL_VIEW_CONTACTS] = {.part = {{ROWS, "contacts", show_contacts_row}}, .limited = true},
        [CTL_VIEW_TUNNELS] = {.part = {{ROWS, "tunnels", show_tunnels_row}}, .limited = true},
        [CTL_VIEW_SESSIONS] = {.part = {{ROWS, "sessions", show_sessions_row}}, .limited = true},
        [CTL_VIEW_LABELS] = {.part = {{ROWS, "labels", show_labels_row}}, .limited = true},
        [CTL_VIEW_DROPS] = {.part = {{LIST, "drops", show_drops_row},
                                     {LIST, "control", show_control_row}}},
        [CTL_VIEW_WORKERS] = {.part = {{LIST, "workers", show_workers_row},
                                       {LIST, "counters", show_worker_counters_row}}},
        [CTL_VIEW_CONFIG] =
                {.head = show_config_head,
                 .part = {{LIST, "config", show_config_row}, {OBJECT, "names", show_names_row}},
                 /* Each step of the first part looks at every section, of which there may be thousands. */
                 .slice = SHOW_SLICE / 8},
};

void show_begin(struct show_walk *w, enum ctl_view view, uint32_t limit)
{
	*w = (struct show_walk){.view = view, .limit = limit};
}

void show_end(struct show_walk *w)
{
	free(w->held);
	*w = (struct show_walk){0};
}

static const struct part *part_now(const struct show_walk *w)
{
	const struct part *p = &views[w->view].part[w->part];

	return w->part < PARTS_MAX && p->row ? p : NULL;
}

static void part_begin(struct show_walk *w, struct json *j)
{
	const struct part *p = part_now(w);

	w->cursor = (struct node_cursor){0};
	w->at = w->offset = 0;
	*w->name = '\0';
	if (p && (p->kind == LIST || p->kind == ROWS))
		json_array(j, p->key);
	else if (p && p->kind == OBJECT)
		json_object(j, p->key);
}

static void part_end(struct show_walk *w, struct json *j)
{
	enum part_kind kind = part_now(w)->kind;

	if (kind == LIST || kind == ROWS)
		json_array_end(j);
	else if (kind == OBJECT)
		json_object_end(j);
	w->part++;
}

/* One row. Beyond the limit: whether there is one more, which is taken back. False: no more rows. */
static bool step(struct daemon *d, struct show_walk *w, struct json *j)
{
	const struct part *p = part_now(w);
	bool counted = p->kind == ROWS;
	size_t len = j->len;
	bool comma = j->comma;

	if (!counted || w->rows < w->limit) {
		bool more = p->row(d, w, j);

		w->rows += counted && more;
		return more;
	}
	w->truncated = p->row(d, w, j);
	j->len = len;
	j->comma = comma;
	return false;
}

bool show_step(struct daemon *d, struct show_walk *w, struct json *j)
{
	unsigned steps = views[w->view].slice ? views[w->view].slice : SHOW_SLICE;

	if (!w->begun) {
		w->begun = true;
		json_object(j, NULL);
		if (views[w->view].head)
			views[w->view].head(d, j);
		part_begin(w, j);
	}
	for (unsigned n = 0; n < steps && part_now(w) && !j->failed; n++)
		if (!step(d, w, j)) {
			part_end(w, j);
			part_begin(w, j);
		}
	if (part_now(w) && !j->failed)
		return false;
	if (views[w->view].limited)
		json_bool(j, "truncated", w->truncated);
	json_object_end(j);
	return true;
}
