/* SPDX-License-Identifier: BSD-3-Clause */
/* The service's listeners: had, lost, asked for again, and the streams that they bring. */
#include "libcoyo/tool/serve.h"
#include "base/cc.h"
#include "libcoyo/client.h"
#include "libcoyo/tool/verbs.h"
#include "program/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ACCEPT_PAUSE_MS 200
#define TOLD_FULL_MS    60000 /* "the limit is reached" is not said again within */

/* One cannot be had, or is lost. */
static void lose(struct serve *s, struct serve_port *p, const char *why, uint64_t t)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	p->asked = false;
	if (strcmp(s->told, why) != 0) {
		snprintf(s->told, sizeof(s->told), "%s", why);
		fprintf(stderr, "coyo: %s%s\n", why, s->args->retry ? "; trying again" : "");
	}
	p->pause_ms = p->pause_ms == 0 ? SERVE_PAUSE_MIN_MS
	                               : (uint32_t)min_u64(p->pause_ms * 2, SERVE_PAUSE_MAX_MS);
	p->again_ms = t + p->pause_ms;
	if (s->args->retry)
		return;
	s->failed = true;
	if (!s->stopping)
		serve_stop(s, t + (uint64_t)s->args->drain_s * 1000);
}

/* The daemon's answer. */
static int take_answer(struct serve *s, struct serve_port *p, char why[COYO_WHY_MAX])
{
	int r = client_listen_answer(p->fd, &p->local, why);

	if (r < 0)
		return r;
	p->asked = false;
	p->pause_ms = 0;
	if (!s->told[0])
		return 0;
	for (unsigned i = 0; i < s->args->nports; i++)
		if (s->ports[i].fd < 0 || s->ports[i].asked)
			return 0;
	s->told[0] = '\0';
	fprintf(stderr, "coyo: listening\n");
	return 0;
}

int serve_listen(struct serve *s, uint64_t now_ms)
{
	char why[COYO_WHY_MAX];

	for (unsigned i = 0; i < s->args->nports; i++) {
		struct serve_port *p = &s->ports[i];
		int r = p->fd = client_listen_ask(s->socket, p->port, 0, why);

		if (r >= 0)
			r = take_answer(s, p, why);
		if (r < 0 && !s->args->retry)
			return verb_complain_of(r, why);
		if (r < 0)
			lose(s, p, why, now_ms);
	}
	return PROGRAM_DONE;
}

void serve_listen_again(struct serve *s, uint64_t now_ms)
{
	char why[COYO_WHY_MAX];

	for (unsigned i = 0; i < s->args->nports && !s->stopping; i++) {
		struct serve_port *p = &s->ports[i];

		if (p->fd >= 0 || now_ms < p->again_ms)
			continue;
		p->fd = client_listen_ask(s->socket, p->port, 0, why);
		p->asked = p->fd >= 0;
		if (p->fd < 0)
			lose(s, p, why, now_ms);
	}
}

/* Whether a descriptor for the next stream is free: without one the stream would be lost in the passing. */
static bool have_descriptor(struct serve *s, uint64_t t)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		close(fd);
		s->told_descriptors = false;
		return true;
	}
	if (!s->told_descriptors)
		fprintf(stderr, "coyo: no descriptor for another stream: %s; streams wait\n",
		        strerror(errno));
	s->told_descriptors = true;
	s->accept_ms = t + ACCEPT_PAUSE_MS;
	return false;
}

static void take_stream(struct serve *s, struct serve_port *p, uint64_t t)
{
	struct sockaddr_coyo peer;
	char why[COYO_WHY_MAX];
	int fd;

	if (!have_descriptor(s, t))
		return;
	fd = coyo_client_accept(p->fd, &peer, why);
	if (fd < 0) {
		lose(s, p, why, t);
		return;
	}
	if (serve_stream(s, p, fd, &peer, t) && s->args->once)
		serve_stop(s, SERVE_NEVER);
}

bool serve_may_take(struct serve *s, uint64_t t)
{
	if (s->stopping || s->waiting >= 0 || t < s->accept_ms)
		return false;
	if (s->children.n < s->args->commands)
		return true;
	if (s->told_full_ms == 0 || t - s->told_full_ms > TOLD_FULL_MS) {
		s->told_full_ms = t;
		fprintf(stderr,
		        "coyo: %u commands run, as many as may at once: further streams wait\n",
		        s->args->commands);
	}
	return false;
}

void serve_port_event(struct serve *s, struct serve_port *p, short events, uint64_t now_ms)
{
	char why[COYO_WHY_MAX];

	if (p->fd < 0 || !events)
		return;
	if (p->asked) {
		if (take_answer(s, p, why) < 0)
			lose(s, p, why, now_ms);
	} else if (!(events & POLLIN)) {
		lose(s, p, "coyod has ended, or closed the listener", now_ms);
	} else if (serve_may_take(s, now_ms)) {
		take_stream(s, p, now_ms);
	}
}
