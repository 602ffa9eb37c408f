/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of connections for control, slice by slice, a few rows at a time. */
#include "session/priv.h"

#include <errno.h>
#include <stdio.h>

static void dump_row(struct worker_sessions *s, const struct tcp_info *info)
{
	struct dp_connection *row = &s->dump.row.u.connection;

	s->dump.row = (struct dp_event){.type = EVT_CONNECTION, .cookie = s->dump.cookie};
	if (!info->listener && info->peer < s->nremotes)
		row->remote = s->remotes[info->peer].id;
	row->local_port = info->local_port;
	row->remote_port = info->remote_port;
	row->state = info->state;
	snprintf(row->state_name, sizeof(row->state_name), "%s", info->state_name);
	row->cwnd = (uint32_t)min_u64(info->cwnd, UINT32_MAX);
	row->srtt_us = (uint32_t)(info->srtt_ns / 1000);
	row->bytes_in = info->bytes_in;
	row->bytes_out = info->bytes_out;
	row->retransmits = info->retransmits;
}

static void dump_end(struct worker_sessions *s, bool more)
{
	s->dump.row = (struct dp_event){.type = EVT_DUMP_END, .cookie = s->dump.cookie};
	s->dump.row.u.dump_end = (struct dp_dump_end){.next = s->dump.cursor, .more = more};
}

/* The next row of the slice, or its end. */
static void dump_next(struct worker_sessions *s)
{
	struct tcp_info info;

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
	dump_run(s, now);
	return 0;
}
