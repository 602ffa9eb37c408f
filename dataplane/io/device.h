/* SPDX-License-Identifier: BSD-3-Clause */
/* What is particular to each kind of DPDK device at the start: what to do where it is missing, and what a dead process left behind. */
#pragma once

/* What an operator does when there is no such device: static text for the driver that `device` (as in [port], with its arguments)
 * names, the end of a sentence. */
const char *device_remedy(const char *device);
/* Removes the socket that a memif server of this name is about to make, where one is left of a process that does not run any more: it
 * would keep the server from starting. Nothing else is touched: no socket that somebody listens on, no other file, nothing of a client.
 * Before EAL starts. */
void device_clean(const char *device);
