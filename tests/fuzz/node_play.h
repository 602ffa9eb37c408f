/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes as what a hostile neighbour does: messages of every type with fields that mean something at the victim, noise, time, honest traffic. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Plays an input against a fresh world; aborts where the victim breaks a promise. */
void node_play(const uint8_t *data, size_t size);
