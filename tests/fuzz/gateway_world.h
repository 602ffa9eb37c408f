/* SPDX-License-Identifier: BSD-3-Clause */
/* A gateway without its thread, and the workers' half of its bridges, played by an input: they answer when they like, and look at what the
 * gateway may say. */
#pragma once
#include "app/gw.h"

#define GATE_WORKERS 2
#define GATE_FDS     26 /* that the gateway may hold */
#define GATE_STREAMS 32
#define GATE_PORTS   4

/* A stream as a worker holds it. */
struct gate_stream {
	struct app_stream *st; /* NULL: free */
	unsigned worker;
	bool asked;   /* to be connected: no answer yet */
	bool offered; /* an ACCEPT whose ATTACH or REFUSE has not come */
	bool let_go;
	bool ended; /* EOF or an error was told */
	uint32_t conn;
	uint64_t in, out; /* bytes written for the application; read from it */
};

/* A listener at one worker. */
struct gate_listener {
	struct app_listener *at; /* NULL: free */
	uint32_t token, credit;
	uint32_t ahead; /* credit that it began with, of which it never has more */
	bool told;      /* LISTENING has gone out */
	bool leaving;   /* UNLISTEN has come */
};

struct gate_world {
	struct gateway g;
	struct bridge bridge[GATE_WORKERS];
	struct bridge *bridges[GATE_WORKERS];
	struct gate_stream stream[GATE_STREAMS];
	struct gate_listener listener[GATE_WORKERS][GATE_PORTS * 2];
	uint32_t next_conn;
	char address[108]; /* of the application socket: abstract */
	unsigned address_len;
};

void require(bool holds, const char *what);

/* Byte `at` of what goes to an application, and of what comes from it. */
static inline uint8_t gate_in_byte(uint64_t at)
{
	return (uint8_t)(at * 37 + 11);
}
static inline uint8_t gate_out_byte(uint64_t at)
{
	return (uint8_t)(at * 59 + 5);
}

struct gate_world *gate_fresh(void);
/* Nothing is connected any more: ends the process where the gateway still holds something. */
void gate_end(struct gate_world *w);
void gate_round(struct gate_world *w);
/* A worker takes up to n messages. */
void gate_worker_takes(struct gate_world *w, unsigned worker, unsigned n);
/* A worker answers something that is due, offers a connection, moves bytes or ends one, as `what` says. */
void gate_worker_acts(struct gate_world *w, unsigned worker, uint8_t what, uint8_t how);
/* A worker answers all that is due, `how` says in which way. */
void gate_worker_settles(struct gate_world *w, unsigned worker, uint8_t how);
