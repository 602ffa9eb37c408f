/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading one line of a script: words, numbers, names of errors; a cursor over a string. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scan {
	const char *p;
};

/* True at the end of the line or its comment. */
bool scan_end(struct scan *s);
/* Takes the next word (up to white space); false: there is none or it is too long. */
bool scan_word(struct scan *s, char *out, size_t cap);
/* Takes the next word if it is this one. */
bool scan_is(struct scan *s, const char *word);
/* Takes this very text, white space before it skipped; the next may follow at once. */
bool scan_text(struct scan *s, const char *text);
/* Takes an unsigned number; decimal, or hexadecimal after 0x. */
bool scan_u64(struct scan *s, uint64_t *out);
bool scan_u32(struct scan *s, uint32_t *out);
/* Takes [a-z0-9_-]*. */
void scan_name(struct scan *s, char *out, size_t cap);
/* Takes pairs of hexadecimal digits; returns the bytes. */
size_t scan_hex(struct scan *s, uint8_t *out, size_t cap);

/* "EAGAIN" -> EAGAIN; 0: unknown. */
int errno_value(const char *name);
/* EAGAIN -> "EAGAIN"; "E<number>" for those the language has no word for. */
const char *errno_name(int value);
