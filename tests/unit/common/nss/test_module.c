/* SPDX-License-Identifier: BSD-3-Clause */
/* What libc gets of the module: for names, ids and addresses, with buffers of every length and at every alignment, and with no daemon or a silent one.
 * Memory is as long as is said, so that the sanitizers see a step too far. */
#include "nss/module.h"

#include "ipc/appabi.h"
#include "names/ipv6.h"
#include "resolve/petnames.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ENOUGH 1024

static char home[64], path[96], text[ID_TEXT_LEN + 1], host[ID_HOST_LEN + 1];
static struct node_id id;
static uint8_t address[16];
static int err, herr;

static int make_home(void **state)
{
	char why[PETNAMES_WHY_MAX];

	snprintf(home, sizeof(home), "/tmp/coyo-test-XXXXXX");
	assert_non_null(mkdtemp(home));
	snprintf(path, sizeof(path), "%s/app.sock", home);
	setenv("HOME", home, 1);
	unsetenv("XDG_CONFIG_HOME");
	setenv(APP_SOCKET_ENV, path, 1);
	return petnames_add("nas.home", &id, why);
}

static int remove_home(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", home);
	return system(command);
}

/* One question by name, with a buffer of its own. The host, whose memory the caller frees, or NULL. */
static enum nss_status by_name(const char *name, int family, size_t buflen, size_t off,
                               struct hostent *h, char **memory)
{
	*memory = malloc(off + buflen + 1);
	err = herr = -1;
	return _nss_coyo_gethostbyname2_r(name, family, h, *memory + off, buflen, &err, &herr);
}

static void check_host(const struct hostent *h, const char *canon)
{
	assert_string_equal(h->h_name, canon);
	assert_int_equal(h->h_addrtype, AF_INET6);
	assert_int_equal(h->h_length, 16);
	assert_null(h->h_aliases[0]);
	assert_memory_equal(h->h_addr_list[0], address, 16);
	assert_null(h->h_addr_list[1]);
}

static void test_what_is_ours(void **state)
{
	static const char *const others[] = {
	        "",        ".",        "coyo", "localhost", "example.org", "nas.coyo.x",
	        "nascoyo", "10.0.0.1", "::1",  "xn--coyo",  "coyo.org",    "a.coyo.example"};
	struct hostent h;
	char *memory;

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		assert_int_equal(by_name(others[i], AF_INET6, ENOUGH, 0, &h, &memory),
		                 NSS_STATUS_UNAVAIL);
		assert_int_equal(herr, HOST_NOT_FOUND);
		free(memory);
	}
	/* Ours, and nobody's. */
	for (int i = 0; i < 3; i++) {
		static const char *const nobody[] = {"nobody.coyo", "a_b.coyo", ".coyo"};

		assert_int_equal(by_name(nobody[i], AF_INET6, ENOUGH, 0, &h, &memory),
		                 NSS_STATUS_NOTFOUND);
		assert_int_equal(herr, HOST_NOT_FOUND);
		free(memory);
	}
	assert_int_equal(by_name("nas.home.coyo", AF_INET, ENOUGH, 0, &h, &memory),
	                 NSS_STATUS_NOTFOUND);
	assert_int_equal(herr, NO_DATA);
	free(memory);
}

/* Programs that ask for IPv4 alone get none, by the one call that they know as by the others; the services behind are not asked. */
static void test_ipv4_alone(void **state)
{
	char buffer[ENOUGH];
	struct hostent h;

	assert_int_equal(
	        _nss_coyo_gethostbyname_r("nas.home.coyo", &h, buffer, ENOUGH, &err, &herr),
	        NSS_STATUS_NOTFOUND);
	assert_int_equal(herr, NO_DATA);
	assert_int_equal(_nss_coyo_gethostbyname_r("example.org", &h, buffer, ENOUGH, &err, &herr),
	                 NSS_STATUS_UNAVAIL);
}

/* A name of DNS that happens to be as long as an id is DNS's. What can only be an id, and is none, is nobody's. */
static void test_as_long_as_an_id(void **state)
{
	char name[ID_TEXT_LEN + 4], buffer[ENOUGH];
	struct hostent h;

	snprintf(name, sizeof(name), "%.50s.%.45s.%.10s.com", text, text, text);
	assert_int_equal(
	        _nss_coyo_gethostbyname2_r(name, AF_INET6, &h, buffer, ENOUGH, &err, &herr),
	        NSS_STATUS_UNAVAIL);
	snprintf(name, sizeof(name), "%s.", text);
	assert_int_equal(
	        _nss_coyo_gethostbyname2_r(name, AF_INET6, &h, buffer, ENOUGH, &err, &herr),
	        NSS_STATUS_SUCCESS);
	name[3] = name[3] == 'a' ? 'b' : 'a';
	assert_int_equal(
	        _nss_coyo_gethostbyname2_r(name, AF_INET6, &h, buffer, ENOUGH, &err, &herr),
	        NSS_STATUS_NOTFOUND);
}

/* What is not ours is told without a system call: a child that may only write and end is not killed for it. */
static void test_no_system_call(void **state)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		char buffer[ENOUGH];
		struct gaih_addrtuple *pat = NULL;
		struct hostent h;

		for (int shut = 0; shut < 2; shut++) {
			(void)_nss_coyo_gethostbyname4_r("example.org", &pat, buffer, ENOUGH, &err,
			                                 &herr, NULL);
			(void)_nss_coyo_gethostbyname2_r("localhost", AF_INET6, &h, buffer, ENOUGH,
			                                 &err, &herr);
			(void)_nss_coyo_gethostbyaddr_r("\x20\1\xd\xb8............", 16, AF_INET6,
			                                &h, buffer, ENOUGH, &err, &herr);
			if (!shut && prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
				break;
		}
		syscall(SYS_exit, 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_names_and_ids(void **state)
{
	const char *const asked[][2] = {{"nas.home.coyo", "nas.home.coyo"},
	                                {"NAS.Home.COYO.", "nas.home.coyo"},
	                                {text, host},
	                                {host, host}};
	struct hostent h;
	char *memory;

	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		struct gaih_addrtuple given = {0}, *pat = &given, *made = NULL;
		char *buffer = malloc(ENOUGH), *canon = NULL;
		int32_t ttl = 7;

		assert_int_equal(by_name(asked[i][0], AF_INET6, ENOUGH, 0, &h, &memory),
		                 NSS_STATUS_SUCCESS);
		check_host(&h, asked[i][1]);
		free(memory);
		assert_int_equal(_nss_coyo_gethostbyname3_r(asked[i][0], AF_INET6, &h, buffer,
		                                            ENOUGH, &err, &herr, &ttl, &canon),
		                 NSS_STATUS_SUCCESS);
		check_host(&h, asked[i][1]);
		assert_string_equal(canon, asked[i][1]);
		assert_int_equal(ttl, 0);
		/* Into the caller's tuple, and into one of the buffer. */
		assert_int_equal(_nss_coyo_gethostbyname4_r(asked[i][0], &pat, buffer, ENOUGH, &err,
		                                            &herr, NULL),
		                 NSS_STATUS_SUCCESS);
		assert_ptr_equal(pat, &given);
		assert_string_equal(given.name, asked[i][1]);
		assert_int_equal(_nss_coyo_gethostbyname4_r(asked[i][0], &made, buffer, ENOUGH,
		                                            &err, &herr, NULL),
		                 NSS_STATUS_SUCCESS);
		assert_true((char *)made >= buffer && (char *)made < buffer + ENOUGH);
		assert_memory_equal(made->addr, address, 16);
		assert_int_equal(made->family, AF_INET6);
		assert_null(made->next);
		free(buffer);
	}
}

/* Every length up to what is enough, at every alignment: too little is said, and enough is enough. */
static void test_buffers(void **state)
{
	for (size_t off = 0; off < 17; off++) {
		bool had = false;

		for (size_t n = 0; n < 256; n++) {
			struct hostent h, back;
			char *memory, *more = malloc(off + n + 1);
			enum nss_status s = by_name("nas.home.coyo", AF_INET6, n, off, &h, &memory);
			struct gaih_addrtuple *pat = NULL;

			assert_true(!had || s == NSS_STATUS_SUCCESS);
			if (s == NSS_STATUS_SUCCESS) {
				check_host(&h, "nas.home.coyo");
				had = true;
			} else {
				assert_true(s == NSS_STATUS_TRYAGAIN && err == ERANGE &&
				            herr == NETDB_INTERNAL);
			}
			s = _nss_coyo_gethostbyname4_r("nas.home.coyo", &pat, more + off, n, &err,
			                               &herr, NULL);
			assert_true(s == NSS_STATUS_SUCCESS ||
			            (s == NSS_STATUS_TRYAGAIN && err == ERANGE));
			s = _nss_coyo_gethostbyaddr_r(address, 16, AF_INET6, &back, more + off, n,
			                              &err, &herr);
			assert_int_equal(s, had ? NSS_STATUS_SUCCESS : NSS_STATUS_TRYAGAIN);
			if (had)
				check_host(&back, "nas.home.coyo");
			free(memory);
			free(more);
		}
		assert_true(had);
	}
}

static void test_addresses(void **state)
{
	struct hostent h;
	char buffer[ENOUGH];
	uint8_t other[16];

	memcpy(other, address, 16);
	other[15] ^= 1;
	/* Others may use the prefix, too: who comes behind is asked. */
	assert_int_equal(
	        _nss_coyo_gethostbyaddr_r(other, 16, AF_INET6, &h, buffer, ENOUGH, &err, &herr),
	        NSS_STATUS_UNAVAIL);
	other[15] ^= 1;
	other[0] = 0x20;
	assert_int_equal(
	        _nss_coyo_gethostbyaddr_r(other, 16, AF_INET6, &h, buffer, ENOUGH, &err, &herr),
	        NSS_STATUS_UNAVAIL);
	assert_int_equal(
	        _nss_coyo_gethostbyaddr_r(address, 4, AF_INET, &h, buffer, ENOUGH, &err, &herr),
	        NSS_STATUS_UNAVAIL);
	assert_int_equal(
	        _nss_coyo_gethostbyaddr_r(address, 8, AF_INET6, &h, buffer, ENOUGH, &err, &herr),
	        NSS_STATUS_UNAVAIL);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A daemon that has been stopped: the question ends after its time, once, and the next one is as good as before. */
static void test_silent_daemon(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int server = socket(AF_UNIX, SOCK_STREAM, 0);
	struct hostent h;
	char *memory;
	int64_t began = now_ms();

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	assert_int_equal(bind(server, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(server, 4), 0);
	assert_int_equal(by_name("nobody.coyo", AF_INET6, ENOUGH, 0, &h, &memory),
	                 NSS_STATUS_NOTFOUND);
	assert_true(now_ms() - began >= NSS_WAIT_MS);
	free(memory);
	assert_int_equal(by_name("nas.home.coyo", AF_INET6, ENOUGH, 0, &h, &memory),
	                 NSS_STATUS_SUCCESS);
	free(memory);
	close(server);
}

static void *many(void *arg)
{
	for (int i = 0; i < 200; i++) {
		char buffer[ENOUGH];
		struct hostent h;
		int e, he;

		if (_nss_coyo_gethostbyname2_r("nas.home.coyo", AF_INET6, &h, buffer, ENOUGH, &e,
		                               &he) != NSS_STATUS_SUCCESS ||
		    memcmp(h.h_addr_list[0], address, 16) != 0)
			return arg;
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t t[4];
	void *failed;

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, many, t), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(t[i], &failed), 0);
		assert_null(failed);
	}
}

int main(void)
{
#define AT_HOME(test) cmocka_unit_test_setup_teardown(test, make_home, remove_home)
	const struct CMUnitTest tests[] = {
	        AT_HOME(test_what_is_ours),     AT_HOME(test_ipv4_alone),
	        AT_HOME(test_as_long_as_an_id), AT_HOME(test_no_system_call),
	        AT_HOME(test_names_and_ids),    AT_HOME(test_buffers),
	        AT_HOME(test_addresses),        AT_HOME(test_silent_daemon),
	        AT_HOME(test_threads),
	};

	for (unsigned i = 0; i < ID_BYTES; i++)
		id.b[i] = (uint8_t)(i * 7 + 1);
	id_to_text(&id, text);
	id_to_host(&id, host);
	ip6_of_id(&id, NAMES_IPV6_PREFIX, address);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
