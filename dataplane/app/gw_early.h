/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams that the application gets before they are connected. */
#pragma once
#include "app/gw.h"

/* From now on nothing can be written to the application's end of a stream, which has just been made. 0 or -errno. */
int gw_early_fill(struct gw_stream *s);
/* The stream is connected, and the client has been told: its end can be written to. */
void gw_early_open(struct gw_stream *s);
