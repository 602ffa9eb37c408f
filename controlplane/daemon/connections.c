/* SPDX-License-Identifier: BSD-3-Clause */
/* `show connections` and `show sockets`, worker by worker and slice by slice. */
#include "daemon/connections.h"

#include "daemon/daemon.h"
#include "daemon/request.h"
#include "daemon/show_views.h"

#define SLICE_ROWS 256             /* of some 400 bytes each */
#define SLICE_NS   (2 * NS_PER_S)  /* without a row */
#define PAUSE_NS   (15 * NS_PER_S) /* between two slices, without anything sent */

bool connections_view(enum ctl_view view)
{
	return view == CTL_VIEW_CONNECTIONS || view == CTL_VIEW_SOCKETS;
}

static bool shows_connections(const struct ctl_client *c)
{
	return c->state == CLIENT_SHOWING && connections_view(c->req.view);
}

bool connections_wait(const struct daemon *d, const struct ctl_client *c)
{
	if (!shows_connections(c))
		return false;
	/* A worker is at one slice at a time. */
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		if (shows_connections(&d->ctl.clients[i]) && d->ctl.clients[i].cookie)
			return true;
	return false;
}

static void done(struct daemon *d, struct ctl_client *c)
{
	json_array_end(&c->out);
	json_bool(&c->out, "truncated", c->walk.truncated);
	ctl_client_line_end(c);
	ctl_client_finish(d, c);
}

void connections_slice(struct daemon *d, struct ctl_client *c)
{
	struct cp_cmd cmd = {.type = CMD_DUMP_CONNECTIONS};
	struct show_walk *w = &c->walk;
	uint32_t left = w->limit - w->rows;

	COYO_ASSERT(!connections_wait(d, c) && w->rows <= w->limit);
	if (!w->begun)
		json_array(ctl_client_line(c), ctl_view_name(c->req.view));
	w->begun = true;
	c->cookie = cmd.cookie = request_cookie(d);
	/* One more than may be shown tells whether any is left out. Of sockets the worker does not know which are shown. */
	cmd.u.dump = (struct cp_dump){
	        .from = w->offset,
	        .most = left < SLICE_ROWS && c->req.view == CTL_VIEW_CONNECTIONS ? left + 1
	                                                                         : SLICE_ROWS};
	c->deadline = instant_add(d->now, SLICE_NS);
	pump_own_command(d, w->at, &cmd);
}

static void slice_end(struct daemon *d, struct ctl_client *c, const struct dp_dump_end *e)
{
	struct show_walk *w = &c->walk;

	c->cookie = 0;
	w->offset = e->next;
	if (!e->more) {
		w->at++;
		w->offset = 0;
	}
	if (w->truncated || w->at >= d->workers) {
		done(d, c);
		return;
	}
	c->deadline = instant_add(d->now, PAUSE_NS);
	ctl_client_flush(d, c);
}

void connections_row(struct daemon *d, struct ctl_client *c, const struct dp_event *e)
{
	const struct dp_connection *row = &e->u.connection;
	struct show_walk *w = &c->walk;

	c->deadline = instant_add(d->now, SLICE_NS);
	if (e->type == EVT_DUMP_END) {
		slice_end(d, c, &e->u.dump_end);
	} else if (c->req.view == CTL_VIEW_SOCKETS ? row->uid == UINT32_MAX : row->member > 0) {
		/* Nobody's socket; or a connection of TCP that was shown already. */
	} else if (w->rows < w->limit) {
		w->rows++;
		if (c->req.view == CTL_VIEW_SOCKETS)
			show_socket(d, e->worker, row, &c->out);
		else
			show_connection(d, e->worker, row, &c->out);
	} else {
		w->truncated = true;
	}
}

void connections_cut(struct daemon *d, struct ctl_client *c)
{
	c->walk.truncated = true;
	done(d, c);
}
