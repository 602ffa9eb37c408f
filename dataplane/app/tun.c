/* SPDX-License-Identifier: BSD-3-Clause */
/* The TUN gateway as a whole: its interface and its queues. */
#include "app/tun.h"
#include "app/tun_if.h"
#include "app/tun_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct tun {
	struct tun_queue *queue[TUN_QUEUES_MAX];
	unsigned queues;
};

uint64_t tun_drops(const struct tun *t, enum drop_reason why)
{
	uint64_t n = 0;

	for (unsigned q = 0; q < t->queues; q++)
		n += __atomic_load_n(&t->queue[q]->drops[why], __ATOMIC_RELAXED);
	return n;
}

unsigned tun_queues(const struct tun *t)
{
	return t->queues;
}

static void tell_queues(const struct dp_cfg *cfg, unsigned queues)
{
	char line[160];

	if (!cfg->log || queues == cfg->tun->queues)
		return;
	snprintf(line, sizeof(line),
	         "[tun]: the interface %s was made with one queue, so it has one thread; "
	         "`ip tuntap add ... multi_queue` makes it with more",
	         cfg->tun->name);
	cfg->log(cfg->log_arg, DP_LOG_WARN, line);
}

/* syscalls at the start: close */
struct tun *tun_open(const struct dp_cfg *cfg, char *err, size_t errcap)
{
	struct tun *t = calloc(1, sizeof(*t));
	struct tun_if i = {.queues = cfg->tun->queues};
	uint8_t addr[IP6_ADDR_BYTES];
	unsigned opened = 0;

	if (!t) {
		snprintf(err, errcap, "[tun]: out of memory");
		return NULL;
	}
	ip6_of_id(&cfg->id, cfg->tun->prefix, addr);
	if (tun_if_open(cfg->tun, addr, &i, err, errcap) == 0)
		opened = i.queues;
	if (opened && i.mtu > TUN_MTU_MOST) {
		snprintf(err, errcap,
		         "[tun]: the interface %s has an MTU of %u, at most %d are possible",
		         cfg->tun->name, i.mtu, TUN_MTU_MOST);
	} else if (opened) {
		tell_queues(cfg, opened);
		for (; t->queues < opened; t->queues++) {
			unsigned q = t->queues;

			t->queue[q] = tun_queue_new(cfg, q, i.fd[q], i.runs, err, errcap);
			i.fd[q] = -1;
			if (!t->queue[q])
				break;
		}
		if (t->queues == opened)
			return t;
	}
	for (unsigned q = 0; q < opened; q++)
		if (i.fd[q] >= 0)
			close(i.fd[q]);
	tun_stop(t);
	tun_free(t);
	return NULL;
}

int tun_start(struct tun *t, unsigned queue, struct tunring *const *rings, unsigned n, char *err,
              size_t errcap)
{
	COYO_ASSERT(queue < t->queues);
	return tun_queue_start(t->queue[queue], rings, n, err, errcap);
}

void tun_stop(struct tun *t)
{
	for (unsigned q = 0; q < t->queues; q++)
		tun_queue_stop(t->queue[q]);
}

void tun_free(struct tun *t)
{
	for (unsigned q = 0; q < t->queues; q++)
		tun_queue_free(t->queue[q]);
	free(t);
}
