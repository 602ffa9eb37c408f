/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes seed inputs for the fuzzers: `make_corpus FOLDER` makes FOLDER/fuzz_<what>/seed-<n>, the same at every run. */
#include "tests/lib/codec.h"

#include "crypto/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void save(const char *folder, const char *what, unsigned n, const void *data, size_t len)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/fuzz_%s", folder, what);
	(void)mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/fuzz_%s/seed-%u", folder, what, n);
	f = fopen(path, "wb");
	if (!f || fwrite(data, 1, len, f) != len || fclose(f) != 0) {
		perror(path);
		exit(1);
	}
}

static void table(const char *folder, const char *what, const struct codec *rows,
                  const struct rng *rng)
{
	uint8_t *buf = malloc(CODEC_MAX + 1);

	for (unsigned i = 0; rows[i].name; i++) {
		size_t len;

		do /* small seeds are better seeds */
			len = rows[i].make(rng, buf + 1, CODEC_MAX);
		while (len > 400);
		buf[0] = (uint8_t)i;
		save(folder, what, i, buf, len + 1);
	}
	free(buf);
}

int main(int argc, char **argv)
{
	struct rng_seeded s;
	struct rng rng;
	struct identity me;
	char text[IDENTITY_TEXT_MAX];

	if (argc != 2) {
		fprintf(stderr, "usage: make_corpus FOLDER\n");
		return 2;
	}
	rng_seeded_init(&s, 1);
	rng = rng_from_seeded(&s);
	table(argv[1], "link", codecs_link, &rng);
	table(argv[1], "hsmsg", codecs_hsmsg, &rng);
	table(argv[1], "routed", codecs_routed, &rng);
	table(argv[1], "linkmsg", codecs_linkmsg, &rng);
	table(argv[1], "lspmsg", codecs_lspmsg, &rng);
	table(argv[1], "kadmsg", codecs_kadmsg, &rng);
	table(argv[1], "record", codecs_record, &rng);
	table(argv[1], "tunnel", codecs_tunnel, &rng);
	if (identity_generate(&me, &rng) != 0)
		return 1;
	save(argv[1], "identity", 0, text, (size_t)identity_to_text(&me, text));
	id_to_text(&me.id, text);
	save(argv[1], "id", 0, text, ID_TEXT_LEN);
	id_to_host(&me.id, text);
	save(argv[1], "id", 1, text, ID_HOST_LEN);
	return 0;
}
