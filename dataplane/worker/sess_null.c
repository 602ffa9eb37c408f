/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker without sessions: a pure transit. Packets for a session are dropped. */
#include "worker/apps.h"
#include "worker/dpdk.h"
#include "worker/sess.h"
#include "worker/worker.h"

#include <stdio.h>
#include <stdlib.h>

struct sessions {
	struct worker *w;
};

struct sessions *sess_new(struct worker *w, const struct dp_cfg *cfg, char *err, size_t errcap)
{
	struct sessions *s = calloc(1, sizeof(*s));

	if (!s) {
		snprintf(err, errcap, "out of memory for sessions");
		return NULL;
	}
	s->w = w;
	return s;
}

void sess_free(struct sessions *s)
{
	free(s);
}

void sess_command(struct sessions *s, const struct cp_cmd *c, struct instant now)
{
	struct dp_event ev = {.type = EVT_DUMP_END, .cookie = c->cookie};

	if (c->type == CMD_DUMP_CONNECTIONS)
		worker_event(s->w, &ev);
}

void sess_rx(struct sessions *s, uint32_t session, uint16_t in_link, uint32_t in_label, uint8_t tc,
             struct rte_mbuf *m, struct instant now)
{
	worker_drop(s->w, DROP_SINK);
	rte_pktmbuf_free(m);
}

unsigned sess_poll(struct sessions *s, struct instant now)
{
	return 0;
}

struct instant sess_deadline(const struct sessions *s)
{
	return INSTANT_NEVER;
}

int sess_wake_fd(const struct sessions *s)
{
	return -1;
}

bool sess_sleep_ok(struct sessions *s)
{
	return true;
}

/* No applications, no thread: any handle that is not NULL will do. */
struct apps {
	char nothing;
};
static struct apps none;

struct apps *apps_start(struct sessions *const *sess, unsigned workers, const struct dp_cfg *cfg,
                        char *err, size_t errcap)
{
	return &none;
}

void apps_stop(struct apps *a)
{
}

void apps_free(struct apps *a)
{
}
