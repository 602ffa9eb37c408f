/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration: every kind of mistake is named with its line, the sample and the profiles are right, the manual is whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf.h"
#include "key.h"
#include "crypto/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID                                                                                         \
	"zt3xzfdtbyeyriyadfga6qrvpf52ld5ujtsb3rktk544znklo2ophwu7pitbuz6weckbdykvzqo6gfl6lhfthfvk" \
	"dvzaybt356pijlbhveaq"
#define NODE  "[node]\nkey = k\n"
#define API   "[api]\nsocket = /s\n"
#define UDP   "[link l]\ntype = udp-socket\nlocal = 127.0.0.1:1\nremote = 127.0.0.1:2\n"
#define WAITS "[link l]\ntype = udp-socket\nlocal = 127.0.0.1:1\n"
#define ETH   "[port p]\ndevice = net_null0\n[link l]\ntype = ethernet\nport = p\n"
#define STATIC \
	"[port p]\ndevice = x\n[link l]\ntype = ethernet\nport = p\nseal = no\ncontrol = no\n"

struct bad {
	const char *text;
	const char *expected; /* within the errors */
	unsigned count;       /* errors in all; 0: at least one */
};

static const struct bad bads[] = {
        /* the reader */
        {NODE "nonsense\n", "t:3: expected `key = value`", 1},
        {NODE "[link\n", "t:3: a section starts with [", 1},
        {NODE "[api] x\n", "t:3: nothing may follow", 1},
        {NODE "[ ]\n", "t:3: the section has no name", 1},
        {NODE "= 3\n", "t:3: there is no key before", 1},
        {"key = k\n" NODE, "t:1: `key` stands before the first section", 1},
        {"", "t: [node] with `key = ...` is missing", 1},
        /* the TUN */
        {NODE "[tun]\nprefix = 20\n", "t:4: prefix = 20 would take addresses of the Internet", 1},
        {NODE "[tun]\nprefix = ff\n", "expected a byte 01..fd, hexadecimal", 1},
        {NODE "[tun]\nprefix = 0xfd\n", "expected a byte 01..fd, hexadecimal", 1},
        {NODE "[tun]\nmtu = 1279\n", "expected a number 1280..1500", 1},
        {NODE "[tun]\nname = sixteen-letters-\n", "expected text of 1..15 characters", 1},
        {NODE "[tun]\nallow = ssh\n", "t:4: allow: `ssh` is not allowed; expected none, or rules",
         1},
        {NODE "[tun]\n[tun]\n", "t:4: duplicate section [tun]", 1},
        /* listeners */
        {NODE "[listen d]\n", "t:3: [listen d] needs `local = ...`", 1},
        {NODE "[listen d]\nlocal = 127.0.0.1:0\n", "t:4: local: `127.0.0.1:0` is not allowed", 1},
        {NODE UDP "[listen d]\nlocal = 127.0.0.1:1\n",
         "t:8: [listen d] uses the same local address as [link l] in line 3", 1},
        {NODE UDP "[listen l]\nlocal = 127.0.0.1:3\n",
         "t:7: [listen l] has the name of [link l] in line 3", 1},
        {NODE "[listen d]\nlocal = 0.0.0.0:3\n[listen e]\nlocal = 0.0.0.0:3\n",
         "t:6: [listen e] uses the same local address as [listen d] in line 3", 1},
        {NODE "[listen d]\nlocal = 0.0.0.0:3\nmax = 4097\n", "t:5: max: `4097` is not allowed", 1},
        {NODE "[listen d]\nlocal = 0.0.0.0:3\nmtu = 1199\n", "t:5: mtu: `1199` is not allowed", 1},
        {NODE "[listen d]\nlocal = 0.0.0.0:3\nmtu = 1200\nmax = 0\n",
         "t:6: max: `0` is not allowed", 1},
        {NODE "[listen d]\nlocal = 0.0.0.0:3\naccept = all\n", "t:5: accept: `all` is not allowed",
         1},
        /* unknown names */
        {NODE "kez = 1\n", "t:3: unknown option `kez` in [node]; did you mean `key`?", 1},
        {NODE "hello_active_ms = 100\n", "did you mean `hello-active-ms`?", 1},
        {NODE "punt-rate = 1\n",
         "t:3: unknown option `punt-rate` in [node]; it belongs in [worker]", 1},
        {NODE "wombat = 1\n", "unknown option `wombat` in [node]; coyod.conf(5)", 1},
        {NODE "[wroker]\ncount = 2\n", "t:3: unknown section [wroker]; did you mean [worker]?", 1},
        {NODE "[metrics]\nlisten = 1\n", "t:3: unknown section [metrics]; there are", 1},
        /* duplicates */
        {NODE "key = k\n", "t:3: duplicate option `key`; the first is in line 2", 1},
        {NODE "[node]\n", "t:3: duplicate section [node]; the first is in line 1", 1},
        {NODE UDP "[link l]\ntype = udp-socket\nlocal = 127.0.0.1:9\n",
         "t:7: duplicate section [link l]; the first is in line 3", 1},
        {NODE "[names]\na = " ID "\na = " ID "\n", "t:5: duplicate name `a`", 1},
        /* values */
        {NODE "[worker]\ncount = 17\n", "t:4: count: `17` is not allowed; expected a number 1..16",
         1},
        {NODE "[worker]\ncount = 0\n", "expected a number 1..16", 1},
        {NODE "[worker]\ncount = -1\n", "expected a number 1..16", 1},
        {NODE "[worker]\ncount = 2x\n", "expected a number 1..16", 1},
        {NODE "[worker]\ncount =\n", "count: `` is not allowed", 1},
        {NODE "[worker]\ncount = 99999999999999999999999\n", "expected a number 1..16", 1},
        {NODE "[worker]\nidle = lazy\n", "idle: `lazy` is not allowed; expected adaptive|busy", 1},
        {NODE "[worker]\nidle = adaptiv\n", "expected adaptive|busy", 1},
        {NODE "[worker]\ntcp-sndbuf = 1T\n", "tcp-sndbuf: `1T` is not allowed; expected bytes", 1},
        {NODE "[worker]\ntcp-sndbuf = 2G\n", "expected bytes 16384..1073741824", 1},
        {NODE "transit = maybe\n", "transit: `maybe` is not allowed; expected yes|no or a number",
         1},
        {NODE "transit = 0\n", "transit: `0` is not allowed", 1},
        {NODE "control-mode = 0888\n", "octal permissions", 1},
        {NODE "control-mode = 1777\n", "octal permissions", 1},
        {NODE "network = 4294967296\n", "expected a number 0..4294967295", 1},
        {NODE "[link l]\ntype = udp-socket\nlocal = 127.0.0.1\n", "t:5: local: `127.0.0.1` is not",
         0},
        {NODE "[link l]\ntype = udp-socket\nlocal = 127.0.0.1:65536\n", "port 0..65535", 0},
        {NODE "[link l]\ntype = udp-socket\nlocal = ::1:5\n", "[IPV6]:PORT", 0},
        {NODE "[link l]\ntype = udp-socket\nlocal = [::1:5\n", "[IPV6]:PORT", 0},
        {NODE "[link l]\ntype = udp-socket\nlocal = example.org:5\n", "numeric", 0},
        {NODE UDP "peer = abc\n", "t:7: peer: ", 1},
        {NODE UDP "mtu = 9000\n", "mtu: `9000` is not allowed; expected a number 1200..1500", 1},
        {NODE UDP "seal = maybe\n", "seal: `maybe` is not allowed; expected yes|no", 1},
        {NODE ETH "mac = 01:00:00:00:00:01\n", "a unicast address", 1},
        {NODE ETH "mac = 02:00:00:00:00\n", "a unicast address", 1},
        {NODE ETH "vlan = 4095\n", "vlan: `4095` is not allowed; expected a number 1..4094", 1},
        {NODE "[names]\nx = " ID "a\n", "t:4: x: ", 1},
        {NODE "[names]\nx/y = " ID "\n", "t:4: x/y: `x/y` is no name", 1},
        {NODE "[link]\ntype = ethernet\n", "t:3: [link NAME] needs a name", 1},
        {NODE "[link a b]\n", "[link NAME] needs a name", 1},
        {NODE "[worker x]\n", "[worker] takes no name", 1},
        /* across options */
        {NODE "[link l]\nlocal = 127.0.0.1:1\n", "t:3: [link l] needs `type = ...`", 1},
        {NODE "[link l]\ntype = udp-socket\n", "t:3: [link l] needs `local = ADDRESS:PORT`", 1},
        {NODE "[link l]\ntype = ethernet\n", "t:3: [link l] of type ethernet needs `port = NAME`",
         1},
        {NODE "[link l]\ntype = ethernet\nport = p\n", "t:5: there is no [port p]", 1},
        {NODE UDP "vlan = 5\n", "t:7: `vlan` belongs to links of type ethernet", 1},
        {NODE ETH "remote = 127.0.0.1:5\n", "`remote` belongs to links of type udp-socket", 1},
        {NODE ETH "check-mac = yes\n", "check-mac = yes needs `mac", 1},
        {NODE UDP "seal = no\n", "t:7: seal = no over IP lets anybody", 1},
        {NODE UDP "control = no\n", "t:7: control = no needs seal = no", 1},
        {NODE ETH "remote = 127.0.0.1:5, 127.0.0.1:6\n",
         "t:8: `remote` belongs to links of type udp-socket", 1},
        {NODE UDP "remote = 127.0.0.1:3\n",
         "t:7: duplicate option `remote`; the first is in line 6; several addresses stand in one",
         1},
        {NODE WAITS "remote = 127.0.0.1:2, 127.0.0.1:3,127.0.0.1:2\n",
         "t:6: remote: 127.0.0.1:2 stands there twice", 1},
        {NODE WAITS "remote = 127.0.0.1:2,\n", "t:6: remote: `` is not allowed", 1},
        {NODE WAITS "remote = 127.0.0.1:2 127.0.0.1:3\n",
         "t:6: remote: `127.0.0.1:2 127.0.0.1:3` is not allowed", 1},
        {NODE WAITS "remote = 127.0.0.1:2, 127.0.0.1:0\n",
         "t:6: remote: `127.0.0.1:0` is not allowed; expected IPV4:PORT", 1},
        {NODE WAITS "remote = 1.1.1.1:1,1.1.1.1:2,1.1.1.1:3,1.1.1.1:4,1.1.1.1:5,1.1.1.1:6,"
                    "1.1.1.1:7,1.1.1.1:8,1.1.1.1:9\n",
         "t:6: remote: there are more than 8 addresses", 1},
        {NODE WAITS "remote = 127.0.0.1:2, [::1]:2\n", "t:6: local is IPv4 and remote is IPv6", 1},
        {NODE "[link l]\ntype = udp-socket\nlocal = [::1]:1\nremote = [::1]:2, 127.0.0.1:2\n",
         "t:6: local is IPv6 and remote is IPv4", 1},
        {NODE WAITS "seal = no\ntrusted = yes\nremote = 127.0.0.1:2, 127.0.0.1:3\n",
         "t:8: seal = no allows one remote only", 1},
        {NODE "[link l]\ntype = udp-socket\nlocal = 127.0.0.1:1\nremote = [::1]:2\n",
         "t:6: local is IPv4 and remote is IPv6", 1},
        {NODE "[link l]\ntype = udp-socket\nlocal = 127.0.0.1:0\n", "needs a port other than 0", 1},
        {NODE UDP "[link m]\ntype = udp-socket\nlocal = 127.0.0.1:1\nremote = 127.0.0.1:3\n",
         "t:9: [link m] uses the same local address as [link l] in line 3", 1},
        {NODE "rekey-s = 300\n", "key-reject-s = 180 must be above rekey-s = 300", 1},
        {NODE "tunnel-idle-s = 90\n", "tunnel-forget-s = 60 must be above tunnel-idle-s = 90", 1},
        {NODE "hello-idle-ms = 100\n", "t:3: hello-idle-ms = 100 must not be below", 1},
        {NODE "control = /x\n[api]\nsocket = /x\n", "t:5: socket is the same path as control", 1},
        /* forwards */
        {NODE API "[forward f]\n", "t:5: [forward f] needs `listen = ...`", 2},
        {NODE API "[forward f]\nlisten = 127.0.0.1:0\nto = " ID ":80\n",
         "t:6: listen: `127.0.0.1:0` is not allowed; expected IPV4:PORT", 1},
        {NODE API "[forward f]\nlisten = 127.0.0.1:80\nto = a" ID ":80\n",
         "t:7: to: an id has 108 characters", 1},
        {NODE API "[forward f]\nlisten = 127.0.0.1:80\nto = 127.0.0.1:81\n",
         "t:7: [forward f] listens on an address of this machine, so `to` takes ID:PORT", 1},
        {NODE API "[forward f]\nlisten = 127.0.0.1:80\nto = coyo:81\n",
         "t:7: [forward f] listens on", 1},
        {NODE API "[forward f]\nlisten = 127.0.0.1:80\nto = east:81\n",
         "t:7: [names] has no `east`", 1},
        {NODE API "[forward f]\nlisten = 127.0.0.1:80\nto = " ID ":81\nallow = any\n",
         "t:8: `allow` belongs to forwards with `listen = coyo:PORT`", 1},
        {NODE API "[forward f]\nlisten = coyo:80\nto = 127.0.0.1:81\n",
         "t:5: [forward f] needs `allow = ID ...`, or any", 1},
        {NODE API "[forward f]\nlisten = coyo:80\nto = " ID ":81\nallow = any\n",
         "t:7: [forward f] listens on a port of this node, so `to` takes IPV4:PORT", 1},
        {NODE API "[forward f]\nlisten = " ID ":80\nto = 127.0.0.1:81\n",
         "t:6: [forward f] listens on IPV4:PORT, [IPV6]:PORT or coyo:PORT", 1},
        {NODE API "[forward f]\nlisten = coyo:80\nto = 127.0.0.1:81\nallow = some\n",
         "t:8: allow: `some` is not allowed", 2},
        {NODE "[forward f]\nlisten = coyo:80\nto = 127.0.0.1:81\nallow = any\n",
         "t:3: [forward f] needs `socket = ...` in [api]", 1},
        {NODE API "[forward f]\nlisten = coyo:80\nto = 127.0.0.1:81\nallow = any\n"
                  "[forward g]\nlisten = coyo:80\nto = 127.0.0.1:82\nallow = any\n",
         "t:10: [forward g] listens where [forward f] in line 5 does", 1},
        {NODE API "[forward f]\nlisten = [::1]:80\nto = " ID
                  ":1\n[forward g]\nlisten = [0:0::1]:80\n"
                  "to = " ID ":2\n",
         "t:9: [forward g] listens where [forward f] in line 5 does", 1},
        {NODE "[lsp a]\nin-link = l\nin-label = 16-20\nout-link = l\nout-label = 16-21\n" STATIC,
         "t:7: out-label has 6 labels and in-label 5", 1},
        {NODE "[lsp a]\nin-link = x\nin-label = 16\nout-link = l\nout-label = 17\n" STATIC,
         "t:4: there is no [link x]", 1},
        {NODE "[lsp a]\nin-link = l\nin-label = 16\nout-link = l\nout-label = 17\n" ETH,
         "is run by the control plane", 2},
        {NODE "[lsp a]\nin-link = l\nin-label = 3\nout-link = l\nout-label = 17\n" STATIC,
         "a label 16..1048575", 1},
        {NODE "[lsp a]\nin-link = l\nin-label = 20-16\nout-link = l\nout-label = 17\n" STATIC,
         "in-label: `20-16`", 0},
        {NODE "[lsp a]\nin-link = l\nin-label = 16-20\nout-link = l\nout-label = 16-20\n"
              "[lsp b]\nin-link = l\nin-label = 20-21\nout-link = l\nout-label = 30-31\n" STATIC,
         "t:10: labels overlap those of [lsp a] in line 3", 1},
        /* all at once */
        {"[node]\nnmae = x\n[worker]\ncount = 99\n[lnk x]\n", "t:2: unknown option `nmae`", 4},
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
		struct conf c;
		struct conf_errors e = {0};
		int rc = conf_parse(&c, "t", bads[i].text, strlen(bads[i].text), NULL, &e);

		if (rc == 0 || !strstr(e.text, bads[i].expected) ||
		    (bads[i].count && e.count != bads[i].count))
			fail_msg("case %zu: %s\nexpected %s (%u)\ngot (%u)\n%s", i, bads[i].text,
			         bads[i].expected, bads[i].count, e.count, e.text ? e.text : "");
		conf_errors_free(&e);
		conf_free(&c);
	}
}

static void test_good(void **state)
{
	static const char text[] =
	        "; comment\r\n# another\n[node]\r\nkey = /k  # here\nname = t1\ntransit = 25\n"
	        "[worker]\ncount=3\nidle = busy\ntcp-rcvbuf = 64K\n" UDP "peer = " ID
	        "\nmtu = 1400\n[link m]\ntype = udp-socket\nlocal = [::]:77\n[names]\nb = " ID "\n";
	struct conf c;
	struct conf_errors e = {0};

	(void)state;
	assert_int_equal(conf_parse(&c, "t", text, strlen(text), NULL, &e), 0);
	assert_int_equal(e.count, 0);
	assert_string_equal(c.node.key, "/k");
	assert_string_equal(c.node.name, "t1");
	assert_true(c.node.transit.on);
	assert_int_equal(c.node.transit.rate, 25);
	assert_int_equal(c.node.hello_active_ms, 250);
	assert_int_equal(c.worker.count, 3);
	assert_int_equal(c.worker.idle, CONF_IDLE_BUSY);
	assert_int_equal(c.worker.tcp_rcvbuf, 65536);
	assert_int_equal(c.worker.tcp_sndbuf, 4 << 20);
	assert_int_equal(c.nlinks, 2);
	assert_string_equal(c.links[0].head.name, "l");
	assert_int_equal(c.links[0].mtu, 1400);
	assert_int_equal(c.links[0].remote.n, 1);
	assert_int_equal(c.links[0].remote.v[0].family, 4);
	assert_int_equal(c.links[0].remote.v[0].port, 2);
	assert_int_equal(c.links[0].remote.v[0].addr[0], 127);
	assert_true(conf_given(&c.links[0].head, CONF_SEC_LINK, "peer"));
	assert_int_equal(c.links[1].local.family, 6);
	assert_false(conf_given(&c.links[1].head, CONF_SEC_LINK, "remote"));
	assert_non_null(names_find(&c.names, "b"));
	assert_true(id_eq(&names_find(&c.names, "b")->id, &c.links[0].peer));
	assert_string_equal(names_of(&c.names, &c.links[0].peer)->name, "b");
	assert_null(names_find(&c.names, "c"));
	conf_free(&c);
	conf_errors_free(&e);
}

/* One link's neighbour at several addresses: read in their order, of both families where the link's own address does not stand against it, and
 * written as they stand in the file. */
static void test_several_remotes(void **state)
{
	static const char *const texts[] = {
	        NODE WAITS "remote = 127.0.0.1:2, 127.0.0.1:3\n",
	        NODE "[link l]\ntype = udp-socket\nremote =  127.0.0.1:2 ,[::1]:3\n",
	        NODE "[link l]\ntype = udp-socket\nlocal = [::]:9\nremote = 127.0.0.1:2, [::1]:3\n",
	};
	const struct conf_option *o =
	        &conf_sections[CONF_SEC_LINK].options[conf_option_index(CONF_SEC_LINK, "remote")];
	struct conf_errors e = {0};
	struct conf c;
	char text[128];

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(conf_parse(&c, "t", texts[i], strlen(texts[i]), NULL, &e), 0);
		assert_int_equal(c.links[0].remote.n, 2);
		assert_int_equal(c.links[0].remote.v[0].port, 2);
		assert_int_equal(c.links[0].remote.v[1].port, 3);
		assert_int_equal(c.links[0].remote.v[1].family, i == 0 ? 4 : 6);
		conf_value_format(o, &c.links[0], text, sizeof(text));
		assert_string_equal(text,
		                    i == 0 ? "127.0.0.1:2, 127.0.0.1:3" : "127.0.0.1:2, [::1]:3");
		conf_free(&c);
	}
	conf_errors_free(&e);
}

/* Defaults lie in their ranges, and what is written is what is read. */
static void test_round_trip(void **state)
{
	static const char *const samples[] = {[CONF_str] = "x",
	                                      [CONF_path] = "/x",
	                                      [CONF_device] = "net_null0",
	                                      [CONF_flag] = "yes",
	                                      [CONF_mode] = "0660",
	                                      [CONF_addr] = "[2001:db8::1]:6635",
	                                      [CONF_id] = ID,
	                                      [CONF_mac] = "02:00:00:00:00:01",
	                                      [CONF_labels] = "16-99",
	                                      [CONF_ends] = "127.0.0.1:1, [::1]:2",
	                                      [CONF_accept] = "none",
	                                      [CONF_where] = "coyo:80"};
	static union {
		struct conf_node node;
		struct conf_worker worker;
		struct conf_link link;
		struct conf_lsp lsp;
		struct conf_tun tun;
		struct conf_forward forward;
	} base;

	(void)state;
	for (unsigned s = 0; s < CONF_SECTIONS; s++)
		for (uint32_t i = 0; i < conf_sections[s].noptions; i++) {
			const struct conf_option *o = &conf_sections[s].options[i];
			const char *text = o->def && *o->def ? o->def : NULL;
			char number[24], why[200], out[300];

			snprintf(number, sizeof(number), "%lld", (long long)o->hi);
			if (!text)
				text = o->kind == CONF_choice ? "ethernet"
				       : o->kind == CONF_uint ? number
				                              : samples[o->kind];
			memset(&base, 0, sizeof(base));
			if (conf_value_parse(o, text, &base, why, sizeof(why)))
				fail_msg("%s = %s: %s", o->key, text, why);
			conf_value_format(o, &base, out, sizeof(out));
			assert_string_equal(out, text);
			assert_true(strlen(o->help) > 10);
		}
}

static char *slurp(const char *name)
{
	char path[512];
	FILE *f;
	char *text = calloc(1, 1 << 20);

	snprintf(path, sizeof(path), "%s/%s", getenv("CONFIG_DIR"), name);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return text;
}

static void test_files(void **state)
{
	static const char *const files[] = {"coyod.conf.sample", "transit.conf", "edge.conf",
	                                    "bench.conf"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char *text = slurp(files[i]);
		struct conf c;
		struct conf_errors e = {0};

		if (conf_parse(&c, files[i], text, strlen(text), NULL, &e))
			fail_msg("%s", e.text);
		assert_true(c.nlinks > 0);
		conf_free(&c);
		conf_errors_free(&e);
		free(text);
	}
}

/* Options that stand as comments with their defaults are right as well. */
static void test_sample_uncommented(void **state)
{
	char *text = slurp("coyod.conf.sample");
	struct conf c;
	struct conf_errors e = {0};

	(void)state;
	for (char *p = text; (p = strchr(p, '#')) != NULL; p++)
		if ((p == text || p[-1] == '\n') && ((p[1] >= 'a' && p[1] <= 'z') || p[1] == '['))
			*p = ' ';
	if (conf_parse(&c, "sample", text, strlen(text), NULL, &e))
		fail_msg("%s", e.text);
	conf_free(&c);
	conf_errors_free(&e);
	free(text);
}

static void test_documented(void **state)
{
	char *sample = slurp("coyod.conf.sample"), *manual = slurp("coyod.conf.5");

	(void)state;
	for (unsigned s = 0; s < CONF_SECTIONS; s++) {
		char section[32], plain[32];

		/* What not everybody wants stands as a comment. */
		snprintf(section, sizeof(section), "\n#[%s", conf_sections[s].name);
		snprintf(plain, sizeof(plain), "\n[%s", conf_sections[s].name);
		assert_true(strstr(sample, section) || strstr(sample, plain));
		snprintf(section, sizeof(section), ".SH \"[%s", conf_sections[s].name);
		assert_non_null(strstr(manual, section));
		for (uint32_t i = 0; i < conf_sections[s].noptions; i++) {
			char line[64], roff[96], *o = roff;

			snprintf(line, sizeof(line), "%s = ", conf_sections[s].options[i].key);
			if (!strstr(sample, line))
				fail_msg("the sample lacks %s", line);
			o += sprintf(o, ".B ");
			for (const char *k = conf_sections[s].options[i].key; *k; k++)
				o += sprintf(o, *k == '-' ? "\\-" : "%c", *k);
			sprintf(o, "\n");
			if (!strstr(manual, roff))
				fail_msg("the manual lacks %s", roff);
		}
	}
	free(sample);
	free(manual);
}

static void test_many_errors(void **state)
{
	size_t cap = 1 << 16, n = 0;
	char *text = malloc(cap);
	struct conf c;
	struct conf_errors e = {0};

	(void)state;
	for (int i = 0; i < 200; i++)
		n += (size_t)snprintf(text + n, cap - n, "bad line %d\n", i);
	assert_int_not_equal(conf_parse(&c, "t", text, n, NULL, &e), 0);
	assert_int_equal(e.count, 201);
	assert_non_null(strstr(e.text, "t:50: "));
	assert_null(strstr(e.text, "t:51: "));
	assert_non_null(strstr(e.text, "and 151 more errors"));
	conf_free(&c);
	conf_errors_free(&e);
	free(text);
}

static void test_long_line(void **state)
{
	char text[1100];
	struct conf c;
	struct conf_errors e = {0};

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, NODE, strlen(NODE));
	assert_int_not_equal(conf_parse(&c, "t", text, sizeof(text), NULL, &e), 0);
	assert_non_null(strstr(e.text, "t:3: the line is longer than 1024 bytes"));
	conf_errors_free(&e);
	conf_free(&c);
	memcpy(text, NODE "a\0b\n", strlen(NODE) + 4);
	assert_int_not_equal(conf_parse(&c, "t", text, strlen(NODE) + 4, NULL, &e), 0);
	assert_non_null(strstr(e.text, "t:3: the line holds a zero byte"));
	conf_errors_free(&e);
	conf_free(&c);
}

static void put_file(const char *path, const char *text, mode_t mode)
{
	FILE *f;

	unlink(path);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void key_case(const char *path, const char *expected)
{
	char text[400];
	struct conf c;
	struct conf_errors e = {0};
	struct identity me;
	int rc;

	snprintf(text, sizeof(text), "[node]\nkey = %s\n", path);
	assert_int_equal(conf_parse(&c, "t", text, strlen(text), NULL, &e), 0);
	rc = conf_key_load(&c, &me, &e);
	if (expected) {
		assert_int_not_equal(rc, 0);
		if (!strstr(e.text, expected) || strncmp(e.text, "t:2: key: ", 10) != 0)
			fail_msg("expected %s, got %s", expected, e.text);
	} else {
		assert_int_equal(rc, 0);
	}
	conf_errors_free(&e);
	conf_free(&c);
}

static void test_an_ephemeral_key_is_new_each_time(void **state)
{
	static const char text[] = "[node]\nkey = ephemeral\n";
	struct identity me[2];
	struct conf_errors e = {0};
	struct conf c;

	(void)state;
	assert_int_equal(conf_load_text(&c, "t", text, strlen(text), &e), 0);
	assert_true(conf_key_is_ephemeral(&c));
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(conf_key_load(&c, &me[i], &e), 0);
	assert_false(id_eq(&me[0].id, &me[1].id));
	assert_null(e.text);
	conf_free(&c);
}

static void test_key_file(void **state)
{
	char dir[] = "/tmp/coyo-test-XXXXXX", path[64], good[IDENTITY_TEXT_MAX];
	uint8_t seed[IDENTITY_SEED_BYTES] = {1};
	struct identity me;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/key", dir);
	assert_int_equal(identity_from_seed(&me, seed), 0);
	identity_to_text(&me, good);
	key_case(path, "does not exist; make it with: coyo keygen -o");
	put_file(path, good, 0600);
	key_case(path, NULL);
	put_file(path, good, 0640);
	key_case(path, "can be read by others (mode 0640)");
	put_file(path, "hello\n", 0600);
	key_case(path, "is not a key file");
	good[strlen(good) - 4] ^= 1;
	put_file(path, good, 0600);
	key_case(path, "is ");
	unlink(path);
	key_case(dir, "is not a file");
	rmdir(dir);
}

static void test_state_directory(void **state)
{
	static const char text[] = NODE "state = /nonexistent/coyo\n";
	struct conf c;
	struct conf_errors e = {0};

	(void)state;
	assert_int_equal(conf_parse(&c, "t", text, strlen(text), NULL, &e), 0);
	assert_int_not_equal(conf_state_check(&c, &e), 0);
	assert_non_null(strstr(e.text, "t:3: state: cannot use /nonexistent/coyo"));
	conf_errors_free(&e);
	conf_free(&c);
	assert_int_not_equal(conf_load(&c, "/nonexistent/coyod.conf", &e), 0);
	assert_non_null(strstr(e.text, "/nonexistent/coyod.conf: cannot read: No such file"));
	conf_errors_free(&e);
	conf_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_bad),
	        cmocka_unit_test(test_good),
	        cmocka_unit_test(test_several_remotes),
	        cmocka_unit_test(test_round_trip),
	        cmocka_unit_test(test_files),
	        cmocka_unit_test(test_sample_uncommented),
	        cmocka_unit_test(test_documented),
	        cmocka_unit_test(test_many_errors),
	        cmocka_unit_test(test_long_line),
	        cmocka_unit_test(test_key_file),
	        cmocka_unit_test(test_an_ephemeral_key_is_new_each_time),
	        cmocka_unit_test(test_state_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
