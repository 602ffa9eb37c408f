/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of sections and options that options.h spells out, and where in it a key stands. */
#include "conf.h"

#include <stddef.h>
#include <string.h>

#define ROW(S, field, key, kind, lo, hi, choices, def, help) \
	{key, CONF_##kind, offsetof(struct S, field), lo, hi, choices, def, help},
#define BOUND(S, field, key, kind, lo, hi, choices, def, help)                 \
	_Static_assert((CONF_##kind != CONF_str && CONF_##kind != CONF_path && \
	                CONF_##kind != CONF_device) ||                         \
	                       (hi) < sizeof(((struct S *)0)->field),          \
	               "room for " key);
CONF_NODE_OPTIONS(BOUND, conf_node)
CONF_API_OPTIONS(BOUND, conf_api)
CONF_TUN_OPTIONS(BOUND, conf_tun)
CONF_PORT_OPTIONS(BOUND, conf_port)
CONF_LINK_OPTIONS(BOUND, conf_link)
CONF_LISTEN_OPTIONS(BOUND, conf_listen)
CONF_LSP_OPTIONS(BOUND, conf_lsp)
CONF_FORWARD_OPTIONS(BOUND, conf_forward)

static const struct conf_option node_options[] = {CONF_NODE_OPTIONS(ROW, conf_node)};
static const struct conf_option worker_options[] = {CONF_WORKER_OPTIONS(ROW, conf_worker)};
static const struct conf_option api_options[] = {CONF_API_OPTIONS(ROW, conf_api)};
static const struct conf_option tun_options[] = {CONF_TUN_OPTIONS(ROW, conf_tun)};
static const struct conf_option port_options[] = {CONF_PORT_OPTIONS(ROW, conf_port)};
static const struct conf_option link_options[] = {CONF_LINK_OPTIONS(ROW, conf_link)};
static const struct conf_option listen_options[] = {CONF_LISTEN_OPTIONS(ROW, conf_listen)};
static const struct conf_option lsp_options[] = {CONF_LSP_OPTIONS(ROW, conf_lsp)};
static const struct conf_option forward_options[] = {CONF_FORWARD_OPTIONS(ROW, conf_forward)};

_Static_assert(ARRAY_LEN(node_options) <= CONF_KEYS_MAX, "head.lines");
_Static_assert(ARRAY_LEN(link_options) <= CONF_KEYS_MAX, "head.lines");
_Static_assert(CONF_KEYS_MAX <= 32, "head.given");

const struct conf_section_info conf_sections[CONF_SECTIONS] = {
        [CONF_SEC_NODE] = {"node", false, node_options, ARRAY_LEN(node_options)},
        [CONF_SEC_WORKER] = {"worker", false, worker_options, ARRAY_LEN(worker_options)},
        [CONF_SEC_API] = {"api", false, api_options, ARRAY_LEN(api_options)},
        [CONF_SEC_TUN] = {"tun", false, tun_options, ARRAY_LEN(tun_options)},
        [CONF_SEC_PORT] = {"port", true, port_options, ARRAY_LEN(port_options)},
        [CONF_SEC_LINK] = {"link", true, link_options, ARRAY_LEN(link_options)},
        [CONF_SEC_LISTEN] = {"listen", true, listen_options, ARRAY_LEN(listen_options)},
        [CONF_SEC_LSP] = {"lsp", true, lsp_options, ARRAY_LEN(lsp_options)},
        [CONF_SEC_FORWARD] = {"forward", true, forward_options, ARRAY_LEN(forward_options)},
        [CONF_SEC_NAMES] = {"names", false, NULL, 0},
};

int conf_option_index(enum conf_section s, const char *key)
{
	for (uint32_t i = 0; i < conf_sections[s].noptions; i++)
		if (strcmp(conf_sections[s].options[i].key, key) == 0)
			return (int)i;
	return -1;
}

bool conf_given(const struct conf_head *h, enum conf_section s, const char *key)
{
	int i = conf_option_index(s, key);

	return i >= 0 && (h->given >> i & 1);
}
