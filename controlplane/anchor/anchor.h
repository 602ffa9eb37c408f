/* SPDX-License-Identifier: BSD-3-Clause */
/* The anchor under the lookups: spanning trees whose coordinates lead control messages where greedy routing by id would be stuck.
 *
 * Roots: the node with the lowest hash of (tree, id). Each node announces root and coords to its neighbours (ANN), the root shows that it
 * is alive by numbers that it signs (SEQ), samples of the whole tree are passed along it (SAMPLE). No data packet ever uses a tree. */
#pragma once
#include "anchor/former.h"
#include "anchor/roots.h"
#include "core/ctx.h"
#include "peer/peer.h"
#include "wire/record.h"

/* Hops that a control packet or a tunnel can go. A node that is farther away along the trees may be nearer all the same, as on the two sides
 * of a ring; twice as far along every tree it counts as out of reach. */
#define ANCHOR_REACH 255
#define OUT_OF_REACH (2 * ANCHOR_REACH)

enum anchor_timer {
	TIMER_ANCHOR_ANN = TIMERS_OF(PART_ANCHOR),
	TIMER_ANCHOR_SEQ,
	TIMER_ANCHOR_HOLD,
	TIMER_ANCHOR_SAMPLE,
	TIMER_ANCHOR_OWN, /* a newer record of its own was met a while ago, and is outbid now */
};

struct tree {
	struct node_id root;
	uint64_t root_hash;
	struct instant root_at;     /* since when this root */
	struct instant followed_at; /* a root: when it last had a child, or became one */
	struct instant switched;    /* last change of parent by choice */
	struct peer *parent;        /* NULL: this node is the root */
	/* The neighbour that is offered port 1, so that the places along a chain of nodes are the same port again and again; NULL: none. */
	struct peer *first_child;
	struct coords coords;
	struct instant placed_at; /* when it was last changed */
	struct former former;
	struct node_id old_root; /* before the last detach */
	uint64_t old_hash;
	unsigned old_len;
	/* Until then this node, which lost its parent, joins only a better root or a feasible parent. */
	struct instant hold;
	bool has_old;
	bool despite_held; /* under a root that was held off already: the others followed it all the same */
	/* Those heard of by their own word; the present one is never forgotten. */
	struct roots roots;
	struct linkmsg_seq own; /* this node's own last sequence message; its number 0: none yet */
	struct instant own_at;  /* when it was signed */
};

struct anchor {
	uint8_t trees; /* of tree[]: in use */
	struct tree tree[RECORD_TREES_MAX];
	uint64_t self_hash[RECORD_TREES_MAX];
	uint64_t ann_seq;
	uint64_t record_seq;
	struct instant record_at; /* when it last changed */
	/* Newer records of our own that were met: how many in a row, the last one, and when another is outbid at the earliest. */
	uint32_t own_met;
	struct instant own_met_at, own_next;
	int64_t own_wait_ns;
	struct record record; /* this node's own, signed */
	struct fair seqs;     /* signatures of sequence messages that are verified, a second */
	struct timer ann_timer, seq_timer, hold_timer, sample_timer, own_timer;
	int64_t sample_ns;
	uint32_t size,
	        size_max; /* nodes in the tree as the samples say; the most in the last two minutes */
	uint32_t size_told;      /* as in the last samples sent */
	struct instant size_at;  /* when size_max was last reached or forgotten */
	struct instant grown_at; /* the network last grew or merged */
	/* Somebody last named a node more than ANCHOR_REACH hops away; 0: never. */
	struct instant beyond_at;
};

/* Makes n->anchor: this node is the root of every tree. -ENOMEM. */
int anchor_new(struct node *n);
/* Frees n->anchor; every part that asks for distances is freed before. */
void anchor_free(struct node *n);
/* A neighbour is up: sends it an announcement. */
void anchor_peer_up(struct node *n, struct peer *p);
/* A neighbour is down: where it was this node's parent, another one is chosen. */
void anchor_peer_down(struct node *n, struct peer *p);
/* A neighbour's announcement of its place in each tree: a better parent may follow from it. */
void anchor_ann_rx(struct node *n, struct peer *p, const struct linkmsg_ann *m);
/* A root's sequence message, from any neighbour: stored if it is newer and carries the root's signature, and passed on if it is this node's
 * root; an older one is answered with the newer (anchor/sequence.c). */
void anchor_seq_rx(struct node *n, struct peer *p, const struct linkmsg_seq *m);
/* Nodes drawn from the tree behind a tree neighbour: each is reported by news.sample(), growth by news.grown(). */
void anchor_sample_rx(struct node *n, struct peer *p, const struct linkmsg_sample *m);
/* A timer of PART_ANCHOR. */
void anchor_timer(struct node *n, struct timer *t);
/* Chooses the parent in every tree anew (anchor/select.c). True: this node's place in a tree changed; *lost: in one of them because
 * its parent was lost and no other could take its place. */
bool anchor_select(struct node *n, bool *lost);
/* Chooses anew, and announces a changed place: at once if a parent was lost, since all nodes below are cut off too. */
void anchor_reselect(struct node *n);
/* Whether p is below this node in tree t. */
bool anchor_is_child(const struct peer *p, unsigned t);
/* The newest sequence message of this node's root in tree t. At the root itself: one not older than SEQ_EVERY, signed now if need be. */
const struct linkmsg_seq *anchor_seq(struct node *n, unsigned t);
/* Whether the neighbour has to be given it with an announcement, as it may not know this root. */
bool anchor_seq_wanted(const struct node *n, const struct peer *p, unsigned t);
/* A neighbour announced its place: where it is a root again that this node lost, that is noted. */
void anchor_root_told(struct node *n, struct peer *p, unsigned t);
/* Asks the neighbours that announce this root whether they have a newer message of it, by sending the one that this node has: an older one
 * is answered at once with the newer. */
void anchor_seq_ask(struct node *n, unsigned t, const struct node_id *root);
/* Every SEQ_EVERY: signs and sends this node's own where it is a root, notices a root that fell silent. */
void anchor_seq_tick(struct node *n);
/* The root of that id, if announcements of it are believed: its newest message is not too old for so many hops, and it has not fallen silent.
 * Else NULL. It may be held off. */
const struct root *anchor_root_good(struct node *n, unsigned t, const struct node_id *root,
                                    unsigned hops);
/* This node is about to be without parent: notes what its root did. */
void anchor_root_left(struct node *n, unsigned t);
#define SEQ_EVERY (5 * NS_PER_S)
/* Rank of a root in a tree: lower wins. */
uint64_t anchor_hash(unsigned tree, const struct node_id *id);

/* Number of trees in which both have a place under the same root; *tree, *distance: of the one with fewest hops. 0: not comparable, and
 * neither is set. */
unsigned anchor_distance(const struct anchor *a, const struct place *place, unsigned nplaces,
                         unsigned *tree, unsigned *distance);
/* Whether places (as in a record) are known to be farther away than OUT_OF_REACH along every tree that can be compared. */
bool anchor_out_of_reach(const struct anchor *a, const struct place *place, unsigned nplaces);
/* The same, when others name a node with these places; remembers it if they are farther away than ANCHOR_REACH. */
bool anchor_hears_of(struct node *n, const struct place *place, unsigned nplaces);
/* Whether the network reaches farther than ANCHOR_REACH from here, as others said in the last two minutes. */
bool anchor_network_beyond(const struct node *n);
/* Hops from here to the root of tree 0, at most ANCHOR_REACH: how long answers may take grows with them. */
unsigned anchor_depth(const struct anchor *a);
/* The up neighbour nearest to coords in a tree with root tag `root`, strictly nearer than `limit` hops; NULL: none. usable (NULL: all)
 * says which may be asked, given arg. *distance: hops from there, `limit` where there is none. */
struct peer *anchor_hop(const struct peers *peers, unsigned tree, uint64_t root,
                        const struct coords *to, unsigned limit,
                        bool (*usable)(const struct peer *p, const void *arg), const void *arg,
                        unsigned *distance);
/* The up neighbour below this node in a tree with the most below it (as its samples say); NULL: none. usable: as above. */
struct peer *anchor_down(const struct peers *peers, unsigned tree,
                         bool (*usable)(const struct peer *p, const void *arg), const void *arg);
/* This node's distance to coords, or UINT_MAX when its tree has another root. */
unsigned anchor_own_distance(const struct anchor *a, unsigned tree, uint64_t root,
                             const struct coords *to);
/* A node that meets a newer record of its own takes that number + 1: at once as after a restart, but where it does not end another machine has
 * the same key, or somebody lies, and it does so once a minute, later once in ten. */
void anchor_own_record_seen(struct node *n, uint64_t seq);

/* Somebody has said something newer in this node's own name, which counts so many times. True: these are the first, as after a restart, or the last word
 * of this node's own is old enough: it may have another now. False: it will have it later. */
bool anchor_own_met(struct node *n, uint32_t times);
/* Others name this node with that record. As anchor_own_record_seen(), also where it has the number of our own and another place. */
void anchor_own_heard(struct node *n, const struct contact_info *c);

/* How records and routed datagrams name a root. */
static inline uint64_t root_tag(const struct node_id *id)
{
	return be64_load(id->b);
}
