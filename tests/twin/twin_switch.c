/* SPDX-License-Identifier: BSD-3-Clause */
/* The label switch from port to port beside a twin that takes one frame at a time: random frames, good and malformed, on plain, tagged, sealed,
 * closed and narrow links. Every frame, drop reason and counter must be the same; a packet leaves by the link of its entry, or not at all. */
#include "tests/unit/dataplane/room.h"

#include "base/rng.h"
#include "core/ring.h"
#include "fwd/fwd.h"
#include "io/priv.h"
#include "tests/twin/label_twin.h"
#include "wire/lse.h"

#define LINKS    6
#define ABSENT   9 /* number of a link that does not exist */
#define LABELS   48
#define FRAMES   60000u
#define LEN_MAX  220u
#define TYPE_TAG 0x8100

/* Ports A (0) and B (1), and a link for each way in which links differ. */
static const struct {
	unsigned port;
	uint16_t vlan, mtu;
	bool sealed, check_mac, open;
} of[LINKS] = {
        {0, 0, 1500, false, false, true}, {0, 7, 1500, false, true, true},
        {0, 8, 1500, true, false, true}, /* without a key */
        {1, 0, 100, false, false, true},  {1, 5, 1500, false, false, false},
        {1, 6, 1500, false, false, true},
};

static struct room r = {.cfg.name = "twin_switch"};
static struct worker *w = &r.w[0];
static struct io *io;
static struct fwd *f;
static uint16_t id[DP_PORTS_MAX];
static struct label_twin map[LINKS];
static struct rng_seeded seed;
static struct rng rng;

struct frame {
	unsigned port, link, label; /* where it is expected, whence it came */
	unsigned len;
	bool expected;
	uint8_t b[LEN_MAX + 8];
};
static struct frame
        frames[FRAMES + 1]; /* by serial number, which stands behind the top label; 0: none */
static uint32_t last[LINKS][LABEL_SPACE]; /* serial number that last left, by in-link and label */
static uint64_t drops[DROP_REASONS];      /* the twin's */
static struct dp_link_counters count[LINKS];
static uint64_t switched, switched_bytes, local, left;

/* ---- the wire ---- */

static struct rte_mbuf *wire[PORT_BURST];
static unsigned nwire, wire_port;

unsigned __wrap_port_receive(uint16_t port, uint16_t queue, struct rte_mbuf **m, unsigned n);
unsigned __wrap_port_transmit(uint16_t port, uint16_t queue, struct rte_mbuf **m, unsigned n);

unsigned __wrap_port_receive(uint16_t port, uint16_t queue, struct rte_mbuf **m, unsigned n)
{
	unsigned k = nwire;

	assert_true(k <= n);
	if (port != id[wire_port])
		return 0;
	memcpy(m, wire, k * sizeof(m[0]));
	nwire = 0;
	return k;
}

static void came_out(uint16_t port, struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	bool tagged = be16_load(p + 12) == TYPE_TAG;
	uint32_t serial = be32_load(p + (tagged ? 22 : 18));
	struct frame *e = &frames[serial];

	assert_in_range(serial, 1, FRAMES);
	assert_true(e->expected); /* and not twice */
	e->expected = false;
	assert_int_equal(port, id[e->port]);
	assert_int_equal(m->nb_segs, 1);
	assert_int_equal(m->data_len, e->len);
	assert_int_equal(m->pkt_len, e->len);
	assert_memory_equal(p, e->b, e->len);
	assert_true(serial > last[e->link][e->label]); /* in order */
	last[e->link][e->label] = serial;
	left++;
}

unsigned __wrap_port_transmit(uint16_t port, uint16_t queue, struct rte_mbuf **m, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		came_out(port, m[i]);
	rte_pktmbuf_free_bulk(m, n);
	return n;
}

/* ---- the twin ---- */

static void mac_of(unsigned link, uint8_t mac[6])
{
	memcpy(mac, (const uint8_t[6]){2, 0, 0, 0, 1, (uint8_t)link}, 6);
}

static void twin_leaves(unsigned in, uint32_t label, const struct cp_ilm *e, const uint8_t *stack,
                        unsigned len)
{
	unsigned out = e->out_link;
	struct frame *x = &frames[be32_load(stack + LSE_BYTES)];
	bool gal = e->out_label == LABEL_GAL;
	uint8_t *p = x->b;

	if (out >= LINKS) {
		drops[DROP_NO_LINK]++;
		return;
	}
	switched++;
	switched_bytes += len;
	if (len > of[out].mtu && !gal) {
		drops[DROP_TOO_BIG]++;
		return;
	}
	if (!of[out].open && !gal) {
		drops[DROP_LINK_CLOSED]++;
		return;
	}
	if (of[out].sealed) {
		drops[DROP_NO_KEY]++;
		return;
	}
	count[out].tx_packets++;
	count[out].tx_bytes += len;
	count[out].tx_data_packets += e->out_label > 15;
	mac_of(out, p);
	memcpy(p + 6, io->port[id[of[out].port]].mac, 6);
	p += 12;
	if (of[out].vlan) {
		be16_store(p, TYPE_TAG);
		be16_store(p + 2, of[out].vlan);
		p += 4;
	}
	be16_store(p, 0x8847);
	memcpy(p + 2, stack, len);
	be32_store(p + 2, e->out_label << 12 | ((be32_load(stack) & 0xfff) - 1));
	x->port = of[out].port;
	x->link = in;
	x->label = label;
	x->expected = true;
	x->len = (unsigned)(p + 2 - x->b) + len;
}

static void twin_label(unsigned in, const uint8_t *stack, unsigned len)
{
	uint32_t lse = be32_load(stack), label = lse >> 12;
	int row;

	count[in].rx_packets++;
	count[in].rx_bytes += len;
	if (label == 1 || label == 13) {
		drops[DROP_LINK_CLOSED] += !of[in].open && label != 13;
		return;
	}
	if (!of[in].open) {
		drops[DROP_LINK_CLOSED]++;
		return;
	}
	count[in].rx_data_packets++;
	row = label_twin_find(&map[in], label);
	if (row < 0) {
		drops[DROP_UNKNOWN_LABEL]++;
		return;
	}
	map[in].packets[row]++;
	map[in].bytes[row] += len;
	if (map[in].row[row].op != ILM_SWAP) {
		if (!(lse & 0x100))
			drops[DROP_BAD_STACK]++;
		else if (map[in].row[row].op == ILM_SESSION)
			local++;
		else
			drops[DROP_SINK]++;
	} else if ((lse & 0xff) <= 1) {
		drops[DROP_TTL]++;
	} else {
		twin_leaves(in, label, &map[in].row[row], stack, len);
	}
}

static void twin_frame(unsigned port, const uint8_t *p, unsigned len, bool whole)
{
	unsigned type = be16_load(p + 12), vlan = 0, head = 14, link;
	uint8_t mac[6];

	if (!whole || len < 18) {
		drops[whole ? DROP_RUNT : DROP_TOO_BIG]++;
		return;
	}
	if (type == TYPE_TAG) {
		if (len < 22) {
			drops[DROP_RUNT]++;
			return;
		}
		vlan = be16_load(p + 14) & 0xfff;
		type = be16_load(p + 16);
		head = 18;
	}
	for (link = 0; link < LINKS; link++)
		if (of[link].port == port && of[link].vlan == vlan)
			break;
	if (link == LINKS) {
		drops[DROP_VLAN]++;
		return;
	}
	mac_of(link, mac);
	if (of[link].check_mac && memcmp(p + 6, mac, 6) != 0)
		drops[DROP_MAC]++;
	else if (of[link].sealed)
		drops[type == 0x8847 ? DROP_PLAIN_ON_SEALED : DROP_ETHERTYPE]++;
	else if (type != 0x8847)
		drops[DROP_ETHERTYPE]++;
	else
		twin_label(link, p + head, len - head);
}

/* ---- what both are given ---- */

static uint32_t label_of(unsigned i)
{
	return 16 +
	       2 * (i * 7919u % ((LABEL_SPACE - 16) / 2)); /* even: what ends here is worker 0's */
}

static uint32_t any(uint32_t n)
{
	return (uint32_t)rng_below(&rng, n);
}

static void frame_make(unsigned port, uint32_t serial)
{
	static const uint16_t vlans[] = {0, 7, 8, 5, 6, 99};
	struct rte_mbuf *m = worker_mbuf(w), *rest = NULL;
	unsigned len, link;
	uint8_t b[LEN_MAX], *p = b + 12;

	assert_non_null(m);
	rng_fill(&rng, b, sizeof(b));
	be16_store(p, TYPE_TAG);
	be16_store(p + 2, (uint16_t)(any(8) << 13 | vlans[any(any(8) ? 5 : 6)]));
	if (any(2)) /* untagged */
		p -= 4;
	/* Shorter than its headers, or long enough for the serial number. */
	len = any(30) ? 34 + any(LEN_MAX - 34) : 1 + any(p > b + 8 ? 21 : 17);
	link = port ? 3 : 0;
	for (unsigned i = 0; p > b + 8 && i < LINKS; i++)
		if (of[i].port == port && of[i].vlan == (be16_load(b + 14) & 0xfff))
			link = i;
	mac_of(any(10) ? link : 77, b + 6);
	be16_store(p + 4, any(20) ? 0x8847 : any(2) && link != 2 ? 0x88b5 : 0x0800);
	be32_store(p + 6, (any(12) ? label_of(any(LABELS)) : any(17)) << 12 | (any(4) ? 0x100 : 0) |
	                          any(8) << 9 | (any(10) ? 2 + any(254) : any(2)));
	be32_store(p + 10, serial);
	p[14] = 0x45; /* no control word */
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), b, len);
	if (any(100) == 0) {
		rest = worker_mbuf(w);
		assert_non_null(rest);
		assert_non_null(rte_pktmbuf_append(rest, 10));
		assert_int_equal(rte_pktmbuf_chain(m, rest), 0);
	}
	wire[nwire++] = m;
	twin_frame(port, b, len, !rest);
}

static void entry(unsigned in)
{
	struct cp_cmd c = {.type = any(8) ? CMD_ILM_SET : CMD_ILM_DEL};
	static const uint8_t ops[] = {ILM_SWAP, ILM_SWAP,    ILM_SWAP,
	                              ILM_SWAP, ILM_SESSION, ILM_SINK};
	uint32_t out = any(LINKS + 1);

	c.u.ilm = (struct cp_ilm){.in_link = (uint16_t)in,
	                          .in_label = label_of(any(LABELS)),
	                          .op = ops[any(ARRAY_LEN(ops))],
	                          .out_link = (uint16_t)(out == LINKS ? ABSENT : out),
	                          .out_label = any(12) ? 16 + any(LABEL_SPACE - 16) : any(16),
	                          .session = 5,
	                          .twin_label = LABEL_NONE};
	if (c.type == CMD_ILM_SET) {
		assert_int_equal(fwd_command(f, &c), 0);
		assert_true(label_twin_set(&map[in], &c.u.ilm));
	} else {
		assert_int_equal(fwd_command(f, &c) == 0,
		                 label_twin_del(&map[in], c.u.ilm.in_label));
	}
}

static void compare(void)
{
	for (unsigned i = 0; i < DROP_REASONS; i++)
		assert_int_equal(w->drops[i], drops[i]);
	assert_int_equal(w->count.switched_packets, switched);
	assert_int_equal(w->count.switched_bytes, switched_bytes);
	for (unsigned l = 0; l < LINKS; l++) {
		assert_memory_equal(&w->link_count[l], &count[l], sizeof(count[l]));
		for (unsigned i = 0; i < map[l].n; i++) {
			const struct ilm_entry *e =
			        ilm_get(&w->link[l]->ilm, map[l].row[i].in_label);

			assert_non_null(e);
			assert_int_equal(e->packets, map[l].packets[i]);
			assert_int_equal(e->bytes, map[l].bytes[i]);
		}
	}
}

/* Everything that the worker is given in one turn; then what it has sent to control is thrown away. */
static void turn(struct burst *b, uint64_t *got)
{
	struct dp_event *ev;

	while (io_rx(io, b)) {
		fwd_labelled(f, b);
		*got += b->nlocal;
		for (unsigned i = 0; i < b->nlocal; i++) {
			assert_in_range(packet_of(b->local[i])->link, 0, LINKS - 1);
			assert_int_equal(packet_of(b->local[i])->session, 5);
		}
		rte_pktmbuf_free_bulk(b->local, b->nlocal);
		b->nlocal = 0;
	}
	fwd_flush(f);
	while ((ev = ring_take_begin(w->events, sizeof(*ev)))) {
		static const uint8_t none[6];

		if (ev->type == EVT_PACKET) /* what is punted tells its source */
			assert_memory_not_equal(ev->u.packet.mac, none, 6);
		ring_take_end(w->events);
	}
}

static void test_switch_and_twin(void **state)
{
	static struct burst b;
	uint64_t got = 0;
	uint32_t serial = 0;

	while (serial < FRAMES) {
		unsigned n = 1 + any(PORT_BURST);

		for (unsigned i = 0; i < 8; i++)
			entry(any(LINKS));
		wire_port = any(2);
		for (unsigned i = 0; i < n && serial < FRAMES; i++)
			frame_make(wire_port, ++serial);
		w->now.ns += NS_PER_MS;
		turn(&b, &got);
		assert_int_equal(nwire, 0);
		assert_int_equal(got, local);
		if (any(16) == 0)
			compare();
	}
	compare();
	for (unsigned i = 1; i <= FRAMES; i++)
		assert_false(frames[i].expected);
	/* None of it happened by luck alone. */
	assert_true(left > FRAMES / 20 && local > FRAMES / 100);
	for (unsigned i = 0; i < 4; i++) {
		static const enum drop_reason rare[] = {DROP_NO_LINK, DROP_TOO_BIG, DROP_NO_KEY,
		                                        DROP_RUNT};

		assert_true(drops[rare[i]] > 20);
	}
}

static int setup(void **state)
{
	static struct dp_port_cfg port[2] = {{.name = "a", .device = "net_null0,no-rx=1"},
	                                     {.name = "b", .device = "net_null1,no-rx=1"}};
	char err[512] = "";

	r.cfg.ports = port;
	r.cfg.nports = 2;
	room_start(&r);
	assert_int_equal(ports_start(&r.cfg, r.all.pool, id, err, sizeof(err)), 0);
	io = io_new(w, err, sizeof(err));
	f = io ? fwd_new(w, io, err, sizeof(err)) : NULL;
	assert_non_null(f);
	rng_seeded_init(&seed, 13);
	rng = rng_from_seeded(&seed);
	for (unsigned l = 0; l < LINKS; l++) {
		struct cp_cmd c = {.type = CMD_LINK_SET};

		c.u.link = (struct cp_link){.link = (uint16_t)l,
		                            .type = LINK_ETHERNET,
		                            .mtu = of[l].mtu,
		                            .port = id[of[l].port],
		                            .vlan = of[l].vlan,
		                            .sealed = of[l].sealed,
		                            .check_mac = of[l].check_mac};
		mac_of(l, c.u.link.peer_mac);
		assert_int_equal(fwd_command(f, &c), 0);
		c = (struct cp_cmd){.type = CMD_LINK_OPEN};
		c.u.open.link = (uint16_t)l;
		c.u.open.on = of[l].open;
		assert_int_equal(fwd_command(f, &c), 0);
		/* Both ports are this worker's, whatever their numbers. */
		io->port[id[of[l].port]].poll = true;
		io->port[id[of[l].port]].queue = 0;
	}
	return 0;
}

static int teardown(void **state)
{
	fwd_free(f);
	io_free(io);
	ports_stop();
	room_end(&r);
	for (unsigned l = 0; l < LINKS; l++)
		label_twin_free(&map[l]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_switch_and_twin)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
