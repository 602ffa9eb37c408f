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

/* As many connections may wait as all of them together have asked for. */
static void set_backlog(struct worker_sessions *s, struct app_listener *first, uint32_t sum)
{
	first->backlog_sum = sum;
	tcp_set_backlog(s->tcp, first->conn, sum);
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
	l->first = o->first;
	l->beside = o->beside;
	o->beside = l;
	set_backlog(s, l->first, l->first->backlog_sum + l->backlog);
	return true;
}

/* Those that stay go by one of them in place of the one that told whose turn it is. */
static void replace_first(struct worker_sessions *s, struct app_listener *first)
{
	const struct app_listener *old = first->first;
	struct app_listener *o = first;

	first->turn = old->turn;
	first->backlog_sum = old->backlog_sum;
	do
		o->first = first;
	while ((o = o->beside) != first);
	tcp_set_user(s->tcp, first->conn, (uint64_t)(uintptr_t)first | LISTENER_BIT);
}

bool share_leave(struct worker_sessions *s, struct app_listener *l)
{
	struct app_listener *before = l->beside;

	if (before == l || l->conn == TCP_NO_CONN)
		return false;
	while (before->beside != l)
		before = before->beside;
	before->beside = l->beside;
	if (l->first == l)
		replace_first(s, before);
	if (before->first->turn == l)
		before->first->turn = l->beside;
	set_backlog(s, before->first, before->first->backlog_sum - l->backlog);
	s->listeners_ready |= before->ready;
	l->beside = l->first = l->turn = l;
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

bool share_turn(struct app_listener *l)
{
	struct app_listener *first = l->first, *o = first->turn;

	while (o != l && !can_take(o) && o->beside != first->turn)
		o = o->beside;
	/* It goes past those that cannot take one for good, so that nobody looks at them again for each connection. */
	first->turn = o;
	return o == l;
}

void share_taken(struct app_listener *l)
{
	l->first->turn = l->beside;
}
