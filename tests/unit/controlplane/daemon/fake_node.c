/* SPDX-License-Identifier: BSD-3-Clause */
/* The node: links come up at once, every id but the all-ones one answers, two hops away. */
#include "fake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/queue.h>

struct fake fake;

struct item {
	STAILQ_ENTRY(item) next;
	struct node_output out;
	uint64_t seq[CPDP_WORKERS_MAX];
};
struct node {
	STAILQ_HEAD(, item) outputs;
	uint64_t seq[CPDP_WORKERS_MAX];
	uint64_t last[CPDP_WORKERS_MAX];
	struct instant next;
};

void node_cfg_default(struct node_cfg *cfg)
{
	*cfg = (struct node_cfg){.trees = 1, .hello_idle_ns = 3 * NS_PER_S};
}

struct node *node_new(const struct node_cfg *cfg, struct instant now)
{
	struct node *n = calloc(1, sizeof(*n));
	const char *tunnels = getenv("FAKE_TUNNELS"), *transit = getenv("FAKE_TRANSIT");

	fake.cfg = *cfg;
	fake.transit = transit ? (uint32_t)atoi(transit) : 0;
	fake.tunnels = tunnels ? (uint32_t)atoi(tunnels) : 1;
	STAILQ_INIT(&n->outputs);
	n->next = instant_add(now, cfg->hello_idle_ns);
	return n;
}

void node_free(struct node *n)
{
	struct node_output out;

	while (node_output(n, &out))
		;
	free(n);
}

void fake_output(struct node *n, const struct node_output *out)
{
	struct item *i = calloc(1, sizeof(*i));

	i->out = *out;
	if (out->type == OUT_COMMAND)
		for (unsigned w = 0; w < fake.cfg.workers; w++)
			if (out->u.command.worker == w || out->u.command.worker == CPDP_ALL_WORKERS)
				i->seq[w] = ++n->seq[w];
	if (out->type == OUT_COMMAND && out->u.command.worker < CPDP_WORKERS_MAX)
		i->out.u.command.cmd.seq = i->seq[out->u.command.worker];
	STAILQ_INSERT_TAIL(&n->outputs, i, next);
}

bool node_output(struct node *n, struct node_output *out)
{
	struct item *i = STAILQ_FIRST(&n->outputs);

	if (!i)
		return false;
	STAILQ_REMOVE_HEAD(&n->outputs, next);
	*out = i->out;
	memcpy(n->last, i->seq, sizeof(n->last));
	free(i);
	return true;
}

uint64_t node_command_seq(const struct node *n, uint8_t worker)
{
	return n->last[worker];
}

static void link_add(struct node *n, const struct node_link_cfg *cfg)
{
	struct node_output out = {.type = OUT_COMMAND};

	fake.links[fake.nlinks++ % FAKE_LINKS] = *cfg;
	out.u.command.worker = CPDP_ALL_WORKERS;
	out.u.command.cmd.type = CMD_LINK_SET;
	out.u.command.cmd.u.link = cfg->io;
	fake_output(n, &out);
	out = (struct node_output){.type = OUT_LINK_STATE};
	out.u.link.link = cfg->io.link;
	out.u.link.up = true;
	out.u.link.id = cfg->id;
	fake_output(n, &out);
	out = (struct node_output){.type = OUT_SNAPSHOT};
	fake_output(n, &out);
}

static void answer(struct node *n, const struct node_answer *a)
{
	struct node_output out = {.type = OUT_ANSWER, .u.answer = *a};

	fake_output(n, &out);
}

static void request(struct node *n, const struct node_request *r)
{
	struct node_answer a = {.cookie = r->cookie, .id = r->id, .rtt_ns = 1500000};
	struct node_id nobody;

	/* All ones: an id of a key made for the test begins with 0xff once in 256 runs. */
	memset(nobody.b, 0xff, sizeof(nobody.b));
	if (memcmp(r->id.b, nobody.b, sizeof(nobody.b)) == 0) {
		a.type = ANS_FAILED;
		a.err = EHOSTUNREACH;
		snprintf(a.text, sizeof(a.text), "nobody \"there\"; check the id");
		answer(n, &a);
		return;
	}
	if (r->type == REQ_LOOKUP) {
		a.type = ANS_LOOKUP;
		a.exact = true;
		a.hops = 2;
		answer(n, &a);
	}
	for (uint32_t i = 1; r->type == REQ_PING && i <= r->count; i++) {
		a.type = i == 2 ? ANS_FAILED : ANS_PING;
		a.err = ETIMEDOUT;
		a.seq = i;
		answer(n, &a);
	}
	for (uint32_t i = 1; r->type == REQ_TRACE && i <= 2; i++) {
		a.type = ANS_TRACE_HOP;
		a.seq = i;
		a.in_label = 99 + i;
		a.out_label = i == 2 ? LABEL_NONE : 101;
		answer(n, &a);
	}
	fake.drains += r->type == REQ_DRAIN;
	a.type = ANS_DONE;
	answer(n, &a);
}

void node_input(struct node *n, const struct node_event *ev, struct instant now)
{
	struct node_output out = {.type = OUT_LINK_GONE};

	(void)now;
	switch (ev->type) {
	case NODE_LINK_ADD:
		link_add(n, ev->u.link_add);
		break;
	case NODE_LINK_LEAVE:
	case NODE_LINK_DEL:
		fake.ndel++;
		out.u.link.link = ev->u.link.link;
		fake_output(n, &out);
		break;
	case NODE_LINK_CARRIER:
		fake.carriers++;
		break;
	case NODE_LINK_RX:
		fake.rx += ev->u.link.count;
		break;
	case NODE_LINK_TX:
		fake.tx += ev->u.link.count;
		break;
	case NODE_WORKER_ACK:
		fake.acks[ev->u.ack.worker] = ev->u.ack.seq;
		fake.nacks++;
		break;
	case NODE_REQUEST:
		request(n, ev->u.request);
		break;
	case NODE_RESTORE:
		fake.restored = (uint32_t)ev->u.restore.len;
		break;
	default:
		break;
	}
}

void node_tick(struct node *n, struct instant now)
{
	n->next = instant_add(now, 3 * NS_PER_S);
	/* What somebody does who has taken the daemon over. */
	if (getenv("FAKE_OFFENCE"))
		execl("/bin/true", "true", NULL);
}

struct instant node_deadline(const struct node *n)
{
	return n->next;
}

long node_snapshot(const struct node *n, void *buf, size_t cap)
{
	(void)n;
	if (cap < 100000)
		return -ENOSPC;
	memset(buf, 's', 100000);
	return 100000;
}

bool node_view_link(const struct node *n, struct node_cursor *at, struct instant now,
                    struct node_link_view *v)
{
	const struct node_link_cfg *l = &fake.links[at->number % FAKE_LINKS];

	(void)n;
	(void)now;
	if (at->number >= fake.nlinks)
		return false;
	at->number++;
	*v = (struct node_link_view){.link = l->io.link,
	                             .type = l->io.type,
	                             .sealed = l->io.sealed,
	                             .up = true,
	                             .state = "up",
	                             .id = l->id,
	                             .rtt_ns = -1,
	                             .up_ns = NS_PER_S,
	                             .mtu = l->io.mtu,
	                             .listener = UINT16_MAX};
	memcpy(v->name, l->name, sizeof(v->name));
	return true;
}

bool node_view_listener(const struct node *n, struct node_cursor *at, struct node_listener_view *v)
{
	(void)n;
	if (at->number++)
		return false;
	*v = (struct node_listener_view){.name = "door", .max = 7, .links = 3, .refused = {0, 1}};
	return true;
}

bool node_view_contact(const struct node *n, struct node_cursor *at, struct instant now,
                       struct node_contact_view *v)
{
	(void)n;
	(void)now;
	if (at->number++)
		return false;
	*v = (struct node_contact_view){.id = {{7}}, .finger_label = LABEL_NONE, .rtt_ns = 2500};
	return true;
}

bool node_view_tunnel(const struct node *n, struct node_cursor *at, struct instant now,
                      struct node_tunnel_view *v)
{
	uint64_t number = at->begun ? at->number + 1 : 0;

	(void)n;
	(void)now;
	fake.visits++;
	if (number < fake.first)
		number = fake.first;
	if (number >= fake.tunnels)
		return false;
	at->begun = true;
	at->number = number;
	*v = (struct node_tunnel_view){.a = {{7}},
	                               .b = {{8}},
	                               .nonce = 0xfedcba9876543210 + number,
	                               .role = "ingress",
	                               .state = "up",
	                               .fwd_in_link = 0xffff,
	                               .fwd_in_label = LABEL_NONE,
	                               .fwd_out_link = 0,
	                               .fwd_out_label = 4711,
	                               .rev_out_link = 0xffff,
	                               .rev_in_label = 17,
	                               .rev_out_label = LABEL_NONE,
	                               .first_hops = 5,
	                               .hops = 4,
	                               .setup_ns = 12500000};
	return true;
}

bool node_view_session(const struct node *n, struct node_cursor *at, struct instant now,
                       struct node_session_view *v)
{
	(void)n;
	(void)now;
	if (at->number == 2)
		return false;
	*v = (struct node_session_view){
	        .remote = {{8}}, .state = "up", .nonce = at->number ? 0 : 0xfedcba9876543210};
	at->number++;
	return true;
}

bool node_view_label(const struct node *n, struct node_cursor *at, struct instant now,
                     struct node_label_view *v)
{
	(void)n;
	(void)now;
	if (at->number == 20)
		return false;
	*v = (struct node_label_view){.link = 0,
	                              .label = 1000 + (uint32_t)at->number,
	                              .state = "programmed",
	                              .op = "swap",
	                              .out_link = 77,
	                              .out_label = LABEL_NONE};
	at->number++;
	return true;
}

bool node_view_counter(const struct node *n, uint32_t index, const char **name, const char **text,
                       uint64_t *value)
{
	(void)n;
	*name = "malformed";
	*text = "malformed control message";
	*value = 3;
	return index == 0;
}

uint32_t node_transit_tunnels(const struct node *n)
{
	(void)n;
	return fake.drains && fake.transit ? fake.transit-- : fake.transit;
}

void node_stats(const struct node *n, struct node_stats *s)
{
	(void)n;
	*s = (struct node_stats){.contacts = 4, .root = {{{9}}}, .depth = {2}};
}
