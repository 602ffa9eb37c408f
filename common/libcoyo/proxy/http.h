/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of proxy_request.h that reads HTTP. */
#pragma once
#include "libcoyo/proxy/request.h"

/* As proxy_read(), of a client whose first byte begins no SOCKS message. */
enum proxy_verdict proxy_http_read(struct proxy_request *r, const struct proxy_login *login,
                                   const uint8_t *p, size_t n, size_t *used,
                                   struct proxy_reply *reply);

/* A whole answer of HTTP with a sentence in it. more: further lines of the head, each with its CRLF. */
void proxy_http_say(struct proxy_reply *reply, unsigned status, const char *phrase,
                    const char *more, const char *why);

/* Whether both are the name and the password that are asked for; takes as long whatever is wrong. */
bool proxy_login_holds(const struct proxy_login *login, const char *name, size_t name_len,
                       const char *password, size_t password_len);
