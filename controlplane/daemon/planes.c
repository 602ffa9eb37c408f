/* SPDX-License-Identifier: BSD-3-Clause */
/* What the node and the data plane are told, from the configuration. */
#include "daemon/planes.h"
#include "daemon/daemon.h"
#include "daemon/tun.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A tunnel with its labels, its entries in one worker and what the indexes take. */
#define TUNNEL_BYTES  1536
#define TUNNELS_LEAST 4096
#define TUNNELS_MOST  16777216

/* ---- what the node is made of ---- */

static void random_fill(void *arg, void *out, size_t n)
{
	(void)arg;
	randombytes_buf(out, n);
}

static void *node_memory(void *arg, size_t n)
{
	(void)arg;
	return calloc(1, n);
}

static void node_memory_free(void *arg, void *p)
{
	(void)arg;
	free(p);
}

/* Packet buffers for a worker inside of a program, which has fewer links than a router. */
#define EMBEDDED_MBUFS 4096

/* As many tunnels as take an eighth of this machine's memory. */
static uint64_t tunnels_by_memory(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	uint64_t n =
	        pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page / 8 / TUNNEL_BYTES : 0;

	return n < TUNNELS_LEAST ? TUNNELS_LEAST : n < TUNNELS_MOST ? n : TUNNELS_MOST;
}

void node_cfg_of(const struct daemon *d, struct node_cfg *cfg)
{
	const struct conf_node *n = &d->conf.node;
	uint64_t overlap = n->key_overlap_s < n->rekey_s ? n->key_overlap_s : n->rekey_s;

	node_cfg_default(cfg);
	cfg->identity = &d->me;
	cfg->rng = (struct rng){.fill = random_fill};
	cfg->alloc = (struct node_alloc){.alloc = node_memory, .free = node_memory_free};
	cfg->network_id = (uint32_t)n->network;
	cfg->workers = (uint8_t)d->workers;
	cfg->transit = n->transit.on;
	cfg->transit_rate = n->transit.rate;
	cfg->aes_gcm = crypto_aead_aes256gcm_is_available() == 1;
	cfg->sessions_max = (uint32_t)n->sessions;
	cfg->tunnels_max = (uint32_t)(n->tunnels ? n->tunnels : tunnels_by_memory());
	cfg->hello_active_ns = (int64_t)n->hello_active_ms * NS_PER_MS;
	cfg->hello_idle_ns = (int64_t)n->hello_idle_ms * NS_PER_MS;
	cfg->hello_misses = (uint8_t)n->hello_misses;
	cfg->rekey_ns = (int64_t)n->rekey_s * NS_PER_S;
	cfg->key_reject_ns = (int64_t)n->key_reject_s * NS_PER_S;
	cfg->key_overlap_ns = (int64_t)overlap * NS_PER_S;
	cfg->tunnel_idle_end_ns = (int64_t)n->tunnel_idle_s * NS_PER_S;
	cfg->tunnel_idle_transit_ns = (int64_t)n->tunnel_forget_s * NS_PER_S;
	cfg->connect_timeout_ns = (int64_t)n->connect_timeout_ms * NS_PER_MS;
}

/* ---- what the data plane is made of ---- */

/* Hugepages are worth trying where enough are free and this user may map them.
 * syscalls at the start: access */
static bool hugepages_usable(struct dp_cfg *cfg)
{
	char err[512];

	cfg->no_huge = false;
	return dp_check(cfg, err, sizeof(err)) == 0 && access("/dev/hugepages", W_OK | X_OK) == 0;
}

/* From whatever thread DPDK logs. */
static void dpdk_logs(void *arg, enum dp_log_level level, const char *line)
{
	log_text(arg,
	         level == DP_LOG_ERROR  ? LOG_LEVEL_ERROR
	         : level == DP_LOG_WARN ? LOG_LEVEL_WARN
	                                : LOG_LEVEL_INFO,
	         line);
}

void dp_cfg_of(struct daemon *d, struct dp_port_cfg ports[DP_PORTS_MAX], struct dp_cfg *cfg)
{
	const struct conf *c = &d->conf;

	for (uint32_t i = 0; i < c->nports; i++) {
		ports[i] = (struct dp_port_cfg){{0}, {0}};
		snprintf(ports[i].name, sizeof(ports[i].name), "%s", c->ports[i].head.name);
		snprintf(ports[i].device, sizeof(ports[i].device), "%s", c->ports[i].device);
	}
	*cfg = (struct dp_cfg){
	        .name = c->node.name,
	        .workers = d->workers,
	        .idle = c->worker.idle == CONF_IDLE_BUSY ? DP_IDLE_BUSY : DP_IDLE_ADAPTIVE,
	        .ports = ports,
	        .nports = c->nports,
	        .eal_args = d->eal_args,
	        .neal_args = d->neal_args,
	        .mbufs = (unsigned)(c->worker.mbufs || !d->embedded ? c->worker.mbufs
	                                                            : EMBEDDED_MBUFS * d->workers),
	        .memory_mb = (unsigned)c->worker.memory_mb,
	        .sessions_max = (uint32_t)c->node.sessions,
	        .connections_max = (uint32_t)c->worker.connections,
	        .tcp_sndbuf = (uint32_t)c->worker.tcp_sndbuf,
	        .tcp_rcvbuf = (uint32_t)c->worker.tcp_rcvbuf,
	        .punt_rate = (uint32_t)c->worker.punt_rate,
	        .id = d->me.id,
	        .embedded = d->embedded,
	        .app_door = d->app_door,
	        .app_socket = *c->api.socket ? c->api.socket : NULL,
	        .app_socket_mode = (uint32_t)c->api.mode,
	        .app_slots = (uint32_t)c->api.slots,
	        .app_max = (uint32_t)c->api.applications,
	        .app_each = {.connects = (uint32_t)c->api.connects, .bytes = c->api.memory},
	        .app_user = {.streams = c->api.user_streams ? (uint32_t)c->api.user_streams
	                                                    : (uint32_t)(c->worker.connections *
	                                                                 d->workers * 3 / 4),
	                     .connects = (uint32_t)c->api.user_connects,
	                     .bytes = c->api.user_memory},
	        .app_privileged = c->api.privileged,
	        .tun = tun_cfg_of(d),
	        .log = dpdk_logs,
	        .log_arg = &d->log,
	};
	cfg->no_huge = c->worker.hugepages == CONF_HUGE_NO ||
	               (c->worker.hugepages == CONF_HUGE_AUTO && d->embedded) ||
	               (c->worker.hugepages == CONF_HUGE_AUTO && !hugepages_usable(cfg));
	randombytes_buf(cfg->seed, sizeof(cfg->seed));
	randombytes_buf(cfg->cookie_key, sizeof(cfg->cookie_key));
}
