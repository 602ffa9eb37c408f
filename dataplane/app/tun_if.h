/* SPDX-License-Identifier: BSD-3-Clause */
/* The TUN interface: opened, given its address, MTU and route. */
#pragma once
#include "dataplane.h"
#include "wire/ip6.h"

/* Opens the interface that cfg names, or makes it, with this address. Where it had been made before (`ip tuntap add`) and this process may not
 * change it, it must be up and have the address. Returns a non-blocking descriptor, with which an interface made here ends, routes and all; or
 * -errno, with cause and remedy in err. *mtu: what the interface has. */
int tun_if_open(const struct dp_tun_cfg *cfg, const uint8_t addr[IP6_ADDR_BYTES], unsigned *mtu,
                char *err, size_t errcap);
