/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of one file of endpoint stand on. */
#include "bed.h"

#include "anchor/anchor.h"
#include "endpoint/input.h"
#include "kad/kad.h"
#include "table/table.h"

#include <string.h>

#define LINK 1

struct bed_heard bed_heard;

static void nothing_of_node(struct node *n)
{
}

static void session_ready_heard(struct node *n, struct session *s)
{
	bed_heard.ready++;
}

static void session_failed_heard(struct node *n, struct session *s, int err)
{
	bed_heard.failed++;
	bed_heard.err = err;
}

static void lookup_done(struct node *n, enum lookup_purpose purpose, uint32_t ref,
                        const struct node_id *target, bool exact,
                        const struct contact_info *closest)
{
	if (purpose == LOOKUP_SESSION)
		session_lookup_done(n, ref, exact, closest);
}

static void lsp_gone(struct node *n, struct lsp *l, uint8_t reason)
{
	session_lsp_gone(n, l);
}

static const struct news recorder = {
        .coords_changed = nothing_of_node,
        .grown = nothing_of_node,
        .lookup_done = lookup_done,
        .lsp_failed = session_lsp_failed,
        .lsp_gone = lsp_gone,
        .lsp_over = session_lsp_over,
        .session_ready = session_ready_heard,
        .session_failed = session_failed_heard,
};

void bed_open(struct bed *b, uint64_t seed)
{
	struct node_link_cfg link = {.io = {.link = LINK}, .name = "one"};

	bed_heard = (struct bed_heard){0};
	ground_open(&b->g, seed);
	b->n = ground_node(&b->g, &recorder);
	assert_int_equal(peers_new(b->n), 0);
	assert_int_equal(anchor_new(b->n), 0);
	assert_int_equal(tables_new(b->n), 0);
	assert_int_equal(kad_new(b->n), 0);
	assert_int_equal(sessions_new(b->n), 0);
	assert_int_equal(peer_add(b->n, &link), 0);
	(void)ground_drain(b->n, 0);
}

void bed_close(struct bed *b)
{
	sessions_free(b->n);
	kad_free(b->n);
	tables_free(b->n);
	anchor_free(b->n);
	peers_free(b->n);
	ctx_destroy(b->n);
	ground_close(&b->g);
}

struct session *bed_session(struct bed *b, bool we_are_lower, enum session_state state)
{
	struct node_id id;
	struct session *s;

	do
		rng_fill(&b->g.rng, id.b, ID_BYTES);
	while ((id_cmp(&b->g.identity.id, &id) < 0) != we_are_lower);
	s = session_get(b->n, &id);
	assert_non_null(s);
	if (state == SESSION_REPAIRING)
		session_enter(s, SESSION_CONNECTING);
	if (state != SESSION_CLOSED)
		session_enter(s, state);
	return s;
}

struct lsp *bed_tunnel(struct bed *b, struct session *s, uint64_t nonce, enum lsp_role role)
{
	const struct node_id *me = &b->g.identity.id;
	struct peer *p = peer_by_link(b->n, LINK);
	struct lsp *l = lsp_new(b->n, nonce, role == LSP_INGRESS ? me : &s->remote,
	                        role == LSP_INGRESS ? &s->remote : me, role);

	assert_non_null(l);
	assert_non_null(p);
	if (role == LSP_INGRESS)
		lsp_set_down(b->n, l, p);
	else
		lsp_set_up(b->n, l, p);
	l->hops = l->hops_first = 4;
	lsp_set_state(b->n, l, LSP_UP);
	session_own(s, l);
	return l;
}

bool bed_command(struct bed *b, uint32_t type, struct cp_cmd *c)
{
	static struct node_output out;

	while (node_output(b->n, &out))
		if (out.type == OUT_COMMAND && out.u.command.cmd.type == type) {
			*c = out.u.command.cmd;
			return true;
		}
	return false;
}
