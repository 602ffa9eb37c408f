/* SPDX-License-Identifier: BSD-3-Clause */
/* How ids, labels, links and times stand in an answer: text or number, null where there is none, SI units in the keys. */
#pragma once
#include "base/json.h"

#include <stdint.h>

struct daemon;
struct node_id;

/* The text of an id; an all-zero id becomes null. */
void show_id(struct json *j, const char *key, const struct node_id *id);
/* This node's own name, or the one that [names] gives the id, or null. */
void show_id_name(struct daemon *d, struct json *j, const char *key, const struct node_id *id);
/* LABEL_NONE becomes null. */
void show_label(struct json *j, const char *key, uint32_t label);
/* ADDRESS:PORT; family 0 becomes null. addr: in network byte order, of IPv4 the first 4. */
void show_addr(struct json *j, const char *key, uint8_t family, const uint8_t addr[16],
               uint16_t port);
/* The name of a link by its number; null for a number without a link. */
void show_link(struct daemon *d, struct json *j, const char *key, uint32_t link);
/* A tunnel's number as 16 hexadecimal digits, because many readers take JSON numbers for doubles. 0 becomes null. */
void show_nonce(struct json *j, const char *key, uint64_t nonce);
#define SHOW_ADDR_MAX 64 /* bytes of an address with port, and the NUL */
/* An address as a configuration would have it. */
void show_addr_text(uint8_t family, const uint8_t addr[16], uint16_t port, char out[SHOW_ADDR_MAX]);
/* 0 becomes null. */
void show_hops(struct json *j, const char *key, uint32_t hops);
/* NULL becomes null. */
void show_text(struct json *j, const char *key, const char *s);
/* Nanoseconds as microseconds, milliseconds, seconds; negative becomes null. */
void show_us(struct json *j, const char *key, int64_t ns);
void show_ms(struct json *j, const char *key, int64_t ns);
void show_s(struct json *j, const char *key, int64_t ns);
