/* SPDX-License-Identifier: BSD-3-Clause */
/* Links and labels for programs that measure the label switch. */
#include "tests/lib/switch_bed.h"

#include "base/rng.h"
#include "table/ilm.h"
#include "wire/lse.h"

#include <stdlib.h>

void switch_bed_links(const uint16_t port[2], switch_bed_command *command, void *arg)
{
	for (uint16_t link = 0; link < 2; link++) {
		struct cp_cmd c = {.type = CMD_LINK_SET};

		c.u.link = (struct cp_link){.link = link,
		                            .type = LINK_ETHERNET,
		                            .mtu = 1500,
		                            .port = port[link],
		                            .vlan = port[0] == port[1] ? link : 0,
		                            .peer_mac = {2, 0, 0, 0, 0, 1}};
		command(arg, &c);
		c = (struct cp_cmd){.type = CMD_LINK_OPEN};
		c.u.open.link = link;
		c.u.open.on = 1;
		command(arg, &c);
	}
}

static void shuffle(struct rng *r, uint32_t *v, unsigned n)
{
	for (unsigned i = n - 1; i > 0; i--) {
		unsigned k = (unsigned)rng_below(r, i + 1);
		uint32_t t = v[i];

		v[i] = v[k];
		v[k] = t;
	}
}

uint32_t *switch_bed_labels(unsigned n, switch_bed_command *command, void *arg)
{
	uint32_t chunk[ILM_CHUNKS - 1], *label;
	struct rng_seeded s;
	struct rng r;

	if (n == 0 || n > (ILM_CHUNKS - 1) * ILM_CHUNK)
		return NULL;
	label = malloc(n * sizeof(*label));
	if (!label)
		return NULL;
	rng_seeded_init(&s, 1);
	r = rng_from_seeded(&s);
	for (unsigned i = 0; i < ILM_CHUNKS - 1; i++)
		chunk[i] = i + 1;
	shuffle(&r, chunk, ILM_CHUNKS - 1);
	for (unsigned i = 0; i < n; i++) {
		struct cp_cmd c = {.type = CMD_ILM_SET};

		label[i] = chunk[i / ILM_CHUNK] * ILM_CHUNK + i % ILM_CHUNK;
		c.u.ilm = (struct cp_ilm){.in_link = SWITCH_BED_IN,
		                          .op = ILM_SWAP,
		                          .in_label = label[i],
		                          .out_link = SWITCH_BED_OUT,
		                          .out_label = i + 16,
		                          .twin_label = LABEL_NONE};
		command(arg, &c);
	}
	shuffle(&r, label, n);
	return label;
}
