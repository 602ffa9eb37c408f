/* SPDX-License-Identifier: BSD-3-Clause */
/* Flags of handles, as fcntl() has them, and what the application is to the network. */
#include "libcoyo/call.h"
#include "libcoyo/coyo.h"
#include "libcoyo/fork.h"
#include "libcoyo/sock.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

COYO_EXPORT int coyo_set_nonblock(int handle, int on)
{
	struct ref r;
	int err = sock_find(handle, &r);

	if (err < 0)
		return (int)call_end(err);
	if (on)
		atomic_fetch_or(&r.s->flags, SOCK_F_NONBLOCK);
	else
		atomic_fetch_and(&r.s->flags, ~SOCK_F_NONBLOCK);
	return 0;
}

COYO_EXPORT int coyo_fcntl(int handle, int cmd, ...)
{
	struct ref r;
	int err = sock_find(handle, &r), arg;
	va_list ap;

	if (err < 0)
		return (int)call_end(err);
	va_start(ap, cmd);
	arg = cmd == F_SETFL ? va_arg(ap, int) : 0;
	va_end(ap);
	switch (cmd) {
	case F_GETFL:
		return O_RDWR | (sock_flags(&r) & SOCK_F_NONBLOCK ? O_NONBLOCK : 0);
	case F_SETFL:
		return coyo_set_nonblock(handle, (arg & O_NONBLOCK) != 0);
	case F_GETFD:
		return FD_CLOEXEC;
	default:
		return (int)call_end(-EINVAL);
	}
}

COYO_EXPORT int coyo_local_id(uint8_t id[COYO_ID_BYTES])
{
	struct attachment *a;
	unsigned index;

	fork_watch();
	a = attach_get(&index);
	if (!a)
		return -1;
	memcpy(id, a->region->local.b, COYO_ID_BYTES);
	return 0;
}
