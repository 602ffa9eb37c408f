/* SPDX-License-Identifier: BSD-3-Clause */
/* A few threads that look names up: first as one of this network, then, where that is wanted, as one of the ordinary one. */
#include "libcoyo/proxy/lookup.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>

#define THREADS_MAX 8
#define LABEL_MAX   63

STAILQ_HEAD(lookups, proxy_lookup);

struct proxy_finder {
	const char *socket;
	int wake;
	pthread_mutex_t lock;
	pthread_cond_t more;
	unsigned threads, idle, waiting;
	bool left; /* nobody takes what is found */
	struct lookups todo, done;
};

/* Whether this name can be of this network alone: it says so, or it has a label longer than the ordinary network's may be (RFC 1035, section
 * 2.3.4), as the text form of an id has, of which a mistyped one is asked of nobody. */
static bool is_ours(const char *host)
{
	size_t n = strlen(host), label = 0;

	for (size_t i = 0; i < n && label <= LABEL_MAX; i++)
		label = host[i] == '.' ? 0 : label + 1;
	return label > LABEL_MAX || (n > 5 && strcasecmp(host + n - 5, ".coyo") == 0);
}

static void look_outside(struct proxy_lookup *l)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *all = NULL;
	int r = getaddrinfo(l->host, NULL, &hints, &all);

	if (r != 0) {
		l->err = -ENXIO;
		snprintf(l->why, sizeof(l->why), "the name is not known: %s", gai_strerror(r));
		return;
	}
	for (struct addrinfo *a = all; a && l->n < PROXY_DIRECT_MAX; a = a->ai_next)
		memcpy(&l->at[l->n++], a->ai_addr, a->ai_addrlen);
	freeaddrinfo(all);
	l->err = 0;
}

static void look(const char *socket, struct proxy_lookup *l)
{
	l->err = coyo_resolve(socket, l->host, l->id, l->why);
	l->ours = l->err == 0 || is_ours(l->host) ||
	          (!l->direct && l->err != -EINVAL && l->err != -ENOENT);
	if (!l->ours && l->direct)
		look_outside(l);
}

static void free_all(struct lookups *all)
{
	struct proxy_lookup *l;

	while ((l = STAILQ_FIRST(all))) {
		STAILQ_REMOVE_HEAD(all, link);
		free(l);
	}
}

/* Of whoever is the last to use it: gives the lock back, and frees it all. */
static void end(struct proxy_finder *f)
{
	pthread_mutex_unlock(&f->lock);
	free_all(&f->todo);
	free_all(&f->done);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->more);
	free(f);
}

static void *run(void *arg)
{
	struct proxy_finder *f = arg;

	pthread_mutex_lock(&f->lock);
	while (!f->left) {
		struct proxy_lookup *l = STAILQ_FIRST(&f->todo);

		if (!l) {
			f->idle++;
			pthread_cond_wait(&f->more, &f->lock);
			f->idle--;
			continue;
		}
		STAILQ_REMOVE_HEAD(&f->todo, link);
		f->waiting--;
		pthread_mutex_unlock(&f->lock);
		/* Whoever asks and goes takes no thread from those who wait. */
		if (l->client)
			look(f->socket, l);
		pthread_mutex_lock(&f->lock);
		STAILQ_INSERT_TAIL(&f->done, l, link);
		if (!f->left)
			eventfd_write(f->wake, 1);
	}
	if (--f->threads == 0)
		end(f);
	else
		pthread_mutex_unlock(&f->lock);
	return NULL;
}

struct proxy_finder *finder_new(const char *socket, int wake)
{
	struct proxy_finder *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->socket = socket;
	f->wake = wake;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->more, NULL);
	STAILQ_INIT(&f->todo);
	STAILQ_INIT(&f->done);
	return f;
}

bool finder_start(struct proxy_finder *f, struct proxy_lookup *l)
{
	pthread_t thread;

	pthread_mutex_lock(&f->lock);
	if (f->idle <= f->waiting && f->threads < THREADS_MAX &&
	    pthread_create(&thread, NULL, run, f) == 0) {
		pthread_detach(thread);
		f->threads++;
	}
	if (f->threads > 0) {
		STAILQ_INSERT_TAIL(&f->todo, l, link);
		f->waiting++;
		pthread_cond_signal(&f->more);
	}
	pthread_mutex_unlock(&f->lock);
	return f->threads > 0;
}

struct proxy_lookup *finder_take(struct proxy_finder *f)
{
	struct proxy_lookup *l;

	pthread_mutex_lock(&f->lock);
	l = STAILQ_FIRST(&f->done);
	if (l)
		STAILQ_REMOVE_HEAD(&f->done, link);
	pthread_mutex_unlock(&f->lock);
	return l;
}

void finder_leave(struct proxy_finder *f)
{
	pthread_mutex_lock(&f->lock);
	f->left = true;
	pthread_cond_broadcast(&f->more);
	if (f->threads == 0)
		end(f);
	else
		pthread_mutex_unlock(&f->lock);
}
