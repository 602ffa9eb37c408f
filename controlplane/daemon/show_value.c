/* SPDX-License-Identifier: BSD-3-Clause */
/* Values of an answer. */
#include "daemon/show_value.h"
#include "daemon/daemon.h"
#include "daemon/links.h"

#include <arpa/inet.h>
#include <stdio.h>

void show_text(struct json *j, const char *key, const char *s)
{
	if (s)
		json_str(j, key, s);
	else
		json_null(j, key);
}

void show_id(struct json *j, const char *key, const struct node_id *id)
{
	char text[ID_TEXT_LEN + 1];

	if (id_is_zero(id)) {
		json_null(j, key);
		return;
	}
	id_to_text(id, text);
	json_str(j, key, text);
}

void show_id_name(struct daemon *d, struct json *j, const char *key, const struct node_id *id)
{
	const struct names_row *row = names_of(&d->conf.names, id);

	show_text(j, key, id_eq(id, &d->me.id) ? d->conf.node.name : row ? row->name : NULL);
}

void show_label(struct json *j, const char *key, uint32_t label)
{
	if (label == LABEL_NONE)
		json_null(j, key);
	else
		json_uint(j, key, label);
}

void show_link(struct daemon *d, struct json *j, const char *key, uint32_t link)
{
	show_text(j, key, links_name(d, link));
}

void show_nonce(struct json *j, const char *key, uint64_t nonce)
{
	char text[20];

	if (!nonce) {
		json_null(j, key);
		return;
	}
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)nonce);
	json_str(j, key, text);
}

void show_hops(struct json *j, const char *key, uint32_t hops)
{
	if (hops)
		json_uint(j, key, hops);
	else
		json_null(j, key);
}

static void scaled(struct json *j, const char *key, int64_t ns, int64_t unit)
{
	if (ns < 0)
		json_null(j, key);
	else
		json_double(j, key, (double)ns / (double)unit);
}

void show_us(struct json *j, const char *key, int64_t ns)
{
	scaled(j, key, ns, NS_PER_US);
}

void show_ms(struct json *j, const char *key, int64_t ns)
{
	scaled(j, key, ns, NS_PER_MS);
}

void show_s(struct json *j, const char *key, int64_t ns)
{
	scaled(j, key, ns, NS_PER_S);
}

void show_addr_text(uint8_t family, const uint8_t addr[16], uint16_t port, char out[SHOW_ADDR_MAX])
{
	char host[INET6_ADDRSTRLEN] = "";

	inet_ntop(family == 6 ? AF_INET6 : AF_INET, addr, host, sizeof(host));
	snprintf(out, SHOW_ADDR_MAX, family == 6 ? "[%s]:%u" : "%s:%u", host, port);
}

void show_addr(struct json *j, const char *key, uint8_t family, const uint8_t addr[16],
               uint16_t port)
{
	char text[SHOW_ADDR_MAX];

	if (family != 4 && family != 6) {
		json_null(j, key);
		return;
	}
	show_addr_text(family, addr, port, text);
	json_str(j, key, text);
}
