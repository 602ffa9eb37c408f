/* SPDX-License-Identifier: BSD-3-Clause */
/* Kademlia over restricted topology: exchanges, lookups, record updates, fingers. */
#pragma once
#include "base/fair.h"
#include "core/ctx.h"
#include "crypto/cookie.h"
#include "table/contact.h"
#include "wire/kadmsg.h"
#include "wire/routed.h"

#define KAD_TICK_MIN    (400 * NS_PER_MS)
#define KAD_REFRESH_MIN (2 * NS_PER_S)
#define RPC_MAX         64
#define LOOKUPS_MAX     16
#define LOOKUP_WIDTH    20
#define STRANGERS       32 /* keys kept of nodes that are no contacts */
#define LOOKUP_ASKS \
	64 /* most questions of one lookup: answers that name ever more nodes cannot prolong it */

enum kad_timer {
	TIMER_KAD_TICK = TIMERS_OF(PART_KAD),
	TIMER_KAD_RPC,
	TIMER_KAD_UPDATE,
	TIMER_KAD_FINGERS,
};

enum cand_state { CAND_NEW = 0, CAND_ASKED, CAND_ANSWERED, CAND_FAILED };

struct candidate {
	struct contact_info info;
	uint8_t state; /* enum cand_state */
};

struct lookup {
	struct node_id target;
	uint8_t purpose; /* enum lookup_purpose */
	uint8_t active;
	uint32_t ref; /* of whoever started it: request cookie, session index */
	uint8_t in_flight;
	uint8_t slow; /* questions whose answer is late: others are asked meanwhile */
	uint8_t n;
	uint8_t asks;    /* questions sent so far */
	bool exact;      /* a usable record of the target itself was received: found */
	uint64_t beyond; /* the target's records up to this number are not usable; 0: all are */
	struct instant deadline;
	struct contact_info found;
	struct candidate *cand; /* LOOKUP_WIDTH, closest first */
};

struct rpc {
	struct timer timer;
	uint8_t nonce[KAD_NONCE_BYTES];
	uint8_t op;
	uint8_t lookup; /* lookup_number() of the lookup it belongs to, 0: none */
	bool active;
	bool slow;  /* the answer is late; it is still accepted until timeout_ns after sent */
	bool again; /* asked a second time, with the token that came instead of a whole answer */
	struct node_id to;
	struct instant sent;
	int64_t timeout_ns;
};

/* The key in common with a node that is no contact. */
struct stranger {
	bool known;
	struct node_id id;
	uint8_t pair[32];
};

struct trust {
	struct fair rate;      /* of computing keys and checking signatures */
	struct cookie_jar jar; /* tokens are its cookies */
	struct stranger stranger[STRANGERS];
	unsigned next; /* the entry to be overwritten next */
};

struct kad {
	struct rpc rpc[RPC_MAX];
	uint32_t rpcs; /* active entries of rpc[] */
	struct lookup lookup[LOOKUPS_MAX];
	struct timer tick_timer, update_timer, finger_timer;
	struct instant changed_at; /* this node's place last changed */
	uint8_t updates;           /* said since it last stayed for a while */
	int64_t tick_ns;
	/* When the oldest change of place that contacts were not told of happened. */
	struct instant update_first;
	uint32_t ticks;
	uint8_t waits;              /* ticks put off because this node's place keeps changing */
	struct instant news_at;     /* when kad_speed_up() last took effect */
	struct instant stranger_at; /* last question to a sampled node without room in the table */
	int64_t stranger_ns;        /* wait until the next; doubles until the network grows again */
	struct instant refresh_at;  /* last look into an empty bucket */
	int64_t refresh_ns;         /* wait until the next; doubles while they stay empty */
	uint16_t refresh_bucket;    /* next empty bucket to look into */
	uint32_t fingers_pending;   /* attempts under way; each ends by lsp_up or lsp_failed */
	struct instant snapshot_at;
	uint32_t snapshot_changes;
	struct trust trust;
};

/* Makes n->kad; housekeeping begins. After the tables. -ENOMEM. */
int kad_new(struct node *n);
/* Frees everything of this part; lookups and questions under way are not reported to anybody. */
void kad_free(struct node *n);
/* A timer of PART_KAD; its owner is the question, where there is one. */
void kad_timer(struct node *n, struct timer *t);
/* A neighbour is up: it becomes a contact, and an exchange with it begins at once. */
void kad_peer_up(struct node *n, struct peer *p);
/* A neighbour is down. It stays a contact, since other paths may still reach it; housekeeping soon asks it whether they do. */
void kad_peer_down(struct node *n, struct peer *p);
/* Says of each contact anew whether it is a neighbour. For one that is none any more, as kad_peer_down(). */
void kad_neighbours(struct node *n);
/* This node's own record changed: its siblings and the contacts with a finger get the new one after a short delay. */
void kad_coords_changed(struct node *n);
/* A neighbour's sample names node c. It enters the table, unverified. Where the table has no room for it, it is asked, now and then
 * while the network grows, for nodes near this one. */
void kad_hint(struct node *n, const struct contact_info *c);
/* A question of ours met a dead end. */
void kad_error(struct node *n, const struct error_msg *m);
/* Somebody's message met a dead end here; body as in kad_rx(). If it is a question, its asker is told: its own record in the
 * question says where it stands. code: enum routed_error. */
void kad_undelivered(struct node *n, const struct routed_header *h, uint8_t code, struct rd *body);
/* A datagram on its way to this id came to a dead end here: the contact must answer again before it is named to others or used. */
void kad_suspect(struct node *n, const struct node_id *id);
/* Housekeeping returns to its shortest interval. direct: this node saw the reason itself; reasons reported by others have an effect
 * once in ten seconds only. */
void kad_speed_up(struct node *n, bool direct);
/* The anchor says that the network grew or merged: questions to strangers and looks into empty buckets
 * return to their shortest intervals. */
void kad_grown(struct node *n);

/* An interval for this node, in ns, of at least `least`: the deeper the tree, the longer a question takes and the more hops it costs. */
int64_t kad_paced(const struct node *n, int64_t least);

/* ---- housekeeping (kad/upkeep.c) ---- */
/* TIMER_KAD_TICK: asks the contacts that are due, and sets the next tick. */
void upkeep_tick(struct node *n);

/* ---- datagrams (kad/send.c) ---- */
/* Begins message m about this node itself. nonce: the question's, NULL: there is none. m->c and m->have are left as they are. */
void kad_begin(struct node *n, struct kad_msg *m, uint8_t op, const uint8_t *nonce);
/* Sends m, with a MAC where key, in common with `to`, is not NULL, and as many of its contacts as fit. payload_max: the most bytes that may
 * follow the routed header; where that is what leaves contacts out, m says that there is more. False: there is no way to it from here, or
 * not even m without contacts fits. */
bool kad_say(struct node *n, struct kad_msg *m, const struct node_id *to,
             const struct place *places, unsigned nplaces, const uint8_t *key, size_t payload_max);

/* ---- questions (kad/rpc.c) ---- */
/* Asks: op is KAD_EXQ or KAD_FIND (then for target); lookup: number of the lookup from 1, 0: none. The
 * lookup is told of the answer or of its absence, and the contact's state is updated. -EBUSY: too many questions are open. */
int kad_ask(struct node *n, uint8_t op, const struct contact_info *to, const struct node_id *target,
            unsigned lookup);
/* An answer came: EXR, FOUND or RETRY, by way of the neighbour `from` and so many hops. Without the MAC of the node asked it changes
 * nothing. */
void kad_answer(struct node *n, struct peer *from, const struct node_id *src, unsigned hops,
                const struct kad_msg *m);
/* Learns the contacts that a message names, unverified. A record of this node that is newer than its own is from before a restart. */
void kad_take_list(struct node *n, const struct kad_msg *m);
/* TIMER_KAD_RPC: the answer is late, or is not waited for any more. */
void kad_rpc_timeout(struct node *n, struct rpc *r);
/* Sends c this node's new record. */
void kad_tell(struct node *n, struct contact *c);

/* ---- whose word counts (kad/trust.c) ---- */
void trust_init(struct trust *t, const struct rng *rng);
/* Nothing of the keys is left in memory. */
void trust_wipe(struct trust *t);
/* The key in common with the owner of the Ed25519 key ed, whose id is `id`; a new one is computed at the expense of the neighbour `from`,
 * that brought the message. NULL: the rate is used up, or the key is none. Valid until the next call of trust_key(), or until the contact
 * is dropped. */
const uint8_t *trust_key(struct node *n, struct peer *from, const struct node_id *id,
                         const uint8_t ed[32]);
/* The same where it has been computed before, else NULL. */
const uint8_t *trust_known(struct node *n, const struct node_id *id);
/* A stranger has become contact c: its key goes with it. */
void trust_keep(struct node *n, struct contact *c);
/* Takes one public-key operation at the expense of that neighbour. False: the rate is used up. */
bool trust_afford(struct node *n, struct peer *from);
/* Whether m, which `from` sent to this node, has the MAC under this key. */
bool trust_mac_holds(const struct node *n, const uint8_t *key, const struct node_id *from,
                     const struct kad_msg *m);
/* The token for an asker whose record is r. When it comes back, answers to that place arrive. */
void token_make(struct node *n, const struct node_id *asker, const struct record *r,
                uint8_t token[KAD_TOKEN_BYTES]);
/* The age of the token in m, in ns, when this node gave it to the sender at the place in m's record; -1: none, or none that counts any more. */
int64_t token_age(struct node *n, const struct node_id *asker, const struct kad_msg *m);

/* ---- what others are told (kad/tell.c) ---- */
/* Adds those of the contacts closest to `to` that are worth telling, until m names at_most. q: the question that m answers; NULL: m is a
 * question, and what was learnt since `told` is worth telling. */
void tell_closest(struct node *n, struct kad_msg *m, const struct node_id *to, unsigned at_most,
                  struct instant told, const struct kad_msg *q);
/* Adds what answers question q of `to`, the most useful first. */
void tell_answer(struct node *n, struct kad_msg *m, const struct node_id *to,
                 const struct kad_msg *q);
/* Fills the filter of what the other side need not name: all contacts in the table, and those dropped lately as dead. */
void tell_known(struct node *n, struct kad_msg *m);

/* ---- what others say (kad/hear.c) ---- */
/* A Kademlia message delivered here by the neighbour `from`. h: its header, with the hop limit that an onward packet would have; r: what
 * follows the route extension. */
void kad_rx(struct node *n, struct peer *from, const struct routed_header *h, struct rd *r);

/* ---- lookups (kad/lookup.c) ---- */
/* Whether one for this purpose and target is under way. */
bool lookup_runs(const struct node *n, enum lookup_purpose purpose, const struct node_id *target);
/* Iterative FIND from the closest contacts (and `at`, when not NULL). beyond: a record of the target with this number or a lower one
 * is no result, because the place in it proved wrong (0: any record is). Returns 0, or -EBUSY; the end is told by news.lookup_done(). */
int lookup_start(struct node *n, enum lookup_purpose purpose, uint32_t ref,
                 const struct node_id *target, const struct contact_info *at, uint64_t beyond);
/* Node `from`, asked for l, has answered with m. slow: lookup_slow() was called for this question. May end the lookup. */
void lookup_answer(struct node *n, struct lookup *l, const struct node_id *from, bool slow,
                   const struct kad_msg *m);
/* What l knows of one of its candidates goes to *out. False: it is none. */
bool lookup_candidate(const struct lookup *l, const struct node_id *id, struct contact_info *out);
/* Node `from` has answered l with m, which leaves out some of what it knows. Whether l needs the rest: it does not where m has found the
 * target, or where nodes nearer to it than `from` remain to be asked. lookup_answer() is to follow, for m or for the rest. */
bool lookup_part(struct node *n, struct lookup *l, const struct node_id *from,
                 const struct kad_msg *m);
/* Node `who`, asked for l, did not answer in time or cannot be reached. slow: as above. May end the lookup. */
void lookup_failed(struct node *n, struct lookup *l, const struct node_id *who, bool slow);
/* An answer for l is late: another node is asked meanwhile. */
void lookup_slow(struct node *n, struct lookup *l);

/* ---- fingers (kad/finger.c) ---- */
/* Has a finger built for each bucket that has none, to its nearest contact. */
void fingers_fix(struct node *n);
/* A finger stands, built here or by the far end: the contact may be reached along it. One built here that no contact has a use for is
 * given up at once (news.finger_drop()). */
void kad_finger_up(struct node *n, struct lsp *l, const struct node_id *far);
/* Finger l to `far` is gone: the contact forgets it, and a new one is built after a second. */
void kad_finger_gone(struct node *n, struct lsp *l, const struct node_id *far);
/* The set-up of a finger to `far` failed: it is tried again later. */
void kad_finger_failed(struct node *n, const struct node_id *far);

/* ---- over a restart (kad/snapshot.c) ---- */
/* Writes the verified contacts and this node's record number. Returns bytes, or -ENOSPC. */
long kad_snapshot(const struct node *n, void *buf, size_t cap);
/* Reads what kad_snapshot() wrote. Its contacts count as unverified until they have answered. Anything else is ignored. */
void kad_restore(struct node *n, const void *buf, size_t len);
