/* SPDX-License-Identifier: BSD-3-Clause */
/* A handshake between neighbours under way: what the side that begins it (handshake.c) and the side that answers (answer.c) share. */
#pragma once
#include "core/ctx.h"
#include "crypto/cookie.h"
#include "crypto/hsindex.h"
#include "crypto/noise.h"
#include "wire/hsmsg.h"
#include "wire/link.h"

#include <string.h>

struct peer;
struct listener;

/* Largest Noise message of a link handshake: the second of XX with its two keys, tags and payload. */
#define HS_NOISE_MAX (2 * NOISE_DH + 2 * NOISE_TAG + HS_PAYLOAD_MAX)

/* Receiving keys of one handshake, which workers hold: one receiver index for each sending lane of the neighbour. */
struct rx_keys {
	uint8_t count;
	uint32_t index[HS_LANES_MAX];
};

/* Where a frame came from, and answers to it go. family 0: the MAC counts. */
struct hs_source {
	uint8_t family, mac[6], addr[16];
	uint16_t addr_port;
	/* Own address that was asked, and its interface: answers leave from it. Zero: the socket has no other. */
	uint8_t local_addr[16];
	uint32_t local_if;
};

/* Whether it names an own address. */
static inline bool hs_source_local(const struct hs_source *s)
{
	static const uint8_t none[16];

	return memcmp(s->local_addr, none, sizeof(none)) != 0;
}

/* The source of a frame from a worker. */
struct hs_source hs_source_of(const struct dp_packet *pk);

struct handshake {
	struct noise noise;
	uint64_t stamp;        /* of our own first message by IK, else 0 */
	uint32_t mine, theirs; /* handshake indices */
	struct instant born;
	struct hs_payload remote;
	struct rx_keys rx; /* granted in it, programmed once the keys exist */
	uint8_t tx_secret[32];
	uint8_t mac1
	        [COOKIE_MAC_BYTES]; /* of the first message: opens a cookie, shows that a refusal is meant */
	bool active;
	bool ik;
	bool keyed; /* the other side is authenticated, workers are learning the receiving keys */
	uint8_t refuse; /* enum link_refusal: why the last message was not taken, 0: it was, or cannot be read */
	bool warned; /* the log says that the other side has not the id configured: once for each handshake */
	/* This node's last message, sent when the workers have acknowledged the receiving keys. */
	uint8_t last[HS_NOISE_MAX];
	size_t last_len;
	struct hs_source to; /* answers: where the first message came from */
	struct node_id id;   /* remote, once known */
	struct ticket ticket;
	uint32_t epoch;            /* of this side's label space, as told in it */
	struct peer *peer;         /* whose link it will key; NULL: a stranger's at a listener */
	struct listener *listener; /* that it came to */
};

#define PEER_GRANTS 2 /* receiving keys that wait for the neighbour's first packet, per link */

/* The outcome of a handshake whose last message was ours: the workers open packets under its receiving keys, and everything else
 * about the link stays as it is until the neighbour uses them. So a link that works is changed neither by a lost or late message nor
 * by one that an attacker replays. */
struct peer_grant {
	struct rx_keys rx; /* rx.count is 0: this slot is free */
	uint8_t tx_secret[32];
	uint8_t x_key[32];
	struct node_id id;
	struct hs_payload remote;
	uint32_t epoch; /* of this side, as told in the handshake */
	struct instant born;
	struct hs_source to; /* where the neighbour was when it got them */
	bool xx;             /* it leaves this generation once its keys are used */
	uint8_t generation[NOISE_PSK];
	bool overtaken; /* a handshake of ours was completed later: packets under these keys are opened, but the keys are not adopted */
};

/* The id that keys mac1 where the addressee's is not known. */
extern const struct node_id hs_no_id;

/* Begins an empty handshake, of p's link or, p NULL, of hs->listener; one that this node answers has hs->to. rs: the responder's static for an initiator of IK, else NULL. 0 or -EINVAL. */
int hs_init(struct node *n, struct handshake *hs, struct peer *p, bool initiator, bool ik,
            const uint8_t *rs) COYO_NODISCARD;
/* Ends a handshake, takes receiving keys that workers learn for it back, and overwrites its secrets. hs keeps its peer and listener alone. */
void hs_drop(struct node *n, struct handshake *hs);
/* Writes the next Noise message with this node's payload, which grants `lanes` new receiver indices, into out. clear: the payload is not
 * encrypted and does not name this node. Returns bytes, 0: it cannot be written (-> hs_drop()). */
size_t hs_write_next(struct node *n, struct handshake *hs, bool clear, unsigned lanes,
                     uint8_t out[HS_NOISE_MAX]) COYO_NODISCARD;
/* Reads the next Noise message. named: its payload must be the neighbour's own, who is allowed on the link, with a receiver index for us. False:
 * counted, and the handshake but for `refuse` is as before, since anybody can send such a message and the true one may still come. */
bool hs_read_next(struct node *n, struct handshake *hs, const struct hs_envelope *env,
                  bool named) COYO_NODISCARD;
/* The link over which its messages go. */
const struct cp_link *hs_via(const struct handshake *hs);
/* What only a first message has: the addressee's id for its mac1, and the cookie (NULL: none) for its mac2. */
struct hs_first {
	const struct node_id *addressee;
	const uint8_t *cookie;
};
/* Sends a Noise message in its frame over hs_via(). to: NULL: to the link's remote. first: NULL but for first messages. */
void hs_send(struct node *n, struct handshake *hs, uint8_t type, const struct hs_source *to,
             const uint8_t *noise, size_t len, const struct hs_first *first);
/* Sends a complete frame over a link. to: NULL: to the link's remote. */
void hs_send_frame(struct node *n, const struct cp_link *via, const struct hs_source *to,
                   const uint8_t *frame, size_t len);
/* Both secrets exist: gives the workers the receiving keys and runs then(n, owner) when they have acknowledged. */
void hs_program_rx(struct node *n, struct handshake *hs, void (*then)(struct node *n, void *owner),
                   void *owner);
/* Whether our own handshake goes on and the neighbour's, which crossed it and names its id, is ignored: the lower id's wins. Ours by IK does
 * not hold up theirs by XX. */
bool hs_ours_wins(const struct node *n, const struct peer *p, const struct handshake *theirs);

/* handshake.c: begins our own handshake now (first contact, rekey); not with a stranger that a listener has met, once it is down. */
void peer_handshake_start(struct node *n, struct peer *p);
/* How long to wait for an answer to our first message, ns; longer with each try that had none, and never shorter than the round trip
 * makes it. Counts a try. */
int64_t peer_handshake_retry(struct node *n, struct peer *p);
/* How long an answer to a handshake message may take, ns, by the round trip as far as it is known (0: not at all), at most 5 s. */
int64_t peer_handshake_wait(const struct peer *p);
/* The second message, in answer to a first one of ours. */
void handshake_second_rx(struct node *n, struct peer *p, const struct link_header *h,
                         const struct hs_envelope *env);
/* A cookie, in answer to a first message of ours. */
void handshake_cookie_rx(struct node *n, struct peer *p, const struct dp_packet *pk,
                         const struct link_header *h);
/* A refusal of our newest first message, or of the third that followed it. */
void handshake_refused_rx(struct node *n, struct peer *p, const struct dp_packet *pk,
                          const struct link_header *h);

/* This node does not take a handshake: tells its sender, as often as the rate limit allows. receiver, mac1: index and mac1 of its first
 * message. Never longer than what it answers. */
void hs_refuse(struct node *n, const struct cp_link *via, const struct hs_source *to,
               uint32_t receiver, const uint8_t mac1[COOKIE_MAC_BYTES], enum link_refusal reason);

/* answer.c: a first message. Exactly one of p and l, the link or listener that it came by, is not NULL. */
void answer_first_rx(struct node *n, struct peer *p, struct listener *l, const struct dp_packet *pk,
                     const struct link_header *h, const struct hs_envelope *env);
/* A third message; p and l likewise. */
void answer_third_rx(struct node *n, struct peer *p, struct listener *l,
                     const struct link_header *h, const struct hs_envelope *env);
