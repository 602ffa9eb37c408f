/* SPDX-License-Identifier: BSD-3-Clause */
/* coyo proxy: its arguments. */
#include "base/cc.h"
#include "libcoyo/proxy/proxy.h"
#include "libcoyo/tool/verbs.h"
#include "program/program.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_ADDRESS "127.0.0.1:1080"
#define DEFAULT_IDLE_S  300 /* RFC 4787, section 4.3 */
#define IDLE_S_MAX      86400

/* The first line of the file, which nobody else may read. */
static int read_password(const char *path, char password[PROXY_HOST_MAX + 1],
                         char why[COYO_WHY_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n, line = 0;

	if (fd < 0 || fstat(fd, &st) < 0) {
		snprintf(why, COYO_WHY_MAX, "cannot read the password file %.200s: %s", path,
		         strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	n = read(fd, password, PROXY_HOST_MAX + 1);
	close(fd);
	if (S_ISREG(st.st_mode) && (st.st_mode & 077)) {
		snprintf(why, COYO_WHY_MAX,
		         "others may read the password file %.200s: `chmod 600` it", path);
		return -1;
	}
	while (line < n && password[line] != '\r' && password[line] != '\n')
		line++;
	password[line <= PROXY_HOST_MAX ? line : 0] = '\0';
	if (*password)
		return 0;
	snprintf(why, COYO_WHY_MAX,
	         "the first line of %.200s is to be the password, of 1 to %d bytes", path,
	         PROXY_HOST_MAX);
	return -1;
}

/* NAME:PASSWORD-FILE */
static int take_login(const char *text, struct proxy_login *login, char why[COYO_WHY_MAX])
{
	const char *colon = strchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;

	if (n == 0 || n > PROXY_HOST_MAX || !colon[1]) {
		snprintf(why, COYO_WHY_MAX, "--user takes NAME:PASSWORD-FILE");
		return -1;
	}
	memcpy(login->name, text, n);
	login->name[n] = '\0';
	return read_password(colon + 1, login->password, why);
}

static bool take_idle(const char *text, unsigned *seconds)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	*seconds = (unsigned)v;
	return *text >= '0' && *text <= '9' && !*end && v >= 1 && v <= IDLE_S_MAX;
}

/* Everybody who reaches the proxy opens streams in the name of this node. */
static int check_addresses(const struct proxy_cfg *cfg, bool any)
{
	for (unsigned i = 0; !any && i < cfg->listeners; i++)
		if (!verb_is_loopback(&cfg->at[i]))
			return verb_misuse("whoever reaches the proxy opens streams in this node's "
			                   "name, so it listens on loopback addresses only; "
			                   "--any-address allows others");
	return PROGRAM_DONE;
}

static int serve(const struct proxy_cfg *cfg)
{
	char why[COYO_WHY_MAX];

	return proxy_run(cfg, why) < 0 ? verb_complain(PROGRAM_FAILED, why) : PROGRAM_DONE;
}

int verb_proxy(int argc, char **argv, const char *socket)
{
	static const struct option longs[] = {{"any-address", no_argument, NULL, 'a'},
	                                      {"direct", no_argument, NULL, 'd'},
	                                      {"udp-idle", required_argument, NULL, 'i'},
	                                      {"user", required_argument, NULL, 'u'},
	                                      {0}};
	struct proxy_cfg cfg = {.socket = socket, .idle_s = DEFAULT_IDLE_S};
	struct proxy_login login;
	char why[COYO_WHY_MAX];
	bool any = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "+l:", longs, NULL)) != -1) {
		if (c == 'a')
			any = true;
		else if (c == 'd')
			cfg.direct = true;
		else if (c == 'i' && !take_idle(optarg, &cfg.idle_s))
			return verb_misuse("--udp-idle takes seconds, from 1 to 86400");
		else if (c == 'l' && (cfg.listeners == PROXY_LISTENERS_MAX ||
		                      !verb_address(optarg, &cfg.at[cfg.listeners++])))
			return verb_misuse(
			        "-l takes ADDRESS:PORT or [ADDRESS]:PORT, at most 16 times");
		else if (c == 'u' && take_login(optarg, &login, why) < 0)
			return verb_complain(PROGRAM_USAGE, why);
		else if (c == 'u')
			cfg.login = &login;
		else if (c != 'l' && c != 'i')
			return verb_misuse(
			        "proxy takes -l ADDRESS:PORT, --user NAME:PASSWORD-FILE, "
			        "--udp-idle SECONDS, --direct and --any-address");
	}
	if (optind != argc)
		return verb_misuse("proxy takes options only");
	if (cfg.listeners == 0 && !verb_address(DEFAULT_ADDRESS, &cfg.at[cfg.listeners++]))
		return verb_misuse("no address to listen on");
	/* Sockets of the library find the daemon so. */
	if (setenv("COYO_SOCKET", coyo_socket_path(socket), 1) < 0)
		return verb_complain(PROGRAM_FAILED, "out of memory");
	r = check_addresses(&cfg, any);
	return r == PROGRAM_DONE ? serve(&cfg) : r;
}
