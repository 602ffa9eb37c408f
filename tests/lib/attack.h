/* SPDX-License-Identifier: BSD-3-Clause */
/* What the attacks of one generator share: options, clock, pacing, batches of datagrams. Times are in s, rates in packets/s. */
#pragma once
#include "base/rng.h"
#include "wire/id.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ATTACK_FRAME_MAX 2048
#define ATTACK_BATCH     64
/* X25519 public keys that messages use in turn, so that none costs a multiplication. */
#define ATTACK_POINTS 256

struct attack_options {
	struct sockaddr_in to;   /* the daemon under attack */
	struct sockaddr_in from; /* the first source address */
	/* Of set-ups: this node, which may be the daemon itself or one behind it. */
	struct node_id dst;
	struct node_id victim; /* of first messages: whose id keys mac1; all zero: anybody's */
	unsigned count;        /* source addresses, or claimed source ids; 0: a new one each time */
	unsigned prefixes;     /* that the source addresses are spread over */
	uint32_t network;
	double seconds, rate;
	unsigned window;  /* tunnels asked for and not answered at once */
	bool answer;      /* cookies are shown */
	uint16_t wire[4]; /* own port, daemon's port at one end; at the other */
};

struct setup_msg;

struct attack {
	struct attack_options o;
	struct rng rng;
	double since; /* when it began */
	uint8_t point[ATTACK_POINTS][32];
};

/* Set by SIGTERM. */
extern volatile sig_atomic_t attack_stop;

double attack_now(void);
/* Processor time that this program has had. */
double attack_cpu(void);
/* Ends the program: what, and errno's text. */
void attack_die(const char *what) __attribute__((noreturn));
/* A datagram socket on 127/8 or whatever `at` says, with large buffers. pktinfo: sources are chosen, and told, packet by packet. */
int attack_socket(const struct sockaddr_in *at, bool pktinfo);

/* How many packets are due. One that cannot keep up does not catch up in a burst. */
struct pace {
	double rate, last, owed;
};
void pace_begin(struct pace *p, double rate, double t);
unsigned pace_due(struct pace *p, double t);

/* Datagrams that leave with one system call. */
struct batch {
	int fd;
	unsigned n;
	uint64_t sent, bytes;
	struct sockaddr_in to[ATTACK_BATCH];
	struct in_addr from[ATTACK_BATCH];
	bool has_from[ATTACK_BATCH];
	size_t len[ATTACK_BATCH];
	uint8_t frame[ATTACK_BATCH][ATTACK_FRAME_MAX];
};

/* The buffer of the next datagram; batch_add() takes it. */
uint8_t *batch_frame(struct batch *b);
/* from: NULL, or the source address, for sockets with pktinfo. Sends when the batch is full. */
void batch_add(struct batch *b, size_t len, const struct sockaddr_in *to,
               const struct in_addr *from);
void batch_flush(struct batch *b);

/* Writes the set-up *s of src for a->o.dst, as the first hop gets it, into p, and returns its bytes. hops and record of *s are set here. */
size_t attack_setup(const struct attack *a, const struct node_id *src, struct setup_msg *s,
                    uint8_t *p, size_t cap);

/* The attacks. Each runs until a->o.seconds have passed or SIGTERM, and prints a line of JSON a second about what was done and what came back:
 * what the daemon under attack has counted is for the script to ask. */
void attack_setups(
        struct attack *a); /* half-open set-ups over a link of its own, as many a second as asked */
void attack_tunnels(
        struct attack
                *a); /* complete tunnels over a link of its own, as fast as they are granted */
void attack_sessions(struct attack *a); /* no attack: sessions of many honest nodes */
void attack_first(struct attack *a);    /* first handshake messages from many sources */
void attack_replay(
        struct attack *a); /* a wire between two daemons, whose handshake frames are sent again */
