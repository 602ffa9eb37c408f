/* SPDX-License-Identifier: BSD-3-Clause */
/* Hexadecimal text to bytes and back, for vectors and for messages of failed tests. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Bytes written, or -1 on an odd count, a character that is no digit, or more than cap bytes. */
long hex_read(const char *text, uint8_t *out, size_t cap);

/* Writes 2 * n lower-case digits and a NUL. */
void hex_write(const void *bytes, size_t n, char *out);
