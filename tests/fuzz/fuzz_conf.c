/* SPDX-License-Identifier: BSD-3-Clause */
/* Any text is read or refused; what was accepted is written back and read again to the same. */
#include "conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(enum conf_section s, void *base)
{
	const struct conf_section_info *info = &conf_sections[s];
	char a[320], b[320], why[200];

	for (uint32_t i = 0; i < info->noptions; i++) {
		if (info->options[i].def && !*info->options[i].def &&
		    !(((struct conf_head *)base)->given >> i & 1))
			continue;
		conf_value_format(&info->options[i], base, a, sizeof(a));
		if (conf_value_parse(&info->options[i], a, base, why, sizeof(why)))
			abort();
		conf_value_format(&info->options[i], base, b, sizeof(b));
		if (strcmp(a, b) != 0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf c;
	struct conf_errors e = {0};

	if (conf_parse(&c, "fuzz", (const char *)data, size, NULL, &e) == 0) {
		again(CONF_SEC_NODE, &c.node);
		again(CONF_SEC_WORKER, &c.worker);
		for (uint32_t i = 0; i < c.nlinks; i++)
			again(CONF_SEC_LINK, &c.links[i]);
		for (uint32_t i = 0; i < c.nlsps; i++)
			again(CONF_SEC_LSP, &c.lsps[i]);
	} else if (e.count == 0) {
		abort();
	}
	conf_errors_free(&e);
	conf_free(&c);
	return 0;
}
