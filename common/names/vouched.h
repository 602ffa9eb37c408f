/* SPDX-License-Identifier: BSD-3-Clause */
/* A list of names that a node vouches for, as text that is handed from one person to another; crypto/vouch.h signs and verifies it.
 *
 *   coyo-names 1                the version of this format
 *   signer ID                   whose list it is: the text form of an id, 108 characters
 *   key HEX                     its Ed25519 public key, 64 digits
 *   serial NUMBER               a list with a higher one replaces this one; coyod takes the milliseconds since 1970
 *   expires NUMBER              may be left out: the seconds since 1970 from which on the list counts no more
 *   as NAME                     may be left out: what the signer would like to be called
 *   ID NAME                     any number of lines, up to VOUCHED_NAMES_MAX, by name in the order of ASCII, no name twice
 *   signature HEX               128 digits, over every byte before this line
 *
 * There is one way to write a list: one blank between words, LF at the end of each line and nothing behind the last, everything in lower
 * case, decimals without leading zeros. So whoever signs and whoever verifies mean the same by the same bytes. */
#pragma once
#include "names/names.h"

#define VOUCHED_NAMES_MAX 1024
#define VOUCHED_TEXT_MAX  (256u << 10) /* bytes of a list, its NUL included */
#define VOUCHED_KEY_BYTES 32
#define VOUCHED_SIG_BYTES 64
#define VOUCHED_NUMBER_MAX \
	9007199254740991u /* of serial and expires: what a double, and so every reader of JSON, holds */

struct vouched {
	struct node_id signer;
	uint8_t key[VOUCHED_KEY_BYTES];
	uint8_t sig[VOUCHED_SIG_BYTES];
	uint64_t serial;                /* ms since 1970, or what else only rises; at least 1 */
	uint64_t expires;               /* s since 1970; 0: never */
	char label[NAMES_NAME_MAX + 1]; /* as the signer calls itself; "": it does not say */
	struct names names;             /* owned */
	size_t signed_len;              /* of the text: what the signature covers */
};

/* Reads a list of len bytes, every one of which may be hostile. That it is signed by whom it says is not looked at. -EINVAL, -EEXIST (a name
 * stands twice), -E2BIG (too many names), -EFBIG, -EPROTONOSUPPORT (another version), -ENOMEM: one sentence in why, which names the line, and
 * there is nothing to free. Else the caller frees by vouched_free(). */
int vouched_read(struct vouched *v, const char *text, size_t len,
                 char why[NAMES_WHY_MAX]) COYO_NODISCARD;

/* Writes the list as far as the signature covers it, and a NUL; returns its length, which it also puts into v->signed_len. out holds
 * VOUCHED_TEXT_MAX bytes. v->names has at most VOUCHED_NAMES_MAX names, in any order. */
size_t vouched_write(struct vouched *v, char *out);

/* Appends the line of v->sig to what vouched_write() wrote, and a NUL; returns the length of the whole. */
size_t vouched_write_signature(const struct vouched *v, char *out);

/* Frees the names; what else stands in *v stays. */
void vouched_free(struct vouched *v);
