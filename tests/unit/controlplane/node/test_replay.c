/* SPDX-License-Identifier: BSD-3-Clause */
/* Somebody records every handshake message of a busy day, of links and of sessions, and plays them all back again and again, also from other
 * addresses: nothing that stands changes, and nothing that is under way fails. */
#include "tests/unit/controlplane/core/rig.h"

#include "endpoint/session.h"
#include "peer/peer.h"
#include "wire/lse.h"

#include <string.h>

#define NODES   3 /* 0 - 1 - 2, a session between 0 and 2 */
#define RECORDS 8192
#define MINUTE  60000 /* ms */

struct said {
	uint32_t node;
	struct dp_event ev;
};

struct day {
	struct net net;
	struct said *record;
	uint32_t n;
	bool deaf; /* nothing more is recorded */
	uint32_t played;
	/* First messages of links that came from the other side, replays not among them. */
	uint32_t begun;
	/* Answers that a session is ready; probes that reached its other end. */
	uint32_t known, arrived;
};

/* A handshake message of any kind: of a link, inside a tunnel, in a set-up or its reply. */
static bool is_handshake(const struct dp_packet *pk)
{
	struct frame *f;
	enum traffic_kind kind;

	if (pk->reason == PUNT_HANDSHAKE || pk->reason == PUNT_SESSION_HS)
		return true;
	if (pk->reason != PUNT_CONTROL)
		return false;
	f = frame_new(pk->len);
	memcpy(f->data, pk->data, pk->len);
	kind = traffic_kind(f);
	free(f);
	return kind == TRAFFIC_SETUP || kind == TRAFFIC_REPLY || kind == TRAFFIC_LINK_ERROR;
}

static void heard(void *arg, uint32_t node, const struct dp_event *ev)
{
	struct day *d = arg;

	if (ev->type != EVT_PACKET || !is_handshake(&ev->u.packet))
		return;
	if (ev->u.packet.reason == PUNT_HANDSHAKE && ev->u.packet.data[0] >> 4 == LINK_HS1)
		d->begun++;
	if (d->deaf || d->n == RECORDS)
		return;
	d->record[d->n].node = node;
	d->record[d->n++].ev = *ev;
}

static void answered(void *arg, uint32_t node, const struct node_answer *a)
{
	struct day *d = arg;

	d->known += a->type == ANS_CONNECTED;
}

static void probed(void *arg, uint32_t probe, uint32_t node, const struct node_id *remote,
                   bool at_end, enum mw_drop why)
{
	struct day *d = arg;

	d->arrived += remote != NULL;
}

static void day_open(struct day *d, uint64_t seed)
{
	memset(d, 0, sizeof(*d));
	d->record = calloc(RECORDS, sizeof(*d->record));
	assert_non_null(d->record);
	rig_open(&d->net, TOPO_LINE, NODES, seed, false, 0);
	d->net.hooks = (struct net_hooks){
	        .answer = answered, .heard = heard, .probe_end = probed, .arg = d};
	rig_run(&d->net, 12000);
}

static void day_close(struct day *d)
{
	rig_close(&d->net);
	free(d->record);
}

static void want(struct day *d, uint32_t a, uint32_t b)
{
	struct node_request r = {.type = REQ_CONNECT, .cookie = 1 + a};

	r.id = d->net.node[b].identity.id;
	net_request(&d->net, a, &r);
}

static struct session *between(struct day *d, uint32_t a, uint32_t b)
{
	return session_find(d->net.node[a].node, &d->net.node[b].identity.id);
}

/* What stands at a node: of each link that is up, and of the session of 0 with 2. */
struct standing {
	struct {
		bool up;
		struct node_id id;
		struct instant keyed_at, rekey_at;
		uint32_t local_epoch, remote_epoch, flaps, rekeys, rx[HS_LANES_MAX];
		uint8_t addr[16], nrx,
		        grants; /* keys granted to an answer that waits for its first packet */
		uint16_t port, mtu;
	} link[2];
	struct {
		uint8_t state, phase, old_phase, alg;
		bool confirmed, initiator, granted;
		struct instant key_at, rekey_at;
		uint32_t rekeys, index, rebuilds;
		uint16_t commit_seq;
		const struct lsp *path;
		uint32_t labels[4];
		uint16_t mtu;
	} session;
};

static void of_link(const struct peer *p, struct standing *s, unsigned i)
{
	s->link[i].up = peer_up(p);
	if (!peer_up(p))
		return;
	s->link[i].id = p->id;
	s->link[i].keyed_at = p->keyed_at;
	s->link[i].rekey_at = p->rekey_timer.at;
	s->link[i].local_epoch = p->local_epoch;
	s->link[i].remote_epoch = p->remote_epoch;
	s->link[i].flaps = p->flaps;
	s->link[i].rekeys = p->rekeys;
	s->link[i].nrx = p->rx.count;
	for (unsigned g = 0; g < PEER_GRANTS; g++)
		s->link[i].grants += p->grant[g].rx.count;
	memcpy(s->link[i].rx, p->rx.index, sizeof(p->rx.index));
	memcpy(s->link[i].addr, p->cfg.io.remote_addr, 16);
	s->link[i].port = p->cfg.io.remote_port;
	s->link[i].mtu = p->mtu;
}

static void of_session(const struct session *x, struct standing *s)
{
	s->session.state = x->state;
	if (!session_has_keys(x))
		return;
	s->session.phase = x->phase;
	s->session.old_phase = x->old_phase;
	s->session.alg = x->alg;
	s->session.confirmed = x->confirmed;
	s->session.granted = x->answer.state == HS_DONE;
	s->session.initiator = x->initiator;
	s->session.key_at = x->key_at;
	s->session.rekey_at = x->rekey_timer.at;
	s->session.rekeys = x->rekeys;
	s->session.rebuilds = x->rebuilds;
	s->session.index = x->index;
	s->session.commit_seq = x->commit_seq;
	s->session.path = x->path;
	if (!x->path)
		return;
	s->session.mtu = x->path->mtu;
	s->session.labels[0] = x->path->fwd_in;
	s->session.labels[1] = x->path->fwd_out;
	s->session.labels[2] = x->path->rev_in;
	s->session.labels[3] = x->path->rev_out;
}

static void look(struct day *d, struct standing s[NODES])
{
	memset(s, 0, NODES * sizeof(s[0]));
	for (uint32_t e = 0; e < d->net.graph.m; e++)
		for (unsigned side = 0; side < 2; side++)
			if (d->net.node[d->net.edge[e].node[side]].node)
				of_link(rig_peer(&d->net, e, side), &s[d->net.edge[e].node[side]],
				        !side);
	for (unsigned i = 0; i < NODES; i += 2) {
		const struct session *x = d->net.node[i].node ? between(d, i, 2 - i) : NULL;

		if (x)
			of_session(x, &s[i]);
	}
}

/* Both ends of every link hold it for up, of the same start of both. */
static bool all_up(struct day *d)
{
	for (uint32_t e = 0; e < d->net.graph.m; e++) {
		const struct peer *a = rig_peer(&d->net, e, 0), *b = rig_peer(&d->net, e, 1);

		if (!peer_up(a) || !peer_up(b) || a->local_epoch != b->remote_epoch ||
		    b->local_epoch != a->remote_epoch)
			return false;
	}
	return true;
}

/* What goes over a sealed link can be said again by the neighbour alone, while the link stands; the rest by anybody. */
static void play(struct day *d, const struct said *r, bool elsewhere)
{
	struct dp_event ev = r->ev;
	struct node_event e = {.type = NODE_WORKER_EVENT, .u.worker = &ev};

	if (ev.u.packet.reason != PUNT_HANDSHAKE && !all_up(d))
		return;
	if (elsewhere) {
		ev.u.packet.addr[1] ^= 0x55;
		ev.u.packet.addr_port ^= 0x1234;
	}
	d->played++;
	rig_input(&d->net, r->node, &e);
}

/* Everything so far is played back, at once, and changes nothing of what stands, neither now nor when the workers have done what follows. */
static void play_all(struct day *d, unsigned most)
{
	uint32_t first = d->n > most ? d->n - most : 0;
	struct standing before[NODES], after[NODES];

	look(d, before);
	for (uint32_t i = first; i < d->n; i++) {
		play(d, &d->record[i], i % 2);
		look(d, after);
		assert_memory_equal(before, after, sizeof(before));
	}
	d->deaf = true;
	rig_run(&d->net, 30);
	d->deaf = false;
	look(d, after);
	assert_memory_equal(before, after, sizeof(before));
}

/* The session is in use, both ways. */
static void talk(struct day *d)
{
	uint32_t before = d->arrived;

	assert_true(net_inject(&d->net, 0, &d->net.node[2].identity.id, 1));
	assert_true(net_inject(&d->net, 2, &d->net.node[0].identity.id, 2));
	rig_run(&d->net, 200);
	assert_int_equal(d->arrived, before + 2);
}

/* Whether a legitimate handshake may be under way: keys that are due, or young. */
static bool calm(struct day *d)
{
	for (uint32_t e = 0; e < d->net.graph.m; e++)
		for (unsigned side = 0; side < 2; side++) {
			const struct peer *p = rig_peer(&d->net, e, side);

			if (!peer_up(p) || !p->rx_used || p->own.active ||
			    instant_sub(p->rekey_timer.at, d->net.now) < NS_PER_S)
				return false;
		}
	for (unsigned i = 0; i < NODES; i += 2) {
		const struct session *x = between(d, i, 2 - i);

		if (!session_ready(x) || x->own.state != HS_NONE || x->commit ||
		    x->answer.state != HS_NONE || x->old_phase != SESSION_NO_PHASE ||
		    instant_sub(x->rekey_timer.at, d->net.now) < NS_PER_S)
			return false;
	}
	return true;
}

/* For so many minutes: the session in use, new keys every two minutes, and every so often all that was said so far is played back. Returns how often
 * it was. */
static unsigned hours(struct day *d, unsigned minutes, bool hostile)
{
	unsigned times = 0;

	for (unsigned i = 0; i < minutes * 6; i++) {
		talk(d);
		rig_run(&d->net, MINUTE / 6 - 200);
		if (hostile && i % 5 == 0 && calm(d)) {
			play_all(d, 400);
			times++;
		}
	}
	return times;
}

/* The standing network: no link flaps, no key is renewed sooner or later, and nobody begins more handshakes than undisturbed. */
static void test_standing(void **state)
{
	unsigned minutes = *state ? 1440 : 30;
	uint32_t begun[2];

	for (unsigned hostile = 0; hostile < 2; hostile++) {
		struct day *d = calloc(1, sizeof(*d));

		assert_non_null(d);
		day_open(d, 7);
		want(d, 0, 2);
		rig_run(&d->net, 2000);
		assert_int_equal(d->known, 1);
		begun[hostile] = hours(d, minutes, hostile);
		if (hostile) {
			assert_in_range(begun[1], minutes / 2, minutes * 2);
			assert_in_range(d->played, minutes * 10, UINT32_MAX);
		}
		for (uint32_t e = 0; e < d->net.graph.m; e++)
			for (unsigned side = 0; side < 2; side++) {
				const struct peer *p = rig_peer(&d->net, e, side);

				assert_int_equal(p->flaps, 0);
				assert_in_range(p->rekeys, minutes / 2 - 2, minutes / 2 + 1);
			}
		assert_in_range(between(d, 0, 2)->rekeys, minutes / 2 - 2, minutes / 2 + 1);
		assert_int_equal(between(d, 0, 2)->rebuilds, 0);
		begun[hostile] = d->begun;
		day_close(d);
		free(d);
	}
	assert_in_range(begun[1], begun[0] - 2, begun[0] + 2);
}

static void play_handshakes(struct day *d, uint32_t from, uint32_t to, bool setups)
{
	for (uint32_t i = from; i < to; i++)
		if (setups || d->record[i].ev.u.packet.reason != PUNT_CONTROL)
			play(d, &d->record[i], i % 2);
}

/* A node of the line starts anew, again and again, while every handshake message but set-ups that it or its neighbours ever heard comes again all the
 * time: the links and the session are there as soon as without, and both ends use the same keys and tunnel. */
static void test_coming_up(void **state)
{
	for (uint32_t who = 0; who < NODES; who++) {
		struct day *d = calloc(1, sizeof(*d));

		assert_non_null(d);
		day_open(d, 11 + who);
		want(d, 0, 2);
		rig_run(&d->net, 2000);
		(void)hours(d, 5, false);
		for (unsigned restart = 0; restart < 3; restart++) {
			uint32_t said = d->n, known = d->known;

			net_kill(&d->net, who);
			net_start(&d->net, who);
			for (unsigned ms = 0; ms < 8000; ms += 20) {
				play_handshakes(d, 0, ms % 100 == 0 ? said : 0, false);
				play_handshakes(d, said, d->n, false);
				rig_run(&d->net, 20);
			}
			want(d, 0, 2);
			for (unsigned ms = 0; ms < 1500; ms += 100) {
				play_handshakes(d, 0, d->n, false);
				rig_run(&d->net, 100);
			}
			assert_true(all_up(d));
			assert_true(d->known > known);
			(void)hours(d, 1, false);
			d->n = said; /* what was recorded meanwhile comes from answers to replays */
		}
		day_close(d);
		free(d);
	}
}

/* As above, but the transit alone starts anew, and its neighbours say set-ups and their replies again, too: there is a session again, and what
 * either end sends the other gets. */
static void test_setups_while_repaired(void **state)
{
	for (uint64_t seed = 31; seed < 33; seed++) {
		struct day *d = calloc(1, sizeof(*d));

		assert_non_null(d);
		day_open(d, seed);
		want(d, 0, 2);
		rig_run(&d->net, 2000);
		(void)hours(d, 1, false);
		for (unsigned restart = 0; restart < 3; restart++) {
			uint32_t said = d->n;

			net_kill(&d->net, 1);
			net_start(&d->net, 1);
			for (unsigned ms = 0; ms < 8000; ms += 20) {
				play_handshakes(d, 0, ms % 100 == 0 ? said : 0, true);
				play_handshakes(d, said, d->n, true);
				rig_run(&d->net, 20);
			}
			want(d, 0, 2);
			for (unsigned ms = 0; ms < 1500; ms += 100) {
				play_handshakes(d, 0, d->n, true);
				rig_run(&d->net, 100);
			}
			assert_true(all_up(d));
			talk(d);
			d->n = said;
		}
		day_close(d);
		free(d);
	}
}

/* First messages come all the time to a node whose neighbour has the lower id, and would win if it had sent them: the node's own handshake goes on all
 * the same. They are its own, sent back to it. */
static void test_sent_back(void **state)
{
	unsigned tried = 0;

	for (uint64_t seed = 1; tried < 3; seed++) {
		struct day *d = calloc(1, sizeof(*d));
		struct said own;
		uint32_t at;

		assert_non_null(d);
		day_open(d, seed);
		at = d->net.edge[0].node[0];
		assert_true(rig_peer(&d->net, 0, 0)->cfg.initiate);
		for (uint32_t i = 0; i < d->n; i++)
			if (d->record[i].node == d->net.edge[0].node[1] &&
			    d->record[i].ev.u.packet.link == d->net.edge[0].link[1] &&
			    d->record[i].ev.u.packet.data[0] >> 4 == LINK_HS1)
				own = d->record[i];
		own.node = at;
		own.ev.u.packet.link = d->net.edge[0].link[0];
		if (id_cmp(&rig_peer(&d->net, 0, 0)->id, &d->net.node[at].identity.id) < 0) {
			tried++;
			net_kill(&d->net, at);
			net_start(&d->net, at);
			for (unsigned ms = 0; ms < 2000; ms += 20) {
				if (d->net.node[at].node)
					play(d, &own, ms % 40 == 0);
				rig_run(&d->net, 20);
			}
			assert_int_equal(d->net.node[at].node->counters[CTR_HS_MAC1], 0);
			assert_true(peer_up(rig_peer(&d->net, 0, 0)));
		}
		day_close(d);
		free(d);
	}
}

int main(int argc, char **argv)
{
	static bool whole_day;
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_prestate(test_standing, argc > 1 ? &whole_day : NULL),
	        cmocka_unit_test(test_coming_up),
	        cmocka_unit_test(test_sent_back),
	        cmocka_unit_test(test_setups_while_repaired),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
