/* SPDX-License-Identifier: BSD-3-Clause */
/* What programs that measure the label switch give it: two plain links, and labels spread as control allocates them. */
#pragma once
#include "ipc/cpdp.h"

#define SWITCH_BED_IN  0 /* the link whose labels are granted */
#define SWITCH_BED_OUT 1 /* the link that they are swapped onto */

/* Hands one command to the worker; ends the program when it is refused. */
typedef void switch_bed_command(void *arg, const struct cp_cmd *c);

/* Sets up and opens both links, on these ports; where they are one port, by VLAN. */
void switch_bed_links(const uint16_t port[2], switch_bed_command *command, void *arg);
/* Grants n labels in whole chunks at random places. They come back in random order, always the same, and the caller frees them. NULL: no
 * memory, or more than the label space holds. */
uint32_t *switch_bed_labels(unsigned n, switch_bed_command *command, void *arg);
