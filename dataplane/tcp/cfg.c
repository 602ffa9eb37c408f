/* SPDX-License-Identifier: BSD-3-Clause */
/* Defaults and bounds of a TCP stack's configuration. */
#include "tcp/cfg.h"

#include <errno.h>
#include <stddef.h>

void tcp_cfg_default(struct tcp_cfg *cfg)
{
	*cfg = (struct tcp_cfg){
#define DEFAULT(kind, field, dflt, least, most, what) .field = (dflt),
	        TCP_SETTINGS(DEFAULT)
#undef DEFAULT
	};
}

const char *tcp_alloc_name(enum tcp_alloc point)
{
	static const char *const names[TCP_ALLOC_POINTS] = {"connection slot", "send buffer",
	                                                    "receive buffer",  "records",
	                                                    "range list",      "reply queue"};

	return (unsigned)point < TCP_ALLOC_POINTS ? names[point] : "?";
}

static bool in_unsigned(uint64_t v, uint64_t least, uint64_t most)
{
	return v >= least && v <= most;
}

static bool in_ns(int64_t v, int64_t least, int64_t most)
{
	return v >= least && v <= most;
}

#define IN_U16     in_unsigned
#define IN_U32     in_unsigned
#define IN_U64     in_unsigned
#define IN_BOOL    in_unsigned
#define IN_CC      in_unsigned
#define IN_ECN     in_unsigned
#define IN_COOKIES in_unsigned
#define IN_NS      in_ns

/* Each row's own bounds. NULL: fine. */
static const char *check_rows(const struct tcp_cfg *c)
{
#define CHECK(kind, field, dflt, least, most, what) \
	if (!IN_##kind(c->field, least, most))      \
		return #field " must lie in " #least ".." #most;
	TCP_SETTINGS(CHECK)
#undef CHECK
	return NULL;
}

/* What holds between rows. NULL: fine. */
static const char *check_relations(const struct tcp_cfg *c)
{
	if (c->chunk_bytes & (c->chunk_bytes - 1))
		return "chunk_bytes must be a power of two";
	if (c->reply_queue & (c->reply_queue - 1))
		return "reply_queue must be a power of two";
	if (c->sndbuf > c->sndbuf_max)
		return "sndbuf must not be above sndbuf_max";
	if (c->rcvbuf > c->rcvbuf_max)
		return "rcvbuf must not be above rcvbuf_max";
	if (c->mss_default < c->mss_min)
		return "mss_min must not be above mss_default";
	if (c->port_first > c->port_last)
		return "port_first must not be above port_last";
	if (c->hystart_rtt_min_us > c->hystart_rtt_max_us)
		return "hystart_rtt_min_us must not be above hystart_rtt_max_us";
	if (c->rto_min_ns > c->rto_max_ns)
		return "rto_min_ns must not be above rto_max_ns";
	if (c->persist_min_ns > c->persist_max_ns)
		return "persist_min_ns must not be above persist_max_ns";
	return NULL;
}

int tcp_cfg_check(const struct tcp_cfg *c, const char **why)
{
	const char *w = check_rows(c);

	if (!w)
		w = check_relations(c);
	if (why)
		*why = w;
	return w ? -EINVAL : 0;
}
