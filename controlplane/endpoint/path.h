/* SPDX-License-Identifier: BSD-3-Clause */
/* The tunnel that carries a session: use one, agree on it with the other side, lose it, look for a shorter one. */
#pragma once
#include "endpoint/session.h"
#include "wire/tunnel.h"

/* From now on l carries s, which has keys; what carried it before is withdrawn in a while (make before break). Attempts are over and
 * whoever waits for the session is told. Nothing when l carries it already. */
void path_use(struct node *n, struct session *s, struct lsp *l);
/* Asks the other side, inside the new tunnel, to use it as well, until it says so or COMMIT_TRIES is reached. s has a path. */
void path_commit(struct node *n, struct session *s);
/* Asks once more where an answer is still due. */
void path_commit_again(struct node *n, struct session *s);
/* PATH_COMMIT from the other side, sealed: it uses the tunnel named from now on, or has seen that we do. */
void path_commit_rx(struct node *n, struct session *s, const struct oam *m);
/* The tunnel in use is being withdrawn, not by us. Repairs begin: at once where this side initiated it, else a little later. */
void path_lost(struct node *n, struct session *s);
/* A repair's tunnel, or a shorter one, stands: used, or released when it is no gain any more. */
void path_up(struct node *n, struct session *s, struct lsp *l);
/* The timer for shorter paths: begins an attempt or a lookup, and is armed again, ever later up to two minutes. */
void path_better(struct node *n, struct session *s);
/* Connections appeared: shorter paths are looked for. */
void path_in_use(struct node *n, struct session *s);
/* Links or places have changed: shorter paths are looked for soon. */
void path_topology_changed(struct node *n, struct session *s);
