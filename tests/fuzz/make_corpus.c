/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes seed inputs for the fuzzers: `make_corpus FOLDER` makes FOLDER/fuzz_<what>/seed-<n>, the same at every run. */
#include "tests/lib/codec.h"

#include "crypto/vouch.h"
#include "wire/record.h"

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

/* Texts: each is one input, behind a byte that chooses where first is not negative. */
static void texts(const char *folder, const char *what, int first, const char *const *text)
{
	char buf[600];

	for (unsigned i = 0; text[i]; i++) {
		int n = first < 0 ? snprintf(buf, sizeof(buf), "%s", text[i])
		                  : snprintf(buf, sizeof(buf), "%c%s", first, text[i]);

		save(folder, what, i + (first > '0' ? 16 : 0), buf, (size_t)n);
	}
}

/* Lines and answers of this machine's own programs. */
static void lines(const char *folder, const char *id)
{
	static const char *const json[] = {
	        "{\"a\":[1,-2.5e3,true,false,null],\"b\":\"x\\n\\u00e9\\\"\",\"c\":{}}\n",
	        "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",   /* as deep as is allowed */
	        "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", /* one deeper */
	        " { \"name\" : \"\\/\\b\\f\\r\\t\\\\\" , \"n\" : 0.5E+2 } ", NULL};
	static const char *const ctl[] = {"show links limit=10",
	                                  "ping a-name.of_it count=3 interval=20",
	                                  "allow b in",
	                                  "trace c",
	                                  "drain",
	                                  "show config",
	                                  NULL};
	char connect[200], start[40], is[200], ok[200], accepted[200], segment[200];
	const char *const request[] = {
	        connect,       "listen 80", "listen 80 7\r",    "version", "attach 1 64",
	        "unlisten 77", "listen 0",  "resolve nas.coyo", start,     NULL};
	const char *const answer[] = {
	        ok, accepted, "ok 1", "error ETIMEDOUT no answer", segment, "listening 77 40000",
	        is, NULL};

	snprintf(connect, sizeof(connect), "connect %s 22", id);
	snprintf(ok, sizeof(ok), "ok %s 40000", id);
	snprintf(start, sizeof(start), "name %.24s", id);
	snprintf(is, sizeof(is), "is %s nas", id);
	snprintf(accepted, sizeof(accepted), "accept %s 40001", id);
	snprintf(segment, sizeof(segment), "segment 2 64 65536 %s", id);
	texts(folder, "json", -1, json);
	texts(folder, "ctl", -1, ctl);
	texts(folder, "appline", '0', request);
	texts(folder, "appline", '1', answer);
}

/* Names, ids in both forms, and a file of names. */
static void names(const char *folder, const char *id, const char *host)
{
	char file[600];
	const char *const text[] = {id,  host, "NAS.home.coyo.", "a-1.b2", file, "a.coyo.coyo",
	                            NULL};

	snprintf(file, sizeof(file), "# mine\n%s nas box.coyo\t# both\r\n\n%s phone", id, host);
	texts(folder, "names", -1, text);
}

/* A list of names with everything that a list can have, and one with as little. */
static void lists(const char *folder, const struct identity *me)
{
	struct vouched v = {.serial = 1700000000000, .expires = 1800000000, .label = "alice"};
	char *text = malloc(VOUCHED_TEXT_MAX);

	if (!text || names_add(&v.names, "nas.home", &me->id) != 0 ||
	    names_add(&v.names, "phone", &me->id) != 0)
		exit(1);
	save(folder, "vouched", 0, text, vouch_make(me, &v, text));
	vouched_free(&v);
	v.expires = 0;
	v.label[0] = '\0';
	save(folder, "vouched", 1, text, vouch_make(me, &v, text));
	free(text);
}

/* Requests of clients of the proxy, whole, behind a byte that says whether they have to say who they are. */
static void proxied(const char *folder)
{
#define SEED(first, text) {first text, sizeof(first text) - 1}
	static const struct {
		const char *p;
		size_t n;
	} seeds[] = {
	        SEED("\0", "\5\1\0\5\1\0\3\4name\0\120GET"),
	        SEED("\2", "\5\1\0\5\1\0\1\177\0\0\1\0\120"),
	        SEED("\4", "\5\2\0\2\5\3\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\1"),
	        SEED("\1", "\5\1\2\1\1a\1b\5\1\0\3\1x\0\1"),
	        SEED("\0", "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n"),
	        SEED("\1", "CONNECT [::1]:1 HTTP/1.1\r\nProxy-Authorization: Basic YTpi\r\n\r\n"),
	        SEED("\0", "GET http://x:8/a?b HTTP/1.1\r\nHost: y\r\nConnection: Z, close\r\nZ: "
	                   "1\r\n\r\n"),
	        SEED("\0", "\5\1\0\5\3\0\1\0\0\0\0\0\0"),
	        SEED("\200", "\0\0\0\1\177\0\0\1\0\120data"),
	        SEED("\200", "\0\0\0\3\4name\0\065data"),
	        SEED("\200", "\0\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\1"),
	        SEED("\200", "\0\0\1\3\4name\0\065a fragment"),
	        SEED("\1", "POST http://x HTTP/1.0\nProxy-Authorization: Basic YTpi\nA:\n\nbody"),
	};
#undef SEED

	static const char start[] = "\1CONNECT x:1 HTTP/1.1\r\nProxy-Authorization: Basic ";
	/* A name and a password that are nearly as long as there is room for. */
	char longest[sizeof(start) + 680 + 4];
	unsigned i;

	for (i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		save(folder, "proxy", i, seeds[i].p, seeds[i].n);
	memcpy(longest, start, sizeof(start) - 1);
	memset(longest + sizeof(start) - 1, 'Y', 680);
	memcpy(longest + sizeof(start) - 1 + 680, "\r\n\r\n", 4);
	save(folder, "proxy", i, longest, sizeof(start) - 1 + 680 + 4);
}

/* Questions to the resolver: for a name, an id, the zone, an address; with options, of a key, of another class; and one that is an answer. */
static void questions(const char *folder)
{
#define HEAD(additional) "\1\2\1\0\0\1\0\0\0\0\0" additional
#define OPT              "\0\0\51\4\320\0\0\0\0\0\0"
#define SEED(text)       {text, sizeof(text) - 1}
#define TEN              "aaaaaaaaaa"
#define NIBBLES          \
	"\1a\1b\1c\1d\1" \
	"0\1"            \
	"1\1"            \
	"2\1"            \
	"3\1"            \
	"4\1"            \
	"5"
	static const struct {
		const char *p;
		size_t n;
	} seeds[] = {
	        SEED(HEAD("\0") "\1n\4coyo\0\0\34\0\1"),
	        SEED(HEAD("\1") "\3not\4coyo\0\0\1\0\1" OPT),
	        SEED(HEAD("\1") "\2ex\4coyo\0\0\34\0\1" OPT),
	        SEED(HEAD("\0") "\4coyo\0\0\6\0\1"),
	        SEED(HEAD("\0") "\4coyo\0\0\2\0\1"),
	        SEED(HEAD("\0") NIBBLES NIBBLES NIBBLES "\1d\1f\3ip6\4arpa\0\0\14\0\1"),
	        SEED(HEAD("\1") "\1n\4coyo\0\0\34\0\1\3key\300\14\0\372\0\377\0\0\0\0\0\3abc"),
	        SEED(HEAD("\1") "\73" TEN TEN TEN TEN TEN "aaaaaaaaa\74" TEN TEN TEN TEN TEN TEN
	                        "\4coyo\0\0\34\0\1\0\0\51\2\0\0\0\0\0\0"
	                        "\0"), /* as long as names are */
	        SEED(HEAD("\0") "\7version\4bind\0\0\20\0\3"),
	        SEED("\1\2\200\0\0\1\0\0\0\0\0\0\1n\4coyo\0\0\34\0\1"),
	};
#undef NIBBLES
#undef TEN
#undef SEED
#undef OPT
#undef HEAD

	for (unsigned i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		save(folder, "dns", i, seeds[i].p, seeds[i].n);
}

/* Snapshots of no contact, of one and of a few; and one of more than a bucket takes, and than the table has room for at first. */
static void snapshots(const char *folder, const struct rng *rng)
{
	static const unsigned counts[] = {0, 1, 3, 80};
	static uint8_t buf[16384];

	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct wr w = wr_init(buf, sizeof(buf));

		wr_be32(&w, 0x49504359);
		wr_be16(&w, 2);
		wr_be16(&w, (uint16_t)counts[i]);
		wr_be64(&w, 500);
		for (unsigned k = 0; k < counts[i]; k++) {
			struct contact_info c = {.seq = k,
			                         .ntrees = (uint8_t)(counts[i] < 80 ? k % 3 : 0)};

			rng_fill(rng, c.id.b, ID_BYTES);
			for (unsigned t = 0; t < c.ntrees; t++) {
				c.place[t].root = 77;
				(void)!coords_push(&c.place[t].coords, 3);
			}
			contact_info_write(&w, &c);
		}
		save(folder, "snapshot", i, buf, wr_len(&w));
	}
}

int main(int argc, char **argv)
{
	struct rng_seeded s;
	struct rng rng;
	struct identity me;
	char text[IDENTITY_TEXT_MAX], plain[ID_TEXT_LEN + 1];

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
	id_to_text(&me.id, plain);
	names(argv[1], plain, text);
	id_to_text(&me.id, text);
	lines(argv[1], text);
	proxied(argv[1]);
	questions(argv[1]);
	snapshots(argv[1], &rng);
	lists(argv[1], &me);
	return 0;
}
