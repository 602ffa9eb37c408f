/* SPDX-License-Identifier: BSD-3-Clause */
/* Fuzzes two small TCP stacks, see tcp_play.h. */
#include "tcp_play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct play play;

	play_run(&play, data, size);
	return 0;
}
