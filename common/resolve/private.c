/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of a user's own: found, and read with suspicion. */
#include "resolve/private.h"

#include "base/why.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int private_path(char path[PATH_MAX], const char *leaf)
{
	const char *config = secure_getenv("XDG_CONFIG_HOME"), *home = secure_getenv("HOME");
	int n;

	/* A relative path there is ignored, as the XDG Base Directory Specification says. */
	if (config && *config == '/')
		n = snprintf(path, PATH_MAX, "%s/coyo/%s", config, leaf);
	else if (home && *home == '/')
		n = snprintf(path, PATH_MAX, "%s/.config/coyo/%s", home, leaf);
	else
		return -ENOENT;
	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int take(int fd, size_t size, char **text, size_t *len)
{
	*text = malloc(size + 1);
	if (!*text)
		return -ENOMEM;
	while (*len < size) {
		ssize_t n = read(fd, *text + *len, size - *len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		*len += (size_t)n;
	}
	return 0;
}

/* Names decide whom one talks to: a file that others may change is not one's own. */
static int check_owner(const char *path, const struct stat *st, size_t max,
                       char why[PETNAMES_WHY_MAX])
{
	if (!S_ISREG(st->st_mode))
		return why_say(why, PETNAMES_WHY_MAX, EPERM, "%.200s is no file", path);
	if (st->st_uid != geteuid())
		return why_say(why, PETNAMES_WHY_MAX, EPERM,
		               "%.200s belongs to another user, whose names are not yours", path);
	if (st->st_mode & 022)
		return why_say(why, PETNAMES_WHY_MAX, EPERM,
		               "%.200s can be written by others; chmod 600 it", path);
	if (st->st_size > (off_t)max)
		return why_say(why, PETNAMES_WHY_MAX, EFBIG, "%.200s is larger than %zu KiB", path,
		               max >> 10);
	return 0;
}

int private_read(const char *path, size_t max, char **text, size_t *len, char why[PETNAMES_WHY_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r;
	struct stat st;

	*text = NULL;
	*len = 0;
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return 0;
	if (fd < 0)
		return why_say(why, PETNAMES_WHY_MAX, errno, "cannot read %.200s: %s", path,
		               strerror(errno));
	r = fstat(fd, &st) < 0 ? why_say(why, PETNAMES_WHY_MAX, errno, "cannot read %.200s", path)
	                       : check_owner(path, &st, max, why);
	if (r == 0) {
		r = take(fd, (size_t)st.st_size, text, len);
		if (r < 0)
			why_say(why, PETNAMES_WHY_MAX, -r, "cannot read %.200s: %s", path,
			        strerror(-r));
	}
	close(fd);
	if (r < 0) {
		free(*text);
		*text = NULL;
		*len = 0;
	}
	return r;
}
