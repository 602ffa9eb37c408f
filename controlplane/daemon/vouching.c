/* SPDX-License-Identifier: BSD-3-Clause */
/* Names come in as lines, a list goes out. The key signs what is written here and nothing else: the caller chooses names, never bytes. */
#include "daemon/vouching.h"
#include "daemon/ctl_client.h"
#include "daemon/daemon.h"

#include "base/why.h"
#include "crypto/vouch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What the node would like to be called, as names are written. */
static int read_label(const struct ctl_client *c, struct vouched *v, char why[NAMES_WHY_MAX])
{
	const char *text = c->req.target;
	struct node_id id;
	int kind;

	if (!*text)
		return 0;
	kind = names_read(text, strlen(text), v->label, &id, why);
	if (kind == NAMES_IS_ID)
		return why_say(why, NAMES_WHY_MAX, EINVAL, "an id stands where a name is expected");
	return kind < 0 ? kind : 0;
}

static int read_names(const struct ctl_client *c, struct vouched *v, char why[NAMES_WHY_MAX])
{
	const char *p = c->body, *end = p + c->body_len;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		int r = names_add_line(&v->names, p, (size_t)((nl ? nl : end) - p), why);

		if (r < 0)
			return r;
		if (v->names.n > VOUCHED_NAMES_MAX)
			return why_say(why, NAMES_WHY_MAX, EINVAL,
			               "a list has at most %d names: give those that are to be in "
			               "it",
			               VOUCHED_NAMES_MAX);
		p = nl ? nl + 1 : end;
	}
	return 0;
}

/* Serials rise also where several lists are made in one millisecond, or the clock is set back while the daemon runs. */
static void set_times(struct daemon *d, const struct ctl_client *c, struct vouched *v)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	v->serial = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
	if (v->serial <= d->vouched_serial)
		v->serial = d->vouched_serial + 1;
	if (c->req.expires_s)
		v->expires = (uint64_t)t.tv_sec + c->req.expires_s;
}

void vouching_answer(struct daemon *d, struct ctl_client *c)
{
	char why[NAMES_WHY_MAX];
	struct vouched v = {0};
	int r = read_label(c, &v, why);
	struct json *j;
	char *text;

	if (r == 0)
		r = read_names(c, &v, why);
	text = r == 0 ? malloc(VOUCHED_TEXT_MAX) : NULL;
	if (r == 0 && !text)
		r = why_say(why, sizeof(why), ENOMEM, "out of memory for the list");
	if (r == 0) {
		set_times(d, c, &v);
		vouch_make(&d->me, &v, text);
		d->vouched_serial = v.serial;
		daemon_log(d, LOG_LEVEL_INFO, "signed a list of %u names, serial %llu, on request",
		           v.names.n, (unsigned long long)v.serial);
		j = ctl_client_line(c);
		json_bool(j, "done", true);
		json_uint(j, "serial", v.serial);
		json_uint(j, "names", v.names.n);
		json_str(j, "list", text);
		ctl_client_line_end(c);
		ctl_client_finish(d, c);
	} else {
		ctl_client_error(d, c, r == -ENOMEM ? ENOMEM : EINVAL, why);
	}
	free(text);
	vouched_free(&v);
}
