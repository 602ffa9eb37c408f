/* SPDX-License-Identifier: BSD-3-Clause */
/* The data plane: commands are logged and acknowledged at once, unless a test holds them. */
#include "fake.h"
#include "names/names.h"
#include "table/drop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct dataplane {
	int wake;
	/* A slice asked for, as far as it has not been answered; cookie 0: none. */
	struct {
		uint32_t cookie;
		struct cp_dump slice;
	} dump[CPDP_WORKERS_MAX];
};

void fake_reset(void)
{
	for (unsigned i = 0; i < CPDP_WORKERS_MAX; i++)
		free(fake.log[i]);
	fake = (struct fake){.room = UINT32_MAX, .connections = 1};
}

int dp_check(const struct dp_cfg *cfg, char *err, size_t errcap)
{
	if (!cfg->no_huge || cfg->memory_mb <= 4096)
		return cfg->no_huge ? 0 : -ENOMEM;
	snprintf(err, errcap, "there is memory for 4096 MiB");
	return -ENOMEM;
}

int dp_start(const struct dp_cfg *cfg, struct dataplane **out, char *err, size_t errcap)
{
	if (cfg->neal_args && strcmp(cfg->eal_args[0], "--fail") == 0) {
		snprintf(err, errcap, "the data plane was told to fail; leave out --fail");
		return -EINVAL;
	}
	if (dp_check(cfg, err, errcap))
		return -ENOMEM;
	/* "--slow=MS": as long as a driver may take. */
	if (cfg->neal_args && strncmp(cfg->eal_args[0], "--slow=", 7) == 0)
		usleep((useconds_t)atoi(cfg->eal_args[0] + 7) * 1000);
	if (!fake.room)
		fake.room = UINT32_MAX;
	if (!fake.connections)
		fake.connections = 1;
	fake.dp = *cfg;
	*out = calloc(1, sizeof(**out));
	(*out)->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return 0;
}

void dp_set_names(struct dataplane *dp, struct names *names)
{
	(void)dp;
	names_discard(names);
}

void dp_give(const struct dataplane *dp, uint32_t uid, uint32_t gid)
{
	(void)dp;
	(void)uid;
	(void)gid;
}

bool dp_needs_root(const struct dataplane *dp, uint32_t uid, uint32_t gid)
{
	(void)dp;
	(void)uid;
	(void)gid;
	return false;
}

void dp_stop(struct dataplane *dp)
{
	close(dp->wake);
	free(dp);
}

int dp_port_index(const struct dataplane *dp, const char *name)
{
	(void)dp;
	for (unsigned i = 0; i < fake.dp.nports; i++)
		if (strcmp(fake.dp.ports[i].name, name) == 0)
			return (int)i;
	return -ENOENT;
}

int dp_port_info(const struct dataplane *dp, uint16_t port, bool *up, uint16_t *mtu, uint8_t mac[6])
{
	(void)dp;
	(void)port;
	*up = true;
	*mtu = 1500;
	memset(mac, 2, 6);
	return 0;
}

const char *dp_port_fault(const struct dataplane *dp, uint16_t port)
{
	(void)dp;
	(void)port;
	return NULL;
}

int dp_port_renew(struct dataplane *dp, uint16_t port, char *err, size_t errcap)
{
	(void)dp;
	(void)port;
	(void)err;
	(void)errcap;
	return 0;
}

static void wake(struct dataplane *dp)
{
	uint64_t one = 1;

	if (write(dp->wake, &one, sizeof(one)) < 0)
		abort();
}

int dp_command(struct dataplane *dp, unsigned worker, const struct cp_cmd *cmd)
{
	struct fake_command *c;

	if (!fake.room)
		return -EAGAIN;
	fake.room--;
	if (!fake.log[worker])
		fake.log[worker] = calloc(FAKE_LOG, sizeof(*c));
	c = &fake.log[worker][fake.nlog[worker]++ % FAKE_LOG];
	*c = (struct fake_command){.type = cmd->type, .seq = cmd->seq};
	if (cmd->type == CMD_ILM_SET) {
		c->in_label = cmd->u.ilm.in_label;
		c->out_label = cmd->u.ilm.out_label;
	}
	if (cmd->type == CMD_DUMP_CONNECTIONS) {
		dp->dump[worker].cookie = cmd->cookie;
		dp->dump[worker].slice = cmd->u.dump;
		fake.dumps++;
	}
	if (!fake.hold_acks)
		fake.acked[worker] = cmd->seq;
	wake(dp);
	return 0;
}

uint64_t dp_acked(const struct dataplane *dp, unsigned worker)
{
	(void)dp;
	return fake.acked[worker];
}

unsigned dp_events(struct dataplane *dp, unsigned worker, unsigned max,
                   void (*fn)(void *arg, const struct dp_event *ev), void *arg)
{
	struct cp_dump *slice = &dp->dump[worker].slice;
	unsigned n;

	for (n = 0; n < max && dp->dump[worker].cookie; n++) {
		struct dp_event e = {.type = EVT_CONNECTION,
		                     .cookie = dp->dump[worker].cookie,
		                     .worker = (uint8_t)worker};

		if (slice->most > 0 && slice->from < fake.connections) {
			slice->most--;
			e.u.connection.remote.b[0] = 8;
			e.u.connection.local_port = 7000;
			e.u.connection.pid = 42;
			e.u.connection.uid = slice->from % 3 == 2 ? UINT32_MAX : 1000;
			e.u.connection.ring_in = 17;
			e.u.connection.bytes_in = slice->from++;
			memcpy(e.u.connection.state_name, "ESTABLISHED", 12);
		} else {
			e.type = EVT_DUMP_END;
			e.u.dump_end.next = slice->from;
			e.u.dump_end.more = slice->most == 0;
			dp->dump[worker].cookie = 0;
		}
		fn(arg, &e);
	}
	return n;
}

int dp_forward_set(struct dataplane *dp, const struct dp_forward *f, bool socket_stays, char *err,
                   size_t errcap)
{
	(void)dp;
	(void)f;
	(void)socket_stays;
	(void)err;
	(void)errcap;
	return 0;
}

int dp_forward_remove(struct dataplane *dp, const char *name, char *err, size_t errcap)
{
	(void)dp;
	(void)name;
	(void)err;
	(void)errcap;
	return 0;
}

int dp_wake_fd(const struct dataplane *dp)
{
	return dp->wake;
}

void dp_wake_clear(struct dataplane *dp)
{
	uint64_t n;

	if (read(dp->wake, &n, sizeof(n)) < 0)
		return;
}

void dp_worker_counters(const struct dataplane *dp, unsigned worker, struct dp_worker_counters *c)
{
	(void)dp;
	*c = fake.worker;
	c->switched_packets += worker;
}

bool dp_drop(const struct dataplane *dp, uint32_t index, const char **name, const char **text,
             uint64_t *count)
{
	(void)dp;
	if (index >= DROP_REASONS)
		return false;
	*name = drop_rows[index].name;
	*text = drop_rows[index].text;
	*count = index * 5;
	return true;
}

bool dp_link_counters(const struct dataplane *dp, uint16_t link, struct dp_link_counters *c)
{
	(void)dp;
	*c = fake.counters[link % FAKE_LINKS];
	return true;
}

const char *dp_memory_text(const struct dataplane *dp)
{
	(void)dp;
	return "nothing at all";
}
