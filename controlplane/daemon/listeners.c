/* SPDX-License-Identifier: BSD-3-Clause */
/* Listeners: sockets shared by many links, which the node makes and the daemon gives slots. */
#include "daemon/listeners.h"
#include "daemon/daemon.h"
#include "daemon/links.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int listeners_open(struct daemon *d, const struct conf_listen *l, char *err, size_t errcap)
{
	struct conf_link as = {.head = l->head,
	                       .type = CONF_TYPE_UDP_SOCKET,
	                       .local = l->local,
	                       .seal = true,
	                       .control = true,
	                       .mtu = l->mtu};
	int link = links_open(d, &as, err, errcap);

	if (link >= 0)
		d->links[link].listener = true;
	return link;
}

int listeners_set(struct daemon *d, uint32_t link, const struct conf_listen *l, char *err,
                  size_t errcap)
{
	struct node_listen_cfg cfg = {.io = d->links[link].io,
	                              .max = (uint16_t)l->max,
	                              .open = conf_accept_mode(l->accept) == CONF_ACCEPT_ANY};
	struct node_event ev = {.type = NODE_LISTEN_SET, .u.listen_set = &cfg};
	struct node_id *ids;
	int rc = conf_accept_ids(l->accept, &ids, &cfg.naccept, err, errcap);

	if (rc)
		return rc;
	cfg.accept = ids;
	snprintf(cfg.name, sizeof(cfg.name), "%s", l->head.name);
	node_input(d->node, &ev, d->now);
	free(ids);
	return 0;
}

/* A slot of this number, which is beyond those that the daemon gives out. */
static struct daemon_link *slot_at(struct daemon *d, uint32_t link)
{
	struct daemon_link *a;

	if (link < d->nlinks)
		return &d->links[link];
	a = realloc(d->links, (link + 1) * sizeof(*a));
	if (!a)
		return NULL;
	d->links = a;
	while (d->nlinks <= link)
		a[d->nlinks++] = (struct daemon_link){.fd = -1};
	return &a[link];
}

void listeners_made(struct daemon *d, const struct node_output *out)
{
	const struct node_link_new *made = &out->u.made;
	struct daemon_link *k = slot_at(d, made->io.link);

	if (!k)
		return; /* it has no name in the log, and its silence is noticed by hellos alone */
	*k = (struct daemon_link){
	        .fd = -1, .control = true, .made = true, .carrier = true, .io = made->io};
	snprintf(k->name, sizeof(k->name), "%s", made->name);
}

int listeners_allow(struct daemon *d, const struct conf_listen *l, const struct node_id *id,
                    bool allow, bool *kept, char *err, size_t errcap)
{
	struct node_event ev = {.type = NODE_LISTEN_ID};
	int link = links_find(d, l->head.name);

	if (link < 0 || d->links[link].leaving) {
		snprintf(err, errcap, "listener %s is not there; the daemon's log says why",
		         l->head.name);
		return -ENOENT;
	}
	*kept = conf_accept_mode(l->accept) == CONF_ACCEPT_FILE;
	if (*kept && conf_accept_change(l->accept, id, allow, err, errcap) != 0)
		return -EINVAL;
	ev.u.listen_id.link = (uint16_t)link;
	ev.u.listen_id.id = id;
	ev.u.listen_id.allow = allow;
	node_input(d->node, &ev, d->now);
	return 0;
}
