/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of names that this node vouches for: made and signed for whoever may use the control socket. */
#pragma once

struct ctl_client;
struct daemon;

/* Answers the request of `vouch` in c->req and c->body with a list that is signed by this node's key, or with an error. */
void vouching_answer(struct daemon *d, struct ctl_client *c);
