/* SPDX-License-Identifier: BSD-3-Clause */
/* The TUN interface: opened, given its address, MTU and route. */
#pragma once
#include "dataplane.h"
#include "session/tunring.h"

struct tun_if {
	unsigned queues; /* in: how many are wanted; out: how many there are */
	int fd[TUN_QUEUES_MAX];
	unsigned mtu;  /* what the interface has */
	uint32_t runs; /* bits of 1 << enum gso_kind: what it takes and gives as one */
};

/* Opens the interface that cfg names, or makes it, with this address. Where it had been made before (`ip tuntap add`) and this process may not
 * change it, it must be up and have the address; where it had been made with one queue it has one. Non-blocking descriptors, each for packets
 * with a struct virtio_net_hdr in front, are in i->fd: with the last of them ends an interface made here, routes and all. 0; or -errno, with cause and
 * remedy in err. */
int tun_if_open(const struct dp_tun_cfg *cfg, const uint8_t addr[IP6_ADDR_BYTES], struct tun_if *i,
                char *err, size_t errcap);
