/* SPDX-License-Identifier: BSD-3-Clause */
/* Slots of the segment: taken, given back to the worker, and used anew once it has let go. */
#pragma once
#include "libcoyo/attach.h"

/* A slot that nobody uses, all words of it 0, with this state (enum slot_state) and worker; NONE: there is none. */
uint32_t slot_take(struct attachment *a, uint8_t state, uint32_t worker);
/* The stream's owner has done with it: CLOSE is sent, and the slot is free when the worker says so. */
void slot_close(struct attachment *a, uint32_t slot, bool abort);
/* A listener has ended: its own slot, and those that were posted to it or hold connections that nobody accepted, are given back. */
void slot_close_listener(struct attachment *a, uint32_t listener);
/* The port for datagrams whose slot it was has ended: it is free when the worker says so. */
void slot_leave(struct attachment *a, uint32_t slot);
/* A slot for the next connection of this listening socket, whose own slot is `listener`. NONE: there is none. */
uint32_t slot_post(struct attachment *a, uint32_t sock, uint32_t listener, uint32_t worker);
/* The slot's out ring may be larger than others', until the slot is free again. False: as many are as may be. */
bool slot_grow(struct attachment *a, uint32_t slot);
/* A slot that slot_take() or slot_post() returned, and that no worker has heard of, is free again. */
void slot_return(struct attachment *a, uint32_t slot);
