/* SPDX-License-Identifier: BSD-3-Clause */
/* What control tells the label switch, and the switch's beginning and end. */
#include "core/event.h"
#include "core/mbuf.h"
#include "fwd/priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int send(struct fwd *f, const struct cp_send *c)
{
	struct worker *w = f->w;
	struct link *l = link_at(w, c->link);
	struct rte_mbuf *m;
	struct packet *p;

	if (!l || c->len == 0 || c->len > CPDP_PACKET_MAX)
		return -EINVAL;
	m = worker_mbuf(w);
	if (!m)
		return 0; /* counted */
	memcpy(rte_pktmbuf_append(m, c->len), c->data, c->len);
	p = packet_of(m);
	*p = (struct packet){.link = c->link, .label = LABEL_NONE};
	if (!c->raw && !c->has_addr) {
		fwd_out(f, l, m);
		return 0;
	}
	memcpy(p->mac, c->mac, sizeof(p->mac));
	if (c->has_addr && (c->family == 4 || c->family == 6)) {
		p->family = c->family;
		p->port = c->addr_port;
		memcpy(p->addr, c->addr, sizeof(p->addr));
		memcpy(p->local, c->local_addr, sizeof(p->local));
		p->local_if = c->local_if;
	}
	if (c->raw || fwd_seal(f, l, m))
		fwd_tx_raw(f, l, m);
	return 0;
}

static int query(struct worker *w, const struct cp_cmd *c)
{
	const struct link *l = link_at(w, c->u.ilm.in_link);
	uint32_t label = c->u.ilm.in_label;
	struct dp_event *ev = event_begin(w);
	struct dp_label_use *use;

	if (!ev)
		return 0; /* counted */
	ev->type = EVT_LABEL_USE;
	ev->cookie = c->cookie;
	use = &ev->u.use;
	*use = (struct dp_label_use){.link = c->u.ilm.in_link, .label = label, .idle_ns = -1};
	if (l && ilm_get(&l->ilm, label)) {
		const struct ilm_entry *e = ilm_get(&l->ilm, label);

		use->packets = e->packets;
		use->bytes = e->bytes;
		use->idle_ns = ilm_idle_ns(e, w->now);
	}
	event_end(w);
	return 0;
}

/* Which frames of one of the neighbour's lanes have come, as far as the window against replays remembers. */
static int lane_seen(struct fwd *f, const struct cp_lane_seen *c)
{
	struct worker *w = f->w;
	const struct rx_lane *lane = u32map_get(&f->rx_index, c->index);
	struct dp_lane_seen *seen;
	struct dp_event *ev;

	if (!lane || lane->link != c->link)
		return 0; /* a key that has gone: no answer */
	ev = event_begin(w);
	if (!ev)
		return 0; /* counted */
	ev->type = EVT_LANE_SEEN;
	seen = &ev->u.lane_seen;
	*seen = (struct dp_lane_seen){.link = c->link, .index = c->index, .first = c->first};
	for (unsigned i = 0; i < CPDP_SAMPLE_FRAMES; i++) {
		uint64_t counter = c->first + i;

		if (replay_forgotten(&lane->replay, counter))
			seen->unknown = (uint16_t)(i + 1);
		else if (replay_seen(&lane->replay, counter))
			seen->seen[i / 64] |= UINT64_C(1) << i % 64;
	}
	event_end(w);
	return 0;
}

static int ilm_command(struct worker *w, const struct cp_cmd *c)
{
	struct link *l = link_at(w, c->u.ilm.in_link);

	if (!l)
		return -EINVAL;
	if (c->type == CMD_ILM_SET)
		return ilm_set(&l->ilm, &w->mem, &c->u.ilm);
	return ilm_del(&l->ilm, &w->mem, c->u.ilm.in_label);
}

void fwd_command_ahead(const struct fwd *f, const struct cp_cmd *c)
{
	const struct link *l;

	if (c->type != CMD_ILM_SET && c->type != CMD_ILM_DEL)
		return;
	l = link_at(f->w, c->u.ilm.in_link);
	if (l)
		(void)ilm_prefetch(&l->ilm, c->u.ilm.in_label);
}

int fwd_command(struct fwd *f, const struct cp_cmd *c)
{
	OWNER_CHECK(&f->w->thread);
	switch (c->type) {
	case CMD_LINK_SET:
	case CMD_LINK_DEL:
	case CMD_LINK_REMOTE:
	case CMD_LINK_TX_KEY:
	case CMD_LINK_RX_KEY:
	case CMD_LINK_RX_DEL:
	case CMD_LINK_OPEN:
		return link_command(f, c);
	case CMD_ILM_SET:
	case CMD_ILM_DEL:
		return ilm_command(f->w, c);
	case CMD_LINK_RUNS:
	case CMD_LINK_SAMPLE:
		return io_runs_command(f->w, link_at(f->w, c->u.runs.link), c);
	case CMD_LANE_SEEN:
		return lane_seen(f, &c->u.lane_seen);
	case CMD_SEND:
		return send(f, &c->u.send);
	case CMD_PORT:
		return io_port_hold(f->io, c->u.port.port, !c->u.port.on);
	case CMD_QUERY_LABEL:
		return query(f->w, c);
	default:
		return -EINVAL;
	}
}

struct fwd *fwd_new(struct worker *w, struct io *io, char *err, size_t errcap)
{
	struct fwd *f = calloc(1, sizeof(*f));

	if (!f) {
		snprintf(err, errcap, "worker %u: out of memory for its links", w->number);
		return NULL;
	}
	f->w = w;
	f->io = io;
	door_init(&f->door, w->cfg->cookie_key, &w->cfg->id, w->number);
	return f;
}

void fwd_free(struct fwd *f)
{
	links_forget(f);
	explicit_bzero(&f->door, sizeof(f->door));
	free(f);
}
