/* SPDX-License-Identifier: BSD-3-Clause */
/* One request to the daemon's control socket, and its answer: one JSON document on a line. */
#include "libcoyo/tool/control.h"
#include "base/why.h"
#include "ipc/paths.h"
#include "libcoyo/dial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WAIT_S     10
#define ANSWER_MAX (1u << 20)

static int dial(const char *path, char why[COYO_WHY_MAX])
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct timeval t = {.tv_sec = WAIT_S};
	int fd, err;

	if (strlen(path) >= sizeof(sun.sun_path))
		return why_say(why, COYO_WHY_MAX, ENAMETOOLONG,
		               "the socket's path %.60s... is too long", path);
	memcpy(sun.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return why_say(why, COYO_WHY_MAX, errno, "cannot make a socket: %s",
		               strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	err = errno;
	close(fd);
	if (err == EACCES || err == EPERM)
		return why_say(why, COYO_WHY_MAX, EACCES,
		               "no permission for the daemon's control socket %.100s: whoever "
		               "may use it, see control-mode in [node], has the node vouch for "
		               "names",
		               path);
	if (err == ENOENT || err == ENOTDIR || err == ECONNREFUSED)
		return why_say(why, COYO_WHY_MAX, ENOTCONN,
		               "coyod is not running: nothing answers on %.100s; start it, or name "
		               "its control socket (--control, $COYO_CONTROL)",
		               path);
	return why_say(why, COYO_WHY_MAX, err, "cannot reach coyod on %.100s: %s", path,
	               strerror(err));
}

/* Reads to the end of the stream, at most ANSWER_MAX bytes and a NUL into *text, which the caller frees. */
static int read_answer(int fd, char **text, char why[COYO_WHY_MAX])
{
	size_t len = 0;

	*text = malloc(ANSWER_MAX + 1);
	if (!*text)
		return why_say(why, COYO_WHY_MAX, ENOMEM, "out of memory for coyod's answer");
	while (len < ANSWER_MAX) {
		ssize_t n = recv(fd, *text + len, ANSWER_MAX - len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return why_say(why, COYO_WHY_MAX, ETIMEDOUT,
			               "coyod does not answer: is it stopped, or very busy?");
		if (n < 0)
			return why_say(why, COYO_WHY_MAX, errno, "lost coyod: %s", strerror(errno));
		if (n == 0)
			break;
		len += (size_t)n;
	}
	(*text)[len] = '\0';
	return 0;
}

/* What stands for a character behind a backslash at p, and in *n how long that is. Beyond ASCII nothing is expected. */
static char unescape(const char *p, size_t *n)
{
	char hex[5] = "";
	unsigned long v;

	*n = 1;
	if (*p != 'u')
		return *p == 'n' ? '\n' : *p;
	*n += strnlen(p + 1, 4);
	memcpy(hex, p + 1, *n - 1);
	v = strtoul(hex, NULL, 16);
	return v > 0 && v < 0x80 ? (char)v : '?';
}

/* The string of a key, in its place. Its inside has no quote without a backslash, so a key is found nowhere else. NULL: there is none. */
static char *string_of(char *text, const char *key)
{
	char *from = strstr(text, key), *to, *p;

	if (!from)
		return NULL;
	from += strlen(key);
	for (to = p = from; *p && *p != '"';) {
		size_t n = 1;

		if (*p == '\\' && p[1])
			*to++ = unescape(++p, &n);
		else
			*to++ = *p;
		p += n;
	}
	if (*p != '"')
		return NULL;
	*to = '\0';
	return from;
}

static int take(char *text, char **list, char why[COYO_WHY_MAX])
{
	char *error, *found;

	/* What is found is undone in its place: the list is looked for first, which an error has not. */
	found = string_of(text, "\"list\":\"");
	if (found) {
		*list = strdup(found);
		return *list ? 0 : why_say(why, COYO_WHY_MAX, ENOMEM, "out of memory for the list");
	}
	error = string_of(text, "\"error\":\"");
	if (error)
		return why_say(why, COYO_WHY_MAX, EINVAL, "%s", error);
	return why_say(why, COYO_WHY_MAX, EPROTO,
	               "coyod's answer is not understood: is it of another version?");
}

int control_vouch(const char *given, const struct ctl_request *req, const char *body, char **list,
                  char why[COYO_WHY_MAX])
{
	const char *env = getenv("COYO_CONTROL");
	char line[CTL_LINE_MAX + 2], *text = NULL;
	int n = ctl_request_format(req, line, sizeof(line)), fd, r;

	if (n < 0)
		return why_say(why, COYO_WHY_MAX, EINVAL, "the request is too long");
	fd = dial(given ? given : env && *env ? env : PATH_CONTROL_SOCKET, why);
	if (fd < 0)
		return fd;
	r = dial_send(fd, line, (size_t)n);
	/* A daemon that refuses before it has read all has said why. */
	if (r == 0)
		r = dial_send(fd, body, req->body);
	r = r == 0 || r == -EPIPE || r == -ECONNRESET
	            ? read_answer(fd, &text, why)
	            : why_say(why, COYO_WHY_MAX, -r, "lost coyod: %s", strerror(-r));
	close(fd);
	if (r == 0)
		r = take(text, list, why);
	free(text);
	return r;
}
