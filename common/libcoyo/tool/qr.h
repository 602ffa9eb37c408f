/* SPDX-License-Identifier: BSD-3-Clause */
/* An id as a QR code (ISO/IEC 18004) in characters, two rows of it in each line. */
#pragma once
#include "libcoyo/coyo.h"
#include "wire/id.h"

/* Draws the text form of an id on standard output, in upper case, which makes the code smaller. -ENOSYS: coyo was built without libqrencode;
 * -ENOMEM, -EIO. One sentence in why. */
int qr_show(const struct node_id *id, char why[COYO_WHY_MAX]);
