/* SPDX-License-Identifier: BSD-3-Clause */
/* Which id an address of the TUN belongs to: those known, and those that control is asked for while their packets wait. Pure. */
#pragma once
#include "base/time.h"
#include "session/tun_packet.h"
#include "session/tunring.h"

#define TUN_IDS_SETS  1024 /* a power of two */
#define TUN_IDS_WAYS  4
#define TUN_ASK_MAX   64                /* addresses that are being asked for */
#define TUN_ASK_HELD  4                 /* packets that wait for one of them */
#define TUN_ASK_NS    (500 * NS_PER_MS) /* until control is asked again */
#define TUN_ASK_LIFE  (5 * NS_PER_S)    /* until it is not asked any more */
#define TUN_FAILED_NS (2 * NS_PER_S)    /* for so long nobody is asked again */

enum tun_ask_state { TUN_ASK_FREE = 0, TUN_ASKING, TUN_ASK_FAILED };

/* An address whose id is not known. */
struct tun_ask {
	uint8_t state; /* enum tun_ask_state */
	uint8_t held;
	uint32_t asker;              /* which program asks, tun_asker() */
	struct node_id target;       /* ip6_least_id() of it */
	struct instant begun, asked; /* TUN_ASK_FAILED: begun is when it failed */
	uint16_t len[TUN_ASK_HELD];
	uint8_t packet[TUN_ASK_HELD][TUN_MTU_MOST];
};

struct tun_ids {
	unsigned next_way;
	struct {
		bool used;
		struct node_id id;
	} known[TUN_IDS_SETS][TUN_IDS_WAYS];
	struct tun_ask ask[TUN_ASK_MAX];
};

/* The id of an address, or NULL: not known. Valid until the next call that learns. */
const struct node_id *tun_ids_find(struct tun_ids *t, const uint8_t addr[IP6_ADDR_BYTES]);
/* This id exists. */
void tun_ids_learn(struct tun_ids *t, const struct node_id *id);

/* What is known of the asking for an address, or NULL: nothing. */
struct tun_ask *tun_ask_find(struct tun_ids *t, const struct node_id *target);
/* Which program asks for the address that a packet goes to, as far as the packet tells: what stays the same when one tries many addresses. That is
 * the own port of UDP and the identifier of an echo, of TCP the port there. Below 2^24. */
uint32_t tun_asker(const struct tun_packet *p);
/* Begins to ask for it. NULL: too many are asked for, or this asker asks for as many as there is room left for others. */
struct tun_ask *tun_ask_begin(struct tun_ids *t, const struct node_id *target, uint32_t asker,
                              struct instant now);
/* A packet waits for the answer. False: too many do. */
bool tun_ask_hold(struct tun_ask *a, const uint8_t *packet, size_t len);
/* When tun_ask_due() may find something; never: not without a new one. */
struct instant tun_ask_deadline(const struct tun_ids *t);
/* The next whose time has come, or NULL. *again: control is to be asked again; else it has failed, or a failure is forgotten: its packets, if
 * any, are to be given up. */
struct tun_ask *tun_ask_due(struct tun_ids *t, struct instant now, bool *again);
