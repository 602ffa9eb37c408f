/* SPDX-License-Identifier: BSD-3-Clause */
/* One neighbour of a daemon under test: its identity, handshake, keys and hellos, for programs that play one or many.
 *
 * It knows the formats of common/wire and nothing of the control plane. The caller owns the sockets and the clock: it hands in what was
 * received and is handed what is to be sent. Times are in s. */
#pragma once
#include "crypto/aead.h"
#include "crypto/cookie.h"
#include "crypto/identity.h"
#include "crypto/noise.h"
#include "wire/link.h"
#include "wire/linkmsg.h"

#include <stdbool.h>
#include <stdint.h>

#define NEIGHBOUR_FRAME_MAX 2048
#define NEIGHBOUR_KEYS      3   /* receiving keys kept: newest first */
#define NEIGHBOUR_RETRY_S   1.0 /* between first messages that nobody answers */
#define NEIGHBOUR_ENVELOPE  272 /* of a first message, PROTOCOL.md 3.3 */

struct neighbour;

/* What all neighbours of one program share. */
struct neighbour_world {
	const struct rng *rng;
	uint32_t network;
	bool mute; /* hellos and probes are not answered */
	void *owner;
	/* Sends a frame. */
	void (*put)(struct neighbour *n, const uint8_t *f, size_t len);
	/* A link-local message that is neither HELLO nor PROBE; NULL: nobody wants them. */
	void (*message)(struct neighbour *n, const struct linkmsg_head *h, struct rd *body);
	/* An opened labelled packet that holds no link-local messages; NULL: nobody wants them. */
	void (*packet)(struct neighbour *n, const uint8_t *p, size_t len);
	/* What has happened to all of them together; refused: by enum link_refusal. */
	uint64_t begun, complete, rekeys, refused[8], cookies, hellos_in, frames_in, frames_out,
	        bad;
};

struct neighbour_rx_key {
	uint32_t index;
	struct aead_key key;
	bool used;
};

struct neighbour {
	struct neighbour_world *world;
	int fd; /* the caller's */
	struct identity me;
	struct noise noise;
	uint8_t generation[NOISE_PSK]; /* that the newest XX has left */
	uint32_t mine;                 /* index of the handshake that this side has begun */
	uint32_t epoch;
	bool begun, wants; /* a handshake of ours is under way; there is to be one */
	uint8_t mac1[COOKIE_MAC_BYTES], cookie[COOKIE_BYTES];
	bool has_cookie;
	double again_at, heard_at, talk_at;
	bool up;
	struct neighbour_rx_key rx[NEIGHBOUR_KEYS];
	/* The sending key in use, and one that the other side has not used yet. */
	struct aead_key tx, tx_next;
	uint32_t tx_index, tx_next_index;
	uint32_t tx_next_rx; /* its first packet makes tx_next the sending key */
	uint64_t tx_counter;
	uint64_t hello_us;
	double hello_at;
};

/* Makes *n a neighbour with a new identity that has begun nothing. 0 or a negative errno. */
int neighbour_init(struct neighbour *n, struct neighbour_world *world, int fd) COYO_NODISCARD;

/* Sends a first message; a later call sends another one instead. */
void neighbour_begin(struct neighbour *n, double t);

/* Takes a frame that the daemon has sent; what is in f is opened in place. */
void neighbour_receive(struct neighbour *n, uint8_t *f, size_t len, double t);

/* Sends a HELLO, with the wish for an answer or as one. Only where the neighbour is up. */
void neighbour_hello(struct neighbour *n, bool wants_answer, double t);

/* Writes the frame that carries a labelled packet of len bytes into f, of NEIGHBOUR_FRAME_MAX, and returns its length. The caller sends it,
 * in this order. Only where the neighbour is up. */
size_t neighbour_seal(struct neighbour *n, const void *packet, size_t len, uint8_t *f);
