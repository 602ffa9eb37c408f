/* SPDX-License-Identifier: BSD-3-Clause */
/* Figures of a test against what stands in a file in git (tests/sim/golden) and against hard limits; renewed by scripts/golden. */
#pragma once

/* Opens golden/NAME.txt; with GOLDEN=renew in the environment it will be written anew by golden_close(). */
void golden_open(const char *name);

/* One figure: fails outside [lo, hi] (what the standard or the issue asks), and when it is further than percent from the file's. */
void golden(const char *row, double value, const char *unit, double lo, double hi, double percent);

/* A comment before the next row of the file: what a reader of the figures must know. */
void golden_note(const char *text);

/* Reports; 0 when each row held and each row of the file was seen. */
int golden_close(void);
