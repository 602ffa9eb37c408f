/* SPDX-License-Identifier: BSD-3-Clause */
/* coyo keygen and coyo id: keys in files. */
#include "libcoyo/tool/keys.h"
#include "libcoyo/tool/qr.h"
#include "libcoyo/tool/verbs.h"
#include "program/program.h"

#include <string.h>
#include <unistd.h>

int verb_keygen(int argc, char **argv, const char *socket)
{
	const char *path = NULL;
	char why[COYO_WHY_MAX];
	int c;

	while ((c = getopt(argc, argv, "+o:")) != -1) {
		if (c != 'o')
			return verb_misuse("keygen takes -o FILE");
		path = optarg;
	}
	if (optind != argc)
		return verb_misuse("keygen takes -o FILE and nothing else");
	return keys_generate(path, why) < 0 ? verb_complain(PROGRAM_FAILED, why) : PROGRAM_DONE;
}

int verb_id(int argc, char **argv, const char *socket)
{
	bool draw = argc > 1 && strcmp(argv[1], "--qr") == 0;
	char why[COYO_WHY_MAX];
	struct node_id id;
	int r;

	if (argc != (draw ? 3 : 2))
		return verb_misuse("id takes --qr, and one key file, or - for standard input");
	if (!draw)
		return keys_show(argv[1], why) < 0 ? verb_complain(PROGRAM_FAILED, why)
		                                   : PROGRAM_DONE;
	r = keys_id(argv[2], &id, why);
	if (r == 0)
		r = qr_show(&id, why);
	return r < 0 ? verb_complain(PROGRAM_FAILED, why) : PROGRAM_DONE;
}
