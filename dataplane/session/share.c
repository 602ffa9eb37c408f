/* SPDX-License-Identifier: BSD-3-Clause */
/* Listeners that share a port: one listener of TCP, whose connections they take in turn. Those that wait there are nobody's yet, so that one that
 * ends, or does not take what is its own, leaves them to the others. */
#include "session/share.h"

static bool can_take(const struct app_listener *l)
{
	if (l->unlistened)
		return false;
	return l->port ? !TAILQ_EMPTY(&l->posted) && !l->port->full && !l->port->at_limit
	               : l->credit > 0;
}

bool share_join(struct worker_sessions *s, struct app_listener *l)
{
	struct app_listener *o = s->listeners;

	while (o && (o == l || !o->shared || o->number != l->number || o->conn == TCP_NO_CONN))
		o = o->next;
	if (!o)
		return false;
	l->conn = o->conn;
	l->ready = o->ready;
	l->turn = false;
	l->beside = o->beside;
	o->beside = l;
	return true;
}

bool share_leave(struct worker_sessions *s, struct app_listener *l)
{
	struct app_listener *before = l->beside;

	if (before == l || l->conn == TCP_NO_CONN)
		return false;
	while (before->beside != l)
		before = before->beside;
	before->beside = l->beside;
	before->turn |= l->turn;
	tcp_set_user(s->tcp, l->conn, (uint64_t)(uintptr_t)before | LISTENER_BIT);
	s->listeners_ready |= before->ready;
	l->beside = l;
	l->turn = true;
	l->ready = false;
	l->conn = TCP_NO_CONN;
	return true;
}

void share_ready(struct app_listener *l, bool ready)
{
	struct app_listener *o = l;

	do
		o->ready = ready;
	while ((o = o->beside) != l);
}

/* Whose turn it is. */
static struct app_listener *holder(struct app_listener *l)
{
	while (!l->turn)
		l = l->beside;
	return l;
}

bool share_turn(struct app_listener *l)
{
	struct app_listener *first = holder(l), *o = first;

	while (o != l && !can_take(o) && o->beside != first)
		o = o->beside;
	return o == l;
}

void share_taken(struct app_listener *l)
{
	holder(l)->turn = false;
	l->beside->turn = true;
}
