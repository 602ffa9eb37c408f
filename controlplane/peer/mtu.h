/* SPDX-License-Identifier: BSD-3-Clause */
/* How large a labelled packet a link carries: probed upward to a bound, checked while in use, followed downward (RFC 8899 in spirit). A
 * probe is a message of the size in question, and its answer is as large: one that is answered shows both ways. */
#pragma once
#include "base/time.h"
#include "wire/link.h"

#include <stdbool.h>
#include <stdint.h>

/* An underlay of 1280 bytes carries exactly that over IPv6. */
#define MTU_BASE LINK_MTU_LEAST

struct mtu {
	uint16_t now;   /* what packets may measure, bytes with their label stack */
	uint16_t bound; /* never more than this */
	uint16_t good,
	        bad;   /* largest size answered, 0: none; smallest one that is known not to pass */
	uint16_t size; /* of the probe that is under way; 0: none */
	uint8_t tries; /* of this size that were lost while smaller packets passed */
	bool failed;   /* the link does not carry MTU_BASE */
	uint32_t id;   /* of the probe: its answer names it */
	struct instant sent;
};

/* The link has come up: nothing is known. Begins with the bound (>= MTU_BASE); packets are held to MTU_BASE until it is answered. */
void mtu_start(struct mtu *m, uint16_t bound);
/* Size of the probe that is due, after which the caller reports mtu_sent(); 0: nothing is to be found out. */
uint16_t mtu_due(struct mtu *m);
/* That probe has left as `id`. */
void mtu_sent(struct mtu *m, uint32_t id, struct instant now);
/* An answer to a probe came. True: m->now has changed. */
bool mtu_answered(struct mtu *m, uint32_t id, uint16_t size);
/* The probe's time is over. heard: something small that was sent beside it has been answered, so that its size and not the link is to be
 * blamed.
 * True: m->now has changed. */
bool mtu_lost(struct mtu *m, bool heard);
/* Asks whether packets of the present size still pass. Nothing while a probe is under way. */
void mtu_check(struct mtu *m);
/* Looks anew whether larger ones pass. Nothing while a probe is under way. */
void mtu_raise(struct mtu *m);
/* A packet of this size was refused on its way. True: m->now has changed. */
bool mtu_refused(struct mtu *m, uint16_t size);
/* The bound is another one (the neighbour's, or the configuration's). True: m->now has changed. */
bool mtu_set_bound(struct mtu *m, uint16_t bound);
