/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes between standard input and output and one stream, both ways at once, until both directions have ended. */
#pragma once
#include <stdbool.h>
#include "libcoyo/coyo.h"

/* Each direction is passed on to its end; the end of in closes the sending side of stream at once, and where last is set the end of stream
 * closes out at once: nobody needs it for another stream. quit_s: for how many seconds in may still go on when stream has ended in order; -1: to
 * its own end. Closes nothing else. 0: both directions ended in order, or in was not waited for longer; else -errno and a sentence in why. stream
 * must be a socket. */
int relay_run(int in, int out, int stream, bool last, int quit_s, char why[COYO_WHY_MAX]);
