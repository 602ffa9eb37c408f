/* SPDX-License-Identifier: BSD-3-Clause */
/* coyoctl: asks a running coyod, prints tables for people or JSON for programs. */
#include "base/json.h"
#include "ctl/client.h"
#include "ctl/table.h"
#include "ipc/paths.h"
#include "names/names.h"
#include "program/program.h"
#include "resolve/resolve.h"

#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	EXIT_REFUSED = PROGRAM_FAILED,
	EXIT_USAGE = PROGRAM_USAGE,
	EXIT_UNREACHED = PROGRAM_UNREACHED
};

static const char help[] =
        "usage: coyoctl [-s SOCKET] [--json] VERB ...\n"
        "\n"
        "  show node|links|listeners|contacts|tunnels|sessions|connections|sockets|labels|drops|\n"
        "       workers|config\n"
        "       [-n ROWS]         what the daemon knows\n"
        "  lookup ID              the contact closest to ID, and whether it is ID itself\n"
        "  ping ID [-c N] [-i MS] round trips through the tunnel, which is built when missing\n"
        "  trace ID               every node on the tunnel, with its labels\n"
        "  drain                  no new tunnels and connections; returns when it is quiet\n"
        "  reload                 read the configuration again\n"
        "  allow ID [LISTENER]    let a node in, also where strangers are not\n"
        "  deny ID [LISTENER]     turn a node away and take its link down\n"
        "\n"
        "  -s, --socket SOCKET    control socket; default $COYO_CONTROL, then " PATH_CONTROL_SOCKET
        "\n"
        "      --json             one JSON document on standard output\n"
        "      --version          print the version\n"
        "  -h, --help             print this\n"
        "\n"
        "ID is a node id in any form, or a name: of your own (`coyo names`), else of the\n"
        "daemon's [names].\n"
        "Exit status: 0 done, 1 the daemon refused or failed, 2 usage, a mistyped id or a name\n"
        "that nobody has, 3 no daemon reached.\n";

struct options {
	const char *socket;
	bool json;
	struct ctl_request req;
	int npings; /* -c was given and so on: checked against the verb */
	int nrows;
};

/* What went wrong, for people on standard error and, with --json, for programs as the document (or its `result`) on standard output. */
static int failed(const struct options *o, int status, int err, const char *text, bool in_result)
{
	struct json j = {0};

	fprintf(stderr, "coyoctl: %s%s\n", text,
	        status == EXIT_USAGE ? "; `coyoctl --help` lists everything" : "");
	if (!o->json)
		return status;
	json_object(&j, NULL);
	json_str(&j, "error", text);
	json_str(&j, "code", ctl_errno_name(err));
	json_object_end(&j);
	if (!j.failed)
		printf(in_result ? "],\"result\":%s}\n" : "%s\n", j.text);
	json_free(&j);
	return status;
}

static int usage(const struct options *o, const char *text)
{
	return failed(o, EXIT_USAGE, EINVAL, text, false);
}

static bool number(const char *s, uint32_t lo, uint32_t hi, uint32_t *out)
{
	char *end;
	unsigned long v;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	v = strtoul(s, &end, 10);
	*out = (uint32_t)v;
	return !errno && !*end && v >= lo && v <= hi;
}

/* A name of the user's own, or of a contact, becomes its id; another is left to the daemon. Returns an exit status, or -1 to go on. */
static int own_name(struct options *o)
{
	char name[NAMES_NAME_MAX + 1], why[RESOLVE_WHY_MAX];
	char *target = o->req.target;
	struct app_request ask;
	struct node_id id;
	int r;

	_Static_assert(CTL_TARGET_MAX >= ID_TEXT_LEN && CTL_TARGET_MAX >= NAMES_NAME_MAX + 5,
	               "an id, and a name with .coyo");
	if (names_read(target, strlen(target), name, &id, why) != NAMES_IS_NAME)
		return -1;
	r = resolve_own(target, &ask, &id, why);
	if (r < 0)
		return failed(o, EXIT_REFUSED, -r, why, false);
	if (r == 0)
		id_to_text(&id, target);
	return -1;
}

/* Words of the verb, joined into the line the daemon would get, and read by the daemon's own parser. */
static int parse_words(struct options *o, char **words, int n)
{
	char line[CTL_LINE_MAX + 1] = "", why[256];
	size_t len = 0;
	struct ctl_request given = o->req;

	if (n == 0)
		return usage(o, "what shall it do? show, lookup, ping, trace, drain, reload, allow "
		                "or deny");
	for (int i = 0; i < n; i++) {
		size_t w = strlen(words[i]);

		if (len + w + 2 > sizeof(line))
			return usage(o, "a request has at most 512 characters");
		if (i)
			line[len++] = ' ';
		memcpy(line + len, words[i], w + 1);
		len += w;
	}
	if (ctl_request_parse(line, len, &o->req, why, sizeof(why)))
		return usage(o, why);
	if (o->req.verb == CTL_VOUCH)
		return usage(o, "names follow that request: `coyo names export` sends them");
	if (o->npings && o->req.verb != CTL_PING)
		return usage(o, "-c and -i belong to ping");
	if (o->nrows && o->req.verb != CTL_SHOW)
		return usage(o, "-n belongs to show");
	if (given.count)
		o->req.count = given.count;
	if (given.interval_ms)
		o->req.interval_ms = given.interval_ms;
	/* A table is for eyes; a program that wants less says so. */
	if (given.limit || o->json)
		o->req.limit = given.limit ? given.limit : CTL_ROWS_MAX;
	return *o->req.target ? own_name(o) : -1;
}

/* Returns an exit status, or -1 to go on. */
static int parse(int argc, char **argv, struct options *o)
{
	enum { OPT_JSON = 256, OPT_VERSION };
	static const struct option longs[] = {
	        {"socket", required_argument, NULL, 's'},
	        {"json", no_argument, NULL, OPT_JSON},
	        {"version", no_argument, NULL, OPT_VERSION},
	        {"help", no_argument, NULL, 'h'},
	        {NULL, 0, NULL, 0},
	};
	const char *env = getenv("COYO_CONTROL");
	int c;

	*o = (struct options){.socket = env && *env ? env : PATH_CONTROL_SOCKET};
	/* Errors are told as JSON wherever the option stands. */
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		o->json = o->json || strcmp(argv[i], "--json") == 0;
	while ((c = getopt_long(argc, argv, "s:c:i:n:h", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			o->socket = optarg;
			break;
		case 'c':
			o->npings++;
			if (!number(optarg, 1, CTL_COUNT_MAX, &o->req.count))
				return usage(o, "-c takes 1..100000");
			break;
		case 'i':
			o->npings++;
			if (!number(optarg, CTL_INTERVAL_MIN, CTL_INTERVAL_MAX,
			            &o->req.interval_ms))
				return usage(o, "-i takes 10..60000 ms");
			break;
		case 'n':
			o->nrows++;
			if (!number(optarg, 1, CTL_ROWS_MAX, &o->req.limit))
				return usage(o, "-n takes 1..10000000");
			break;
		case OPT_JSON:
			o->json = true;
			break;
		case OPT_VERSION:
			puts("coyoctl 0.1.0");
			return 0;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			return usage(o, "that option is not understood");
		}
	}
	return parse_words(o, argv + optind, argc - optind);
}

/* ---- answers ---- */

static bool streaming(const struct options *o)
{
	return o->req.verb == CTL_PING || o->req.verb == CTL_TRACE;
}

static void cell_of(const struct jvalue *row, const char *key, enum cell cell, char *out,
                    size_t cap)
{
	const struct column col = {"", key, cell, "name"};

	table_cell(&col, row, out, cap);
}

static void print_answer(const struct options *o, const struct jvalue *v)
{
	char rtt[32], who[64], in[32], out[32], seq[32];

	cell_of(v, "rtt_us", CELL_US, rtt, sizeof(rtt));
	if (jvalue_get(v, "setup_ms")) {
		cell_of(v, "setup_ms", CELL_MS, rtt, sizeof(rtt));
		cell_of(v, "first_hops", CELL_NUMBER, seq, sizeof(seq));
		printf("tunnel built in %s over %s hops\n", rtt, seq);
	} else if (o->req.verb == CTL_PING) {
		cell_of(v, "seq", CELL_NUMBER, seq, sizeof(seq));
		if (strcmp(rtt, "-") == 0)
			printf("seq %s: no answer\n", seq);
		else
			printf("seq %s: %s\n", seq, rtt);
	} else {
		cell_of(v, "hop", CELL_NUMBER, seq, sizeof(seq));
		cell_of(v, "id", CELL_ID, who, sizeof(who));
		cell_of(v, "in_label", CELL_NUMBER, in, sizeof(in));
		cell_of(v, "out_label", CELL_NUMBER, out, sizeof(out));
		printf("%3s  %-16s  label in %-7s  out %-7s  %s\n", seq, who, in, out, rtt);
	}
	fflush(stdout);
}

static void print_list(const struct jvalue *doc, const char *key, const char *title)
{
	const struct jvalue *list = jvalue_get(doc, key);

	for (const struct jvalue *v = list ? list->first : NULL; v; v = v->next)
		printf("%s: %s\n", title, v->text ? v->text : "");
}

/* Where an id is let in or turned away, and for how long. */
static bool print_listeners(const struct jvalue *v)
{
	const struct jvalue *list = jvalue_get(v, "listeners");
	const char *verb = jvalue_text(v, "verb");

	for (const struct jvalue *l = list ? list->first : NULL; l; l = l->next) {
		const char *name = jvalue_text(l, "listener"), *until = jvalue_text(l, "until");

		if (name && until)
			printf("%s at %s: %s%s\n", verb && *verb == 'a' ? "allowed" : "denied",
			       name, *until == 't' && strstr(until, "daemon") ? "until " : "",
			       until);
	}
	return list && verb;
}

static bool print_final(const struct options *o, const struct jvalue *v)
{
	char a[160], b[32], c[32];
	const struct jvalue *exact = jvalue_get(v, "exact");

	switch (o->req.verb) {
	case CTL_SHOW:
		return view_print(stdout, o->req.view, v);
	case CTL_LOOKUP:
		cell_of(v, "id", CELL_TEXT, a, sizeof(a));
		cell_of(v, "hops", CELL_NUMBER, b, sizeof(b));
		cell_of(v, "rtt_us", CELL_US, c, sizeof(c));
		printf("%s\n%s\n", a,
		       exact && exact->truth
		               ? "this is the node itself"
		               : "the closest contact; the node itself did not answer");
		if (strcmp(b, "-") != 0)
			printf("path of %s hops\n", b);
		if (strcmp(c, "-") != 0)
			printf("round trip %s\n", c);
		return exact != NULL;
	case CTL_PING:
		cell_of(v, "sent", CELL_NUMBER, a, sizeof(a));
		cell_of(v, "received", CELL_NUMBER, b, sizeof(b));
		cell_of(v, "rtt_mean_us", CELL_US, c, sizeof(c));
		printf("%s sent, %s received, mean round trip %s\n", a, b, c);
		return true;
	case CTL_TRACE:
		return true;
	case CTL_DRAIN:
		cell_of(v, "withdrawn", CELL_NUMBER, a, sizeof(a));
		cell_of(v, "left", CELL_NUMBER, b, sizeof(b));
		if (strcmp(b, "0") == 0)
			printf("drained, %s tunnels withdrawn\n", a);
		else
			printf("%s tunnels withdrawn, %s left: neighbours have not answered\n", a,
			       b);
		return true;
	case CTL_ALLOW:
	case CTL_DENY:
		return print_listeners(v);
	default:
		print_list(v, "applied", "applied");
		print_list(v, "needs_restart", "needs a restart");
		print_list(v, "failed", "failed, see the daemon's log, and tried again");
		if (!jvalue_get(v, "applied"))
			return false;
		if (!jvalue_get(v, "applied")->first && !jvalue_get(v, "needs_restart")->first &&
		    (!jvalue_get(v, "failed") || !jvalue_get(v, "failed")->first))
			puts("nothing has changed");
		return true;
	}
}

struct progress {
	unsigned answers;
	bool final;
	bool part; /* of a long document has been printed */
	int status;
};

static int refused(const char *error)
{
	fprintf(stderr, "coyoctl: %s\n", error);
	return EXIT_REFUSED;
}

/* `--json` prints one document also where answers stream: {"answers":[...],"result":{...}}. */
static void take_json(const struct options *o, struct progress *p, const char *line, bool final)
{
	if (!streaming(o)) {
		puts(line);
	} else if (!final) {
		printf("%s%s", p->answers ? "," : "{\"answers\":[", line);
	} else {
		printf("%s],\"result\":%s}\n", p->answers ? "" : "{\"answers\":[", line);
	}
}

/* Whether the daemon, which knows names too, could not read the id that was given. */
static bool mistyped(const struct options *o, const struct jvalue *v)
{
	const char *code = jvalue_text(v, "code");
	bool names_id = o->req.verb == CTL_LOOKUP || streaming(o);

	return names_id && code && strcmp(code, "EINVAL") == 0;
}

static void take_line(const struct options *o, struct progress *p, const char *line, size_t len)
{
	struct jvalue *v = json_read(line, len);
	const char *error = v ? jvalue_text(v, "error") : NULL;
	const struct jvalue *received;
	bool final = !streaming(o) || (v && jvalue_get(v, "done")) || error;

	if (!v) {
		p->status = failed(o, EXIT_REFUSED, EPROTO,
		                   "the daemon's answer is no JSON; is coyod of another version "
		                   "than coyoctl?",
		                   p->answers > 0);
		p->final = true;
		return;
	}
	if (o->json)
		take_json(o, p, line, final);
	else if (!final)
		print_answer(o, v);
	else if (!error && !print_final(o, v))
		p->status = refused("the daemon's answer lacks what is to be printed; is coyod of "
		                    "another version than coyoctl? --json prints it as it is");
	if (error)
		p->status = refused(error);
	if (error && mistyped(o, v))
		p->status = EXIT_USAGE;
	received = jvalue_get(v, "received");
	if (final && received && received->number == 0)
		p->status = EXIT_REFUSED;
	if (final && !error && o->req.verb == CTL_TRACE && p->answers == 0)
		p->status =
		        refused("no node on the path answered; `ping` tells whether there is one");
	p->final = final;
	p->answers += !final;
	jvalue_free(v);
}

/* A long document is passed on as it comes: it is no error, those are short, and may be larger than memory. */
#define DOCUMENT_HELD (64u << 10)

static int take_answer(const struct options *o, struct client *c, struct progress *p)
{
	size_t max = o->json && o->req.verb == CTL_SHOW ? DOCUMENT_HELD : SIZE_MAX;
	char *line;
	size_t len;
	int rc;

	while (!p->final) {
		rc = client_line(c, max, &line, &len);
		if (rc == CLIENT_LINE) {
			take_line(o, p, line, len);
		} else if (rc == CLIENT_PART) {
			if (fwrite(line, 1, len, stdout) != len)
				return -errno;
			p->part = true;
			p->final = line[len - 1] == '\n';
		} else {
			return rc;
		}
	}
	return 0;
}

static int run(int argc, char **argv)
{
	struct options o;
	struct client c;
	struct progress p = {0};
	char err[256];
	int rc = parse(argc, argv, &o);

	if (rc >= 0)
		return rc;
	rc = client_open(&c, o.socket, err, sizeof(err));
	if (rc)
		return failed(&o, EXIT_UNREACHED, -rc, err, false);
	rc = client_send(&c, &o.req);
	if (rc == 0)
		rc = take_answer(&o, &c, &p);
	client_close(&c);
	if (!p.final) {
		const char *why = rc < 0 ? strerror(-rc)
		                         : "the daemon ended before its answer did; ask again";

		/* A document that was passed on in part cannot be mended. */
		o.json = o.json && !p.part;
		return failed(&o, EXIT_REFUSED, rc < 0 ? -rc : ECONNRESET, why, p.answers > 0);
	}
	if (fflush(stdout) != 0)
		return refused("cannot write the answer to standard output; is the disk full?");
	return p.status;
}

int main(int argc, char **argv)
{
	if (program_start() < 0)
		return PROGRAM_FAILED;
	return program_end("coyoctl", run(argc, argv));
}
