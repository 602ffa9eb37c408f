/* SPDX-License-Identifier: BSD-3-Clause */
/* The rows of each view, between show.c, which knows the order of a document, and one file per noun. */
#pragma once
#include "base/json.h"
#include "daemon/show.h"
#include "dataplane.h"
#include "ipc/cpdp.h"

#include <stdbool.h>

/* Each writes the next row of its part of the document and moves the walk behind it. False: there is no row left. */
typedef bool show_row_fn(struct daemon *d, struct show_walk *w, struct json *j);

show_row_fn
        show_links_count; /* writes nothing: counts, tunnel by tunnel, the labels held on each link */
show_row_fn show_links_row;
show_row_fn show_listeners_row;
show_row_fn show_contacts_row;
show_row_fn show_tunnels_row;
show_row_fn show_sessions_row;
show_row_fn show_labels_row;
show_row_fn show_drops_row;   /* of the workers */
show_row_fn show_control_row; /* of the control plane */
show_row_fn show_workers_row;
show_row_fn show_worker_counters_row; /* name and text of each counter in a row of `workers` */
show_row_fn show_link_counters_row;   /* ... of `links` */
show_row_fn show_config_row;          /* a section */
show_row_fn show_names_row;           /* a key and its value */

/* What a document begins with. */
void show_node_head(struct daemon *d, struct json *j);
void show_config_head(struct daemon *d, struct json *j);

/* The counters of a link, inside its row. */
void show_link_counters(const struct dp_link_counters *c, struct json *j);

/* One row of `sockets`, as a worker sent it of a connection or a listener. */
void show_socket(struct daemon *d, unsigned worker, const struct dp_connection *c, struct json *j);
/* One row of `connections`, as a worker sent it. */
void show_connection(struct daemon *d, unsigned worker, const struct dp_connection *c,
                     struct json *j);
