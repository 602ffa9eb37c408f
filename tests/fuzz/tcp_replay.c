/* SPDX-License-Identifier: BSD-3-Clause */
/* Plays files, or all files of folders, through the TCP fuzz target without a fuzzer: the corpus as a test, and a finding by hand
 * (`tcp_replay -v FILE` also prints every packet). */
#include "tcp_play.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct play play;
static unsigned played;

static void one(const char *path, bool verbose)
{
	static uint8_t buf[1 << 16];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f) {
		perror(path);
		exit(1);
	}
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	play.trace = verbose;
	play_run(&play, buf, n);
	played++;
}

static void path(const char *name, bool verbose)
{
	DIR *d = opendir(name);
	struct dirent *e;
	char inner[4096];

	if (!d) {
		one(name, verbose);
		return;
	}
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", name, e->d_name);
		one(inner, verbose);
	}
	closedir(d);
}

int main(int argc, char **argv)
{
	bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0;

	for (int i = 1 + verbose; i < argc; i++)
		path(argv[i], verbose);
	printf("%u inputs played\n", played);
	tcpnet_free(&play.n);
	return played == 0;
}
