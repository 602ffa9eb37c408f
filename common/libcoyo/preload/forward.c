/* SPDX-License-Identifier: BSD-3-Clause */
/* Looks up what stands behind this library. */
#include "libcoyo/preload/forward.h"

#include <dlfcn.h>

struct forward forward_next;

void forward_resolve(void)
{
	struct forward *f = &forward_next;

	if (f->socket)
		return;
#define FORWARD_LOOK(name) f->name = (__typeof__(f->name))dlsym(RTLD_NEXT, #name);
	FORWARD_ROWS(FORWARD_LOOK)
#undef FORWARD_LOOK
}
