/* SPDX-License-Identifier: BSD-3-Clause */
/* The client's side of the application socket: one request line out, one answer line and a descriptor in. */
#include "libcoyo/client.h"
#include "base/why.h"
#include "ipc/appabi.h"
#include "libcoyo/dial.h"
#include "libcoyo/door.h"
#include "resolve/ask.h"
#include "resolve/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

_Static_assert(COYO_ID_BYTES == ID_BYTES, "one id");

#define RESOLVE_MS 5000 /* a daemon that is busy answers later, one that is stopped never */

/* Reads one answer and at most one descriptor; *passed stays -1 without one. flags: 0, or MSG_DONTWAIT. */
static int read_answer(int fd, struct app_answer *ans, int *passed, int flags,
                       char why[COYO_WHY_MAX])
{
	unsigned n;
	int r;

	*passed = -1;
	r = dial_answer(fd, ans, passed, 1, &n, flags, why);
	if (n == 0)
		*passed = -1;
	return r;
}

static void fill_address(struct sockaddr_coyo *out, const struct app_answer *ans)
{
	if (!out)
		return;
	memset(out, 0, sizeof(*out));
	out->scoyo_family = AF_COYO;
	out->scoyo_port = htons(ans->port);
	memcpy(out->scoyo_id, ans->id.b, ID_BYTES);
}

static int request(const char *socket, const struct app_request *req, int type,
                   char why[COYO_WHY_MAX])
{
	char line[APP_LINE_MAX];
	int fd = dial_daemon(socket, type, why), r;

	if (fd < 0)
		return fd;
	r = dial_send(fd, line, app_request_write(req, line));
	if (r == 0)
		return fd;
	close(fd);
	return why_say(why, COYO_WHY_MAX, -r, "lost coyod: %s", strerror(-r));
}

/* The answer's descriptor, or a negative errno; the answer itself in *ans. */
static int take_stream(int fd, struct app_answer *ans, int flags, char why[COYO_WHY_MAX])
{
	int passed, r = read_answer(fd, ans, &passed, flags, why);

	if (r == 0 && passed < 0)
		return why_say(why, COYO_WHY_MAX, EPROTO,
		               "coyod's answer carries no stream: this process may be out "
		               "of file descriptors");
	if (r == 0)
		return passed;
	if (passed >= 0)
		close(passed);
	return r;
}

/* Sends the request for a stream; the control connection, or a negative errno. */
static int ask_stream(const char *socket, const struct sockaddr_coyo *to, int type,
                      char why[COYO_WHY_MAX])
{
	struct app_request req = {.type = APP_REQ_CONNECT, .port = ntohs(to->scoyo_port)};

	if (to->scoyo_family != AF_COYO || to->scoyo_port == 0)
		return why_say(why, COYO_WHY_MAX, EINVAL, "not an address of this network");
	memcpy(req.id.b, to->scoyo_id, ID_BYTES);
	return request(socket, &req, type, why);
}

static int finish(int control, struct sockaddr_coyo *local, int flags, char why[COYO_WHY_MAX])
{
	struct app_answer ans;
	int stream = take_stream(control, &ans, flags, why);

	if (stream >= 0)
		fill_address(local, &ans);
	return stream;
}

COYO_EXPORT int coyo_client_connect(const char *socket, const struct sockaddr_coyo *to,
                                    struct sockaddr_coyo *local, char why[COYO_WHY_MAX])
{
	int fd = ask_stream(socket, to, SOCK_STREAM, why), stream;

	if (fd < 0)
		return fd;
	stream = finish(fd, local, 0, why);
	close(fd);
	return stream;
}

COYO_EXPORT int coyo_client_connect_start(const char *socket, const struct sockaddr_coyo *to,
                                          char why[COYO_WHY_MAX])
{
	return ask_stream(socket, to, SOCK_STREAM | SOCK_NONBLOCK, why);
}

COYO_EXPORT int coyo_client_connect_finish(int control, struct sockaddr_coyo *local,
                                           char why[COYO_WHY_MAX])
{
	return finish(control, local, MSG_DONTWAIT, why);
}

int client_listen_ask(const char *socket, uint16_t port, unsigned backlog, char why[COYO_WHY_MAX])
{
	struct app_request req = {.type = APP_REQ_LISTEN, .port = port};

	if (port == 0)
		return why_say(why, COYO_WHY_MAX, EINVAL,
		               "the port must be a number from 1 to 65535");
	req.backlog =
	        backlog == 0 ? APP_BACKLOG_DEFAULT : (uint32_t)min_u64(backlog, APP_BACKLOG_MAX);
	return request(socket, &req, SOCK_STREAM, why);
}

int client_listen_answer(int fd, struct sockaddr_coyo *local, char why[COYO_WHY_MAX])
{
	struct app_answer ans;
	int passed, r = read_answer(fd, &ans, &passed, 0, why);

	if (passed >= 0)
		close(passed);
	if (r < 0)
		return r;
	if (local)
		*local = (struct sockaddr_coyo){0};
	if (ans.has_end)
		fill_address(local, &ans);
	return 0;
}

COYO_EXPORT int coyo_client_listen(const char *socket, uint16_t port, unsigned backlog,
                                   char why[COYO_WHY_MAX])
{
	int fd = client_listen_ask(socket, port, backlog, why), r;

	if (fd < 0)
		return fd;
	r = client_listen_answer(fd, NULL, why);
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

COYO_EXPORT int coyo_client_accept(int listener, struct sockaddr_coyo *peer, char why[COYO_WHY_MAX])
{
	struct app_answer ans;
	int stream = take_stream(listener, &ans, 0, why);

	if (stream >= 0)
		fill_address(peer, &ans);
	return stream;
}

COYO_EXPORT int coyo_client_check(const char *socket, char why[COYO_WHY_MAX])
{
	struct app_request req = {.type = APP_REQ_VERSION};
	struct app_answer ans;
	int fd = request(socket, &req, SOCK_STREAM, why), passed, r;

	if (fd < 0)
		return fd;
	r = read_answer(fd, &ans, &passed, 0, why);
	if (passed >= 0)
		close(passed);
	close(fd);
	return r;
}

COYO_EXPORT int coyo_parse_id(const char *text, uint8_t id[COYO_ID_BYTES], char why[COYO_WHY_MAX])
{
	struct node_id out;
	enum id_parse_result r = id_parse(text, strlen(text), &out);

	if (r != ID_PARSE_OK)
		return why_say(why, COYO_WHY_MAX, EINVAL, "%s", id_parse_error(r));
	memcpy(id, out.b, ID_BYTES);
	return 0;
}

COYO_EXPORT void coyo_format_id(const uint8_t id[COYO_ID_BYTES], char text[COYO_TEXT_MAX])
{
	struct node_id n;

	_Static_assert(COYO_TEXT_MAX == ID_TEXT_LEN + 1, "what id_to_text() writes");
	memcpy(n.b, id, ID_BYTES);
	id_to_text(&n, text);
}

/* By the stack of this process. */
static int resolve_inside(const char *name, struct node_id *id, char why[RESOLVE_WHY_MAX])
{
	char reason[COYO_WHY_MAX];
	struct app_request req;
	struct app_answer ans;
	int r = resolve_own(name, &req, id, why), fd;

	if (r != RESOLVE_ASK)
		return r;
	fd = door_dial(SOCK_STREAM, reason);
	if (fd < 0) {
		snprintf(why, RESOLVE_WHY_MAX, "%s", reason);
		return fd;
	}
	r = ask_over(fd, &req, RESOLVE_MS, &ans, why);
	if (r == 0)
		*id = ans.id;
	if (r == -ENOENT)
		snprintf(why, RESOLVE_WHY_MAX,
		         "nobody is called %.120s here: neither `coyo names` nor [names] in the "
		         "configuration of this program's stack has it",
		         req.name);
	return r;
}

COYO_EXPORT int coyo_resolve(const char *socket, const char *name, uint8_t id[COYO_ID_BYTES],
                             char why[COYO_WHY_MAX])
{
	char reason[RESOLVE_WHY_MAX];
	struct node_id found;
	int r = socket || !door_now() ? resolve_name(socket, name, RESOLVE_MS, &found, reason)
	                              : resolve_inside(name, &found, reason);

	if (r < 0)
		return why_say(why, COYO_WHY_MAX, -r, "%s", reason);
	memcpy(id, found.b, ID_BYTES);
	return 0;
}
