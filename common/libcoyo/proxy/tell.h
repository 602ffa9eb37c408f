/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines on standard error about what could not be served. */
#pragma once
#include <stdint.h>

/* Prints that something for that host and port could not be served, unless much was printed in the last moment. Any thread may call it. */
void proxy_tell(const char *host, uint16_t port, const char *why);
