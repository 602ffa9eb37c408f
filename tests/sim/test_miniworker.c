/* SPDX-License-Identifier: BSD-3-Clause */
/* The miniature worker behaves like a data plane: what is switched, punted, held and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "miniworker.h"
#include "base/be.h"
#include "wire/link.h"
#include "wire/lse.h"
#include "wire/tunnel.h"

struct world {
	struct miniworker *w;
	struct frame *sent;
	uint16_t sent_link;
	unsigned nsent, nevents, nprobes;
	struct dp_event ev;
	bool probe_ok;
};

static void transmit(void *arg, uint16_t link, struct frame *f)
{
	struct world *x = arg;

	free(x->sent);
	x->sent = f;
	x->sent_link = link;
	x->nsent++;
}

static void event(void *arg, const struct dp_event *ev)
{
	struct world *x = arg;

	x->nevents++;
	memcpy(&x->ev, ev, dp_event_size(ev));
}

static void probe(void *arg, const struct frame *f, const struct node_id *remote, bool at_end,
                  enum mw_drop why)
{
	struct world *x = arg;

	x->nprobes++;
	x->probe_ok = remote != NULL;
}

static void counted(void *arg)
{
}

static struct instant at(int64_t ms)
{
	return (struct instant){ms * NS_PER_MS};
}

static void do_cmd(struct world *x, const struct cp_cmd *c)
{
	mw_exec(x->w, c, at(1));
}

static void do_link(struct world *x, uint16_t link, bool sealed, bool open)
{
	struct cp_cmd c = {.type = CMD_LINK_SET};

	c.u.link.link = link;
	c.u.link.type = sealed ? LINK_UDP_SOCKET : LINK_ETHERNET;
	c.u.link.sealed = sealed;
	c.u.link.mtu = 1400;
	c.u.link.family = sealed ? 4 : 0;
	do_cmd(x, &c);
	c = (struct cp_cmd){.type = CMD_LINK_OPEN};
	c.u.open.link = link;
	c.u.open.on = open;
	do_cmd(x, &c);
}

static void do_ilm(struct world *x, uint16_t link, uint32_t label, uint8_t op, uint16_t out,
                   uint32_t out_label)
{
	struct cp_cmd c = {.type = CMD_ILM_SET};

	c.u.ilm = (struct cp_ilm){.in_link = link,
	                          .in_label = label,
	                          .op = op,
	                          .out_link = out,
	                          .out_label = out_label,
	                          .session = out_label};
	do_cmd(x, &c);
}

static void do_session_key(struct world *x, uint32_t type, uint32_t session, uint32_t phase,
                           uint8_t fill)
{
	struct cp_cmd c = {.type = type};

	c.u.key.session = session;
	c.u.key.index = phase;
	memset(c.u.key.key, fill, sizeof(c.u.key.key));
	do_cmd(x, &c);
}

static struct frame *labelled(uint32_t label, unsigned ttl)
{
	struct frame *f = frame_new(200);

	memset(f->data, 0, f->len);
	be32_store(f->data, lse_make(label, 0, true, ttl));
	return f;
}

static int setup(void **state)
{
	struct world *x = mem_new(sizeof(*x));
	struct mw_ops ops = {transmit, event, probe, counted, x};

	x->w = mw_new(&ops, 1);
	do_link(x, 0, false, true);
	do_link(x, 1, false, true);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct world *x = *state;

	mw_free(x->w);
	free(x->sent);
	free(x);
	return 0;
}

static void swaps_and_decrements(void **state)
{
	struct world *x = *state;

	do_ilm(x, 0, 100, ILM_SWAP, 1, 200);
	mw_receive(x->w, 0, labelled(100, 9), at(2));
	assert_int_equal(x->nsent, 1);
	assert_int_equal(x->sent_link, 1);
	assert_int_equal(lse_label(be32_load(x->sent->data)), 200);
	assert_int_equal(lse_ttl(be32_load(x->sent->data)), 8);
}

static void labels_are_per_link(void **state)
{
	struct world *x = *state;

	do_ilm(x, 0, 100, ILM_SWAP, 1, 200);
	mw_receive(x->w, 1, labelled(100, 9), at(2));
	assert_int_equal(x->nsent, 0);
	assert_int_equal(x->ev.u.packet.reason, PUNT_UNKNOWN_LABEL);
	mw_receive(x->w, 1, labelled(100, 9), at(3));
	assert_int_equal(x->nevents, 1); /* a sample only */
	assert_int_equal(x->w->drops[MW_DROP_UNKNOWN_LABEL], 2);
}

static void expired_ttl_is_punted(void **state)
{
	struct world *x = *state;

	do_ilm(x, 0, 100, ILM_SWAP, 1, 200);
	mw_receive(x->w, 0, labelled(100, 1), at(2));
	assert_int_equal(x->nsent, 0);
	assert_int_equal(x->ev.u.packet.reason, PUNT_TTL);
	assert_int_equal(x->ev.u.packet.in_label, 100);
	assert_int_equal(x->ev.u.packet.len, 200);
}

static void closed_links_carry_no_labels(void **state)
{
	struct world *x = *state;

	do_ilm(x, 0, 100, ILM_SWAP, 1, 200);
	do_link(x, 1, false, false);
	mw_receive(x->w, 0, labelled(100, 9), at(2));
	do_link(x, 1, false, true);
	do_link(x, 0, false, false);
	mw_receive(x->w, 0, labelled(100, 9), at(2));
	assert_int_equal(x->nsent, 0);
	assert_int_equal(x->w->drops[MW_DROP_CLOSED], 2);
	mw_receive(x->w, 0, labelled(LABEL_GAL, 1), at(2));
	assert_int_equal(x->ev.u.packet.reason, PUNT_CONTROL);
}

static void removed_labels_are_gone(void **state)
{
	struct world *x = *state;
	struct cp_cmd c = {.type = CMD_ILM_DEL};

	for (uint32_t l = 16; l < 216; l++)
		do_ilm(x, 0, l, ILM_SWAP, 1, l + 1000);
	c.u.ilm.in_link = 0;
	for (c.u.ilm.in_label = 16; c.u.ilm.in_label < 216; c.u.ilm.in_label += 2)
		do_cmd(x, &c);
	for (uint32_t l = 16; l < 216; l++) {
		const struct mw_ilm *e = mw_ilm_find(x->w, 0, l);

		assert_int_equal(e != NULL, l % 2 == 1);
		assert_true(!e || e->out_label == l + 1000);
	}
}

static void sealed_links_compare_keys(void **state)
{
	struct world *x = *state;
	struct cp_cmd c = {.type = CMD_LINK_RX_KEY};
	struct frame *f;

	do_link(x, 2, true, true);
	do_ilm(x, 2, 100, ILM_SWAP, 1, 200);
	c.u.key.link = 2;
	c.u.key.index = 77;
	memset(c.u.key.key, 5, 32);
	do_cmd(x, &c);
	mw_receive(x->w, 2, labelled(100, 9), at(2)); /* in clear */
	for (int k = 0; k < 4; k++) {
		f = labelled(100, 9);
		f->sealed = 1;
		f->receiver = k == 0 ? 78 : 77;
		memset(f->key, k == 1 ? 6 : 5, 32);
		if (k == 3) {
			c.type = CMD_LINK_RX_DEL;
			do_cmd(x, &c);
		}
		mw_receive(x->w, 2, f, at(2));
		assert_int_equal(x->nsent, k >= 2);
	}
	assert_int_equal(x->w->drops[MW_DROP_PLAIN_ON_SEALED], 1);
	assert_int_equal(x->w->drops[MW_DROP_BAD_KEY], 1);
	assert_int_equal(x->w->drops[MW_DROP_BAD_INDEX], 2);
}

static struct frame *session_frame(uint32_t label, uint8_t type, uint8_t phase, uint8_t key)
{
	struct tunnel_header h = {.type = type, .phase = phase, .counter = 3};
	struct frame *f = labelled(label, 9);
	bool sealed = type == TUNNEL_DATA || type == TUNNEL_OAM;

	tunnel_header_put(f->data + 4, &h, f->len - 4 + (sealed ? TUNNEL_TAG_BYTES : 0));
	f->skeyed = sealed;
	memset(f->skey, key, 32);
	f->probe = type == TUNNEL_DATA ? 1 : FRAME_NO_PROBE;
	return f;
}

static void data_waits_for_its_key(void **state)
{
	struct world *x = *state;
	struct cp_cmd c = {.type = CMD_SESSION_SET};

	c.u.session.session = 4;
	c.u.session.out_label = LABEL_NONE;
	do_cmd(x, &c);
	do_ilm(x, 0, 100, ILM_SESSION, 0, 4);
	for (int i = 0; i < MW_HELD_MAX + 1; i++)
		mw_receive(x->w, 0, session_frame(100, TUNNEL_DATA, 0, 9), at(2));
	assert_int_equal(x->nprobes, 1); /* the one too many */
	assert_false(x->probe_ok);
	do_session_key(x, CMD_SESSION_RX_KEY, 4, 0, 9);
	assert_int_equal(x->nprobes, 1 + MW_HELD_MAX);
	assert_true(x->probe_ok);
	mw_receive(x->w, 0, session_frame(100, TUNNEL_DATA, 0, 8), at(2));
	assert_false(x->probe_ok);
	assert_int_equal(x->w->drops[MW_DROP_SESSION_KEY], 1);
}

static void data_waits_for_its_session(void **state)
{
	struct world *x = *state;
	struct cp_cmd c = {.type = CMD_SESSION_SET};

	do_ilm(x, 0, 100, ILM_SESSION, 0, CP_SESSION_NONE);
	do_ilm(x, 0, 101, ILM_SESSION, 0, CP_SESSION_NONE);
	mw_receive(x->w, 0, session_frame(101, TUNNEL_DATA, 0, 9), at(2));
	for (int i = 0; i < MW_HELD_MAX; i++)
		mw_receive(x->w, 0, session_frame(100, TUNNEL_DATA, 0, 9), at(2));
	assert_int_equal(x->nprobes, 1); /* the oldest */
	assert_false(x->probe_ok);
	mw_receive(x->w, 0, session_frame(100, TUNNEL_HANDSHAKE, 0, 0), at(2));
	assert_int_equal(x->ev.u.packet.reason, PUNT_SESSION_HS);
	assert_int_equal(x->ev.u.packet.session, CP_SESSION_NONE);
	assert_int_equal(x->ev.u.packet.in_label, 100);
	c.u.session.session = 4;
	c.u.session.out_label = LABEL_NONE;
	c.u.session.in_label = 100;
	do_cmd(x, &c);
	do_session_key(x, CMD_SESSION_RX_KEY, 4, 0, 9);
	assert_int_equal(x->nprobes, 1 + MW_HELD_MAX);
	assert_true(x->probe_ok);
}

static void first_use_of_a_phase_is_told(void **state)
{
	struct world *x = *state;

	do_ilm(x, 0, 100, ILM_SESSION, 0, 4);
	do_session_key(x, CMD_SESSION_RX_KEY, 4, 2, 9);
	mw_receive(x->w, 0, session_frame(100, TUNNEL_OAM, 2, 9), at(2));
	assert_int_equal(x->nevents, 2); /* the phase, then the OAM body */
	assert_int_equal(x->ev.u.packet.reason, PUNT_OAM);
	assert_int_equal(x->ev.u.packet.authenticated, 1);
	assert_int_equal(x->ev.u.packet.len, 200 - 4 - TUNNEL_HEADER_BYTES);
	mw_receive(x->w, 0, session_frame(100, TUNNEL_OAM, 2, 9), at(2));
	assert_int_equal(x->nevents, 3);
}

static void handshakes_inside_tunnels_are_punted(void **state)
{
	struct world *x = *state;

	do_ilm(x, 0, 100, ILM_SESSION, 0, 4);
	mw_receive(x->w, 0, session_frame(100, TUNNEL_HANDSHAKE, 0, 0), at(2));
	assert_int_equal(x->ev.u.packet.reason, PUNT_SESSION_HS);
	assert_int_equal(x->ev.u.packet.number, 3);
	assert_int_equal(x->ev.u.packet.session, 4);
	assert_int_equal(x->ev.u.packet.len, 196);
}

static void sinks_take_only_clear_oam(void **state)
{
	struct world *x = *state;

	do_ilm(x, 0, 100, ILM_SINK, 0, 0);
	mw_receive(x->w, 0, session_frame(100, TUNNEL_DATA, 0, 1), at(2));
	assert_int_equal(x->w->drops[MW_DROP_SINK], 1);
	mw_receive(x->w, 0, session_frame(100, TUNNEL_OAM_CLEAR, 0, 0), at(2));
	assert_int_equal(x->ev.u.packet.reason, PUNT_OAM);
	assert_int_equal(x->ev.u.packet.in_label, 100);
	assert_int_equal(x->ev.u.packet.authenticated, 0);
}

static void local_data_waits_for_a_tunnel(void **state)
{
	struct world *x = *state;
	struct cp_cmd c = {.type = CMD_SESSION_SET};

	c.u.session.session = 4;
	c.u.session.out_label = LABEL_NONE;
	c.u.session.remote.b[0] = 7;
	assert_false(mw_inject(x->w, &c.u.session.remote, 1, at(2)));
	do_cmd(x, &c);
	do_session_key(x, CMD_SESSION_TX_KEY, 4, 1, 9);
	assert_true(mw_inject(x->w, &c.u.session.remote, 1, at(2)));
	assert_int_equal(x->nsent, 0);
	assert_int_equal(x->ev.type, EVT_WANT);
	c.u.session.out_label = 300;
	c.u.session.out_link = 1;
	do_cmd(x, &c);
	assert_int_equal(x->nsent, 1);
	assert_int_equal(lse_label(be32_load(x->sent->data)), 300);
	assert_int_equal(x->sent->skeyed, 1);
	assert_int_equal(x->sent->skey[0], 9);
	mw_release(x->w, &c.u.session.remote, at(3));
	assert_int_equal(x->ev.type, EVT_SESSION_IDLE);
	assert_int_equal(x->ev.u.idle.idle, 1);
}

static void label_use_is_answered(void **state)
{
	struct world *x = *state;
	struct cp_cmd c = {.type = CMD_QUERY_LABEL, .cookie = 12};

	do_ilm(x, 0, 100, ILM_SWAP, 1, 200);
	c.u.ilm.in_link = 0;
	c.u.ilm.in_label = 100;
	mw_exec(x->w, &c, at(5));
	assert_true(x->ev.u.use.idle_ns < 0);
	mw_receive(x->w, 0, labelled(100, 9), at(10));
	mw_exec(x->w, &c, at(15));
	assert_int_equal(x->ev.type, EVT_LABEL_USE);
	assert_int_equal(x->ev.cookie, 12);
	assert_int_equal(x->ev.u.use.idle_ns, 5 * NS_PER_MS);
	assert_int_equal(x->ev.u.use.packets, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        T(swaps_and_decrements),         T(labels_are_per_link),
	        T(expired_ttl_is_punted),        T(closed_links_carry_no_labels),
	        T(removed_labels_are_gone),      T(sealed_links_compare_keys),
	        T(data_waits_for_its_key),       T(data_waits_for_its_session),
	        T(first_use_of_a_phase_is_told), T(handshakes_inside_tunnels_are_punted),
	        T(sinks_take_only_clear_oam),    T(local_data_waits_for_a_tunnel),
	        T(label_use_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
