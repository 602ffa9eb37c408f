/* SPDX-License-Identifier: BSD-3-Clause */
/* The names of the configuration go to the data plane with each reload. */
#include "daemon/names.h"
#include "daemon/daemon.h"

void daemon_names_share(struct daemon *d)
{
	struct names *copy = names_clone(&d->conf.names);

	if (copy)
		dp_set_names(d->dp, copy);
	else
		daemon_log(d, LOG_LEVEL_WARN,
		           "out of memory for the names: applications keep those they had");
}
