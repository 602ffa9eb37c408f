/* SPDX-License-Identifier: BSD-3-Clause */
/* The functions that this library stands in front of, as the program would have had them: the next definition behind ours. */
#pragma once
#include "base/cc.h"

#include <fcntl.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Every function of this table is exported under its name; meson.build and preload.map name them, too. */
#define FORWARD_ROWS(X)     \
	X(accept)           \
	X(accept4)          \
	X(bind)             \
	X(close)            \
	X(close_range)      \
	X(closefrom)        \
	X(connect)          \
	X(dup)              \
	X(dup2)             \
	X(dup3)             \
	X(epoll_ctl)        \
	X(fcntl)            \
	X(fcntl64)          \
	X(getaddrinfo)      \
	X(gethostbyname)    \
	X(gethostbyname2)   \
	X(gethostbyname2_r) \
	X(gethostbyname_r)  \
	X(getnameinfo)      \
	X(getpeername)      \
	X(getsockname)      \
	X(getsockopt)       \
	X(listen)           \
	X(sendmsg)          \
	X(sendto)           \
	X(setsockopt)       \
	X(shutdown)         \
	X(socket)

#define FORWARD_FIELD(name) __typeof__(&name) name;
struct forward {
	FORWARD_ROWS(FORWARD_FIELD)
};
#undef FORWARD_FIELD

/* Filled when the library is loaded, or by the first call where another library's start made one before that. */
extern struct forward forward_next;

/* Fills forward_next. Cheap where that has been done. */
void forward_resolve(void);

/* The next definition of a function of the table. No system call, no lock. */
#define NEXT(name)                                                \
	(*(likely_(forward_next.name != NULL) ? forward_next.name \
	                                      : (forward_resolve(), forward_next.name)))

/* Defines the function that is exported as `name`. It has another name in the object file, so that none of the project's own calls seems to
 * lead here. Its contract is the C library's; each says how it differs. */
#define SHIM(name)                                \
	COYO_EXPORT __typeof__(name) shim_##name; \
	COYO_EXPORT
