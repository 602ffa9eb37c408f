/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK ports: every worker has a queue pair of its own where the device has enough; otherwise one worker serves the whole port. */
#include "core/state.h"
#include "io/device.h"
#include "io/priv.h"

#include <errno.h>
#include <net/if.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT_DESCRIPTORS 1024

/* Written by control: in ports_start() and ports_stop(), while no worker runs, and in port_renew(), while every worker holds the port. */
static struct {
	_Atomic bool started;
	bool plugged;        /* there is a device */
	bool client;         /* of memif: it looks for its server at its start only */
	struct device_on on; /* the kernel's interface that it stands on; number 0: none */
	bool per_worker;
	uint8_t mac[6];
} port[IO_PORTS];

/* An interface that has come back under its old number is not the one that its device holds. */
static void note_deleted(void)
{
	unsigned number;

	while ((number = device_next_deleted()) != 0)
		for (unsigned i = 0; i < IO_PORTS; i++)
			port[i].on.deleted |= port[i].on.number == number;
}

static int fail(char *err, size_t errcap, const struct dp_port_cfg *c, const char *what, int rc)
{
	snprintf(err, errcap, "[port %s] %s: %s: %s", c->name, c->device, what, strerror(-rc));
	return rc;
}

/* The device's name, without its arguments. */
static void name_of(const struct dp_port_cfg *c, char name[sizeof(c->device)])
{
	snprintf(name, sizeof(c->device), "%s", c->device);
	name[strcspn(name, ",")] = '\0';
}

static int find(const struct dp_port_cfg *c, uint16_t *id)
{
	char name[sizeof(c->device)];

	name_of(c, name);
	return rte_eth_dev_get_port_by_name(name, id);
}

static int queues(uint16_t id, uint16_t n, struct rte_mempool *pool)
{
	uint16_t rx = PORT_DESCRIPTORS, tx = PORT_DESCRIPTORS;
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx, &tx);

	for (uint16_t q = 0; q < n && rc == 0; q++) {
		rc = rte_eth_rx_queue_setup(id, q, rx, (unsigned)rte_eth_dev_socket_id(id), NULL,
		                            pool);
		if (rc == 0)
			rc = rte_eth_tx_queue_setup(id, q, tx, (unsigned)rte_eth_dev_socket_id(id),
			                            NULL);
	}
	return rc;
}

static int missing(char *err, size_t errcap, const struct dp_port_cfg *c, int rc)
{
	snprintf(err, errcap, "[port %s] %s: there is no such device (%s): %s", c->name, c->device,
	         strerror(-rc), device_remedy(c->device));
	return rc;
}

static int start_one(const struct dp_cfg *cfg, const struct dp_port_cfg *c, uint16_t id,
                     struct rte_mempool *pool, char *err, size_t errcap)
{
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;
	uint16_t n = 1;
	int rc = rte_eth_dev_info_get(id, &info);

	if (rc)
		return fail(err, errcap, c, "cannot be asked what it can do", rc);
	if (info.max_rx_queues >= cfg->workers && info.max_tx_queues >= cfg->workers)
		n = (uint16_t)cfg->workers;
	if (n > 1) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf =
		        info.flow_type_rss_offloads & (RTE_ETH_RSS_MPLS | RTE_ETH_RSS_IP);
	}
	rc = rte_eth_dev_configure(id, n, n, &conf);
	if (rc == 0)
		rc = queues(id, n, pool);
	if (rc)
		return fail(err, errcap, c, "cannot be configured (try more memory-mb)", rc);
	port[id].plugged = true;
	note_deleted(); /* of what was there before */
	port[id].on = device_on(c->device);
	port[id].client = device_is_client(c->device);
	port[id].per_worker = n == cfg->workers;
	if (rte_eth_macaddr_get(id, &mac) == 0)
		memcpy(port[id].mac, mac.addr_bytes, 6);
	rc = rte_eth_dev_start(id);
	if (rc)
		return fail(err, errcap, c, "does not start", port[id].client ? -ENOTCONN : rc);
	port[id].started = true;
	return 0;
}

int ports_start(const struct dp_cfg *cfg, struct rte_mempool *pool, uint16_t id[DP_PORTS_MAX],
                char *err, size_t errcap)
{
	for (unsigned i = 0; i < cfg->nports; i++) {
		int rc = find(&cfg->ports[i], &id[i]);

		if (rc || id[i] >= IO_PORTS)
			rc = missing(err, errcap, &cfg->ports[i], rc ? rc : -ENOSPC);
		else
			rc = start_one(cfg, &cfg->ports[i], id[i], pool, err, errcap);
		/* A client whose server is not there yet: port_fault() tells, and port_renew() tries again. */
		if (rc && rc != -ENOTCONN) {
			ports_stop();
			return rc;
		}
	}
	return 0;
}

void ports_stop(void)
{
	for (uint16_t id = 0; id < IO_PORTS; id++) {
		if (port[id].started)
			(void)rte_eth_dev_stop(id);
		if (port[id].plugged)
			(void)rte_eth_dev_close(id);
		port[id].started = port[id].plugged = false;
	}
}

const char *port_fault(uint16_t id)
{
	struct rte_eth_link state = {0};

	note_deleted();
	if (id >= IO_PORTS || !port[id].plugged)
		return NULL;
	if (port[id].on.number) {
		unsigned now = if_nametoindex(port[id].on.name);

		return now == 0 ? "its interface is gone"
		       : now != port[id].on.number || port[id].on.deleted
		               ? "its interface was deleted and made again"
		               : NULL;
	}
	if (port[id].client && (!port[id].started || (rte_eth_link_get_nowait(id, &state) == 0 &&
	                                              state.link_status != RTE_ETH_LINK_UP)))
		return "no memif server answers: it does not run, or this user may not write to "
		       "its socket";
	return NULL;
}

/* A memif client looks for its server when it is started; its device stays, since the driver makes one only where this user may write to the
 * directory of the socket. */
static int start_again(const struct dp_port_cfg *c, uint16_t id, char *err, size_t errcap)
{
	int rc;

	if (port[id].started)
		(void)rte_eth_dev_stop(id);
	port[id].started = false;
	/* The driver's complaint about every server that is not there yet would fill the log. */
	(void)rte_log_set_level_pattern("pmd.net.memif*", RTE_LOG_CRIT);
	rc = rte_eth_dev_start(id);
	(void)rte_log_set_level_pattern("pmd.net.memif*", RTE_LOG_ERR);
	if (rc)
		return fail(err, errcap, c, "does not start", -ENOTCONN);
	port[id].started = true;
	return 0;
}

int port_renew(const struct dp_cfg *cfg, const struct dp_port_cfg *c, uint16_t id,
               struct rte_mempool *pool, char *err, size_t errcap)
{
	const char *args = strchr(c->device, ',');
	char name[sizeof(c->device)];
	uint16_t made;
	int rc;

	if (port[id].client && port[id].plugged)
		return start_again(c, id, err, errcap);
	name_of(c, name);
	if (port[id].started) {
		(void)rte_eth_dev_stop(id);
		(void)rte_eth_dev_close(id);
		port[id].started = false;
	}
	if (port[id].plugged)
		(void)rte_eal_hotplug_remove("vdev", name);
	port[id].plugged = false;
	if (device_on_missing(c->device))
		return -EAGAIN;
	rc = rte_eal_hotplug_add("vdev", name, args ? args + 1 : "");
	if (rc == 0)
		rc = find(c, &made);
	if (rc)
		return missing(err, errcap, c, rc);
	port[id].plugged = true;
	if (made != id)
		return fail(err, errcap, c, "came back under another number", -EBUSY);
	return start_one(cfg, c, id, pool, err, errcap);
}

bool port_info(uint16_t id, bool *up, uint16_t *mtu, uint8_t mac[6])
{
	struct rte_eth_link state = {0};

	if (id >= IO_PORTS || !port[id].plugged)
		return false;
	*up = port[id].started && rte_eth_link_get_nowait(id, &state) == 0 &&
	      state.link_status == RTE_ETH_LINK_UP;
	if (rte_eth_dev_get_mtu(id, mtu))
		*mtu = 0;
	memcpy(mac, port[id].mac, 6);
	return true;
}

bool port_per_worker(uint16_t id)
{
	return port[id].per_worker;
}

unsigned port_worker(uint16_t id, unsigned workers)
{
	return id % workers;
}

int port_attach(struct io *io, struct link *l)
{
	const struct worker *w = io->w;
	struct io_port *p;
	uint16_t id = l->cfg.port;

	if (id >= IO_PORTS || !port[id].plugged || l->cfg.vlan >= 4095)
		return -EINVAL;
	p = &io->port[id];
	p->held |= !port[id].started;
	if (!p->vlan) {
		p->vlan = malloc(4096 * sizeof(*p->vlan));
		if (!p->vlan)
			return -ENOMEM;
		memset(p->vlan, 0xff, 4096 * sizeof(*p->vlan));
	}
	if (p->vlan[l->cfg.vlan] != UINT16_MAX)
		return -EEXIST;
	p->vlan[l->cfg.vlan] = l->number;
	memcpy(p->mac, port[id].mac, 6);
	if (p->links++ == 0) {
		p->used = true;
		p->poll = port_per_worker(id) || port_worker(id, w->workers) == w->number;
		p->queue = port_per_worker(id) ? (uint16_t)w->number : 0;
		io->ports += 1;
	}
	return 0;
}

void port_detach(struct io *io, struct link *l)
{
	struct io_port *p = l->cfg.port < IO_PORTS ? &io->port[l->cfg.port] : NULL;

	if (!p || !p->vlan || p->vlan[l->cfg.vlan] != l->number)
		return;
	p->vlan[l->cfg.vlan] = UINT16_MAX;
	COYO_ASSERT(p->used && p->links > 0);
	if (--p->links == 0) {
		p->used = false;
		io->ports -= 1;
	}
}

int io_port_hold(struct io *io, uint16_t id, bool held)
{
	struct io_port *p = id < IO_PORTS ? &io->port[id] : NULL;

	if (!p || (!held && !port[id].started))
		return -EINVAL;
	p->held = held;
	if (!held) {
		memcpy(p->mac, port[id].mac, 6);
		p->missed = 0;
	}
	return 0;
}

uint64_t port_look(uint16_t id)
{
	struct rte_eth_stats stats = {0};

	return rte_eth_stats_get(id, &stats) ? 0 : stats.imissed + stats.rx_nombuf;
}

unsigned port_receive(uint16_t id, uint16_t queue, struct rte_mbuf **m, unsigned n)
{
	return rte_eth_rx_burst(id, queue, m, (uint16_t)n);
}

unsigned port_transmit(uint16_t id, uint16_t queue, struct rte_mbuf **m, unsigned n)
{
	return rte_eth_tx_burst(id, queue, m, (uint16_t)n);
}
