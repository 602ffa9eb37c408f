/* SPDX-License-Identifier: BSD-3-Clause */
/* How a session ends: its keys are lost, it begins anew, it is given up, it is forgotten. */
#pragma once
#include "endpoint/session.h"

/* Keys and tunnel are gone and the worker forgets the session; s stays in the table for a second at least, see step.c. */
void end_keys(struct node *n, struct session *s);
/* The other side never used our keys: they are forgotten, and made anew where connections exist here. What they send waits. */
void end_begin_anew(struct node *n, struct session *s);
/* The id could not be reached in time: who waits is told err (positive errno), keys are lost too. */
void end_give_up(struct node *n, struct session *s, int err);
/* Nobody needs s any more: it is freed. */
void end_session(struct node *n, struct session *s);
