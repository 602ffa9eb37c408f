/* SPDX-License-Identifier: BSD-3-Clause */
/* A daemon's configuration: read from an INI text into structs, every error found in one pass, each with file and line. */
#pragma once
#include "options.h"
#include "base/cc.h"
#include "names/names.h"
#include "wire/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_KEYS_MAX     24   /* options in one section */
#define CONF_LINE_MAX     1024 /* bytes of one line */
#define CONF_FILE_MAX     (8u << 20)
#define CONF_ERRORS_MAX   50 /* reported one by one; the rest is counted */
#define CONF_LINKS_MAX    4096
#define CONF_PORTS_MAX    32
#define CONF_LISTENS_MAX  64
#define CONF_LSPS_MAX     4096
#define CONF_FORWARDS_MAX 256

/* One type per kind of value. */
typedef char conf_str_t[64];
typedef char conf_path_t[256];
typedef char conf_device_t[192];
typedef uint64_t conf_uint_t;
typedef uint64_t conf_size_t;
typedef uint64_t conf_mode_t;
typedef bool conf_flag_t;
typedef int conf_choice_t; /* index into the row's choices */
typedef struct {
	bool on;
	uint32_t rate; /* 0: unlimited */
} conf_rate_t;
typedef struct {
	uint8_t family; /* 4, 6; 0: not given */
	uint16_t port;
	uint8_t addr[16]; /* network byte order, the first 4 of IPv4 */
} conf_addr_t;
#define CONF_ENDS_MAX 8 /* addresses of one neighbour */
typedef struct {
	uint8_t n;
	conf_addr_t v[CONF_ENDS_MAX]; /* different ones, in the order of the file */
} conf_ends_t;
typedef struct node_id conf_id_t;
enum conf_where {
	CONF_WHERE_NONE = 0,
	CONF_WHERE_ADDRESS, /* addr */
	CONF_WHERE_HERE,    /* coyo:PORT, a port of this node */
	CONF_WHERE_ID,
	CONF_WHERE_NAME, /* that [names] does not have */
};
typedef struct {
	uint8_t kind; /* enum conf_where */
	uint16_t port;
	conf_addr_t addr;
	struct node_id id;
	char name[64];
} conf_where_t;
typedef uint8_t conf_mac_t[6];
typedef char conf_accept_t[CONF_LINE_MAX];
typedef char conf_allow_t[CONF_LINE_MAX];
typedef uint8_t conf_byte_t; /* hexadecimal in the file */
typedef struct {
	uint32_t first, last;
} conf_labels_t;

enum conf_kind {
	CONF_str = 1,
	CONF_path,
	CONF_device,
	CONF_uint,
	CONF_size,
	CONF_mode,
	CONF_flag,
	CONF_choice,
	CONF_rate,
	CONF_addr,
	CONF_id,
	CONF_mac,
	CONF_labels,
	CONF_accept,
	CONF_ends,
	CONF_allow,
	CONF_byte,
	CONF_where,
};

enum conf_section {
	CONF_SEC_NODE = 0,
	CONF_SEC_WORKER,
	CONF_SEC_API,
	CONF_SEC_TUN,
	CONF_SEC_PORT,
	CONF_SEC_LINK,
	CONF_SEC_LISTEN,
	CONF_SEC_LSP,
	CONF_SEC_FORWARD,
	CONF_SEC_NAMES, /* free keys: NAME = ID, and `file` */
	CONF_SECTIONS,
};

/* What every section has in common: the first member of each section's struct. */
struct conf_head {
	char name[32];  /* [link NAME] */
	uint32_t line;  /* of the section; 0: absent, all defaults */
	uint32_t given; /* bit per option of the section that the file sets */
	uint32_t lines[CONF_KEYS_MAX];
};

#define CONF_FIELD(S, field, key, kind, ...) conf_##kind##_t field;
struct conf_node {
	struct conf_head head;
	CONF_NODE_OPTIONS(CONF_FIELD, )
};
struct conf_worker {
	struct conf_head head;
	CONF_WORKER_OPTIONS(CONF_FIELD, )
};
struct conf_api {
	struct conf_head head;
	CONF_API_OPTIONS(CONF_FIELD, )
};
struct conf_tun {
	struct conf_head head; /* line 0: there is no TUN */
	CONF_TUN_OPTIONS(CONF_FIELD, )
};
struct conf_port {
	struct conf_head head;
	CONF_PORT_OPTIONS(CONF_FIELD, )
};
struct conf_link {
	struct conf_head head;
	CONF_LINK_OPTIONS(CONF_FIELD, )
};
struct conf_listen {
	struct conf_head head;
	CONF_LISTEN_OPTIONS(CONF_FIELD, )
};
struct conf_lsp {
	struct conf_head head;
	CONF_LSP_OPTIONS(CONF_FIELD, )
};
struct conf_forward {
	struct conf_head head;
	CONF_FORWARD_OPTIONS(CONF_FIELD, )
	bool failed; /* the daemon's: it could not begin */
};

enum { CONF_IDLE_ADAPTIVE = 0, CONF_IDLE_BUSY = 1 };
enum { CONF_HUGE_AUTO = 0, CONF_HUGE_YES = 1, CONF_HUGE_NO = 2 };
enum { CONF_TYPE_UDP_SOCKET = 0, CONF_TYPE_ETHERNET = 1 };

struct conf {
	char file[256];
	struct conf_node node;
	struct conf_worker worker;
	struct conf_api api;
	struct conf_tun tun;
	struct conf_port *ports;
	struct conf_link *links;
	struct conf_listen *listens;
	struct conf_lsp *lsps;
	struct conf_forward *forwards;
	struct names names; /* in the order of the file, then in that of names_file */
	uint32_t nports, nlinks, nlistens, nlsps, nforwards;
	uint32_t names_line;    /* of [names]; 0: absent */
	conf_path_t names_file; /* `file` of [names]; "": none */
};

/* Collected errors: `FILE:LINE: text` lines in text (owned; free with conf_errors_free). */
struct conf_errors {
	const char *file;
	char *text;
	size_t len, cap;
	uint32_t count;
};
/* Adds one error. line 0: the error concerns the whole file. Beyond CONF_ERRORS_MAX, or without memory for the text, it is only counted. */
void conf_error(struct conf_errors *e, uint32_t line, const char *fmt, ...) COYO_PRINTF(3, 4);
/* Frees the text and forgets the errors; the file's name stays. */
void conf_errors_free(struct conf_errors *e);

/* One row of the options table. */
struct conf_option {
	const char *key;
	uint8_t kind; /* enum conf_kind */
	uint16_t offset;
	int64_t lo, hi;
	const char *choices, *def, *help;
};
struct conf_section_info {
	const char *name;
	bool named; /* [port NAME] */
	const struct conf_option *options;
	uint32_t noptions;
};
extern const struct conf_section_info conf_sections[CONF_SECTIONS];

/* Index of a key in its section, or -1. */
int conf_option_index(enum conf_section s, const char *key);
/* Whether the file sets this option in this section. */
bool conf_given(const struct conf_head *h, enum conf_section s, const char *key);

/* Reads one value into its field at base. On failure writes into why what would have been right and returns -EINVAL. */
int conf_value_parse(const struct conf_option *o, const char *text, void *base, char *why,
                     size_t whycap) COYO_NODISCARD;
/* Writes the value as it would stand in the file. Always NUL-terminated; cut off at cap. */
void conf_value_format(const struct conf_option *o, const void *base, char *out, size_t cap);
/* `1..16`, `yes|no`, ... for errors and manuals. */
void conf_value_range(const struct conf_option *o, char *out, size_t cap);
/* An end of a forward as it would stand in the file; an empty text where there is none. */
void conf_where_format(const conf_where_t *w, char *out, size_t cap);

/* Adds the names of the file that line `line` names, and an error for each line of it that is wrong. */
typedef void conf_names_fn(struct conf *c, uint32_t line, struct conf_errors *e);
/* Reads a text, as if it came from `file`, and with names_file the file of names that it names; NULL: it is left out. Every error is
 * collected. Returns 0 or -EINVAL; conf_free() either way. */
int conf_parse(struct conf *c, const char *file, const char *text, size_t len,
               conf_names_fn *names_file, struct conf_errors *e) COYO_NODISCARD;
/* Reads a file as conf_parse() reads a text, and the file of names that it names; conf_free() either way. */
int conf_load(struct conf *c, const char *file, struct conf_errors *e) COYO_NODISCARD;
/* Reads a text as conf_load() reads a file; the text is called `file` in errors. */
int conf_load_text(struct conf *c, const char *file, const char *text, size_t len,
                   struct conf_errors *e) COYO_NODISCARD;
/* Frees what parsing allocated; c is then all zeroes. */
void conf_free(struct conf *c);
/* What no single value shows: options that contradict each other, names that name nothing. Called by conf_parse(). */
void conf_check(const struct conf *c, struct conf_errors *e);
/* Checks that the state directory exists and can be written; otherwise -EINVAL with an error at its line. */
int conf_state_check(const struct conf *c, struct conf_errors *e) COYO_NODISCARD;

/* ---- Whom a listener accepts (accept.c) ---- */
enum conf_accept_mode { CONF_ACCEPT_ANY = 0, CONF_ACCEPT_NONE, CONF_ACCEPT_IDS, CONF_ACCEPT_FILE };

/* What kind of thing a value of `accept` is: a file where it has a slash. */
enum conf_accept_mode conf_accept_mode(const char *text);
/* -EINVAL: not a value of `accept`; why says what would be. */
int conf_accept_parse(const char *text, char *why, size_t cap) COYO_NODISCARD;
/* The ids that a value of `accept` names, itself or in its file, for the caller to free. -EINVAL, -ENOMEM: one sentence is in why. */
int conf_accept_ids(const char *accept, struct node_id **v, uint32_t *n, char *why,
                    size_t cap) COYO_NODISCARD;
/* Rewrites such a file with or without one id; other lines stay. It is replaced as a whole. -EINVAL: one sentence is in why. */
int conf_accept_change(const char *path, const struct node_id *id, bool add, char *why,
                       size_t cap) COYO_NODISCARD;
/* Reads the files that listeners and forwards name. -EINVAL with an error at the line of each that is missing or wrong. */
int conf_accept_check(const struct conf *c, struct conf_errors *e) COYO_NODISCARD;
