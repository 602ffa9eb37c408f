/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections that go to a neighbour over its own link, or nowhere. */
#pragma once
#include "endpoint/session.h"

/* A worker holds connections to `remote` until its session's path is the link to it. Without such a link the worker is told so at once; with
 * one there will be a session, and a path that is longer is replaced. The worker asks again as long as it waits. */
void session_want_direct(struct node *n, const struct node_id *remote);
