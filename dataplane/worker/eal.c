/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's environment: its arguments from the configuration, its runtime folder, its end without leftovers. */
#include "worker/eal.h"
#include "core/dpdk.h"
#include "worker/eal_kept.h"
#include "worker/eal_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARGS_MAX 160
#define CPUS_MAX 1024
#define PREFIX   "coyo_" /* of the names of EAL's folders */

/* EAL keeps pointers into its arguments as long as it lives. */
struct eal {
	char *argv[ARGS_MAX + 1];
	int argc;
	char base[128]; /* runtime folder made here, or "" */
	char dir[256];  /* EAL's own under it */
	FILE *log;
	bool embedded;
};

/* With the first stack that is embedded in a process; it stays until that ends. */
static struct eal *kept;

/* Appends an argument. False: there are too many, or no memory. */
static bool add_arg(struct eal *e, const char *format, ...) COYO_PRINTF(2, 3);

static bool add_arg(struct eal *e, const char *format, ...)
{
	va_list ap;
	int n;

	if (e->argc == ARGS_MAX)
		return false;
	va_start(ap, format);
	n = vasprintf(&e->argv[e->argc], format, ap);
	va_end(ap);
	if (n < 0) {
		e->argv[e->argc] = NULL;
		return false;
	}
	e->argc++;
	return true;
}

/* Whether the operator's own arguments hold this option, alone or with =value. */
static bool is_given(const struct dp_cfg *cfg, const char *option)
{
	size_t n = strlen(option);

	for (int i = 0; i < cfg->neal_args; i++)
		if (strncmp(cfg->eal_args[i], option, n) == 0 &&
		    (option[1] != '-' || cfg->eal_args[i][n] == '=' || cfg->eal_args[i][n] == 0))
			return true;
	return false;
}

/* Whether a device is a virtual one, which is named after its driver. Anything else is a bus address. */
static bool is_vdev(const char *device)
{
	return strncmp(device, "net_", 4) == 0 || strncmp(device, "virtio_user", 11) == 0 ||
	       strncmp(device, "eth_", 4) == 0;
}

/* Says on which CPUs the threads run. Each may run on every CPU that this process may use, so that several daemons can share a small machine. In
 * busy mode each worker has a CPU of its own if there are enough of them.
 * syscalls: sched_getaffinity */
static bool add_lcores(struct eal *e, const struct dp_cfg *cfg)
{
	char all[CPUS_MAX * 5] = "", text[sizeof(all) * 2] = "";
	int cpu[CPUS_MAX];
	unsigned n = 0;
	unsigned last = cfg->embedded ? 0 : cfg->workers; /* lcore; threads_start() */
	cpu_set_t set;
	size_t at = 0;
	bool pin;

	if (sched_getaffinity(0, sizeof(set), &set))
		CPU_ZERO(&set);
	for (int c = 0; c < CPU_SETSIZE && n < CPUS_MAX; c++)
		if (CPU_ISSET(c, &set)) {
			at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%d", n ? "," : "", c);
			cpu[n++] = c;
		}
	if (n == 0)
		return add_arg(e, "--lcores=0-%u", last);
	pin = cfg->idle == DP_IDLE_BUSY && n >= cfg->workers && !cfg->embedded;
	if (!pin)
		return add_arg(e, "--lcores=(0-%u)@(%s)", last, all);
	/* Worker i is lcore i + 1. The first CPU is left to the main lcore if there is one more than workers. */
	at = (size_t)snprintf(text, sizeof(text), "0@(%s)", all);
	for (unsigned i = 0; i < cfg->workers; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, ",%u@%d", i + 1,
		                       cpu[n > cfg->workers ? i + 1 : i]);
	return add_arg(e, "--lcores=%s", text);
}

static bool add_devices(struct eal *e, const struct dp_cfg *cfg)
{
	bool pci = false, ok = true;

	for (unsigned i = 0; i < cfg->nports; i++) {
		bool vdev = is_vdev(cfg->ports[i].device);

		ok = ok && add_arg(e, vdev ? "--vdev=%s" : "--allow=%s", cfg->ports[i].device);
		pci = pci || !vdev;
	}
	if (!pci && !is_given(cfg, "-a") && !is_given(cfg, "--allow"))
		ok = ok && add_arg(e, "--no-pci");
	return ok;
}

/* syscalls: getpid */
static bool add_all(struct eal *e, const struct dp_cfg *cfg, unsigned memory_mb)
{
	bool ok = add_arg(e, "coyod") &&
	          add_arg(e, "--file-prefix=" PREFIX "%s_%d", cfg->name, (int)getpid());

	ok = ok && (is_given(cfg, "--log-level") || add_arg(e, "--log-level=*:error"));
	if (cfg->no_huge)
		ok = ok && add_arg(e, "--no-huge") && add_arg(e, "-m") &&
		     add_arg(e, "%u", memory_mb);
	else if (!cfg->embedded)
		ok = ok && add_arg(e, "--huge-unlink");
	if (cfg->embedded)
		ok = ok && add_arg(e, cfg->no_huge ? "--no-shconf" : "--in-memory") &&
		     add_arg(e, "--no-telemetry");
	if (!is_given(cfg, "-l") && !is_given(cfg, "-c") && !is_given(cfg, "--lcores"))
		ok = ok && add_lcores(e, cfg);
	ok = ok && add_devices(e, cfg);
	for (int i = 0; i < cfg->neal_args; i++)
		ok = ok && add_arg(e, "%s", cfg->eal_args[i]);
	return ok;
}

/* Makes a private runtime folder where none of those that EAL looks for can be written. EAL's own fallback is one folder in the shared temporary
 * directory, and the first user who makes it keeps all others out.
 * syscalls at the start: access getuid mkdtemp */
static int runtime_folder(struct eal *e, char *err, size_t errcap)
{
	const char *own = getenv("RUNTIME_DIRECTORY"), *xdg = getenv("XDG_RUNTIME_DIR");
	const char *tmp = getenv("TMPDIR");

	if (own && access(own, W_OK | X_OK) == 0)
		return 0;
	if (!own && getuid() == 0 && access("/var/run", W_OK | X_OK) == 0)
		return 0;
	if (!own && getuid() != 0 && xdg && access(xdg, W_OK | X_OK) == 0)
		return 0;
	snprintf(e->base, sizeof(e->base), "%s/coyod-XXXXXX", tmp && *tmp ? tmp : P_tmpdir);
	if (!mkdtemp(e->base) || setenv("RUNTIME_DIRECTORY", e->base, 1)) {
		int rc = -errno;

		snprintf(err, errcap,
		         "cannot make a runtime folder %s: %s; set RUNTIME_DIRECTORY to a writable "
		         "one",
		         e->base, strerror(errno));
		e->base[0] = '\0';
		return rc;
	}
	return 0;
}

/* syscalls: rmdir */
static void eal_free(struct eal *e)
{
	if (e->base[0]) {
		char parent[sizeof(e->base) + 8];

		snprintf(parent, sizeof(parent), "%s/dpdk", e->base);
		(void)rmdir(parent);
		(void)rmdir(e->base);
		(void)unsetenv("RUNTIME_DIRECTORY");
	}
	eal_log_close(e->log);
	for (int i = 0; i < e->argc; i++)
		free(e->argv[i]);
	free(e);
}

/* Removes an EAL's folder. At its end EAL leaves it behind, with its configuration and its telemetry socket. dir is changed.
 * syscalls: opendir readdir unlinkat closedir rmdir */
static void remove_folder(char *dir)
{
	DIR *d = strchr(dir, '/') ? opendir(dir) : NULL;
	struct dirent *f;

	if (!d)
		return;
	while ((f = readdir(d)))
		if (f->d_name[0] != '.')
			(void)unlinkat(dirfd(d), f->d_name, 0);
	closedir(d);
	(void)rmdir(dir);
	/* The folder above is shared by all DPDK processes. It goes with the last of them; as long as there is another it is not empty. */
	*strrchr(dir, '/') = '\0';
	(void)rmdir(dir);
}

/* Whether the process that this folder belongs to has ended. DPDK holds a lock on its configuration as long as the process lives, in whatever
 * namespace that is.
 * syscalls: openat fcntl close */
static bool has_ended(int parent, const char *name)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char config[sizeof(((struct dirent *)0)->d_name) + 16];
	bool free_to_lock;
	int fd;

	snprintf(config, sizeof(config), "%s/config", name);
	fd = openat(parent, config, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false; /* it is just being made, or this user may not look */
	free_to_lock = fcntl(fd, F_GETLK, &l) == 0 && l.l_type == F_UNLCK;
	close(fd);
	return free_to_lock;
}

/* Removes the folders, beside this process's own, of daemons that were killed and could not do it themselves.
 * syscalls: opendir readdir closedir */
static void remove_dead_folders(const char *dir)
{
	char parent[256], other[512];
	struct dirent *f;
	DIR *d;

	if (strlen(dir) >= sizeof(parent) || !strrchr(dir, '/'))
		return;
	strcpy(parent, dir);
	*strrchr(parent, '/') = '\0';
	d = opendir(parent);
	while (d && (f = readdir(d))) {
		snprintf(other, sizeof(other), "%s/%s", parent, f->d_name);
		if (strncmp(f->d_name, PREFIX, strlen(PREFIX)) == 0 && strcmp(other, dir) != 0 &&
		    has_ended(dirfd(d), f->d_name))
			remove_folder(other);
	}
	if (d)
		closedir(d);
}

/* Why EAL did not start, which it has told in its own words: the sentence for the operator, with the remedy in ours. */
static void explain(const struct dp_cfg *cfg, char *err, size_t errcap)
{
	const char *why = rte_strerror(rte_errno);
	struct rte_devargs da;

	/* EAL has loaded its drivers by now: a device whose driver it does not know is found by asking for it again. */
	for (unsigned i = 0; rte_errno == ENODEV && i < cfg->nports; i++) {
		const char *device = cfg->ports[i].device;

		memset(&da, 0, sizeof(da));
		if (rte_devargs_parse(&da, device) == 0) {
			rte_devargs_reset(&da);
			continue;
		}
		snprintf(err, errcap,
		         "[port %s] %s: DPDK has no driver of that name; a virtual device is "
		         "net_DRIVER0,... (net_af_packet0, net_memif0, net_tap0), any other a PCI "
		         "address, and the driver must be installed",
		         cfg->ports[i].name, device);
		return;
	}
	if (rte_errno == EACCES && !cfg->no_huge)
		snprintf(err, errcap,
		         "DPDK gets no huge pages: %s; reserve some, or set hugepages = no in "
		         "[worker]",
		         why);
	else if (rte_errno == ENOMEM)
		snprintf(err, errcap,
		         "DPDK does not get its memory: %s; set a smaller memory-mb in [worker]%s",
		         why, cfg->no_huge ? "" : ", or hugepages = no");
	else
		snprintf(err, errcap, "DPDK does not start: %s; its own message is above", why);
}

/* DPDK is initialised, or e freed. False: err tells why. */
static bool initialise(struct eal *e, const struct dp_cfg *cfg, unsigned memory_mb, char *err,
                       size_t errcap)
{
	char *argv[ARGS_MAX + 1];

	if (!cfg->embedded && runtime_folder(e, err, errcap)) {
		eal_free(e);
		return false;
	}
	if (!add_all(e, cfg, memory_mb)) {
		snprintf(err, errcap, "too many arguments for DPDK");
		eal_free(e);
		return false;
	}
	e->log = cfg->embedded ? NULL : eal_log_open(cfg);
	memcpy(argv, e->argv, sizeof(argv)); /* EAL permutes what it is given */
	if (rte_eal_init(e->argc, argv) < 0) {
		explain(cfg, err, errcap);
		eal_free(e);
		return false;
	}
	snprintf(e->dir, sizeof(e->dir), "%s", rte_eal_get_runtime_dir());
	return true;
}

/* What is made in the file system is not needed: there is no second process that would look there. The limit of open files, which DPDK raises for
 * its memory, is the program's.
 * syscalls at the start: getrlimit setrlimit */
static struct eal *start_embedded(struct eal *e, const struct dp_cfg *cfg, unsigned memory_mb,
                                  char *err, size_t errcap)
{
	struct rlimit files;
	bool is_first, known, good;

	if (kept_take(cfg, memory_mb, &is_first, err, errcap)) {
		free(e);
		return NULL;
	}
	if (!is_first) {
		free(e);
		return kept;
	}
	e->embedded = true;
	known = getrlimit(RLIMIT_NOFILE, &files) == 0;
	good = initialise(e, cfg, memory_mb, err, errcap);
	if (known)
		(void)setrlimit(RLIMIT_NOFILE, &files);
	if (!good) {
		kept_give(false);
		return NULL;
	}
	remove_folder(e->dir);
	kept_began(cfg, memory_mb);
	kept = e;
	return e;
}

struct eal *eal_start(const struct dp_cfg *cfg, unsigned memory_mb, char *err, size_t errcap)
{
	struct eal *e = calloc(1, sizeof(*e));

	if (!e) {
		snprintf(err, errcap, "out of memory");
		return NULL;
	}
	if (cfg->embedded)
		return start_embedded(e, cfg, memory_mb, err, errcap);
	if (!initialise(e, cfg, memory_mb, err, errcap))
		return NULL;
	remove_dead_folders(e->dir);
	return e;
}

/* syscalls at the start: lchown */
void eal_give(const struct eal *e, uint32_t uid, uint32_t gid)
{
	char parent[sizeof(e->dir)];

	snprintf(parent, sizeof(parent), "%s", e->dir);
	(void)!lchown(e->dir, uid, gid);
	/* The one above is shared with all of the machine's DPDK unless we were given a place of our own. */
	if (!getenv("RUNTIME_DIRECTORY") || !strrchr(parent, '/'))
		return;
	*strrchr(parent, '/') = '\0';
	(void)!lchown(parent, uid, gid);
	if (e->base[0])
		(void)!lchown(e->base, uid, gid);
}

void eal_stop(struct eal *e)
{
	if (!e)
		return;
	if (e->embedded) {
		kept_give(true);
		return;
	}
	(void)rte_eal_cleanup();
	remove_folder(e->dir);
	eal_free(e);
}
