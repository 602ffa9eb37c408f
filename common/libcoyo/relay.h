/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes between standard input and output and one stream, both ways at once, until both directions have ended. */
#pragma once
#include <stdbool.h>
#include "libcoyo/coyo.h"

/* Closes nothing. 0: both directions ended in order; else -errno and a sentence in why. stream must be a socket. */
int relay_run(int in, int out, int stream, bool last, char why[COYO_WHY_MAX]);
