/* SPDX-License-Identifier: BSD-3-Clause */
/* What is kept beside a neighbour's last announcement of its places: owned by anchor/, and freed with the neighbour. */
#pragma once
#include "base/time.h"
#include "wire/linkmsg.h"
#include "wire/record.h"

#include <stdint.h>

/* The place before the present one. One that lasted for less than a second stands in few records and does not take the place of one that is
 * kept. */
struct former {
	struct place place;
	struct instant until; /* it is kept, ns; 0: there is none */
};

struct announced {
	/* Numbers in a row that were behind that of the newest announcement, each above the one before, and the last of them; 0: none. */
	uint8_t rises;
	uint64_t behind;
	struct instant since[RECORD_TREES_MAX]; /* it announces the present place, by tree */
	struct former *former;                  /* its places before, by tree; NULL: none is kept */
};
