/* SPDX-License-Identifier: BSD-3-Clause */
/* What must hold in the simulator, in tests and under the fuzzer alike: a violation aborts with its place. */
#pragma once
#include <stdio.h>
#include <stdlib.h>

#define REQUIRE(cond)                                                              \
	do {                                                                       \
		if (!(cond)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                   \
		}                                                                  \
	} while (0)
