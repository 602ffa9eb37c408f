/* SPDX-License-Identifier: BSD-3-Clause */
/* coyod: reads the configuration, starts node and workers, joins them, runs until told to stop. */
#include "daemon/daemon.h"
#include "daemon/forwards.h"
#include "daemon/harden.h"
#include "daemon/limits.h"
#include "daemon/links.h"
#include "daemon/listeners.h"
#include "daemon/loop.h"
#include "daemon/notify.h"
#include "daemon/sandbox.h"
#include "daemon/startwatch.h"
#include "daemon/state.h"
#include "daemon/tun.h"
#include "program/program.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_RUNTIME = PROGRAM_FAILED, EXIT_CONFIG = PROGRAM_USAGE };

/* A tunnel with its labels, its entries in one worker and what the indexes take. */
#define TUNNEL_BYTES  1536
#define TUNNELS_LEAST 4096
#define TUNNELS_MOST  16777216

#define LOG_END_MS 300 /* how long the end waits for a reader of the log that stands still */

static const char help[] =
        "usage: coyod -c FILE [--check] [-- EAL OPTIONS]\n"
        "\n"
        "The IPvCoyo router daemon. It stays in the foreground and logs to standard error.\n"
        "\n"
        "  -c, --config FILE   configuration, see coyod.conf(5)\n"
        "      --check         say whether FILE is right and end; nothing is started\n"
        "      --version       print the version\n"
        "  -h, --help          print this\n"
        "  -- EAL OPTIONS      passed on to DPDK as they are\n"
        "\n"
        "SIGTERM, SIGINT: drain for at most 2 s, then stop; a second one stops at once.\n"
        "SIGHUP: read FILE again; links and names change, the rest is named and waits for a "
        "restart.\n"
        "Exit status: 0 stopped as told, 1 could not start or go on, 2 usage or configuration.\n";

struct arguments {
	const char *config;
	bool check;
	char **eal;
	int neal;
};

/* Returns an exit status, or -1 to go on. */
static int arguments_parse(int argc, char **argv, struct arguments *a)
{
	enum { OPT_CHECK = 256, OPT_VERSION };
	static const struct option options[] = {
	        {"config", required_argument, NULL, 'c'},
	        {"check", no_argument, NULL, OPT_CHECK},
	        {"version", no_argument, NULL, OPT_VERSION},
	        {"help", no_argument, NULL, 'h'},
	        {NULL, 0, NULL, 0},
	};
	int o;

	*a = (struct arguments){0};
	while ((o = getopt_long(argc, argv, "+c:h", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			a->config = optarg;
			break;
		case OPT_CHECK:
			a->check = true;
			break;
		case OPT_VERSION:
			puts("coyod " COYOD_VERSION);
			return 0;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			fputs("coyod: that option is not understood; `coyod --help` lists them\n",
			      stderr);
			return EXIT_CONFIG;
		}
	}
	if (optind < argc && strcmp(argv[optind - 1], "--") != 0) {
		fprintf(stderr, "coyod: unexpected `%s`; EAL options come after --\n",
		        argv[optind]);
		return EXIT_CONFIG;
	}
	a->eal = argv + optind;
	a->neal = argc - optind;
	if (!a->config) {
		fputs("coyod: no configuration; say `coyod -c FILE` (coyod.conf(5) describes it)\n",
		      stderr);
		return EXIT_CONFIG;
	}
	return -1;
}

/* ---- what the node is made of ---- */

static void random_fill(void *arg, void *out, size_t n)
{
	(void)arg;
	randombytes_buf(out, n);
}

static void *node_memory(void *arg, size_t n)
{
	(void)arg;
	return calloc(1, n);
}

static void node_memory_free(void *arg, void *p)
{
	(void)arg;
	free(p);
}

/* As many tunnels as take an eighth of this machine's memory. */
static uint64_t tunnels_by_memory(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	uint64_t n =
	        pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page / 8 / TUNNEL_BYTES : 0;

	return n < TUNNELS_LEAST ? TUNNELS_LEAST : n < TUNNELS_MOST ? n : TUNNELS_MOST;
}

static void node_cfg_of(const struct daemon *d, struct node_cfg *cfg)
{
	const struct conf_node *n = &d->conf.node;
	uint64_t overlap = n->key_overlap_s < n->rekey_s ? n->key_overlap_s : n->rekey_s;

	node_cfg_default(cfg);
	cfg->identity = &d->me;
	cfg->rng = (struct rng){.fill = random_fill};
	cfg->alloc = (struct node_alloc){.alloc = node_memory, .free = node_memory_free};
	cfg->network_id = (uint32_t)n->network;
	cfg->workers = (uint8_t)d->workers;
	cfg->transit = n->transit.on;
	cfg->transit_rate = n->transit.rate;
	cfg->aes_gcm = crypto_aead_aes256gcm_is_available() == 1;
	cfg->sessions_max = (uint32_t)n->sessions;
	cfg->tunnels_max = (uint32_t)(n->tunnels ? n->tunnels : tunnels_by_memory());
	cfg->hello_active_ns = (int64_t)n->hello_active_ms * NS_PER_MS;
	cfg->hello_idle_ns = (int64_t)n->hello_idle_ms * NS_PER_MS;
	cfg->hello_misses = (uint8_t)n->hello_misses;
	cfg->rekey_ns = (int64_t)n->rekey_s * NS_PER_S;
	cfg->key_reject_ns = (int64_t)n->key_reject_s * NS_PER_S;
	cfg->key_overlap_ns = (int64_t)overlap * NS_PER_S;
	cfg->tunnel_idle_end_ns = (int64_t)n->tunnel_idle_s * NS_PER_S;
	cfg->tunnel_idle_transit_ns = (int64_t)n->tunnel_forget_s * NS_PER_S;
	cfg->connect_timeout_ns = (int64_t)n->connect_timeout_ms * NS_PER_MS;
}

/* ---- what the data plane is made of ---- */

/* Hugepages are worth trying where enough are free and this user may map them.
 * syscalls at the start: access */
static bool hugepages_usable(struct dp_cfg *cfg)
{
	char err[512];

	cfg->no_huge = false;
	return dp_check(cfg, err, sizeof(err)) == 0 && access("/dev/hugepages", W_OK | X_OK) == 0;
}

/* From whatever thread DPDK logs. */
static void dpdk_logs(void *arg, enum dp_log_level level, const char *line)
{
	log_text(arg,
	         level == DP_LOG_ERROR  ? LOG_LEVEL_ERROR
	         : level == DP_LOG_WARN ? LOG_LEVEL_WARN
	                                : LOG_LEVEL_INFO,
	         line);
}

static void dp_cfg_of(struct daemon *d, const struct arguments *a, struct dp_port_cfg *ports,
                      struct dp_cfg *cfg)
{
	const struct conf *c = &d->conf;

	for (uint32_t i = 0; i < c->nports; i++) {
		ports[i] = (struct dp_port_cfg){{0}, {0}};
		snprintf(ports[i].name, sizeof(ports[i].name), "%s", c->ports[i].head.name);
		snprintf(ports[i].device, sizeof(ports[i].device), "%s", c->ports[i].device);
	}
	*cfg = (struct dp_cfg){
	        .name = c->node.name,
	        .workers = d->workers,
	        .idle = c->worker.idle == CONF_IDLE_BUSY ? DP_IDLE_BUSY : DP_IDLE_ADAPTIVE,
	        .ports = ports,
	        .nports = c->nports,
	        .eal_args = a->eal,
	        .neal_args = a->neal,
	        .mbufs = (unsigned)c->worker.mbufs,
	        .memory_mb = (unsigned)c->worker.memory_mb,
	        .sessions_max = (uint32_t)c->node.sessions,
	        .connections_max = (uint32_t)c->worker.connections,
	        .tcp_sndbuf = (uint32_t)c->worker.tcp_sndbuf,
	        .tcp_rcvbuf = (uint32_t)c->worker.tcp_rcvbuf,
	        .punt_rate = (uint32_t)c->worker.punt_rate,
	        .id = d->me.id,
	        .app_socket = *c->api.socket ? c->api.socket : NULL,
	        .app_socket_mode = (uint32_t)c->api.mode,
	        .app_slots = (uint32_t)c->api.slots,
	        .app_max = (uint32_t)c->api.applications,
	        .app_privileged = c->api.privileged,
	        .tun = tun_cfg_of(d),
	        .log = dpdk_logs,
	        .log_arg = &d->log,
	};
	cfg->no_huge = c->worker.hugepages == CONF_HUGE_NO ||
	               (c->worker.hugepages == CONF_HUGE_AUTO && !hugepages_usable(cfg));
	randombytes_buf(cfg->seed, sizeof(cfg->seed));
	randombytes_buf(cfg->cookie_key, sizeof(cfg->cookie_key));
}

/* ---- start and end ---- */

static int start_planes(struct daemon *d, const struct arguments *a, char *err, size_t errcap)
{
	struct dp_port_cfg ports[DP_PORTS_MAX];
	struct dp_cfg dp;
	struct node_cfg cfg;
	int rc;

	_Static_assert(CONF_PORTS_MAX <= DP_PORTS_MAX, "ports");
	dp_cfg_of(d, a, ports, &dp);
	node_cfg_of(d, &cfg);
	memcpy(cfg.cookie_key, dp.cookie_key, sizeof(cfg.cookie_key));
	dp.names = &d->conf.names;
	rc = dp_start(&dp, &d->dp, err, errcap);
	explicit_bzero(dp.seed, sizeof(dp.seed));
	explicit_bzero(dp.cookie_key, sizeof(dp.cookie_key));
	if (rc) {
		d->dp = NULL;
		return rc;
	}
	loop_clock(d);
	d->node = node_new(&cfg, d->now);
	explicit_bzero(cfg.cookie_key, sizeof(cfg.cookie_key));
	if (!d->node) {
		snprintf(err, errcap,
		         "out of memory for the control plane; lower sessions of [node], or free "
		         "some");
		return -ENOMEM;
	}
	return 0;
}

/* They follow the links in the order of slots. */
static int start_listeners(struct daemon *d, char *err, size_t errcap)
{
	for (uint32_t i = 0; i < d->conf.nlistens; i++) {
		int rc = listeners_set(d, d->conf.nlinks + i, &d->conf.listens[i], err, errcap);

		if (rc)
			return rc;
		loop_outputs(d);
	}
	return 0;
}

/* Between its steps the start looks whether it has been told to end. */
static int start(struct daemon *d, const struct arguments *a, const struct startwatch *w, char *err,
                 size_t errcap)
{
	uint32_t uid, gid;
	int rc = limits_check(&d->conf, err, errcap);

	if (rc == 0)
		rc = harden_user(&d->conf, &uid, &gid, err, errcap);
	if (rc == 0)
		rc = keylock_take(&d->keylock, &d->me, d->conf.node.key, err, errcap);
	if (rc)
		return rc;
	/* Whatever another process may hold is taken first: nothing has started yet when it fails. */
	for (uint32_t i = 0; i < d->conf.nlinks; i++) {
		rc = links_open(d, &d->conf.links[i], err, errcap);
		if (rc < 0)
			return rc;
	}
	for (uint32_t i = 0; i < d->conf.nlistens; i++) {
		rc = listeners_open(d, &d->conf.listens[i], err, errcap);
		if (rc < 0)
			return rc;
	}
	rc = ctl_server_open(d, err, errcap);
	if (rc)
		return rc;
	rc = startwatch_asked(w) ? -ECANCELED : start_planes(d, a, err, errcap);
	if (rc)
		return rc;
	if (startwatch_asked(w))
		return -ECANCELED;
	rc = loop_open(d);
	if (rc) {
		snprintf(err, errcap,
		         "cannot make the descriptors to wait on: %s; raise the limit of open "
		         "files (ulimit -n)",
		         strerror(-rc));
		return rc;
	}
	state_restore(d);
	for (uint32_t i = 0; i < d->conf.nlinks && !startwatch_asked(w); i++) {
		rc = links_start(d, i, &d->conf.links[i], err, errcap);
		if (rc)
			return rc;
		loop_outputs(d);
	}
	rc = start_listeners(d, err, errcap);
	if (rc == 0)
		rc = forwards_start(d, err, errcap);
	if (rc)
		return rc;
	pump_flush(d);
	cross_flush(d);
	return startwatch_asked(w) ? -ECANCELED : 0;
}

static void finish(struct daemon *d)
{
	ctl_server_close(d);
	if (d->dp)
		dp_stop(d->dp);
	if (d->node)
		node_free(d->node);
	links_close(d);
	loop_close(d);
	pump_free(&d->pump);
	keylock_release(&d->keylock);
	notify_close(&d->notify);
	identity_wipe(&d->me);
	conf_free(&d->conf);
	log_close(&d->log, LOG_END_MS);
}

static void announce(struct daemon *d)
{
	char id[ID_TEXT_LEN + 1];

	id_to_text(&d->me.id, id);
	daemon_log(d, LOG_LEVEL_INFO, "coyod %s, node %s, id %s", COYOD_VERSION, d->conf.node.name,
	           id);
	daemon_log(d, LOG_LEVEL_INFO, "%u worker%s, memory: %s", d->workers,
	           d->workers == 1 ? "" : "s", dp_memory_text(d->dp));
	tun_announce(d);
	daemon_log(d, LOG_LEVEL_INFO, "ready, %u link%s configured", d->conf.nlinks,
	           d->conf.nlinks == 1 ? "" : "s");
	(void)notify_send(&d->notify, "READY=1");
}

/* Everything is open: gives up what is needed no more, then runs. Returns the exit status. */
static int serve(struct daemon *d)
{
	char err[512];
	int rc;

	if (harden_drop(d, err, sizeof(err))) {
		daemon_log(d, LOG_LEVEL_ERROR, "%s", err);
		return EXIT_RUNTIME;
	}
	rc = sandbox_shut((enum sandbox_mode)d->conf.node.sandbox);
	if (rc)
		daemon_log(d, LOG_LEVEL_WARN, "no sandbox: %s",
		           rc == -ENOSYS
		                   ? "this coyod was built without libseccomp, or with a sanitizer"
		                   : strerror(-rc));
	if (d->locked != LOCKED_ALL)
		daemon_log(d, d->locked == LOCKED_KEY ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
		           "%s could be swapped out: set ulimit -l, or LimitMEMLOCK= of the "
		           "service, to unlimited",
		           d->locked == LOCKED_KEY ? "session keys" : "the secret key");
	announce(d);
	return loop_run(d);
}

/* Before any thread: workers inherit the mask, so that signals reach only the loop. */
static void signals_block(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Whoever starts the daemon without standard descriptors must not find its log in the first socket that it opens.
 * syscalls at the start: open close */
static void descriptors_complete(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* What start() would refuse for want of memory. */
static int memory_fits(struct daemon *d, const struct arguments *a, char *err, size_t errcap)
{
	struct dp_port_cfg ports[DP_PORTS_MAX];
	struct dp_cfg dp;
	int rc;

	dp_cfg_of(d, a, ports, &dp);
	rc = dp_check(&dp, err, errcap);
	explicit_bzero(dp.seed, sizeof(dp.seed));
	explicit_bzero(dp.cookie_key, sizeof(dp.cookie_key));
	return rc;
}

static int configure(struct daemon *d, const struct arguments *a)
{
	struct conf_errors e = {.file = a->config};
	int rc = conf_load(&d->conf, a->config, &e);

	harden_begin(d->conf.node.core_dumps);
	d->locked = harden_lock(&d->me);
	/* The files it names are looked at even when it has errors, so that one run tells all. */
	if (conf_key_load(&d->conf, &d->me, &e) || conf_state_check(&d->conf, &e) ||
	    conf_accept_check(&d->conf, &e))
		rc = -EINVAL;
	if (e.text)
		fputs(e.text, stderr);
	conf_errors_free(&e);
	d->workers = (unsigned)d->conf.worker.count;
	return rc;
}

static int coyod(int argc, char **argv)
{
	static struct daemon d;
	static struct startwatch watch; /* its thread may outlive this function */
	struct arguments a;
	char err[512] = "";
	int status = arguments_parse(argc, argv, &a);

	if (status >= 0)
		return status;
	descriptors_complete();
	d.ctl.fd = d.epoll_fd = d.timer_fd = d.signal_fd = -1;
	log_init(&d.log, STDERR_FILENO);
	keylock_init(&d.keylock);
	notify_open(&d.notify);
	pump_init(&d.pump);
	loop_clock(&d);
	d.started = d.now;
	if (sodium_init() < 0) {
		fputs("coyod: libsodium finds no source of random numbers; the kernel must have "
		      "getrandom(2) or /dev/urandom\n",
		      stderr);
		return EXIT_RUNTIME;
	}
	if (configure(&d, &a)) {
		finish(&d);
		return EXIT_CONFIG;
	}
	if (a.check) {
		uint32_t uid, gid;

		if (memory_fits(&d, &a, err, sizeof(err)) ||
		    harden_user(&d.conf, &uid, &gid, err, sizeof(err))) {
			fprintf(stderr, "%s: %s\n", a.config, err);
			finish(&d);
			return EXIT_CONFIG;
		}
		printf("%s: right: %u links, %u ports, %u static cross-connects\n", a.config,
		       d.conf.nlinks, d.conf.nports, d.conf.nlsps);
		finish(&d);
		return 0;
	}
	signals_block();
	(void)log_start(&d.log); /* without it the log is written at the end */
	limits_raise();
	startwatch_begin(&watch, &d.log, d.conf.node.control, &d.ctl.bound);
	if (start(&d, &a, &watch, err, sizeof(err)) == 0) {
		startwatch_end(&watch);
		if (!startwatch_asked(&watch))
			status = serve(&d);
	} else if (!startwatch_asked(&watch)) {
		daemon_log(&d, LOG_LEVEL_ERROR, "%s", err);
		status = EXIT_RUNTIME;
	}
	if (status != EXIT_RUNTIME)
		daemon_log(&d, LOG_LEVEL_INFO, "stopped");
	finish(&d);
	startwatch_end(&watch);
	return status < 0 ? 0 : status;
}

int main(int argc, char **argv)
{
	if (program_start() < 0)
		return PROGRAM_FAILED;
	return program_end("coyod", coyod(argc, argv));
}
