/* SPDX-License-Identifier: BSD-3-Clause */
/* What control tells a worker: every command is checked; one that cannot be done is counted and changes nothing. */
#include "core/event.h"
#include "core/ring.h"
#include "worker/loop.h"

static int execute(struct loop *l, const struct cp_cmd *c)
{
	switch (c->type) {
	case CMD_NOP:
		return 0;
	case CMD_SESSION_SET:
	case CMD_SESSION_TX_KEY:
	case CMD_SESSION_RX_KEY:
	case CMD_SESSION_RX_DEL:
	case CMD_SESSION_DEL:
	case CMD_SEND_SESSION:
	case CMD_UNREACHABLE:
	case CMD_RESOLVED:
	case CMD_DUMP_CONNECTIONS:
	case CMD_DRAIN:
		return sess_command(l->sess, c, l->w.now);
	default:
		return fwd_command(l->fwd, c);
	}
}

unsigned command_run(struct loop *l, unsigned most)
{
	struct worker *w = &l->w;
	uint64_t executed = 0;
	struct ring_slots s;
	unsigned n = ring_take_all(w->commands, sizeof(struct cp_cmd), most, &s);

	if (n == 0)
		return 0;
	/* Control has had the slots last, and nobody the entries: both are fetched for all commands before the first is executed. */
	for (unsigned i = 0; i < n; i++)
		__builtin_prefetch(ring_slot(&s, i));
	for (unsigned i = 0; i < n; i++)
		fwd_command_ahead(l->fwd, ring_slot(&s, i));
	for (unsigned i = 0; i < n; i++) {
		struct cp_cmd *c = ring_slot(&s, i);

		if (execute(l, c))
			drop_count(w, DROP_BAD_COMMAND, 1);
		executed = c->seq;
		cp_cmd_wipe(c); /* the slot is not written again before a whole turn of the ring */
	}
	ring_take_all_end(w->commands, &s);
	count_add(&w->count.commands, n);
	event_acknowledge(w, executed);
	return n;
}
