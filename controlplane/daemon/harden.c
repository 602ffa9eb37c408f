/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits and flags of the process at its start, its user and capabilities once everything is open. */
#include "daemon/harden.h"
#include "daemon/daemon.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOW_PORTS 1024

/* Where no user is named: the package's own, or the one that owns nothing. */
static const char *const users[] = {"coyod", "nobody"};

/* syscalls at the start: prctl */
static void dumpable(bool yes)
{
#ifdef __SANITIZE_ADDRESS__ /* whose search for leaks traces this process */
	yes = true;
#endif
	(void)prctl(PR_SET_DUMPABLE, yes, 0, 0, 0);
}

/* syscalls at the start: prctl setrlimit */
void harden_begin(bool dumps)
{
	struct rlimit none = {0, 0};

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (dumps)
		return;
	(void)setrlimit(RLIMIT_CORE, &none);
	dumpable(false);
}

/* Where the limit of locked memory is less than no limit, an allocation to come could fail for it. */
/* syscalls at the start: setrlimit getrlimit mlockall */
static bool lock_all(void)
{
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

	if (getrlimit(RLIMIT_MEMLOCK, &all) == 0 && all.rlim_cur != RLIM_INFINITY) {
		all.rlim_cur = all.rlim_max = RLIM_INFINITY;
		if (setrlimit(RLIMIT_MEMLOCK, &all) != 0)
			return false;
	}
	/* Pages are locked when they are first used, so that address space which nobody uses costs nothing. */
	return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}

enum harden_locked harden_lock(struct identity *me)
{
	bool key = sodium_mlock(me, sizeof(*me)) == 0;

	if (lock_all())
		return LOCKED_ALL;
	return key ? LOCKED_KEY : LOCKED_NOTHING;
}

/* syscalls at the start: geteuid */
int harden_user(const struct conf *c, uint32_t *uid, uint32_t *gid, char *err, size_t errcap)
{
	const char *name = c->node.user;
	struct passwd *p = NULL;
	char *end;
	unsigned long n;

	*uid = *gid = 0;
	if (geteuid() != 0)
		return 0;
	if (strcmp(name, "auto") == 0)
		for (unsigned i = 0; i < ARRAY_LEN(users) && !p; i++)
			p = getpwnam(users[i]);
	else
		p = getpwnam(name);
	if (p) {
		*uid = p->pw_uid;
		*gid = p->pw_gid;
		return 0;
	}
	n = strtoul(name, &end, 10);
	if (end != name && *end == '\0' && n > 0 && n < UINT32_MAX) {
		*uid = *gid = (uint32_t)n;
		return 0;
	}
	if (strcmp(name, "auto") == 0)
		return 0;
	snprintf(err, errcap,
	         "user = %s: there is no such user; make it with `useradd --system %s`, or name "
	         "another",
	         name, name);
	return -EINVAL;
}

/* ---- what the user needs to own ---- */

/* syscalls at the start: stat chown lchown */
static void give_state(const struct daemon *d, uint32_t uid, uint32_t gid)
{
	const char *state = d->conf.node.state;
	char path[300];
	struct stat st;

	/* Whoever else owns it has given it to somebody. */
	if (!*state || stat(state, &st) < 0 || st.st_uid != 0 || chown(state, uid, gid) < 0)
		return;
	if (snprintf(path, sizeof(path), "%s/contacts", state) < (int)sizeof(path))
		(void)!lchown(path, uid, gid);
}

/* syscalls at the start: lchown fchown */
static void give_files(struct daemon *d, uint32_t uid, uint32_t gid)
{
	give_state(d, uid, gid);
	(void)!lchown(d->conf.node.control, uid, gid);
	if (d->keylock.file_fd >= 0)
		(void)!fchown(d->keylock.file_fd, uid, gid);
	dp_give(d->dp, uid, gid);
}

/* ---- capabilities ---- */

static bool port_is(const struct conf *c, const char *driver)
{
	for (uint32_t i = 0; i < c->nports; i++)
		if (strncmp(c->ports[i].device, driver, strlen(driver)) == 0)
			return true;
	return false;
}

/* What opening a configured link or port once more takes. */
static uint64_t needed(const struct conf *c)
{
	uint64_t caps = 0;

	for (uint32_t i = 0; i < c->nlinks; i++)
		if (c->links[i].local.port && c->links[i].local.port < LOW_PORTS)
			caps |= UINT64_C(1) << CAP_NET_BIND_SERVICE;
	for (uint32_t i = 0; i < c->nlistens; i++)
		if (c->listens[i].local.port && c->listens[i].local.port < LOW_PORTS)
			caps |= UINT64_C(1) << CAP_NET_BIND_SERVICE;
	for (uint32_t i = 0; i < c->nforwards; i++)
		if (c->forwards[i].listen.kind == CONF_WHERE_ADDRESS &&
		    c->forwards[i].listen.port < LOW_PORTS)
			caps |= UINT64_C(1) << CAP_NET_BIND_SERVICE;
	if (port_is(c, "net_af_packet"))
		caps |= UINT64_C(1) << CAP_NET_RAW | UINT64_C(1) << CAP_NET_ADMIN;
	if (port_is(c, "net_af_xdp"))
		caps |= UINT64_C(1) << CAP_NET_RAW | UINT64_C(1) << CAP_NET_ADMIN;
	if (port_is(c, "net_tap") || port_is(c, "net_tun") || port_is(c, "virtio_user"))
		caps |= UINT64_C(1) << CAP_NET_ADMIN;
	return caps;
}

/* syscalls at the start: capset */
static int set_capabilities(uint64_t caps)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	for (unsigned i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = (uint32_t)(caps >> 32 * i);
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

/* The C library changes the user of every thread. All of them lose their capabilities with it but this one, which asks to keep them.
 * syscalls at the start: prctl setgroups setresgid setresuid */
static int become(uint32_t uid, uint32_t gid, uint64_t caps)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	return set_capabilities(caps);
}

static void describe(struct daemon *d, uint32_t uid, uint64_t caps)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {{CAP_NET_BIND_SERVICE, "net_bind_service"},
	             {CAP_NET_RAW, "net_raw"},
	             {CAP_NET_ADMIN, "net_admin"}};
	char text[128] = "";

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (caps >> names[i].bit & 1) {
			strcat(text, *text ? ", " : " but ");
			strcat(text, names[i].name);
		}
	daemon_log(d, LOG_LEVEL_INFO, "runs as user %u, without capabilities%s", uid, text);
}

/* syscalls at the start: geteuid */
int harden_drop(struct daemon *d, char *err, size_t errcap)
{
	uint64_t caps = needed(&d->conf);
	uint32_t uid, gid;
	int rc = harden_user(&d->conf, &uid, &gid, err, errcap);

	if (rc || geteuid() != 0 || uid == 0)
		return rc;
	if (dp_needs_root(d->dp, uid, gid)) {
		daemon_log(d, LOG_LEVEL_WARN,
		           "stays root: huge pages are taken as tables grow, and user %u may not "
		           "write to their file system; give it to that user (mount option uid=)",
		           uid);
		return 0;
	}
	give_files(d, uid, gid);
	rc = become(uid, gid, caps);
	if (rc && strcmp(d->conf.node.user, "auto") == 0) {
		daemon_log(d, LOG_LEVEL_WARN,
		           "stays root: cannot become user %u: %s (in a container of one user?)",
		           uid, strerror(-rc));
		return 0;
	}
	if (rc) {
		snprintf(err, errcap,
		         "cannot become user %u: %s; start coyod with all of root's capabilities, "
		         "or as that user",
		         uid, strerror(-rc));
		return rc;
	}
	describe(d, uid, caps);
	/* A change of user has made the process one that is not dumped; that was for the configuration to say. */
	dumpable(d->conf.node.core_dumps);
	return 0;
}
