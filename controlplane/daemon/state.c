/* SPDX-License-Identifier: BSD-3-Clause */
/* Snapshot file: <state>/contacts. */
#include "daemon/state.h"
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SNAPSHOT_MAX   (16u << 20)
#define SNAPSHOT_EVERY (10 * NS_PER_S)

static bool path_of(const struct daemon *d, const char *suffix, char *out, size_t cap)
{
	return *d->conf.node.state &&
	       snprintf(out, cap, "%s/contacts%s", d->conf.node.state, suffix) < (int)cap;
}

/* syscalls: open fstat read close */
void state_restore(struct daemon *d)
{
	struct node_event ev = {.type = NODE_RESTORE};
	char path[300];
	struct stat st;
	uint8_t *data = NULL;
	ssize_t n = -1;
	int fd;

	if (!path_of(d, "", path, sizeof(path)))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		if (errno != ENOENT)
			daemon_log(d, LOG_LEVEL_WARN,
			           "the known contacts are not restored: cannot open %s: %s; "
			           "others are found through the links",
			           path, strerror(errno));
		return;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= (off_t)SNAPSHOT_MAX &&
	    (data = malloc((size_t)st.st_size + 1)) != NULL)
		n = read(fd, data, (size_t)st.st_size);
	close(fd);
	if (n < 0) {
		daemon_log(d, LOG_LEVEL_WARN,
		           "the known contacts are not restored: %s cannot be read, or is no file "
		           "of at most %u MiB; others are found through the links",
		           path, SNAPSHOT_MAX >> 20);
	} else {
		ev.u.restore.data = data;
		ev.u.restore.len = (size_t)n;
		node_input(d->node, &ev, d->now);
	}
	free(data);
}

/* syscalls: write */
static int write_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* The snapshot in memory; NULL when it is larger than anything sensible. */
static uint8_t *snapshot(const struct daemon *d, size_t *len)
{
	for (size_t cap = 64 << 10; cap <= SNAPSHOT_MAX; cap *= 4) {
		uint8_t *buf = malloc(cap);
		long n = buf ? node_snapshot(d->node, buf, cap) : -ENOMEM;

		if (n >= 0) {
			*len = (size_t)n;
			return buf;
		}
		free(buf);
		if (n != -ENOSPC)
			break;
	}
	return NULL;
}

/* syscalls: open fdatasync close rename */
void state_save(struct daemon *d)
{
	char path[300], tmp[310];
	uint8_t *data;
	size_t len = 0;
	int fd, rc;

	d->snapshot_due = false;
	d->snapshot_at = instant_add(d->now, SNAPSHOT_EVERY);
	if (!path_of(d, "", path, sizeof(path)) || !path_of(d, ".new", tmp, sizeof(tmp)))
		return;
	data = snapshot(d, &len);
	if (!data)
		return;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	rc = fd < 0 ? -errno : write_all(fd, data, len);
	if (fd >= 0) {
		if (rc == 0 && fdatasync(fd) < 0)
			rc = -errno;
		if (close(fd) < 0 && rc == 0)
			rc = -errno;
	}
	if (rc == 0 && rename(tmp, path) < 0)
		rc = -errno;
	if (rc)
		daemon_log(d, LOG_LEVEL_WARN,
		           "the known contacts are not saved: cannot write %s: %s; the next try "
		           "comes when they change again",
		           path, strerror(-rc));
	free(data);
}

void state_changed(struct daemon *d)
{
	d->snapshot_due = *d->conf.node.state != '\0';
}
