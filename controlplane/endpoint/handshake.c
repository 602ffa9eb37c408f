/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes and reads the messages of end-to-end handshakes, and checks that they come from the id that a session is with. */
#include "endpoint/handshake.h"

#include "base/be.h"
#include "crypto/cookie.h"

#include <errno.h>
#include <string.h>

static void payload_fill(const struct node *n, bool clear, uint8_t phase, struct hs_payload *p)
{
	*p = (struct hs_payload){
	        .tx_lanes = 1,
	        .caps = (n->cfg.aes_gcm ? HS_CAP_AES_GCM : 0) | HS_CAP_CHACHA,
	        .epoch = HS_EPOCH(clear ? 0 : n->sessions->incarnation, phase),
	};
	if (!clear)
		memcpy(p->key, n->cfg.identity->ed_public, 32);
}

/* From the bits of the first ephemeral key: they are random, and another start of this node will have others. */
void handshake_incarnation(struct node *n, const struct noise *x)
{
	if (!n->sessions->incarnation)
		n->sessions->incarnation = HS_INCARNATION(be32_load(x->e_pub)) | 1;
}

void handshake_wipe(struct session_hs *hs)
{
	explicit_bzero(hs, sizeof(*hs));
}

int handshake_init(struct node *n, struct session *s, struct session_hs *hs, bool asks, bool ik)
{
	uint8_t prologue[HS_PROLOGUE_MAX];
	const struct node_id *me = &n->cfg.identity->id;
	size_t len = hs_prologue(n->cfg.network_id, HS_CONTEXT_SESSION, asks ? me : &s->remote,
	                         asks ? &s->remote : me, prologue);

	handshake_wipe(hs);
	hs->ik = ik;
	hs->born = n->now;
	if (asks && ik && !generations_with(&s->generations, s->x_key))
		return -EINVAL;
	if (noise_init(&hs->noise, ik ? NOISE_IK : NOISE_XX, asks, prologue, len,
	               n->cfg.identity->x_secret, n->cfg.identity->x_public,
	               asks && ik ? s->x_key : NULL, &n->cfg.rng) != 0)
		return -EINVAL;
	if (asks && ik)
		hs->stamp = generation_ask(&s->generations, &hs->noise);
	hs->state = HS_OPEN;
	handshake_incarnation(n, &hs->noise);
	return 0;
}

int handshake_write(struct node *n, struct session_hs *hs, bool clear)
{
	uint8_t buf[HS_PAYLOAD_MAX];
	struct hs_payload p;
	size_t len;

	payload_fill(n, clear, hs->phase, &p);
	p.stamp = hs->stamp;
	len = hs_payload_write(&p, buf, sizeof(buf));
	return noise_write(&hs->noise, buf, len, hs->msg, sizeof(hs->msg), &hs->msg_len);
}

int handshake_third(struct node *n, struct session_hs *hs)
{
	uint8_t first[NOISE_MESSAGE_MAX];
	size_t len = hs->msg_len;
	int r;

	COYO_ASSERT(!hs->ik && hs->noise.message == 2 && len <= sizeof(first));
	memcpy(first, hs->msg, len);
	r = handshake_write(n, hs, false);
	if (r != 0)
		return r;
	if (2 + len + hs->msg_len > sizeof(hs->msg))
		return -ENOSPC;
	memmove(hs->msg + 2 + len, hs->msg, hs->msg_len);
	be16_store(hs->msg, (uint16_t)len);
	memcpy(hs->msg + 2, first, len);
	hs->msg_len += 2 + len;
	return 0;
}

int handshake_begin(struct node *n, struct session *s, bool ik)
{
	int r = handshake_init(n, s, &s->own, true, ik);

	if (r == 0)
		r = handshake_write(n, &s->own, !ik);
	if (r != 0) {
		handshake_wipe(&s->own);
		s->known = false;
	}
	return r;
}

bool handshake_is_of(const struct node_id *remote, const struct noise *x,
                     const struct hs_payload *p)
{
	uint8_t x_key[32];
	struct node_id id;

	identity_id_of_key(p->key, &id);
	return id_eq(&id, remote) && identity_x_of_ed(p->key, x_key) == 0 &&
	       memcmp(x_key, x->rs, 32) == 0;
}

void handshake_agreed(const struct node *n, struct session_hs *hs, const struct hs_payload *p)
{
	hs->incarnation = HS_INCARNATION(p->epoch);
	hs->alg = n->cfg.aes_gcm && (p->caps & HS_CAP_AES_GCM) ? 2 : 1;
}

/* The next message's payload: 0, -EBADMSG, or as generation_read(). */
static int read_payload(struct session *s, const struct session_hs *hs, struct noise *x,
                        const uint8_t *msg, size_t len, struct hs_payload *p)
{
	uint8_t buf[NOISE_MESSAGE_MAX];
	size_t out;

	if (hs->ik && !x->initiator) {
		if (!s->generations.g[0].valid)
			return -ESTALE;
		return noise_read_static(x, msg, len) == 0
		               ? generation_read(&s->generations, x, msg, len, p)
		               : -EBADMSG;
	}
	if (len > sizeof(buf) || noise_read(x, msg, len, buf, &out) != 0)
		return -EBADMSG;
	return hs_payload_read(buf, out, p) ? 0 : -EBADMSG;
}

int handshake_read(struct node *n, struct session *s, struct session_hs *hs, const uint8_t *msg,
                   size_t len, bool check, struct hs_payload *p)
{
	struct noise next = hs->noise;
	int r = read_payload(s, hs, &next, msg, len, p);

	if (r == 0 && check && !handshake_is_of(&s->remote, &next, p))
		r = -EBADMSG;
	if (r == 0) {
		hs->noise = next;
		if (check) {
			memcpy(s->x_key, next.rs, 32);
			s->known = true;
			handshake_agreed(n, hs, p);
		}
	} else {
		count(n, r == -EBADMSG ? CTR_SESSION_HS_FAILED : CTR_SESSION_HS_OLD);
	}
	noise_wipe(&next);
	return r;
}

size_t handshake_envelope(const struct node_id *addressee, const struct session_hs *hs, bool first,
                          uint8_t out[LSP_ENVELOPE_MAX])
{
	static const struct node_id zero;
	size_t total = hs_envelope_write(hs->msg, hs->msg_len, first ? SESSION_ENVELOPE : 0, out,
	                                 LSP_ENVELOPE_MAX);

	if (total)
		cookie_mac1(first ? addressee : &zero, out, total - HS_MACS_BYTES,
		            out + total - HS_MACS_BYTES);
	return total;
}

bool handshake_mac_ok(const struct node *n, const uint8_t *envelope, const struct hs_envelope *env)
{
	uint8_t mac[COOKIE_MAC_BYTES];

	cookie_mac1(&n->cfg.identity->id, envelope, env->mac1_at, mac);
	return cookie_mac_equal(mac, envelope + env->mac1_at);
}

bool handshake_phase_fits(const struct node *n, const struct session *s, uint8_t phase)
{
	return (phase & 1) == !session_lower(n, s);
}

uint8_t handshake_phase_next(const struct node *n, const struct node_id *remote,
                             const struct session *s)
{
	uint8_t phase = id_cmp(&n->cfg.identity->id, remote) < 0;

	return s && session_has_keys(s) && s->phase == phase ? phase + 2 : phase;
}
