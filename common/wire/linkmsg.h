/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages that never leave one link: liveness, the anchor's announcements, tear-down and grants. */
#pragma once
#include "wire/record.h"

/* {u8 type, u8 flags, be16 length of the body}; may follow each other in one packet (stack [13], ACH_LINKLOCAL). */
enum linkmsg_type {
	LINKMSG_HELLO = 1,
	LINKMSG_ANN = 2,
	LINKMSG_SEQ = 3,
	LINKMSG_SAMPLE = 4,
	LINKMSG_TEAR = 5,
	LINKMSG_TEAR_ACK = 6,
	LINKMSG_GRANT = 7,
	LINKMSG_ERROR = 8,
	LINKMSG_PROBE = 9,
	LINKMSG_MTU = 10,
	LINKMSG_CHALLENGE = 11,
	LINKMSG_MOVE = 12,
	LINKMSG_SEEN = 13,
};

struct linkmsg_head {
	uint8_t type;
	uint8_t flags;
	uint16_t length;
};

/* Reads the head of the next message. *body reads that message's body and no further; r goes on behind it. False: nothing is left, or the
 * message is cut short. */
bool linkmsg_next(struct rd *r, struct linkmsg_head *h, struct rd *body) COYO_NODISCARD;

/* HELLO {be64 sent, be64 echo, be32 held, u8 flags, u8 0, be16 mtu, be32 epoch, id 64}: sent = the sender's clock in us, echo = the last `sent` heard from
 * the other side, held = us between hearing and echoing. Plain links: the id tells who is there. */
#define HELLO_FLAG_REPLY_WANTED 1
#define HELLO_FLAG_NARROW \
	2 /* the link does not carry what every link must: the sender takes it down */
#define HELLO_FLAG_LEAVING 4 /* one side is about to remove the link: no new tunnels */
#define HELLO_FLAG_GONE \
	8 /* the sender removes the link now: its node stops, or it has no place for it any more */
struct linkmsg_hello {
	uint64_t sent_us, echo_us;
	uint32_t held_us;
	uint8_t flags;
	struct node_id id;
	/* Plain links: the label space; a new one means that the neighbour started anew. */
	uint32_t epoch;
	uint16_t mtu;
};

/* ANN {be64 seq, u8 ntrees, u8 flags, be16 subtree height, per tree: root id 64, be16 your port here, coords}. */
struct ann_tree {
	struct node_id root; /* a name only: what proves that root is its SEQ */
	uint16_t port;       /* the receiver's place below the sender */
	bool is_parent;      /* the receiver is the sender's parent in this tree (flags bit t) */
	struct coords coords;
};

struct linkmsg_ann {
	uint64_t seq; /* per sender, rises with every ANN: an older one is dropped */
	uint8_t ntrees;
	uint16_t height;
	struct ann_tree tree[RECORD_TREES_MAX];
};

/* SEQ {u8 tree, 3 zero, be64 seq, root's key 32, signature 64 over (tree, seq) under SEQ_CONTEXT}: proof that the root is alive. */
#define SEQ_CONTEXT "IPvCoyo root 1"
struct linkmsg_seq {
	uint8_t tree;
	uint64_t seq;
	uint8_t key[32];
	uint8_t sig[64];
};

/* SAMPLE {be32 subtree size, u8 count, 3 zero, count x contact info}. */
#define SAMPLE_MAX 4
struct linkmsg_sample {
	uint32_t size;
	uint8_t count;
	struct contact_info c[SAMPLE_MAX];
};

/* TEAR / TEAR_ACK {be64 nonce, be32 label granted by the receiver, be32 label granted by the sender (all-ones: none), be32 reason}. */
struct linkmsg_tear {
	uint64_t nonce;
	uint32_t yours, mine;
	uint32_t reason; /* enum tear_reason */
};
enum tear_reason {
	TEAR_LINK_DOWN = 1,
	TEAR_IDLE = 2,
	TEAR_REPLACED = 3,
	TEAR_ADMIN = 4,
	TEAR_NO_STATE = 5,
	TEAR_NO_ROOM =
	        6, /* it was beyond the share of its neighbour or source, and others needed the room */
};

/* GRANT {u8 step, 3 zero, be64 nonce, source 64, be32 label}: short-cut of a pending set-up. step 0 asks the neighbour that took part
 * earlier for a label of the reverse direction, 1 grants it, 2 refuses. */
struct linkmsg_grant {
	uint8_t step;
	uint64_t nonce;
	struct node_id source;
	uint32_t label;
};

/* ERROR {u8 code, 3 zero, be64 nonce, source 64, be32 tag, be32 tag}: a set-up failed further on; the tags name both ends of
 * the hop that failed. */
enum setup_error {
	SETUP_DEAD_END = 1,
	SETUP_TOO_FAR = 2,
	SETUP_NO_LABEL = 3,
	SETUP_REFUSED = 4,
	SETUP_BUSY = 5,
	SETUP_NO_TRANSIT = 6,
	SETUP_USE_XX =
	        7, /* the destination holds no keys with the source: IK and repairs are of no use */
	SETUP_PUZZLE = 8 /* to be solved first: the tags hold {u8 bits, nonce 7} */
};
struct linkmsg_error {
	uint8_t code;
	uint64_t nonce;
	struct node_id source;
	uint32_t tag_from, tag_to;
};

/* PROBE {be32 id, be16 size, u8 answer, u8 0, zeros}: a packet of `size` bytes, label stack included, of which the message fills what is
 * left. It is answered by one of the same id and size (answer 1): that shows that the link carries this size both ways. */
#define LINKMSG_PROBE_LEAST \
	20 /* such a packet without zeros: stack [13], channel header, head, body */
struct linkmsg_probe {
	uint32_t id;
	uint16_t size;
	bool answer;
};

/* MTU {be64 nonce, be32 label granted by the receiver, be32 label granted by the sender (all-ones: none), be16 mtu, be16 0}: from here on
 * the tunnel carries packets of at most so many bytes. It is passed on to the tunnel's end. */
struct linkmsg_mtu {
	uint64_t nonce;
	uint32_t yours, mine;
	uint16_t mtu;
};

/* CHALLENGE {u8 answer, 3 zero, be64 nonce}: is this neighbour at the address that this goes to? Answered with the same nonce. */
struct linkmsg_challenge {
	uint64_t nonce;
	bool answer;
};

/* MOVE {be64 nonce, be32 label granted by the receiver, be32 label granted by the sender (all-ones: none), be32 tag, be32 tag}: the link
 * between the nodes with these tags, on the tunnel's way, is about to be removed. It is passed on to the tunnel's end. */
struct linkmsg_move {
	uint64_t nonce;
	uint32_t yours, mine;
	uint32_t tag_from, tag_to;
};

/* SEEN {u8 answer, u8 0, be16 unknown, be32 receiver index, be64 first}: which of LINKMSG_SEEN_COUNTERS frames from the counter `first` on, of the lane
 * with this index, have come? The answer repeats it, behind which stands a bit for each: bit i % 8 of byte i / 8 for first + i. The first
 * `unknown` bits say nothing: the reader's window has passed them. */
#define LINKMSG_SEEN_COUNTERS 256
struct linkmsg_seen {
	bool answer;
	uint16_t unknown; /* in a question it means nothing */
	uint32_t index;
	uint64_t first;
	uint8_t bits[LINKMSG_SEEN_COUNTERS / 8]; /* answers */
};

/* Each writes head and body; each reader takes a body's reader and checks that nothing is left over. */
void linkmsg_hello_write(struct wr *w, const struct linkmsg_hello *m);
bool linkmsg_hello_read(struct rd *r, struct linkmsg_hello *m) COYO_NODISCARD;
void linkmsg_ann_write(struct wr *w, const struct linkmsg_ann *m);
bool linkmsg_ann_read(struct rd *r, struct linkmsg_ann *m) COYO_NODISCARD;
void linkmsg_seq_write(struct wr *w, const struct linkmsg_seq *m);
bool linkmsg_seq_read(struct rd *r, struct linkmsg_seq *m) COYO_NODISCARD;
/* The bytes a SEQ's signature covers. */
void linkmsg_seq_signed(const struct linkmsg_seq *m, uint8_t out[9]);
void linkmsg_sample_write(struct wr *w, const struct linkmsg_sample *m);
bool linkmsg_sample_read(struct rd *r, struct linkmsg_sample *m) COYO_NODISCARD;
void linkmsg_tear_write(struct wr *w, uint8_t type, const struct linkmsg_tear *m);
bool linkmsg_tear_read(struct rd *r, struct linkmsg_tear *m) COYO_NODISCARD;
void linkmsg_grant_write(struct wr *w, const struct linkmsg_grant *m);
bool linkmsg_grant_read(struct rd *r, struct linkmsg_grant *m) COYO_NODISCARD;
void linkmsg_error_write(struct wr *w, const struct linkmsg_error *m);
bool linkmsg_error_read(struct rd *r, struct linkmsg_error *m) COYO_NODISCARD;
/* m->size >= LINKMSG_PROBE_LEAST. */
void linkmsg_probe_write(struct wr *w, const struct linkmsg_probe *m);
/* False: not of the size that it names, or that is below LINKMSG_PROBE_LEAST. */
bool linkmsg_probe_read(struct rd *r, struct linkmsg_probe *m) COYO_NODISCARD;
/* Head and body, for the neighbour on one side of the tunnel. */
void linkmsg_mtu_write(struct wr *w, const struct linkmsg_mtu *m);
/* Takes any mtu: what makes sense is the tunnel's business. False: too short, or something is left over. */
bool linkmsg_mtu_read(struct rd *r, struct linkmsg_mtu *m) COYO_NODISCARD;
/* Head and body; the answer bears the nonce of the question. */
void linkmsg_challenge_write(struct wr *w, const struct linkmsg_challenge *m);
/* False: neither a question nor an answer, too short, or something is left over. */
bool linkmsg_challenge_read(struct rd *r, struct linkmsg_challenge *m) COYO_NODISCARD;
/* Head and body, for the neighbour on one side of the tunnel. */
void linkmsg_move_write(struct wr *w, const struct linkmsg_move *m);
/* False: too short, or something is left over. */
bool linkmsg_move_read(struct rd *r, struct linkmsg_move *m) COYO_NODISCARD;
/* Head and body: a question, or an answer with its bits. */
void linkmsg_seen_write(struct wr *w, const struct linkmsg_seen *m);
/* False: neither a question nor an answer, of another length than it has, or more bits unknown than there are. A question's bits are left as they are. */
bool linkmsg_seen_read(struct rd *r, struct linkmsg_seen *m) COYO_NODISCARD;
