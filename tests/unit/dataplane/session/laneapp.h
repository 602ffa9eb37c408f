/* SPDX-License-Identifier: BSD-3-Clause */
/* Applications with a segment on each side of a sessnet: what the gateway does for one, and what its library does with lanes and slots. */
#pragma once
#include "sessnet.h"
#include "session/lane.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define PORT  7000
#define TOKEN 0x10003u

/* A slot as the application sees it. */
struct lslot {
	struct appseg_slot *words;
	struct appseg_side side;
	uint64_t sent, got; /* bytes of the pattern */
};

struct lapp {
	struct bridge *b;
	uint32_t token; /* of its listener */
	uint16_t listens_on;
	bool shares; /* its port */
	struct app_segment seg;
	struct app_port *port;
	int app_fd; /* reading end */
	struct bytering tx, rx;
	struct lslot *slot;
	uint32_t backlog; /* of its listener; 0: 400 */
	struct app_listener l;
	bool attached, gone, listening, unlistened, listener_gone;
	unsigned accepted, ready; /* events so far */
	uint32_t last_accepted, last_ready;
	unsigned wakes;      /* of the worker: an eventfd would have been written */
	bool deaf;           /* takes no events */
	struct lapp *beside; /* another application of the same worker; NULL: the last one */
};

static inline uint8_t byte_at(uint64_t i)
{
	return (uint8_t)(i * 2654435761u >> 11);
}

/* What the gateway says to the worker. */
void lapp_bridge(struct lapp *a, struct bridge_msg m);
/* An application of one worker, which is told of it. */
void lapp_start(struct sessnet *n, struct lapp *a, unsigned side, uint32_t slots,
                uint32_t ring_bytes);
/* The worker has let go, or does not run any more. */
void lapp_free(struct lapp *a);
/* The slot's words become 0, and the application's views begin anew. */
void lapp_fresh(struct lapp *a, uint32_t slot);
/* False: the lane is full. */
bool lapp_say(struct lapp *a, struct applane_msg m);
/* Slot: a stream to a port of an id. */
void lapp_connect(struct lapp *a, uint32_t slot, const struct node_id *id, uint16_t port);
/* The next connection goes into this slot. own: the listener's slot. */
void lapp_post(struct lapp *a, uint32_t slot, uint32_t own);
/* A listener on PORT, as the gateway asks for it; and its end. */
void lapp_listen(struct lapp *a);
/* The listener's end. */
void lapp_unlisten(struct lapp *a);
/* The worker is to look at the slot, where it has not been told already. */
void lapp_kick(struct lapp *a, uint32_t slot);
/* No more will be written. */
void lapp_shut(struct lapp *a, uint32_t slot);
/* The last about this slot. */
void lapp_close(struct lapp *a, uint32_t slot, bool abort);
/* Words of the slot. */
uint32_t lapp_told(const struct lapp *a, uint32_t slot);
/* The error that it has ended with. */
int lapp_err(const struct lapp *a, uint32_t slot);
/* Writes the pattern up to byte `end`, as far as there is room. */
void lapp_write(struct lapp *a, uint32_t slot, uint64_t end);
/* Reads and checks what is there, at most so much. */
void lapp_read(struct lapp *a, uint32_t slot, uint64_t most);
/* Takes what the worker says to the gateway, about those beside it, too, and to the application. */
void lapp_poll(struct lapp *a);

/* a on side 0, b on side 1. */
struct lanes {
	struct sessnet n;
	struct lapp a, b;
};

/* One step of time, of at most ns, and what comes of it. */
void lanes_step(struct lanes *w, int64_t ns);

/* So much time passes. */
void lanes_for(struct lanes *w, int64_t ns);

/* True when cond came about within ns. */
#define LANES_UNTIL(w, cond, ns)                                        \
	({                                                              \
		struct instant end_ = instant_add((w)->n.now, ns);      \
		while (!(cond) && instant_before((w)->n.now, end_))     \
			lanes_step((w), instant_sub(end_, (w)->n.now)); \
		(cond);                                                 \
	})

static inline struct dp_worker_counters *lanes_count(struct lanes *w, unsigned side)
{
	return &w->n.side[side].w.count;
}
