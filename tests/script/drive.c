/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine under a script: time passes, segments are taken from it and given to it, invariants are checked after each. */
#include "drive.h"
#include "base/be.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 200000u /* of timers and segments: more is a live-lock */

void drive_trace(struct drive *d, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (d->trace_cap - d->trace_len < 1024) {
		d->trace_cap = d->trace_cap * 2 + 65536;
		d->trace = realloc(d->trace, d->trace_cap);
		if (!d->trace)
			abort();
	}
	n = snprintf(d->trace + d->trace_len, 64, "%12.3f ms  ", (double)(d->now - d->start) / 1e6);
	d->trace_len += (size_t)n;
	va_start(ap, fmt);
	n = vsnprintf(d->trace + d->trace_len, 900, fmt, ap);
	va_end(ap);
	d->trace_len += (size_t)(n < 900 ? n : 899);
	d->trace_len += (size_t)snprintf(d->trace + d->trace_len, 2, "\n");
}

void drive_fail(struct drive *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d->why, sizeof(d->why), fmt, ap);
	va_end(ap);
	longjmp(d->fail, 1);
}

void drive_init(struct drive *d)
{
	memset(d, 0, sizeof(*d));
	for (int i = 0; i < 64; i++) {
		d->ids[0][i] = (uint8_t)(3 * i + 1);
		d->ids[1][i] = (uint8_t)(251 - 5 * i);
	}
	d->start = d->now = NS_PER_S;
	setting_defaults(d);
}

void drive_free(struct drive *d)
{
	for (; d->q_head != d->q_tail; d->q_head++)
		free(d->queue[d->q_head % DRIVE_QUEUE].bytes);
	for (unsigned i = 0; i < d->n_burst; i++)
		free((void *)(uintptr_t)d->burst[i].seg);
	while (d->nopen)
		fclose(d->open[--d->nopen]);
	tcpcheck_free(&d->check);
	free(d->mem);
	free(d->trace);
}

static uint16_t id_sum(struct drive *d, unsigned side, uint32_t peer)
{
	uint8_t id[64];

	memcpy(id, d->ids[side], 64);
	if (side)
		id[0] = (uint8_t)peer;
	return tcp_id_sum(id);
}

static bool alloc_fails(void *arg, enum tcp_alloc point)
{
	struct drive *d = arg;

	if ((int)point != d->fail_at)
		return false;
	if (!d->fail_after)
		return true;
	d->fail_after--;
	return false;
}

static void broken(void *arg, const char *what)
{
	drive_fail(arg, "invariant: %s does not hold", what);
}

void drive_begin(struct drive *d)
{
	const char *why;
	size_t size;

	if (d->stack)
		return;
	d->fail_at = -1;
	d->cfg.alloc_fails = alloc_fails;
	d->cfg.alloc_arg = d;
	if (tcp_cfg_check(&d->cfg, &why))
		drive_fail(d, "the engine refuses the settings: %s", why);
	size = tcp_stack_size(&d->cfg);
	d->mem = aligned_alloc(64, (size + 63) & ~(size_t)63);
	d->stack = d->mem ? tcp_stack_init(d->mem, size, &d->cfg, (struct instant){d->now}) : NULL;
	if (!d->stack)
		drive_fail(d, "the engine could not be built (%zu bytes)", size);
	d->check.fail = broken;
	d->check.arg = d;
	if (tcpcheck_init(&d->check, d->stack))
		abort();
	for (uint32_t i = 0; i < DRIVE_PEERS; i++)
		if (tcp_peer_set(d->stack, i, id_sum(d, 0, i), id_sum(d, 1, i), d->mss))
			drive_fail(d, "peer %u was refused", i);
}

void drive_conn_renew(struct drive *d, struct drive_conn *c)
{
	c->iss_known = c->ts_known = c->ts_on = false;
	c->base.ours = c->base.our_ts = 0;
	c->sent = c->taken = 0;
	c->events = 0;
	c->event_error = 0;
	c->ts_echo = 0;
	c->win = 65535;
}

struct drive_conn *drive_conn(struct drive *d, const char *name)
{
	struct drive_conn *c;

	for (unsigned i = 0; i < d->nconns; i++)
		if (strcmp(d->conns[i].name, name) == 0)
			return &d->conns[i];
	if (d->nconns == DRIVE_CONNS)
		drive_fail(d, "more than %u names", DRIVE_CONNS);
	c = &d->conns[d->nconns];
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->peer = 1;
	c->base.our_port = 80;
	/* From the name, so that it does not depend on what else a script names. */
	c->base.their_port = (uint16_t)(5000 + (uint8_t)(name[0] - 'a'));
	c->base.theirs = 1000000u + 100000000u * (uint8_t)(name[0] - 'a');
	drive_conn_renew(d, c);
	d->nconns++;
	return c;
}

/* ---- what the engine sends and tells ------------------------------------------------------------------------------ */

static void take_segments(struct drive *d)
{
	uint8_t buf[SEG_MAX];

	for (;;) {
		struct drive_out *o = &d->queue[d->q_tail % DRIVE_QUEUE];
		uint32_t n =
		        tcp_output(d->stack, (struct instant){d->now}, buf, sizeof(buf), &o->meta);

		if (!n)
			break;
		if (++d->steps > STEPS_MAX || d->q_tail - d->q_head == DRIVE_QUEUE)
			drive_fail(d, "the engine sends without end");
		if (n != o->meta.len)
			drive_fail(d, "a segment of %u bytes says it has %u", n, o->meta.len);
		o->bytes = malloc(n);
		if (!o->bytes)
			abort();
		memcpy(o->bytes, buf, n);
		o->at = o->meta.departure.ns > d->now ? o->meta.departure.ns : d->now;
		d->q_tail++;
	}
}

static void take_events(struct drive *d)
{
	struct tcp_event ev;

	while (tcp_event_next(d->stack, &ev)) {
		if (++d->steps > STEPS_MAX)
			drive_fail(d, "the engine tells events without end");
		for (unsigned i = 0; i < d->nconns; i++) {
			if (d->conns[i].handle != ev.conn)
				continue;
			d->conns[i].events |= ev.flags;
			if (ev.error)
				d->conns[i].event_error = ev.error;
		}
	}
}

void drive_settle(struct drive *d)
{
	if (d->in_burst)
		return;
	take_segments(d);
	take_events(d);
	tcpcheck_conns(&d->check, d->stack, true);
	tcpcheck_memory(&d->check, d->stack);
}

void drive_pass(struct drive *d, int64_t to, bool until_out)
{
	for (;;) {
		int64_t at = to, timer = tcp_next_deadline(d->stack).ns;

		if (until_out && d->q_head != d->q_tail &&
		    d->queue[d->q_head % DRIVE_QUEUE].at <= at)
			at = d->queue[d->q_head % DRIVE_QUEUE].at;
		if (timer < at)
			at = timer;
		if (at > d->now)
			d->now = at;
		if (timer <= d->now) {
			if (++d->steps > STEPS_MAX)
				drive_fail(d, "the engine's timers fire without end");
			tcp_advance(d->stack, (struct instant){d->now});
			drive_settle(d);
		}
		if (until_out && drive_peek(d))
			return;
		if (d->now >= to && tcp_next_deadline(d->stack).ns > d->now)
			return;
	}
}

struct drive_out *drive_peek(struct drive *d)
{
	struct drive_out *o = &d->queue[d->q_head % DRIVE_QUEUE];

	return d->q_head != d->q_tail && o->at <= d->now ? o : NULL;
}

void drive_drop(struct drive *d)
{
	free(d->queue[d->q_head++ % DRIVE_QUEUE].bytes);
}

static struct drive_conn *by_ports(struct drive *d, uint32_t peer, uint16_t ours, uint16_t theirs)
{
	for (unsigned i = 0; i < d->nconns; i++) {
		struct drive_conn *c = &d->conns[i];

		if (!c->listener && c->peer == peer && c->base.our_port == ours &&
		    c->base.their_port == theirs)
			return c;
	}
	return NULL;
}

static uint32_t ticks(const struct drive *d, int64_t at)
{
	return (uint32_t)((uint64_t)at / d->cfg.ts_clock_ns -
	                  (uint64_t)d->start / d->cfg.ts_clock_ns);
}

/* What makes the script's numbers relative is taken from the first segment that shows it. */
static void learn(struct drive *d, struct drive_conn *c, const struct drive_out *o)
{
	const uint8_t *p = o->bytes;
	const struct seg_base raw = {.ours = 0};
	struct seg_text t;

	if (!c->iss_known && (p[13] & TCP_SYN)) {
		c->iss_known = true;
		c->base.ours = be32_load(p + 4);
	}
	if (!c->ts_known && (p[13] & TCP_SYN) &&
	    !seg_read(p, (uint32_t)(p[12] >> 4) * 4, &raw, &t) && t.ts) {
		c->ts_known = true;
		c->base.our_ts = (uint32_t)t.ts_val - ticks(d, o->at);
	}
}

struct drive_conn *drive_read(struct drive *d, const struct drive_out *o, struct seg_text *t)
{
	struct drive_conn *c;
	const char *why;
	uint8_t dst[64];

	if (o->meta.len < TCP_HDR_BYTES)
		drive_fail(d, "a segment of %u bytes came", o->meta.len);
	c = by_ports(d, o->meta.peer, be16_load(o->bytes), be16_load(o->bytes + 2));
	if (!c)
		drive_fail(d,
		           "a segment came from port %u to port %u of peer %u, which the script "
		           "does not name",
		           be16_load(o->bytes), be16_load(o->bytes + 2), o->meta.peer);
	memcpy(dst, d->ids[1], 64);
	dst[0] = (uint8_t)o->meta.peer;
	if (seg_checksum(d->ids[0], dst, o->bytes, o->meta.len))
		drive_fail(d, "a segment came whose checksum is wrong");
	learn(d, c, o);
	why = seg_read(o->bytes, o->meta.len, &c->base, t);
	t->ecn = o->meta.ecn;
	t->retx = o->meta.retransmit;
	if (t->ts)
		c->ts_echo = (uint32_t)t->ts_val;
	if (why)
		drive_fail(d, "a segment came, and %s", why);
	return c;
}

/* ---- what it is given --------------------------------------------------------------------------------------------- */

void drive_inject_raw(struct drive *d, struct drive_conn *c, const uint8_t *p, uint32_t len,
                      const struct seg_text *t)
{
	struct tcp_in in = {.len = len, .peer = c->peer};
	/* In memory of its own, so that a sanitizer sees a read beyond its end. */
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	memcpy(copy, p, len);
	in.seg = copy;
	in.ecn = t && t->ecn != ANY ? (uint8_t)t->ecn : 0;
	in.csum_ok = t && t->trusted;
	if (d->in_burst) {
		if (d->n_burst == 64)
			drive_fail(d, "more than 64 segments in a burst");
		d->burst[d->n_burst++] = in;
		return;
	}
	tcp_input(d->stack, &in, (struct instant){d->now});
	free(copy);
	drive_settle(d);
}

void drive_inject(struct drive *d, struct drive_conn *c, struct seg_text *t)
{
	uint8_t buf[SEG_MAX + 128], src[64];
	uint32_t n;

	if (t->win == ANY)
		t->win = c->win;
	if (t->seq == ANY)
		t->seq = 0;
	if (c->ts_on && !t->ts && !t->no_ts) {
		t->ts = true;
		t->ts_val = (uint32_t)(c->ts_peer + (d->now - c->ts_since) / NS_PER_MS);
		t->ts_ecr = c->ts_echo;
		t->ts_raw = !c->ts_known;
	}
	if (t->ts && (t->flags & TCP_SYN)) {
		c->ts_on = true;
		c->ts_peer = (uint32_t)t->ts_val;
		c->ts_since = d->now;
		/* There is nothing to echo yet. */
		t->ts_raw |= !c->ts_known;
	}
	n = seg_build(t, &c->base, buf);
	memcpy(src, d->ids[1], 64);
	src[0] = (uint8_t)c->peer;
	if (n >= TCP_HDR_BYTES)
		be16_store(buf + 16, (uint16_t)(seg_checksum(src, d->ids[0], buf, n) ^
		                                (t->bad_sum ? 0x0100 : 0)));
	drive_inject_raw(d, c, buf, n, t);
}

void drive_burst_end(struct drive *d)
{
	tcp_input_burst(d->stack, d->burst, d->n_burst, (struct instant){d->now});
	for (unsigned i = 0; i < d->n_burst; i++)
		free((void *)(uintptr_t)d->burst[i].seg);
	d->n_burst = 0;
	d->in_burst = false;
	drive_settle(d);
}
