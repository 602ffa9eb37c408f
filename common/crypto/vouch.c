/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of names are signed as the hash of their text, which may be longer than what is signed elsewhere. */
#include "crypto/vouch.h"

#include <errno.h>
#include <sodium.h>

_Static_assert(VOUCHED_SIG_BYTES == crypto_sign_BYTES &&
                       VOUCHED_KEY_BYTES == crypto_sign_PUBLICKEYBYTES,
               "what the format has room for");

static void digest(const struct vouched *v, const char *text, uint8_t out[64])
{
	crypto_generichash(out, 64, (const uint8_t *)text, v->signed_len, NULL, 0);
}

size_t vouch_make(const struct identity *me, struct vouched *v, char *out)
{
	uint8_t hash[64];

	v->signer = me->id;
	memcpy(v->key, me->ed_public, sizeof(v->key));
	vouched_write(v, out);
	digest(v, out, hash);
	sig_sign(me, VOUCH_CONTEXT, hash, sizeof(hash), v->sig);
	return vouched_write_signature(v, out);
}

int vouch_verify(const struct vouched *v, const char *text)
{
	struct node_id signer;
	uint8_t hash[64];

	identity_id_of_key(v->key, &signer);
	if (!id_eq(&signer, &v->signer))
		return -EBADMSG;
	digest(v, text, hash);
	return sig_verify(v->key, VOUCH_CONTEXT, hash, sizeof(hash), v->sig);
}
