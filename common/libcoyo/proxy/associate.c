/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads and the bounds on how many there are. */
#include "libcoyo/proxy/associate.h"
#include "libcoyo/proxy/association.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#define STACK_BYTES (256 * 1024)

/* One that is served. */
struct served {
	struct associations *all;
	struct association *association;
	LIST_ENTRY(served) link;
};

struct associations {
	pthread_mutex_t lock;
	unsigned idle_s, n;
	bool left;
	LIST_HEAD(, served) list;
};

struct associations *associations_new(unsigned idle_s)
{
	struct associations *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	pthread_mutex_init(&all->lock, NULL);
	all->idle_s = idle_s;
	LIST_INIT(&all->list);
	return all;
}

/* Of whoever is the last to use it. */
static void end(struct associations *all)
{
	pthread_mutex_destroy(&all->lock);
	free(all);
}

/* Whether there is room for one more of a client at that address. Under the lock. */
static bool has_room(const struct associations *all, const struct association *a)
{
	const struct served *s;
	unsigned same = 0;

	LIST_FOREACH (s, &all->list, link)
		same += association_same_client(s->association, a);
	return all->n < ASSOCIATIONS_MAX && same < ASSOCIATIONS_PER_ADDRESS;
}

static bool enter(struct served *s)
{
	bool room;

	pthread_mutex_lock(&s->all->lock);
	room = has_room(s->all, s->association);
	if (room) {
		LIST_INSERT_HEAD(&s->all->list, s, link);
		s->all->n++;
	}
	pthread_mutex_unlock(&s->all->lock);
	return room;
}

static void leave(struct served *s)
{
	struct associations *all = s->all;
	bool last;

	pthread_mutex_lock(&all->lock);
	LIST_REMOVE(s, link);
	last = --all->n == 0 && all->left;
	pthread_mutex_unlock(&all->lock);
	association_free(s->association);
	free(s);
	if (last)
		end(all);
}

static void *run(void *arg)
{
	struct served *s = arg;

	association_serve(s->association, s->all->idle_s);
	leave(s);
	return NULL;
}

/* Its thread, which needs little memory. */
static int start(struct served *s)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&thread, &attr, run, s);
	pthread_attr_destroy(&attr);
	return -err;
}

int associations_start(struct associations *all, int client, uint16_t port, char why[COYO_WHY_MAX])
{
	struct served *s = calloc(1, sizeof(*s));
	int end = -1, err = -ENOMEM;

	if (s) {
		s->all = all;
		s->association = association_new(client, port, &end, &err);
	}
	if (!s || !s->association) {
		free(s);
		snprintf(why, COYO_WHY_MAX, "cannot begin an association: %s", strerror(-err));
		return err;
	}
	if (!enter(s)) {
		association_free(s->association);
		free(s);
		close(end);
		snprintf(why, COYO_WHY_MAX, "too many associations: %d of one address, %d in all",
		         ASSOCIATIONS_PER_ADDRESS, ASSOCIATIONS_MAX);
		return -EAGAIN;
	}
	err = start(s);
	if (err == 0)
		return end;
	leave(s);
	close(end);
	snprintf(why, COYO_WHY_MAX, "cannot start a thread: %s", strerror(-err));
	return err;
}

void associations_leave(struct associations *all)
{
	bool last;

	pthread_mutex_lock(&all->lock);
	all->left = true;
	last = all->n == 0;
	pthread_mutex_unlock(&all->lock);
	if (last)
		end(all);
}
