/* SPDX-License-Identifier: BSD-3-Clause */
/* Looks into a program's file. */
#include "libcoyo/tool/run.h"
#include "base/why.h"
#include "base/cc.h"
#include "libcoyo/dial.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SCRIPTS_MAX 4 /* interpreters that are scripts themselves */

static bool runs(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int run_find(const char *name, char path[PATH_MAX], char why[COYO_WHY_MAX])
{
	const char *folders = getenv("PATH");

	if (strchr(name, '/')) {
		snprintf(path, PATH_MAX, "%s", name);
		return runs(path) ? 0
		                  : why_say(why, COYO_WHY_MAX, ENOENT,
		                            "%.200s is no program that can be started", name);
	}
	for (const char *at = folders ? folders : "/usr/bin:/bin"; *at;) {
		size_t n = strcspn(at, ":");

		if ((size_t)snprintf(path, PATH_MAX, "%.*s/%s", (int)(n ? n : 1), n ? at : ".",
		                     name) < PATH_MAX &&
		    runs(path))
			return 0;
		at += n + (at[n] == ':');
	}
	return why_say(why, COYO_WHY_MAX, ENOENT, "there is no program %.200s in $PATH", name);
}

/* The interpreter that a script's first line names. False: it is no script. */
static bool interpreter(const char *start, size_t n, char path[PATH_MAX])
{
	size_t from = 2, len;

	if (n < 3 || memcmp(start, "#!", 2) != 0)
		return false;
	while (from < n && (start[from] == ' ' || start[from] == '\t'))
		from++;
	len = from < n ? strcspn(start + from, " \t\r\n") : 0;
	if (len == 0 || len >= PATH_MAX)
		return false;
	memcpy(path, start + from, len);
	path[len] = '\0';
	return true;
}

/* The dynamic linker that an ELF file asks for, cut off after n - 1 bytes; empty: none. False: the file cannot be understood. */
static bool dynamic_linker(int fd, const Elf64_Ehdr *e, char *out, size_t n)
{
	out[0] = '\0';
	for (unsigned i = 0; i < e->e_phnum && i < 256; i++) {
		Elf64_Phdr p;

		if (pread(fd, &p, sizeof(p), (off_t)(e->e_phoff + (uint64_t)i * e->e_phentsize)) !=
		    sizeof(p))
			return false;
		if (p.p_type != PT_INTERP)
			continue;
		if (p.p_filesz == 0 || p.p_filesz >= n ||
		    pread(fd, out, p.p_filesz, (off_t)p.p_offset) != (ssize_t)p.p_filesz)
			return false;
		out[p.p_filesz] = '\0';
		return true;
	}
	return true;
}

static int check_elf(int fd, const Elf64_Ehdr *e, const char *path, char why[COYO_WHY_MAX])
{
	char linker[256];

	if (e->e_ident[EI_CLASS] != ELFCLASS64)
		return why_say(
		        why, COYO_WHY_MAX, EPERM,
		        "%.120s is a 32-bit program: the library that it would need is 64-bit; "
		        "use coyo proxy or [forward]",
		        path);
	if (!dynamic_linker(fd, e, linker, sizeof(linker)))
		return 0;
	/* The dynamic linker itself has none. */
	if (!linker[0] && !strstr(path, "/ld-"))
		return why_say(
		        why, COYO_WHY_MAX, EPERM,
		        "%.120s is linked statically, so that no library can be put before its own",
		        path);
	if (strstr(linker, "musl"))
		return why_say(why, COYO_WHY_MAX, EPERM,
		               "%.120s uses another C library (%.60s) than the GNU one", path,
		               linker);
	return 0;
}

static int check_rights(const struct stat *st, const char *path, char why[COYO_WHY_MAX])
{
	bool other = ((st->st_mode & S_ISUID) && st->st_uid != geteuid()) ||
	             ((st->st_mode & S_ISGID) && st->st_gid != getegid());

	if (other)
		return why_say(
		        why, COYO_WHY_MAX, EPERM,
		        "%.120s runs with another user's rights (setuid): the system loads no "
		        "library of yours into it",
		        path);
	if (geteuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0)
		return why_say(why, COYO_WHY_MAX, EPERM,
		               "%.120s has capabilities of its own: the system loads no library of "
		               "yours into it",
		               path);
	return 0;
}

int run_check(const char *path, char why[COYO_WHY_MAX])
{
	char at[PATH_MAX];

	snprintf(at, sizeof(at), "%s", path);
	for (unsigned i = 0; i < SCRIPTS_MAX; i++) {
		int fd = open(at, O_RDONLY | O_CLOEXEC), r;
		union {
			Elf64_Ehdr elf;
			char text[512];
		} start;
		struct stat st;
		ssize_t n;

		if (fd < 0)
			return 0;
		memset(&start, 0, sizeof(start));
		n = pread(fd, start.text, sizeof(start) - 1, 0);
		if (n >= (ssize_t)sizeof(start.elf) &&
		    memcmp(start.elf.e_ident, ELFMAG, SELFMAG) == 0) {
			r = fstat(fd, &st) == 0 ? check_rights(&st, at, why) : 0;
			r = r ? r : check_elf(fd, &start.elf, at, why);
			close(fd);
			return r;
		}
		close(fd);
		if (n <= 0 || !interpreter(start.text, (size_t)n, at))
			return 0;
	}
	return 0;
}
