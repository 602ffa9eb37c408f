/* SPDX-License-Identifier: BSD-3-Clause */
/* From [forward NAME] to the data plane: files of ids become lists. */
#include "daemon/forwards.h"
#include "daemon/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take_address(struct dp_forward *out, const conf_addr_t *a)
{
	out->family = a->family;
	out->tcp_port = a->port;
	memcpy(out->addr, a->addr, sizeof(out->addr));
}

int forwards_set(struct daemon *d, const struct conf_forward *f, bool socket_stays, char *err,
                 size_t errcap)
{
	struct dp_forward out = {.reverse = f->listen.kind == CONF_WHERE_HERE};
	struct node_id *allow = NULL;
	int rc;

	snprintf(out.name, sizeof(out.name), "%s", f->head.name);
	take_address(&out, out.reverse ? &f->to.addr : &f->listen.addr);
	out.port = out.reverse ? f->listen.port : f->to.port;
	out.id = f->to.id;
	out.any = out.reverse && conf_accept_mode(f->allow) == CONF_ACCEPT_ANY;
	if (out.reverse && conf_accept_ids(f->allow, &allow, &out.nallow, err, errcap) != 0)
		return -EINVAL;
	out.allow = allow;
	rc = dp_forward_set(d->dp, &out, socket_stays, err, errcap);
	free(allow);
	return rc;
}

int forwards_start(struct daemon *d, char *err, size_t errcap)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < d->conf.nforwards; i++)
		rc = forwards_set(d, &d->conf.forwards[i], false, err, errcap);
	return rc;
}
