/* SPDX-License-Identifier: BSD-3-Clause */
/* sendto() and sendmsg() with an address. TCP does not look at it on a socket that is connected, and the family AF_UNIX, which such a socket here is
 * of, refuses it; with MSG_FASTOPEN it is where to connect first. */
#include "libcoyo/preload/fds.h"
#include "libcoyo/preload/forward.h"
#include "libcoyo/preload/shim.h"

#include <errno.h>

/* The send was refused for its address, and before anything was sent, on a descriptor of the network. errno stays. */
static bool refused_address(int fd, const void *address)
{
	if (!address || (errno != EISCONN && errno != EOPNOTSUPP))
		return false;
	return (fds_kind(fd) > FD_TABLE ? fds_ours(fd) : fds_recover(fd)) != NULL;
}

/* With MSG_FASTOPEN, to the address of an id: the connection comes first, and the bytes after it. 1: the flag is not for here; 0: connected; -1:
 * errno, EINPROGRESS where the socket does not block. */
static int connect_first(int fd, int flags, const struct sockaddr *sa, socklen_t len)
{
	struct node_id id;

	if (likely_(!(flags & MSG_FASTOPEN)) || !shim_is_ours(sa, len, &id))
		return 1;
	return shim_connect(fd, sa, len);
}

SHIM(sendto)
ssize_t shim_sendto(int fd, const void *bytes, size_t n, int flags, const struct sockaddr *sa,
                    socklen_t len)
{
	int first = connect_first(fd, flags, sa, len);
	ssize_t r;

	if (first < 0)
		return -1;
	if (first == 0)
		return NEXT(sendto)(fd, bytes, n, flags & ~MSG_FASTOPEN, NULL, 0);
	r = NEXT(sendto)(fd, bytes, n, flags, sa, len);
	if (unlikely_(r < 0) && refused_address(fd, sa))
		r = NEXT(sendto)(fd, bytes, n, flags, NULL, 0);
	return r;
}

SHIM(sendmsg) ssize_t shim_sendmsg(int fd, const struct msghdr *m, int flags)
{
	int first = m ? connect_first(fd, flags, m->msg_name, m->msg_namelen) : 1;
	struct msghdr plain;
	ssize_t r;

	if (first < 0)
		return -1;
	r = first == 0 ? -1 : NEXT(sendmsg)(fd, m, flags);
	if (likely_(r >= 0) || (first != 0 && (!m || !refused_address(fd, m->msg_name))))
		return r;
	plain = *m;
	plain.msg_name = NULL;
	plain.msg_namelen = 0;
	return NEXT(sendmsg)(fd, &plain, flags & ~MSG_FASTOPEN);
}
