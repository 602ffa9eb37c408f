/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands in any order and number through a worker's ring, packets and time between them, and the events that come back: a twin of its tables
 * tells what each command must have done. */
#include "ring_twin.h"

#include "base/be.h"
#include "core/ring.h"
#include "wire/lse.h"
#include "worker/loop.h"

#include <string.h>

#define QUEUED_MAX 128
#define ASKED_MAX  256
#define STEPS_MAX  256

struct asked {
	uint32_t cookie, label;
	uint16_t link;
	uint64_t packets;
	bool granted;
};

/* One worker, from control's side. */
struct side {
	struct twin twin;
	struct cp_cmd queued[QUEUED_MAX]; /* in the ring, not carried out yet */
	struct cp_cmd *slot[QUEUED_MAX];
	unsigned nqueued;
	struct asked asked[ASKED_MAX]; /* answers that are due, the oldest first */
	unsigned nasked, answered;
	bool dumped[256]; /* cookies of lists that were asked for */
};

struct play {
	struct ring_world *w;
	struct side side[RING_WORKERS];
	const uint8_t *p, *end;
	bool drained;
	struct cp_cmd last;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t byte(struct play *p)
{
	return p->p < p->end ? *p->p++ : 0;
}

/* ---- fields ---- */

/* Mostly one of a few, so that commands concern each other; seldom any. */
static unsigned pick(struct play *p, unsigned few, unsigned all)
{
	uint8_t v = byte(p);

	return v < 208 ? v % few : v % all;
}

static uint16_t link_number(struct play *p)
{
	return twin_links[pick(p, 2, TWIN_LINKS + 2)];
}

static uint32_t label(struct play *p)
{
	return twin_labels[pick(p, 3, TWIN_LABELS)];
}

static uint32_t session_index(struct play *p)
{
	unsigned v = pick(p, 2, RING_SESSIONS + 2);

	return v <= RING_SESSIONS ? v : UINT32_MAX;
}

static struct cp_link link_fields(struct play *p)
{
	uint8_t how = byte(p), wire = byte(p);
	struct cp_link c = {.link = link_number(p),
	                    .type = wire & 1 ? LINK_UDP_SOCKET : LINK_ETHERNET,
	                    .sealed = (how & 3) > 0,
	                    .mtu = how & 2 ? 1400 : 700,
	                    .owner = how >> 2 & 1,
	                    .fd = p->w->socket[(wire >> 1) % RING_SOCKETS],
	                    .port = p->w->port,
	                    .vlan = wire >> 4,
	                    .family = how & 8 ? 4 : 0,
	                    .remote_port = p->w->sink_port,
	                    .remote_addr = {127, 0, 0, 1}};

	switch (how >> 4) { /* seldom nonsense */
	case 15:
		c.type = wire;
		break;
	case 14:
		c.mtu = (uint16_t)(wire << 4);
		break;
	case 13:
		c.fd = wire & 2 ? -1 : p->w->no_datagrams;
		break;
	case 12:
		c.vlan = (uint16_t)(4080 + wire % 32);
		break;
	case 11:
		c.owner = wire;
		break;
	case 10:
		c.port = wire;
		break;
	case 9:
		c.family = wire % 8;
		memset(c.remote_addr, 0, sizeof(c.remote_addr));
		c.remote_addr[c.family == 6 ? 15 : 3] = 1;
		c.remote_addr[0] = c.family == 6 ? 0 : 127;
		break;
	default:
		break;
	}
	return c;
}

static struct cp_lane_key key_fields(struct play *p, bool of_link)
{
	uint8_t how = byte(p),
	        fill = byte(p); /* few keys: a command often brings one that is in use */
	struct cp_lane_key c = {.lane = how & 1,
	                        .alg = (fill & 0xe0) == 0xe0 ? fill & 31
	                                                     : 1 + (fill >> 7 & fill >> 6 & 1)};

	memset(c.key, 1 + (fill & 1) + (fill & 31) / 31, sizeof(c.key));
	if (of_link) {
		c.link = link_number(p);
		c.index = twin_index[how < 208 ? how % 3 : how % TWIN_INDEX];
	} else {
		c.session = session_index(p);
		c.link = how >> 7 ? CP_KEY_WHEN_USED : 0;
		c.index = how % 5; /* one too many */
		c.incarnation = how >> 5 & 3;
	}
	return c;
}

static struct cp_ilm ilm_fields(struct play *p)
{
	uint8_t how = byte(p);
	struct cp_ilm c = {.in_link = link_number(p),
	                   .in_label = label(p),
	                   .op = how < 240 ? 1 + how % 3 : how,
	                   .out_link = link_number(p),
	                   .out_label = label(p),
	                   .twin_label = LABEL_NONE};

	c.session = how & 64 ? CP_SESSION_NONE : session_index(p);
	return c;
}

static struct cp_session session_fields(struct play *p)
{
	uint8_t how = byte(p);
	struct cp_session c = {.session = session_index(p),
	                       .out_link = link_number(p),
	                       .path_mtu = how & 1 ? 1280 : (uint16_t)(how << 4),
	                       .hops = how >> 1 & 3,
	                       .out_label = how & 8 ? LABEL_NONE : label(p)};

	if (how & 16) {
		c.in_link = link_number(p);
		c.in_label = label(p);
	}
	memset(c.remote.b, 1 + (how >> 5) % 3, ID_BYTES);
	return c;
}

static void send_fields(struct play *p, struct cp_send *c)
{
	uint8_t how = byte(p);

	*c = (struct cp_send){.link = link_number(p),
	                      .raw = (how & 35) == 33,
	                      .has_addr = (how & 66) == 66,
	                      .addr_port = p->w->sink_port,
	                      .family = how & 4 ? 4 : 0,
	                      .addr = {127, 0, 0, 1},
	                      .len = how & 8 ? 0 : (uint16_t)(byte(p) * 7 % (CPDP_PACKET_MAX + 1))};
	if (how & 16)
		c->len = CPDP_PACKET_MAX;
	be32_store(c->data, lse_make(how < 192 ? LABEL_GAL : label(p) & 0xfffff, 7, true, 1));
}

static struct cp_cmd command(struct play *p)
{
	struct cp_cmd c = {.type = byte(p)};
	uint8_t wild = byte(p);

	c.type = c.type < 250 ? c.type % (CMD_TYPES + 1) : c.type << 20;
	c.cookie = wild;
	switch (c.type) {
	case CMD_LINK_SET:
	case CMD_LINK_REMOTE:
		c.u.link = link_fields(p);
		break;
	case CMD_LINK_DEL:
		c.u.link.link = link_number(p);
		break;
	case CMD_LINK_TX_KEY:
	case CMD_LINK_RX_KEY:
	case CMD_LINK_RX_DEL:
		c.u.key = key_fields(p, true);
		break;
	case CMD_LINK_OPEN:
		c.u.open.link = link_number(p);
		c.u.open.on = wild & 3;
		break;
	case CMD_ILM_SET:
	case CMD_ILM_DEL:
	case CMD_QUERY_LABEL:
		c.u.ilm = ilm_fields(p);
		break;
	case CMD_SESSION_SET:
	case CMD_SESSION_DEL:
		c.u.session = session_fields(p);
		break;
	case CMD_SESSION_TX_KEY:
	case CMD_SESSION_RX_KEY:
	case CMD_SESSION_RX_DEL:
		c.u.key = key_fields(p, false);
		if (wild == 255)
			c.u.key.index = UINT32_MAX;
		break;
	case CMD_UNREACHABLE:
		c.u.unreachable.err = (int8_t)wild;
		c.u.unreachable.direct = wild >> 2 & 3;
		memset(c.u.unreachable.remote.b, 1 + wild % 4, ID_BYTES);
		break;
	case CMD_SEND:
		send_fields(p, &c.u.send);
		break;
	case CMD_SEND_SESSION:
		c.u.send_session.session = session_index(p);
		c.u.send_session.len = (uint16_t)(wild * 6);
		c.u.send_session.clear = wild & 1;
		c.u.send_session.tunnel_type = wild >> 1 & 3;
		break;
	case CMD_DUMP_CONNECTIONS:
		c.u.dump = (struct cp_dump){.from = byte(p), .most = wild & 3};
		break;
	case CMD_LINK_RUNS:
	case CMD_LINK_SAMPLE:
		c.u.runs.link = link_number(p);
		c.u.runs.mode = wild & 3;
		break;
	case CMD_LANE_SEEN:
		c.u.lane_seen.link = link_number(p);
		c.u.lane_seen.index = twin_index[wild % TWIN_INDEX];
		c.u.lane_seen.first = wild & 8 ? UINT64_MAX - byte(p) : byte(p);
		break;
	case CMD_PORT:
		c.u.port.port = wild & 0xf0 ? p->w->port : UINT16_MAX;
		c.u.port.on = wild & 1;
		break;
	default:
		break;
	}
	return c;
}

/* ---- the rings ---- */

/* As dp_command() does: no more is copied than what matters, the rest of the slot is an older command's. */
static void put(struct play *p, unsigned worker, const struct cp_cmd *c)
{
	struct side *s = &p->side[worker];
	struct cp_cmd *slot;

	if (s->nqueued == QUEUED_MAX)
		return;
	slot = ring_put_begin(p->w->loop[worker]->w.commands, sizeof(*slot));
	require(slot != NULL, "keeps commands in its ring that it has carried out");
	memcpy(slot, c, cp_cmd_size(c));
	slot->seq = ++p->w->seq[worker];
	ring_put_end(p->w->loop[worker]->w.commands);
	s->queued[s->nqueued] = *c;
	s->slot[s->nqueued++] = slot;
	p->drained |= c->type == CMD_DRAIN;
}

static void ask(struct side *s, const struct cp_cmd *c)
{
	const struct twin_link *l = twin_link(&s->twin, c->u.ilm.in_link);
	struct asked a = {
	        .cookie = c->cookie, .link = c->u.ilm.in_link, .label = c->u.ilm.in_label};

	for (unsigned i = 0; l && i < TWIN_LABELS; i++)
		if (twin_labels[i] == a.label && l->label[i].op) {
			a.granted = true;
			a.packets = l->label[i].packets;
		}
	require(s->nasked < ASKED_MAX, "cannot be asked so often");
	s->asked[s->nasked++] = a;
}

static void no_key_left(const struct cp_cmd *slot)
{
	static const uint8_t none[32];

	if (slot->type == CMD_LINK_TX_KEY || slot->type == CMD_LINK_RX_KEY ||
	    slot->type == CMD_SESSION_TX_KEY || slot->type == CMD_SESSION_RX_KEY)
		require(memcmp(slot->u.key.key, none, sizeof(none)) == 0,
		        "leaves a key in its ring");
}

static void execute(struct play *p, unsigned worker)
{
	struct side *s = &p->side[worker];
	struct loop *l = p->w->loop[worker];
	unsigned n;

	l->w.now = p->w->now;
	n = command_run(l, 64);
	require(n <= s->nqueued && (n > 0 || s->nqueued == 0), "carries out what nobody asked for");
	require(atomic_load(&l->w.acked) == p->w->seq[worker] - (s->nqueued - n),
	        "acknowledges another command than its last");
	for (unsigned i = 0; i < n; i++) {
		const struct cp_cmd *c = &s->queued[i];

		if (c->type == CMD_QUERY_LABEL)
			ask(s, c);
		if (c->type == CMD_DUMP_CONNECTIONS && c->u.dump.most)
			s->dumped[c->cookie & 255] = true;
		s->twin.refused += !twin_command(&s->twin, c);
		no_key_left(s->slot[i]);
	}
	s->nqueued -= n;
	memmove(s->queued, s->queued + n, s->nqueued * sizeof(s->queued[0]));
	memmove(s->slot, s->slot + n, s->nqueued * sizeof(s->slot[0]));
	ring_turn(p->w, worker);
	ring_turn(p->w, 1 - worker);
	twin_compare(&s->twin);
}

static void label_use(struct side *s, const struct loop *l, const struct dp_event *e)
{
	const struct dp_label_use *u = &e->u.use;
	const struct asked *a = &s->asked[s->answered];

	/* A full ring has cost some answers. */
	while (l->w.drops[DROP_PUNT_FULL] && s->answered < s->nasked &&
	       (a->cookie != e->cookie || a->link != u->link || a->label != u->label))
		a = &s->asked[++s->answered];
	require(s->answered++ < s->nasked && a->cookie == e->cookie && a->link == u->link &&
	                a->label == u->label && u->packets == a->packets &&
	                (u->idle_ns >= 0) == (a->granted && a->packets > 0),
	        "gives a wrong answer about a label");
}

static void take_events(struct play *p, unsigned worker)
{
	struct side *s = &p->side[worker];
	struct loop *l = p->w->loop[worker];
	const struct dp_event *e;

	while ((e = ring_take_begin(l->w.events, sizeof(struct dp_event)))) {
		require(e->type > EVT_NONE && e->type < EVT_TYPES && e->worker == worker,
		        "tells something that is no event");
		require(e->type != EVT_PACKET ||
		                (e->u.packet.len <= CPDP_PACKET_MAX && e->u.packet.reason > 0 &&
		                 e->u.packet.reason < PUNT_REASONS),
		        "punts a packet that is none");
		require(e->type != EVT_DUMP_END || s->dumped[e->cookie & 255],
		        "ends a list that nobody asked for");
		if (e->type == EVT_LABEL_USE)
			label_use(s, l, e);
		ring_take_end(l->w.events);
	}
	require(s->answered == s->nasked || l->w.drops[DROP_PUNT_FULL] || s->nqueued,
	        "does not answer");
	s->nasked = s->answered = 0;
}

/* ---- steps ---- */

static void packet(struct play *p, unsigned worker)
{
	uint8_t how = byte(p), data[4 + 300] = {0};
	uint16_t link = link_number(p);
	uint32_t lb = label(p);
	struct side *s = &p->side[worker];
	const struct twin_label *e;
	uint64_t before = p->w->loop[worker]->w.count.switched_packets;
	bool out;

	if (lb > LABEL_MAX)
		return;
	e = twin_packet(&s->twin, link, lb);
	out = e && e->op == ILM_SWAP && (how & 3) && twin_link(&s->twin, e->out_link);
	be32_store(data, lse_make(lb, how >> 5, how & 4, how & 3 ? 64 : 1));
	data[4] = byte(p);
	data[5] = byte(p);
	ring_packet(p->w, worker, link, data, 4 + (how & 24) * 12u);
	require(p->w->loop[worker]->w.count.switched_packets - before == out,
	        "passes a packet on by a label that it was not told, or does not");
	twin_compare(&s->twin);
	twin_compare(&p->side[1 - worker].twin);
}

/* Removes all that control knows of, as control does. */
static void remove_all(struct play *p, unsigned worker)
{
	for (uint32_t i = 0; i < TWIN_LINKS + RING_SESSIONS; i++) {
		struct cp_cmd c = {.type = i < TWIN_LINKS ? CMD_LINK_DEL : CMD_SESSION_DEL};

		if (i < TWIN_LINKS)
			c.u.link.link = twin_links[i];
		else
			c.u.session.session = i - TWIN_LINKS;
		while (p->side[worker].nqueued)
			execute(p, worker);
		put(p, worker, &c);
	}
	execute(p, worker);
	take_events(p, worker);
}

static void step(struct play *p)
{
	uint8_t op = byte(p);
	unsigned worker = op & 1;
	struct cp_cmd c;

	switch (op >> 1 & 15) {
	case 0:
		p->w->now = instant_add(p->w->now, NS_PER_MS << (op >> 5) * 2);
		break;
	case 1:
		take_events(p, worker);
		break;
	case 2:
	case 3:
	case 4:
		packet(p, worker);
		break;
	case 5:
		execute(p, worker);
		break;
	case 6: /* to both, as control programs all workers */
		c = command(p);
		put(p, 0, &c);
		put(p, 1, &c);
		execute(p, 0);
		execute(p, 1);
		break;
	case 7: /* many at once, more than a turn takes */
		c = command(p);
		for (unsigned i = 0; i < (op >> 5) * 16u; i++)
			put(p, worker, &c);
		break;
	case 8: /* what came before, once more */
		put(p, worker, &p->last);
		execute(p, worker);
		break;
	default:
		p->last = command(p);
		put(p, worker, &p->last);
		if (op & 192)
			execute(p, worker);
		break;
	}
	for (unsigned i = 0; i < RING_WORKERS; i++)
		if (p->side[i].nasked + p->side[i].nqueued >= ASKED_MAX)
			take_events(p, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct play p;

	memset(&p, 0, sizeof(p));
	p.w = ring_world_fresh();
	p.p = data;
	p.end = data + size;
	for (unsigned i = 0; i < RING_WORKERS; i++)
		p.side[i].twin = (struct twin){.worker = i, .world = p.w};
	for (unsigned i = 0; i < STEPS_MAX && p.p < p.end; i++)
		step(&p);
	for (unsigned i = 0; i < RING_WORKERS; i++) {
		while (p.side[i].nqueued)
			execute(&p, i);
		take_events(&p, i);
		remove_all(&p, i);
	}
	ring_world_end(p.w, p.drained);
	return 0;
}
