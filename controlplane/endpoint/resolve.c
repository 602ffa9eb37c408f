/* SPDX-License-Identifier: BSD-3-Clause */
/* Which id belongs to an address: a session's, a contact's, or one that a lookup finds. */
#include "endpoint/resolve.h"

#include "endpoint/session.h"
#include "kad/kad.h"
#include "wire/ip6.h"

#include <string.h>

static bool begins_so(const struct node_id *id, const struct node_id *target)
{
	return memcmp(id->b, target->b, IP6_ID_BYTES) == 0;
}

static void answer(struct node *n, uint8_t worker, const struct node_id *target,
                   const struct node_id *id)
{
	struct cp_cmd c = {.type = CMD_RESOLVED};

	c.u.resolved.target = *target;
	c.u.resolved.found = id != NULL;
	if (id)
		c.u.resolved.id = *id;
	out_command(n, worker, &c);
}

/* A session with keys: whoever has proven to be this id. */
static const struct node_id *of_session(struct node *n, const struct node_id *target)
{
	for (struct session *s = session_after(n, NULL); s; s = session_after(n, s))
		if (session_has_keys(s) && begins_so(&s->remote, target))
			return &s->remote;
	return NULL;
}

static const struct node_id *of_contact(struct node *n, const struct node_id *target)
{
	struct contact *c;

	/* Of all ids the one that begins so is the closest. */
	if (contact_closest(n->contacts, target, true, &c, 1) == 1 && begins_so(&c->id, target))
		return &c->id;
	return NULL;
}

void resolve_asked(struct node *n, uint8_t worker, uint32_t asker, const struct node_id *target)
{
	const struct node_id *id = of_contact(n, target);

	if (!id)
		id = of_session(n, target);
	if (id)
		answer(n, worker, target, id);
	else if (!lookup_runs(n, LOOKUP_ADDRESS, target))
		(void)lookup_start(n, LOOKUP_ADDRESS, asker << 8 | worker, target, NULL, 0);
}

void resolve_lookup_done(struct node *n, uint32_t ref, const struct node_id *target, bool exact,
                         const struct contact_info *closest)
{
	answer(n, (uint8_t)ref, target, exact ? &closest->id : NULL);
}
