/* SPDX-License-Identifier: BSD-3-Clause */
/* The gateway's thread: its socket, its beginning and its end. */
#include "app/gw_accept.h"
#include "app/gw_attach.h"
#include "app/gw_forward.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FDS_OWN 512 /* descriptors that stay the daemon's */
#define FDS_MAX 1000000

static void *run(void *arg)
{
	struct gateway *g = arg;

	while (!atomic_load(&g->stop))
		gw_round(g, true);
	return NULL;
}

/* ---- beginning and end ---- */

COYO_PRINTF(3, 4)
static int sentence(char *err, size_t cap, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(err, cap, format, ap);
	va_end(ap);
	return -1;
}

/* Removes a socket file on which nobody answers, which a crashed daemon has left.
 * syscalls at the start: socket lstat close connect unlink */
static int make_room(const struct sockaddr_un *sun, char *err, size_t cap)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;
	int r = -1, why;

	if (fd < 0)
		return sentence(err, cap, "cannot make a socket: %s", strerror(errno));
	if (lstat(sun->sun_path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		close(fd);
		return sentence(err, cap, "%s exists and is no socket: name another path",
		                sun->sun_path);
	}
	r = connect(fd, (const struct sockaddr *)sun, sizeof(*sun));
	why = errno;
	close(fd);
	if (r == 0 || why == EAGAIN)
		return sentence(err, cap, "another coyod serves %s: stop it, or name another path",
		                sun->sun_path);
	if (why == ECONNREFUSED && unlink(sun->sun_path) < 0)
		return sentence(err, cap, "cannot remove the stale socket %s: %s", sun->sun_path,
		                strerror(errno));
	return 0;
}

/* syscalls at the start: socket bind chmod stat listen */
static int make_server(struct gateway *g, const struct dp_cfg *cfg, char *err, size_t cap)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	size_t n = strlen(cfg->app_socket);

	if (n >= sizeof(sun.sun_path) || n >= sizeof(g->path))
		return sentence(err, cap, "the application socket's path is longer than %zu bytes",
		                sizeof(sun.sun_path) - 1);
	memcpy(sun.sun_path, cfg->app_socket, n + 1);
	if (make_room(&sun, err, cap) < 0)
		return -1;
	g->server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (g->server < 0)
		return sentence(err, cap, "cannot make a socket: %s", strerror(errno));
	if (bind(g->server, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		return sentence(err, cap, "cannot make the application socket %s: %s",
		                cfg->app_socket, strerror(errno));
	memcpy(g->path, sun.sun_path, n + 1);
	/* Nobody can connect before listen(), so the mode is set in time. */
	if (chmod(g->path, cfg->app_socket_mode & 0777) < 0 || stat(g->path, &g->made) < 0 ||
	    listen(g->server, SOMAXCONN) < 0)
		return sentence(err, cap, "cannot open the application socket %s: %s", g->path,
		                strerror(errno));
	return 0;
}

/* syscalls: epoll_ctl */
static int watch(struct gateway *g, int fd, struct gw_node *node)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = node};

	return epoll_ctl(g->epoll, EPOLL_CTL_ADD, fd, &e);
}

/* How many descriptors applications may hold: the process's limit, raised where it is the daemon's own, without what is needed for links and
 * operators.
 * syscalls at the start: getrlimit setrlimit */
static unsigned descriptors(bool raise)
{
	struct rlimit r;
	uint64_t own;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return 256;
	if (raise && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &r) < 0 && getrlimit(RLIMIT_NOFILE, &r) < 0)
			return 256;
	}
	own = min_u64(FDS_OWN, r.rlim_cur / 2);
	return (unsigned)min_u64(r.rlim_cur - own, FDS_MAX);
}

/* syscalls at the start: epoll_create1 eventfd */
static int open_all(struct gateway *g, const struct dp_cfg *cfg, char *err, size_t cap)
{
	g->server_node.kind = GW_SERVER;
	g->door_node.kind = GW_DOOR;
	g->wake_node.kind = GW_WAKE;
	g->listeners = calloc(GW_LISTENERS_MAX, sizeof(*g->listeners));
	g->port_token = calloc(GW_PORTS, sizeof(*g->port_token));
	if (!g->listeners || !g->port_token)
		return sentence(err, cap, "out of memory for the application gateway");
	g->epoll = epoll_create1(EPOLL_CLOEXEC);
	g->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (g->epoll < 0 || g->wake < 0)
		return sentence(err, cap, "out of file descriptors for the application gateway: %s",
		                strerror(errno));
	if (cfg->app_socket && make_server(g, cfg, err, cap) < 0)
		return -1;
	g->door = cfg->app_door;
	if ((g->server >= 0 && watch(g, g->server, &g->server_node) < 0) ||
	    (g->door && watch(g, g->door, &g->door_node) < 0) ||
	    watch(g, g->wake, &g->wake_node) < 0)
		return sentence(err, cap, "epoll refuses the application socket: %s",
		                strerror(errno));
	return 0;
}

static struct gateway *gateway_new(const struct dp_cfg *cfg, struct bridge *const *bridges,
                                   unsigned n)
{
	struct gateway *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->id = cfg->id;
	g->bridges = bridges;
	g->nbridges = n;
	g->slots_max = cfg->app_slots ? cfg->app_slots : 1;
	g->apps_max = cfg->app_max;
	g->privileged = cfg->app_privileged;
	g->limits = (struct gw_limits){.each = cfg->app_each,
	                               .user = cfg->app_user,
	                               .log = cfg->log,
	                               .log_arg = cfg->log_arg};
	g->epoll = g->server = g->wake = -1;
	gw_lists_init(g);
	return g;
}

/* syscalls at the start: pthread_create */
struct gateway *gateway_start(const struct dp_cfg *cfg, struct bridge *const *bridges, unsigned n,
                              char *err, size_t errcap)
{
	struct gateway *g = gateway_new(cfg, bridges, n);
	int r;

	if (!g || n > ARRAY_LEN(g->owe)) {
		sentence(err, errcap, "out of memory for the application gateway");
		free(g);
		return NULL;
	}
	g->fds_max = descriptors(!cfg->embedded);
	g->line_cost = gw_line_cost();
	g->names = cfg->names ? names_clone(cfg->names) : NULL;
	if (cfg->names && !g->names) {
		sentence(err, errcap, "out of memory for the names that applications ask for");
		gateway_free(g);
		return NULL;
	}
	if (open_all(g, cfg, err, errcap) < 0) {
		gateway_stop(g);
		gateway_free(g);
		return NULL;
	}
	for (unsigned i = 0; i < n; i++) {
		bridges[i]->gateway_asleep = &g->asleep;
		bridges[i]->gateway_fd = g->wake;
	}
	r = pthread_create(&g->thread, NULL, run, g);
	if (r != 0) {
		sentence(err, errcap, "cannot start the application gateway's thread: %s",
		         strerror(r));
		gateway_stop(g);
		gateway_free(g);
		return NULL;
	}
	pthread_setname_np(g->thread, "coyo-gateway");
	g->running = true;
	return g;
}

/* syscalls: stat unlink close */
void gateway_stop(struct gateway *g)
{
	struct gw_stream *s;
	struct gw_client *c;
	struct stat st;

	if (g->running) {
		atomic_store(&g->stop, 1);
		atomic_store(&g->asleep, 1);
		bridge_wake(&g->asleep, g->wake);
		pthread_join(g->thread, NULL);
		g->running = false;
	}
	if (g->path[0] && stat(g->path, &st) == 0 && st.st_ino == g->made.st_ino &&
	    st.st_dev == g->made.st_dev)
		unlink(g->path);
	if (g->server >= 0)
		close(g->server);
	g->server = -1;
	g->path[0] = 0;
	gw_forwards_free(g);
	TAILQ_FOREACH (s, &g->streams, all) {
		if (s->fd >= 0)
			close(s->fd);
		if (s->app_fd >= 0)
			close(s->app_fd);
		s->fd = s->app_fd = -1;
	}
	TAILQ_FOREACH (c, &g->clients, all) {
		if (c->fd >= 0)
			close(c->fd);
		c->fd = -1;
	}
}

/* syscalls: close */
void gateway_free(struct gateway *g)
{
	struct gw_stream *s;
	struct gw_client *c;

	gw_bury(g);
	while ((s = TAILQ_FIRST(&g->streams))) {
		TAILQ_REMOVE(&g->streams, s, all);
		gw_stream_free(s);
	}
	while ((c = TAILQ_FIRST(&g->clients))) {
		TAILQ_REMOVE(&g->clients, c, all);
		free(c);
	}
	for (uint32_t i = 0; g->listeners && i < g->nlisteners; i++) {
		if (g->listeners[i])
			free(g->listeners[i]->order);
		free(g->listeners[i]);
	}
	gw_apps_free(g);
	gw_users_free(&g->limits);
	free(g->listeners);
	free(g->port_token);
	gw_names_end(g);
	if (g->epoll >= 0)
		close(g->epoll);
	/* Closed last: while a worker may still write to it, its number must not become another file's. */
	if (g->wake >= 0)
		close(g->wake);
	free(g);
}
