/* SPDX-License-Identifier: BSD-3-Clause */
/* The control thread's side: commands in, events out, counters read without stopping anyone. */
#include "app/gateway.h"
#include "app/tun.h"
#include "core/handover.h"
#include "core/ring.h"
#include "io/device.h"
#include "worker/eal.h"
#include "worker/root.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int dp_port_index(const struct dataplane *dp, const char *name)
{
	for (unsigned i = 0; i < dp->cfg.nports; i++)
		if (strcmp(dp->cfg.ports[i].name, name) == 0)
			return dp->port_id[i];
	return -ENOENT;
}

int dp_port_info(const struct dataplane *dp, uint16_t port, bool *up, uint16_t *mtu, uint8_t mac[6])
{
	return port_info(port, up, mtu, mac) ? 0 : -ENOENT;
}

const char *dp_port_fault(const struct dataplane *dp, uint16_t port)
{
	return port_fault(port);
}

int dp_port_renew(struct dataplane *dp, uint16_t port, char *err, size_t errcap)
{
	for (unsigned i = 0; i < dp->cfg.nports; i++)
		if (dp->port_id[i] == port)
			return port_renew(&dp->cfg, &dp->cfg.ports[i], port, dp->all.pool, err,
			                  errcap);
	return -EINVAL;
}

static void note_link(struct dataplane *dp, const struct cp_cmd *c)
{
	if (c->type == CMD_LINK_SET && c->u.link.link < CPDP_LINKS_MAX)
		dp->link_present[c->u.link.link] = true;
	if (c->type == CMD_LINK_DEL && c->u.link.link < CPDP_LINKS_MAX)
		dp->link_present[c->u.link.link] = false;
}

int dp_forward_set(struct dataplane *dp, const struct dp_forward *f, bool socket_stays, char *err,
                   size_t errcap)
{
	if (dp->gateway)
		return gateway_forward_set(dp->gateway, f, socket_stays, err, errcap);
	snprintf(err, errcap,
	         "[forward %s] needs `socket = ...` in [api], which a restart takes up", f->name);
	return -ENOTCONN;
}

int dp_forward_remove(struct dataplane *dp, const char *name, char *err, size_t errcap)
{
	return dp->gateway ? gateway_forward_remove(dp->gateway, name, err, errcap) : 0;
}

int dp_command(struct dataplane *dp, unsigned worker, const struct cp_cmd *cmd)
{
	struct worker *w = worker < dp->cfg.workers ? dp->all.worker[worker] : NULL;
	uint32_t size = cp_cmd_size(cmd);
	void *slot;

	if (!w || size > sizeof(*cmd))
		return -EINVAL;
	slot = ring_put_begin(w->commands, sizeof(*cmd));
	if (!slot)
		return -EAGAIN;
	memcpy(slot, cmd, size);
	ring_put_end(w->commands);
	note_link(dp, cmd);
	worker_wake(w);
	return 0;
}

uint64_t dp_acked(const struct dataplane *dp, unsigned worker)
{
	return worker < dp->cfg.workers
	               ? atomic_load_explicit(&dp->all.worker[worker]->acked, memory_order_acquire)
	               : 0;
}

unsigned dp_events(struct dataplane *dp, unsigned worker, unsigned max,
                   void (*fn)(void *arg, const struct dp_event *ev), void *arg)
{
	unsigned n = 0;

	if (worker >= dp->cfg.workers)
		return 0;
	while (n < max) {
		const struct dp_event *ev =
		        ring_take_begin(dp->all.worker[worker]->events, sizeof(struct dp_event));

		if (!ev)
			break;
		fn(arg, ev);
		ring_take_end(dp->all.worker[worker]->events);
		n++;
	}
	return n;
}

int dp_wake_fd(const struct dataplane *dp)
{
	return dp->all.wake_fd;
}

/* syscalls: read */
void dp_wake_clear(struct dataplane *dp)
{
	uint64_t n;

	(void)!read(dp->all.wake_fd, &n, sizeof(n));
	atomic_store_explicit(&dp->all.wake_wanted, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

/* Adds n words that another thread writes. */
static void add_words(uint64_t *sum, const uint64_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum[i] += count_read(&words[i]);
}

void dp_worker_counters(const struct dataplane *dp, unsigned worker, struct dp_worker_counters *c)
{
	memset(c, 0, sizeof(*c));
	if (worker < dp->cfg.workers)
		add_words((uint64_t *)c, (const uint64_t *)&dp->all.worker[worker]->count,
		          sizeof(*c) / sizeof(uint64_t));
}

bool dp_drop(const struct dataplane *dp, uint32_t index, const char **name, const char **text,
             uint64_t *count)
{
	if (index >= DROP_REASONS)
		return false;
	*name = drop_rows[index].name;
	*text = drop_rows[index].text;
	*count = 0;
	for (unsigned i = 0; i < dp->cfg.workers; i++)
		*count += count_read(&dp->all.worker[i]->drops[index]);
	if (dp->tun)
		*count += tun_drops(dp->tun, index);
	return true;
}

bool dp_link_counters(const struct dataplane *dp, uint16_t number, struct dp_link_counters *c)
{
	memset(c, 0, sizeof(*c));
	if (number >= CPDP_LINKS_MAX || !dp->link_present[number])
		return false;
	for (unsigned i = 0; i < dp->cfg.workers; i++)
		add_words((uint64_t *)c, (const uint64_t *)&dp->all.worker[i]->link_count[number],
		          sizeof(*c) / sizeof(uint64_t));
	return true;
}

const char *dp_memory_text(const struct dataplane *dp)
{
	return dp->memory_text;
}

/* syscalls at the start: lchown */
void dp_give(const struct dataplane *dp, uint32_t uid, uint32_t gid)
{
	eal_give(dp->eal, uid, gid);
	for (unsigned i = 0; i < dp->cfg.nports; i++)
		device_give(dp->cfg.ports[i].device, uid, gid);
	if (dp->cfg.app_socket)
		(void)!lchown(dp->cfg.app_socket, uid, gid);
}

/* syscalls at the start: stat */
bool dp_needs_root(const struct dataplane *dp, uint32_t uid, uint32_t gid)
{
	struct stat st;

	if (dp->cfg.no_huge)
		return false;
	return stat("/dev/hugepages", &st) == 0 && !(st.st_mode & S_IWOTH) &&
	       !(st.st_uid == uid && st.st_mode & S_IWUSR) &&
	       !(st.st_gid == gid && st.st_mode & S_IWGRP);
}
