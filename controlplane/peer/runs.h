/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether datagrams may leave in runs that the kernel or the NIC takes apart (UDP GSO), judged by how many of their members arrive. Some
 * kernels, NICs and hosts of virtual machines lose or damage all but the first. A way that is merely lossy loses single ones too: so a
 * loss among members is a suspicion, and runs are convicted by what the same traffic loses while it goes singly. */
#pragma once
#include "base/time.h"
#include "ipc/cpdp.h"

#include <stdbool.h>
#include <stdint.h>

enum runs_state {
	RUNS_ON = 0,
	RUNS_TRIAL, /* suspected: off until enough has been sent singly to compare */
	RUNS_OFF,   /* convicted: off until `until` */
	RUNS_RETRY, /* a few are tried again */
};

struct runs_tally {
	uint32_t sent, lost;
};

/* Zeroed: runs are on, nothing is known. */
struct runs {
	uint8_t state;
	struct runs_tally together,
	        singly;              /* members of runs; what would have been, during a trial */
	struct runs_tally convicted; /* by this loss among members they were turned off last */
	/* Trial: given up then; off: over then; on: no other trial before. */
	struct instant until;
	struct instant on_at; /* since when runs have been on again */
	int64_t pause, hold;  /* the last ones, ns; 0: none yet */
};

/* What has become of members: that left in runs, or during a trial those that went singly instead. True: the state has changed. */
bool runs_judge(struct runs *r, unsigned sent, unsigned lost, struct instant now);
/* True: the state has changed, since its time is over. */
bool runs_tick(struct runs *r, struct instant now);
/* How datagrams are to leave: enum link_runs. */
uint8_t runs_mode(const struct runs *r);
