/* SPDX-License-Identifier: BSD-3-Clause */
/* How large a labelled packet a link carries: the search, without clock or messages. */
#include "peer/mtu.h"

#include "base/assert.h"

#define STEP 8 /* the search ends when good and bad are closer than this, bytes */
/* Probes of one size that must be lost, with smaller packets passing, before it counts as too large. Losses of other causes hit a
 * larger size, which is tried again later; MTU_BASE, whose failure costs the link; and the size in use, whose failure costs speed. */
#define TRIES       3
#define TRIES_BASE  8
#define TRIES_CHECK 4

static bool use(struct mtu *m, uint16_t size)
{
	bool changed = m->now != size;

	COYO_ASSERT(size >= MTU_BASE && size <= m->bound);
	m->now = size;
	return changed;
}

void mtu_start(struct mtu *m, uint16_t bound)
{
	COYO_ASSERT(bound >= MTU_BASE);
	*m = (struct mtu){
	        .now = MTU_BASE, .bound = bound, .bad = (uint16_t)(bound + 1), .size = bound};
}

/* What is to be tried next: the bound first, which most links carry; MTU_BASE, which all must; then halves of what lies between. */
static uint16_t next(const struct mtu *m)
{
	if (m->failed)
		return 0;
	if (m->good < MTU_BASE)
		return m->bad > m->bound ? m->bound : MTU_BASE;
	if (m->bad > m->bound)
		return m->good == m->bound ? 0 : m->bound;
	return m->bad - m->good <= STEP ? 0 : (uint16_t)((m->good + m->bad) / 2 & ~3);
}

uint16_t mtu_due(struct mtu *m)
{
	return m->size;
}

void mtu_sent(struct mtu *m, uint32_t id, struct instant now)
{
	COYO_ASSERT(m->size);
	m->id = id;
	m->sent = now;
}

/* Goes on to the next size. */
static void go_on(struct mtu *m)
{
	m->size = next(m);
	m->tries = 0;
	m->id = 0;
}

bool mtu_answered(struct mtu *m, uint32_t id, uint16_t size)
{
	bool changed;

	if (!m->size || id != m->id || !m->id || size != m->size)
		return false;
	if (size > m->good)
		m->good = size;
	if (m->bad <= m->good)
		m->bad = (uint16_t)(m->good + 1);
	changed = m->good > m->now && use(m, m->good);
	go_on(m);
	return changed;
}

static unsigned tries_of(const struct mtu *m)
{
	return m->size == MTU_BASE ? TRIES_BASE : m->size == m->good ? TRIES_CHECK : TRIES;
}

/* This size does not pass, whatever did before. */
static bool too_large(struct mtu *m, uint16_t size)
{
	bool changed = false;

	if (size < m->bad)
		m->bad = size;
	if (m->good >= size) {
		m->good = 0;
		changed = use(m, MTU_BASE);
	}
	if (size <= MTU_BASE)
		m->failed = true;
	go_on(m);
	return changed;
}

bool mtu_lost(struct mtu *m, bool heard)
{
	if (!m->size || !heard || ++m->tries < tries_of(m))
		return false;
	return too_large(m, m->size);
}

void mtu_check(struct mtu *m)
{
	if (m->size || m->failed)
		return;
	m->size = m->now;
	m->tries = 0;
}

void mtu_raise(struct mtu *m)
{
	if (m->size || m->failed || m->good == m->bound)
		return;
	m->bad = (uint16_t)(m->bound + 1);
	go_on(m);
}

bool mtu_refused(struct mtu *m, uint16_t size)
{
	if (m->failed || size > m->now || size > m->good)
		return false;
	/* MTU_BASE itself is judged by probes alone: what is refused may be another cause's. */
	if (size <= MTU_BASE) {
		m->good = 0;
		m->bad = MTU_BASE + 1;
		go_on(m);
		return use(m, MTU_BASE);
	}
	return too_large(m, size);
}

bool mtu_set_bound(struct mtu *m, uint16_t bound)
{
	bool lower = bound < m->now;

	COYO_ASSERT(bound >= MTU_BASE);
	if (bound == m->bound)
		return false;
	m->bound = bound;
	m->bad = (uint16_t)(bound + 1);
	if (m->good > bound)
		m->good = bound;
	if (lower)
		m->now = bound;
	go_on(m);
	return lower;
}
