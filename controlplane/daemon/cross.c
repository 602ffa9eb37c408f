/* SPDX-License-Identifier: BSD-3-Clause */
/* Static cross-connects are made one by one as the ring has room: a range of 10^6 labels needs no memory here. */
#include "daemon/cross.h"
#include "daemon/daemon.h"
#include "daemon/links.h"

static void flush_worker(struct daemon *d, unsigned worker)
{
	struct cross *x = &d->cross[worker];
	const struct conf_lsp *l = NULL;
	struct cp_cmd c = {.type = CMD_ILM_SET};

	for (unsigned n = 0; n < CROSS_BURST; n++) {
		/* Behind commands that wait, labels would only wait, too. */
		if (d->pump.w[worker].queued || x->lsp >= d->conf.nlsps || d->pump.broken)
			return;
		if (l != &d->conf.lsps[x->lsp]) {
			l = &d->conf.lsps[x->lsp];
			c.u.ilm = (struct cp_ilm){
			        .in_link = (uint16_t)links_find(d, l->in_link),
			        .op = ILM_SWAP,
			        .out_link = (uint16_t)links_find(d, l->out_link),
			        .twin_label = LABEL_NONE,
			};
		}
		c.u.ilm.in_label = l->in_label.first + x->offset;
		c.u.ilm.out_label = l->out_label.first + x->offset;
		pump_own_command(d, worker, &c);
		if (l->in_label.first + ++x->offset > l->in_label.last) {
			x->lsp++;
			x->offset = 0;
		}
	}
}

void cross_flush(struct daemon *d)
{
	for (unsigned i = 0; i < d->workers; i++)
		flush_worker(d, i);
}

bool cross_pending(const struct daemon *d)
{
	for (unsigned i = 0; i < d->workers; i++)
		if (d->cross[i].lsp < d->conf.nlsps)
			return true;
	return false;
}
