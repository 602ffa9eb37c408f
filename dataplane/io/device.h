/* SPDX-License-Identifier: BSD-3-Clause */
/* What is particular to each kind of DPDK device at the start: what to do where it is missing, and what a dead process left behind. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* What an operator does when there is no such device: static text for the driver that `device` (as in [port], with its arguments)
 * names, the end of a sentence. */
const char *device_remedy(const char *device);
/* Removes the socket that a memif server of this name is about to make, where one is left of a process that does not run any more: it
 * would keep the server from starting. Nothing else is touched: no socket that somebody listens on, no other file, nothing of a client.
 * Before EAL starts. */
void device_clean(const char *device);

struct device_on {
	char name[32];
	unsigned number; /* 0: the device has none, or it is not there */
	bool deleted;    /* since the device was made: one of this number now is another */
};
/* The interface of the kernel that a device stands on: net_af_packet and net_af_xdp, which do not notice that it is gone. */
struct device_on device_on(const char *device);
/* The number of an interface of this network namespace that has been deleted since the last call, or since the first device_on(); 0: no more, or the
 * kernel does not tell. By the control thread alone. */
unsigned device_next_deleted(void);
/* Whether a device stands on an interface that is not there. */
bool device_on_missing(const char *device);
/* Whether it is a memif client. */
bool device_is_client(const char *device);
/* Gives the socket that a memif server has made to a user, so that clients which run as the same may connect later. */
void device_give(const char *device, uint32_t uid, uint32_t gid);
