/* SPDX-License-Identifier: BSD-3-Clause */
/* What has become of a stream: connected, failed, ended; and which error a call returns for it. */
#pragma once
#include "libcoyo/sock.h"

/* What the worker has told of the socket's slot; STREAM_ERROR too where the daemon is gone. */
uint32_t state_told(const struct ref *r);

/* A socket that was connecting is connected, or has failed, if the worker has said so. Returns its state. Without locks. */
uint32_t state_settle(const struct ref *r);

/* The positive errno that the stream has ended with, once: 0 afterwards, or where it has not ended in an error. Under one of its locks. */
int state_take_error(const struct ref *r, uint32_t told);

/* The view of one direction found an impossible index: the stream is of no use any more. Returns EPROTO. */
int state_broken(const struct ref *r);
