/* SPDX-License-Identifier: BSD-3-Clause */
/* getsockopt() and setsockopt(): what really has an effect, and nothing else. */
#include "libcoyo/options.h"
#include "ipc/appopts.h"
#include "libcoyo/call.h"
#include "libcoyo/clock.h"
#include "libcoyo/coyo.h"
#include "libcoyo/dgram.h"
#include "libcoyo/info.h"
#include "libcoyo/lane.h"
#include "libcoyo/lock.h"
#include "libcoyo/question.h"
#include "libcoyo/state.h"

#include <limits.h>
#include <netinet/tcp.h>
#include <string.h>

#define CONGESTION_BYTES 16  /* TCP_CA_NAME_MAX */
#define MSS_UNKNOWN      536 /* RFC 9293 3.7.1 */

_Static_assert(APP_OPTIONS <= SOCK_OPTIONS, "each has its place in a socket");

/* Options that are a number of TCP's: what an int of the caller's is multiplied by, and its least and largest value; `cut`: what is beyond is taken
 * for them, as Linux does. What a socket has that was not connected yet is what was set, or else what the daemon is configured for. */
static const struct number {
	int level, name;
	uint8_t option; /* enum app_option */
	bool cut;
	int scale, least, most;
} numbers[] = {
        {IPPROTO_TCP, TCP_NODELAY, APP_OPT_NODELAY, true, 1, 0, 1},
        {IPPROTO_TCP, TCP_CORK, APP_OPT_CORK, true, 1, 0, 1},
        {IPPROTO_TCP, TCP_QUICKACK, APP_OPT_QUICKACK, true, 1, 0, 1},
        {IPPROTO_TCP, TCP_MAXSEG, APP_OPT_MSS, false, 1, 88, 32767},
        {IPPROTO_TCP, TCP_KEEPINTVL, APP_OPT_KEEPALIVE_INTVL_MS, false, 1000, 1, 32767},
        {IPPROTO_TCP, TCP_KEEPCNT, APP_OPT_KEEPALIVE_PROBES, false, 1, 1, 127},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, APP_OPT_USER_TIMEOUT_MS, false, 1, 0, INT_MAX},
        {SOL_SOCKET, SO_SNDBUF, APP_OPT_SNDBUF_MAX, true, 1, 2048, INT_MAX},
        {SOL_SOCKET, SO_RCVBUF, APP_OPT_RCVBUF_MAX, true, 1, 2048, INT_MAX},
};

static const struct number *number_of(int level, int name)
{
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (numbers[i].level == level && numbers[i].name == name)
			return &numbers[i];
	return NULL;
}

static bool is_switch(const struct number *n)
{
	return n->cut && n->most == 1;
}

/* ---- to the worker ---- */

static struct applane_msg message(const struct ref *r, unsigned option)
{
	struct applane_msg m = question_of(r, APPLANE_OPTION);

	m.option = option;
	m.value = r->s->option[option];
	return m;
}

static struct applane_msg notsent_message(const struct ref *r)
{
	struct applane_msg m = question_of(r, APPLANE_OPTION);

	m.option = APPLANE_OPT_NOTSENT;
	m.value = (uint32_t)r->s->notsent_lowat;
	return m;
}

void options_send(const struct ref *r)
{
	sock_take_send(r);
	if (r->s->notsent_lowat && !sock_closed(r) && r->s->slot != NONE) {
		struct applane_msg m = notsent_message(r);

		(void)lane_put(r->a, r->s->worker, &m);
	}
	for (unsigned i = 0; i < APP_OPTIONS && !sock_closed(r) && r->s->slot != NONE; i++) {
		struct applane_msg m = message(r, i);

		if ((r->s->option_set >> i & 1) && lane_put(r->a, r->s->worker, &m) < 0)
			break;
	}
	lock_give(&r->s->send);
}

/* Sets a number of TCP's: of a stream at once, of any other socket when it becomes one. Under the sending lock. */
static int set(const struct ref *r, unsigned option, int64_t value)
{
	struct applane_msg m;
	int64_t before = r->s->option[option];
	uint32_t state = atomic_load(&r->s->state);
	int err;

	if (sock_closed(r))
		return -EBADF;
	r->s->option[option] = value;
	err = 0;
	if ((state == SOCK_UP || state == SOCK_CONNECTING) && !attach_dead(r->a)) {
		m = message(r, option);
		err = question_ask(r, &m);
	}
	if (err == 0)
		r->s->option_set |= 1u << option;
	else
		r->s->option[option] = before;
	if (option == APP_OPT_SNDBUF_MAX && r->s->slot != NONE)
		sock_limit_out(r);
	return err;
}

/* ---- values of more than a number ---- */

static int set_time(_Atomic int64_t *to, const void *value, socklen_t len)
{
	struct timeval t;

	if (len < sizeof(t))
		return -EINVAL;
	memcpy(&t, value, sizeof(t));
	if (t.tv_usec < 0 || t.tv_usec >= 1000000)
		return -EDOM;
	/* A negative time passes at once, as with sockets; the clock cannot count beyond some centuries. */
	if (t.tv_sec < 0)
		atomic_store(to, 1);
	else
		atomic_store(
		        to, t.tv_sec > INT32_MAX ? 0 : t.tv_sec * NS_PER_S + t.tv_usec * NS_PER_US);
	return 0;
}

static int set_linger(const struct ref *r, const void *value, socklen_t len)
{
	struct linger l;
	int err;

	if (len < sizeof(l))
		return -EINVAL;
	memcpy(&l, value, sizeof(l));
	err = set(r, APP_OPT_LINGER_MS, l.l_onoff && l.l_linger == 0 ? 0 : UINT32_MAX);
	if (err == 0)
		r->s->linger_s = l.l_onoff ? (l.l_linger < 0 ? INT32_MAX : l.l_linger) : -1;
	return err;
}

/* Keepalive is one number of TCP's, the idle time, of which 0 means off; sockets have a switch and a time. */
static int set_keepalive(const struct ref *r, int name, int v)
{
	struct sock *s = r->s;
	int err;

	if (name == TCP_KEEPIDLE && (v < 1 || v > 32767))
		return -EINVAL;
	if (name == TCP_KEEPIDLE && !s->keepalive) {
		s->keepidle_s = v;
		return 0;
	}
	err = set(r, APP_OPT_KEEPALIVE_MS,
	          name == TCP_KEEPIDLE ? v * INT64_C(1000)
	          : v                  ? s->keepidle_s * INT64_C(1000)
	                               : 0);
	if (err < 0)
		return err;
	if (name == TCP_KEEPIDLE)
		s->keepidle_s = v;
	else
		s->keepalive = v != 0;
	return 0;
}

/* By their numbers in TCP's settings (enum tcp_cc). */
static const char *const congestion[] = {"reno", "cubic"};

static int set_congestion(const struct ref *r, const void *value, socklen_t len)
{
	char name[CONGESTION_BYTES] = {0};

	if (len < 1)
		return -EINVAL;
	memcpy(name, value, min_u64(len, sizeof(name) - 1));
	for (unsigned i = 0; i < ARRAY_LEN(congestion); i++)
		if (strcmp(name, congestion[i]) == 0)
			return set(r, APP_OPT_CC, i);
	return -ENOENT;
}

static int set_number(const struct ref *r, const struct number *n, int v)
{
	if (is_switch(n))
		return set(r, n->option, v != 0);
	/* Linux takes a negative size of a buffer for a very large one, and 0 for no wish of the MSS. */
	if (n->cut)
		v = v < 0 ? n->most : v < n->least ? n->least : v;
	if ((v < n->least || v > n->most) && !(v == 0 && n->option == APP_OPT_MSS))
		return -EINVAL;
	return set(r, n->option, (int64_t)v * n->scale);
}

/* Any number will do, as with Linux: as one without sign, 0 for no limit. */
static int set_notsent(const struct ref *r, int v)
{
	uint32_t state = atomic_load(&r->s->state);
	int before = r->s->notsent_lowat, err = 0;

	if (sock_closed(r))
		return -EBADF;
	r->s->notsent_lowat = v;
	if ((state == SOCK_UP || state == SOCK_CONNECTING) && !attach_dead(r->a)) {
		struct applane_msg m = notsent_message(r);

		err = question_ask(r, &m);
	}
	if (err < 0)
		r->s->notsent_lowat = before;
	return err;
}

/* Which of a datagram socket's limits an option is; -1: none. */
static int limit_of(int level, int name)
{
	if (level != SOL_SOCKET)
		return -1;
	return name == SO_SNDBUF ? DGRAM_OPT_OUT : name == SO_RCVBUF ? DGRAM_OPT_IN : -1;
}

/* Of a socket for datagrams, once times are looked at. */
static int set_of_datagrams(const struct ref *r, int level, int name, const void *value,
                            socklen_t len)
{
	int limit = limit_of(level, name), v;

	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, value, sizeof(v));
	if (limit >= 0)
		return sock_closed(r) ? -EBADF : dgram_limit(r, (unsigned)limit, v);
	/* A port is free for the next socket as soon as its own is closed: always so. */
	return level == SOL_SOCKET && name == SO_REUSEADDR ? 0 : -ENOPROTOOPT;
}

static int set_path(const struct ref *r, int name, const void *value, socklen_t len)
{
	int v;

	if (name != COYO_PATH)
		return -ENOPROTOOPT;
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, value, sizeof(v));
	if (v != COYO_PATH_ANY && v != COYO_PATH_DIRECT)
		return -EINVAL;
	if (atomic_load(&r->s->state) != SOCK_NEW)
		return -EISCONN;
	r->s->direct = v == COYO_PATH_DIRECT;
	return 0;
}

static int set_option(const struct ref *r, int level, int name, const void *value, socklen_t len)
{
	const struct number *n = number_of(level, name);
	int v;

	if (level == SOL_SOCKET && name == SO_RCVTIMEO)
		return set_time(&r->s->recv_timeout, value, len);
	if (level == SOL_SOCKET && name == SO_SNDTIMEO)
		return set_time(&r->s->send_timeout, value, len);
	if (dgram_is(r))
		return set_of_datagrams(r, level, name, value, len);
	if (level == SOL_COYO)
		return set_path(r, name, value, len);
	if (level == SOL_SOCKET && name == SO_LINGER)
		return set_linger(r, value, len);
	if (level == IPPROTO_TCP && name == TCP_CONGESTION)
		return set_congestion(r, value, len);
	if (level != SOL_SOCKET && level != IPPROTO_TCP)
		return -ENOPROTOOPT;
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, value, sizeof(v));
	if (n)
		return set_number(r, n, v);
	if (level == SOL_SOCKET && name == SO_KEEPALIVE)
		return set_keepalive(r, SO_KEEPALIVE, v);
	if (level == IPPROTO_TCP && name == TCP_KEEPIDLE)
		return set_keepalive(r, TCP_KEEPIDLE, v);
	if (level == IPPROTO_TCP && name == TCP_NOTSENT_LOWAT)
		return set_notsent(r, v);
	if (level == SOL_SOCKET && name == SO_RCVLOWAT) {
		r->s->rcvlowat = v < 0 ? INT_MAX : v == 0 ? 1 : v;
		return 0;
	}
	/* A port is free for the next listener as soon as its listener has ended, with connections of before or without: always so. */
	if (level == SOL_SOCKET && name == SO_REUSEADDR) {
		r->s->reuseaddr = v != 0;
		return 0;
	}
	/* Asked of the daemon by listen(). */
	if (level == SOL_SOCKET && name == SO_REUSEPORT) {
		r->s->reuseport = v != 0;
		return 0;
	}
	return -ENOPROTOOPT;
}

COYO_EXPORT int coyo_setsockopt(int handle, int level, int name, const void *value, socklen_t len)
{
	struct ref r;
	int err = sock_find(handle, &r);

	if (err < 0)
		return (int)call_end(err);
	state_settle(&r);
	sock_take_send(&r);
	err = set_option(&r, level, name, value, len);
	lock_give(&r.s->send);
	return (int)call_end(err);
}

/* ---- reading ---- */

/* What no other network has. 0 or -ENOPROTOOPT. */
static int get_path(const struct ref *r, int name, int *v)
{
	struct appinfo info;

	if (name == COYO_PATH)
		*v = r->s->direct ? COYO_PATH_DIRECT : COYO_PATH_ANY;
	else if (name == COYO_HOPS)
		*v = info_ask(r, &info) == 0 ? info.hops : 0;
	else
		return -ENOPROTOOPT;
	return 0;
}

/* The error that SO_ERROR tells, once. */
static int take_error(const struct ref *r)
{
	int err = atomic_exchange(&r->s->failure, 0);

	if (dgram_is(r))
		return dgram_error(r);
	if (err == 0 && atomic_load(&r->s->state) == SOCK_UP)
		err = state_take_error(r, state_told(r));
	return err;
}

/* Of a socket for datagrams. 0 or -ENOPROTOOPT. */
static int get_of_datagrams(const struct ref *r, int level, int name, int *v)
{
	int limit = limit_of(level, name);

	if (limit >= 0)
		*v = (int)dgram_limit_of(r, (unsigned)limit);
	else if (level == SOL_SOCKET && name == SO_TYPE)
		*v = SOCK_DGRAM;
	else if (level == SOL_SOCKET && name == SO_PROTOCOL)
		*v = IPPROTO_UDP;
	else
		return -ENOPROTOOPT;
	return 0;
}

/* What TCP has: a connection's own, else what was set, else what the daemon is configured for. Under the sending lock. */
static int64_t number_now(const struct ref *r, unsigned option)
{
	struct appinfo info;

	if (info_ask(r, &info) == 0)
		return info.option[option];
	if (r->s->option_set >> option & 1)
		return r->s->option[option];
	return applane_defaults(attach_lane(r->a, 0))[option];
}

static int get_number(const struct ref *r, const struct number *n)
{
	int64_t v = number_now(r, n->option) / n->scale;

	if (n->option == APP_OPT_MSS && v == 0)
		return MSS_UNKNOWN;
	return v > n->most ? n->most : (int)v;
}

/* An option whose value is an int. 0 or -ENOPROTOOPT. */
static int get_int(const struct ref *r, int level, int name, int *v)
{
	const struct number *n = number_of(level, name);
	struct sock *s = r->s;

	if (dgram_is(r)) {
		if (get_of_datagrams(r, level, name, v) == 0)
			return 0;
		if (level != SOL_SOCKET || (name != SO_ERROR && name != SO_DOMAIN &&
		                            name != SO_ACCEPTCONN && name != SO_REUSEADDR))
			return -ENOPROTOOPT;
	}
	if (n) {
		*v = get_number(r, n);
		return 0;
	}
	if (level == IPPROTO_TCP && name == TCP_KEEPIDLE) {
		*v = s->keepidle_s;
		return 0;
	}
	if (level == IPPROTO_TCP && name == TCP_NOTSENT_LOWAT) {
		*v = s->notsent_lowat;
		return 0;
	}
	if (level == SOL_COYO)
		return get_path(r, name, v);
	if (level != SOL_SOCKET)
		return -ENOPROTOOPT;
	switch (name) {
	case SO_ERROR:
		*v = take_error(r);
		return 0;
	case SO_TYPE:
		*v = SOCK_STREAM;
		return 0;
	case SO_DOMAIN:
		*v = AF_COYO;
		return 0;
	case SO_PROTOCOL:
		*v = IPPROTO_TCP;
		return 0;
	case SO_ACCEPTCONN:
		*v = atomic_load(&s->state) == SOCK_LISTENING;
		return 0;
	case SO_KEEPALIVE:
		*v = s->keepalive;
		return 0;
	case SO_REUSEADDR:
		*v = s->reuseaddr;
		return 0;
	case SO_REUSEPORT:
		*v = s->reuseport;
		return 0;
	case SO_RCVLOWAT:
		*v = s->rcvlowat;
		return 0;
	case SO_SNDLOWAT:
		*v = 1;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int give(const void *from, size_t n, void *to, socklen_t *len)
{
	*len = (socklen_t)min_u64(*len, n);
	memcpy(to, from, *len);
	return 0;
}

static int get_option(const struct ref *r, int level, int name, void *value, socklen_t *len)
{
	struct linger l = {.l_onoff = r->s->linger_s >= 0, .l_linger = r->s->linger_s};
	int64_t ns;
	int v, err;

	if ((int)*len < 0)
		return -EINVAL;
	if (level == IPPROTO_TCP && dgram_is(r))
		return -ENOPROTOOPT;
	if (level == IPPROTO_TCP && name == TCP_INFO)
		return info_give(r, value, len);
	if (level == IPPROTO_TCP && name == TCP_CONGESTION) {
		char text[CONGESTION_BYTES] = {0};

		strcpy(text, congestion[number_now(r, APP_OPT_CC) == 1]);
		return give(text, sizeof(text), value, len);
	}
	/* Nobody who is known here is at the other end, as with any TCP socket. */
	if (level == SOL_SOCKET && name == SO_PEERCRED)
		return give(&(struct ucred){0, (uid_t)-1, (gid_t)-1}, sizeof(struct ucred), value,
		            len);
	if (level == SOL_SOCKET && name == SO_LINGER && !dgram_is(r)) {
		l.l_linger = l.l_onoff ? l.l_linger : 0;
		return give(&l, sizeof(l), value, len);
	}
	if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO)) {
		ns = atomic_load(name == SO_RCVTIMEO ? &r->s->recv_timeout : &r->s->send_timeout);
		return give(&(struct timeval){ns / NS_PER_S, ns % NS_PER_S / NS_PER_US},
		            sizeof(struct timeval), value, len);
	}
	err = get_int(r, level, name, &v);
	return err < 0 ? err : give(&v, sizeof(v), value, len);
}

COYO_EXPORT int coyo_getsockopt(int handle, int level, int name, void *value, socklen_t *len)
{
	struct ref r;
	int err = sock_find(handle, &r);

	if (err < 0)
		return (int)call_end(err);
	state_settle(&r);
	sock_take_send(&r);
	err = sock_closed(&r) ? -EBADF : get_option(&r, level, name, value, len);
	lock_give(&r.s->send);
	return (int)call_end(err);
}
