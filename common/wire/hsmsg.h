/* SPDX-License-Identifier: BSD-3-Clause */
/* Handshakes as bytes: prologue, authenticated payload, and the padded envelope with its two macs. */
#pragma once
#include "base/cc.h"
#include "wire/id.h"
#include "wire/link.h"

#include <stdbool.h>

#define HS_VERSION           PROTOCOL_VERSION
#define HS_LANES_MAX         16
#define HS_PAYLOAD_MAX       (12 + 32 + 8 + 4 * HS_LANES_MAX)
#define HS_PROLOGUE_MAX      (9 + 4 + 1 + 2 * ID_BYTES)
#define HS_MACS_BYTES        32
#define HS_ENVELOPE_OVERHEAD (2 + HS_MACS_BYTES)

#define HS_CAP_AES_GCM 1
#define HS_CAP_CHACHA  2
#define HS_CAP_TRANSIT 4

enum hs_context { HS_CONTEXT_LINK = 1, HS_CONTEXT_SESSION = 2 };

/* {u8 version, u8 tx lanes, be16 caps, be32 epoch, be16 mtu, u8 nrx, u8 flags, Ed25519 key 32, [be64 stamp], nrx x be32}. Flag 1: stamp. */
struct hs_payload {
	uint8_t tx_lanes; /* sending workers of the writer, 1..HS_LANES_MAX */
	uint16_t caps;    /* HS_CAP_* */
	/* Links: changes with every label space. Sessions: HS_EPOCH() of the writer's incarnation and the keys' phase. */
	uint32_t epoch;
	/* Largest labelled packet the writer takes; sessions: largest transport segment. */
	uint16_t mtu;
	uint8_t nrx; /* receiver indices the writer grants, one per lane of the reader (reader's lane i uses i % nrx) */
	uint8_t key[32]; /* Ed25519; zero in the first message of XX, which is in clear */
	/* First message of IK: higher than in any of the writer's before it under the same secret. 0: none. */
	uint64_t stamp;
	uint32_t rx[HS_LANES_MAX];
};

/* A session's epoch: 30 bits that a node draws when it starts, 0 where the message is in clear, and the phase of the keys that result. */
#define HS_EPOCH(incarnation, phase) ((uint32_t)(incarnation) << 2 | ((phase) & 3))
#define HS_INCARNATION(epoch)        ((epoch) >> 2)
#define HS_PHASE(epoch)              ((uint8_t)((epoch) & 3))

/* Bytes written, or 0 when it does not fit. */
size_t hs_payload_write(const struct hs_payload *p, void *buf, size_t cap);
bool hs_payload_read(const void *buf, size_t len, struct hs_payload *out) COYO_NODISCARD;

/* "IPvCoyo 2" || be32 network || u8 context || (sessions: id of the initiator || id of the responder). */
size_t hs_prologue(uint32_t network, enum hs_context context, const struct node_id *initiator,
                   const struct node_id *responder, uint8_t out[HS_PROLOGUE_MAX]);

/* Bytes of the envelope of a first message on a link: no answer is longer, so that nobody can use a node to amplify. */
#define HS1_ENVELOPE 272

/* Envelope: {be16 noise length, noise, zero padding, mac1 16, mac2 16}. The macs are over everything before them
 * (mac2's input includes mac1) and are computed by the caller (crypto/cookie.h). total >= noise_len + overhead.
 * Returns total, or 0 when it does not fit; the macs are zeroed. */
size_t hs_envelope_write(const uint8_t *noise, size_t noise_len, size_t total, uint8_t *buf,
                         size_t cap);

/* Pointers into buf. */
struct hs_envelope {
	const uint8_t *noise;
	size_t noise_len;
	size_t mac1_at; /* bytes of buf that mac1 covers; mac1 stands there, mac2 16 bytes later */
};
bool hs_envelope_read(const uint8_t *buf, size_t len, struct hs_envelope *out) COYO_NODISCARD;
