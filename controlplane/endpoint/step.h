/* SPDX-License-Identifier: BSD-3-Clause */
/* What a session needs next. */
#pragma once
#include "endpoint/session.h"

/* Runs from the session's own timer only, so that no report acts in the middle of another part's work. May free s. */
void step(struct node *n, struct session *s);
