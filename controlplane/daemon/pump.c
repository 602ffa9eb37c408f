/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands to workers without ever waiting, numbers translated both ways. */
#include "daemon/pump.h"
#include "daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct pump_item {
	STAILQ_ENTRY(pump_item) next;
	struct cp_cmd cmd; /* only cp_cmd_size() bytes of it are there */
};

void pump_init(struct pump *p)
{
	*p = (struct pump){0};
	for (unsigned i = 0; i < CPDP_WORKERS_MAX; i++)
		STAILQ_INIT(&p->w[i].queue);
}

void pump_free(struct pump *p)
{
	for (unsigned i = 0; i < CPDP_WORKERS_MAX; i++) {
		struct pump_item *item;

		while ((item = STAILQ_FIRST(&p->w[i].queue)) != NULL) {
			STAILQ_REMOVE_HEAD(&p->w[i].queue, next);
			cp_cmd_wipe(&item->cmd);
			free(item);
		}
		free(p->w[i].runs);
	}
	pump_init(p);
}

static struct pump_run *run_at(struct pump_worker *w, uint32_t i)
{
	return &w->runs[(w->run_first + i) & (w->run_cap - 1)];
}

static bool run_grow(struct pump_worker *w)
{
	uint32_t cap = w->run_cap ? w->run_cap * 2 : 16;
	struct pump_run *runs = calloc(cap, sizeof(*runs));

	if (!runs)
		return false;
	for (uint32_t i = 0; i < w->run_count; i++)
		runs[i] = *run_at(w, i);
	free(w->runs);
	w->runs = runs;
	w->run_first = 0;
	w->run_cap = cap;
	return true;
}

/* The next ring number belongs to the node, or not. */
static bool run_add(struct pump_worker *w, bool node)
{
	if (w->run_count && run_at(w, w->run_count - 1)->node == node) {
		run_at(w, w->run_count - 1)->n++;
		return true;
	}
	if (w->run_count == w->run_cap && !run_grow(w))
		return false;
	*run_at(w, w->run_count++) = (struct pump_run){.n = 1, .node = node};
	return true;
}

/* Ring numbers up to `acked` are done: how many of the node's were among the new ones. */
static uint64_t run_consume(struct pump_worker *w, uint64_t acked)
{
	uint64_t n = acked - w->acked, of_node = 0;

	w->acked = acked;
	while (n && w->run_count) {
		struct pump_run *r = run_at(w, 0);
		uint64_t take = n < r->n ? n : r->n;

		if (r->node)
			of_node += take;
		n -= take;
		r->n -= take;
		if (r->n == 0) {
			w->run_first = (w->run_first + 1) & (w->run_cap - 1);
			w->run_count--;
		}
	}
	return of_node;
}

static void breaks(struct daemon *d, const char *why, unsigned worker)
{
	if (!d->pump.broken)
		daemon_log(d, LOG_LEVEL_ERROR,
		           "worker %u %s; the daemon ends and must be started again", worker, why);
	d->pump.broken = true;
}

static void enqueue(struct daemon *d, unsigned worker, const struct cp_cmd *cmd)
{
	struct pump_worker *w = &d->pump.w[worker];
	struct pump_item *item;
	uint32_t size = cp_cmd_size(cmd);

	if (w->queued >= PUMP_QUEUE_HARD) {
		breaks(d, "takes no commands any more", worker);
		return;
	}
	item = malloc(offsetof(struct pump_item, cmd) + size);
	if (!item) {
		breaks(d, "cannot be told anything: out of memory", worker);
		return;
	}
	memcpy(&item->cmd, cmd, size);
	STAILQ_INSERT_TAIL(&w->queue, item, next);
	w->queued++;
}

/* Numbers c in place. */
static void put(struct daemon *d, unsigned worker, struct cp_cmd *c, bool node)
{
	struct pump_worker *w = &d->pump.w[worker];
	struct cp_cmd nop = {.type = CMD_NOP};

	if (w->queued >= PUMP_QUEUE_SOFT && (c->type == CMD_SEND || c->type == CMD_SEND_SESSION)) {
		d->pump.packets_lost++;
		c = &nop;
	}
	if (!run_add(w, node)) {
		breaks(d, "cannot be told anything: out of memory", worker);
		return;
	}
	c->seq = ++w->seq;
	if (w->queued == 0 && dp_command(d->dp, worker, c) == 0)
		return;
	enqueue(d, worker, c);
}

void pump_node_command(struct daemon *d, unsigned worker, struct cp_cmd *cmd)
{
	unsigned from = worker, to = worker + 1;

	if (worker == CPDP_ALL_WORKERS) {
		from = 0;
		to = d->workers;
	}
	for (unsigned i = from; i < to && i < d->workers; i++) {
		struct pump_worker *w = &d->pump.w[i];
		/* A command to one worker carries its number; one to all has a number for each. */
		uint64_t seq = worker != CPDP_ALL_WORKERS && cmd->seq
		                       ? cmd->seq
		                       : node_command_seq(d->node, (uint8_t)i);

		if (seq != w->node_seq + 1 && !d->pump.numbers_differ) {
			d->pump.numbers_differ = true;
			daemon_log(d, LOG_LEVEL_ERROR,
			           "command %llu of the node for worker %u came after %llu; this "
			           "is a fault of coyod, please report it",
			           (unsigned long long)seq, i, (unsigned long long)w->node_seq);
		}
		w->node_seq = seq;
		put(d, i, cmd, true);
	}
}

void pump_own_command(struct daemon *d, unsigned worker, const struct cp_cmd *cmd)
{
	struct cp_cmd copy;

	memcpy(&copy, cmd, cp_cmd_size(cmd));
	for (unsigned i = 0; i < d->workers; i++)
		if (worker == i || worker == CPDP_ALL_WORKERS)
			put(d, i, &copy, false);
}

void pump_flush(struct daemon *d)
{
	for (unsigned i = 0; i < d->workers; i++) {
		struct pump_worker *w = &d->pump.w[i];
		struct pump_item *item;

		while ((item = STAILQ_FIRST(&w->queue)) != NULL) {
			if (dp_command(d->dp, i, &item->cmd) != 0)
				break;
			STAILQ_REMOVE_HEAD(&w->queue, next);
			w->queued--;
			cp_cmd_wipe(&item->cmd);
			free(item);
		}
	}
}

bool pump_pending(const struct daemon *d)
{
	for (unsigned i = 0; i < d->workers; i++)
		if (d->pump.w[i].queued)
			return true;
	return false;
}

bool pump_done(const struct daemon *d)
{
	for (unsigned i = 0; i < d->workers; i++)
		if (d->pump.w[i].queued || dp_acked(d->dp, i) != d->pump.w[i].seq)
			return false;
	return true;
}

void pump_acks(struct daemon *d)
{
	for (unsigned i = 0; i < d->workers; i++) {
		struct pump_worker *w = &d->pump.w[i];
		uint64_t acked = dp_acked(d->dp, i), of_node;
		struct node_event ev = {.type = NODE_WORKER_ACK};

		if (acked <= w->acked || acked > w->seq)
			continue;
		of_node = run_consume(w, acked);
		if (of_node == 0)
			continue;
		w->node_acked += of_node;
		ev.u.ack.worker = (uint8_t)i;
		ev.u.ack.seq = w->node_acked;
		node_input(d->node, &ev, d->now);
	}
}

bool pump_events(struct daemon *d, void (*take)(void *d, const struct dp_event *e))
{
	bool more = false;

	for (unsigned i = 0; i < d->workers; i++)
		more |= dp_events(d->dp, i, PUMP_EVENTS, take, d) == PUMP_EVENTS;
	return more;
}
