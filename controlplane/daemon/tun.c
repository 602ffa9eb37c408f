/* SPDX-License-Identifier: BSD-3-Clause */
/* [tun] between configuration and data plane. */
#include "daemon/tun.h"
#include "daemon/daemon.h"
#include "daemon/pump.h"
#include "wire/ip6.h"

#include <arpa/inet.h>
#include <stdio.h>

const struct dp_tun_cfg *tun_cfg_of(struct daemon *d)
{
	struct conf_allow_rule rules[CONF_ALLOW_MAX];
	struct dp_tun_allow *allow = d->tun.allow;
	struct dp_tun_cfg *cfg = &d->tun.cfg;
	const struct conf_tun *t = &d->conf.tun;
	char why[160];
	unsigned n;

	/* The text was looked at when the configuration was read. */
	if (!t->head.line ||
	    conf_allow_parse(t->allow, rules, CONF_ALLOW_MAX, &n, why, sizeof(why)) != 0)
		return NULL;
	*cfg = (struct dp_tun_cfg){.prefix = t->prefix,
	                           .mtu = (uint16_t)t->mtu,
	                           .route = t->route,
	                           .offload = t->offload,
	                           .queues = t->queues ? t->queues : d->conf.worker.count,
	                           .allow = allow,
	                           .nallow = n};
	snprintf(cfg->name, sizeof(cfg->name), "%.15s", t->name);
	for (unsigned i = 0; i < n; i++)
		allow[i] = (struct dp_tun_allow){.protocol = rules[i].protocol,
		                                 .first = rules[i].first,
		                                 .last = rules[i].last,
		                                 .any = rules[i].any,
		                                 .from = rules[i].from};
	return cfg;
}

void tun_announce(struct daemon *d)
{
	uint8_t addr[IP6_ADDR_BYTES];
	char text[INET6_ADDRSTRLEN];

	if (!d->conf.tun.head.line)
		return;
	ip6_of_id(&d->me.id, d->conf.tun.prefix, addr);
	daemon_log(d, LOG_LEVEL_INFO, "IPv6 address of this node, on %s: %s", d->conf.tun.name,
	           inet_ntop(AF_INET6, addr, text, sizeof(text)));
}

bool tun_resolve_by_name(struct daemon *d, const struct dp_event *e)
{
	const struct names_row *row = names_of_start(&d->conf.names, e->u.want.remote.b);
	struct cp_cmd c = {.type = CMD_RESOLVED};

	if (!row)
		return false;
	c.u.resolved =
	        (struct cp_resolved){.target = e->u.want.remote, .id = row->id, .found = true};
	pump_own_command(d, e->worker, &c);
	return true;
}
