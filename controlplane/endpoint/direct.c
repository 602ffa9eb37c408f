/* SPDX-License-Identifier: BSD-3-Clause */
/* A path of one link for those who want no other. */
#include "endpoint/direct.h"

#include "endpoint/build.h"
#include "endpoint/path.h"
#include "endpoint/tell.h"
#include "peer/peer.h"

void session_want_direct(struct node *n, const struct node_id *remote)
{
	struct session *s;

	if (!peer_by_id(n, remote)) {
		tell_no_neighbour(n, remote);
		return;
	}
	if (session_want(n, remote) != 0)
		return;
	s = session_find(n, remote);
	/* The session is older than the link, or its first set-up went another way: the shortest way to a neighbour is its link. */
	if (session_ready(s) && !path_direct(s) && !build_any(s))
		(void)build_start(n, s);
}
