/* SPDX-License-Identifier: BSD-3-Clause */
/* Start and stop of the data plane, in order: memory, EAL, buffers, ports, workers, applications, threads. */
#include "app/gateway.h"
#include "app/tun.h"
#include "core/handover.h"
#include "core/mbuf.h"
#include "core/ring.h"
#include "io/device.h"
#include "names/names.h"
#include "seal/seal.h"
#include "worker/eal.h"
#include "worker/root.h"
#include "worker/threads.h"

#include <errno.h>
#include <rte_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void describe(struct dataplane *dp)
{
	snprintf(dp->memory_text, sizeof(dp->memory_text),
	         "%u MiB for DPDK (%u packet buffers %zu MiB), %s; ChaCha20-Poly1305 by %s, "
	         "AES-256-GCM by %s",
	         dp->memory.dpdk_mb, dp->memory.mbufs,
	         dp->memory.mbufs * dp->memory.mbuf_bytes >> 20,
	         dp->cfg.no_huge ? "no huge pages" : "huge pages",
	         seal_backend(AEAD_CHACHA20_POLY1305), seal_backend(AEAD_AES256_GCM));
}

static int make_pool(struct dataplane *dp, char *err, size_t errcap)
{
	/* A stack gives out the buffer that was freed last, which is still in a cache; a ring would go through all buffers and find
	 * each of them cold. Workers take the stack's lock once in some hundred buffers. */
	dp->all.pool =
	        rte_pktmbuf_pool_create_by_ops("packets", dp->memory.mbufs, WORKER_MBUF_CACHE,
	                                       PACKET_BYTES, MBUF_DATA, SOCKET_ID_ANY, "stack");
	if (dp->all.pool)
		return 0;
	snprintf(err, errcap, "no memory for %u packet buffers (%s): raise memory-mb above %u",
	         dp->memory.mbufs, rte_strerror(rte_errno), dp->memory.dpdk_mb);
	return -ENOMEM;
}

static int make_workers(struct dataplane *dp, char *err, size_t errcap)
{
	for (unsigned n = 0; n < dp->cfg.workers; n++) {
		dp->loop[n] = loop_new(&dp->all, n, err, errcap);
		if (!dp->loop[n])
			return -ENOMEM;
		dp->all.worker[n] = &dp->loop[n]->w;
	}
	return threads_prepare(dp, err, errcap);
}

static int make_apps(struct dataplane *dp, char *err, size_t errcap)
{
	if (!dp->cfg.app_socket && !dp->cfg.app_door)
		return 0;
	for (unsigned i = 0; i < dp->cfg.workers; i++)
		dp->bridge[i] = sess_bridge(dp->loop[i]->sess);
	dp->gateway = gateway_start(&dp->cfg, dp->bridge, dp->cfg.workers, err, errcap);
	return dp->gateway ? 0 : -EIO;
}

void dp_set_names(struct dataplane *dp, struct names *names)
{
	if (dp->gateway)
		gateway_set_names(dp->gateway, names);
	else
		names_discard(names);
}

static int open_tun(struct dataplane *dp, char *err, size_t errcap)
{
	if (!dp->cfg.tun)
		return 0;
	dp->tun_cfg = *dp->cfg.tun;
	dp->cfg.tun = &dp->tun_cfg;
	dp->tun = tun_open(&dp->cfg, err, errcap);
	if (!dp->tun)
		return -EIO;
	dp->tun_cfg.queues = tun_queues(dp->tun);
	return 0;
}

static int start_tun(struct dataplane *dp, char *err, size_t errcap)
{
	if (!dp->tun)
		return 0;
	for (unsigned q = 0; q < dp->tun_cfg.queues; q++) {
		struct tunring *rings[CPDP_WORKERS_MAX];
		int rc;

		for (unsigned i = 0; i < dp->cfg.workers; i++)
			rings[i] = sess_tunring(dp->loop[i]->sess, q);
		rc = tun_start(dp->tun, q, rings, dp->cfg.workers, err, errcap);
		if (rc)
			return rc;
	}
	return 0;
}

int dp_check(const struct dp_cfg *cfg, char *err, size_t errcap)
{
	struct memory m;

	if (cfg->workers < 1 || cfg->workers > CPDP_WORKERS_MAX || cfg->nports > DP_PORTS_MAX ||
	    !cfg->name) {
		snprintf(err, errcap, "1 to %d workers, at most %d ports", CPDP_WORKERS_MAX,
		         DP_PORTS_MAX);
		return -EINVAL;
	}
	memory_compute(cfg, &m);
	return memory_check(cfg, &m, err, errcap);
}

/* syscalls at the start: eventfd */
int dp_start(const struct dp_cfg *cfg, struct dataplane **out, char *err, size_t errcap)
{
	struct dataplane *dp = calloc(1, sizeof(*dp));
	int rc;

	*out = NULL;
	rc = dp ? dp_check(cfg, err, errcap) : -ENOMEM;
	if (rc) {
		free(dp);
		return rc;
	}
	dp->cfg = *cfg;
	dp->all.cfg = &dp->cfg;
	for (unsigned i = 0; i < cfg->nports; i++)
		dp->ports[i] = cfg->ports[i];
	dp->cfg.ports = dp->ports;
	dp->all.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	atomic_store(&dp->all.wake_wanted, true);
	memory_compute(&dp->cfg, &dp->memory);
	(void)aead_available(AEAD_AES256_GCM); /* before threads start */
	for (unsigned i = 0; i < cfg->nports; i++)
		device_clean(cfg->ports[i].device);
	rc = open_tun(dp, err, errcap);
	if (rc == 0) {
		dp->eal = eal_start(&dp->cfg, dp->memory.dpdk_mb, err, errcap);
		rc = dp->eal ? 0 : -EIO;
	}
	if (rc == 0)
		seal_start();
	rc = rc ? rc : make_pool(dp, err, errcap);
	rc = rc ? rc : ports_start(&dp->cfg, dp->all.pool, dp->port_id, err, errcap);
	rc = rc ? rc : make_workers(dp, err, errcap);
	rc = rc ? rc : make_apps(dp, err, errcap);
	rc = rc ? rc : start_tun(dp, err, errcap);
	if (rc == 0)
		describe(dp);
	rc = rc ? rc : threads_start(dp, err, errcap);
	if (rc) {
		dp_stop(dp);
		return rc;
	}
	*out = dp;
	return 0;
}

/* syscalls: close */
void dp_stop(struct dataplane *dp)
{
	if (!dp)
		return;
	if (dp->gateway)
		gateway_stop(dp->gateway);
	if (dp->tun)
		tun_stop(dp->tun);
	threads_stop(dp);
	/* What the workers wrote is this thread's from here on. */
	for (unsigned i = 0; i < dp->cfg.workers; i++)
		if (dp->all.worker[i])
			(void)atomic_load_explicit(&dp->all.worker[i]->ended, memory_order_acquire);
	if (dp->gateway)
		gateway_free(dp->gateway);
	if (dp->tun)
		tun_free(dp->tun);
	for (unsigned i = 0; i < dp->cfg.workers; i++)
		loop_free(dp->loop[i]);
	if (dp->eal) {
		ports_stop();
		rte_mempool_free(dp->all.pool);
		seal_stop();
	}
	eal_stop(dp->eal);
	if (dp->all.wake_fd >= 0)
		close(dp->all.wake_fd);
	free(dp);
}
