/* SPDX-License-Identifier: BSD-3-Clause */
/* How a session ends: it loses its keys, it begins anew, it is given up, it is freed. */
#pragma once
#include "endpoint/session.h"

/* Keys and tunnel are gone and the worker forgets the session; s stays in the table for a second at least, see step.c. */
void end_keys(struct node *n, struct session *s);
/* The other side never used our keys: drops them. If connections exist here, keys are made anew, and what they send waits meanwhile. */
void end_begin_anew(struct node *n, struct session *s);
/* The id could not be reached in time: reports err (positive errno) to the worker and to requests, and drops the keys. */
void end_give_up(struct node *n, struct session *s, int err);
/* Nobody needs s any more: frees it, the worker forgets it, and its tunnels are withdrawn. */
void end_session(struct node *n, struct session *s);
