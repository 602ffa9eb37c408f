/* SPDX-License-Identifier: BSD-3-Clause */
/* The TUN gateway's thread: between the interface and the workers' rings, with whatever may not pass refused. */
#pragma once
#include "session/tunring.h"
#include "dataplane.h"
#include "table/drop.h"

struct tun;

/* Opens the interface of cfg->tun; nothing runs yet. NULL: one sentence with cause and remedy is in err, and nothing is left behind. */
struct tun *tun_open(const struct dp_cfg *cfg, char *err, size_t errcap);
/* Starts the thread. rings: one for each of n workers, alive until tun_free(). 0, or -errno with a sentence in err. */
int tun_start(struct tun *t, struct tunring *const *rings, unsigned n, char *err, size_t errcap);
/* Stops the thread and closes the interface. Workers may still use their rings. */
void tun_stop(struct tun *t);
/* Frees it all, after the workers' threads have ended. */
void tun_free(struct tun *t);
/* What the thread has dropped for this reason; from any thread. */
uint64_t tun_drops(const struct tun *t, enum drop_reason why);
