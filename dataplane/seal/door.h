/* SPDX-License-Identifier: BSD-3-Clause */
/* The door of one worker: which handshake frames may cost the control plane anything. Pure: no clock, no memory of its own, no lock.
 *
 * mac1 is keyed by an id, which is public: it keeps noise out and nobody hostile. So a link that gets more first messages than it can take
 * is under load, until it has had fewer for a second; then only those pass whose mac2 proves that their sender receives what is sent to
 * its address. The others get a cookie, with which the next one has a mac2. What has proven its address shares the link by source prefix:
 * the more prefixes there are that want much, the further apart the messages of each must be, while the first one of a prefix that has
 * been quiet passes at once. */
#pragma once
#include "base/bucket.h"
#include "crypto/cookie.h"
#include "crypto/hsindex.h"
#include "wire/link.h"

/* First messages/s of one link that pass without a cookie, and at once. */
#define DOOR_UNPROVEN       100
#define DOOR_UNPROVEN_BURST 200
/* Those/s with a mac2 that pass, and answers/s to what this node has sent: all sources together, and at once. */
#define DOOR_PROVEN       500
#define DOOR_PROVEN_BURST 125
#define DOOR_ANSWERS      500
/* Cookies/s that one worker makes, whoever asks. */
#define DOOR_COOKIES 20000
/* Places that source prefixes are hashed to, in so many rows: a flood holds a prefix back only where it has its places in all of them. At
 * most 2^16, a power of two. */
#define DOOR_PLACES 8192
#define DOOR_ROWS   4

/* Who sent a frame, and by which link. family 0: the MAC counts. */
struct door_source {
	uint16_t link, port;
	uint8_t family;
	uint8_t mac[6];
	uint8_t addr[16]; /* zeros behind an address of IPv4 */
};

/* What the door knows of one link. */
struct door_link {
	struct bucket unproven, proven, answers;
	struct instant load_until; /* under load until then */
	/* Between two messages of one prefix, ns; doubled while those that keep to it are too many together, halved when they were not. */
	int64_t spacing;
	struct instant spaced_at; /* when it last changed */
};

struct door {
	struct cookie_jar jar;
	struct hsindex index;
	struct cookie_keys keys[2]; /* of this node's id, of nobody's */
	uint8_t nonce[COOKIE_NONCE_BYTES];
	uint8_t hash_key[16];
	struct bucket cookies;
	struct instant quiet
	        [DOOR_ROWS]
	        [DOOR_PLACES]; /* from when on the next message of a prefix keeps its distance */
};

enum door_verdict {
	DOOR_PASS = 0,
	DOOR_SHORT, /* a first message shorter than every first message is */
	DOOR_INDEX, /* an answer to what this node never sent, or a third message from elsewhere than the first */
	DOOR_MAC1,      /* its mac1 is wrong: not for this node */
	DOOR_COOKIE,    /* no mac2 under load: the answer is a cookie */
	DOOR_MAC2,      /* a wrong or old mac2 under load: the answer is a cookie */
	DOOR_NO_COOKIE, /* likewise, but too many cookies are asked for */
	DOOR_SHARE,     /* the prefix has had its share */
	DOOR_FULL,      /* the link takes no more */
};

/* The door of worker number `worker`. key: as given to the control plane and all other workers. */
void door_init(struct door *d, const uint8_t key[32], const struct node_id *me, unsigned worker);
/* A link of which nothing has been heard. */
void door_link_init(struct door_link *l);

/* Judges a frame that is not data; h is its header, of f. Only type 1 is ever asked for a mac2. Third messages, and answers to this node's own,
 * must name an index that it may have given their sender, and are limited then: third ones by prefix, answers by the handshake they name. */
enum door_verdict door_judge(struct door *d, struct door_link *l, struct instant now,
                             const struct door_source *from, const uint8_t *f,
                             const struct link_header *h);

#define DOOR_ANSWER_BYTES (LINK_HEADER_BYTES + COOKIE_REPLY_BYTES)
/* The frame that answers a first message judged DOOR_COOKIE or DOOR_MAC2: shorter than it. out may be f. */
void door_answer(struct door *d, struct instant now, const struct door_source *from,
                 const uint8_t *f, const struct link_header *h, uint8_t out[DOOR_ANSWER_BYTES]);
