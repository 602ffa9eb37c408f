/* SPDX-License-Identifier: BSD-3-Clause */
/* `show labels`: labels granted to neighbours, by link and label, then those of static cross-connects. */
#include "daemon/daemon.h"
#include "daemon/links.h"
#include "daemon/show_value.h"
#include "daemon/show_views.h"

static void row(struct daemon *d, const struct node_label_view *v, struct json *j)
{
	json_object(j, NULL);
	show_link(d, j, "link", v->link);
	show_label(j, "label", v->label);
	json_str(j, "state", v->state);
	json_str(j, "op", v->op);
	show_link(d, j, "out_link", v->out_label == LABEL_NONE ? UINT16_MAX : v->out_link);
	show_label(j, "out_label", v->out_label);
	json_object_end(j);
}

/* The configured names stand for the numbers: a range of a million labels needs no look-up per label. */
static void static_row(const struct conf_lsp *l, uint32_t n, struct json *j)
{
	json_object(j, NULL);
	json_str(j, "link", l->in_link);
	show_label(j, "label", l->in_label.first + n);
	json_str(j, "state", "static");
	json_str(j, "op", "swap");
	json_str(j, "out_link", l->out_link);
	show_label(j, "out_label", l->out_label.first + n);
	json_object_end(j);
}

bool show_labels_row(struct daemon *d, struct show_walk *w, struct json *j)
{
	const struct conf_lsp *l;
	struct node_label_view v;

	if (w->at == 0 && w->offset == 0 && node_view_label(d->node, &w->cursor, d->now, &v)) {
		row(d, &v, j);
		return true;
	}
	if (w->at >= d->conf.nlsps)
		return false;
	l = &d->conf.lsps[w->at];
	static_row(l, w->offset, j);
	if (l->in_label.first + ++w->offset > l->in_label.last) {
		w->at++;
		w->offset = 0;
	}
	return true;
}
