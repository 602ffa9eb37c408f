/* SPDX-License-Identifier: BSD-3-Clause */
/* Static cross-connects, [lsp NAME]: ranges of labels that workers switch without a control plane. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct daemon;

#define CROSS_BURST 4096 /* labels programmed into one worker in one turn of the loop */

/* How far one worker has been told. */
struct cross {
	uint32_t lsp;    /* the configured range to program next ... */
	uint32_t offset; /* ... and the label in it */
};

/* Programs as many as the workers' rings take now; links must have been started. */
void cross_flush(struct daemon *d);
/* Whether cross_flush() left any: call again soon. */
bool cross_pending(const struct daemon *d);
