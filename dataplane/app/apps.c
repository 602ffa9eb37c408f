/* SPDX-License-Identifier: BSD-3-Clause */
/* The application side as start and stop of the data plane know it: a gateway over every worker's bridge. */
#include "worker/apps.h"
#include "app/gateway.h"
#include "worker/sess.h"

#include <stdio.h>
#include <stdlib.h>

struct apps {
	struct gateway *gateway;
	struct bridge *bridge[CPDP_WORKERS_MAX];
};

struct apps *apps_start(struct sessions *const *sess, unsigned workers, const struct dp_cfg *cfg,
                        char *err, size_t errcap)
{
	struct apps *a = calloc(1, sizeof(*a));

	if (!a) {
		snprintf(err, errcap, "out of memory for the application gateway");
		return NULL;
	}
	for (unsigned i = 0; i < workers; i++)
		a->bridge[i] = sess_bridge(sess[i]);
	a->gateway = gateway_start(cfg, a->bridge, workers, err, errcap);
	if (!a->gateway) {
		free(a);
		return NULL;
	}
	return a;
}

void apps_stop(struct apps *a)
{
	gateway_stop(a->gateway);
}

void apps_free(struct apps *a)
{
	gateway_free(a->gateway);
	free(a);
}
