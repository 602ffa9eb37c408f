/* SPDX-License-Identifier: BSD-3-Clause */
/* The queue of outputs that the caller drains after each event. */
#include "core/ctx.h"

#include "base/assert.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LOG_PER_S 20

/* One queued output, of which only the first `size` bytes are stored. */
struct out_item {
	size_t size; /* bytes of o */
	struct node_output o;
};

static size_t room_of(size_t size)
{
	return (offsetof(struct out_item, o) + size + 15) & ~(size_t)15;
}

static struct out_block *block_with_room(struct node *n, size_t room)
{
	struct out_block *b = STAILQ_LAST(&n->out.block, out_block, next);

	if (b && b->written + room <= sizeof(b->data))
		return b;
	b = ctx_alloc(n, sizeof(*b));
	if (b)
		STAILQ_INSERT_TAIL(&n->out.block, b, next);
	return b;
}

/* Queues a zeroed output of this type, whose member of u takes so many bytes, for the caller to fill. NULL: no memory. */
static struct out_item *out_new(struct node *n, uint32_t type, size_t body)
{
	size_t size = offsetof(struct node_output, u) + body;
	struct out_block *b;
	struct out_item *i;

	_Static_assert(sizeof(struct out_item) + 16 <= OUT_BLOCK, "an output fits a block");
	if (size > sizeof(struct node_output))
		size = sizeof(struct node_output);
	b = block_with_room(n, room_of(size));
	if (!b)
		return NULL;
	i = (struct out_item *)(b->data + b->written);
	b->written += (uint32_t)room_of(size);
	memset(i, 0, offsetof(struct out_item, o) + size);
	i->size = size;
	i->o.type = type;
	return i;
}

void out_command(struct node *n, uint8_t worker, struct cp_cmd *c)
{
	size_t size = cp_cmd_size(c);
	struct out_item *i;

	/* A command to all workers becomes one output for each, since each ring has its own numbers. */
	for (unsigned w = 0; w < n->cfg.workers; w++) {
		if (worker != CPDP_ALL_WORKERS && worker != w)
			continue;
		i = out_new(n, OUT_COMMAND,
		            offsetof(struct node_output, u.command.cmd) -
		                    offsetof(struct node_output, u) + size);
		if (!i)
			continue;
		c->seq = ++n->tickets.sent[w];
		i->o.u.command.worker = (uint8_t)w;
		memcpy(&i->o.u.command.cmd, c, size);
	}
}

void out_packet(struct node *n, uint16_t link, const void *data, size_t len)
{
	struct cp_cmd c;

	if (len > CPDP_PACKET_MAX)
		return;
	memset(&c, 0, offsetof(struct cp_cmd, u.send.data));
	c.type = CMD_SEND;
	c.u.send.link = link;
	c.u.send.len = (uint16_t)len;
	memcpy(c.u.send.data, data, len);
	out_command(n, 0, &c);
}

void out_answer(struct node *n, const struct node_answer *a)
{
	struct out_item *i = out_new(n, OUT_ANSWER, sizeof(*a));

	if (i)
		i->o.u.answer = *a;
}

void out_failed(struct node *n, uint32_t cookie, int err, const char *text)
{
	struct node_answer a = {.type = ANS_FAILED, .cookie = cookie, .err = err};

	snprintf(a.text, sizeof(a.text), "%s", text);
	out_answer(n, &a);
}

void out_done(struct node *n, uint32_t cookie)
{
	struct node_answer a = {.type = ANS_DONE, .cookie = cookie};

	out_answer(n, &a);
}

void out_link_state(struct node *n, uint16_t link, bool up, const struct node_id *id,
                    const char *why)
{
	struct out_item *i = out_new(n, OUT_LINK_STATE, sizeof(i->o.u.link));

	if (!i)
		return;
	i->o.u.link.link = link;
	i->o.u.link.up = up;
	i->o.u.link.id = *id;
	snprintf(i->o.u.link.why, sizeof(i->o.u.link.why), "%s", why);
}

void out_link_gone(struct node *n, uint16_t link)
{
	struct out_item *i = out_new(n, OUT_LINK_GONE, sizeof(i->o.u.link));

	if (i)
		i->o.u.link.link = link;
}

void out_link_new(struct node *n, const struct node_link_new *new)
{
	struct out_item *i = out_new(n, OUT_LINK_NEW, sizeof(*new));

	if (i)
		i->o.u.made = *new;
}

void out_snapshot(struct node *n)
{
	out_new(n, OUT_SNAPSHOT, 0);
}

void out_log(struct node *n, uint8_t level, const char *fmt, ...)
{
	struct out_item *i;
	va_list ap;

	if (n->log_bucket.rate == 0)
		bucket_init(&n->log_bucket, LOG_PER_S, LOG_PER_S);
	if (!bucket_take(&n->log_bucket, n->now))
		return;
	i = out_new(n, OUT_LOG, sizeof(i->o.u.log));
	if (!i)
		return;
	i->o.u.log.level = level;
	va_start(ap, fmt);
	vsnprintf(i->o.u.log.line, sizeof(i->o.u.log.line), fmt, ap);
	va_end(ap);
}

bool node_output(struct node *n, struct node_output *out)
{
	struct out_block *b = STAILQ_FIRST(&n->out.block);
	struct out_item *i;

	if (!b || b->read == b->written)
		return false;
	COYO_ASSERT(b->read < b->written && b->written <= sizeof(b->data));
	i = (struct out_item *)(b->data + b->read);
	COYO_ASSERT(i->size <= sizeof(*out));
	memcpy(out, &i->o, i->size);
	if (i->o.type == OUT_COMMAND)
		cp_cmd_wipe(&i->o.u.command.cmd);
	b->read += (uint32_t)room_of(i->size);
	if (b->read < b->written)
		return true;
	b->read = b->written = 0;
	/* The last block is kept for the next outputs. */
	if (STAILQ_NEXT(b, next)) {
		STAILQ_REMOVE_HEAD(&n->out.block, next);
		ctx_free(n, b);
	}
	return true;
}

uint64_t node_command_seq(const struct node *n, uint8_t worker)
{
	return worker < n->cfg.workers ? n->tickets.sent[worker] : 0;
}
