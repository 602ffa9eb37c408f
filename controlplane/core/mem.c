/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of one node: the size of every piece stands before it, so that the sum is exact. */
#include "core/mem.h"

#include "base/assert.h"
#define HEAD 16 /* keeps what follows aligned for anything */

void *mem_alloc(struct mem *m, size_t size)
{
	size_t *p = m->from.alloc(m->from.arg, size + HEAD);

	if (!p) {
		++*m->refused;
		return NULL;
	}
	*p = size;
	m->bytes += size;
	return (char *)p + HEAD;
}

void mem_free(struct mem *m, void *p)
{
	size_t *at;

	if (!p)
		return;
	at = (size_t *)((char *)p - HEAD);
	COYO_ASSERT(m->bytes >= *at);
	m->bytes -= *at;
	m->from.free(m->from.arg, at);
}
