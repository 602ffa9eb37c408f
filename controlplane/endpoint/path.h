/* SPDX-License-Identifier: BSD-3-Clause */
/* The tunnel that carries a session: using it, agreeing on it with the other side, losing it, looking for a shorter one. */
#pragma once
#include "endpoint/session.h"
#include "wire/tunnel.h"

/* From now on l carries s, which has keys; the tunnel before it is withdrawn after a while (make before break). The counts of attempts are
 * reset, and news.session_ready() is reported. Nothing if l carries s already. */
void path_use(struct node *n, struct session *s, struct lsp *l);
/* Whether the tunnel in use is the link to the other end and crosses no other node. False without a tunnel. */
bool path_direct(const struct session *s);
/* Asks the other side, inside the new tunnel, to use it as well; repeated until it answers, at most COMMIT_TRIES times. s has a path. */
void path_commit(struct node *n, struct session *s);
/* Asks once more if no answer has come. */
void path_commit_again(struct node *n, struct session *s);
/* PATH_COMMIT from the other side, sealed: it uses the tunnel named from now on, or acknowledges ours. */
void path_commit_rx(struct node *n, struct session *s, const struct oam *m);
/* Whether a tunnel stands that the other side has built: its commit is on its way. */
bool path_offered(const struct session *s);
/* The tunnel in use is being withdrawn, and not by us. Begins repairs: at once if this side initiated the tunnel, else a little later. */
void path_lost(struct node *n, struct session *s);
/* Tunnel l of a repair, or perhaps a shorter one, is up: uses it, or releases it if it is not shorter than the one in use. */
void path_up(struct node *n, struct session *s, struct lsp *l);
/* A link on the way of the tunnel in use, named by the tags of its nodes, is about to be removed: another tunnel is built around it. */
void path_leaves(struct node *n, struct session *s, uint32_t tag_from, uint32_t tag_to);
/* The session's timer, while it has a path: begins an attempt if that path is about to go. */
void path_move(struct node *n, struct session *s);
/* The timer for shorter paths: begins an attempt or a lookup, and arms itself again, at intervals that double up to
 * two minutes. */
void path_better(struct node *n, struct session *s);
/* The session has connections again: looks for shorter paths from now on. */
void path_in_use(struct node *n, struct session *s);
/* Links or places have changed: looks for a shorter path soon. */
void path_topology_changed(struct node *n, struct session *s);
