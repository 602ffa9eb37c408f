/* SPDX-License-Identifier: BSD-3-Clause */
/* The segment that one application and the workers share: a lane of messages for each worker, and slots, each of them the words and the two
 * rings of one stream. The gateway makes it (a memfd, sealed against shrinking and growing) and takes no part afterwards.
 *
 * What lies where follows from four numbers that the daemon's answer to `attach` gives (struct appseg_layout); no offset or length is ever
 * read from the segment itself. Neither side believes what it reads there: each keeps its own indices (struct bytering) elsewhere. */
#pragma once
#include "ipc/appdgram.h"
#include "ipc/appinfo.h"
#include "ipc/appseg.h"
#include "wire/id.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define APPLANE_VERSION     3
#define APPLANE_PAGE        4096u
#define APPLANE_MSGS        256u /* slots of each message ring */
#define APPLANE_SLOTS_MAX   65536u
#define APPLANE_WORKERS_MAX 32u

enum applane_type {
	/* application -> worker */
	APPLANE_CONNECT =
	        1, /* slot, id, port, option (0 or APPLANE_DIRECT): opens a stream in a free slot; to worker cp_session_worker() of the id */
	/* token, slot, option: the next connection of that listener goes into this free slot. option is the listener's own slot, whose
	 * in_waits is taken when an ACCEPTED or the LISTENER_GONE is in the lane. CLOSE takes a slot back that waits.
	 * Of a port for datagrams token names the port, and the slot is the one whose rings this worker's datagrams of it go through, in records of
	 * ipc/appdgram.h, until CLOSE or the port's end: what lies in the out ring then is still sent. */
	APPLANE_ACCEPT_INTO,
	/* slot: look at its rings and flags (appseg_stream.worker_kicked was taken). Bytes that are written behind others need none: a worker that has left
	 * some in the out ring comes back by itself, and one that has taken all looks again behind a fence. */
	APPLANE_KICK,
	APPLANE_CLOSE, /* slot, abort: the last message about it until APPSEG_FREE is told; after what was written FIN, or RST */
	APPLANE_OPTION, /* slot, option, value: a setting of TCP (rows in dataplane/session), or APPLANE_OPT_IN_MOST */
	/* slot, id, port: the slot of a port for datagrams hears only that one from now on; port 0: everybody again */
	APPLANE_PEER,
	/* slot: the worker fills in the slot's info and answers as it answers OPTION, with an option_err that is 0 */
	APPLANE_INFO = 16,
	/* worker -> application */
	APPLANE_ACCEPTED =
	        64, /* token, slot, id, port: a connection has come into a slot that was given; the peer's id and port */
	APPLANE_READY, /* slot: APPWAIT_EVENT was asked for, and something has changed */
	APPLANE_LISTENER_GONE, /* token: the listener has ended; slots given to it are free again (each is told so) */
};

/* 128 bytes, so that a message never wraps in its ring. Fields that a type does not name are 0. */
struct applane_msg {
	uint8_t type; /* enum applane_type */
	uint8_t abort;
	uint16_t port;
	uint32_t slot;
	uint32_t token; /* a listener, as the daemon's answer to `listen` named it */
	uint32_t option;
	int64_t value;
	uint32_t seq; /* the application's, given back in APPSEG words that answer OPTION */
	uint8_t pad0[4];
	struct node_id id;
	uint8_t pad[32];
};
_Static_assert(sizeof(struct applane_msg) == 128, "a power of two");

/* APPLANE_CONNECT: only over the link to that id, a neighbour. EHOSTUNREACH where there is none, at once or when the stream's path leads over others. */
#define APPLANE_DIRECT 1u

/* APPLANE_OPTION of a port for datagrams: so many bytes may wait in its slot's in ring, those of the records' headers among them, before what
 * comes is dropped. */
#define APPLANE_OPT_IN_MOST 1000u

/* One worker's lane. Begins a page; the two arrays of messages follow it. */
struct applane {
	struct bytering_shared to_worker; /* APPLANE_MSGS messages; the application produces */
	struct bytering_shared to_app;    /* APPLANE_MSGS messages; the worker produces */
	/* The worker sleeps and is woken by the eventfd that belongs to this application and it: the worker sets 1, either side takes it
	 * back by exchange, and who takes a 1 that it did not set writes the eventfd. */
	_Atomic uint32_t worker_asleep COYO_ALIGNED(COYO_CACHELINE);
	/* The application found no room for a KICK: it sets 1, and the kicked word of the slot stays 1. The worker takes it back, after it
	 * has taken messages, and looks at every slot of the application that is kicked. */
	_Atomic uint32_t kicks_missed;
	/* The application sleeps on its own descriptor (poll, epoll): likewise the other way. What the worker writes there are 8 bytes for
	 * each 1 that it takes; it is a socket's end, so that the application cannot make the worker wait. */
	_Atomic uint32_t app_asleep COYO_ALIGNED(COYO_CACHELINE);
	/* The worker found no room for the READY of a slot that it has made free: it sets 1. The application takes it back after it has taken
	 * messages, and looks at every socket. */
	_Atomic uint32_t frees_missed;
};

/* Told in appseg_stream.told beside STREAM_EOF and STREAM_ERROR. */
#define APPSEG_UP \
	4u /* connected: local_port (and of an accepted one peer, peer_port) are there; or without it STREAM_ERROR with err */
#define APPSEG_FREE \
	8u /* the last word: the worker will not touch the slot again, the application may use it anew */

/* Of a port for datagrams: err holds what became of one that was sent to the peer of APPLANE_PEER. The application takes the bit back. */
#define APPSEG_DATAGRAM_ERROR 16u
/* Of its slot: the worker has it, and what comes from now on goes into its ring. */
#define APPSEG_BOUND 32u

/* How the application waits: bits of in_waits and out_waits. It sets one, looks again, and then waits; the worker takes all by exchange
 * after it has changed something, and does what each asks for. Where neither is set nobody is woken. The other bits are the application's: who finds
 * at that look that there is no need to wait takes back what it has set, and no other thread's (libcoyo/wait.h). */
#define APPWAIT_SLEEPS 1u /* FUTEX_WAKE (shared, all) on the word itself */
#define APPWAIT_EVENT \
	2u /* an APPLANE_READY for the slot (APPSEG_FREE: where the lane has room), and the application's eventfd if app_asleep was set */

/* The words of one slot. Whoever hands a slot over (CONNECT, ACCEPT_INTO) has set all words to 0 before; the worker then begins
 * its own view at 0. A listener is a slot too, of which only in_waits is used: it is taken when an ACCEPTED has been put into a lane. */
struct appseg_slot {
	struct appseg_stream stream;
	_Atomic uint32_t in_waits; /* for bytes, an end, APPSEG_UP, APPSEG_FREE */
	_Atomic uint32_t
	        out_waits; /* for room; set together with stream.out_full. Taken when half of the ring is free, and at an end */
	/* Written by the worker before it tells APPSEG_UP. */
	uint16_t local_port, peer_port;
	struct node_id peer;
	/* The answer to OPTION or INFO number option_seq (the worker writes it last): 0 or a positive errno. */
	int32_t option_err;
	_Atomic uint32_t option_seq;
	struct appinfo info;
};

/* A slot: its words, then the first bytes of its out ring and of its in ring. */
#define APPSEG_WORDS_BYTES 1024u
#define APPSEG_SLOT_BYTES  (APPSEG_WORDS_BYTES + 2 * BYTERING_FIRST)
_Static_assert(sizeof(struct appseg_slot) <= APPSEG_WORDS_BYTES &&
                       APPSEG_SLOT_BYTES % COYO_CACHELINE == 0,
               "an array of slots");
_Static_assert(APPDGRAM_PATHS * sizeof(struct appdgram_path) <= 2 * BYTERING_FIRST,
               "in place of the first bytes");
/* Behind the words of a port for datagrams, whose rings are fixed and have no first bytes there: how long one may be. Likewise set to 0 before the
 * slot is handed over. */
static inline struct appdgram_path *appseg_paths(struct appseg_slot *words)
{
	return (struct appdgram_path *)((uint8_t *)words + APPSEG_WORDS_BYTES);
}

/* The numbers of a segment. slots and ring_bytes as the daemon granted them; ring_bytes is a power of two >= APPLANE_PAGE. */
struct appseg_layout {
	uint32_t workers, slots, ring_bytes;
};

/* Bytes of a lane with its two arrays, in whole pages. */
#define APPLANE_BYTES                                                                             \
	((sizeof(struct applane) + 2 * APPLANE_MSGS * sizeof(struct applane_msg) + APPLANE_PAGE - \
	  1) /                                                                                    \
	 APPLANE_PAGE * APPLANE_PAGE)

/* True: every number is within its bounds. Whoever gets them from the other side asks first. */
static inline bool appseg_layout_ok(const struct appseg_layout *l)
{
	return l->workers >= 1 && l->workers <= APPLANE_WORKERS_MAX && l->slots >= 1 &&
	       l->slots <= APPLANE_SLOTS_MAX && l->ring_bytes >= APPLANE_PAGE &&
	       l->ring_bytes <= 1u << 26 && !(l->ring_bytes & (l->ring_bytes - 1));
}

/* A ring of a stream is no larger than this until it has been seen to hold its stream up, and only for some streams at a time is it then: each side
 * decides that for the ring that it writes to. A ring of a port for datagrams, which is fixed and so touches all that it has, always is so large. */
static inline uint32_t appseg_plain(const struct appseg_layout *l)
{
	return l->ring_bytes < 256 * 1024 ? l->ring_bytes : 256 * 1024;
}

/* Lanes first, then the slots, then from a page of its own what their rings have beyond their first bytes: out and in of slot 0, of slot 1, ...
 * Sparse: what is never used is never touched. */
static inline size_t appseg_lane_at(uint32_t worker)
{
	return worker * APPLANE_BYTES;
}
/* A slot's words. */
static inline size_t appseg_words_at(const struct appseg_layout *l, uint32_t slot)
{
	return l->workers * APPLANE_BYTES + (size_t)slot * APPSEG_SLOT_BYTES;
}
/* The first bytes of a slot's ring: of what comes in from the network, or of what goes out. */
static inline size_t appseg_first_at(const struct appseg_layout *l, uint32_t slot, bool in)
{
	return appseg_words_at(l, slot) + APPSEG_WORDS_BYTES + in * BYTERING_FIRST;
}
/* Its other bytes, as from the ring's beginning on. */
static inline size_t appseg_ring_at(const struct appseg_layout *l, uint32_t slot, bool in)
{
	size_t rings = (appseg_words_at(l, l->slots) + APPLANE_PAGE - 1) / APPLANE_PAGE;

	return rings * APPLANE_PAGE + ((size_t)slot * 2 + in) * l->ring_bytes;
}
/* The whole segment. */
static inline size_t appseg_bytes(const struct appseg_layout *l)
{
	return appseg_ring_at(l, l->slots, false);
}

/* Behind both arrays: the settings (by enum app_option) of a connection that has made none, as the daemon is configured, written when the application
 * attaches. 0 also where a daemon does not tell. */
static inline uint32_t *applane_defaults(struct applane *lane)
{
	return (uint32_t *)((uint8_t *)(lane + 1) + 2 * APPLANE_MSGS * sizeof(struct applane_msg));
}
_Static_assert(sizeof(struct applane) + 2 * APPLANE_MSGS * sizeof(struct applane_msg) +
                               APP_OPTIONS * sizeof(uint32_t) <=
                       APPLANE_BYTES,
               "there is room in the last page");

/* One side's view of one of a slot's rings, as its words are when all are 0. */
static inline void appseg_view(struct bytering *r, uint8_t *segment, const struct appseg_layout *l,
                               uint32_t slot, bool in)
{
	struct appseg_slot *words = (struct appseg_slot *)(segment + appseg_words_at(l, slot));

	bytering_elastic(r, in ? &words->stream.in : &words->stream.out,
	                 segment + appseg_first_at(l, slot, in),
	                 segment + appseg_ring_at(l, slot, in), l->ring_bytes);
}
/* Of the stream in the slot. */
static inline void appseg_slot_view(struct appseg_side *v, uint8_t *segment,
                                    const struct appseg_layout *l, uint32_t slot)
{
	v->shared = (struct appseg_stream *)(segment + appseg_words_at(l, slot));
	appseg_view(&v->out, segment, l, slot, false);
	appseg_view(&v->in, segment, l, slot, true);
}
/* One of the rings of a port for datagrams, which is fixed. */
static inline void appseg_fixed_view(struct bytering *r, uint8_t *segment,
                                     const struct appseg_layout *l, uint32_t slot, bool in)
{
	struct appseg_slot *words = (struct appseg_slot *)(segment + appseg_words_at(l, slot));

	bytering_view(r, in ? &words->stream.in : &words->stream.out,
	              segment + appseg_ring_at(l, slot, in), appseg_plain(l));
}

/* A lane's array of messages to the worker. */
static inline void *applane_requests(struct applane *lane)
{
	return lane + 1;
}
/* Its array of messages to the application. */
static inline void *applane_events(struct applane *lane)
{
	return (uint8_t *)(lane + 1) + APPLANE_MSGS * sizeof(struct applane_msg);
}
