/* SPDX-License-Identifier: BSD-3-Clause */
/* A veth pair between two network namespaces, made and changed through the kernel's own calls: no tool need be installed. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#define VETH_NEAR "kb0"
#define VETH_FAR  "kb1"

/* Into a network namespace of its own; an ordinary user gets a user namespace around it. 0 or -errno. */
int netns_enter(void);

/* In the namespace of the caller: makes the pair and gives VETH_FAR to the namespace of that process. */
int veth_make(pid_t far);

/* Address (dotted quad, /24), MTU, up; the loopback comes up too. */
int veth_up(const char *name, const char *address, unsigned mtu);

/* Segmentation and coalescing offloads on or off. */
int veth_offloads(const char *name, bool on);
