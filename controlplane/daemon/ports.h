/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports whose device is gone: the workers let go of it, and it is removed and made again, with back-off. */
#pragma once
#include "ipc/cpdp.h"
#include "base/time.h"

#include <stdbool.h>
#include <stdint.h>

struct daemon;

/* One [port], by its place in the configuration. */
struct daemon_port {
	uint8_t state;       /* enum port_state */
	const char *fault;   /* why it does not work, static text; NULL: it does */
	bool told;           /* the log says that it does not */
	struct instant next; /* a fault is not acted on before, or the next attempt is due */
	int64_t wait_ns;     /* until the attempt after that */
	uint64_t seq[CPDP_WORKERS_MAX]; /* RELEASING: of the workers' last command about it */
};

/* Looks at every port: called some times a second. */
void ports_poll(struct daemon *d);
/* Why the port of DPDK's number does not work, static text; NULL: nothing known. */
const char *ports_fault(const struct daemon *d, uint16_t port);
