/* SPDX-License-Identifier: BSD-3-Clause */
/* Samples of datagrams that left by a socket: which of them in runs. Control asks the neighbour which of them have come. */
#include "core/event.h"
#include "core/state.h"
#include "io/priv.h"
#include "wire/link.h"

#include <errno.h>

_Static_assert(LINK_BURST <= 64, "a bit for each packet of a burst");

static void mark(uint64_t *words, uint64_t bit)
{
	words[bit / 64] |= UINT64_C(1) << bit % 64;
}

/* The sample begins with this frame. False: control cannot be told now. */
static bool begin(struct worker *w, struct link *l, const struct link_header *h)
{
	struct dp_event *ev = event_begin(w);

	if (!ev)
		return false;
	ev->type = EVT_LINK_RUN;
	ev->u.run_link = l->number;
	event_end(w);
	l->runs.step = RUN_OPEN;
	l->runs.s = (struct dp_link_sample){
	        .link = l->number, .index = h->receiver, .first = h->counter};
	return true;
}

void runs_note(struct worker *w, struct link *l, const struct iovec *frame, unsigned n,
               uint64_t member)
{
	struct dp_link_sample *s = &l->runs.s;

	for (unsigned i = 0; i < n; i++) {
		bool in_run = member >> i & 1;
		struct link_header h;

		if (l->runs.step == RUN_WAITED && !in_run)
			continue;
		if (!link_header_get(frame[i].iov_base, frame[i].iov_len, &h) ||
		    h.type != LINK_DATA)
			continue;
		if (l->runs.step == RUN_WAITED && !begin(w, l, &h))
			return;
		if (h.receiver != s->index || h.counter - s->first >= CPDP_SAMPLE_FRAMES)
			continue;
		mark(s->sent, h.counter - s->first);
		if (in_run)
			mark(s->member, h.counter - s->first);
	}
}

int io_runs_command(struct worker *w, struct link *l, const struct cp_cmd *c)
{
	struct dp_event *ev;

	if (!l || l->cfg.type != LINK_UDP_SOCKET || l->cfg.owner != w->number)
		return -EINVAL;
	if (c->type == CMD_LINK_RUNS) {
		if (c->u.runs.mode > LINK_RUNS_ONE)
			return -EINVAL;
		l->runs = (struct run_sample){.mode = c->u.runs.mode};
		return 0;
	}
	if (l->runs.step != RUN_OPEN)
		l->runs.s = (struct dp_link_sample){.link = l->number};
	l->runs.step = RUN_NONE;
	ev = event_begin(w);
	if (!ev)
		return 0; /* counted */
	ev->type = EVT_LINK_SAMPLE;
	ev->u.sample = l->runs.s;
	event_end(w);
	return 0;
}
