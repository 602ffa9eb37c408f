/* SPDX-License-Identifier: BSD-3-Clause */
/* libnss_coyo: what libc calls where /etc/nsswitch.conf has `coyo` in its line of hosts. Each function is as the C library's manual says ("NSS
 * Modules Interface"): NSS_STATUS_TRYAGAIN with ERANGE where the buffer is too small, else the verdict, errno in *errnop and h_errno in *h_errnop.
 *
 * Names that end in .coyo and ids in any form become the IPv6 address that stands for the id (names/ipv6.h), and such addresses become names
 * again. Whatever else is asked for is NSS_STATUS_UNAVAIL at once, without a system call; what is ours and not found is NSS_STATUS_NOTFOUND, so
 * that `[NOTFOUND=return]` keeps such names from the services behind. They run in programs that know nothing of this one: no state, no
 * signals, no exit; nobody waits for the daemon longer than NSS_WAIT_MS. */
#pragma once
#include <netdb.h>
#include <nss.h>
#include <stddef.h>
#include <stdint.h>

#define NSS_WAIT_MS 200

/* Every address of a name: one, as a tuple of *pat, which is made in the buffer where it is NULL. */
enum nss_status _nss_coyo_gethostbyname4_r(const char *name, struct gaih_addrtuple **pat,
                                           char *buffer, size_t buflen, int *errnop, int *h_errnop,
                                           int32_t *ttlp);

/* The addresses of one family, with the canonical name. */
enum nss_status _nss_coyo_gethostbyname3_r(const char *name, int family, struct hostent *result,
                                           char *buffer, size_t buflen, int *errnop, int *h_errnop,
                                           int32_t *ttlp, char **canonp);

/* The addresses of one family. */
enum nss_status _nss_coyo_gethostbyname2_r(const char *name, int family, struct hostent *result,
                                           char *buffer, size_t buflen, int *errnop, int *h_errnop);

/* The IPv4 addresses, of which no name of ours has any. It is there for programs that know gethostbyname() alone: where libc does not find it, it
 * asks the services behind, and the name leaves this machine. */
enum nss_status _nss_coyo_gethostbyname_r(const char *name, struct hostent *result, char *buffer,
                                          size_t buflen, int *errnop, int *h_errnop);

/* The name of an address. */
enum nss_status _nss_coyo_gethostbyaddr2_r(const void *address, socklen_t len, int family,
                                           struct hostent *result, char *buffer, size_t buflen,
                                           int *errnop, int *h_errnop, int32_t *ttlp);

/* The same without a time to live. */
enum nss_status _nss_coyo_gethostbyaddr_r(const void *address, socklen_t len, int family,
                                          struct hostent *result, char *buffer, size_t buflen,
                                          int *errnop, int *h_errnop);
