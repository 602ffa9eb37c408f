/* SPDX-License-Identifier: BSD-3-Clause */
/* Listeners that share a port (SO_REUSEPORT): each of them with a part of the connections. One that shares with nobody is a ring of one. */
#pragma once
#include "session/lane.h"
#include "session/stream.h"

/* The listener shares the connections of another one of its port, if there is one that shares. */
bool share_join(struct worker_sessions *s, struct app_listener *l);
/* It takes no more. True: others go on with its TCP listener; false: that is its own, to be closed. */
bool share_leave(struct worker_sessions *s, struct app_listener *l);
/* Connections wait, or none do, for all that share. */
void share_ready(struct app_listener *l, bool ready);
/* One that can take a connection asks whether the next is its own: its turn has come, or those whose turn it was cannot take one and have lost it. */
bool share_turn(struct app_listener *l);
/* It has taken one: the turn is the next one's. */
void share_taken(struct app_listener *l);
