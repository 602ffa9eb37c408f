/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests: views slice by slice, questions to the node and the workers with answers later. */
#include "daemon/request.h"
#include "daemon/connections.h"
#include "daemon/daemon.h"
#include "daemon/listeners.h"
#include "daemon/reload.h"
#include "daemon/show.h"
#include "daemon/show_value.h"
#include "daemon/show_views.h"
#include "daemon/vouching.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DRAIN_NS  (5 * NS_PER_S)  /* for neighbours to answer what is withdrawn */
#define SHOW_NS   (15 * NS_PER_S) /* until the first byte is taken */
#define ANSWER_NS (10 * NS_PER_S) /* beyond what the request itself takes */

uint32_t request_cookie(struct daemon *d)
{
	if (d->next_cookie <= STOP_COOKIE)
		d->next_cookie = STOP_COOKIE + 1;
	return d->next_cookie++;
}

static void start_show(struct daemon *d, struct ctl_client *c)
{
	show_begin(&c->walk, c->req.view, c->req.limit);
	c->state = CLIENT_SHOWING;
	c->deadline = instant_add(d->now, SHOW_NS);
	if (!connections_wait(d, c))
		request_slice(d, c);
}

void request_slice(struct daemon *d, struct ctl_client *c)
{
	bool complete;

	if (connections_view(c->req.view)) {
		connections_slice(d, c);
		return;
	}
	complete = show_step(d, &c->walk, &c->out);
	if (complete)
		json_line_end(&c->out);
	if (complete || c->out.failed)
		ctl_client_finish(d, c);
	else
		ctl_client_flush(d, c);
}

static bool resolve(struct daemon *d, struct ctl_client *c)
{
	char name[NAMES_NAME_MAX + 1], why[NAMES_WHY_MAX];
	const char *text = c->req.target;
	const struct names_row *row;

	switch (names_read(text, strlen(text), name, &c->target, why)) {
	case NAMES_IS_ID:
		return true;
	case NAMES_IS_NAME:
		row = names_find(&d->conf.names, name);
		if (row) {
			c->target = row->id;
			return true;
		}
		snprintf(why, sizeof(why),
		         "%.60s is no name of [names] and no node id (those have %d characters)",
		         name, ID_TEXT_LEN);
		break;
	default:
		break;
	}
	ctl_client_error(d, c, EINVAL, why);
	return false;
}

static void ask_node(struct daemon *d, struct ctl_client *c, uint32_t type)
{
	struct node_request r = {.type = type};
	struct node_event ev = {.type = NODE_REQUEST, .u.request = &r};

	c->cookie = r.cookie = request_cookie(d);
	c->deadline = instant_add(d->now,
	                          ANSWER_NS + (int64_t)d->conf.node.connect_timeout_ms * NS_PER_MS);
	if (type == REQ_PING) {
		r.count = c->req.count;
		r.interval_ms = c->req.interval_ms;
		c->deadline =
		        instant_add(c->deadline, (int64_t)r.count * r.interval_ms * NS_PER_MS);
	}
	r.id = c->target;
	node_input(d->node, &ev, d->now);
}

static void start_drain(struct daemon *d, struct ctl_client *c)
{
	struct cp_cmd cmd = {.type = CMD_DRAIN};

	c->tunnels = node_transit_tunnels(d->node);
	d->draining = true;
	daemon_log(d, LOG_LEVEL_INFO, "draining on request: no new tunnels, no new connections");
	pump_own_command(d, CPDP_ALL_WORKERS, &cmd);
	ask_node(d, c, REQ_DRAIN);
}

/* Lets an id in at one listener or all of them, or turns it away, and says how long that holds. */
static void start_allow(struct daemon *d, struct ctl_client *c)
{
	bool allow = c->req.verb == CTL_ALLOW, done = false, kept;
	char err[400];
	struct json *j;

	for (uint32_t i = 0; i < d->conf.nlistens; i++) {
		const struct conf_listen *l = &d->conf.listens[i];

		if (*c->req.listener && strcmp(c->req.listener, l->head.name) != 0)
			continue;
		if (listeners_allow(d, l, &c->target, allow, &kept, err, sizeof(err)) != 0) {
			if (done) /* the part of the answer that is written is no document */
				json_free(&c->out);
			ctl_client_error(d, c, EINVAL, err);
			return;
		}
		if (!done) {
			j = ctl_client_line(c);
			json_str(j, "verb", allow ? "allow" : "deny");
			show_id(j, "target", &c->target);
			json_array(j, "listeners");
		}
		done = true;
		json_object(j, NULL);
		json_str(j, "listener", l->head.name);
		json_str(j, "until", kept ? "the file is changed" : "the daemon ends");
		json_object_end(j);
	}
	if (!done) {
		ctl_client_error(d, c, ENOENT,
		                 "there is no listener of that name; `show listeners` lists them");
		return;
	}
	json_array_end(j);
	ctl_client_line_end(c);
	ctl_client_finish(d, c);
}

static void start_reload(struct daemon *d, struct ctl_client *c)
{
	if (reload(d, ctl_client_line(c)) == 0) {
		ctl_client_line_end(c);
		ctl_client_finish(d, c);
		return;
	}
	json_free(&c->out); /* nothing of the report was written */
	ctl_client_error(d, c, EINVAL,
	                 "the configuration has errors and nothing was changed; `coyod --check -c "
	                 "FILE` lists them");
}

void request_start(struct daemon *d, struct ctl_client *c)
{
	switch (c->req.verb) {
	case CTL_SHOW:
		start_show(d, c);
		return;
	case CTL_DRAIN:
		start_drain(d, c);
		return;
	case CTL_RELOAD:
		start_reload(d, c);
		return;
	case CTL_VOUCH:
		vouching_answer(d, c);
		return;
	default:
		break;
	}
	if (!resolve(d, c))
		return;
	if (c->req.verb == CTL_ALLOW || c->req.verb == CTL_DENY) {
		start_allow(d, c);
		return;
	}
	ask_node(d, c,
	         c->req.verb == CTL_LOOKUP ? REQ_LOOKUP
	         : c->req.verb == CTL_PING ? REQ_PING
	                                   : REQ_TRACE);
}

static void answer_lookup(struct daemon *d, struct ctl_client *c, const struct node_answer *a)
{
	struct json *j = ctl_client_line(c);

	json_bool(j, "done", true);
	show_id(j, "target", &c->target);
	json_bool(j, "exact", a->exact);
	show_id(j, "id", &a->id);
	show_id_name(d, j, "name", &a->id);
	if (a->hops)
		json_uint(j, "hops", a->hops);
	else
		json_null(j, "hops");
	show_us(j, "rtt_us", a->rtt_ns > 0 ? a->rtt_ns : -1);
	show_us(j, "took_us", instant_sub(d->now, c->began));
	ctl_client_line_end(c);
	c->answers++;
	ctl_client_finish(d, c);
}

static void answer_ping(struct ctl_client *c, const struct node_answer *a)
{
	struct json *j = ctl_client_line(c);

	if (c->answers == 0 || a->rtt_ns < c->rtt_min_ns)
		c->rtt_min_ns = a->rtt_ns;
	if (c->answers == 0 || a->rtt_ns > c->rtt_max_ns)
		c->rtt_max_ns = a->rtt_ns;
	c->rtt_sum_ns += a->rtt_ns;
	c->answers++;
	json_uint(j, "seq", a->seq);
	show_us(j, "rtt_us", a->rtt_ns);
	ctl_client_line_end(c);
}

static void answer_hop(struct daemon *d, struct ctl_client *c, const struct node_answer *a)
{
	struct json *j = ctl_client_line(c);

	c->answers++;
	json_uint(j, "hop", a->seq);
	show_id(j, "id", &a->id);
	show_id_name(d, j, "name", &a->id);
	show_us(j, "rtt_us", a->rtt_ns > 0 ? a->rtt_ns : -1);
	show_label(j, "in_label", a->in_label);
	show_label(j, "out_label", a->out_label);
	ctl_client_line_end(c);
}

static void answer_connected(struct ctl_client *c, const struct node_answer *a)
{
	struct json *j = ctl_client_line(c);

	json_uint(j, "first_hops", a->hops);
	json_double(j, "setup_ms", (double)a->setup_ns / (double)NS_PER_MS);
	ctl_client_line_end(c);
}

/* A probe without an answer is a line of its own; the rest may still come. */
static void answer_lost(struct ctl_client *c, const struct node_answer *a)
{
	struct json *j = ctl_client_line(c);

	c->lost++;
	json_uint(j, "seq", a->seq);
	json_null(j, "rtt_us");
	ctl_client_line_end(c);
}

static void answer_done(struct daemon *d, struct ctl_client *c)
{
	struct json *j = ctl_client_line(c);

	json_bool(j, "done", true);
	if (c->req.verb == CTL_PING) {
		show_id(j, "target", &c->target);
		json_uint(j, "sent", c->req.count);
		json_uint(j, "received", c->answers);
		if (c->answers) {
			show_us(j, "rtt_min_us", c->rtt_min_ns);
			show_us(j, "rtt_mean_us", c->rtt_sum_ns / c->answers);
			show_us(j, "rtt_max_us", c->rtt_max_ns);
		}
	} else if (c->req.verb == CTL_TRACE) {
		show_id(j, "target", &c->target);
		json_uint(j, "hops", c->answers);
	}
	ctl_client_line_end(c);
	ctl_client_finish(d, c);
}

void request_answer(struct daemon *d, struct ctl_client *c, const struct node_answer *a)
{
	char text[160];

	switch (a->type) {
	case ANS_LOOKUP:
		answer_lookup(d, c, a);
		return;
	case ANS_PING:
		answer_ping(c, a);
		break;
	case ANS_TRACE_HOP:
		answer_hop(d, c, a);
		break;
	case ANS_CONNECTED:
		answer_connected(c, a);
		break;
	case ANS_FAILED:
		if (c->req.verb == CTL_PING && a->err == ETIMEDOUT && a->seq) {
			answer_lost(c, a);
			break;
		}
		snprintf(text, sizeof(text), "%.95s", *a->text ? a->text : strerror(a->err));
		ctl_client_error(d, c, a->err, text);
		return;
	case ANS_DONE:
		if (c->req.verb == CTL_DRAIN) {
			c->drain_begun = true;
			c->deadline = instant_add(d->now, DRAIN_NS);
			return;
		}
		answer_done(d, c);
		return;
	default:
		return;
	}
	ctl_client_flush(d, c);
}

static void answer_drain(struct daemon *d, struct ctl_client *c)
{
	uint32_t left = node_transit_tunnels(d->node);
	struct json *j = ctl_client_line(c);

	json_bool(j, "done", true);
	json_bool(j, "drained", left == 0);
	json_uint(j, "withdrawn", c->tunnels > left ? c->tunnels - left : 0);
	json_uint(j, "left", left);
	show_us(j, "took_us", instant_sub(d->now, c->began));
	ctl_client_line_end(c);
	ctl_client_finish(d, c);
}

bool request_draining(const struct ctl_client *c)
{
	return c->state == CLIENT_WORKING && c->drain_begun;
}

void request_drain_step(struct daemon *d, struct ctl_client *c)
{
	if (request_draining(c) && node_transit_tunnels(d->node) == 0)
		answer_drain(d, c);
}

void request_timeout(struct daemon *d, struct ctl_client *c)
{
	if (c->req.verb == CTL_SHOW)
		connections_cut(d, c);
	else if (request_draining(c))
		answer_drain(d, c);
	else
		ctl_client_error(d, c, ETIMEDOUT,
		                 "no answer in time; `show links` tells whether any is up");
}
