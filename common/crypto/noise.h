/* SPDX-License-Identifier: BSD-3-Clause */
/* Noise handshakes XX and IKpsk1 over 25519, ChaChaPoly and BLAKE2b (Noise revision 34): bytes in, bytes out. */
#pragma once
#include "base/cc.h"
#include "base/rng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOISE_TAG         16
#define NOISE_DH          32
#define NOISE_HASH        64
#define NOISE_PSK         32
#define NOISE_MESSAGE_MAX 512 /* longest message we write or take, bytes */

enum noise_pattern { NOISE_XX = 0, NOISE_IK = 1 /* IKpsk1 */ };

/* One side of one handshake. Fields are the protocol's own names; wipe when done. */
struct noise {
	uint8_t h[NOISE_HASH];
	uint8_t ck[NOISE_HASH];
	uint8_t k[32];
	uint64_t n;
	bool has_k;
	bool initiator;
	uint8_t pattern;
	uint8_t message; /* the next message's number, from 0 */
	uint8_t token;   /* tokens of that message which have been read, and the bytes they took */
	uint8_t read;
	bool failed;
	uint8_t s[32], s_pub[32];
	uint8_t e[32], e_pub[32];
	uint8_t rs[32], re[32];
	bool has_rs;
	uint8_t psk[NOISE_PSK];
	bool has_psk;
};

/* Starts a handshake. s, s_pub: X25519 static pair. rs: the responder's static, needed by an IK initiator, else NULL.
 * The ephemeral is drawn from rng at once. -EINVAL when rs is missing. */
int noise_init(struct noise *x, enum noise_pattern pattern, bool initiator, const void *prologue,
               size_t prologue_len, const uint8_t s[32], const uint8_t s_pub[32], const uint8_t *rs,
               const struct rng *rng) COYO_NODISCARD;
void noise_wipe(struct noise *x);

/* Gives IK the secret that both sides hold already: the initiator's before it writes, the responder's before it reads the first message. May be
 * called again until then. */
void noise_set_psk(struct noise *x, const uint8_t psk[NOISE_PSK]);
/* Responder of IK: reads the first message as far as the initiator's static key, x->rs, by which the secret is found that the rest was made
 * with. noise_read() of the same message goes on from there. -EPROTO out of turn; -EBADMSG: not for this node's key, and x is as before. */
int noise_read_static(struct noise *x, const uint8_t *msg, size_t len) COYO_NODISCARD;

/* Writes the next message. -EPROTO out of turn or without the secret that IK needs, -ENOSPC, -EBADMSG when a DH gives zero. */
int noise_write(struct noise *x, const void *payload, size_t len, uint8_t *out, size_t cap,
                size_t *out_len) COYO_NODISCARD;

/* Reads the next message; payload holds at least len bytes. -EPROTO out of turn or without IK's secret; -EBADMSG: not authentic. After an error x is as before,
 * so that the true message can still be read, and what stands in payload has no meaning. */
int noise_read(struct noise *x, const uint8_t *msg, size_t len, uint8_t *payload,
               size_t *payload_len) COYO_NODISCARD;

/* The two directions' secrets, this side's sending key first (Noise section 5.2, Split). To be called when all messages of the pattern have
 * been exchanged. */
void noise_split(const struct noise *x, uint8_t tx[32], uint8_t rx[32]);

/* A secret of both sides that neither of the two keys tells: the third output of the same HKDF. To be called when noise_split() may be. */
void noise_generation(const struct noise *x, uint8_t out[NOISE_PSK]);

/* One lane's key: HKDF-BLAKE2b of a direction's secret with the lane number. */
void noise_lane_key(const uint8_t direction[32], uint16_t lane, uint8_t out[32]);

/* A key for the use that the label names, HKDF-BLAKE2b of a secret with the label as salt. */
void noise_key_for(const char *label, const uint8_t secret[32], uint8_t out[32]);
