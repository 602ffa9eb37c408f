/* SPDX-License-Identifier: BSD-3-Clause */
/* [tun]: its configuration for the data plane, and the names that answer for addresses. */
#pragma once
#include "allow.h"
#include "dataplane.h"

struct daemon;

/* What tun_cfg_of() gives. */
struct daemon_tun {
	struct dp_tun_cfg cfg;
	struct dp_tun_allow allow[CONF_ALLOW_MAX];
};

/* What the data plane is told of [tun], NULL: there is no such section. Valid as long as d, until the next call. */
const struct dp_tun_cfg *tun_cfg_of(struct daemon *d);
/* Tells the operator the interface and this node's address; nothing without [tun]. */
void tun_announce(struct daemon *d);
/* A worker asks for the id of an address (EVT_RESOLVE). True: a name of the configuration answered. */
bool tun_resolve_by_name(struct daemon *d, const struct dp_event *e);
