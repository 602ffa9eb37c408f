/* SPDX-License-Identifier: BSD-3-Clause */
/* When the simulator checks what of its stacks (tcpcheck.h). */
#include "tcpnet.h"

#define CREDIT_PER_EVENT 16

void tcpnet_show(const struct tcpnet *n)
{
	for (unsigned h = 0; h < n->hosts; h++)
		for (uint32_t i = 0; i < n->stack[h]->fresh; i++)
			if (n->stack[h]->conns[i].index != CONN_NONE &&
			    n->stack[h]->conns[i].peer != TABLE_LISTEN)
				tcpcheck_show(&n->stack[h]->conns[i]);
}

void tcpnet_check(struct tcpnet *n)
{
	for (unsigned h = 0; h < n->hosts; h++) {
		tcpcheck_conns(&n->check[h], n->stack[h], true);
		tcpcheck_memory(&n->check[h], n->stack[h]);
	}
}

/* Records of a large window are thousands: they are walked after as many events as that costs. */
void tcpnet_check_event(struct tcpnet *n)
{
	bool records;

	n->check_credit += CREDIT_PER_EVENT;
	records = n->check_credit >= 0 || n->check_all;
	if (records)
		n->check_credit = 0;
	for (unsigned h = 0; h < n->hosts; h++)
		n->check_credit -= tcpcheck_conns(&n->check[h], n->stack[h], records);
}
