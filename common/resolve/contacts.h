/* SPDX-License-Identifier: BSD-3-Clause */
/* Names that contacts of the user vouch for: NAME.CONTACT, where CONTACT is one of the user's own names. Each list is a file of the user's,
 * coyo/contacts/ID of the configuration's folder, by the id of who signed it; so a name that is given to another id takes no list with it. The
 * signature was verified when the list came; from then on the file is the user's own, private as that of the names. */
#pragma once
#include "names/vouched.h"
#include "resolve/petnames.h"

/* What a name NAME.CONTACT means by the list of that contact, at now_s, in seconds since 1970. own: the user's own names, of which the longest
 * that the name ends in says who the contact is. 0, and the id; 1: there is no such contact, it has given no list, or the list does not have the
 * name; -ESTALE: it has, and has expired; others from reading the list, which is not passed over where it is wrong. One sentence in why. */
int contacts_find(const struct names *own, const char *name, uint64_t now_s, struct node_id *id,
                  char why[PETNAMES_WHY_MAX]) COYO_NODISCARD;

/* The name NAME.CONTACT of an id of which the first 120 bits are given, by lists that have not expired; the whole id in *id. 0, 1: there is
 * none, or as above. */
int contacts_of_start(const struct names *own, const uint8_t start[15], uint64_t now_s,
                      struct node_id *id, char name[NAMES_NAME_MAX + 1],
                      char why[PETNAMES_WHY_MAX]) COYO_NODISCARD;

/* Reads the list of a signer, which the caller frees by vouched_free(). -ENOENT: there is none; others with a sentence. */
int contacts_load(const struct node_id *signer, struct vouched *v,
                  char why[PETNAMES_WHY_MAX]) COYO_NODISCARD;

/* Calls visit() for each list there is, until one returns other than 0; returns what it returned, or 0, or -errno with a sentence. */
int contacts_each(int (*visit)(void *arg, const struct vouched *v), void *arg,
                  char why[PETNAMES_WHY_MAX]) COYO_NODISCARD;

/* The name of an id of a list as it is looked for: NAME.CONTACT. False: together they are no name. */
bool contacts_join(const char *name, const char *contact, char out[NAMES_NAME_MAX + 1]);

/* Keeps a list whose text of len bytes has been read into v and verified, in the place of the one there is. 1: it is there already. -ESTALE: the
 * one there is has as high a serial, or a higher one; others from reading and writing. One sentence in why. */
int contacts_keep(const struct vouched *v, const char *text, size_t len,
                  char why[PETNAMES_WHY_MAX]) COYO_NODISCARD;

/* Removes the list of a signer. -ENOENT: there is none; others from removing. One sentence in why. */
int contacts_forget(const struct node_id *signer, char why[PETNAMES_WHY_MAX]) COYO_NODISCARD;
