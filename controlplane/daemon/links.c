/* SPDX-License-Identifier: BSD-3-Clause */
/* Link numbers, sockets and liveness by counters. */
#include "daemon/links.h"
#include "daemon/daemon.h"
#include "daemon/link_socket.h"
#include "daemon/notify.h"
#include "wire/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLL_BUSY_NS  (100 * NS_PER_MS) /* while data moves: a dead link is noticed within 1 s */
#define POLL_IDLE_NS  (500 * NS_PER_MS) /* to notice that data begins to move */
#define BUSY_FOR_NS   (2 * NS_PER_S)
#define UDP_FRAME     1500 /* largest IP packet that is tried */
#define SEAL_OVERHEAD 32   /* 16 bytes of header, 16 of tag */
#define LABELLED_MAX  1500
#define LINKS_CONFIGURED_MAX \
	(CPDP_LINKS_MAX / 2) /* the other numbers are for links that listeners make */

/* The bound of a link over IP: probes find out how much of it the way carries. Links without control are not probed. */
static uint16_t default_mtu(const struct conf_link *l)
{
	bool v6 = l->local.family == 6;

	for (unsigned i = 0; i < l->remote.n; i++)
		v6 |= l->remote.v[i].family == 6;
	if (!l->control)
		return LINK_MTU_SAFE;
	return (uint16_t)(UDP_FRAME - SEAL_OVERHEAD - (v6 ? 48 : 28));
}

/* The configured addresses that the link's socket can send to. */
static struct node_ends ends_of(const struct daemon_link *k, const struct conf_link *l)
{
	struct node_ends ends = {0};

	_Static_assert(CONF_ENDS_MAX == LINK_ENDS_MAX, "the node takes all of them");
	for (unsigned i = 0; i < l->remote.n; i++) {
		const conf_addr_t *a = &l->remote.v[i];
		struct node_addr *to = &ends.v[ends.n];

		if (!(a->family == 6 ? k->v6 : k->v4))
			continue;
		*to = (struct node_addr){.family = a->family, .port = a->port};
		memcpy(to->addr, a->addr, sizeof(to->addr));
		ends.n++;
	}
	return ends;
}

static int slot_take(struct daemon *d)
{
	struct daemon_link *a;

	for (uint32_t i = 0; i < d->nlinks && i < LINKS_CONFIGURED_MAX; i++)
		if (!*d->links[i].name)
			return (int)i;
	if (d->nlinks >= LINKS_CONFIGURED_MAX)
		return -ENOSPC;
	a = realloc(d->links, (d->nlinks + 1) * sizeof(*a));
	if (!a)
		return -ENOMEM;
	d->links = a;
	a[d->nlinks] = (struct daemon_link){.fd = -1};
	return (int)d->nlinks++;
}

int links_open(struct daemon *d, const struct conf_link *l, char *err, size_t errcap)
{
	int n = slot_take(d);
	struct daemon_link *k;

	if (n < 0) {
		if (n == -ENOSPC)
			snprintf(
			        err, errcap,
			        "link %s: there are %u links, and no more are possible; remove one",
			        l->head.name, LINKS_CONFIGURED_MAX);
		else
			snprintf(err, errcap, "link %s: out of memory for it", l->head.name);
		return n;
	}
	k = &d->links[n];
	*k = (struct daemon_link){.fd = -1, .control = l->control};
	k->io = (struct cp_link){
	        .link = (uint16_t)n,
	        .type = l->type == CONF_TYPE_ETHERNET ? LINK_ETHERNET : LINK_UDP_SOCKET,
	        .sealed = l->seal,
	        .mtu = (uint16_t)l->mtu,
	        .owner = (uint8_t)((unsigned)n % d->workers),
	        .check_mac = l->check_mac,
	        .fd = -1,
	        .vlan = (uint16_t)l->vlan,
	};
	memcpy(k->io.peer_mac, l->mac, 6);
	if (l->type == CONF_TYPE_UDP_SOCKET) {
		struct node_ends ends;
		int fd = link_socket_open(d, l, k, err, errcap);

		if (fd < 0)
			return fd;
		k->fd = k->io.fd = fd;
		ends = ends_of(k, l);
		k->io.family = ends.v[0].family;
		k->io.remote_port = ends.v[0].port;
		memcpy(k->io.remote_addr, ends.v[0].addr, 16);
		memcpy(k->io.local_addr, l->local.addr, 16);
		if (!k->io.mtu)
			k->io.mtu = default_mtu(l);
	}
	snprintf(k->name, sizeof(k->name), "%.31s", l->head.name);
	return n;
}

static int start_ethernet(struct daemon *d, struct daemon_link *k, const struct conf_link *l,
                          char *err, size_t errcap)
{
	int port = dp_port_index(d->dp, l->port);
	unsigned room;
	uint16_t mtu;
	uint8_t mac[6];
	bool up;

	if (port < 0 || dp_port_info(d->dp, (uint16_t)port, &up, &mtu, mac) < 0) {
		snprintf(err, errcap,
		         "link %s: port %s did not start; the lines above from EAL say why, and "
		         "device of [port %s] names it",
		         k->name, l->port, l->port);
		return -ENODEV;
	}
	k->port = k->io.port = (uint16_t)port;
	k->io.owner = (uint8_t)((unsigned)port % d->workers);
	k->carrier = up;
	room = mtu > SEAL_OVERHEAD ? mtu - (k->io.sealed ? SEAL_OVERHEAD : 0) : 0;
	if (room > LABELLED_MAX)
		room = LABELLED_MAX;
	if (!k->io.mtu)
		k->io.mtu = (uint16_t)room;
	if (room < LINK_MTU_LEAST) {
		snprintf(
		        err, errcap,
		        "link %s: port %s has an MTU of %u, which leaves room for %u; a link needs "
		        "%u",
		        k->name, l->port, mtu, room, LINK_MTU_LEAST);
		return -EINVAL;
	}
	if (k->io.mtu > room) {
		snprintf(err, errcap,
		         "link %s: mtu = %u does not fit port %s, whose MTU of %u leaves room for "
		         "%u; lower it, or leave it out",
		         k->name, k->io.mtu, l->port, mtu, room);
		return -EINVAL;
	}
	return 0;
}

/* control = no: nobody but the daemon speaks for such a link. */
static void start_static(struct daemon *d, const struct daemon_link *k)
{
	struct cp_cmd set = {.type = CMD_LINK_SET, .u.link = k->io};
	struct cp_cmd open = {.type = CMD_LINK_OPEN};

	pump_own_command(d, CPDP_ALL_WORKERS, &set);
	open.u.open.link = k->io.link;
	open.u.open.on = 1;
	pump_own_command(d, CPDP_ALL_WORKERS, &open);
}

static void tell_carrier(struct daemon *d, uint32_t link)
{
	struct node_event ev = {.type = NODE_LINK_CARRIER};

	ev.u.link.link = (uint16_t)link;
	ev.u.link.up = d->links[link].carrier;
	node_input(d->node, &ev, d->now);
}

int links_start(struct daemon *d, uint32_t link, const struct conf_link *l, char *err,
                size_t errcap)
{
	struct daemon_link *k = &d->links[link];
	struct node_link_cfg cfg;
	struct node_event ev = {.type = NODE_LINK_ADD, .u.link_add = &cfg};

	if (k->io.type == LINK_ETHERNET) {
		int rc = start_ethernet(d, k, l, err, errcap);

		if (rc)
			return rc;
	}
	if (!k->control) {
		start_static(d, k);
		return 0;
	}
	cfg = (struct node_link_cfg){
	        .io = k->io,
	        .expect_id = conf_given(&l->head, CONF_SEC_LINK, "peer"),
	        .initiate = k->io.type == LINK_ETHERNET || l->remote.n > 0,
	        .id = l->peer,
	        .ends = ends_of(k, l),
	};
	snprintf(cfg.name, sizeof(cfg.name), "%s", k->name);
	node_input(d->node, &ev, d->now);
	if (k->io.type == LINK_ETHERNET && !k->carrier)
		tell_carrier(d, link);
	return 0;
}

bool links_serve(const struct daemon *d, uint32_t link, const struct conf_link *l)
{
	const struct daemon_link *k = &d->links[link];
	bool v4, v6;

	link_socket_families(l, &v4, &v6);
	return k->fd >= 0 && k->control && (k->v4 || !v4) && (k->v6 || !v6);
}

void links_set_remotes(struct daemon *d, uint32_t link, const struct conf_link *l)
{
	struct node_event ev = {.type = NODE_LINK_ENDS};
	struct node_ends ends = ends_of(&d->links[link], l);

	ev.u.ends.link = (uint16_t)link;
	ev.u.ends.ends = &ends;
	node_input(d->node, &ev, d->now);
}

void links_remove(struct daemon *d, uint32_t link)
{
	struct node_event ev = {.type = NODE_LINK_LEAVE};

	d->links[link].leaving = true;
	ev.u.link.link = (uint16_t)link;
	node_input(d->node, &ev, d->now);
}

/* syscalls: close */
void links_gone(struct daemon *d, uint32_t link)
{
	struct daemon_link *k;

	if (link >= d->nlinks)
		return;
	k = &d->links[link];
	if (k->fd >= 0)
		close(k->fd);
	*k = (struct daemon_link){.fd = -1};
}

static void tell_manager(struct daemon *d)
{
	unsigned up = 0, all = 0;
	char text[64];

	for (uint32_t i = 0; i < d->nlinks; i++) {
		all += *d->links[i].name && d->links[i].control && !d->links[i].listener;
		up += d->links[i].up;
	}
	snprintf(text, sizeof(text), "STATUS=%u of %u links up", up, all);
	(void)notify_send(&d->notify, text);
}

void links_state(struct daemon *d, const struct node_output *out)
{
	uint32_t link = out->u.link.link;
	char id[ID_SHORT_LEN + 1];

	if (link >= d->nlinks)
		return;
	d->links[link].up = out->u.link.up;
	id_to_short(&out->u.link.id, id);
	daemon_log(d, LOG_LEVEL_INFO, "link %s %s, neighbour %s%s%.64s", d->links[link].name,
	           out->u.link.up ? "up" : "down", id, *out->u.link.why ? ": " : "",
	           out->u.link.why);
	tell_manager(d);
}

/* syscalls: close */
void links_close(struct daemon *d)
{
	for (uint32_t i = 0; i < d->nlinks; i++)
		if (d->links[i].fd >= 0)
			close(d->links[i].fd);
	free(d->links);
	d->links = NULL;
	d->nlinks = 0;
}

int links_find(const struct daemon *d, const char *name)
{
	for (uint32_t i = 0; i < d->nlinks; i++)
		if (*name && strcmp(d->links[i].name, name) == 0)
			return (int)i;
	return -1;
}

const char *links_name(const struct daemon *d, uint32_t link)
{
	return link < d->nlinks && *d->links[link].name ? d->links[link].name : NULL;
}

static void poll_carrier(struct daemon *d, uint32_t link)
{
	struct daemon_link *k = &d->links[link];
	uint16_t mtu;
	uint8_t mac[6];
	bool up;

	if (k->io.type != LINK_ETHERNET)
		return;
	if (dp_port_info(d->dp, k->port, &up, &mtu, mac) < 0 || ports_fault(d, k->port))
		up = false;
	if (up == k->carrier)
		return;
	k->carrier = up;
	daemon_log(d, LOG_LEVEL_INFO, "link %s: carrier %s", k->name, up ? "up" : "down");
	tell_carrier(d, link);
}

static void tell_count(struct daemon *d, uint32_t type, uint32_t link, uint64_t n,
                       struct instant since)
{
	struct node_event ev = {.type = type};

	ev.u.link.link = (uint16_t)link;
	ev.u.link.count = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
	ev.u.link.since = since;
	node_input(d->node, &ev, d->now);
}

void links_poll(struct daemon *d)
{
	struct instant since = d->polled_at;

	d->polled_at = d->now;
	ports_poll(d);
	for (uint32_t i = 0; i < d->nlinks; i++) {
		struct daemon_link *k = &d->links[i];
		struct dp_link_counters c;
		uint64_t rx, tx;

		if (!*k->name || !k->control || k->leaving || k->listener)
			continue;
		poll_carrier(d, i);
		if (!dp_link_counters(d->dp, (uint16_t)i, &c))
			continue;
		/* A number that is used again starts its counters anew. */
		rx = c.rx_packets - (c.rx_packets < k->rx_packets ? 0 : k->rx_packets);
		tx = c.tx_data_packets - (c.tx_data_packets < k->tx_data ? 0 : k->tx_data);
		k->rx_packets = c.rx_packets;
		k->tx_data = c.tx_data_packets;
		if (tx)
			d->moved_at = d->now;
		if (rx)
			tell_count(d, NODE_LINK_RX, i, rx, since);
		if (tx)
			tell_count(d, NODE_LINK_TX, i, tx, since);
	}
	d->poll_at = links_poll_next(d);
}

struct instant links_poll_next(const struct daemon *d)
{
	for (uint32_t i = 0; i < d->nlinks; i++)
		if (*d->links[i].name && d->links[i].control) {
			bool busy = instant_sub(d->now, d->moved_at) < BUSY_FOR_NS;

			return instant_add(d->now, busy ? POLL_BUSY_NS : POLL_IDLE_NS);
		}
	return INSTANT_NEVER;
}
