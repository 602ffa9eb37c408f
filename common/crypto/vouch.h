/* SPDX-License-Identifier: BSD-3-Clause */
/* The signature under a list of names that a node vouches for. */
#pragma once
#include "crypto/identity.h"
#include "names/vouched.h"

/* Of the signature, which is over the BLAKE2b-512 of all that stands before its line. */
#define VOUCH_CONTEXT "IPvCoyo names 1"

/* Makes a list of v's serial, expires, label and names as this node's: sets signer, key and sig, writes the whole text and a NUL into out, which
 * holds VOUCHED_TEXT_MAX bytes, and returns its length. It signs nothing but the list that it has just written itself. */
size_t vouch_make(const struct identity *me, struct vouched *v, char *out);

/* Whether the text that vouched_read() read v from is signed by the node that it names. 0; -EBADMSG: it is not, or the key is another node's. */
int vouch_verify(const struct vouched *v, const char *text) COYO_NODISCARD;
