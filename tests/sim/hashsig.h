/* SPDX-License-Identifier: BSD-3-Clause */
/* Signatures for large simulations: cheap and forgeable. */
#pragma once
#include "crypto/identity.h"

void hashsig_sign(const struct identity *me, const char *context, const void *msg, size_t len,
                  uint8_t sig[64]);
/* 0 or -EBADMSG. */
int hashsig_verify(const uint8_t key[32], const char *context, const void *msg, size_t len,
                   const uint8_t sig[64]);
