/* SPDX-License-Identifier: BSD-3-Clause */
/* The two files a configuration lives in: its text and the key file it names. */
#include "key.h"
#include "names.h"
#include "crypto/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads up to cap bytes. Returns how many, or -errno.
 * syscalls: read */
static long read_all(int fd, char *buf, size_t cap)
{
	size_t n = 0;

	while (n < cap) {
		ssize_t r = read(fd, buf + n, cap - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	return (long)n;
}

/* The text of a file, or of a pipe where that is well, which the caller frees, and its length. NULL: why says what is wrong with it.
 * syscalls: open fstat close */
static char *read_text(const char *path, bool pipe, size_t *len, char *why, size_t cap)
{
	struct stat st;
	char *text;
	long n;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (pipe ? 0 : O_NONBLOCK));

	if (fd < 0 || fstat(fd, &st) < 0) {
		snprintf(why, cap, "%s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	if (!S_ISREG(st.st_mode) && !(pipe && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))) {
		snprintf(why, cap, "it is no file; name the file itself");
		close(fd);
		return NULL;
	}
	text = malloc(CONF_FILE_MAX + 1);
	n = text ? read_all(fd, text, CONF_FILE_MAX + 1) : -ENOMEM;
	close(fd);
	if (n >= 0 && n <= (long)CONF_FILE_MAX) {
		*len = (size_t)n;
		return text;
	}
	free(text);
	if (n < 0)
		snprintf(why, cap, "%s", strerror((int)-n));
	else
		snprintf(why, cap, "it is larger than %u MiB; is it the right file?",
		         CONF_FILE_MAX >> 20);
	return NULL;
}

static void read_names(struct conf *c, uint32_t line, struct conf_errors *e)
{
	char why[160];
	size_t len = 0;
	char *text = read_text(c->names_file, false, &len, why, sizeof(why));

	if (text)
		conf_names_lines(c, c->names_file, text, len, e);
	else
		conf_error(e, line, "file: cannot read %s: %s", c->names_file, why);
	free(text);
}

int conf_load(struct conf *c, const char *file, struct conf_errors *e)
{
	char why[160];
	size_t len = 0;
	char *text = read_text(file, true, &len, why, sizeof(why));
	int rc = -EINVAL;

	*c = (struct conf){0};
	e->file = file;
	if (text)
		rc = conf_parse(c, file, text, len, read_names, e);
	else
		conf_error(e, 0, "cannot read: %s", why);
	free(text);
	return rc;
}

int conf_load_text(struct conf *c, const char *file, const char *text, size_t len,
                   struct conf_errors *e)
{
	*c = (struct conf){0};
	e->file = file;
	return conf_parse(c, file, text, len, read_names, e);
}

/* A link to oneself would look like a neighbour that never proves its id. */
static int check_peers(const struct conf *c, const struct identity *me, struct conf_errors *e)
{
	int i = conf_option_index(CONF_SEC_LINK, "peer"), rc = 0;

	for (uint32_t l = 0; l < c->nlinks; l++)
		if (id_eq(&c->links[l].peer, &me->id)) {
			conf_error(e, c->links[l].head.lines[i],
			           "peer: this is the id of this node itself, not its neighbour's");
			rc = -EINVAL;
		}
	for (uint32_t f = 0; f < c->nforwards; f++) {
		const conf_where_t *to = &c->forwards[f].to;

		if (to->kind == CONF_WHERE_ID && id_eq(&to->id, &me->id)) {
			conf_error(
			        e,
			        c->forwards[f]
			                .head.lines[conf_option_index(CONF_SEC_FORWARD, "to")],
			        "to: this is the id of this node itself: programs here reach what "
			        "listens here without a forward");
			rc = -EINVAL;
		}
	}
	return rc;
}

bool conf_key_is_ephemeral(const struct conf *c)
{
	return strcmp(c->node.key, "ephemeral") == 0;
}

static void random_fill(void *arg, void *out, size_t n)
{
	(void)arg;
	randombytes_buf(out, n);
}

/* No neighbour can know this id, so that check_peers() has nothing to find. */
static int make_key(struct identity *me, uint32_t line, struct conf_errors *e)
{
	struct rng rng = {.fill = random_fill};
	int rc = identity_generate(me, &rng);

	if (rc)
		conf_error(e, line, "key: none could be made: %s", strerror(-rc));
	return rc ? -EINVAL : 0;
}

/* syscalls at the start: open fstat close */
int conf_key_load(const struct conf *c, struct identity *me, struct conf_errors *e)
{
	const char *path = c->node.key;
	uint32_t line = c->node.head.lines[conf_option_index(CONF_SEC_NODE, "key")];
	char text[4 * IDENTITY_TEXT_MAX];
	struct stat st;
	long n;
	int rc, fd;

	if (!*path)
		return -EINVAL; /* already reported as missing */
	if (conf_key_is_ephemeral(c))
		return make_key(me, line, e);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT) {
		conf_error(e, line, "key: %s does not exist; make it with: coyo keygen -o %s", path,
		           path);
		return -EINVAL;
	}
	if (fd < 0 || fstat(fd, &st) < 0) {
		conf_error(e, line, "key: cannot read %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -EINVAL;
	}
	if (!S_ISREG(st.st_mode)) {
		conf_error(e, line, "key: %s is not a file", path);
		close(fd);
		return -EINVAL;
	}
	if (st.st_mode & 077) {
		conf_error(e, line,
		           "key: %s can be read by others (mode %04o), so its secret may be known; "
		           "chmod 600 it, or make a new key",
		           path, st.st_mode & 07777);
		close(fd);
		return -EINVAL;
	}
	n = read_all(fd, text, sizeof(text));
	close(fd);
	rc = n < 0 ? (int)n : identity_from_text(me, text, (size_t)n);
	explicit_bzero(text, sizeof(text));
	if (rc == -EBADMSG)
		conf_error(e, line, "key: %s is damaged; restore it from a copy", path);
	else if (rc == -EINVAL)
		conf_error(e, line, "key: %s is not a key file; make one with: coyo keygen -o FILE",
		           path);
	else if (rc)
		conf_error(e, line, "key: cannot read %s: %s", path, strerror(-rc));
	return rc || check_peers(c, me, e) ? -EINVAL : 0;
}

/* syscalls at the start: stat access */
int conf_state_check(const struct conf *c, struct conf_errors *e)
{
	const char *path = c->node.state;
	uint32_t line = c->node.head.lines[conf_option_index(CONF_SEC_NODE, "state")];
	struct stat st;

	if (!*path)
		return 0;
	if (stat(path, &st) < 0)
		conf_error(e, line, "state: cannot use %s: %s; make the directory first", path,
		           strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		conf_error(e, line, "state: %s is not a directory", path);
	else if (access(path, W_OK | X_OK) < 0)
		conf_error(e, line, "state: cannot write into %s: %s", path, strerror(errno));
	else
		return 0;
	return -EINVAL;
}
