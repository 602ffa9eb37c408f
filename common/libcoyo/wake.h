/* SPDX-License-Identifier: BSD-3-Clause */
/* Waking threads of this application that wait on one of its slots, when the application itself has changed something. */
#pragma once
#include "libcoyo/attach.h"

/* Threads in a blocking call on the slot, and those that poll it, look again. */
void wake_waiting(struct attachment *a, uint32_t slot);
