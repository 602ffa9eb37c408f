/* SPDX-License-Identifier: BSD-3-Clause */
/* A port's device is watched; where it is gone, its workers let go of it first and control makes it again, seldom enough to harm nobody. */
#include "daemon/ports.h"
#include "daemon/daemon.h"

#include <errno.h>

#define FIRST_WAIT   NS_PER_S /* a memif server may be just starting */
#define LONGEST_WAIT (8 * NS_PER_S)

enum port_state {
	PORT_RUNS = 0,  /* also: made again, and perhaps without carrier still */
	PORT_RELEASING, /* workers are told to let go of it */
	PORT_GONE,      /* no worker touches it: the device may be made again */
};

static void command(struct daemon *d, struct daemon_port *p, uint16_t port, bool on)
{
	struct cp_cmd c = {.type = CMD_PORT};

	c.u.port.port = port;
	c.u.port.on = on;
	pump_own_command(d, CPDP_ALL_WORKERS, &c);
	for (unsigned i = 0; i < d->workers; i++)
		p->seq[i] = d->pump.w[i].seq;
}

static bool released(const struct daemon *d, const struct daemon_port *p)
{
	for (unsigned i = 0; i < d->workers; i++)
		if (d->pump.w[i].acked < p->seq[i])
			return false;
	return true;
}

static void back_off(struct daemon *d, struct daemon_port *p)
{
	p->wait_ns = p->wait_ns == 0                 ? FIRST_WAIT
	             : p->wait_ns * 2 < LONGEST_WAIT ? p->wait_ns * 2
	                                             : LONGEST_WAIT;
	p->next = instant_add(d->now, p->wait_ns);
}

static void watch(struct daemon *d, struct daemon_port *p, const char *name, uint16_t port)
{
	const char *fault = dp_port_fault(d->dp, port);

	if (!fault) {
		if (p->told)
			daemon_log(d, LOG_LEVEL_INFO, "port %s works again", name);
		p->told = false;
		p->fault = NULL;
		p->wait_ns = 0;
		return;
	}
	if (!p->fault && !p->told)
		back_off(d, p);
	p->fault = fault;
	if (!instant_reached(p->next, d->now))
		return;
	if (!p->told)
		daemon_log(d, LOG_LEVEL_WARN,
		           "port %s does not work: %s; its device is made again until it does",
		           name, fault);
	p->told = true;
	command(d, p, port, false);
	p->state = PORT_RELEASING;
}

static void renew(struct daemon *d, struct daemon_port *p, uint16_t port)
{
	char err[400];
	int rc;

	if (!instant_reached(p->next, d->now))
		return;
	rc = dp_port_renew(d->dp, port, err, sizeof(err));
	if (rc == -EAGAIN)
		return; /* the interface is not there: looked for at every poll */
	back_off(d, p);
	if (rc == -ENOTCONN)
		return;
	if (rc) {
		daemon_log(d, LOG_LEVEL_WARN, "%s; tried again in %lld s", err,
		           (long long)(p->wait_ns / NS_PER_S));
		return;
	}
	command(d, p, port, true);
	p->state = PORT_RUNS;
}

void ports_poll(struct daemon *d)
{
	for (uint32_t i = 0; i < d->conf.nports; i++) {
		struct daemon_port *p = &d->ports[i];
		const char *name = d->conf.ports[i].head.name;
		int port = dp_port_index(d->dp, name);

		if (port < 0)
			continue;
		if (p->state == PORT_RUNS)
			watch(d, p, name, (uint16_t)port);
		if (p->state == PORT_RELEASING && released(d, p))
			p->state = PORT_GONE;
		if (p->state == PORT_GONE)
			renew(d, p, (uint16_t)port);
	}
}

const char *ports_fault(const struct daemon *d, uint16_t port)
{
	for (uint32_t i = 0; i < d->conf.nports; i++)
		if (dp_port_index(d->dp, d->conf.ports[i].head.name) == port)
			return d->ports[i].fault;
	return NULL;
}
