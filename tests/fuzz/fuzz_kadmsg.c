/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a Kademlia message or a routed error: refused, or written again as the same bytes. */
#include "tests/fuzz/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_table(codecs_kadmsg, data, size);
	return 0;
}
