/* SPDX-License-Identifier: BSD-3-Clause */
/* One end-to-end handshake as messages: XX or IK inside set-up and reply, IK inside the tunnel. What follows from them for the session is
 * decided elsewhere. */
#pragma once
#include "endpoint/session.h"
#include "wire/hsmsg.h"

#define SESSION_ENVELOPE 192 /* bytes of a set-up's envelope: no answer is longer */

/* Makes hs a new handshake of s, begun by this node (asks) or by the other side. 0, or -EINVAL and hs is not active: IK
 * that this node begins needs a generation. */
int handshake_init(struct node *n, struct session *s, struct session_hs *hs, bool asks, bool ik);
/* Makes s->own a new handshake and writes its first message. ik: needs s->known. A negative errno leaves it inactive and the other
 * side's key unknown, so that the next one is XX. */
int handshake_begin(struct node *n, struct session *s, bool ik);
/* Writes the next message into hs->msg, with this node's key unless it would go in clear. 0 or a negative errno. */
int handshake_write(struct node *n, struct session_hs *hs, bool clear);
/* Reads the next message into *p. check: its payload must carry the key of s's remote id, which is then kept in s. 0, or counted:
 * -EBADMSG; a first message by IK also -ESTALE or -EALREADY (core/generation.h). s and hs are as before then, so that the true message can still be
 * read. */
int handshake_read(struct node *n, struct session *s, struct session_hs *hs, const uint8_t *msg,
                   size_t len, bool check, struct hs_payload *p);
/* Writes XX's third message in the form in which it is sent: the length of the first message, that message once more, by which a responder
 * that has kept nothing finds the handshake again, and the third. 0 or a negative errno. */
int handshake_third(struct node *n, struct session_hs *hs);
/* Draws this node's incarnation with its first handshake, x. */
void handshake_incarnation(struct node *n, const struct noise *x);
/* Whether the key in p is that of the id `remote`, and the one that the Noise messages were made with. */
bool handshake_is_of(const struct node_id *remote, const struct noise *x,
                     const struct hs_payload *p);
/* The other side's payload is authenticated: what it says of both ends' keys is kept in hs. */
void handshake_agreed(const struct node *n, struct session_hs *hs, const struct hs_payload *p);
/* Overwrites hs and its secrets with zeros; hs is inactive. */
void handshake_wipe(struct session_hs *hs);

/* Puts hs->msg into the envelope of a set-up (first, for addressee) or of a reply. Returns its bytes, 0: does not fit. */
size_t handshake_envelope(const struct node_id *addressee, const struct session_hs *hs, bool first,
                          uint8_t out[LSP_ENVELOPE_MAX]);
/* Whether the mac of a set-up's envelope proves that its sender knows this node's id. */
bool handshake_mac_ok(const struct node *n, const uint8_t *envelope, const struct hs_envelope *env);

/* Key phases are even in handshakes that the lower id begins and odd in the other side's, so that two that cross never share one.
 * Whether a handshake begun by this node may have this phase. */
bool handshake_phase_fits(const struct node *n, const struct session *s, uint8_t phase);
/* The phase for a handshake begun by remote, with which s is the session (NULL: there is none): of its two phases the one not in use. */
uint8_t handshake_phase_next(const struct node *n, const struct node_id *remote,
                             const struct session *s);
