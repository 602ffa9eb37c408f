/* SPDX-License-Identifier: BSD-3-Clause */
/* The TUN gateway: threads between the interface's queues and the workers' rings. */
#pragma once
#include "dataplane.h"
#include "session/tunring.h"
#include "table/drop.h"

struct tun;

/* Opens the interface of cfg->tun; nothing runs yet. NULL: one sentence with cause and remedy is in err, and nothing is left behind. */
struct tun *tun_open(const struct dp_cfg *cfg, char *err, size_t errcap);
/* Queues of the interface: what cfg->tun says, or 1 where the interface had been made with one. */
unsigned tun_queues(const struct tun *t);
/* Starts the thread of a queue. rings: one for each of n workers, alive until tun_free(). 0, or -errno with a sentence in err. */
int tun_start(struct tun *t, unsigned queue, struct tunring *const *rings, unsigned n, char *err,
              size_t errcap);
/* Stops the threads and closes the interface. Workers may still use their rings. */
void tun_stop(struct tun *t);
/* Frees it all, after the workers' threads have ended. */
void tun_free(struct tun *t);
/* What the threads have dropped for this reason; from any thread. */
uint64_t tun_drops(const struct tun *t, enum drop_reason why);
