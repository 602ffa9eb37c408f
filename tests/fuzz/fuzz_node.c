/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole node against a neighbour that is authenticated and hostile. */
#include "node_play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	node_play(data, size);
	return 0;
}
