/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes and destroys what all parts share: before the first part is made, and after the last is freed. */
#include "core/ctx.h"

#include "crypto/pair.h"

static const struct node_crypto_ops real_ops = {
        .sign = sig_sign, .verify = sig_verify, .pair_key = pair_key, .pair_mac = pair_mac};

void node_cfg_default(struct node_cfg *cfg)
{
	*cfg = (struct node_cfg){
	        .network_id = 1,
	        .workers = 1,
	        .trees = 1,
	        .transit = true,
	        .kad_k = 16,
	        .kad_alpha = 3,
	        .labels_per_link_max = 1u << 19,
	        .sessions_max = 4096,
	        .setups_max = 20000,
	        .tunnels_max = 65536,
	        .hello_active_ns = 250 * NS_PER_MS,
	        .hello_idle_ns = 3 * NS_PER_S,
	        .hello_misses = 3,
	        .rekey_ns = 120 * NS_PER_S,
	        .key_reject_ns = 180 * NS_PER_S,
	        .key_overlap_ns = 10 * NS_PER_S,
	        .tunnel_idle_end_ns = 45 * NS_PER_S,
	        .tunnel_idle_transit_ns = 60 * NS_PER_S,
	        .connect_timeout_ns = 5 * NS_PER_S,
	        .label_quarantine_ns = 10 * NS_PER_S,
	};
}

struct node *ctx_new(const struct node_cfg *cfg, const struct news *news, struct instant now)
{
	struct node *n = cfg->alloc.alloc(cfg->alloc.arg, sizeof(*n));

	COYO_ASSERT(cfg->identity && news);
	if (!n)
		return NULL;
	n->cfg = *cfg;
	n->mem = (struct mem){.from = cfg->alloc, .refused = &n->counters[CTR_NO_MEMORY]};
	n->ops = cfg->ops ? cfg->ops : &real_ops;
	n->news = news;
	n->now = now;
	STAILQ_INIT(&n->out.block);
	TAILQ_INIT(&n->tickets.queue);
	timers_init(&n->timers, cfg->alloc.alloc, cfg->alloc.free, cfg->alloc.arg);
	return n;
}

void ctx_destroy(struct node *n)
{
	struct out_block *b;

	while ((b = STAILQ_FIRST(&n->out.block))) {
		STAILQ_REMOVE_HEAD(&n->out.block, next);
		ctx_free(n, b);
	}
	timers_free(&n->timers);
	n->cfg.alloc.free(n->cfg.alloc.arg, n);
}
