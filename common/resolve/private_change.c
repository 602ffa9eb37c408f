/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of a user's own change as a whole, by one process at a time. */
#include "resolve/private.h"

#include "base/why.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Makes the folders that are missing: those within, and those just above, the configuration's own. */
static void make_folders(const char *folder, unsigned levels)
{
	char above[PATH_MAX];
	char *slash;

	memcpy(above, folder, strlen(folder) + 1);
	slash = strrchr(above, '/');
	if (levels > 1 && slash && slash != above) {
		*slash = '\0';
		make_folders(above, levels - 1);
	}
	(void)mkdir(folder, 0700);
}

int private_lock(const char *path, char why[PETNAMES_WHY_MAX])
{
	char folder[PATH_MAX];
	int fd, err;

	memcpy(folder, path, strlen(path) + 1);
	*strrchr(folder, '/') = '\0';
	/* .config, coyo, and one folder in it at most */
	make_folders(folder, 3);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return why_say(why, PETNAMES_WHY_MAX, errno, "cannot use the folder %.200s: %s",
		               folder, strerror(errno));
	while (flock(fd, LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		err = errno;
		close(fd);
		return why_say(why, PETNAMES_WHY_MAX, err, "cannot lock the folder %.200s: %s",
		               folder, strerror(err));
	}
	return fd;
}

int private_replace(const char *path, int folder, void (*put)(FILE *out, const void *arg),
                    const void *arg, char why[PETNAMES_WHY_MAX])
{
	char fresh[PATH_MAX + 16];
	int fd, err;
	bool good;
	FILE *out;

	snprintf(fresh, sizeof(fresh), "%s.XXXXXX", path);
	fd = mkostemp(fresh, O_CLOEXEC); /* with mode 0600 */
	out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!out) {
		err = errno;
		if (fd >= 0) {
			close(fd);
			(void)unlink(fresh);
		}
		return why_say(why, PETNAMES_WHY_MAX, err, "cannot write %.200s: %s", path,
		               strerror(err));
	}
	put(out, arg);
	good = fflush(out) == 0 && fsync(fd) == 0;
	good = fclose(out) == 0 && good && rename(fresh, path) == 0;
	if (good) {
		/* The change is made; not every file system can sync a folder. */
		(void)fsync(folder);
		return 0;
	}
	err = errno;
	(void)unlink(fresh);
	return why_say(why, PETNAMES_WHY_MAX, err, "cannot write %.200s: %s", path, strerror(err));
}
