/* SPDX-License-Identifier: BSD-3-Clause */
/* A network in virtual time: the loop that moves events, commands and frames. */
#include "net.h"
#include "hashsig.h"
#include "wire/link.h"
#include "wire/linkmsg.h"
#include "wire/lse.h"
#include "wire/routed.h"

#include <stdio.h>
#include <string.h>

#define TICK_NONE     INT64_MAX
#define COUNT_LAG_NS  (50 * NS_PER_MS)
#define LINK_PORT_LOW 20000
#define SNAPSHOT_MAX  65536
#define SPIN_MAX      100000 /* ticks of one node at one instant: it will never stop */

/* ---- trace ---- */
static void trace(struct net *net, uint64_t x)
{
	net->trace = (net->trace ^ x) * UINT64_C(0x9E3779B97F4A7C15);
	net->trace ^= net->trace >> 29;
}

static void trace_bytes(struct net *net, const uint8_t *p, uint32_t n)
{
	uint64_t word;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&word, p, 8);
		trace(net, word);
	}
	for (word = 0; n > 0; n--)
		word = word << 8 | *p++;
	trace(net, word);
}

static void trace_frame(struct net *net, const struct frame *f)
{
	trace(net, (uint64_t)f->len << 32 | f->receiver);
	trace_bytes(net, f->data, f->len);
}

/* What a command asks of the worker, member by member: what stands in padding is chance. */
static void trace_command(struct net *net, uint32_t node, const struct cp_cmd *c)
{
	trace(net, (uint64_t)node << 32 | c->type);
	switch (c->type) {
	case CMD_LINK_SET:
		trace(net, (uint64_t)c->u.link.link << 32 | c->u.link.mtu);
		break;
	case CMD_LINK_DEL:
		trace(net, c->u.link.link);
		break;
	case CMD_LINK_TX_KEY:
	case CMD_LINK_RX_KEY:
	case CMD_LINK_RX_DEL:
	case CMD_SESSION_TX_KEY:
	case CMD_SESSION_RX_KEY:
	case CMD_SESSION_RX_DEL:
		trace(net, (uint64_t)c->u.key.session << 32 | c->u.key.link);
		trace(net, c->u.key.index);
		break;
	case CMD_LINK_OPEN:
		trace(net, (uint64_t)c->u.open.link << 32 | c->u.open.on);
		break;
	case CMD_ILM_SET:
	case CMD_ILM_DEL:
	case CMD_QUERY_LABEL:
		trace(net, (uint64_t)c->u.ilm.in_link << 32 | c->u.ilm.in_label);
		if (c->type != CMD_ILM_SET)
			break;
		trace(net, (uint64_t)c->u.ilm.op << 56 | c->u.ilm.twin_label);
		if (c->u.ilm.op == ILM_SWAP)
			trace(net, (uint64_t)c->u.ilm.out_link << 32 | c->u.ilm.out_label);
		else if (c->u.ilm.op == ILM_SESSION)
			trace(net, c->u.ilm.session);
		break;
	case CMD_SESSION_DEL:
		trace(net, c->u.session.session);
		break;
	case CMD_UNREACHABLE:
		trace_bytes(net, c->u.unreachable.remote.b, ID_BYTES);
		break;
	case CMD_SESSION_SET:
		trace(net, (uint64_t)c->u.session.session << 32 | c->u.session.path_mtu);
		trace(net, (uint64_t)c->u.session.out_link << 32 | c->u.session.out_label);
		trace_bytes(net, c->u.session.remote.b, ID_BYTES);
		break;
	case CMD_SEND:
		trace(net, (uint64_t)c->u.send.link << 32 | c->u.send.len);
		trace_bytes(net, c->u.send.data, c->u.send.len);
		break;
	case CMD_SEND_SESSION:
		trace(net, (uint64_t)c->u.send_session.session << 32 | c->u.send_session.len);
		trace_bytes(net, c->u.send_session.data, c->u.send_session.len);
		break;
	default:
		break;
	}
}

/* ---- a node and its worker ---- */
static void push(struct net *net, int64_t at, enum ev_kind kind, uint32_t a, uint32_t b, void *p)
{
	evq_push(&net->q, (struct ev){.at = at, .kind = kind, .a = a, .b = b, .p = p});
}

static void fifo_put(struct sim_node *s, const struct cp_cmd *c)
{
	struct net *net = s->net;
	uint32_t size = cp_cmd_size(c), need = (8 + size + 7) & ~7u;

	if (s->fifo_len + need > s->fifo_cap) {
		s->fifo_cap = (s->fifo_cap + need) * 2;
		s->fifo = mem_resize(s->fifo, s->fifo_cap);
	}
	memcpy(s->fifo + s->fifo_len, &size, sizeof(size));
	memcpy(s->fifo + s->fifo_len + 8, c, size);
	s->fifo_len += need;
	if (!s->exec_due) {
		int64_t spread = net->cfg.exec_max_ns - net->cfg.exec_min_ns;

		s->exec_due = true;
		push(net,
		     net->now.ns + net->cfg.exec_min_ns +
		             (spread > 0 ? (int64_t)rng_below(&net->rng, (uint64_t)spread) : 0),
		     EV_EXEC, s->index, s->incarnation, NULL);
	}
}

static void node_drain(struct sim_node *s)
{
	struct net *net = s->net;
	struct node_output *out = &net->out;
	struct node_answer answer;
	char who[ID_SHORT_LEN + 1];

	while (node_output(s->node, out)) {
		switch (out->type) {
		case OUT_COMMAND:
			trace_command(net, s->index, &out->u.command.cmd);
			if (net->hooks.told)
				net->hooks.told(net->hooks.arg, s->index, &out->u.command.cmd);
			fifo_put(s, &out->u.command.cmd);
			break;
		case OUT_ANSWER:
			answer = out->u.answer;
			trace(net, (uint64_t)answer.type << 32 | answer.cookie);
			if (net->hooks.answer)
				net->hooks.answer(net->hooks.arg, s->index, &answer);
			break;
		case OUT_LOG:
			if (net->cfg.verbose) {
				id_to_short(&s->identity.id, who);
				fprintf(stderr, "%12.6f %u %s %s\n", (double)net->now.ns / 1e9,
				        s->index, who, out->u.log.line);
			}
			break;
		case OUT_LINK_STATE:
			trace(net, (uint64_t)out->u.link.link << 1 | out->u.link.up);
			if (net->cfg.verbose) {
				uint32_t far = net_find(net, &out->u.link.id);

				fprintf(stderr, "%12.6f %u link %u to %d %s: %s\n",
				        (double)net->now.ns / 1e9, s->index, out->u.link.link,
				        (int)far, out->u.link.up ? "up" : "down", out->u.link.why);
			}
			break;
		case OUT_SNAPSHOT:
			s->has_news = true;
			break;
		default: /* closed sockets: nothing to do here */
			break;
		}
	}
}

static void node_settle(struct sim_node *s)
{
	struct instant next;

	node_drain(s);
	next = node_deadline(s->node);
	if (next.ns < s->tick_at) {
		s->tick_at = next.ns > s->net->now.ns ? next.ns : s->net->now.ns;
		push(s->net, s->tick_at, EV_TICK, s->index, s->incarnation, NULL);
	}
}

/* What the control plane sees of the worker's word whenever it looks. */
static void see_acks(struct sim_node *s)
{
	struct node_event ack = {.type = NODE_WORKER_ACK};

	if (s->acked == s->executed)
		return;
	s->acked = ack.u.ack.seq = s->executed;
	node_input(s->node, &ack, s->net->now);
}

static void node_event(struct sim_node *s, const struct node_event *e)
{
	if (e->type != NODE_WORKER_ACK)
		see_acks(s);
	node_input(s->node, e, s->net->now);
	node_settle(s);
}

static void on_event(void *arg, const struct dp_event *ev)
{
	struct sim_node *s = arg;
	struct node_event e = {.type = NODE_WORKER_EVENT, .u.worker = ev};

	if (s->net->hooks.heard)
		s->net->hooks.heard(s->net->hooks.arg, s->index, ev);
	node_event(s, &e);
}

static void on_counted(void *arg)
{
	struct sim_node *s = arg;

	if (s->count_due)
		return;
	s->count_due = true;
	push(s->net, s->net->now.ns + COUNT_LAG_NS, EV_COUNT, s->index, s->incarnation, NULL);
}

static void on_probe(void *arg, const struct frame *f, const struct node_id *remote, bool at_end,
                     enum mw_drop why)
{
	struct sim_node *s = arg;
	struct net *net = s->net;

	if (net->hooks.probe_end)
		net->hooks.probe_end(net->hooks.arg, f->probe, s->index, remote, at_end, why);
}

static void sum_frame(struct sim_node *s, const struct frame *f)
{
	struct net *net = s->net;
	uint32_t bytes = frame_wire_bytes(f);
	uint32_t label = f->len >= LSE_BYTES ? lse_label(be32_load(f->data)) : LABEL_RESERVED_MAX;

	enum traffic_kind kind = traffic_kind(f);

	net->sums.frames++;
	net->sums.bytes += bytes;
	net->sums.kind_frames[kind]++;
	net->sums.kind_bytes[kind] += bytes;
	s->tx_bytes += bytes;
	if (kind != TRAFFIC_HELLO && kind != TRAFFIC_PROBE && kind != TRAFFIC_DATA)
		s->upkeep_bytes += bytes;
	if (f->raw) {
		net->sums.handshake_bytes += bytes;
	} else if (label == LABEL_GAL || label == LABEL_ROUTER_ALERT) {
		net->sums.control_frames++;
		net->sums.control_bytes += bytes;
		if (label == LABEL_GAL && f->len > LSE_BYTES + ACH_BYTES &&
		    be16_load(f->data + LSE_BYTES + 2) == ACH_LINKLOCAL &&
		    f->data[LSE_BYTES + ACH_BYTES] == LINKMSG_HELLO) {
			net->sums.hello_frames++;
			net->sums.hello_bytes += bytes;
		}
	} else {
		net->sums.data_frames++;
	}
}

static bool lost(struct net *net)
{
	return net->cfg.loss > 0 && (double)(rng_u64(&net->rng) >> 11) * 0x1p-53 < net->cfg.loss;
}

static void on_transmit(void *arg, uint16_t link, struct frame *f)
{
	struct sim_node *s = arg;
	struct net *net = s->net;
	uint32_t place, e;

	if (link >= s->nlinks) {
		free(f);
		return;
	}
	if (net->tap.frame) {
		f = net->tap.frame(net->tap.arg, s->index, link, f, true);
		if (!f)
			return;
	}
	place = s->edge[link];
	e = place / 2;
	sum_frame(s, f);
	if (!net->up[e] || lost(net) ||
	    (net->edge[e].mtu && !f->raw && f->len > net->edge[e].mtu)) {
		if (f->probe != FRAME_NO_PROBE && net->hooks.probe_end)
			net->hooks.probe_end(net->hooks.arg, f->probe, s->index, NULL, false,
			                     MW_DROP_NO_LINK);
		free(f);
		return;
	}
	push(net, net->now.ns + net->edge[e].delay_ns, EV_FRAME, place ^ 1, 0, f);
}

static void worker_exec(struct sim_node *s)
{
	struct net *net = s->net;
	uint32_t at = 0, size;
	bool tell = false;

	s->exec_due = false;
	/* Commands queued meanwhile (answers to events that executing raised) are executed in the same go. */
	while (at < s->fifo_len) {
		memcpy(&size, s->fifo + at, sizeof(size));
		memcpy(&net->cmd, s->fifo + at + 8, size);
		at += (8 + size + 7) & ~7u;
		s->executed = net->cmd.seq;
		tell |= net->cmd.type != CMD_SEND;
		s->exec_due = true; /* no second event while this one runs */
		mw_exec(s->mw, &net->cmd, net->now);
		s->exec_due = false;
	}
	s->fifo_len = 0;
	/* The word is published anyway; a control plane with nothing but packets under way need not wake up for it. */
	if (tell && !s->ack_due) {
		s->ack_due = true;
		push(net, net->now.ns + net->cfg.ack_ns, EV_ACK, s->index, s->incarnation, NULL);
	}
}

static void worker_ack(struct sim_node *s)
{
	struct node_event e = {.type = NODE_WORKER_ACK};

	s->ack_due = false;
	if (s->acked == s->executed)
		return;
	s->acked = e.u.ack.seq = s->executed;
	node_event(s, &e);
}

static void worker_counts(struct sim_node *s)
{
	struct node_event e = {0};
	uint32_t rx, tx;
	uint16_t link;

	s->count_due = false;
	while (mw_take_counts(s->mw, &link, &rx, &tx)) {
		e.u.link.link = link;
		e.u.link.up = true;
		if (rx) {
			e.type = NODE_LINK_RX;
			e.u.link.count = rx;
			e.u.link.since = instant_add(s->net->now, -COUNT_LAG_NS);
			node_event(s, &e);
		}
		if (tx) {
			e.type = NODE_LINK_TX;
			e.u.link.count = tx;
			node_event(s, &e);
		}
	}
}

static void tick(struct sim_node *s)
{
	if (s->tick_at > s->net->now.ns)
		return; /* an earlier deadline was served and this event is left over */
	s->tick_at = TICK_NONE;
	s->spin = s->spin_at == s->net->now.ns ? s->spin + 1 : 0;
	s->spin_at = s->net->now.ns;
	if (s->spin == SPIN_MAX) {
		fprintf(stderr, "coyosim: node %u's deadline stays due at %.9f s\n", s->index,
		        (double)s->net->now.ns / 1e9);
		exit(3);
	}
	see_acks(s);
	if (instant_reached(node_deadline(s->node), s->net->now))
		node_tick(s->node, s->net->now);
	node_settle(s);
}

/* ---- start and stop ---- */
static void *node_take(void *arg, size_t n)
{
	struct net *net = arg;

	net->allocated++;
	return mem_new(n);
}

static void node_release(void *arg, void *p)
{
	struct net *net = arg;

	if (p)
		net->allocated--;
	free(p);
}

static const struct node_crypto_ops hashsig_ops = {hashsig_sign, hashsig_verify, hashsig_pair_key,
                                                   hashsig_pair_mac};

static uint32_t address(uint32_t node)
{
	return 10u << 24 | node;
}

/* Even edges: the first end dials, the other learns where from. Odd edges: both know each other. */
static void link_add(struct sim_node *s, uint16_t link)
{
	struct net *net = s->net;
	uint32_t place = s->edge[link], e = place / 2, side = place & 1;
	uint32_t far = net->edge[e].node[!side];
	struct node_link_cfg cfg = {.initiate = true};
	struct node_event ev = {.type = NODE_LINK_ADD, .u.link_add = &cfg};

	cfg.io.link = link;
	cfg.io.mtu = net->cfg.plain ? 1500 : 1400;
	cfg.io.fd = -1;
	snprintf(cfg.name, sizeof(cfg.name), "e%u", e);
	if (net->cfg.plain) {
		cfg.io.type = LINK_ETHERNET;
	} else {
		cfg.io.type = LINK_UDP_SOCKET;
		cfg.io.sealed = true;
		cfg.io.local_port = (uint16_t)(LINK_PORT_LOW + link);
		if (side == 0 || e % 2 == 1) {
			cfg.io.family = 4;
			cfg.io.remote_port = (uint16_t)(LINK_PORT_LOW + net->edge[e].link[!side]);
			be32_store(cfg.io.remote_addr, address(far));
		} else {
			cfg.initiate = false;
		}
	}
	node_event(s, &ev);
}

static bool plugged(const struct net *net, uint32_t e)
{
	return net->edge[e].delay_ns > 0;
}

void net_start(struct net *net, uint32_t i)
{
	struct sim_node *s = &net->node[i];
	struct mw_ops ops = {on_transmit, on_event, on_probe, on_counted, s};
	struct node_cfg cfg;

	if (s->node)
		return;
	node_cfg_default(&cfg);
	cfg.identity = &s->identity;
	cfg.rng = rng_from_seeded(&s->rng);
	cfg.alloc = (struct node_alloc){node_take, node_release, net};
	cfg.ops = net->cfg.hashed_signatures ? &hashsig_ops : NULL;
	cfg.workers = 1;
	s->incarnation++;
	s->tick_at = TICK_NONE;
	s->booted_at = net->now.ns;
	s->executed = s->acked = 0;
	s->fifo_len = 0;
	s->exec_due = s->ack_due = s->count_due = false;
	s->mw = mw_new(&ops, address(i));
	s->node = mem_check(node_new(&cfg, net->now));
	net->alive[i] = true;
	if (s->snapshot_len) {
		struct node_event restore = {.type = NODE_RESTORE};

		restore.u.restore.data = s->snapshot;
		restore.u.restore.len = s->snapshot_len;
		node_event(s, &restore);
	}
	for (uint32_t l = 0; l < s->nlinks; l++)
		if (plugged(net, s->edge[l] / 2))
			link_add(s, (uint16_t)l);
	node_settle(s);
}

void net_kill(struct net *net, uint32_t i)
{
	struct sim_node *s = &net->node[i];

	if (!s->node)
		return;
	if (s->has_news) {
		/* The daemon writes it when it is asked to; here the last moment will do. */
		long n;

		s->snapshot = mem_resize(s->snapshot, SNAPSHOT_MAX);
		n = node_snapshot(s->node, s->snapshot, SNAPSHOT_MAX);
		s->snapshot_len = n > 0 ? (size_t)n : 0;
		s->has_news = false;
	}
	node_free(s->node);
	mw_free(s->mw);
	s->node = NULL;
	s->mw = NULL;
	s->incarnation++;
	net->alive[i] = false;
}

void net_edge(struct net *net, uint32_t edge, bool up)
{
	net->up[edge] = up;
}

static int64_t draw_delay(struct net *net)
{
	int64_t spread = net->cfg.delay_max_ns - net->cfg.delay_min_ns;

	return net->cfg.delay_min_ns +
	       (spread > 0 ? (int64_t)rng_below(&net->rng, (uint64_t)spread) : 0);
}

void net_plug(struct net *net, uint32_t e)
{
	net->edge[e].delay_ns = draw_delay(net);
	net->up[e] = true;
	for (int side = 0; side < 2; side++) {
		struct sim_node *s = &net->node[net->edge[e].node[side]];

		if (s->node)
			link_add(s, net->edge[e].link[side]);
	}
}

/* ---- set-up ---- */
void net_cfg_default(struct net_cfg *cfg)
{
	*cfg = (struct net_cfg){
	        .seed = 1,
	        .delay_min_ns = NS_PER_MS,
	        .delay_max_ns = 5 * NS_PER_MS,
	        .boot_ns = NS_PER_S,
	        .exec_min_ns = 5 * NS_PER_US,
	        .exec_max_ns = 100 * NS_PER_US,
	        .ack_ns = 20 * NS_PER_US,
	};
}

static uint16_t node_link(struct sim_node *s, uint32_t place)
{
	if (s->nlinks == CPDP_LINKS_MAX) {
		fputs("coyosim: a node has more links than the control plane allows\n", stderr);
		exit(2);
	}
	if (s->nlinks == s->linkcap) {
		s->linkcap = s->linkcap ? s->linkcap * 2 : 4;
		s->edge = mem_resize(s->edge, s->linkcap * sizeof(*s->edge));
	}
	s->edge[s->nlinks] = place;
	return (uint16_t)s->nlinks++;
}

static void make_node(struct net *net, uint32_t i)
{
	struct sim_node *s = &net->node[i];
	struct rng rng;
	uint32_t at;

	s->net = net;
	s->index = i;
	s->tick_at = TICK_NONE;
	rng_seeded_init(&s->rng, net->cfg.seed * UINT64_C(1000003) + i);
	rng = rng_from_seeded(&s->rng);
	if (identity_generate(&s->identity, &rng) != 0) {
		fputs("coyosim: no identity from this seed\n", stderr);
		exit(3);
	}
	at = be32_load(s->identity.id.b) & net->by_id_mask;
	while (net->by_id[at])
		at = (at + 1) & net->by_id_mask;
	net->by_id[at] = i + 1;
	push(net, (int64_t)rng_below(&net->rng, (uint64_t)net->cfg.boot_ns + 1), EV_BOOT, i, 0,
	     NULL);
}

void net_init(struct net *net, const struct net_cfg *cfg, enum topo_kind kind, uint32_t n,
              bool bridge_later)
{
	uint32_t size = 4;

	memset(net, 0, sizeof(*net));
	net->cfg = *cfg;
	evq_init(&net->q);
	rng_seeded_init(&net->rng_state, cfg->seed);
	net->rng = rng_from_seeded(&net->rng_state);
	graph_make(&net->graph, kind, n, &net->rng);
	net->n = net->graph.n;
	while (size < 2 * net->n)
		size *= 2;
	net->by_id = mem_new(size * sizeof(*net->by_id));
	net->by_id_mask = size - 1;
	net->node = mem_new(net->n * sizeof(*net->node));
	net->edge = mem_new(net->graph.m * sizeof(*net->edge));
	net->alive = mem_new(net->n * sizeof(*net->alive));
	net->up = mem_new(net->graph.m * sizeof(*net->up));
	for (uint32_t i = 0; i < net->n; i++)
		make_node(net, i);
	for (uint32_t e = 0; e < net->graph.m; e++) {
		for (uint32_t side = 0; side < 2; side++) {
			net->edge[e].node[side] = net->graph.edge[e][side];
			net->edge[e].link[side] =
			        node_link(&net->node[net->graph.edge[e][side]], 2 * e + side);
		}
		if (bridge_later && e == net->graph.bridge)
			continue;
		net->edge[e].delay_ns = draw_delay(net);
		net->up[e] = true;
	}
}

uint64_t net_free(struct net *net)
{
	struct ev e;
	uint64_t left;

	for (uint32_t i = 0; i < net->n; i++) {
		net->node[i].has_news = false;
		net_kill(net, i);
		free(net->node[i].edge);
		free(net->node[i].fifo);
		free(net->node[i].snapshot);
		identity_wipe(&net->node[i].identity);
	}
	while (evq_pop(&net->q, INT64_MAX, &e))
		if (e.kind == EV_FRAME)
			free(e.p);
	evq_free(&net->q);
	graph_free(&net->graph);
	free(net->node);
	free(net->edge);
	free(net->alive);
	free(net->up);
	free(net->by_id);
	left = net->allocated;
	memset(net, 0, sizeof(*net));
	return left;
}

/* ---- the loop ---- */
static void deliver(struct net *net, uint32_t place, struct frame *f)
{
	uint32_t e = place / 2;
	struct sim_node *s = &net->node[net->edge[e].node[place & 1]];

	if (!s->node || !net->up[e]) {
		if (f->probe != FRAME_NO_PROBE && net->hooks.probe_end)
			net->hooks.probe_end(net->hooks.arg, f->probe, s->index, NULL, false,
			                     MW_DROP_NO_LINK);
		free(f);
		return;
	}
	trace_frame(net, f);
	if (net->tap.frame) {
		f = net->tap.frame(net->tap.arg, s->index, net->edge[e].link[place & 1], f, false);
		if (!f)
			return;
	}
	if (f->probe != FRAME_NO_PROBE && net->hooks.probe_hop)
		net->hooks.probe_hop(net->hooks.arg, f->probe, s->index);
	mw_receive(s->mw, net->edge[e].link[place & 1], f, net->now);
}

static void node_step(struct sim_node *s, const struct ev *e)
{
	if (!s->node || e->b != s->incarnation)
		return;
	switch (e->kind) {
	case EV_TICK:
		tick(s);
		break;
	case EV_EXEC:
		worker_exec(s);
		break;
	case EV_ACK:
		worker_ack(s);
		break;
	default:
		worker_counts(s);
		break;
	}
}

void net_run(struct net *net, int64_t until_ns)
{
	struct ev e;

	while (evq_pop(&net->q, until_ns, &e)) {
		net->now.ns = e.at;
		net->sums.events++;
		trace(net, (uint64_t)e.at);
		trace(net, (uint64_t)e.kind << 56 | (uint64_t)e.a);
		switch (e.kind) {
		case EV_FRAME:
			deliver(net, e.a, e.p);
			break;
		case EV_BOOT:
			net_start(net, e.a);
			break;
		case EV_CALL:
			e.fn(e.p, e.a, e.b, net->now);
			break;
		default:
			node_step(&net->node[e.a], &e);
			break;
		}
	}
	if (net->now.ns < until_ns)
		net->now.ns = until_ns;
}

void net_call(struct net *net, int64_t at_ns, ev_call fn, void *arg, uint32_t a, uint32_t b)
{
	evq_push(&net->q, (struct ev){.at = at_ns > net->now.ns ? at_ns : net->now.ns,
	                              .kind = EV_CALL,
	                              .a = a,
	                              .b = b,
	                              .fn = fn,
	                              .p = arg});
}

void net_request(struct net *net, uint32_t node, const struct node_request *r)
{
	struct node_event e = {.type = NODE_REQUEST, .u.request = r};

	if (net->node[node].node)
		node_event(&net->node[node], &e);
}

void net_hear(struct net *net, uint32_t node, const struct dp_event *ev)
{
	if (net->node[node].node)
		on_event(&net->node[node], ev);
}

bool net_inject(struct net *net, uint32_t node, const struct node_id *remote, uint32_t probe)
{
	struct sim_node *s = &net->node[node];

	return s->node && mw_inject(s->mw, remote, probe, net->now);
}

void net_say(struct net *net, uint32_t node, uint16_t link, const void *data, size_t len)
{
	struct sim_node *s = &net->node[node];
	struct cp_cmd *c = &net->said;

	if (!s->node || len > sizeof(c->u.send.data))
		return;
	memset(c, 0, offsetof(struct cp_cmd, u) + offsetof(struct cp_send, data));
	c->type = CMD_SEND;
	c->u.send.link = link;
	c->u.send.len = (uint16_t)len;
	memcpy(c->u.send.data, data, len);
	mw_exec(s->mw, c, net->now);
}

void net_release(struct net *net, uint32_t node, const struct node_id *remote)
{
	if (net->node[node].node)
		mw_release(net->node[node].mw, remote, net->now);
}

uint32_t net_find(const struct net *net, const struct node_id *id)
{
	for (uint32_t at = be32_load(id->b) & net->by_id_mask; net->by_id[at];
	     at = (at + 1) & net->by_id_mask)
		if (id_eq(&net->node[net->by_id[at] - 1].identity.id, id))
			return net->by_id[at] - 1;
	return UINT32_MAX;
}

uint32_t net_alive_count(const struct net *net)
{
	uint32_t k = 0;

	for (uint32_t i = 0; i < net->n; i++)
		k += net->alive[i];
	return k;
}
