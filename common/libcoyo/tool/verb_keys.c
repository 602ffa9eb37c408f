/* SPDX-License-Identifier: BSD-3-Clause */
/* coyo keygen and coyo id: keys in files. */
#include "libcoyo/tool/keys.h"
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
	char why[COYO_WHY_MAX];

	if (argc != 2)
		return verb_misuse("id takes one key file, or - for standard input");
	return keys_show(argv[1], why) < 0 ? verb_complain(PROGRAM_FAILED, why) : PROGRAM_DONE;
}
