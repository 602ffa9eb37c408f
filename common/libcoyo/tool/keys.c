/* SPDX-License-Identifier: BSD-3-Clause */
/* Key files: random seed from the kernel, exclusive creation, nothing of the secret left in memory. */
#include "libcoyo/tool/keys.h"
#include "crypto/identity.h"
#include "names/ipv6.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void random_bytes(void *arg, void *out, size_t n)
{
	(void)arg;
	randombytes_buf(out, n);
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

static int say(char why[COYO_WHY_MAX], int r, const char *what, const char *path)
{
	snprintf(why, COYO_WHY_MAX, "cannot %s %.200s: %s", what, path, strerror(-r));
	return r;
}

/* Creates path exclusively and makes text durable; removes it again when that fails. */
static int store(const char *path, const char *text, size_t n, char why[COYO_WHY_MAX])
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600), r;

	if (fd < 0 && errno == EEXIST) {
		snprintf(why, COYO_WHY_MAX,
		         "%.200s exists; a key is never overwritten: remove it yourself if nothing "
		         "uses it, or name another file",
		         path);
		return -EEXIST;
	}
	if (fd < 0)
		return say(why, -errno, "create", path);
	r = write_all(fd, text, n);
	if (r == 0 && fsync(fd) < 0 && errno != EINVAL && errno != EROFS)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0)
		return 0;
	unlink(path);
	return say(why, r, "write", path);
}

int keys_generate(const char *path, char why[COYO_WHY_MAX])
{
	const struct rng rng = {.fill = random_bytes};
	char text[IDENTITY_TEXT_MAX];
	struct identity me;
	int n, r;

	if (sodium_init() < 0) {
		snprintf(why, COYO_WHY_MAX, "no source of randomness");
		return -EIO;
	}
	r = identity_generate(&me, &rng);
	if (r < 0) {
		snprintf(why, COYO_WHY_MAX, "the random seed gives no key; try again");
		return r;
	}
	n = identity_to_text(&me, text);
	identity_wipe(&me);
	if (path) {
		r = store(path, text, (size_t)n, why);
	} else {
		r = write_all(STDOUT_FILENO, text, (size_t)n);
		if (r < 0)
			say(why, r, "write", "standard output");
	}
	sodium_memzero(text, sizeof(text));
	return r;
}

/* Up to cap bytes of the file; -EFBIG when it holds more. */
static ssize_t load(const char *path, char *out, size_t cap, char why[COYO_WHY_MAX])
{
	bool in = strcmp(path, "-") == 0;
	int fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t k = 0;

	if (fd < 0)
		return say(why, -errno, "open", path);
	while (n < cap) {
		k = read(fd, out + n, cap - n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break;
		n += (size_t)k;
	}
	if (k < 0)
		k = say(why, -errno, "read", in ? "standard input" : path);
	if (!in)
		close(fd);
	return k < 0 ? k : (ssize_t)n;
}

int keys_id(const char *path, struct node_id *id, char why[COYO_WHY_MAX])
{
	char text[IDENTITY_TEXT_MAX * 4];
	struct identity me;
	ssize_t n;
	int r;

	if (sodium_init() < 0)
		return -EIO;
	n = load(path, text, sizeof(text), why);
	if (n < 0)
		return (int)n;
	r = identity_from_text(&me, text, (size_t)n);
	sodium_memzero(text, sizeof(text));
	if (r < 0) {
		snprintf(why, COYO_WHY_MAX, "%.200s %s", path,
		         r == -EBADMSG ? "holds a key line that is damaged"
		                       : "is not a key file: coyo keygen makes one");
		return r;
	}
	*id = me.id;
	identity_wipe(&me);
	return 0;
}

int keys_show(const char *path, char why[COYO_WHY_MAX])
{
	char text[ID_TEXT_LEN + 1], host[ID_HOST_LEN + 1], brief[ID_SHORT_LEN + 1],
	        address[INET6_ADDRSTRLEN];
	uint8_t ipv6[16];
	struct node_id id;
	int r = keys_id(path, &id, why);

	if (r < 0)
		return r;
	id_to_text(&id, text);
	id_to_host(&id, host);
	id_to_short(&id, brief);
	ip6_of_id(&id, NAMES_IPV6_PREFIX, ipv6);
	inet_ntop(AF_INET6, ipv6, address, sizeof(address));
	if (printf("short %s\nhost  %s\nipv6  %s\nid    %s\n", brief, host, address, text) < 0 ||
	    fflush(stdout) != 0)
		return say(why, -errno, "write", "standard output");
	return 0;
}
