/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of connections for control, slice by slice, a few rows at a time. */
#include "session/lane.h"
#include "session/priv.h"

#include <errno.h>
#include <stdio.h>

/* Of the listeners that share a port the one with that number, or NULL. */
static const struct app_listener *member(const struct app_listener *first, uint32_t number)
{
	const struct app_listener *l = first;

	while (number-- > 0)
		if ((l = l->beside) == first)
			return NULL;
	return l;
}

/* Whose it is, and what lies between that program and TCP. */
static void row_owner(struct worker_sessions *s, struct dp_connection *row,
                      const struct tcp_info *info)
{
	const struct app_listener *l;
	struct app_stream *st;

	if (!info->user)
		return;
	if (info->user & LISTENER_BIT) {
		l = (const struct app_listener *)(uintptr_t)(info->user & ~LISTENER_BIT);
		row->member = s->dump.member;
		row->pid = member(l, row->member)->pid;
		row->uid = member(l, row->member)->uid;
		s->dump.member = member(l, row->member + 1) ? row->member + 1 : 0;
		return;
	}
	st = (struct app_stream *)(uintptr_t)info->user;
	row->pid = st->port ? st->port->seg->pid : st->pid;
	row->uid = st->port ? st->port->seg->uid : st->uid;
	row->ring_in = st->side.in.cap - bytering_room(&st->side.in);
	row->ring_out = bytering_used(&st->side.out);
}

static void dump_row(struct worker_sessions *s, const struct tcp_info *info)
{
	struct dp_connection *row = &s->dump.row.u.connection;

	s->dump.row = (struct dp_event){.type = EVT_CONNECTION, .cookie = s->dump.cookie};
	if (!info->listener && info->peer < s->nremotes)
		row->remote = s->remotes[info->peer].id;
	row->uid = UINT32_MAX;
	row->local_port = info->local_port;
	row->remote_port = info->remote_port;
	row->state = info->state;
	snprintf(row->state_name, sizeof(row->state_name), "%s", info->state_name);
	row->cwnd = (uint32_t)min_u64(info->cwnd, UINT32_MAX);
	row->srtt_us = (uint32_t)(info->srtt_ns / 1000);
	row->bytes_in = info->bytes_in;
	row->bytes_out = info->bytes_out;
	row->retransmits = info->retransmits;
	row_owner(s, row, info);
}

static void dump_end(struct worker_sessions *s, bool more)
{
	s->dump.row = (struct dp_event){.type = EVT_DUMP_END, .cookie = s->dump.cookie};
	s->dump.row.u.dump_end = (struct dp_dump_end){.next = s->dump.cursor, .more = more};
}

/* The next of those that share a port, after one of them has been told: a slice does not end between them. False: there is none. */
static bool dump_member(struct worker_sessions *s)
{
	uint32_t at = s->dump.cursor - 1;
	struct tcp_info info;

	if (s->dump.member == 0)
		return false;
	/* It may have changed since. */
	if (!tcp_iterate(s->tcp, &at, &info) || at != s->dump.cursor ||
	    !(info.user & LISTENER_BIT) ||
	    !member((const struct app_listener *)(uintptr_t)(info.user & ~LISTENER_BIT),
	            s->dump.member)) {
		s->dump.member = 0;
		return false;
	}
	dump_row(s, &info);
	return true;
}

/* The next row of the slice, or its end. */
static void dump_next(struct worker_sessions *s)
{
	struct tcp_info info;

	if (dump_member(s))
		return;
	if (s->dump.left == 0) {
		dump_end(s, true);
	} else if (tcp_iterate(s->tcp, &s->dump.cursor, &info)) {
		s->dump.left--;
		dump_row(s, &info);
	} else {
		dump_end(s, false);
	}
}

unsigned dump_run(struct worker_sessions *s, struct instant now)
{
	unsigned i;

	for (i = 0; i < 64 && s->dump.on; i++) {
		if (!s->dump.have)
			dump_next(s);
		s->dump.have = true;
		if (!worker_event(s->w, &s->dump.row)) {
			s->dump.retry = instant_add(now, DUMP_RETRY_NS);
			break;
		}
		s->dump.have = false;
		s->dump.on = s->dump.row.type != EVT_DUMP_END;
	}
	return i;
}

int dump_start(struct worker_sessions *s, uint32_t cookie, const struct cp_dump *c,
               struct instant now)
{
	if (c->most == 0)
		return -EINVAL;
	s->dump.on = true;
	s->dump.have = false;
	s->dump.cookie = cookie;
	s->dump.cursor = c->from;
	s->dump.left = c->most;
	s->dump.member = 0;
	dump_run(s, now);
	return 0;
}
