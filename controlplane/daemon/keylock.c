/* SPDX-License-Identifier: BSD-3-Clause */
/* The locks of one key on one machine, and who holds them where they cannot be had. */
#include "daemon/keylock.h"
#include "base/cc.h"
#include "crypto/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME_BYTES 16
#define NAME_HEX   (2 * NAME_BYTES + 1)
#define TRIES      8 /* another daemon removes the file while we open it */

static const char *const folders[] = {"/run/lock", "/dev/shm", "/tmp"};

void keylock_init(struct keylock *l)
{
	*l = (struct keylock){.key_fd = -1, .socket_fd = -1, .file_fd = -1};
}

static void name_of(const struct identity *me, char name[NAME_HEX])
{
	static const char context[] = "coyod lock 1";
	uint8_t h[NAME_BYTES];

	crypto_generichash(h, sizeof(h), (const uint8_t *)context, sizeof(context), me->seed,
	                   sizeof(me->seed));
	sodium_bin2hex(name, NAME_HEX, h, sizeof(h));
}

/* Who holds the flock(2) of an open file, by the kernel's list; 0 when that does not say (the holder is in another process namespace).
 * syscalls at the start: fopen fstat fgets fclose */
static int holder_of(int fd)
{
	FILE *f = fopen("/proc/locks", "re");
	unsigned major, minor;
	unsigned long inode;
	struct stat st;
	char line[256];
	int pid, found = 0;

	if (!f)
		return 0;
	if (fstat(fd, &st) == 0)
		while (!found && fgets(line, sizeof(line), f))
			if (sscanf(line, "%*d: FLOCK %*s WRITE %d %x:%x:%lu", &pid, &major, &minor,
			           &inode) == 4 &&
			    major == major(st.st_dev) && minor == minor(st.st_dev) &&
			    inode == st.st_ino && pid > 0)
				found = pid;
	fclose(f);
	return found;
}

static int refuse(int pid, const char *key_path, char *err, size_t errcap)
{
	char who[48] = "in another container of this machine";

	if (pid > 0)
		snprintf(who, sizeof(who), "process %d", pid);
	snprintf(
	        err, errcap,
	        "another coyod, %s, runs with the key of %s; stop it, or make a key of this node's "
	        "own: coyo keygen -o FILE",
	        who, key_path);
	return -EALREADY;
}

/* 0, or -EALREADY.
 * syscalls at the start: open flock close */
static int lock_key_file(struct keylock *l, const char *path, int *holder)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
		*holder = holder_of(fd);
		close(fd);
		return -EALREADY;
	}
	l->key_fd = fd;
	return 0;
}

/* syscalls at the start: socket connect getsockopt close */
static int holder_of_socket(const struct sockaddr_un *at, socklen_t len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct ucred who = {0};
	socklen_t n = sizeof(who);

	if (fd < 0)
		return 0;
	if (connect(fd, (const struct sockaddr *)at, len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0)
		who.pid = 0;
	close(fd);
	return who.pid;
}

/* syscalls at the start: socket bind close listen */
static int lock_name(struct keylock *l, const char *name, int *holder)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	socklen_t len;
	int fd;

	/* The NUL in front makes it a name of the network namespace instead of a file. */
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
	                  (size_t)snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "coyod-%s",
	                                   name));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return 0;
	if (bind(fd, (struct sockaddr *)&at, len) < 0) {
		close(fd);
		*holder = holder_of_socket(&at, len);
		return -EALREADY;
	}
	(void)listen(fd, 1); /* so that the next one can ask whose it is */
	l->socket_fd = fd;
	return 0;
}

/* 0: locked, or no such file can be had here; -EAGAIN: the file that was locked has been removed meanwhile.
 * syscalls at the start: open flock close fstat stat */
static int lock_file(struct keylock *l, const char *folder, const char *name, int *holder)
{
	struct stat here, there;
	int fd;

	snprintf(l->path, sizeof(l->path), "%s/coyod-%s", folder, name);
	fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		*holder = holder_of(fd);
		close(fd);
		return -EALREADY;
	}
	if (fstat(fd, &here) < 0 || stat(l->path, &there) < 0 || here.st_ino != there.st_ino ||
	    here.st_dev != there.st_dev) {
		close(fd);
		return -EAGAIN;
	}
	l->file_fd = fd;
	return 0;
}

static int lock_folder(struct keylock *l, const char *name, int *holder)
{
	for (unsigned i = 0; i < ARRAY_LEN(folders) && l->file_fd < 0; i++) {
		int rc = -EAGAIN;

		for (unsigned n = 0; n < TRIES && rc == -EAGAIN; n++)
			rc = lock_file(l, folders[i], name, holder);
		if (rc == -EALREADY)
			return rc;
	}
	if (l->file_fd < 0)
		l->path[0] = '\0';
	return 0;
}

int keylock_take(struct keylock *l, const struct identity *me, const char *key_path, char *err,
                 size_t errcap)
{
	char name[NAME_HEX];
	int holder = 0, rc;

	name_of(me, name);
	rc = lock_key_file(l, key_path, &holder);
	if (rc == 0)
		rc = lock_name(l, name, &holder);
	if (rc == 0)
		rc = lock_folder(l, name, &holder);
	if (rc)
		l->path[0] = '\0';
	explicit_bzero(name, sizeof(name));
	return rc ? refuse(holder, key_path, err, errcap) : 0;
}

/* syscalls: unlink close */
void keylock_release(struct keylock *l)
{
	if (l->file_fd >= 0 && l->path[0])
		(void)unlink(
		        l->path); /* before the lock goes: the next one makes a file of its own */
	if (l->file_fd >= 0)
		close(l->file_fd);
	if (l->socket_fd >= 0)
		close(l->socket_fd);
	if (l->key_fd >= 0)
		close(l->key_fd);
	keylock_init(l);
}
