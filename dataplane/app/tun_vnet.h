/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel says of a packet that it has given: how a run is to be cut, and which checksum is still to be computed. Pure. */
#pragma once
#include "session/tunring.h"

/* Reads slot->vnet and slot->packet, of slot->len bytes: sets slot->gso, and completes the checksum of a packet that is no run. False: no such
 * packet is expected from this kernel. */
bool tun_vnet_read(struct tun_slot *slot) COYO_NODISCARD;
